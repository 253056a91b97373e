"""OpenAI's Images API as a contract: every documented value, good and bad, and the words of each refusal."""

from __future__ import annotations

import pytest

from imageproof.specs.check import check_selector
from imageproof.specs.facts import How
from imageproof.specs.library import load
from imageproof.specs.model import Does
from imageproof.specs.template import fill
from tests.specs.judging import Body, Case, broken, case, each, picture, rule_of

GENERATE = "openai/generate/gpt-image-2"
EDIT = "openai/edit/gpt-image-2"
OLDER = "openai/generate/gpt-image-1.5"
OLDER_EDIT = "openai/edit/gpt-image-1.5"
NULLABLE = (
    "n", "size", "quality", "output_format", "output_compression", "background", "moderation", "stream",
    "partial_images",
)  # fmt: skip
SIZES = (
    "auto", "1024x1024", "1536x1024", "1024x1536", "1824x1024", "2048x2048", "3840x2160", "2160x3840",
    "1536x512", "512x1536", "1024x640", "640x1024",
)  # fmt: skip
VALID: list[Case] = [
    *each(GENERATE, "size", SIZES),
    *each(OLDER, "size", ("auto", "1024x1024", "1536x1024", "1024x1536")),
    *each(GENERATE, "quality", ("auto", "low", "medium", "high")),
    *each(OLDER, "quality", ("auto", "low", "medium", "high")),
    *each(GENERATE, "n", (1, 2, 10, 4.0)),
    *each(GENERATE, "output_format", ("png", "jpeg", "webp")),
    case(GENERATE, {"output_format": "jpeg", "output_compression": 0}),
    case(GENERATE, {"output_format": "jpeg", "output_compression": 100}),
    case(GENERATE, {"output_format": "webp", "output_compression": 50}),
    *each(GENERATE, "background", ("auto", "opaque", "transparent")),
    case(GENERATE, {"background": "transparent", "output_format": "png"}),
    case(GENERATE, {"background": "transparent", "output_format": "webp"}),
    case(GENERATE, {"background": "opaque", "output_format": "jpeg"}),
    *each(GENERATE, "moderation", ("auto", "low")),
    *each(GENERATE, "stream", (True, False)),
    *each(GENERATE, "partial_images", range(4)),
    case(GENERATE, {"user": "someone"}),
    *(case(GENERATE, {name: None}) for name in NULLABLE),
    case(GENERATE, {"output_format": None, "background": "transparent"}),
    case(GENERATE, {"output_compression": None, "output_format": "png"}),
    case(GENERATE, {"prompt": "x"}),
    case(GENERATE, {"prompt": "\N{FOX FACE}" * 32_000}),
]
INVALID: list[Case] = [
    case(GENERATE, {"prompt": ""}, "prompt/length"),
    case(GENERATE, {"prompt": "x" * 32_001}, "prompt/length"),
    *each(GENERATE, "prompt", (None, ["a red fox"]), "prompt/type"),
    *each(GENERATE, "n", (0, 11, -1), "n/range"),
    *each(GENERATE, "n", ("1", 1.5, True, []), "n/type"),
    *each(GENERATE, "size", ("9:16", "large", "", "1024", "1024X1024"), "size/size-text"),
    *each(GENERATE, "size", ("1792x936", "1000x1000"), "size/edge-multiple"),
    *each(GENERATE, "size", ("4096x2048", "4096x4096"), "size/edge-limit", "size/pixel-budget"),
    case(GENERATE, {"size": "3856x2048"}, "size/edge-limit"),
    case(GENERATE, {"size": "3840x1264"}, "size/aspect"),
    *each(GENERATE, "size", ("576x1024", "1008x640", "3840x2176"), "size/pixel-budget"),
    case(GENERATE, {"size": 1024}, "size/type"),
    *each(OLDER, "size", ("2048x2048", "1000x1000", "large"), "size/one-of"),
    *each(GENERATE, "quality", ("standard", "hd", "HIGH", ""), "quality/one-of"),
    *each(GENERATE, "output_format", ("gif", "jpg", "PNG"), "output_format/one-of"),
    case(GENERATE, {"output_format": "jpeg", "output_compression": -1}, "output_compression/range"),
    case(GENERATE, {"output_format": "jpeg", "output_compression": 101}, "output_compression/range"),
    case(GENERATE, {"output_compression": 80}, "compression-needs-lossy"),
    case(GENERATE, {"output_compression": 80, "output_format": "png"}, "compression-needs-lossy"),
    case(GENERATE, {"background": "white"}, "background/one-of"),
    case(GENERATE, {"background": "transparent", "output_format": "jpeg"}, "transparent-needs-alpha"),
    case(GENERATE, {"moderation": "high"}, "moderation/one-of"),
    *each(GENERATE, "stream", ("true", 1), "stream/type"),
    *each(GENERATE, "partial_images", (-1, 4), "partial_images/range"),
    case(GENERATE, {"user": 7}, "user/type"),
    *each(GENERATE, "response_format", ("url", "b64_json", None), "response_format/forbidden"),
    case(OLDER, {"response_format": "url"}, "response_format/forbidden"),
    case(GENERATE, {"style": "vivid"}, "style/forbidden"),
    case(OLDER, {"style": "vivid"}, "style/forbidden"),
    case(GENERATE, {"input_fidelity": "high"}, "input_fidelity/forbidden"),
    case(OLDER, {"input_fidelity": "high"}, "unknown-fields"),
    case(GENERATE, {"seed": 1}, "unknown-fields"),
    case(GENERATE, {"n": 0, "size": "9:16", "seed": 1}, "n/range", "size/size-text", "unknown-fields"),
]


