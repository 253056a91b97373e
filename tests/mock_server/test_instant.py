"""Held calls that nothing holds are answered at once, and leave behind what they leave on the long way."""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Iterator
from typing import BinaryIO
from urllib.parse import urlsplit

import pytest

from imageproof import Mock, MockAccount
from imageproof.mock_server import instant
from imageproof.specs import stamp

KEY = "sk-proj-instant0000000000000000000000000000000000"
PATH = "/v1/images/generations"
ORDER: dict[str, object] = {"model": "gpt-image-2", "prompt": "a ginger cat", "size": "1024x1024", "quality": "low"}
PAUSE_S = 0.05
START = 1_795_000_000.0
TOLD = ("operation", "rules", "task", "note", "fault", "at")


def ask(url: str, body: dict[str, object], *, split: bool) -> tuple[int, dict[str, str], bytes]:
    """A second request on a connection; `split` sends its last byte late, so that it takes the long way."""
    at = urlsplit(url)
    text = json.dumps(body).encode()
    head = f"Host: mock\r\nAuthorization: Bearer {KEY}\r\n"
    first = f"GET /v1/models HTTP/1.1\r\n{head}\r\n".encode()
    head += f"Content-Type: application/json\r\nConnection: close\r\nContent-Length: {len(text)}\r\n"
    data = f"POST {PATH} HTTP/1.1\r\n{head}\r\n".encode() + text
    with socket.create_connection((at.hostname, at.port), timeout=20) as wire, wire.makefile("rb") as answers:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire.sendall(first)
        _, headers = told(answers)
        answers.read(int(headers["Content-Length"]))
        time.sleep(PAUSE_S)  # until the connection waits for the next request
        if split:
            wire.sendall(data[:-1])
            time.sleep(PAUSE_S)  # the bytes would travel together otherwise
        wire.sendall(data[-1:] if split else data)
        status, headers = told(answers)
        headers.pop("Date", None)
        return status, headers, answers.read()


def told(answers: BinaryIO) -> tuple[int, dict[str, str]]:
    """Status and headers of an answer."""
    status = int(answers.readline().split()[1])
    headers = {}
    while line := answers.readline().decode().strip():
        name, _, value = line.partition(": ")
        headers[name] = value
    return status, headers


def orders(account: MockAccount) -> list[dict[str, object]]:
    """What the journal says of the orders of images."""
    entries = [dict[str, object](entry) for entry in account.journal() if isinstance(entry, dict)]
    return [entry for entry in entries if entry["operation"] == "generate"]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each call that may be answered at once was."""
    seen: list[bool] = []
    real = instant.answer

    def noted(*args: object) -> object:
        reply = real(*args)  # type: ignore[arg-type]
        seen.append(reply is not None)
        return reply

    monkeypatch.setattr(instant, "answer", noted)
    return seen


@pytest.fixture
def pair() -> Iterator[tuple[Mock, Mock]]:
    """Two mocks that decide alike."""
    settings = {"clock": "jump", "start": START, "pictures": "plain"}
    with Mock("openai", **settings) as one, Mock("openai", **settings) as other:  # type: ignore[arg-type]
        yield one, other


BODIES = {
    "one": ORDER,
    "three": {**ORDER, "n": 3},
    "tall": {**ORDER, "size": "1024x1536", "quality": "high"},
    "jpeg": {**ORDER, "output_format": "jpeg"},
    "refused": {**ORDER, "size": "1x1"},
    "slow": {**ORDER, "prompt": "a ginger cat [[slow: 40s]]"},
    "fails": {**ORDER, "prompt": "a ginger cat [[status: 502]]"},
    "moderated": {**ORDER, "prompt": "a ginger cat [[moderated]]"},
}
AT_ONCE = {"one", "three", "tall", "refused", "moderated"}


@pytest.mark.parametrize("name", BODIES)
def test_answer_journal_money_and_clock_are_those_of_the_long_way(
    pair: tuple[Mock, Mock], counted: list[bool], name: str
) -> None:
    answers = [ask(mock.url, BODIES[name], split=split) for mock, split in zip(pair, (False, True), strict=True)]
    assert counted == [name in AT_ONCE]
    assert answers[0] == answers[1]
    short, long = (mock.account(key=KEY) for mock in pair)
    for one, other in zip(orders(short), orders(long), strict=True):
        assert {key: one[key] for key in TOLD} == {key: other[key] for key in TOLD}
        assert one["response"] == other["response"]
    assert short.ledger() == long.ledger()
    assert short.truths() == long.truths()


def test_a_picture_is_that_of_its_job_and_is_found_again(pair: tuple[Mock, Mock], counted: list[bool]) -> None:
    mock = pair[0]
    shown = [json.loads(ask(mock.url, ORDER, split=False)[2])["data"][0]["b64_json"] for _ in range(2)]
    assert counted == [True, True]
    read = [stamp.read(base64.b64decode(text)) for text in shown]
    tasks = [entry["task"] for entry in orders(mock.account(key=KEY))]
    assert [found.task_id if found else None for found in read] == tasks
    assert len(set(tasks)) == 2


@pytest.mark.parametrize(
    "settings", [{"clock": "60x"}, {"clock": "manual"}, {"pictures": "full"}, {"payload": "photo"}]
)
def test_a_mock_whose_calls_take_time_answers_none_at_once(counted: list[bool], settings: dict[str, str]) -> None:
    with Mock("openai", **{"clock": "jump", "pictures": "plain", **settings}) as mock:  # type: ignore[arg-type]
        if settings.get("clock") == "manual":
            refused = {**ORDER, "size": "1x1"}
            assert ask(mock.url, refused, split=False)[0] == 400
        else:
            assert ask(mock.url, {**ORDER, "prompt": "a cat [[instant]]"}, split=False)[0] == 200
    assert counted == []


def test_a_stream_is_not_answered_at_once(pair: tuple[Mock, Mock], counted: list[bool]) -> None:
    status, headers, body = ask(pair[0].url, {**ORDER, "stream": True, "partial_images": 1}, split=False)
    assert (status, headers["Content-Type"]) == (200, "text/event-stream")
    assert b"image_generation.completed" in body
    assert counted == [False]
    assert len(orders(pair[0].account(key=KEY))) == 1


def test_a_repeated_try_counts_once(pair: tuple[Mock, Mock]) -> None:
    body = {**ORDER, "prompt": "a ginger cat [[status: 502 x2]]"}
    assert [ask(pair[0].url, body, split=False)[0] for _ in range(3)] == [502, 502, 200]
