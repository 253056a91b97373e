"""Bad input: the provider's own refusal, never a 500, never a hang, nothing billed, and the mock goes on."""

from __future__ import annotations

import json
import select
import socket
import time
import zlib
from typing import cast

import httpx2 as httpx
import pytest

from imageproof import Mock, MockAccount

SUBMIT = "/reapi/api/v1/images/generations"
GOOD = b'{"model":"gpt-image-2","prompt":"a red fox"}'


def send(mock: Mock, *chunks: bytes, end: bool = False, wait_s: float = 10.0) -> bytes:
    """Send bytes as they are and read until the mock closes or has answered."""
    host, port = mock.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=wait_s) as wire:
        for chunk in chunks:
            wire.sendall(chunk)
        if end:
            wire.shutdown(socket.SHUT_WR)
        answer = b""
        while True:
            got = wire.recv(65536)
            answer += got
            if not got or _is_whole(answer):
                return answer


def _is_whole(answer: bytes) -> bool:
    head, found, body = answer.partition(b"\r\n\r\n")
    length = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return bool(found and length) and len(body) >= int(length[0].split(b":")[1])


def head(account: MockAccount, length: int | str, *more: str, path: str = SUBMIT) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: mock",
        f"Authorization: Bearer {account.key}",
        "Content-Type: application/json",
        *more,
    ]
    lines += [f"Content-Length: {length}"] if length != "" else []
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def refused(answer: bytes) -> tuple[int, int]:
    """Status and provider's code of a refusal."""
    first, _, body = answer.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in first.split(b"\r\n") if line.lower().startswith(b"content-length:")
    )
    return int(first.split()[1]), json.loads(body[:length])["error"]["code"]


@pytest.fixture(autouse=True)
def _goes_on_and_bills_nothing(reapi: MockAccount) -> object:
    yield
    answer = httpx.get(f"{reapi.base_url}/api/v1/balance", headers=reapi.headers, timeout=10)
    assert answer.status_code == 200
    assert reapi.ledger()["movements"] == []
    journal = cast("list[dict[str, dict[str, int]]]", reapi.journal())
    assert [entry for entry in journal if entry["response"]["status"] >= 500] == []


DEEP = 100_000


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"not json", id="not JSON"),
        pytest.param(b"[]", id="an array"),
        pytest.param(b'"text"', id="a text"),
        pytest.param(b"null", id="null"),
        pytest.param(GOOD[:-1], id="cut off"),
        pytest.param(GOOD + b"}", id="too much"),
        pytest.param(b'{"model":"gpt-image-2","prompt":"x","n":NaN}', id="NaN"),
        pytest.param(b'{"model":"gpt-image-2","prompt":"x","n":Infinity}', id="Infinity"),
        pytest.param(b'{"model":"gpt-image-2","prompt":"x","n":1e400}', id="1e400"),
        pytest.param(b'{"model":"gpt-image-2","prompt":"x","n":' + b"9" * 5000 + b"}", id="a huge integer"),
        pytest.param(b"[" * DEEP + b"]" * DEEP, id="deep arrays"),
        pytest.param(b'{"a":' * DEEP + b"1" + b"}" * DEEP, id="deep objects"),
        pytest.param('{"model":"gpt-image-2","prompt":"füchse"}'.encode("latin-1"), id="latin-1"),
        pytest.param('{"model":"gpt-image-2","prompt":"x"}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b"\xef\xbb\xbf" + GOOD, id="a byte order mark"),
        pytest.param(b'{"model":"gpt-image-2","prompt":"\\ud800"}', id="a lone surrogate"),
        pytest.param(b'{"model":"gpt-image-2","prompt":"x\x00"}', id="a raw null byte"),
        pytest.param(b"\x00" * 64, id="null bytes"),
        pytest.param(
            b'{"model":"gpt-image-2","prompt":"x",' + b",".join(b'"f%d":1' % n for n in range(10_000)) + b"}",
            id="10,000 fields",
        ),
        pytest.param(
            b'{"model":"gpt-image-2","prompt":"x","prompt":5}', id="a duplicate key whose last value is wrong"
        ),
        pytest.param(b'{"model":["gpt-image-2"],"prompt":"x"}', id="the model in an array"),
        pytest.param(b'{"model":{"a":1},"prompt":{"b":[]}}', id="objects for texts"),
    ],
)
def test_a_body_that_is_none_is_refused_in_the_provider_s_words(mock: Mock, reapi: MockAccount, body: bytes) -> None:
    status, code = refused(send(mock, head(reapi, len(body)), body))
    assert status == 400
    assert code in {20001, 20002, 20003}


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/xml", "multipart/form-data; boundary=x", "image/png", "text/html; charset=utf-8"],
)
def test_a_content_type_that_is_no_json_is_refused(reapi: MockAccount, kind: str) -> None:
    answer = httpx.post(
        f"{reapi.base_url}/api/v1/images/generations", content=GOOD, headers={**reapi.headers, "Content-Type": kind}
    )
    assert answer.status_code == 400
    assert "expected application/json" in answer.json()["error"]["message"]


