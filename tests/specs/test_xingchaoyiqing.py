"""xingchaoyiqing as a contract: a size that overrides ratio and resolution, two models, failures as plain texts."""

from __future__ import annotations

import pytest

from imageproof.specs.check import check_selector
from imageproof.specs.facts import How
from imageproof.specs.library import load
from imageproof.specs.model import Phase
from imageproof.specs.outcome import Outcomes, effective
from tests.specs.judging import Body, Case, broken, case, each, rule_of

TIERS = "xingchaoyiqing/submit/gpt-image-2"
REFERENCES = "xingchaoyiqing/submit/gpt-image-2-r"
MODELS = pytest.mark.parametrize("shape", [TIERS, REFERENCES])
LINK = "https://example.com/a.png"
WIDE = ("16:9", "9:16", "2:1", "1:2", "21:9", "9:21")
NARROW = ("1:1", "4:3", "3:4", "3:2", "2:3", "5:4", "4:5")
EXAMPLES = ("1024x1024", "1536x1024", "1024x1536", "2048x2048", "2048x1152", "3840x2160", "2160x3840")
AT_THE_LIMITS = ("640x1024", "3840x1280", "1280x3840", "2880x2880")
NOT_SIZES = ("auto", "1024", "1024X1024", "1024 x 1024", "1:1", "0x1024", "")

SHARED: list[Case] = [
    item
    for shape in (TIERS, REFERENCES)
    for item in (
        case(shape, {}),
        *each(shape, "prompt", ("", "x" * 32_001), "prompt/length"),
        case(shape, {"prompt": None}, "prompt/type"),
        *each(shape, "ratio", (*WIDE, *NARROW)),
        *[case(shape, {"ratio": ratio, "resolution": "1k"}) for ratio in (*WIDE, *NARROW)],
        *each(shape, "ratio", ("auto", "1:3", "1024x1024", ""), "ratio/one-of"),
        case(shape, {"resolution": "1k"}, "ratio-with-resolution"),
        case(shape, {"resolution": "1k", "size": "1024x1024"}),
        case(shape, {"ratio": "21:9", "resolution": "1k", "size": "1024x1024"}),
        case(shape, {"resolution": "8k", "ratio": "1:1"}, "resolution/one-of"),
        case(shape, {"resolution": "1K", "ratio": "1:1"}, "resolution/one-of"),
        *each(shape, "size", ("1024x1024", "640x1024")),
        *each(shape, "size", NOT_SIZES, "size/size-text"),
        *each(shape, "size", ("1000x1000", "1024x1000"), "size/edge-multiple"),
        case(shape, {"size": "1600x512"}, "size/aspect"),
        *each(shape, "size", ("624x1024", "512x512"), "size/pixel-budget"),
        case(shape, {"size": 1024}, "size/type"),
        *each(shape, "image_urls", ([], [LINK], [LINK] * 6)),
        *each(shape, "image_urls", (["data:image/png;base64,AAAA"], [LINK, "a.png"]), "image_urls/url"),
        case(shape, {"image_urls": LINK}, "image_urls/type"),
        case(shape, {"anything": "else"}),
    )
]
OF_TIERS: list[Case] = [
    *each(TIERS, "quality", ("low", "medium", "high")),
    *each(TIERS, "quality", ("auto", "HIGH", ""), "quality/one-of"),
    case(TIERS, {"quality": 1}, "quality/type"),
    *[case(TIERS, {"ratio": ratio, "resolution": "2k"}) for ratio in (*WIDE, *NARROW)],
    *[case(TIERS, {"ratio": ratio, "resolution": "4k"}) for ratio in WIDE],
    *[case(TIERS, {"ratio": ratio, "resolution": "4k"}, "4k-needs-wide-ratio") for ratio in NARROW],
    *each(TIERS, "resolution", ("2k", "4k"), "ratio-with-resolution"),
    case(TIERS, {"ratio": "1:1", "resolution": "4k", "size": "1024x1024"}),
    case(TIERS, {"resolution": "4k", "size": "1024x1024"}),
    *each(TIERS, "size", (*EXAMPLES, *AT_THE_LIMITS)),
    case(TIERS, {"size": "3856x2048"}, "size/edge-limit"),
    case(TIERS, {"size": "4096x4096"}, "size/edge-limit", "size/pixel-budget"),
    case(TIERS, {"size": "3840x1264"}, "size/aspect"),
    case(TIERS, {"size": "2896x2880"}, "size/pixel-budget"),
    case(TIERS, {"image_urls": [LINK] * 7}, "image_urls/items"),
]
OF_REFERENCES: list[Case] = [
    *each(REFERENCES, "quality", ("low", "high", "anything", "", None, 7, ["x"])),
    *[case(REFERENCES, {"ratio": "16:9", "resolution": tier}, "resolution/one-of") for tier in ("2k", "4k")],
    case(REFERENCES, {"resolution": "2k"}, "resolution/one-of", "ratio-with-resolution"),
    *each(REFERENCES, "size", ("1536x1024", "1024x1536", "2048x1024")),
    *each(REFERENCES, "size", ("2048x1040", "2048x1152", "2048x2048", "3840x2160"), "size/pixel-budget"),
    *each(REFERENCES, "image_urls", ([LINK] * 7, [LINK] * 16)),
    case(REFERENCES, {"image_urls": [LINK] * 17}, "image_urls/items"),
]


