"""Answers as server-sent events: which events, when, with which figures."""

from __future__ import annotations

import base64
import io
import json
import math
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import cast
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest
from PIL import Image

from imageproof import Mock, MockAccount
from tests.mock_server.held import (
    BODY,
    GENERATE,
    PATIENCE_S,
    RELAYED,
    SMALLEST,
    held_until,
    jumping,
    micro_usd,
    png,
    post,
    turn,
    until,
)

Client = Callable[[MockAccount], httpx.Client]


EVENT_FIELDS = {"type", "b64_json", "created_at", "size", "quality", "background", "output_format"}


def events(text: str) -> list[dict[str, object]]:
    """The events of a stream, each with one `event` line and one `data` line that agree."""
    blocks = text.removesuffix("\n\n").split("\n\n")
    out = []
    for block in blocks:
        first, second = block.split("\n")
        data = json.loads(second.removeprefix("data: "))
        assert first == f"event: {data['type']}"
        out.append(data)
    return out


@pytest.mark.parametrize("provider", RELAYED)
@pytest.mark.parametrize("partials", [0, 1, 2, 3])
def test_a_stream_has_its_partial_images_in_order_and_one_completed_event(
    mock: Mock, client: Client, provider: str, partials: int
) -> None:
    account = jumping(mock, provider)
    answer = post(client(account), stream=True, partial_images=partials, prompt="[[slow: 40s]] a red fox")
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert "[DONE]" not in answer.text
    *previews, last = events(answer.text)
    assert [event["partial_image_index"] for event in previews] == [*range(partials)]
    assert {str(event["type"]) for event in previews} <= {"image_generation.partial_image"}
    assert last["type"] == "image_generation.completed"
    assert all(set(event) == EVENT_FIELDS | {"partial_image_index"} for event in previews)
    assert set(last) == EVENT_FIELDS | {"usage"}
    step = 40 / (partials + 1)
    times = [1_795_000_000 + int(step * number) for number in range(1, partials + 2)]
    assert [event["created_at"] for event in (*previews, last)] == times
    text, output = math.ceil(len("[[slow: 40s]] a red fox") / 4) + 6, 196 + 100 * partials
    assert last["usage"] == {
        "total_tokens": text + output,
        "input_tokens": text,
        "output_tokens": output,
        "input_tokens_details": {"text_tokens": text, "image_tokens": 0},
    }
    assert micro_usd(account) == [("charge", text * 5 + output * 30)]


def test_the_stages_of_a_stream_are_different_images_of_the_same_size(mock: Mock, client: Client) -> None:
    account = jumping(mock)
    answer = post(client(account), stream=True, partial_images=3, output_format="webp", size="1536x1024")
    found = [base64.b64decode(str(event["b64_json"])) for event in events(answer.text)]
    assert len(set(found)) == 4
    for data in found:
        with Image.open(io.BytesIO(data)) as image:
            assert (image.format, image.size) == ("WEBP", (1536, 1024))
    assert {event["output_format"] for event in events(answer.text)} == {"webp"}


def test_partial_images_without_a_stream_are_neither_sent_nor_billed(mock: Mock, client: Client) -> None:
    account = jumping(mock)
    answer = post(client(account), partial_images=3)
    assert answer.json()["usage"]["output_tokens"] == 196


def test_an_edit_streams_events_of_its_own(mock: Mock, client: Client) -> None:
    account = jumping(mock)
    form = {"model": "gpt-image-2", "prompt": "a red fox", "stream": "true", "partial_images": "1", "size": SMALLEST}
    files = {"image": ("a.png", png((64, 64)), "image/png")}
    found = events(client(account).post("/v1/images/edits", data=form, files=files).text)
    assert [event["type"] for event in found] == ["image_edit.partial_image", "image_edit.completed"]


def test_each_event_of_a_stream_comes_when_its_time_has_come(
    mock: Mock, client: Client, pool: ThreadPoolExecutor, apiyi: MockAccount
) -> None:
    seen: list[str] = []

    def read() -> httpx.Response:
        body = {**BODY, "stream": True, "partial_images": 2, "prompt": "[[slow: 30s]] a fox", "size": SMALLEST}
        with client(apiyi).stream("POST", GENERATE, json=body) as answer:
            seen.extend(line for line in answer.iter_lines() if line.startswith("event: "))
            return answer

    call = pool.submit(read)
    for number, end in enumerate((10, 20, 30)):
        until(lambda when=1_795_000_000 + end: held_until(apiyi) == when)  # type: ignore[misc]
        assert len(seen) == number
        apiyi.advance(9.999)
        turn(mock)
        assert len(seen) == number
        apiyi.advance_to_next()
        until(lambda count=number: len(seen) > count)  # type: ignore[misc]
    assert call.result(20).status_code == 200
    assert len(seen) == 3


def test_an_old_client_gets_a_stream_until_the_connection_ends(mock: Mock) -> None:
    account, at = jumping(mock), urlsplit(mock.url)
    body = json.dumps({**BODY, "stream": True, "partial_images": 1, "size": SMALLEST}).encode()
    head = f"POST {urlsplit(account.base_url).path}{GENERATE} HTTP/1.0\r\nContent-Type: application/json\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in account.headers.items())
    with socket.create_connection((at.hostname, at.port), timeout=PATIENCE_S) as wire, wire.makefile("rb") as answer:
        wire.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        told, _, text = answer.read().partition(b"\r\n\r\n")
    assert told.split()[1] == b"200"
    assert b"chunked" not in told
    assert [event["type"] for event in events(text.decode())] == [
        "image_generation.partial_image",
        "image_generation.completed",
    ]


def test_a_stream_that_fails_answers_with_the_refusal(mock: Mock, client: Client) -> None:
    answer = post(client(jumping(mock)), stream=True, partial_images=1, prompt="[[fail: upstream_failed]] a red fox")
    assert (answer.status_code, answer.headers["Content-Type"]) == (502, "application/json")


def test_the_journal_holds_the_events_of_a_stream() -> None:
    body = {**BODY, "stream": True, "partial_images": 1}
    with Mock("apiyi", clock="jump") as mock:
        account = mock.account()
        answer = httpx.post(f"{account.base_url}{GENERATE}", json=body, headers=account.headers, timeout=20)
        (entry,) = cast("list[dict[str, dict[str, dict[str, object]]]]", account.journal())
    kept = entry["response"]["body"]
    assert kept["size"] == len(answer.content)
    assert str(kept["text"]).startswith("event: image_generation.partial_image\ndata: {")
