"""A stranger can add a provider with YAML alone: two real dialects that differ most, and the one of the how-to page."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from imageproof.specs import kinds as k
from imageproof.specs.build_answers import FALLBACKS, NEEDED
from imageproof.specs.check import Checker, check_selector
from imageproof.specs.choices import Seeded
from imageproof.specs.generate import Maker
from imageproof.specs.library import load
from imageproof.specs.lint import lint
from imageproof.specs.model import Does, Phase, Spec
from imageproof.specs.template import VARIABLES

ROOT = Path(__file__).parents[2]
LOOKALIKES = Path(__file__).parent / "lookalikes"
PAGE = (ROOT / "docs" / "how-to" / "add-a-provider.md").read_text(encoding="utf-8")
NAMES = ("fal", "kie", "acme")
NAMED_IN_CODE = re.compile(r"\b(fal|kie|acme)\b", re.IGNORECASE)

FAL = "fal-ai/gpt-image-2"
TEXT = "gpt-image-2-text-to-image"
IMAGE = "gpt-image-2-image-to-image"
URL = "https://example.com/photo.png"
TASK: dict[str, object] = {
    "task.id": "task_1",
    "model": TEXT,
    "state": "success",
    "task.created_ms": 1_000,
    "task.completed_ms": 16_000,
    "request.input.prompt": 'a "red" fox',
    "request.input.aspect_ratio": "auto",
}


def yaml_of_the_page() -> str:
    """The one block of the page that is a whole spec."""
    (block,) = (block for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "\nprovider: " in block)
    return str(block)


@pytest.fixture(scope="session")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    acme = tmp_path_factory.mktemp("page") / "acme.yaml"
    acme.write_text(yaml_of_the_page(), encoding="utf-8")
    return {"acme": acme, "fal": LOOKALIKES / "fal.yaml", "kie": LOOKALIKES / "kie.yaml"}


@pytest.fixture(scope="session")
def specs(paths: dict[str, Path]) -> dict[str, Spec]:
    return {name: load(str(path)) for name, path in paths.items()}


def broken(spec: Spec, model: str, body: dict[str, object]) -> list[str]:
    """The ids of the broken rules, without the part that all rules of a shape share."""
    (shape,) = spec.models[model].shapes.values()
    sent = {spec.selector.field: model, **body} if spec.selector.field else body
    head = f"{spec.name}/{shape.operation}/{model}/"
    return [violation.rule.id.removeprefix(head) for violation in Checker(shape, spec.selector).check(sent)]


VALID = [
    ("fal", FAL, {"prompt": "a red fox"}),
    ("fal", FAL, {"prompt": "a red fox", "image_size": "square_hd", "num_images": 4, "output_format": "webp"}),
    ("fal", FAL, {"prompt": "a red fox", "num_images": 2.0}),
    ("fal", FAL, {"prompt": "a red fox", "model": "anything", "seed": 1}),
    ("kie", TEXT, {"input": {"prompt": "a red fox"}}),
    ("kie", TEXT, {"input": {"prompt": "x" * 20_000, "aspect_ratio": "16:9", "resolution": "4K"}, "callBackUrl": URL}),
    ("kie", TEXT, {"input": {"prompt": "a red fox", "resolution": "4K"}}),
    ("kie", TEXT, {"input": {"prompt": "a red fox", "aspect_ratio": "1:1", "resolution": "2K"}}),
    ("kie", IMAGE, {"input": {"prompt": "a red fox", "input_urls": [URL] * 16}}),
    ("acme", "pic-1", {"prompt": "a red fox", "count": 4}),
    ("acme", "pic-1", {"prompt": "a red fox", "quality": "final", "photo_url": URL}),
]


@pytest.mark.parametrize(("name", "model", "body"), VALID)
def test_a_body_that_keeps_the_contract_breaks_no_rule(
    specs: dict[str, Spec], name: str, model: str, body: dict[str, object]
) -> None:
    assert broken(specs[name], model, body) == []


INVALID = [
    ("fal", FAL, {}, ["prompt/required"]),
    ("fal", FAL, {"prompt": ""}, ["prompt/length"]),
    ("fal", FAL, {"prompt": "a red fox", "image_size": "1024x1024"}, ["image_size/one-of"]),
    ("fal", FAL, {"prompt": "a red fox", "num_images": 5}, ["num_images/range"]),
    ("fal", FAL, {"prompt": "a red fox", "num_images": "2"}, ["num_images/type"]),
    ("fal", FAL, {"prompt": 1, "output_format": "gif"}, ["prompt/type", "output_format/one-of"]),
    ("kie", TEXT, {"prompt": "not inside input"}, ["input/required"]),
    ("kie", TEXT, {"input": "a red fox"}, ["input/type"]),
    ("kie", TEXT, {"input": {}}, ["input.prompt/required"]),
    ("kie", TEXT, {"input": {"prompt": "x" * 20_001}}, ["input.prompt/length"]),
    ("kie", TEXT, {"input": {"prompt": "a red fox", "resolution": "4k"}}, ["input.resolution/one-of"]),
    ("kie", TEXT, {"input": {"prompt": "a red fox", "resolution": "4K", "aspect_ratio": "1:1"}}, ["no-square-4k"]),
    ("kie", TEXT, {"input": {"prompt": "a red fox"}, "callBackUrl": "ftp://example.com"}, ["callBackUrl/url"]),
    ("kie", IMAGE, {"input": {"prompt": "a red fox"}}, ["input.input_urls/required"]),
    ("kie", IMAGE, {"input": {"prompt": "a red fox", "input_urls": []}}, ["input.input_urls/items"]),
    ("kie", IMAGE, {"input": {"prompt": "a red fox", "input_urls": [URL] * 17}}, ["input.input_urls/items"]),
    ("kie", IMAGE, {"input": {"prompt": "a red fox", "input_urls": ["photo.png"]}}, ["input.input_urls/url"]),
    ("acme", "pic-1", {"shape": "round"}, ["prompt/required", "shape/one-of"]),
    ("acme", "pic-1", {"prompt": "a red fox", "quality": "final", "count": 2}, ["final-makes-one"]),
]


@pytest.mark.parametrize(("name", "model", "body", "rules"), INVALID)
def test_a_body_that_breaks_the_contract_breaks_these_rules(
    specs: dict[str, Spec], name: str, model: str, body: dict[str, object], rules: list[str]
) -> None:
    assert Counter(broken(specs[name], model, body)) == Counter(rules)


def test_the_model_is_named_in_the_path_or_in_a_field(specs: dict[str, Spec]) -> None:
    assert check_selector(specs["fal"].selector, {}) == []
    assert [found.rule.id for found in check_selector(specs["kie"].selector, {})] == ["kie/any/any/model/required"]
    assert [found.rule.id for found in check_selector(specs["kie"].selector, {"model": FAL})] == [
        "kie/any/any/model/one-of"
    ]
    assert check_selector(specs["acme"].selector, {}) == []


@pytest.mark.parametrize("name", NAMES)
def test_valid_bodies_can_be_made_for_every_model(specs: dict[str, Spec], name: str) -> None:
    spec, choices = specs[name], Seeded(Random(7))
    for model in spec.models.values():
        for shape in model.shapes.values():
            maker, checker = Maker(shape, spec.selector), Checker(shape, spec.selector)
            assert [checker.check(maker.valid(choices)) for _ in range(50)] == [[]] * 50


@pytest.mark.parametrize("name", ["fal", "kie", "acme"])
def test_every_rule_can_be_broken_alone(specs: dict[str, Spec], name: str) -> None:
    spec, choices = specs[name], Seeded(Random(7))
    for model in spec.models.values():
        for shape in model.shapes.values():
            maker, checker = Maker(shape, spec.selector), Checker(shape, spec.selector)
            rules = [rule for rule in shape.rules if not isinstance(rule.kind, k.Ignored)]
            made = {rule.id: checker.check(maker.breaking(rule, choices)) for rule in rules}
            assert {rule_id: [found.rule.id for found in violations] for rule_id, violations in made.items()} == {
                rule.id: [rule.id] for rule in rules
            }


@pytest.mark.parametrize("name", NAMES)
def test_the_linter_finds_no_mistake(paths: dict[str, Path], name: str) -> None:
    assert lint(paths[name]).errors == ()


@pytest.mark.parametrize("name", NAMES)
def test_each_rule_has_an_id_of_its_own(specs: dict[str, Spec], name: str) -> None:
    ids = Counter(rule.id for rule in specs[name].rules)
    assert ids
    assert {rule_id for rule_id, count in ids.items() if count > 1} == set()


def test_a_failed_task_can_be_called_finished(specs: dict[str, Spec]) -> None:
    fal = specs["fal"]
    assert fal.tasks is not None
    assert fal.tasks.states == {
        Phase.QUEUED: "IN_QUEUE", Phase.RUNNING: "IN_PROGRESS", Phase.SUCCEEDED: "COMPLETED", Phase.FAILED: "COMPLETED",
    }  # fmt: skip
    result = fal.operation_for(Does.RESULT)
    assert result is not None
    assert set(result.answer.by_phase) == {Phase.SUCCEEDED}
    assert result.answer.body is None
    assert set(fal.tasks.failures) <= set(fal.errors)  # the result refuses with the answer that has the failure's name


def test_errors_can_have_two_shapes(specs: dict[str, Spec]) -> None:
    fal = specs["fal"]
    words: dict[str, object] = {"message": "told", "field": "prompt"}
    platform = fal.envelope.plain({**words, "type": "request_timeout"})
    untyped = fal.envelope.plain({**words, "type": None})
    envelope = fal.errors["missing_param"].envelope
    assert envelope is not None
    assert platform == {"detail": "told", "error_type": "request_timeout"}
    assert untyped == {"detail": "told"}
    assert envelope.plain({**words, "type": "missing"}) == {
        "detail": [
            {"loc": ["body", "prompt"], "msg": "told", "type": "missing", "url": "https://docs.fal.ai/errors/#missing"}
        ]
    }


def test_a_refusal_can_come_under_http_200(specs: dict[str, Spec]) -> None:
    kie = specs["kie"]
    codes = {answer.code for answer in kie.errors.values()}
    assert {answer.status for answer in kie.errors.values()} == {200}
    assert codes == {401, 402, 404, 422, 429, 455, 500, 501, 505}
    assert kie.envelope.plain({"code": 402, "message": "told"}) == {"code": 402, "msg": "told", "data": None}


def test_a_result_can_be_json_inside_a_text(specs: dict[str, Spec]) -> None:
    detail = specs["kie"].operation_for(Does.POLL)
    assert detail is not None
    body = detail.answer.by_phase[Phase.SUCCEEDED].plain(
        {
            **TASK,
            "images": [{"image.url": "https://example.com/1.png"}, {"image.url": "https://example.com/2.png"}],
        }
    )
    assert isinstance(body, dict)
    data = body["data"]
    assert isinstance(data, dict)
    assert json.loads(str(data["resultJson"])) == {
        "resultUrls": ["https://example.com/1.png", "https://example.com/2.png"]
    }
    assert json.loads(str(data["param"])) == {"model": TEXT, "input": {"prompt": 'a "red" fox', "aspect_ratio": "auto"}}
    assert (data["createTime"], data["completeTime"]) == (1_000, 16_000)


def test_a_call_back_can_sign_the_task_and_the_time(specs: dict[str, Spec]) -> None:
    webhooks = specs["kie"].webhooks
    assert webhooks is not None
    assert webhooks.algorithm == "hmac-sha256-base64"
    assert webhooks.signed == "{task.id}.{webhook.timestamp}"
    body = webhooks.body.plain(
        {**TASK, "webhook.event": "fail", "state": "fail", "failure.code": "501", "failure.message": "told"}
    )
    assert isinstance(body, dict)
    assert isinstance(body["data"], dict)
    assert (body["data"]["state"], body["data"]["failCode"]) == ("fail", "501")


def test_no_line_of_python_knows_a_lookalike() -> None:
    rooms = ("imageproof", "specs", "mock_server", "suites", "loadtests", "reports")
    files = sorted({path.resolve() for room in rooms for path in (ROOT / room).rglob("*.py")})
    assert len(files) > 30, "the rooms were not found"
    named = {
        str(path.relative_to(ROOT)): found
        for path in files
        if (found := NAMED_IN_CODE.findall(path.read_text("utf-8")))
    }
    assert named == {}


def test_the_example_of_the_page_is_small() -> None:
    assert 60 <= len(yaml_of_the_page().splitlines()) <= 90


def test_the_page_explains_each_section_of_its_example() -> None:
    sections = re.findall(r"^([a-z_]+):", yaml_of_the_page(), re.MULTILINE)
    table = re.findall(r"^\| `([a-z_]+)` \|", PAGE, re.MULTILINE)
    assert len(sections) > 10
    assert [name for name in sections if name not in table] == []


def test_the_page_names_every_refusal_that_the_format_knows() -> None:
    rows = "".join(re.findall(r"^\| `[a-z_]+`(?: `[a-z_]+`)+ \|.*$", PAGE, re.MULTILINE))
    assert (set(FALLBACKS) | set(NEEDED)) - set(re.findall(r"`([a-z_]+)`", rows)) == set()


def test_the_page_names_only_placeholders_that_exist() -> None:
    named = set(re.findall(r"`\{([a-z_.]+)\}`", PAGE))
    assert len(named) > 20
    assert named - set(VARIABLES) == {"request.shape"}


def test_the_requests_of_the_page_do_what_it_says(specs: dict[str, Spec]) -> None:
    commands = [shlex.split(command) for command in re.findall(r"^\$ (curl (?:.*\\\n)*.*)$", PAGE, re.MULTILINE)]
    bodies = [json.loads(command[command.index("-d") + 1]) for command in commands if "-d" in command]
    assert [broken(specs["acme"], "pic-1", body) for body in bodies] == [[], ["final-makes-one"]]
    keys = {
        word.partition(": ")[2]
        for command in commands
        for word in command
        if word.startswith(specs["acme"].auth.header)
    }
    assert [re.fullmatch(specs["acme"].auth.key_pattern, key) is not None for key in keys] == [True]