@pytest.mark.parametrize(("shape", "body", "rules"), [*VALID, *INVALID])
def test_a_body_breaks_these_rules_and_no_others(shape: str, body: Body, rules: list[str]) -> None:
    assert broken(shape, {"prompt": "a red fox", **body}) == rules


def test_only_the_prompt_is_needed_to_generate() -> None:
    assert broken(GENERATE, {"prompt": "a red fox"}) == []
    assert broken(GENERATE, {}) == ["prompt/required"]


EDITS: list[Case] = [
    case(EDIT, {}),
    case(EDIT, {"image": [picture(file_format=name) for name in ("png", "jpeg", "webp")]}),
    case(EDIT, {"image": [picture()] * 16}),
    case(EDIT, {"image": [picture()] * 17}, "image/items"),
    case(EDIT, {"image": []}, "image/items"),
    case(EDIT, {"image": "not a file"}, "image/type"),
    case(EDIT, {"image": [picture(file_format="gif")]}, "image/file-format"),
    case(EDIT, {"image": [picture(size=49_999_999)]}),
    case(EDIT, {"image": [picture(), picture(size=50_000_000)]}, "image/file-bytes"),
    case(EDIT, {"mask": picture(alpha=True, size=3_999_999)}),
    case(EDIT, {"mask": picture(alpha=True, size=4_000_000)}, "mask/file-bytes"),
    case(EDIT, {"mask": picture(file_format="webp", alpha=True)}, "mask/file-format"),
    case(EDIT, {"mask": picture(width=512)}, "mask/same-as"),
    case(EDIT, {"mask": picture(), "image": [picture(file_format="jpeg"), picture(width=512)]}),
    case(EDIT, {"input_fidelity": "high"}, "input_fidelity/forbidden"),
    *each(OLDER_EDIT, "input_fidelity", ("low", "high", None)),
    case(OLDER_EDIT, {"input_fidelity": "medium"}, "input_fidelity/one-of"),
    case(EDIT, {"moderation": "low"}, "unknown-fields"),
    case(EDIT, {"size": "2048x1152", "n": 3, "stream": True, "partial_images": 1, "user": "someone"}),
    case(EDIT, {"size": "1000x1000"}, "size/edge-multiple"),
]


@pytest.mark.parametrize(("shape", "body", "rules"), EDITS)
def test_an_edit_is_judged_with_its_files(shape: str, body: Body, rules: list[str]) -> None:
    assert broken(shape, {"prompt": "a red fox", "image": [picture()], **body}) == rules


