from __future__ import annotations

from pathlib import Path

import pytest

from imageproof.specs.library import load, shipped
from imageproof.specs.model import Spec
from imageproof.specs.problems import SpecError
from imageproof.suites.capabilities import Capabilities, load_capabilities
from imageproof.suites.rule_subject import all_shapes, subjects


def loaded(folder: Path, spec: Spec | str, *lacks: str) -> Capabilities:
    path = folder / "capabilities.yaml"
    listed = "".join(f"  - {{{lack}, reason: the reason}}\n" for lack in lacks) or "  []\n"
    path.write_text(f"imageproof-capabilities: 1\ngateway: my gateway\nlacks:\n{listed}", encoding="utf-8")
    return load_capabilities(path, load(spec) if isinstance(spec, str) else spec)


def missing(folder: Path, spec: str, *lacks: str) -> set[str]:
    """The ids that don't apply, without the name of the spec."""
    found = loaded(folder, spec, *lacks)
    return {rule.id.removeprefix(f"{spec}/") for rule in load(spec).rules if found.missing(rule) is not None}


def test_a_gateway_that_lacks_nothing_is_judged_by_every_rule(tmp_path: Path) -> None:
    assert missing(tmp_path, "reapi") == set()


def test_the_reason_names_the_gateway_and_the_place(tmp_path: Path) -> None:
    found = loaded(tmp_path, "reapi", "operation: balance")
    rule = next(rule for rule in load("reapi").rules if rule.id == "reapi/answers/balance")
    reason = found.missing(rule) or ""
    assert "the reason" in reason
    assert "my gateway" in reason
    assert f"{tmp_path / 'capabilities.yaml'}:4:" in reason


def test_a_pattern_takes_away_the_rules_it_matches(tmp_path: Path) -> None:
    assert missing(tmp_path, "apiyi", "rule: 'apiyi/stream/**'") == {
        "stream/generate/partial", "stream/generate/completed", "stream/edit/partial", "stream/edit/completed",
    }  # fmt: skip
    assert missing(tmp_path, "reapi", "rule: reapi/order") == {"order"}


def test_an_operation_takes_its_requests_answers_streams_and_limits_with_it(tmp_path: Path) -> None:
    gone = missing(tmp_path, "apiyi", "operation: edit")
    assert {"answers/edit", "answers/edit/route", "stream/edit/partial", "limits/edit"} <= gone
    assert {"edit/gpt-image-2/mask/type", "defaults/edit/gpt-image-2/size"} <= gone
    assert "images/edit/gpt-image-2/quality/decided" in gone
    assert {rule_id for rule_id in gone if "edit" not in rule_id.split("/")} == {"errors/invalid_image"}
    assert not any("generate" in rule_id.split("/") for rule_id in gone)


def test_an_operation_without_models_takes_the_refusals_that_only_it_leads_to(tmp_path: Path) -> None:
    gone = missing(tmp_path, "toapis", "operation: upload")
    assert {"answers/upload", "errors/invalid_upload", "errors/upload_too_large", "defaults/upload/any/purpose"} <= gone
    assert not {"errors/invalid_param", "answers/submit"} & gone


def test_a_model_takes_its_requests_pixels_images_times_and_prices_with_it(tmp_path: Path) -> None:
    model = "gpt-image-2-official"
    gone = missing(tmp_path, "reapi", f"model: {model}")
    assert gone == {rule.id.removeprefix("reapi/") for rule in load("reapi").rules if model in rule.id.split("/")}
    assert {f"pixels/{model}/auto", f"images/{model}", f"price/{model}/quality=low"} <= gone


def test_a_field_takes_the_rules_that_can_not_be_seen_without_it(tmp_path: Path) -> None:
    gone = missing(tmp_path, "reapi", "field: resolution")
    assert {
        "submit/gpt-image-2/resolution/one-of",
        "submit/gpt-image-2/4k-needs-wide-size",
        "defaults/submit/gpt-image-2/resolution",
        "pixels/gpt-image-2/1:1,2k",
        "price/gpt-image-2/resolution=2k",
        "timing/gpt-image-2/resolution=4k",
    } <= gone
    assert not {"pixels/gpt-image-2/1:1,1k", "price/gpt-image-2/resolution=1k", "submit/gpt-image-2/size/one-of"} & gone


def test_both_fields_of_a_rule_about_two_count(tmp_path: Path) -> None:
    rule = "submit/gpt-image-2-official/mask-needs-image"
    for name in ("mask_url", "image_urls"):
        assert rule in missing(tmp_path, "reapi", f"field: {name}")
    assert "edit/gpt-image-2/mask/same-as" in missing(tmp_path, "apiyi", "field: image")


