"""The official Node SDK of OpenAI, as it comes, against the two contracts that it speaks."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import TypedDict, cast

import pytest

from imageproof import Mock, MockAccount
from imageproof.specs import stamp
from tests.counterparts.watching import charges, exchanges, header, kind_of, picture, statuses

SCRIPT = Path(__file__).with_name("openai_client.mjs")
PACKAGES = Path(__file__).parents[1] / "node" / "node_modules" / "openai"
PATIENCE_S = 60
MODEL = "gpt-image-2"


def missing() -> str | None:
    """What is not there that these tests need."""
    if shutil.which("node") is None:
        return "node is not installed: install Node 18 or newer to test with the Node SDK of OpenAI"
    if not PACKAGES.is_dir():
        return "the Node SDK of OpenAI is not installed: run `npm ci --prefix tests/node`"
    return None


pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))


class Image(TypedDict):
    b64_json: str


class Usage(TypedDict):
    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_tokens_details: dict[str, int]


class Event(Image):
    type: str
    partial_image_index: int
    usage: Usage


class Answer(TypedDict):
    data: list[Image]
    usage: Usage
    events: list[Event]


class Outcome(TypedDict):
    """What the script prints: an answer of the SDK, or the error that it threw."""

    answer: Answer
    error: dict[str, object]


@pytest.fixture(params=["openai", "apiyi"])
def account(request: pytest.FixtureRequest, mock: Mock) -> MockAccount:
    return mock.account(str(request.param))


def node(account: MockAccount, action: str, request: dict[str, object], **more: object) -> Outcome:
    order = {"base_url": f"{account.base_url}/v1", "key": account.key, "action": action, "request": request, **more}
    done = subprocess.run(
        ["node", str(SCRIPT)], input=json.dumps(order), capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return cast("Outcome", json.loads(done.stdout))


def upload(name: str, *, alpha: bool = False) -> dict[str, str]:
    _, data, _ = picture(alpha=alpha)
    return {"name": name, "base64": base64.b64encode(data).decode()}


def decoded(image: Image) -> bytes:
    return base64.b64decode(image["b64_json"], validate=True)


def test_an_image_is_what_was_asked_for(account: MockAccount) -> None:
    request: dict[str, object] = {"model": MODEL, "prompt": "a red fox", "size": "1536x1024", "output_format": "webp"}
    (image,) = node(account, "generate", request)["answer"]["data"]
    assert kind_of(decoded(image)) == ("WEBP", (1536, 1024))
    (exchange,) = exchanges(account)
    assert stamp.matches(decoded(image), str(exchange["task"]), 0)


def test_an_edit_takes_two_images_and_a_mask(account: MockAccount) -> None:
    files = {"files": [upload("one.png"), upload("two.png")], "mask": upload("mask.png", alpha=True)}
    answer = node(account, "edit", {"model": MODEL, "prompt": "a red fox", "size": "1024x1024"}, **files)["answer"]
    (image,) = answer["data"]
    assert kind_of(decoded(image)) == ("PNG", (1024, 1024))
    assert answer["usage"]["input_tokens_details"]["image_tokens"] == 2 * 1024
    assert [entry["operation"] for entry in exchanges(account)] == ["edit"]


def test_a_stream_sends_previews_and_then_the_image_with_its_usage(account: MockAccount) -> None:
    request = {"model": MODEL, "prompt": "a red fox", "size": "1024x1024", "quality": "low", "partial_images": 2}
    *previews, last = node(account, "stream", request)["answer"]["events"]
    assert [event["type"] for event in previews] == ["image_generation.partial_image"] * 2
    assert [event["partial_image_index"] for event in previews] == [0, 1]
    assert last["type"] == "image_generation.completed"
    assert kind_of(decoded(last)) == ("PNG", (1024, 1024))
    assert last["usage"]["output_tokens"] == 196 + 2 * 100
    assert len(charges(account)) == 1


@pytest.mark.parametrize(
    ("changes", "name", "status", "codes"),
    [
        ({"size": "1000x1000"}, "BadRequestError", 400, {"invalid_value"}),
        ({"prompt": "[[error: rate_limited]]"}, "RateLimitError", 429, {"rate_limit_exceeded"}),
        ({"prompt": "[[error: auth_invalid]]"}, "AuthenticationError", 401, {"invalid_api_key"}),
        ({"prompt": "[[error: unavailable]]"}, "InternalServerError", 503, {None, "service_unavailable"}),
    ],
)
def test_a_refusal_is_the_error_that_the_sdk_has_for_it(
    account: MockAccount, changes: dict[str, object], name: str, status: int, codes: set[str | None]
) -> None:
    error = node(account, "generate", {"model": MODEL, "prompt": "a red fox", **changes})["error"]
    assert (error["name"], error["status"]) == (name, status)
    assert error["code"] in codes
    (exchange,) = exchanges(account)
    assert error["requestID"] == header(exchange["response"], "x-request-id")
    assert charges(account) == []


def test_a_bad_gateway_is_tried_again(account: MockAccount) -> None:
    request: dict[str, object] = {"model": MODEL, "prompt": "a red fox [[status: 502]]", "quality": "low"}
    assert len(node(account, "generate", request, retries=1)["answer"]["data"]) == 1
    assert statuses(account) == [502, 200]
    assert len(charges(account)) == 1
