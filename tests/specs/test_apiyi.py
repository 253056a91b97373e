"""APIYI as a contract: what it shares with OpenAI, what it says differently, and its reverse-engineered channel."""

from __future__ import annotations

from pathlib import Path

import pytest

from imageproof.specs.check import check_selector
from imageproof.specs.facts import How, Level
from imageproof.specs.library import load
from imageproof.specs.model import Does
from imageproof.specs.outcome import duration_of
from imageproof.specs.template import fill
from tests.specs.judging import Body, Case, broken, case, each, picture, rule_of

GENERATE = "apiyi/generate/gpt-image-2"
EDIT = "apiyi/edit/gpt-image-2"
ALL = "apiyi/generate/gpt-image-2-all"
ALL_EDIT = "apiyi/edit/gpt-image-2-all"
PRESETS = ("auto", "1024x1024", "1536x1024", "1024x1536", "2048x2048", "2048x1152", "3840x2160", "2160x3840")
VALID: list[Case] = [
    *each(GENERATE, "size", (*PRESETS, "1600x1200", "1792x1024", "2048x1536")),
    *each(GENERATE, "quality", ("auto", "low", "medium", "high")),
    case(GENERATE, {"n": 1}),
    *each(GENERATE, "output_format", ("png", "jpeg", "webp")),
    case(GENERATE, {"output_format": "jpeg", "output_compression": 85}),
    *each(GENERATE, "background", ("auto", "opaque")),
    *each(GENERATE, "moderation", ("auto", "low")),
    case(GENERATE, {"stream": True, "partial_images": 3}),
    *each(ALL, "response_format", ("b64_json", "url")),
    *each(ALL, "size", ("1x1", "16:9", 5, None, ["anything"])),
    case(ALL, {"seed": 1}),
]
INVALID: list[Case] = [
    case(GENERATE, {"prompt": "x" * 32_001}, "prompt/length"),
    *each(GENERATE, "size", ("1000x1000", "3200x1800"), "size/edge-multiple"),
    case(GENERATE, {"size": "4000x4000"}, "size/edge-limit", "size/pixel-budget"),
    case(GENERATE, {"size": "3840x1000"}, "size/edge-multiple", "size/aspect"),
    case(GENERATE, {"size": "16:9"}, "size/size-text"),
    *each(GENERATE, "quality", ("standard", "hd"), "quality/one-of"),
    *each(GENERATE, "n", (0, 2, 10), "n/one-of"),
    case(GENERATE, {"output_format": "gif"}, "output_format/one-of"),
    case(GENERATE, {"output_compression": 85}, "compression-needs-lossy"),
    case(GENERATE, {"output_compression": 101, "output_format": "webp"}, "output_compression/range"),
    case(GENERATE, {"background": "transparent"}, "background/refused"),
    case(GENERATE, {"background": "transparent", "output_format": "jpeg"}, "background/refused"),
    case(GENERATE, {"background": "white"}, "background/one-of"),
    case(GENERATE, {"moderation": "high"}, "moderation/one-of"),
    case(GENERATE, {"partial_images": 4}, "partial_images/range"),
    case(GENERATE, {"input_fidelity": "high"}, "input_fidelity/forbidden"),
    case(GENERATE, {"response_format": "b64_json"}, "response_format/forbidden"),
    case(GENERATE, {"seed": 1}, "unknown-fields"),
    case(ALL, {"response_format": "base64"}, "response_format/one-of"),
    case(ALL, {"n": 1}, "n/forbidden"),
    case(ALL, {"quality": "low"}, "quality/forbidden"),
    case(ALL, {"aspect_ratio": "16:9"}, "aspect_ratio/forbidden"),
]


@pytest.mark.parametrize(("shape", "body", "rules"), [*VALID, *INVALID])
def test_a_body_breaks_these_rules_and_no_others(shape: str, body: Body, rules: list[str]) -> None:
    assert broken(shape, {"prompt": "a red fox", **body}) == rules


@pytest.mark.parametrize("shape", [GENERATE, ALL])
def test_only_prompt_and_model_are_needed_to_generate(shape: str) -> None:
    assert broken(shape, {"prompt": "a red fox"}) == []
    assert broken(shape, {}) == ["prompt/required"]