@pytest.mark.parametrize(("shape", "body", "rules"), [*SHARED, *OF_TIERS, *OF_REFERENCES])
def test_a_body_breaks_these_rules_and_no_others(shape: str, body: Body, rules: list[str]) -> None:
    assert broken(shape, {"prompt": "a red fox", **body}) == rules


@MODELS
def test_only_prompt_and_model_are_needed(shape: str) -> None:
    assert broken(shape, {"prompt": "a red fox"}) == []
    assert broken(shape, {}) == ["prompt/required"]


def test_what_is_left_out_has_its_documented_default() -> None:
    models = load("xingchaoyiqing").models
    asked = {name: effective(model.shapes["submit"], {}) for name, model in models.items()}
    assert asked == {
        "gpt-image-2": {"quality": "low", "ratio": "1:1", "resolution": "1k"},
        "gpt-image-2-r": {"ratio": "1:1", "resolution": "1k"},
    }


def test_the_model_must_be_one_of_two() -> None:
    selector = load("xingchaoyiqing").selector
    cases: list[tuple[Body, str]] = [({}, "required"), ({"model": "gpt-image-1"}, "one-of"), ({"model": None}, "type")]
    for body, rule in cases:
        assert [found.rule.id for found in check_selector(selector, body)] == [f"xingchaoyiqing/any/any/model/{rule}"]
    assert [check_selector(selector, {"model": name}) for name in ("gpt-image-2", "gpt-image-2-r")] == [[], []]


@pytest.mark.parametrize(
    ("shape", "body", "size"),
    [
        (TIERS, {}, (1024, 1024)),
        (TIERS, {"ratio": "3:2"}, (1536, 1024)),
        (TIERS, {"ratio": "3:2", "resolution": "2k"}, (2048, 1360)),
        (TIERS, {"ratio": "4:5", "resolution": "2k"}, (2048, 2560)),
        (TIERS, {"ratio": "16:9", "resolution": "4k"}, (3840, 2160)),
        (TIERS, {"ratio": "9:21", "resolution": "4k"}, (1648, 3840)),
        (TIERS, {"size": "1600x1200"}, (1600, 1200)),
        (TIERS, {"size": "2048x1152", "ratio": "1:1", "resolution": "4k"}, (2048, 1152)),
        (REFERENCES, {"ratio": "1:2", "resolution": "1k"}, (1024, 2048)),
        (REFERENCES, {"size": "1024x1536", "ratio": "1:1"}, (1024, 1536)),
    ],
)
def test_a_size_overrides_ratio_and_resolution(shape: str, body: Body, size: tuple[int, int]) -> None:
    name, operation, model = shape.split("/")
    known = load(name).models[model]
    outcome = Outcomes(known).of(effective(known.shapes[operation], body), prompt="a red fox")
    assert ((outcome.width, outcome.height), outcome.count) == (size, 1)


