"""The life of a task in two dialects: its states, its result, its refusals, moderation and rate limits."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass
from typing import cast

import httpx2 as httpx
import pytest
from PIL import Image

from imageproof import Mock, MockAccount
from tests.mock_server.held import micro_usd

START = 1_795_000_000
DAY = 86_400


@dataclass(frozen=True)
class Dialect:
    """Where tasks are submitted and polled, and how the states are called."""

    provider: str
    submit: str
    poll: str
    task_id: str
    running: str


TOAPIS = Dialect("toapis", "/v1/images/generations", "/v1/images/generations/", r"task_img_[0-9a-z]{12}", "in_progress")
XINGCHAO = Dialect(
    "xingchaoyiqing",
    "/v1/image2/images",
    "/v1/result/",
    r"image_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "processing",
)
REAPI = Dialect("reapi", "/api/v1/images/generations", "/api/v1/tasks/", r"task_[0-9a-f]{32}", "processing")
BOTH = pytest.mark.parametrize("dialect", [TOAPIS, XINGCHAO], ids=lambda item: item.provider)


@dataclass(frozen=True)
class Client:
    """A client of one dialect with an account of its own."""

    account: MockAccount
    dialect: Dialect

    def post(self, **changes: object) -> httpx.Response:
        body = {"model": "gpt-image-2", "prompt": "a red fox", **changes}
        url = f"{self.account.base_url}{self.dialect.submit}"
        return httpx.post(url, json=body, headers=self.account.headers)

    def submit(self, **changes: object) -> str:
        answer = self.post(**changes)
        assert answer.status_code == 200, answer.text[:500]
        return str(answer.json()["id"])

    def get(self, task_id: str) -> httpx.Response:
        return httpx.get(f"{self.account.base_url}{self.dialect.poll}{task_id}", headers=self.account.headers)

    def poll(self, task_id: str) -> dict[str, object]:
        answer = self.get(task_id)
        assert answer.status_code == 200, answer.text[:500]
        return cast("dict[str, object]", answer.json())


def of(mock: Mock, dialect: Dialect, key: str | None = None) -> Client:
    return Client(mock.account(dialect.provider, key), dialect)


@pytest.fixture
def toapis(mock: Mock) -> Client:
    return of(mock, TOAPIS)


@pytest.fixture
def xingchao(mock: Mock) -> Client:
    return of(mock, XINGCHAO)


PLAN = "[[queue: 5s]] [[slow: 20s]] a red fox"


@BOTH
def test_a_task_waits_runs_and_is_done_each_at_its_time(mock: Mock, dialect: Dialect) -> None:
    client = of(mock, dialect)
    answer = client.post(prompt=PLAN).json()
    assert re.fullmatch(dialect.task_id, answer["id"])
    assert answer["status"] == "queued"
    seen = []
    for _ in range(28):
        seen.append(client.poll(answer["id"])["status"])
        client.account.advance(1)
    assert seen == ["queued"] * 5 + [dialect.running] * 20 + ["completed"] * 3


@BOTH
def test_a_task_that_fails_waits_and_runs_as_one_that_does_not(mock: Mock, dialect: Dialect) -> None:
    client = of(mock, dialect)
    task_id = client.submit(prompt=f"[[fail: upstream_failed]] {PLAN}")
    states = []
    for _ in range(3):
        states.append(client.poll(task_id)["status"])
        client.account.advance_to_next()
    assert states == ["queued", dialect.running, "failed"]
    assert client.get(task_id).status_code == 200


def test_a_dialect_without_a_state_for_waiting_calls_it_running(mock: Mock) -> None:
    client = of(mock, REAPI)
    task_id = client.submit(prompt=PLAN)
    states = []
    for _ in range(3):
        states.append(client.poll(task_id)["status"])
        client.account.advance_to_next()
    assert states == ["processing", "processing", "completed"]


@BOTH
def test_a_queue_is_as_long_as_the_spec_says(mock: Mock, dialect: Dialect) -> None:
    client = of(mock, dialect)
    for number in range(20):
        client.submit(prompt=f"fox number {number}")
    waits = {float(str(task["queue_s"])) for task in client.account.tasks()}
    assert len(waits) == 20
    assert all(1 <= wait <= 5 for wait in waits)


# ToAPIs


def test_the_progress_of_toapis_never_falls_and_ends_at_a_hundred(toapis: Client) -> None:
    task_id = toapis.submit(prompt=PLAN)
    seen = []
    for _ in range(30):
        answer = toapis.poll(task_id)
        seen.append(cast("int", answer["progress"]))
        assert (answer["progress"] == 100) == (answer["status"] == "completed")
        toapis.account.advance(1)
    assert seen == sorted(seen)
    assert (seen[0], seen[5], seen[15], seen[-1]) == (0, 0, 50, 100)
    assert len(set(seen)) > 15


def test_the_answers_of_toapis_have_their_documented_fields(toapis: Client) -> None:
    submitted = toapis.post(prompt=PLAN).json()
    task_id = submitted["id"]
    running = {
        "id": task_id,
        "object": "generation.task",
        "model": "gpt-image-2",
        "status": "queued",
        "progress": 0,
        "created_at": START,
    }
    assert submitted == {**running, "metadata": {}}
    assert toapis.poll(task_id) == running
    toapis.account.advance(25)
    url = f"{toapis.account.base_url}/generated/{task_id}-0.png"
    assert toapis.poll(task_id) == {
        **running,
        "status": "completed",
        "progress": 100,
        "completed_at": START + 25,
        "expires_at": START + 25 + DAY,
        "result": {"type": "image", "data": [{"url": url}]},
    }


def test_a_result_of_toapis_can_be_fetched_until_expires_at(toapis: Client) -> None:
    task_id = toapis.submit(prompt="[[instant]] a red fox", size="2048x1152")
    (entry,) = cast("dict[str, list[dict[str, str]]]", toapis.poll(task_id)["result"])["data"]
    toapis.account.advance(DAY - 1)
    with Image.open(io.BytesIO(httpx.get(entry["url"]).content)) as image:
        assert image.size == (2048, 1152)
    toapis.account.advance(1)
    assert httpx.get(entry["url"]).status_code == 404
    assert toapis.poll(task_id)["status"] == "completed"


def test_a_failed_task_of_toapis_carries_code_and_message(toapis: Client) -> None:
    task_id = toapis.submit(prompt=f"[[fail: upstream_failed]] {PLAN}")
    toapis.account.advance(25)
    assert toapis.poll(task_id) == {
        "id": task_id,
        "object": "generation.task",
        "model": "gpt-image-2",
        "status": "failed",
        "progress": 0,
        "created_at": START,
        "error": {
            "code": "generation_failed",
            "message": "call upstream API failed: upstream returned status 422",
        },
    }
    assert [kind for kind, _ in micro_usd(toapis.account)] == ["charge", "refund"]


def test_a_task_is_polled_by_the_client_s_own_id_too(mock: Mock, toapis: Client) -> None:
    task_id = toapis.submit(client_business_id="order-7", prompt="[[instant]] a red fox")
    assert toapis.poll("order-7") == toapis.poll(task_id)
    stranger = of(mock, TOAPIS)
    assert stranger.get("order-7").status_code == 404
    later = toapis.submit(client_business_id="order-7", prompt="another fox")
    assert toapis.poll("order-7")["id"] == later


def test_a_result_as_base64_is_raw_and_is_the_image(toapis: Client) -> None:
    task_id = toapis.submit(prompt=PLAN, response_format="b64_json")
    assert "result" not in toapis.poll(task_id)
    toapis.account.advance(25)
    (entry,) = cast("dict[str, list[dict[str, str]]]", toapis.poll(task_id)["result"])["data"]
    assert set(entry) == {"b64_json"}
    with Image.open(io.BytesIO(base64.b64decode(entry["b64_json"], validate=True))) as image:
        assert (image.format, image.size) == ("PNG", (1024, 1024))


def test_an_unknown_task_of_toapis_is_a_404_in_its_envelope(toapis: Client) -> None:
    answer = toapis.get("task_img_000000000000")
    assert answer.status_code == 404
    error = {"code": "task_not_found", "message": "Task not found", "type": "not_found_error"}
    assert answer.json() == {"error": error}


# xingchaoyiqing


def test_the_answers_of_xingchaoyiqing_have_their_documented_fields(xingchao: Client) -> None:
    submitted = xingchao.post(prompt=PLAN).json()
    task_id = submitted["id"]
    common = {"id": task_id, "created": START, "model": "gpt-image-2", "error": None}
    assert submitted == {**common, "object": "image", "status": "queued"}
    assert xingchao.poll(task_id) == {
        **common,
        "object": "image.generation",
        "status": "queued",
        "image_url": None,
    }
    xingchao.account.advance(25)
    done = xingchao.poll(task_id)
    assert (done["status"], done["error"]) == ("completed", None)
    with Image.open(io.BytesIO(httpx.get(str(done["image_url"])).content)) as image:
        assert (image.format, image.size) == ("PNG", (1024, 1024))
    xingchao.account.advance(DAY)
    assert httpx.get(str(done["image_url"])).status_code == 404


def test_the_error_of_a_failed_task_of_xingchaoyiqing_is_a_plain_text(xingchao: Client) -> None:
    task_id = xingchao.submit(prompt=f"[[fail: upstream_failed]] {PLAN}")
    assert xingchao.poll(task_id)["error"] is None
    xingchao.account.advance(25)
    failed = xingchao.poll(task_id)
    assert (failed["status"], failed["image_url"]) == ("failed", None)
    assert failed["error"] == "image generation failed"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"prompt": ""}, 400),
        ({"resolution": "4k", "ratio": "1:1"}, 400),
        ({"resolution": "2k"}, 400),
        ({"image_urls": ["data:image/png;base64,AAAA"]}, 400),
        ({"prompt": "[[moderated]] a red fox"}, 400),
        ({"model": "gpt-image-3"}, 400),
    ],
)
def test_a_refused_create_of_xingchaoyiqing_looks_like_a_failed_one(
    xingchao: Client, changes: dict[str, object], status: int
) -> None:
    answer = xingchao.post(**changes)
    assert answer.status_code == status
    body = answer.json()
    assert set(body) == {"id", "object", "created", "model", "status", "error"}
    assert (body["id"], body["object"], body["created"], body["status"]) == (None, "image", START, "failed")
    assert isinstance(body["error"], str)
    assert body["error"]
    assert body["model"] == changes.get("model", "gpt-image-2")
    assert xingchao.account.tasks() == []


def test_a_poll_of_xingchaoyiqing_for_nothing_has_another_envelope(xingchao: Client) -> None:
    answer = xingchao.get("image_00000000-0000-4000-8000-000000000000")
    assert answer.status_code == 404
    assert answer.json() == {"code": 404, "message": "task not found", "error": "task not found"}


# moderation


@pytest.mark.parametrize(
    ("dialect", "status", "code"),
    [(REAPI, 400, 20006), (TOAPIS, 422, "content_policy_violation"), (XINGCHAO, 400, None)],
    ids=lambda item: getattr(item, "provider", None),
)
def test_moderation_of_the_prompt_refuses_the_submission(
    mock: Mock, dialect: Dialect, status: int, code: object
) -> None:
    client = of(mock, dialect)
    by_key = of(mock, dialect, f"{client.account.key}_moderated")
    for answer in (client.post(prompt="[[moderated]] a red fox"), by_key.post()):
        assert answer.status_code == status
        error = answer.json()["error"]
        assert (error["code"] if code else error) == (code or "the prompt was refused by content moderation")
    assert client.account.tasks() == []
    assert micro_usd(client.account) == []


@pytest.mark.parametrize(
    ("dialect", "code"),
    [(REAPI, 80006), (TOAPIS, "content_policy_violation"), (XINGCHAO, None)],
    ids=lambda item: getattr(item, "provider", None),
)
def test_moderation_of_the_image_fails_the_task_at_its_end(mock: Mock, dialect: Dialect, code: object) -> None:
    client = of(mock, dialect)
    task_id = client.submit(prompt=f"[[moderated: output]] {PLAN}")
    assert client.poll(task_id)["error" if dialect is not TOAPIS else "progress"] in (None, 0)
    client.account.advance(25)
    failed = client.poll(task_id)
    error = cast("dict[str, object]", failed["error"])
    assert failed["status"] == "failed"
    assert (error["code"] if code else error) == (code or "the image was refused by content moderation")
    if code:
        assert [kind for kind, _ in micro_usd(client.account)] == ["charge", "refund"]