MASK = picture(alpha=True)
WEBP_MASK = picture(file_format="webp", alpha=True)
EDITS: list[Case] = [
    *each(EDIT, "image", ([picture(file_format=name)] for name in ("png", "jpeg", "webp"))),
    case(EDIT, {"image": [picture()] * 5}),
    case(EDIT, {"image": [picture()] * 6}, "image/items"),
    case(EDIT, {"image": [picture(file_format="gif")]}, "image/file-format"),
    case(EDIT, {"image": [picture(size=50_000_000)]}, "image/file-bytes"),
    case(EDIT, {"mask": MASK}),
    case(EDIT, {"mask": MASK, "image": [picture(), picture(width=512)]}),
    case(EDIT, {"mask": MASK, "image": [picture(width=512), picture()]}, "mask/same-as"),
    case(EDIT, {"mask": picture(height=1536, alpha=True)}, "mask/same-as"),
    case(EDIT, {"mask": WEBP_MASK}, "mask/same-as"),
    case(EDIT, {"mask": WEBP_MASK, "image": [picture(file_format="webp")]}),
    case(EDIT, {"mask": picture()}, "mask/file-alpha"),
    case(EDIT, {"mask": picture(alpha=True, size=50_000_000)}),
    case(EDIT, {"mask": picture(alpha=True, size=50_000_001)}, "mask/file-bytes"),
    case(EDIT, {"input_fidelity": "high"}, "input_fidelity/forbidden"),
    case(EDIT, {"background": "transparent"}, "background/refused"),
    case(EDIT, {"size": "2048x1152", "quality": "high", "output_format": "webp", "output_compression": 5}),
    case(ALL_EDIT, {"image": [picture()] * 5, "response_format": "url"}),
    case(ALL_EDIT, {"quality": "low"}, "quality/forbidden"),
]


@pytest.mark.parametrize(("shape", "body", "rules"), EDITS)
def test_an_edit_is_judged_with_its_files(shape: str, body: Body, rules: list[str]) -> None:
    assert broken(shape, {"prompt": "a red fox", "image": [picture()], **body}) == rules


@pytest.mark.parametrize("shape", [EDIT, ALL_EDIT])
def test_an_edit_needs_an_image_and_a_prompt(shape: str) -> None:
    assert broken(shape, {}) == ["prompt/required", "image/required"]


def test_the_model_must_be_named() -> None:
    selector = load("apiyi").selector
    assert selector.default is None
    cases: list[tuple[Body, str]] = [({}, "required"), ({"model": "gpt-image-1.5"}, "one-of")]
    for body, rule in cases:
        assert [found.rule.id for found in check_selector(selector, body)] == [f"apiyi/any/any/model/{rule}"]


SHARED = (
    "size/size-text", "size/edge-multiple", "size/edge-limit", "size/aspect", "size/pixel-budget",
    "output_format/one-of", "background/one-of", "input_fidelity/forbidden", "response_format/forbidden",
    "unknown-fields",
)  # fmt: skip
OWN = ("n/one-of", "background/refused", "quality/one-of", "prompt/length")


@pytest.mark.parametrize("name", SHARED)
def test_what_is_the_same_is_written_once(name: str) -> None:
    ours, theirs = (rule_of(f"{spec}/generate/gpt-image-2/{name}") for spec in ("apiyi", "openai"))
    assert (ours.kind, ours.message, ours.error) == (theirs.kind, theirs.message, theirs.error)
    assert ours.mark == theirs.mark
    assert Path(ours.mark.file).name == "openai.yaml"


@pytest.mark.parametrize("name", OWN)
def test_what_differs_is_written_here(name: str) -> None:
    assert Path(rule_of(f"{GENERATE}/{name}").mark.file).name == "apiyi.yaml"


def test_the_rules_of_openai_that_do_not_hold_here_are_gone() -> None:
    ids = {rule.id for rule in load("apiyi").rules}
    gone = ("n/range", "transparent-needs-alpha")
    assert {f"{GENERATE}/{name}" for name in gone} & ids == set()
    assert {f"openai/generate/gpt-image-2/{name}" for name in gone} <= {rule.id for rule in load("openai").rules}
    assert f"{EDIT}/mask/file-format" not in ids


