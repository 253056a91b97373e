"""ToAPIs as a contract: what a request may hold in its two dialects, and which refusal a bad one gets."""

from __future__ import annotations

import pytest

from imageproof.specs.check import check_selector
from imageproof.specs.facts import How, Level
from imageproof.specs.library import load
from imageproof.specs.outcome import Outcomes, effective
from tests.specs.judging import Body, Case, broken, case, each, rule_of

PIXELS = "toapis/submit/gpt-image-2"
RATIOS = "toapis@ratios/submit/gpt-image-2"
DIALECTS = pytest.mark.parametrize("shape", [PIXELS, RATIOS])
LINK = "https://example.com/a.png"
SIZES = {
    "1024": ("1024x1024",),
    "1536": ("1536x1024", "1024x1536"),
    "2048": ("2048x2048", "2048x1152", "1152x2048"),
}
PAIRS = [(size, resolution) for resolution, sizes in SIZES.items() for size in sizes]
ONLY_1K_2K = ("1:1", "3:2", "2:3")
ONLY_2K = ("4:3", "3:4", "5:4", "4:5")
FROM_2K = ("16:9", "9:16", "2:1", "1:2", "21:9", "9:21")
NOT_URLS = (
    "/home/a.png",
    "data:image/png;base64,AAAA",
    "AAAA",
    "a.png",
    "file:///a.png",
    "ftp://example.com/a.png",
    "",
)

SHARED: list[Case] = [
    item
    for shape in (PIXELS, RATIOS)
    for item in (
        case(shape, {}),
        case(shape, {"prompt": "x" * 32_000}),
        case(shape, {"prompt": ""}, "prompt/length"),
        case(shape, {"prompt": "x" * 32_001}, "prompt/length"),
        case(shape, {"prompt": None}, "prompt/type"),
        *each(shape, "response_format", ("url", "b64_json")),
        *each(shape, "response_format", ("base64", "URL", ""), "response_format/one-of"),
        case(shape, {"n": 1}),
        *each(shape, "n", (0, 2), "n/one-of"),
        case(shape, {"n": "1"}, "n/type"),
        *(
            entry
            for field in ("reference_images", "image_urls")
            for entry in (
                *each(shape, field, ([], [LINK], ["http://127.0.0.1:1/a"], [LINK] * 16)),
                case(shape, {field: [LINK] * 17}, f"{field}/items"),
                *each(shape, field, ([LINK, wrong] for wrong in NOT_URLS), f"{field}/url"),
                *each(shape, field, (LINK, [1], None), f"{field}/type"),
            )
        ),
        case(shape, {"reference_images": [LINK], "image_urls": [LINK]}),
        case(shape, {"client_business_id": "order-7"}),
        case(shape, {"client_business_id": ""}, "client_business_id/length"),
        case(shape, {"callback_url": LINK}),
        case(shape, {"callback_url": "example.com"}, "callback_url/url"),
        case(shape, {"quality": "high", "seed": 1}),
    )
]
IN_PIXELS: list[Case] = [
    *each(PIXELS, "size", (size for size, _ in PAIRS)),
    *each(PIXELS, "resolution", SIZES),
    *[case(PIXELS, {"size": size, "resolution": resolution}) for size, resolution in PAIRS],
    *[
        case(PIXELS, {"size": size, "resolution": wrong}, f"size-of-{wrong}")
        for size, resolution in PAIRS
        for wrong in SIZES
        if wrong != resolution
    ],
    *each(PIXELS, "size", ("1:1", "512x512", "1024X1024", "auto", ""), "size/one-of"),
    *each(PIXELS, "resolution", ("1K", "512", "4096", ""), "resolution/one-of"),
    *each(PIXELS, "resolution", (1024, None), "resolution/type"),
    case(PIXELS, {"size": "1:1", "resolution": "2048"}, "size/one-of", "size-of-2048"),
]
IN_RATIOS: list[Case] = [
    *each(RATIOS, "size", ONLY_1K_2K),
    *each(RATIOS, "resolution", ("1K", "1k", "2K", "2k")),
    *[case(RATIOS, {"size": size, "resolution": "2k"}) for size in (*ONLY_1K_2K, *ONLY_2K, *FROM_2K)],
    *[case(RATIOS, {"size": size, "resolution": tier}) for size in FROM_2K for tier in ("4K", "4k")],
    *each(RATIOS, "size", (*ONLY_2K, *FROM_2K), "1k-sizes"),
    *[case(RATIOS, {"size": size, "resolution": "1k"}, "1k-sizes") for size in (*ONLY_2K, *FROM_2K)],
    *[case(RATIOS, {"size": size, "resolution": "4K"}, "4k-sizes") for size in (*ONLY_1K_2K, *ONLY_2K)],
    case(RATIOS, {"resolution": "4K"}, "4k-sizes"),
    *each(RATIOS, "size", ("auto", "1024x1024", "1:3", ""), "size/one-of"),
    *each(RATIOS, "resolution", ("1024", "8K", ""), "resolution/one-of"),
]


