"""Parts of files and unchanged files on the wire: images and uploads, with faults and with clocks that run ahead."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime

import aiohttp
import httpx2 as httpx
import pytest

from imageproof import Mock, MockAccount
from tests.mock_server.held import png
from tests.mock_server.showing import Heard, faults, hear, journal, ready, request, wire


@dataclass(frozen=True)
class Fetched:
    """An image of a fresh task: whose, where, its bytes, and the head with which they came."""

    account: MockAccount
    url: str
    data: bytes
    head: dict[str, str]

    def get(self, method: str = "GET", **headers: str) -> Heard:
        return got(self.account, self.url, method, **headers)


def got(account: MockAccount, url: str, method: str = "GET", **headers: str) -> Heard:
    """One request; its connection closes after the answer, so that no byte that follows is missed."""
    lines = {name.replace("_", "-"): value for name, value in headers.items()}
    with wire(account) as connection:
        data = request(account, url, None, **lines, Connection="close")
        connection.sendall(method.encode() + data.removeprefix(b"GET"))
        return hear(connection, to_the_end=True)


@pytest.fixture
def fetched(polled: MockAccount) -> Fetched:
    _, (url,) = ready(polled)
    heard = got(polled, url)
    assert heard.status == 200
    return Fetched(polled, url, heard.body, heard.head)


def test_an_image_comes_with_what_tells_its_version(fetched: Fetched) -> None:
    head = fetched.head
    assert head["accept-ranges"] == "bytes"
    assert head["etag"].startswith('"')
    assert head["etag"].endswith('"')
    assert parsedate_to_datetime(head["last-modified"]) <= parsedate_to_datetime(head["date"])
    again = fetched.get()
    assert (again.body, again.head["etag"], again.head["last-modified"]) == (
        fetched.data,
        head["etag"],
        head["last-modified"],
    )


def test_a_part_of_an_image(fetched: Fetched) -> None:
    heard = fetched.get(Range="bytes=100-299")
    assert heard.status == 206
    assert heard.body == fetched.data[100:300]
    assert heard.head["content-range"] == f"bytes 100-299/{len(fetched.data)}"
    assert heard.head["content-length"] == "200"
    same = ("etag", "last-modified", "content-type", "cache-control", "accept-ranges")
    assert [heard.head[name] for name in same] == [fetched.head[name] for name in same]
    entry = journal(fetched.account)[-1]
    assert entry["response"]["status"] == 206  # type: ignore[index]
    assert entry["response"]["body"]["size"] == 200  # type: ignore[index]


def test_parts_make_up_the_whole(fetched: Fetched) -> None:
    size = len(fetched.data)
    parts = [
        fetched.get(Range=f"bytes={start}-{start + 999}", If_Range=fetched.head["etag"])
        for start in range(0, size, 1000)
    ]
    assert {part.status for part in parts} == {206}
    assert b"".join(part.body for part in parts) == fetched.data
    assert fetched.get(Range="bytes=-7").body == fetched.data[-7:]


def test_a_part_beyond_the_end_is_refused(fetched: Fetched) -> None:
    heard = fetched.get(Range=f"bytes={len(fetched.data)}-")
    assert heard.status == 416
    assert heard.head["content-range"] == f"bytes */{len(fetched.data)}"
    assert "etag" not in heard.head


@pytest.mark.parametrize("asked", ["bytes=9-1", "bytes=x", "bytes=0-1,4-5", "lines=1-2"])
def test_a_range_that_is_not_understood_gives_the_whole(fetched: Fetched, asked: str) -> None:
    heard = fetched.get(Range=asked)
    assert (heard.status, heard.body) == (200, fetched.data)
    assert "content-range" not in heard.head


def test_an_image_that_is_known_is_not_sent_again(fetched: Fetched) -> None:
    for headers in (
        {"If_None_Match": fetched.head["etag"]},
        {"If_Modified_Since": fetched.head["last-modified"]},
        {"If_None_Match": '"other", ' + fetched.head["etag"]},
    ):
        heard = fetched.get(**headers)
        assert (heard.status, heard.body) == (304, b"")
        assert heard.head["etag"] == fetched.head["etag"]
        assert heard.head["cache-control"] == fetched.head["cache-control"]
        assert heard.head["content-length"] == str(len(fetched.data))
        assert journal(fetched.account)[-1]["response"]["body"]["size"] == 0  # type: ignore[index]
    assert fetched.get(If_None_Match='"other"').body == fetched.data
    assert fetched.get(If_Modified_Since=formatdate(0, usegmt=True)).body == fetched.data


def test_a_connection_is_used_again_after_an_answer_without_a_body(fetched: Fetched) -> None:
    with wire(fetched.account) as connection:
        connection.sendall(request(fetched.account, fetched.url, None, **{"If-None-Match": "*"}))
        first = b""
        while b"\r\n\r\n" not in first:
            first += connection.recv(65_536)
        connection.sendall(request(fetched.account, fetched.url, None, Range="bytes=0-4"))
        second = hear(connection)
    assert first.startswith(b"HTTP/1.1 304 ")
    assert first.endswith(b"\r\n\r\n")
    assert (second.status, second.body) == (206, fetched.data[:5])


def test_a_condition_that_fails_is_told(fetched: Fetched) -> None:
    heard = fetched.get(If_Match='"other"', Range="bytes=0-4")
    assert heard.status == 412
    assert "content-range" not in heard.head


def test_head_tells_of_the_whole(fetched: Fetched) -> None:
    heard = fetched.get("HEAD", Range="bytes=0-4")
    assert (heard.status, heard.body) == (200, b"")
    same = ("etag", "last-modified", "content-type", "content-length", "accept-ranges")
    assert [heard.head[name] for name in same] == [fetched.head[name] for name in same]
    assert fetched.get("HEAD", If_None_Match=fetched.head["etag"]).status == 304


def test_two_images_have_two_tags(polled: MockAccount) -> None:
    tags = {got(polled, ready(polled)[1][0]).head["etag"] for _ in range(2)}
    assert len(tags) == 2


def test_a_clock_that_is_ahead_makes_no_date_in_the_future() -> None:
    with Mock("reapi", clock="jump", pictures="plain", payload="photo") as mock:
        account = mock.account()
        account.advance("3h")
        _, (url,) = ready(account)
        first = got(account, url)
        assert parsedate_to_datetime(first.head["last-modified"]) <= parsedate_to_datetime(first.head["date"])
        account.advance("3h")
        assert got(account, url, If_Modified_Since=first.head["last-modified"]).status == 304
        part = got(account, url, Range="bytes=-100000", If_Range=first.head["last-modified"])
        assert (part.status, part.body) == (206, first.body[-100_000:])


# with faults


@pytest.mark.parametrize("how", ["format", "size", "foreign"])
def test_another_image_is_another_version(polled: MockAccount, how: str) -> None:
    polled.fault({"result": how})
    _, (url,) = ready(polled)
    wrong = got(polled, url)
    right = got(polled, url, Range="bytes=0-9", If_Range=wrong.head["etag"])
    assert (wrong.status, right.status) == (200, 200)
    assert wrong.head["etag"] != right.head["etag"]
    assert wrong.body != right.body


def test_a_part_can_be_cut_too(polled: MockAccount) -> None:
    polled.fault("{result: truncated}")
    _, (url,) = ready(polled)
    half, rest = got(polled, url, Range="bytes=0-99"), got(polled, url, Range="bytes=50-99")
    assert (half.status, half.head["content-length"], len(half.body)) == (206, "100", 50)
    assert half.body + rest.body == got(polled, url).body[:100]


@pytest.mark.parametrize("how", ["missing", "forbidden", "expired", "html"])
def test_what_is_no_image_has_no_version_and_no_parts(polled: MockAccount, how: str) -> None:
    polled.fault({"result": how})
    _, (url,) = ready(polled)
    heard = got(polled, url, Range="bytes=0-9")
    assert heard.status in (200, 403, 404)
    assert not {"etag", "content-range", "accept-ranges", "last-modified"} & set(heard.head)


def test_a_fault_waits_for_an_image_that_is_sent(polled: MockAccount) -> None:
    polled.fault("{result: html, times: 1}")
    _, (url,) = ready(polled)
    assert got(polled, url, If_None_Match="*").status == 304
    assert got(polled, url).head["content-type"] == "text/html"
    assert got(polled, url).head["content-type"] == "image/png"
    assert faults(polled)[-3:] == [None, "{result: html}", None]


def test_a_download_that_broke_off_is_taken_up_again(polled: MockAccount) -> None:
    polled.fault("{reset: during, on: download, times: 1}")
    _, (url,) = ready(polled)
    with pytest.raises(httpx.TransportError):
        httpx.get(url)
    kept = got(polled, url).body[:60]
    rest = httpx.get(url, headers={"Range": "bytes=60-"})
    assert rest.status_code == 206
    assert kept + rest.content == httpx.get(url).content


def test_a_client_library_gets_its_parts(fetched: Fetched) -> None:
    async def ask_twice() -> tuple[int, bytes, int]:
        async with aiohttp.ClientSession() as session:
            async with session.get(fetched.url, headers={"Range": "bytes=10-19"}) as answer:
                status, part = answer.status, await answer.read()
            async with session.get(fetched.url, headers={"If-None-Match": fetched.head["etag"]}) as answer:
                return status, part, answer.status

    assert asyncio.run(ask_twice()) == (206, fetched.data[10:20], 304)


# uploads


def test_uploads_are_served_in_parts_too(failing: Mock) -> None:
    account = failing.account("toapis")
    data = png((64, 64))
    sent = httpx.post(
        f"{account.base_url}/v1/uploads/images",
        files={"file": ("fox.png", data, "image/png")},
        headers=account.headers,
    )
    url = sent.json()["data"]["url"]
    whole, part = got(account, url), got(account, url, Range="bytes=5-9")
    assert (whole.status, whole.body, whole.head["accept-ranges"]) == (200, data, "bytes")
    assert (part.status, part.body) == (206, data[5:10])
    assert got(account, url, If_None_Match=whole.head["etag"]).status == 304
    assert got(account, url, Range="bytes=100000-").status == 416
    gone = got(account, url.replace("upload_", "upload_0"))
    assert gone.status == 404
    assert "etag" not in gone.head