def test_an_edit_needs_an_image_and_a_prompt() -> None:
    assert broken(EDIT, {}) == ["prompt/required", "image/required"]


def test_both_names_of_the_part_mean_the_same_field() -> None:
    field = load("openai").models["gpt-image-2"].shapes["edit"].fields["image"]
    assert (field.type, field.names) == ("files", ("image", "image[]"))


WORDS = [
    ("size/edge-limit", "4096x4096", "The longest edge must be less than or equal to 3840."),
    ("size/edge-multiple", "1792x936", "Width and height must both be divisible by 16."),
    ("size/pixel-budget", "576x1024", "Requested resolution is below the current minimum pixel budget."),
    ("size/size-text", "9:16", "Expected WIDTHxHEIGHT, for example '1824x1024'."),
]


@pytest.mark.parametrize("shape", [GENERATE, EDIT])
@pytest.mark.parametrize(("rule", "size", "words"), WORDS)
def test_a_wrong_size_is_refused_in_the_published_words(shape: str, rule: str, size: str, words: str) -> None:
    found = rule_of(f"{shape}/{rule}")
    files: Body = {"image": [picture()]} if shape == EDIT else {}
    assert broken(shape, {"prompt": "a red fox", "size": size, **files})[0] == rule  # the first one is answered
    assert fill(found.message or "", {"value": size}) == f"Invalid size '{size}'. {words}"
    assert (found.error, found.source.tag) == ("invalid_param", "O3")


ANSWERS = [
    ("invalid_param", 400, "image_generation_user_error", "invalid_value", "size"),
    ("unknown_param", 400, "invalid_request_error", "unknown_parameter", "size"),
    ("unsupported_fidelity", 400, "invalid_request_error", "invalid_input_fidelity_model", "size"),
    ("invalid_image", 400, "invalid_request_error", "invalid_image_file", "size"),
    ("moderated_input", 400, "image_generation_user_error", "moderation_blocked", None),
    ("auth_invalid", 401, "invalid_request_error", "invalid_api_key", None),
    ("rate_limited", 429, "requests", "rate_limit_exceeded", None),
    ("insufficient_funds", 429, "insufficient_quota", "insufficient_quota", None),
    ("billing_limit", 400, "image_generation_user_error", "billing_hard_limit_reached", None),
    ("spend_limit", 400, "image_generation_user_error", "project_spend_limit_exceeded", None),
]


@pytest.mark.parametrize(("name", "status", "kind", "code", "param"), ANSWERS)
def test_a_refusal_has_its_status_type_and_code(
    name: str, status: int, kind: str, code: str, param: str | None
) -> None:
    answer = load("openai").errors[name]
    filled = fill(answer.param, {"field": "size"}) if answer.param is not None else None
    assert (answer.status, answer.type, answer.code, filled) == (status, kind, code, param)


@pytest.mark.parametrize(
    ("rule", "error", "words"),
    [
        ("response_format/forbidden", "unknown_param", "Unknown parameter: 'x'."),
        ("style/forbidden", "unknown_param", "Unknown parameter: 'x'."),
        ("unknown-fields", "unknown_param", "Unknown parameter: 'x'."),
        ("input_fidelity/forbidden", "unsupported_fidelity", "The model 'm' does not support the 'x' parameter."),
    ],
)
def test_a_refused_field_has_its_own_error(rule: str, error: str, words: str) -> None:
    assert rule_of(f"{GENERATE}/{rule}").error == error
    assert fill(load("openai").errors[error].message, {"field": "x", "model": "m"}) == words


def test_a_refusal_for_its_content_says_at_which_stage() -> None:
    envelope = load("openai").errors["moderated_output"].envelope
    assert envelope is not None
    assert envelope.plain({"message": "told", "type": "kind", "code": "c"}) == {
        "error": {
            "message": "told", "type": "kind", "param": None, "code": "c",
            "moderation_details": {"moderation_stage": "output", "categories": ["other"]},
        }
    }  # fmt: skip