def test_two_hundred_megabytes_are_refused_by_their_announcement(mock: Mock, reapi: MockAccount) -> None:
    status, _ = refused(send(mock, head(reapi, 200 * 1024 * 1024), b"x" * 1000))
    assert status == 400


def test_two_hundred_megabytes_without_an_announcement_are_refused_while_they_arrive(
    mock: Mock, reapi: MockAccount
) -> None:
    def sent() -> int:
        host, port = mock.url.removeprefix("http://").split(":")
        block = b"100000\r\n" + b"x" * (1 << 20) + b"\r\n"
        total = 0
        with socket.create_connection((host, int(port)), timeout=20) as wire:
            wire.sendall(head(reapi, "", "Transfer-Encoding: chunked"))
            while total < 200 and not select.select([wire], [], [], 0)[0]:
                wire.sendall(block)
                total += 1
            assert refused(wire.recv(65536))[0] == 400
        return total

    assert sent() < 100


def test_a_length_that_promises_more_than_comes_ends_with_the_connection(mock: Mock, reapi: MockAccount) -> None:
    answer = send(mock, head(reapi, len(GOOD) + 10), GOOD, end=True)
    assert answer == b"" or refused(answer)[0] == 400


def test_a_length_that_promises_less_leaves_rubbish_that_is_refused(mock: Mock, reapi: MockAccount) -> None:
    answer = send(mock, head(reapi, 5), GOOD)
    assert refused(answer)[0] == 400


@pytest.mark.parametrize("length", ["-1", "abc", "99999999999999999999999", "1, 2", "0x10"])
def test_a_length_that_is_no_number_is_refused(mock: Mock, reapi: MockAccount, length: str) -> None:
    answer = send(mock, head(reapi, length), GOOD)
    assert answer.split()[1] in {b"400", b"413"}


def test_a_chunked_body_that_is_cut_off_is_not_worked_on(mock: Mock, reapi: MockAccount) -> None:
    answer = send(mock, head(reapi, "", "Transfer-Encoding: chunked"), b"2c\r\n" + GOOD[:20], end=True)
    assert answer == b"" or refused(answer)[0] == 400


def test_a_chunk_size_that_is_none_is_refused_whenever_it_comes(mock: Mock, reapi: MockAccount) -> None:
    """There is a moment in which a request has been taken from the connection, and nobody works on it yet."""
    bad = b"zz\r\n" + GOOD + b"\r\n0\r\n\r\n"
    host, port = mock.url.removeprefix("http://").split(":")
    for number in range(300):
        with socket.create_connection((host, int(port)), timeout=10) as wire:
            wire.sendall(head(reapi, "", "Transfer-Encoding: chunked"))
            time.sleep(0.00005 * (number % 9))
            wire.sendall(bad)
            assert wire.recv(65536)[8:13] == b" 400 "