def test_without_the_field_that_asks_for_streams_there_are_none(tmp_path: Path) -> None:
    streams = {"stream/generate/partial", "stream/generate/completed", "price/gpt-image-2/partial-tokens"}
    assert streams <= missing(tmp_path, "apiyi", "field: stream")
    without_partials = missing(tmp_path, "apiyi", "field: partial_images")
    assert streams & without_partials == streams - {"stream/generate/completed"}


def test_a_refusal_that_only_the_missing_field_leads_to_does_not_apply(tmp_path: Path) -> None:
    assert "errors/unsupported_fidelity" in missing(tmp_path, "apiyi", "field: input_fidelity")
    assert not any(rule_id.startswith("errors/") for rule_id in missing(tmp_path, "apiyi", "field: mask"))


def test_calls_back_hang_on_the_field_that_asks_for_them(tmp_path: Path) -> None:
    webhooks = load("toapis").webhooks
    assert webhooks is not None
    assert "webhooks" in missing(tmp_path, "toapis", f"field: {webhooks.url_field}")


def test_what_is_lacking_can_be_asked_for_by_name(tmp_path: Path) -> None:
    found = loaded(tmp_path, "apiyi", "operation: edit", "model: gpt-image-2-all", "field: mask")
    assert (found.lacks_operation("edit"), found.lacks_operation("generate")) == (True, False)
    assert (found.lacks_model("gpt-image-2-all"), found.lacks_model("gpt-image-2")) == (True, False)
    assert (found.lacks_field("mask"), found.lacks_field("edit")) == (True, False)


@pytest.mark.parametrize("name", [*shipped(), "toapis@ratios"])
def test_every_rule_that_names_an_operation_or_a_model_is_about_it(name: str) -> None:
    spec = load(name)
    about = subjects(spec)
    assert about.keys() == {rule.id for rule in spec.rules}
    for rule_id, subject in about.items():
        _, topic, *parts = rule_id.split("/")
        assert subject.model in {None, *parts}
        assert subject.operation in {None, topic, *parts}
        if topic not in ("advice", "errors"):
            assert subject.model is not None or not set(parts) & set(spec.models)
            assert subject.operation is not None or not {topic, *parts} & set(spec.operations)
    fields = {field for shape in all_shapes(spec) for field in shape.fields} | {spec.selector.field}
    assert {field for subject in about.values() for field in subject.fields} <= fields


# the file


@pytest.mark.parametrize(
    ("lack", "place", "near"),
    [
        ("operation: pol", (4, 17), "'poll'"),
        ("model: gpt-image-2-oficial", (4, 13), "'gpt-image-2-official'"),
        ("field: mask_ulr", (4, 13), "'mask_url'"),
        ("rule: 'reapi/submit/gpt-image-2/szie/*'", (4, 12), "'reapi/submit/gpt-image-2/size/*'"),
        ("rule: reapi/ordre", (4, 12), "'reapi/order'"),
        ("rule: 'openai/**'", (4, 12), "'reapi/'"),
        ("operation: zzzzzzzzz", (4, 17), "submit, poll, balance"),
        ("fild: mask_url", (4, 6), "'field'"),
        ("field: [mask_url]", (4, 13), ""),
    ],
)
def test_what_the_contract_does_not_have_is_told_with_the_nearest(
    tmp_path: Path, lack: str, place: tuple[int, int], near: str
) -> None:
    with pytest.raises(SpecError) as refused:
        loaded(tmp_path, "reapi", lack)
    assert place in {(problem.mark.line, problem.mark.column) for problem in refused.value.problems}
    assert near in refused.value.render()


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("lacks: []", {(1, 1)}),
        ("imageproof-capabilities: 1\ngateway: g", {(1, 1)}),
        ("imageproof-capabilities: 1\nlacks: []", {(1, 1)}),
        ("imageproof-capabilities: 1\ngateway: ~\nlacks: {}", {(2, 10), (3, 8)}),
        ("imageproof-capabilities: 1\ngateway: g\nlacks: [{field: n}]", {(3, 9)}),
        ("imageproof-capabilities: 1\ngateway: g\nlacks: [{reason: r}]", {(3, 9)}),
        ("imageproof-capabilities: 1\ngateway: g\nlacks: [{field: n, operation: poll, reason: r}]", {(3, 9)}),
        ("imageproof-capabilities: 1\ngateway: g\nlacks: [{field: n, reason: r}, {field: n, reason: s}]", {(3, 40)}),
        ("imageproof-baseline: 1\ngateway: g\nlacks: []", {(1, 1)}),
    ],
)
def test_every_mistake_of_the_file_is_told_with_its_place(
    tmp_path: Path, text: str, places: set[tuple[int, int]]
) -> None:
    path = tmp_path / "capabilities.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as refused:
        load_capabilities(path, load("reapi"))
    assert {(problem.mark.line, problem.mark.column) for problem in refused.value.problems} == places