@pytest.mark.parametrize(
    ("rule", "how", "tag"),
    [
        (f"{GENERATE}/size/edge-multiple", How.DOCUMENTED, "page"),
        (f"{GENERATE}/background/refused", How.DOCUMENTED, "page"),
        (f"{EDIT}/image/items", How.DOCUMENTED, "page"),
        (f"{EDIT}/mask/same-as", How.DOCUMENTED, "page"),
        (f"{GENERATE}/output_compression/range", How.PUBLIC, "Y1"),
        (f"{GENERATE}/partial_images/range", How.PUBLIC, "O1"),
        (f"{GENERATE}/prompt/length", How.ASSUMED, None),
        (f"{ALL}/n/forbidden", How.PUBLIC, "Y4"),
        ("apiyi/answers/generate/gpt-image-2-all/unknown-fields", How.ASSUMED, None),
        ("apiyi/defaults/generate/gpt-image-2/quality", How.PUBLIC, "Y1"),
        ("apiyi/auth/key", How.PUBLIC, "Y1"),
        ("apiyi/price/gpt-image-2/tokens", How.PUBLIC, "Y1"),
        ("apiyi/price/gpt-image-2/partial-tokens", How.DOCUMENTED, "page"),
    ],
)
def test_each_rule_says_how_it_is_known(rule: str, how: How, tag: str | None) -> None:
    assert (rule_of(rule).source.how, rule_of(rule).source.tag) == (how, tag)


@pytest.mark.parametrize(
    ("rule", "tag", "says"),
    [
        (f"{GENERATE}/size/edge-multiple", "page", "3200x1800"),
        (f"{GENERATE}/background/refused", "Y3", "transparent works"),
        (f"{GENERATE}/n/one-of", "O1", "1 to 10"),
        (f"{EDIT}/image/items", "Y3", "16"),
        (f"{EDIT}/mask/file-bytes", "Y3", "4 MB"),
        ("apiyi/errors/moderated_input/status", "page", "403"),
        ("apiyi/errors/moderated_input/status", "Y2", "451"),
        ("apiyi/images/gpt-image-2-all", "Y4", "raw base64"),
        ("apiyi/timing/gpt-image-2/quality=high", "page", "120 s"),
        ("apiyi/timing/gpt-image-2-all/always", "page", "30 s"),
        ("apiyi/limits/generate", "page", "no limit"),
        ("apiyi/price/gpt-image-2/reference-tokens", "Y1", "832"),
        ("apiyi/advice/timeout", "Y2", "600 s"),
    ],
)
def test_where_pages_contradict_each_other_both_are_told(rule: str, tag: str, says: str) -> None:
    told = [other.says for other in rule_of(rule).contradicts if other.source.tag == tag]
    assert [says in words for words in told].count(True) == 1


ANSWERS = [
    ("auth_invalid", 401, "shell_api_error", "invalid_api_key"),
    ("transparent_refused", 400, "invalid_request_error", "invalid_value"),
    ("unsupported_fidelity", 400, "invalid_request_error", "invalid_input_fidelity_model"),
    ("unknown_param", 400, "invalid_request_error", "unknown_parameter"),
    ("invalid_image", 400, "shell_api_error", "invalid_image_file"),
    ("moderated_input", 400, "shell_api_error", "moderation_blocked"),
    ("moderated_output", 400, "shell_api_error", "moderation_blocked"),
    ("moderated_all", 500, "shell_api_error", None),
    ("insufficient_funds", 429, "shell_api_error", "insufficient_user_quota"),
    ("rate_limited", 429, "shell_api_error", "rate_limit_exceeded"),
    ("upstream_failed", 502, "shell_api_error", "bad_response_status_code"),
]


@pytest.mark.parametrize(("name", "status", "kind", "code"), ANSWERS)
def test_a_refusal_has_its_status_type_and_code(name: str, status: int, kind: str, code: str | None) -> None:
    answer = load("apiyi").errors[name]
    assert (answer.status, answer.type, answer.code) == (status, kind, code)


def test_a_transparent_background_has_an_error_of_its_own() -> None:
    assert rule_of(f"{GENERATE}/background/refused").error == "transparent_refused"
    assert fill(load("apiyi").errors["transparent_refused"].param or "", {"field": "background"}) == "background"


def test_the_gateway_adds_fields_to_the_bodies_of_its_own_errors() -> None:
    errors = load("apiyi").errors
    told = {"message": "told", "type": "shell_api_error", "code": "c"}
    bodies: dict[str, object] = {
        "moderated_input": {"status_code": 400, "error": told},
        "moderated_output": {"status_code": 400, "error": told},
        "invalid_image": {"error": told},
        "insufficient_funds": {"error": {**told, "localized_message": "Insufficient user quota", "param": ""}},
    }
    made = {name: envelope.plain({**told, "status": 400}) for name in bodies if (envelope := errors[name].envelope)}
    assert made == bodies