@pytest.mark.parametrize(("shape", "body", "rules"), [*SHARED, *IN_PIXELS, *IN_RATIOS])
def test_a_body_breaks_these_rules_and_no_others(shape: str, body: Body, rules: list[str]) -> None:
    assert broken(shape, {"prompt": "a red fox", **body}) == rules


@DIALECTS
def test_only_prompt_and_model_are_needed(shape: str) -> None:
    assert broken(shape, {"prompt": "a red fox"}) == []
    assert broken(shape, {}) == ["prompt/required"]


@pytest.mark.parametrize(
    ("name", "asked"), [("toapis", {"resolution": "1024"}), ("toapis@ratios", {"size": "1:1", "resolution": "1K"})]
)
def test_what_is_left_out_has_its_documented_default(name: str, asked: Body) -> None:
    shape = load(name).models["gpt-image-2"].shapes["submit"]
    assert effective(shape, {}) == {**asked, "response_format": "url", "n": 1}


@pytest.mark.parametrize("name", ["toapis", "toapis@ratios"])
def test_the_model_must_be_named_exactly(name: str) -> None:
    selector = load(name).selector
    assert selector.default is None
    cases: list[tuple[Body, str]] = [
        ({}, "required"),
        ({"model": "gpt-image-2-official"}, "one-of"),
        ({"model": "GPT-Image-2"}, "one-of"),
        ({"model": 2}, "type"),
    ]
    for body, rule in cases:
        assert [found.rule.id for found in check_selector(selector, body)] == [f"{name}/any/any/model/{rule}"]
    assert check_selector(selector, {"model": "gpt-image-2"}) == []


def test_the_dialect_of_the_source_page_is_the_default() -> None:
    spec, other = load("toapis"), load("toapis@ratios")
    assert (spec.name, spec.profile, spec.profiles) == ("toapis", "pixels", ("pixels", "ratios"))
    assert (other.name, other.profile) == ("toapis@ratios", "ratios")
    assert load("toapis@pixels").rules == spec.rules
    assert (other.errors, other.tasks, other.limits, other.auth) == (spec.errors, spec.tasks, spec.limits, spec.auth)