def test_a_chunk_size_that_is_none_is_refused(mock: Mock, reapi: MockAccount) -> None:
    answer = send(mock, head(reapi, "", "Transfer-Encoding: chunked"), b"zz\r\n" + GOOD + b"\r\n0\r\n\r\n")
    assert answer.split()[1] == b"400"


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([f"X-Many-{number}: 1" for number in range(50_000)], id="50,000 headers"),
        pytest.param(["X-Long: " + "a" * 200_000], id="a header of 200 kB"),
        pytest.param(["X-Bad\x01Name: 1"], id="a control character in a name"),
        pytest.param(["no colon at all"], id="a line without a colon"),
        pytest.param(["Transfer-Encoding: chunked", "Transfer-Encoding: identity"], id="two encodings"),
    ],
)
def test_absurd_headers_are_refused(mock: Mock, reapi: MockAccount, lines: list[str]) -> None:
    try:
        answer = send(mock, head(reapi, len(GOOD), *lines), GOOD)
    except (ConnectionResetError, BrokenPipeError):
        return
    assert answer == b"" or answer.split()[1] in {b"400", b"431"}
    if answer:
        assert b"imageproof" in answer or b'"error"' in answer


@pytest.mark.parametrize(
    "rubbish",
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), id="TLS"),
        pytest.param(b"GET / HTTP/9.9\r\n\r\n", id="a version of the future"),
        pytest.param(b"BREW /reapi HTTP/1.1\r\nHost: x\r\n\r\n", id="an unknown method"),
        pytest.param(b"\r\n" * 100 + b"GET\r\n\r\n", id="half a request line"),
        pytest.param(b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", id="a path of 100 kB"),
    ],
)
def test_what_is_no_http_is_answered_or_cut(mock: Mock, rubbish: bytes) -> None:
    try:
        answer = send(mock, rubbish, end=True)
    except ConnectionResetError:
        return
    assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))


def test_gzip_that_unpacks_to_gigabytes_is_refused_while_it_unpacks(reapi: MockAccount) -> None:
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join(bomb.compress(bytes(1 << 20)) for _ in range(300)) + bomb.flush()
    answer = httpx.post(
        f"{reapi.base_url}/api/v1/images/generations",
        content=packed,
        headers={**reapi.headers, "Content-Encoding": "gzip"},
        timeout=30,
    )
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/reapi/api/v1/tasks/",
        "/reapi/api/v1/tasks/..%2f..%2fetc",
        "/reapi/nothing",
        "/reapi/api/v1/tasks/%00",
        "/reapi/api/v1/tasks/" + "a" * 3000,
    ],
)
def test_a_path_where_nothing_is_gets_the_provider_s_404(reapi: MockAccount, mock: Mock, path: str) -> None:
    answer = httpx.get(f"{mock.url}{path}", headers=reapi.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, 40001)


def test_the_wrong_method_says_which_one_is_right(reapi: MockAccount) -> None:
    answer = httpx.delete(f"{reapi.base_url}/api/v1/images/generations", headers=reapi.headers)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_a_request_that_names_urls_makes_the_mock_call_nobody(reapi: MockAccount) -> None:
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.3)
        url = f"http://127.0.0.1:{trap.getsockname()[1]}/image.png"
        body = {
            "model": "gpt-image-2-official",
            "prompt": "[[error: internal]] x",
            "image_urls": [url],
            "mask_url": url,
        }
        httpx.post(
            f"{reapi.base_url}/api/v1/images/generations", json={**body, "output_format": "gif"}, headers=reapi.headers
        )
        with pytest.raises(TimeoutError):
            trap.accept()


def test_nobody_holds_a_connection_for_nothing() -> None:
    with Mock("reapi", patience_s=0.4) as mock:
        host, port = mock.url.removeprefix("http://").split(":")
        account = mock.account("reapi")
        with socket.create_connection((host, int(port)), timeout=10) as silent:
            assert silent.recv(100) == b"", "a client that sends no head is let go"
        with socket.create_connection((host, int(port)), timeout=10) as slow:
            slow.sendall(b"POST /reapi/api/v1/images/generations HTTP/1.1\r\nHost: x\r\nX-Slow")
            assert slow.recv(100) == b"", "a head that never ends is let go"
        answer = send(mock, head(account, 1000), GOOD)
        assert refused(answer)[0] == 400
        assert b"did not arrive within" in answer