@pytest.mark.parametrize("stage", ["moderated_input", "moderated_output"])
def test_the_reverse_engineered_channel_refuses_content_with_a_500(stage: str) -> None:
    spec = load("apiyi")
    assert spec.models["gpt-image-2-all"].errors[stage] == "moderated_all"
    assert stage not in spec.models["gpt-image-2"].errors
    answer = spec.errors["moderated_all"]
    assert (answer.status, answer.retry) == (500, "never")
    assert answer.message.startswith("Your request was rejected by the safety system")


USAGE: dict[str, object] = {
    "usage.input_tokens": 848, "usage.text_tokens": 16, "usage.image_tokens": 832, "usage.output_tokens": 196,
    "usage.total_tokens": 1044,
}  # fmt: skip
THREE = {"input_tokens": 848, "output_tokens": 196, "total_tokens": 1044}
DETAILS = {
    "input_tokens_details": {"image_tokens": 832, "text_tokens": 16},
    "output_tokens_details": {"image_tokens": 196, "text_tokens": 0},
}
INLINE = {"b64_json": "aGk="}


@pytest.mark.parametrize("does", [Does.GENERATE, Does.EDIT])
@pytest.mark.parametrize(
    ("model", "asked", "entry", "usage"),
    [
        ("gpt-image-2", None, INLINE, {**THREE, **DETAILS}),
        ("gpt-image-2-all", "b64_json", INLINE, THREE),
        ("gpt-image-2-all", "url", {"url": "http://127.0.0.1/x.png"}, THREE),
    ],
)
def test_each_model_answers_in_its_own_shape(
    does: Does, model: str, asked: str | None, entry: dict[str, str], usage: dict[str, object]
) -> None:
    operation = load("apiyi").operation_for(does)
    assert operation is not None
    assert operation.answer.body is not None
    images = [{"image.base64": "aGk=", "image.url": "http://127.0.0.1/x.png"}]
    context = {**USAGE, "now": 1776832476, "model": model, "request.response_format": asked, "images": images}
    assert operation.answer.body.plain(context) == {"created": 1776832476, "data": [entry], "usage": usage}


def test_only_the_reverse_engineered_channel_has_a_prefix_urls_and_a_flat_price() -> None:
    models = load("apiyi").models
    relay, other = models["gpt-image-2"], models["gpt-image-2-all"]
    assert (relay.images.kind, relay.images.prefix, relay.images.count) == ("base64", "", "n")
    assert (other.images.kind, other.images.prefix) == ("response_format", "data:image/png;base64,")
    assert [(row.micro_usd, row.each) for row in other.prices] == [(30_000, "image")]
    assert (relay.prices, other.tokens) == ((), None)
    results = load("apiyi").results
    assert results is not None
    assert results.expires_s == 24 * 3600


@pytest.mark.parametrize(
    ("model", "quality", "seconds"),
    [
        ("gpt-image-2", "low", (10, 40)),
        ("gpt-image-2", "medium", (30, 90)),
        ("gpt-image-2", "auto", (30, 90)),
        ("gpt-image-2", "high", (180, 300)),
        ("gpt-image-2-all", None, (30, 60)),
    ],
)
def test_an_image_takes_its_time(model: str, quality: str | None, seconds: tuple[float, float]) -> None:
    assert duration_of(load("apiyi").models[model].durations, {"quality": quality}) == seconds


def test_who_leaves_still_pays_and_who_is_refused_does_not() -> None:
    billing = load("apiyi").billing
    assert (billing.on_disconnect, billing.charge_failed) == ("charged", False)
    assert rule_of("apiyi/billing/disconnect").source.how is How.DOCUMENTED
    assert rule_of("apiyi/billing/refused").sentence == "refused: charge none"


@pytest.mark.parametrize("name", ["timeout", "retry-5xx", "retry-429", "request-id", "disconnect-is-billed"])
def test_advice_is_no_duty(name: str) -> None:
    found = rule_of(f"apiyi/advice/{name}")
    assert (found.level, found.source.how) == (Level.SHOULD, How.DOCUMENTED)


def test_operations_header_and_limits() -> None:
    spec = load("apiyi")
    paths = {item.path: item.content for item in spec.operations.values()}
    assert paths == {"/v1/images/generations": "json", "/v1/images/edits": "multipart"}
    assert spec.base_url == "https://api.apiyi.com"
    assert (spec.request_id_header, spec.tasks, spec.webhooks) == ("x-request-id", None, None)
    assert {(name, limit.per_minute) for name, limit in spec.limits.items()} == {("generate", 100), ("edit", 100)}