@pytest.mark.parametrize(
    ("shape", "body", "size", "micro_usd"),
    [
        (PIXELS, {}, (1024, 1024), 15_000),
        *[(PIXELS, {"size": size}, tuple(map(int, size.split("x"))), 15_000) for size, _ in PAIRS],
        *[
            (PIXELS, {"size": size, "resolution": tier}, tuple(map(int, size.split("x"))), 15_000)
            for size, tier in PAIRS
        ],
        (PIXELS, {"resolution": "1024"}, (1024, 1024), 15_000),
        (PIXELS, {"resolution": "1536"}, (1536, 1024), 15_000),
        (PIXELS, {"resolution": "2048"}, (2048, 2048), 15_000),
        (RATIOS, {}, (1024, 1024), 15_000),
        (RATIOS, {"size": "2:3"}, (1024, 1536), 15_000),
        (RATIOS, {"resolution": "2k"}, (2048, 2048), 20_000),
        (RATIOS, {"size": "3:4", "resolution": "2K"}, (1536, 2048), 20_000),
        (RATIOS, {"size": "5:4", "resolution": "2K"}, (2560, 2048), 20_000),
        (RATIOS, {"size": "16:9", "resolution": "2K"}, (2048, 1152), 20_000),
        (RATIOS, {"size": "16:9", "resolution": "4k"}, (3840, 2160), 25_000),
        (RATIOS, {"size": "1:2", "resolution": "4K"}, (1920, 3840), 25_000),
        (RATIOS, {"size": "9:21", "resolution": "4K"}, (1648, 3840), 25_000),
    ],
)
def test_a_request_comes_to_these_pixels_and_this_price(
    shape: str, body: Body, size: tuple[int, int], micro_usd: int
) -> None:
    name, operation, model = shape.split("/")
    known = load(name).models[model]
    outcome = Outcomes(known).of(effective(known.shapes[operation], body), prompt="a red fox")
    assert ((outcome.width, outcome.height), outcome.count, outcome.micro_usd) == (size, 1, micro_usd)


@pytest.mark.parametrize(
    ("body", "taken"),
    [
        ({"reference_images": ["https://a.test/1"], "image_urls": ["https://a.test/2"]}, ("https://a.test/1",)),
        ({"image_urls": ["https://a.test/2"]}, ("https://a.test/2",)),
        ({"reference_images": [], "image_urls": ["https://a.test/2"]}, ("https://a.test/2",)),
    ],
)
def test_reference_images_win_over_their_older_name(body: Body, taken: tuple[str, ...]) -> None:
    known = load("toapis").models["gpt-image-2"]
    asked = effective(known.shapes["submit"], body)
    assert Outcomes(known).of(asked, prompt="a red fox").references == taken


@pytest.mark.parametrize(
    ("rule", "how", "tag"),
    [
        (f"{PIXELS}/prompt/required", How.DOCUMENTED, "page"),
        (f"{PIXELS}/prompt/length", How.PUBLIC, "T1"),
        (f"{PIXELS}/size/type", How.DOCUMENTED, "page"),
        (f"{PIXELS}/size/one-of", How.ASSUMED, None),
        (f"{PIXELS}/resolution/one-of", How.DOCUMENTED, "page"),
        ("toapis/defaults/submit/gpt-image-2/resolution", How.DOCUMENTED, "page"),
        *[(f"{PIXELS}/size-of-{tier}", How.ASSUMED, None) for tier in SIZES],
        (f"{PIXELS}/reference_images/url", How.DOCUMENTED, "page"),
        (f"{PIXELS}/reference_images/items", How.ASSUMED, None),
        (f"{PIXELS}/n/one-of", How.PUBLIC, "T1"),
        (f"{PIXELS}/callback_url/url", How.PUBLIC, "T5"),
        (f"{RATIOS}/size/one-of", How.PUBLIC, "T7"),
        ("toapis@ratios/defaults/submit/gpt-image-2/size", How.PUBLIC, "T7"),
        ("toapis@ratios/defaults/submit/gpt-image-2/resolution", How.PUBLIC, "T7"),
        (f"{RATIOS}/4k-sizes", How.PUBLIC, "T1"),
        (f"{RATIOS}/prompt/required", How.DOCUMENTED, "page"),
        ("toapis/answers/submit/route", How.DOCUMENTED, "page"),
        ("toapis/answers/poll/route", How.PUBLIC, "T2"),
        ("toapis/states/running", How.DOCUMENTED, "page"),
        ("toapis/states/terminal", How.DERIVED, None),
        ("toapis/polling/cadence", How.ASSUMED, None),
        ("toapis/price/gpt-image-2/always", How.DOCUMENTED, "page"),
        ("toapis@ratios/price/gpt-image-2/resolution=4K", How.PUBLIC, "T7"),
        ("toapis/limits/submit", How.PUBLIC, "T5"),
        ("toapis/errors/moderated_input/type", How.ASSUMED, None),
    ],
)
def test_each_rule_says_how_it_is_known(rule: str, how: How, tag: str | None) -> None:
    found = rule_of(rule)
    assert (found.source.how, found.source.tag) == (how, tag)


