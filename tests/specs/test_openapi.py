"""The exported document is valid OpenAPI 3.1 and says what the spec says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openapi_spec_validator import validate

from imageproof.specs.answers_schema import answer_schema, error_schema, event_schema
from imageproof.specs.library import load, shipped
from imageproof.specs.model import Phase
from imageproof.specs.openapi import export
from imageproof.specs.schema import validator

HEX = "0123456789abcdef" * 2
NAMES = [*shipped(), "toapis@ratios", "tests/specs/lookalikes/fal.yaml", "tests/specs/lookalikes/kie.yaml"]


@pytest.mark.parametrize("name", NAMES)
def test_the_document_is_valid_and_plain_json(name: str) -> None:
    document: Any = export(load(name))
    validate(document)
    assert json.loads(json.dumps(document)) == document


def test_every_operation_has_its_statuses_and_its_link() -> None:
    document: Any = export(load("reapi"), server="http://127.0.0.1:4010/reapi")
    assert document["servers"] == [{"url": "http://127.0.0.1:4010/reapi"}]
    submit = document["paths"]["/api/v1/images/generations"]["post"]
    assert set(submit["responses"]) == {"200", "400", "401", "402", "429", "500", "503"}
    assert submit["responses"]["429"]["headers"] == {"Retry-After": {"schema": {"type": "string"}}}
    assert submit["responses"]["200"]["links"]["poll"]["parameters"] == {"task_id": "$response.body#/id"}
    assert "reapi/submit/gpt-image-2/size/one-of" in submit["description"]


@pytest.mark.parametrize("name", NAMES)
def test_each_answer_has_examples_that_its_own_schema_accepts(name: str) -> None:
    document: Any = export(load(name))
    for path, methods in document["paths"].items():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                media = response["content"]["application/json"]
                judge = validator(media["schema"])
                values = [example["value"] for example in media["examples"].values()]
                assert values, f"{path} {status} has no example"
                assert [value for value in values if not judge.is_valid(value)] == [], f"{path} {status}"
                assert all(value not in values[:at] for at, value in enumerate(values)), f"{path} {status}"


def test_the_examples_of_a_task_belong_together() -> None:
    document: Any = export(load("reapi"))
    submit, poll = (
        document["paths"][path][method]["responses"]["200"]["content"]["application/json"]["examples"]
        for path, method in (("/api/v1/images/generations", "post"), ("/api/v1/tasks/{task_id}", "get"))
    )
    assert set(poll) == {"running", "succeeded", "failed"}
    assert {example["value"]["id"] for example in (*submit.values(), *poll.values())} == {f"task_{HEX}"}
    assert poll["succeeded"]["value"]["output"]["image_urls"] == [f"https://images.example/media/tasks/{HEX}/0.png"]
    assert poll["failed"]["value"]["error"]["code"] == 80001


def test_an_id_in_the_query_becomes_a_query_parameter() -> None:
    document: Any = export(load("tests/specs/lookalikes/kie.yaml"))
    (parameter,) = document["paths"]["/api/v1/jobs/recordInfo"]["get"]["parameters"]
    assert (parameter["in"], parameter["name"]) == ("query", "taskId")


def test_answers_are_judged_by_phase() -> None:
    spec = load("reapi")
    poll = spec.operations["poll"]
    running = validator(answer_schema(spec, poll, Phase.RUNNING))
    body: dict[str, object] = {
        "id": f"task_{'0' * 32}",
        "model": "gpt-image-2",
        "status": "processing",
        "created_at": 1,
    }
    assert running.is_valid({**body, "output": None, "error": None})
    assert running.is_valid(body), "null or absent, both are documented"
    assert not running.is_valid({**body, "status": "completed"})
    assert not running.is_valid({**body, "created_at": "1"})
    assert not running.is_valid({**body, "id": "x"})


def test_a_refusal_is_judged_by_its_constants() -> None:
    spec = load("reapi")
    schema = validator(error_schema(spec, spec.operations["submit"], spec.errors["insufficient_funds"]))
    error: dict[str, object] = {"code": 30001, "message": "no", "request_id": "req_x"}
    assert schema.is_valid({"error": error})
    assert not schema.is_valid({"error": {**error, "code": "30001"}})


def test_events_have_schemas() -> None:
    spec = load("openai")
    schema = validator(event_schema(spec, spec.operations["generate"], "image_generation.completed"))
    assert not schema.is_valid({"type": "image_generation.partial_image"})
    with pytest.raises(KeyError):
        event_schema(spec, spec.operations["generate"], "image_generation.unknown")