@pytest.mark.parametrize(
    ("shape", "asked"),
    [
        *[(TIERS, {"quality": quality, "ratio": "1:1"}) for quality in ("low", "medium", "high")],
        (TIERS, {}),
        (REFERENCES, {}),
        (REFERENCES, {"ratio": "16:9", "resolution": "1k", "quality": "high"}),
    ],
)
def test_no_price_is_made_up(shape: str, asked: Body) -> None:
    known = load("xingchaoyiqing").models[shape.rpartition("/")[2]]
    assert Outcomes(known).of(effective(known.shapes["submit"], asked), prompt="a red fox").micro_usd is None
    assert {row.rule.source.how for row in known.prices} == {How.DOCUMENTED}  # by what it is billed, is known


def test_quality_changes_nothing_on_the_model_for_references() -> None:
    shape = load("xingchaoyiqing").models["gpt-image-2-r"].shapes["submit"]
    assert shape.fields["quality"].state == "ignored"
    assert "quality" not in effective(shape, {"quality": "high"})
    assert [rule.id for rule in shape.fields["quality"].rules] == [f"{REFERENCES}/quality/ignored"]


@pytest.mark.parametrize(
    ("rule", "how", "tag"),
    [
        (f"{TIERS}/quality/one-of", How.DOCUMENTED, "page"),
        ("xingchaoyiqing/defaults/submit/gpt-image-2/quality", How.DOCUMENTED, "page"),
        ("xingchaoyiqing/defaults/submit/gpt-image-2/ratio", How.PUBLIC, "X1"),
        ("xingchaoyiqing/defaults/submit/gpt-image-2/resolution", How.DOCUMENTED, "page"),
        (f"{TIERS}/size/pixel-budget", How.DOCUMENTED, "page"),
        (f"{REFERENCES}/size/pixel-budget", How.ASSUMED, None),
        (f"{TIERS}/image_urls/items", How.DOCUMENTED, "page"),
        (f"{TIERS}/image_urls/url", How.ASSUMED, None),
        (f"{TIERS}/prompt/length", How.ASSUMED, None),
        (f"{TIERS}/4k-needs-wide-ratio", How.DOCUMENTED, "page"),
        (f"{REFERENCES}/ratio-with-resolution", How.DOCUMENTED, "page"),
        (f"{REFERENCES}/quality/ignored", How.DOCUMENTED, "page"),
        ("xingchaoyiqing/answers/submit/route", How.PUBLIC, "X1"),
        ("xingchaoyiqing/answers/submit/status", How.ASSUMED, None),
        ("xingchaoyiqing/answers/poll/route", How.DOCUMENTED, "page"),
        ("xingchaoyiqing/errors/invalid_param", How.ASSUMED, None),
        ("xingchaoyiqing/errors/not_found", How.PUBLIC, "X5"),
        ("xingchaoyiqing/pixels/gpt-image-2/16:9,4k", How.ASSUMED, None),
        ("xingchaoyiqing/states/terminal", How.PUBLIC, "X2"),
        ("xingchaoyiqing/results/lifetime", How.PUBLIC, "X2"),
        ("xingchaoyiqing/polling/cadence", How.PUBLIC, "X4"),
        ("xingchaoyiqing/limits/submit", How.ASSUMED, None),
    ],
)
def test_each_rule_says_how_it_is_known(rule: str, how: How, tag: str | None) -> None:
    found = rule_of(rule)
    assert (found.source.how, found.source.tag) == (how, tag)


def test_nothing_is_known_of_the_form_of_a_key() -> None:
    spec = load("xingchaoyiqing")
    assert (spec.auth.header, spec.auth.scheme) == ("Authorization", "Bearer")
    assert [rule.id for rule in spec.rules if rule.id.startswith("xingchaoyiqing/auth/")] == [
        "xingchaoyiqing/auth/header"
    ]


def test_a_task_has_four_states() -> None:
    tasks = load("xingchaoyiqing").tasks
    assert tasks is not None
    assert dict(tasks.states) == {
        Phase.QUEUED: "queued",
        Phase.RUNNING: "processing",
        Phase.SUCCEEDED: "completed",
        Phase.FAILED: "failed",
    }
    assert (tasks.id_template, tasks.alias_field, tasks.progress) == ("image_{uuid}", None, False)
    assert set(tasks.failures) == {"upstream_failed", "upstream_timeout", "moderated_output"}
    assert {failure.code for failure in tasks.failures.values()} == {None}


