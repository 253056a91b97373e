"""reAPI, ToAPIs and xingchaoyiqing as contracts: documented bodies, good and bad.

With the rules that the bad ones break.
"""

from __future__ import annotations

import pytest

from imageproof.specs.facts import How
from imageproof.specs.library import load
from imageproof.specs.model import Phase
from imageproof.specs.outcome import Outcomes, effective
from tests.specs.judging import Body, Case, broken, case, each, rule_of

CHEAP, STABLE = "reapi/submit/gpt-image-2", "reapi/submit/gpt-image-2-official"
PIXELS, RATIOS = "toapis/submit/gpt-image-2", "toapis@ratios/submit/gpt-image-2"
TIERS, REFERENCES = "xingchaoyiqing/submit/gpt-image-2", "xingchaoyiqing/submit/gpt-image-2-r"
WIDE = ("16:9", "9:16", "2:1", "1:2", "21:9", "9:21")
NARROW = ("1:1", "4:3", "3:4", "3:2", "2:3", "5:4", "4:5")
URL = "https://example.com/a.png"
BY_OFFICIAL = ("quality", "mask_url", "background", "moderation", "output_format", "output_compression")

VALID: list[Case] = [
    *each(CHEAP, "size", ("auto", *NARROW, *WIDE)),
    *each(CHEAP, "resolution", ("1k", "2K", "1K")),
    *[case(CHEAP, {"size": size, "resolution": "4K"}) for size in WIDE],
    case(CHEAP, {"n": 1, "image_urls": [URL] * 16}),
    *each(STABLE, "n", (1, 4)),
    case(STABLE, {"image_urls": [URL], "mask_url": URL, "background": "transparent"}),
    case(STABLE, {"output_format": "webp", "output_compression": 0}),
    *each(PIXELS, "size", ("1024x1024", "1536x1024", "2048x1152")),
    *each(PIXELS, "resolution", ("1024", "1536", "2048")),
    case(PIXELS, {"size": "1152x2048", "resolution": "2048", "reference_images": [URL], "response_format": "b64_json"}),
    case(PIXELS, {"anything": "else"}),
    *[case(RATIOS, {"size": size, "resolution": "2k"}) for size in (*NARROW, *WIDE)],
    *[case(RATIOS, {"size": size, "resolution": "4K"}) for size in WIDE],
    *each(RATIOS, "size", ("1:1", "3:2", "2:3")),
    case(TIERS, {"ratio": "16:9", "resolution": "4k", "quality": "high", "image_urls": []}),
    case(TIERS, {"size": "3840x2160"}),
    case(TIERS, {"size": "1024x1024", "resolution": "4k"}),
    case(REFERENCES, {"quality": "anything", "image_urls": [URL] * 16}),
]
INVALID: list[Case] = [
    *each(CHEAP, "size", ("1024x1024", "1:3", "AUTO", ""), "size/one-of"),
    *[case(CHEAP, {"size": size, "resolution": "4k"}, "4k-needs-wide-size") for size in ("auto", *NARROW)],
    case(CHEAP, {"resolution": "4k"}, "4k-needs-wide-size"),
    *each(CHEAP, "n", (0, 2), "n/one-of"),
    *each(CHEAP, "n", ("1", True, None, 1.5), "n/type"),
    *[case(CHEAP, {name: "x"}, f"{name}/forbidden") for name in BY_OFFICIAL],
    case(CHEAP, {"image_urls": ["data:image/png;base64,AA=="]}, "image_urls/url"),
    case(CHEAP, {"image_urls": [URL] * 17}, "image_urls/items"),
    case(CHEAP, {"seed": 1}, "unknown-fields"),
    case(CHEAP, {"prompt": "x" * 4001}, "prompt/length"),
    *each(STABLE, "n", (0, 5), "n/range"),
    case(STABLE, {"mask_url": URL}, "mask-needs-image"),
    case(STABLE, {"output_compression": 80}, "compression-needs-lossy"),
    *each(PIXELS, "size", ("1:1", "512x512"), "size/one-of"),
    case(PIXELS, {"size": "1536x1024", "resolution": "1024"}, "size-of-1024"),
    *each(PIXELS, "reference_images", (["photo.png"], ["data:x"]), "reference_images/url"),
    *each(RATIOS, "size", ("16:9", "4:3"), "1k-sizes"),
    case(RATIOS, {"size": "1:1", "resolution": "4k"}, "4k-sizes"),
    *each(RATIOS, "size", ("1024x1024", "auto"), "size/one-of"),
    case(TIERS, {"resolution": "2k"}, "ratio-with-resolution"),
    case(TIERS, {"ratio": "1:1", "resolution": "4k"}, "4k-needs-wide-ratio"),
    *each(TIERS, "resolution", ("1K",), "resolution/one-of", "ratio-with-resolution"),
    case(TIERS, {"size": "1000x1000"}, "size/edge-multiple"),
    case(TIERS, {"image_urls": [URL] * 7}, "image_urls/items"),
    case(REFERENCES, {"ratio": "1:1", "resolution": "2k"}, "resolution/one-of"),
    case(REFERENCES, {"size": "2048x2048"}, "size/pixel-budget"),
]


