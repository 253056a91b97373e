"""Every shipped scenario is sound, makes sense somewhere, and comes to a valid order wherever it does."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from PIL import Image

from imageproof.specs.check import Checker
from imageproof.specs.client import client_slugs
from imageproof.specs.fault_base import OneOf
from imageproof.specs.fault_tasks import BrokenResult
from imageproof.specs.faults import ALWAYS, KINDS
from imageproof.specs.files import FileFacts
from imageproof.specs.image_facts import inspect
from imageproof.specs.library import load, shipped
from imageproof.specs.model import MAKES_IMAGES
from imageproof.specs.scenario import Needs, Order, Outcome, Scenario
from imageproof.specs.scenario_orders import NoOrderError, order_as_json, order_for, picture_files
from imageproof.specs.scenario_reading import SHIPPED, fits, scenarios

NAMES = (*shipped(), *(f"{name}@{other}" for name in shipped() for other in load(name).profiles[1:]))
LEAST = 44
FEWEST = {"apiyi": 45, "openai": 40, "reapi": 60, "toapis": 60, "xingchaoyiqing": 60}
NOBODY_CAN_TELL = ("foreign",)
"""Of the ways in which a result can be wrong: somebody else's image looks like one's own."""


def pairs() -> list[tuple[str, Scenario]]:
    """Each scenario with each provider that it fits."""
    return [(name, item) for name in NAMES for item in scenarios() if fits(load(name), item) is None]


def named(name: str) -> Scenario:
    return next(item for item in scenarios() if item.name == name)


def test_there_are_many_sorted_by_name_and_each_is_called_like_its_file() -> None:
    names = [item.name for item in scenarios()]
    assert len(names) >= LEAST
    assert names == sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def test_each_fits_a_provider_and_each_provider_has_many() -> None:
    found = [(name, item.name) for name, item in pairs()]
    assert {item.name for item in scenarios()} - {scenario for _, scenario in found} == set()
    assert {name: sum(at == name for at, _ in found) >= least for name, least in FEWEST.items()} == dict.fromkeys(
        FEWEST, True
    )


def test_each_teaches_something_of_its_own() -> None:
    assert len({item.teaches for item in scenarios()}) == len(scenarios())
    assert [item.name for item in scenarios() if not item.teaches or item.teaches.endswith(".")] == []


def test_every_kind_of_fault_is_played_in_all_its_variants() -> None:
    played = {type(fault.what) for item in scenarios() for fault in item.faults}
    assert set(KINDS.values()) - played == set()
    hows = {
        (fault.what.KEY, fault.what.how) for item in scenarios() for fault in item.faults if hasattr(fault.what, "how")
    }
    known = {(kind.KEY, how) for kind in KINDS.values() if issubclass(kind, OneOf) for how in kind.HOWS}
    assert known - hows == {(BrokenResult.KEY, how) for how in NOBODY_CAN_TELL}


def test_what_is_needed_is_used_somewhere() -> None:
    used = {need for item in scenarios() for need in item.needs}
    assert set(Needs) - used == {Needs.RESULT}  # no shipped contract has an operation for results alone


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda item: str(item.name))
def test_it_expects_nothing_that_contradicts_itself(scenario: Scenario) -> None:
    expected = scenario.expected
    assert expected.rule in client_slugs()
    assert scenario.within_s >= 60
    if expected.outcome is Outcome.DONE:
        assert expected.submits == 1
        assert expected.kinds == ()
    if expected.submits == 0:
        assert expected.outcome is Outcome.FAILED
        assert scenario.plan == "moderated" or all(fault.times == ALWAYS for fault in scenario.faults)


@pytest.mark.parametrize(("name", "scenario"), pairs(), ids=lambda item: getattr(item, "name", item))
def test_its_order_breaks_no_rule_and_comes_to_what_it_says(name: str, scenario: Scenario) -> None:
    spec = load(name)
    order = order_for(spec, scenario, 7)
    operation = spec.operations[order.operation]
    shape = spec.models[order.model].shapes[operation.name]
    assert Checker(shape, spec.selector).check(whole(order)) == []
    assert operation.does in MAKES_IMAGES
    assert (order.method, order.content, order.stream) == (operation.method, operation.content, scenario.job.stream)
    assert order.path.startswith("/")
    assert "{" not in order.path
    assert order.images == scenario.job.images
    assert order.prompt in json.dumps(order.request)
    assert (operation.content == "multipart") == bool(order.files)


def whole(order: Order) -> dict[str, object]:
    """The request with the files as the rules see them, under the names of the contract."""
    made = picture_files(order)
    body: dict[str, object] = dict(order.request)
    for part, names in order.files.items():
        body[part.removesuffix("[]")] = [facts(made[name]) for name in names]
    return body


def facts(data: bytes) -> FileFacts:
    found = inspect(data, max_pixels=1 << 24)
    return FileFacts(
        format=found.format, width=found.width, height=found.height, has_alpha=found.has_alpha, size=len(data)
    )


def test_the_seed_tells_orders_apart_and_repeats_them() -> None:
    spec, scenario = load("reapi"), named("plain")
    assert order_for(spec, scenario, 1) == order_for(spec, scenario, 1)
    assert order_for(spec, scenario, 1).prompt != order_for(spec, scenario, 2).prompt


def test_the_model_is_the_plainest_one_that_can_do_the_job() -> None:
    spec = load("reapi")
    assert order_for(spec, named("plain")).model == spec.selector.example
    order = order_for(spec, named("several-images"))
    assert order.model != spec.selector.example
    assert order.request["n"] == order.images == 3


def test_images_come_as_the_scenario_needs_them() -> None:
    assert order_for(load("apiyi"), named("as-urls")).request["response_format"] == "url"
    assert order_for(load("toapis"), named("as-base64")).request["response_format"] == "b64_json"
    assert "response_format" not in order_for(load("toapis"), named("plain")).request


def test_the_files_of_a_form_are_real_pictures_under_the_name_for_several() -> None:
    order = order_for(load("openai"), named("with-files"))
    made = picture_files(order)
    assert order.files == {"image[]": tuple(made)}
    assert len(made) == 2
    for data in made.values():
        with Image.open(io.BytesIO(data)) as picture:
            assert (picture.format, picture.size) == ("PNG", (640, 640))


def test_the_job_file_is_plain_json_and_takes_more() -> None:
    order = order_for(load("toapis"), named("with-references"))
    tree = json.loads(json.dumps(order_as_json(order, timeout_s=5)))
    assert tree["request"]["reference_images"] == [f"https://example.com/photo-{number}.jpg" for number in (1, 2)]
    assert (tree["timeout_s"], tree["files"], tree["scenario"]) == (5, {}, "with-references")


@pytest.mark.parametrize(
    ("spec", "name", "why_not"),
    [
        ("openai", "poll-reset", "it has no tasks: it answers at once"),
        ("reapi", "slow-answer", "it makes tasks: it does not answer at once"),
        ("reapi", "streamed", "it sends no streams"),
        ("reapi", "with-files", "it has no edits"),
        ("openai", "as-urls", "its results are not fetched from URLs"),
        ("reapi", "as-base64", "no model of it answers with base64"),
        ("toapis", "several-images", "no model of it makes 3 images at once"),
        ("openai", "with-references", "it takes no pictures to start from"),
        ("reapi", "goes-back", "its tasks have no state in which they wait"),
        ("reapi", "webhook-late", "it calls nobody back"),
        ("reapi", "limits-kept", "no page gives its rate limits"),
        ("openai", "fails", "it documents no failures of tasks"),
        ("toapis", "plain", None),
        ("toapis@ratios", "poll-reset", None),
    ],
)
def test_why_a_scenario_does_not_fit(spec: str, name: str, why_not: str | None) -> None:
    assert fits(load(spec), named(name)) == why_not


def test_only_names_a_provider_or_one_of_its_profiles() -> None:
    scenario = replace(named("plain"), only=("openai", "toapis@ratios"))
    assert fits(load("openai"), scenario) is None
    assert fits(load("toapis@ratios"), scenario) is None
    assert fits(load("toapis"), scenario) == "it is about openai, toapis@ratios"


def test_an_order_for_a_provider_that_lacks_it_is_refused() -> None:
    with pytest.raises(NoOrderError, match="it has no edits"):
        order_for(load("reapi"), named("with-files"))