USAGE: dict[str, object] = {
    "usage.input_tokens": 17, "usage.text_tokens": 17, "usage.image_tokens": 0, "usage.output_tokens": 296,
    "usage.total_tokens": 313,
}  # fmt: skip
ASKED: dict[str, object] = {
    "request.quality": "low", "request.background": "opaque", "request.output_format": "png", "image.size": "1024x1024",
}  # fmt: skip


@pytest.mark.parametrize(("does", "name"), [(Does.GENERATE, "image_generation"), (Does.EDIT, "image_edit")])
def test_a_stream_sends_the_published_events(does: Does, name: str) -> None:
    operation = load("openai").operation_for(does)
    assert operation is not None
    stream = operation.stream
    assert stream is not None
    assert (stream.switch, stream.partials) == ("stream", "partial_images")
    assert (stream.partial_event, stream.completed_event) == (f"{name}.partial_image", f"{name}.completed")
    sent = {**ASKED, **USAGE, "image.base64": "aGk=", "now": 1776832410, "partial.index": 0}
    common = {
        "b64_json": "aGk=", "created_at": 1776832410, "size": "1024x1024", "quality": "low", "background": "opaque",
        "output_format": "png",
    }  # fmt: skip
    assert stream.partial.plain(sent) == {**common, "type": stream.partial_event, "partial_image_index": 0}
    assert stream.completed.plain(sent) == {
        **common,
        "type": stream.completed_event,
        "usage": {
            "total_tokens": 313, "input_tokens": 17, "output_tokens": 296,
            "input_tokens_details": {"text_tokens": 17, "image_tokens": 0},
        },
    }  # fmt: skip


def test_an_answer_repeats_what_was_asked_and_counts_tokens() -> None:
    operation = load("openai").operation_for(Does.GENERATE)
    assert operation is not None
    assert operation.answer.body is not None
    images = [{"image.base64": "MQ=="}, {"image.base64": "Mg=="}]
    assert operation.answer.body.plain({**ASKED, **USAGE, "now": 1776832476, "images": images}) == {
        "created": 1776832476,
        "background": "opaque",
        "data": [{"b64_json": "MQ=="}, {"b64_json": "Mg=="}],
        "output_format": "png",
        "quality": "low",
        "size": "1024x1024",
        "usage": {
            "input_tokens": 17, "input_tokens_details": {"image_tokens": 0, "text_tokens": 17},
            "output_tokens": 296, "output_tokens_details": {"image_tokens": 296, "text_tokens": 0},
            "total_tokens": 313,
        },
    }  # fmt: skip


def test_the_model_may_be_left_out_and_must_be_known() -> None:
    selector = load("openai").selector
    assert (check_selector(selector, {}), selector.default) == ([], "gpt-image-2")
    for wrong, rule in (("dall-e-3", "one-of"), (2, "type")):
        found = [violation.rule.id for violation in check_selector(selector, {"model": wrong})]
        assert found == [f"openai/any/any/model/{rule}"]


def test_nothing_is_known_from_a_page_of_its_own() -> None:
    assert {page.kind for page in load("openai").sources.values()} == {How.PUBLIC}
    assert {rule.source.how for rule in load("openai").rules} == {How.PUBLIC, How.DERIVED, How.ASSUMED}


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("openai/edit/gpt-image-2/mask/file-bytes", "less than 50 MB"),
        ("openai/defaults/edit/gpt-image-2/size", "1024x1024 on edits"),
        ("openai/defaults/any/any/model", "gpt-image-1.5 on edits"),
    ],
)
def test_where_pages_contradict_each_other_both_are_told(rule: str, says: str) -> None:
    assert says in [other.says for other in rule_of(rule).contradicts]


def test_operations_headers_and_limits() -> None:
    spec = load("openai")
    assert {(item.method, item.path, item.content) for item in spec.operations.values()} == {
        ("POST", "/v1/images/generations", "json"),
        ("POST", "/v1/images/edits", "multipart"),
        ("GET", "/v1/models", "none"),
    }
    assert spec.request_id_header == "x-request-id"
    assert {name for limit in spec.limits.values() for name in limit.headers} == {
        "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests",
    }  # fmt: skip