def test_a_client_polls_every_two_to_five_seconds_for_five_minutes() -> None:
    tasks = load("xingchaoyiqing").tasks
    assert tasks is not None
    assert tasks.polling is not None
    assert (tasks.polling.first_s, tasks.polling.give_up_s) == (2, 300)
    assert [(phase.until_s, phase.every_s) for phase in tasks.polling.phases] == [(None, (2, 5))]
    assert [said.source.tag for said in rule_of("xingchaoyiqing/polling/cadence").contradicts] == ["X5"]


def test_a_result_lives_for_a_day() -> None:
    results = load("xingchaoyiqing").results
    assert results is not None
    assert results.expires_s == 24 * 3600


@pytest.mark.parametrize(
    ("name", "status", "retry"),
    [
        ("missing_param", 400, "never"),
        ("invalid_param", 400, "never"),
        ("invalid_reference", 400, "never"),
        ("invalid_body", 400, "never"),
        ("moderated_input", 400, "never"),
        ("auth_missing", 401, "never"),
        ("auth_invalid", 401, "never"),
        ("insufficient_funds", 402, "after_top_up"),
        ("task_not_found", 404, "never"),
        ("rate_limited", 429, "backoff"),
        ("internal", 500, "backoff"),
        ("unavailable", 503, "backoff"),
    ],
)
def test_a_refusal_has_its_status(name: str, status: int, retry: str) -> None:
    answer = load("xingchaoyiqing").errors[name]
    assert (answer.status, answer.code, answer.retry) == (status, status, retry)


def test_each_place_refuses_in_its_own_form() -> None:
    spec = load("xingchaoyiqing")
    told = {"code": 400, "message": "told", "model": "gpt-image-2", "now": 1774836724}
    submit = spec.operations["submit"].envelope
    route = spec.errors["not_found"].envelope
    assert submit is not None
    assert route is not None
    assert submit.plain(told) == {
        "id": None, "object": "image", "created": 1774836724, "model": "gpt-image-2", "status": "failed",
        "error": "told",
    }  # fmt: skip
    assert route.plain(told) == {"message": "told"}
    assert spec.operations["poll"].envelope is None
    assert spec.envelope.plain(told) == {"code": 400, "message": "told", "error": "told"}


TASK: dict[str, object] = {
    "task.id": "image_fd35ee52-2a98-44a6-b930-29a88ce9b8fd", "task.created": 1774836724, "model": "gpt-image-2",
    "failure.message": "told",
}  # fmt: skip
WIRE = {"id": TASK["task.id"], "created": 1774836724, "model": "gpt-image-2", "error": None}


def test_a_submission_is_answered_with_an_image_that_is_to_come() -> None:
    answer = load("xingchaoyiqing").operations["submit"].answer
    assert answer.status == 200
    assert answer.body is not None
    assert answer.body.plain({**TASK, "state": "queued"}) == {**WIRE, "object": "image", "status": "queued"}


@pytest.mark.parametrize(
    ("phase", "state", "differs"),
    [
        (Phase.QUEUED, "queued", {}),
        (Phase.RUNNING, "processing", {}),
        (Phase.SUCCEEDED, "completed", {"image_url": LINK}),
        (Phase.FAILED, "failed", {"error": "told"}),
    ],
)
def test_a_poll_has_one_link_or_one_text(phase: Phase, state: str, differs: dict[str, str]) -> None:
    body = load("xingchaoyiqing").operations["poll"].answer.by_phase[phase]
    made = body.plain({**TASK, "state": state, "image.url": LINK})
    assert made == {**WIRE, "object": "image.generation", "status": state, "image_url": None, **differs}


def test_there_is_nothing_but_submitting_and_polling() -> None:
    spec = load("xingchaoyiqing")
    assert {(item.method, item.path) for item in spec.operations.values()} == {
        ("POST", "/v1/image2/images"),
        ("GET", "/v1/result/{task_id}"),
    }
    assert spec.base_url.endswith("/kyyReactApiServer")
    assert (spec.webhooks, spec.idempotency_header) == (None, None)
