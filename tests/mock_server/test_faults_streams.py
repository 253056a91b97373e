"""Streams of server-sent events that go wrong, and streams that only look odd."""

from __future__ import annotations

import json

import pytest

from imageproof import Mock, MockAccount
from tests.mock_server.held import micro_usd
from tests.mock_server.showing import GENERATE, HELD, Heard, ask, faults, now, shows, statuses

STREAM = {**HELD, "stream": True, "partial_images": 2}


def told(heard: Heard) -> list[tuple[str, dict[str, object]]]:
    """The events that came whole: name and data."""
    text = unchunked(heard.body).decode().replace("\r\n", "\n")
    blocks = [block.split("\n") for block in text.split("\n\n")[:-1]]
    pairs = [(lines[-2], lines[-1]) for lines in blocks if not lines[0].startswith(":")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in pairs]


def unchunked(body: bytes) -> bytes:
    """What came in chunks, as far as it came."""
    out = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size or b"0", 16)
        out += rest[:length]
        body = rest[length + 2 :]
    return out


def stream(account: MockAccount, fault: str = "", **changes: object) -> Heard:
    if fault:
        account.fault(fault)
    return ask(account, GENERATE, {**STREAM, **changes})


def names(heard: Heard) -> list[str]:
    return [name.rpartition(".")[2] for name, _ in told(heard)]


def test_a_whole_stream_is_a_truth_too(holding: MockAccount) -> None:
    heard = stream(holding)
    assert names(heard) == ["partial_image", "partial_image", "completed"]
    (truth,) = holding.truths()
    assert (truth["succeeded"], truth["was_lost"], truth["entry"]) == (True, False, 1)
    assert [("charge", truth["micro_usd"])] == micro_usd(holding)
    assert len(truth["images"]) == 1  # type: ignore[arg-type]


@shows("stream")
def test_a_stream_is_cut_in_the_middle_of_an_event(holding: MockAccount) -> None:
    heard = stream(holding, "{stream: cut}")
    assert heard.ended == "closed"
    assert names(heard) == ["partial_image"] * 2
    assert b"image_generation.completed" in heard.body
    assert (holding.truths()[0]["was_lost"], statuses(holding), faults(holding)) == (True, [200], ["{stream: cut}"])
    assert names(stream(holding)) == ["partial_image"] * 2 + ["completed"]


@shows("stream")
def test_partial_images_come_in_another_order(holding: MockAccount) -> None:
    heard = stream(holding, "{stream: out_of_order}")
    assert names(heard) == ["partial_image", "partial_image", "completed"]
    assert [data["partial_image_index"] for _, data in told(heard)[:2]] == [1, 0]


@shows("stream")
@pytest.mark.parametrize("partials", [0, 2])
def test_an_event_holds_an_error(holding: MockAccount, partials: int) -> None:
    heard = stream(holding, "{stream: error}", partial_images=partials)
    assert names(heard) == ["partial_image"] * bool(partials) + ["error"]
    assert "error" in told(heard)[-1][1]
    assert micro_usd(holding) == []
    (truth,) = holding.truths()
    assert (truth["succeeded"], truth["images"], truth["micro_usd"]) == (False, [], 0)


@shows("stream")
def test_the_completed_event_never_comes(holding: MockAccount) -> None:
    heard = stream(holding, "{stream: incomplete}")
    assert names(heard) == ["partial_image", "partial_image"]
    assert heard.ended == "open"
    assert holding.truths()[0]["was_lost"] is True


@shows("stream")
@pytest.mark.parametrize("how", ["comments", "split", "crlf"])
def test_what_looks_odd_is_still_a_whole_stream(holding: MockAccount, how: str) -> None:
    right = told(stream(holding))
    heard = stream(holding, "{stream: " + how + "}")
    assert [name for name, _ in told(heard)] == [name for name, _ in right]
    assert told(heard)[-1][1].keys() == right[-1][1].keys()
    raw = unchunked(heard.body)
    assert (b": keep-alive\n\n" in raw, b"\r\n\r\n" in raw) == (how == "comments", how == "crlf")
    assert (heard.body.count(b"\r\n7\r\n") > 20) == (how == "split")


@shows("reset", "lost", "stall", "slow", "drip")
@pytest.mark.parametrize(
    ("fault", "ended", "seconds"),
    [
        ("{reset: during}", "reset", 0),
        ("{stall: 60s}", "open", 60),
        ("{slow: 60s}", "open", 20),  # the job runs meanwhile
        ("{drip: 1s}", "open", 4),
        ("{lost: reset}", "reset", 0),
        ("{lost: gateway}", "open", 0),
    ],
)
def test_what_goes_wrong_with_answers_goes_wrong_with_streams(
    holding: MockAccount, fault: str, ended: str, seconds: float
) -> None:
    began = now(holding)
    heard = stream(holding, fault)
    assert heard.ended == ended
    assert now(holding) == began + 40 + seconds
    (truth,) = holding.truths()
    assert truth["was_lost"] == (fault in ("{reset: during}", "{lost: reset}", "{lost: gateway}"))
    assert micro_usd(holding) == [("charge", truth["micro_usd"])]
    assert statuses(holding) == [heard.status]


def test_a_reset_comes_after_the_whole_stream(holding: MockAccount) -> None:
    holding.fault("{reset: after}")
    heard = ask(holding, GENERATE, STREAM, to_the_end=True)
    assert heard.ended == "reset"
    assert names(heard)[-1] == "completed"


@shows("field", "json", "content_type", "no_result")
def test_the_last_event_is_spoilt(holding: MockAccount) -> None:
    for text in ("{field: {path: b64_json, do: drop}}", "{content_type: text/plain}"):
        holding.fault(text)
    heard = stream(holding)
    assert heard.head["content-type"] == "text/plain"
    assert "b64_json" not in told(heard)[-1][1]
    with pytest.raises(json.JSONDecodeError):
        told(stream(holding, "{json: truncated}"))
    assert told(stream(holding, "{no_result: true}"))[-1][1]["b64_json"] is None


def test_a_fault_of_streams_leaves_whole_answers_alone(failing: Mock) -> None:
    account = failing.account("openai")
    account.set(clock="jump")
    account.fault("{stream: cut}")
    assert "data" in ask(account, GENERATE, HELD).json
    assert names(stream(account)) == ["partial_image", "partial_image"]