@pytest.mark.parametrize(
    ("rule", "tags"),
    [
        (f"{PIXELS}/size/one-of", ["T7"]),
        (f"{PIXELS}/resolution/one-of", ["T7"]),
        ("toapis/price/gpt-image-2/always", ["T7"]),
        (f"{RATIOS}/size/one-of", ["page"]),
        (f"{RATIOS}/resolution/one-of", ["page"]),
        (f"{RATIOS}/4k-sizes", ["T1"]),
        ("toapis/errors/invalid_param/code", ["T2", "T2"]),
        ("toapis/errors/auth_invalid/code", ["T2", "T2"]),
        ("toapis/errors/insufficient_funds/status", ["page"]),
        ("toapis/defaults/submit/gpt-image-2/response_format", ["T1"]),
        ("toapis/polling/cadence", ["T2", "T2"]),
        ("toapis/any/any/model/required", ["page"]),
    ],
)
def test_where_pages_contradict_each_other_both_are_told(rule: str, tags: list[str]) -> None:
    assert [other.source.tag for other in rule_of(rule).contradicts] == tags


ANSWERS = [
    ("missing_param", 400, "invalid_request_error", "invalid_request_error", "never"),
    ("invalid_param", 400, "invalid_request_error", "invalid_request_error", "never"),
    ("invalid_body", 400, "invalid_request_error", "invalid_request_error", "never"),
    ("invalid_reference", 400, "invalid_request_error", "invalid_reference_images", "never"),
    ("auth_missing", 401, "authentication_error", "authentication_error", "never"),
    ("auth_invalid", 401, "authentication_error", "authentication_error", "never"),
    ("insufficient_funds", 402, "insufficient_quota", "insufficient_quota", "after_top_up"),
    ("task_not_found", 404, "not_found_error", "task_not_found", "never"),
    ("moderated_input", 422, "invalid_request_error", "content_policy_violation", "never"),
    ("rate_limited", 429, "rate_limit_error", "rate_limit_exceeded", "backoff"),
    ("internal", 500, "internal_error", "internal_error", "backoff"),
    ("unavailable", 503, "internal_error", "rate_limit_unavailable", "backoff"),
]


@pytest.mark.parametrize(("name", "status", "kind", "code", "retry"), ANSWERS)
def test_a_refusal_has_its_status_type_and_code(name: str, status: int, kind: str, code: str, retry: str) -> None:
    answer = load("toapis").errors[name]
    assert (answer.status, answer.type, answer.code, answer.retry) == (status, kind, code, retry)


@DIALECTS
@pytest.mark.parametrize(
    ("rule", "error"),
    [
        ("prompt/required", "missing_param"),
        ("size/one-of", "invalid_param"),
        ("reference_images/url", "invalid_reference"),
        ("image_urls/url", "invalid_reference"),
        ("reference_images/type", "invalid_param"),
        ("callback_url/url", "invalid_param"),
    ],
)
def test_a_broken_rule_has_its_own_refusal(shape: str, rule: str, error: str) -> None:
    assert rule_of(f"{shape}/{rule}").error == error


def test_advice_is_no_duty() -> None:
    names = ("backoff", "upload-first", "prefer-reference-images", "prefer-url", "error-names")
    assert {rule_of(f"toapis/advice/{name}").level for name in names} == {Level.SHOULD}
    assert rule_of("toapis/advice/newer-fields").level is Level.MAY
