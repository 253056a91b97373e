"""What a request and an answer look like when they have gone through the client that judges strangers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from imageproof.suites.pacing import MIB
from imageproof.suites.wire import Incoming, Outgoing, Pace, Sender, strict_json
from tests.suites.strangers import OK, Serve, Stranger, says, says_in_turn, stranger

GET = Outgoing(method="GET", path="/v1/tasks/1")
POST = Outgoing(method="POST", path="/v1/submit", content_type="application/json", body=b"{}")


def exchange(serve: Serve, *outs: Outgoing) -> tuple[list[Incoming], Stranger]:
    """Send requests one after another."""

    async def main() -> tuple[list[Incoming], Stranger]:
        async with stranger(serve) as other, Sender(other.url, Pace()) as sender:
            return [await sender.send(out) for out in outs], other

    return asyncio.run(main())


def incoming(body: bytes = b"", *headers: tuple[str, str]) -> Incoming:
    return Incoming(status=200, headers=headers, body=body, began_s=0, first_byte_s=0, ended_s=0)


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/a%2Bb%7E%2f?x=%2B&y=a+b%20c~", b"/a%2Bb%7E%2f?x=%2B&y=a+b%20c~"),
        ("/../v1", b"/../v1"),
        ("/fetch?u=http://elsewhere.test/x", b"/fetch?u=http://elsewhere.test/x"),
        ("/a b", b"/a%20b"),
        ("/é", b"/%C3%A9"),
        ("?x=1", b"/?x=1"),
        ("", b"/"),
    ],
)
def test_a_path_is_sent_as_it_is_written(path: str, target: bytes) -> None:
    _, other = exchange(says(OK), Outgoing(method="GET", path=path))
    assert other.requests[0].split(b" ")[1] == target


def test_an_absolute_url_is_left_as_it_is() -> None:
    async def main() -> list[bytes]:
        async with stranger(says(OK)) as other, Sender("http://127.0.0.1:9/base", Pace()) as sender:
            await sender.send(Outgoing(method="GET", path=f"{other.url}/results/1.png?sig=a%2Fb"))
            return other.requests

    assert asyncio.run(main())[0].startswith(b"GET /results/1.png?sig=a%2Fb HTTP/1.1\r\n")


def test_what_a_request_does_not_say_is_not_sent() -> None:
    _, other = exchange(says(OK), Outgoing(method="POST", path="/", body=b"x", headers=(("accept", "text/x"),)))
    head = other.requests[0].lower()
    assert b"content-type" not in head
    assert head.count(b"accept:") == 1
    assert b"accept: text/x" in head


def test_a_header_that_would_become_two_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="'X-A'"):
        exchange(says(OK), Outgoing(method="GET", path="/", headers=(("X-A", "1\r\nX-B: 2"),)))


def test_a_redirect_is_an_answer() -> None:
    got, other = exchange(says(b"HTTP/1.1 307 Go\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n"), GET)
    assert (got[0].status, got[0].header("LOCATION"), len(other.requests)) == (307, "/there", 1)


def test_reads_share_a_connection() -> None:
    _, other = exchange(says_in_turn(OK), GET, GET, GET)
    assert other.connections == 1


def test_a_submit_never_meets_a_connection_that_is_about_to_close() -> None:
    """Servers may close an idle connection without a word; a submit that meets this could not be sent again."""
    got, other = exchange(says(OK), GET, POST, GET, POST)
    assert [item.status for item in got] == [200] * 4
    assert len(other.requests) == 4


def test_a_long_upload_arrives_whole_and_is_no_warning() -> None:
    arrived: list[bytes] = []

    async def serve(other: Stranger, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await other.head(reader)
        arrived.append(await reader.readexactly(3 * MIB))
        writer.write(OK)

    _, other = exchange(serve, Outgoing(method="POST", path="/", body=b"ab" * (3 * MIB // 2)))
    assert f"Content-Length: {3 * MIB}".encode() in other.requests[0]
    assert arrived == [b"ab" * (3 * MIB // 2)]


def test_an_answer_that_comes_before_the_upload_has_ended_is_read() -> None:
    early = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"
    got, _ = exchange(says(early), Outgoing(method="POST", path="/", body=b"x" * (20 * MIB)))
    assert (got[0].status, got[0].body) == (413, b"no")


def test_pieces_of_a_stream_carry_the_time_at_which_they_came() -> None:
    looks = 0  # the clock moves by one whenever it is looked at

    def now() -> float:
        nonlocal looks
        looks += 1
        return float(looks)

    async def serve(other: Stranger, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await other.head(reader)
        before = looks
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        for number, part in enumerate((b"data: 1\n\n", b"data: 22\n\n"), start=1):
            while looks < before + number:  # noqa: ASYNC110  (the client notes the piece before, and tells nobody)
                await asyncio.sleep(0)
            writer.write(part)
            await writer.drain()

    async def main() -> Incoming:
        async with stranger(serve) as other, Sender(other.url, Pace(), now=now) as sender:
            return await sender.send(GET)

    got = asyncio.run(main())
    assert [size for _, size in got.chunks] == [9, 10]
    moments = [got.began_s, got.first_byte_s, *(at for at, _ in got.chunks), got.ended_s]
    assert moments == sorted(set(moments))


def test_a_header_that_is_no_utf8_can_still_be_written_down() -> None:
    got, _ = exchange(says(b"HTTP/1.1 200 OK\r\nX-A: caf\xe9\r\nX-B: caf\xc3\xa9\r\nContent-Length: 0\r\n\r\n"), GET)
    assert (got[0].header("x-a"), got[0].header("x-b")) == ("café", "café")


def test_the_first_of_several_headers_counts() -> None:
    got = incoming(b"", ("X-A", "1"), ("x-a", "2"))
    assert (got.header("X-a"), got.header("y")) == ("1", None)


@pytest.mark.parametrize(
    ("kind", "is_json"),
    [("application/json; charset=utf-8", True), ("application/problem+json", True), ("text/html", False), ("", False)],
)
def test_an_answer_calls_itself_json(kind: str, *, is_json: bool) -> None:
    assert incoming(b"", ("Content-Type", kind)).is_json is is_json


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1, "a": 2}',
        b'{"x": [{"a": 1, "b": 2, "a": null}]}',
        b'{"a": NaN}',
        b"[Infinity]",
        b"{'a': 1}",
        b'{"a": 1,}',
        b'\xef\xbb\xbf{"a": 1}',
        b'{"a": "\xff"}',
        b"",
        b"[" * 5000 + b"]" * 5000,
        b"[" * 1000 + b"]" * 1000 + b"]",
    ],
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        incoming(body).json()


def test_deep_json_is_read_or_refused_but_never_breaks_the_reader() -> None:
    read: Callable[[bytes], object] = strict_json
    for depth in (100, 900, 1000, 1020):
        try:
            read(b'{"a":' * depth + b"1" + b"}" * depth)
        except ValueError:
            assert depth > 500


def test_json_is_read() -> None:
    assert incoming(b'{"a": [1, 2.5, null, true, "x"], "b": {"a": 1}}').json() == {
        "a": [1, 2.5, None, True, "x"],
        "b": {"a": 1},
    }


def test_a_sender_that_is_not_open_says_so() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        asyncio.run(Sender("http://127.0.0.1:9", Pace()).send(GET))