@pytest.mark.parametrize(("shape", "body", "rules"), [*VALID, *INVALID])
def test_a_documented_body_is_taken_or_breaks_its_rules(shape: str, body: Body, rules: list[str]) -> None:
    assert broken(shape, {"prompt": "a red fox", **body}) == rules


@pytest.mark.parametrize(
    ("shape", "body", "size", "micro_usd"),
    [
        (CHEAP, {"size": "16:9", "resolution": "4k"}, (3840, 2160), 20_000),
        (CHEAP, {"size": "9:21", "resolution": "2K"}, (1152, 2688), 14_000),
        (CHEAP, {"image_urls": [URL]}, (1024, 1024), 7_000),
        (STABLE, {"quality": "low", "n": 4}, (1024, 1024), 24_000),
        (STABLE, {"quality": "high", "resolution": "4k", "size": "16:9"}, (3840, 2160), 1_467_000),
        (STABLE, {"quality": "low", "resolution": "2k"}, (2048, 2048), None),
        (PIXELS, {"resolution": "2048"}, (2048, 2048), 15_000),
        (PIXELS, {"size": "1024x1536"}, (1024, 1536), 15_000),
        (RATIOS, {"size": "21:9", "resolution": "4k"}, (3840, 1648), 25_000),
        (TIERS, {"size": "2048x1152", "ratio": "1:1"}, (2048, 1152), None),
        (TIERS, {"ratio": "2:3", "resolution": "1k"}, (1024, 1536), None),
    ],
)
def test_a_request_comes_to_its_documented_pixels_and_price(
    shape: str, body: Body, size: tuple[int, int], micro_usd: int | None
) -> None:
    name, operation, model = shape.split("/")
    known = load(name).models[model]
    asked = effective(known.shapes[operation], {"prompt": "a red fox", **body})
    outcome = Outcomes(known).of(asked, prompt="a red fox")
    assert ((outcome.width, outcome.height), outcome.micro_usd) == (size, micro_usd)


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("reapi", ["processing", "completed", "failed"]),
        ("toapis", ["queued", "in_progress", "completed", "failed"]),
        ("xingchaoyiqing", ["queued", "processing", "completed", "failed"]),
    ],
)
def test_states_are_the_documented_ones(name: str, states: list[str]) -> None:
    tasks = load(name).tasks
    assert tasks is not None
    assert [tasks.states[phase] for phase in Phase if phase in tasks.states] == states


def test_the_advised_cadence_is_data() -> None:
    tasks = load("reapi").tasks
    assert tasks is not None
    assert tasks.polling is not None
    assert tasks.polling.first_s == 30
    assert [(phase.until_s, phase.every_s) for phase in tasks.polling.phases] == [(180, (3, 5)), (None, (10, 30))]


def test_a_rule_says_how_it_is_known_and_what_contradicts_it() -> None:
    assert rule_of("reapi/submit/gpt-image-2/size/one-of").source.how is How.DOCUMENTED
    assert rule_of("reapi/submit/gpt-image-2/unknown-fields").source.how is How.PUBLIC
    assert rule_of("toapis/submit/gpt-image-2/size-of-1536").source.how is How.ASSUMED
    cadence = rule_of("reapi/polling/cadence")
    assert cadence.source.how is How.DOCUMENTED
    assert [said.source.tag for said in cadence.contradicts] == ["R1", "R2", "R5"]
