"""Whether there is a target at all is found out before anything is judged."""

from __future__ import annotations

import asyncio
import ssl

import pytest
import trustme

from imageproof.suites.trouble import MOST_REDIRECTS, probe
from imageproof.suites.wire import Pace, Sender, TroubleError
from tests.suites.strangers import OK, Serve, Stranger, floods, says, says_in_turn, stranger


def probed(serve: Serve) -> Stranger:
    """Probe a server. Raises what the probe raises."""

    async def main() -> Stranger:
        async with stranger(serve) as other, Sender(other.url, Pace(max_body=300_000)) as sender:
            await probe(sender)
            return other

    return asyncio.run(main())


def answer(status: str, *headers: str, body: bytes = b"") -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""])
    return head.encode() + body


HTML = "Content-Type: text/html; charset=utf-8"


@pytest.mark.parametrize(
    "said",
    [
        OK,
        answer("404 Not Found", HTML, body=b"<h1>no page</h1>"),
        answer("401 Unauthorized"),
        answer("500 Internal Server Error", HTML, body=b"<h1>oops</h1>"),
        answer("503 Busy", "Content-Type: application/json", body=b'{"error": "starting"}'),
        answer("429 Too Many Requests", "Retry-After: 30"),
        answer("302 Found", "Location: https://docs.elsewhere.test/"),
        answer("302 Found", "Location: http://[broken"),
        answer("302 Found"),
    ],
)
def test_any_answer_of_a_gateway_will_do(said: bytes) -> None:
    assert len(probed(says(said)).requests) == 1


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (answer("407 Proxy Authentication Required"), "protocol"),
        (answer("502 Bad Gateway", HTML, body=b"<h1>nginx</h1>"), "protocol"),
        (answer("504 Gateway Timeout", HTML), "protocol"),
        (answer("400 Bad Request", HTML, body=b"The plain HTTP request was sent to HTTPS port"), "tls"),
        (answer("400 Bad Request", body=b"Client sent an HTTP request to an HTTPS server.\n"), "tls"),
        (answer("302 Found", "Location: /again"), "redirects"),
        (b"", "reset"),
        (b"220 mail.example.test ESMTP\r\n", "protocol"),
    ],
)
def test_what_is_no_gateway_is_told(said: bytes, kind: str) -> None:
    with pytest.raises(TroubleError) as caught:
        probed(says(said))
    assert caught.value.kind == kind


def test_a_body_without_an_end_is_told() -> None:
    with pytest.raises(TroubleError) as caught:
        probed(floods(b"HTTP/1.1 200 OK\r\n\r\n"))
    assert caught.value.kind == "too-large"


def test_as_many_redirects_as_are_followed_are_fine() -> None:
    moved = [answer("302 Found", f"Location: /{number}") for number in range(MOST_REDIRECTS)]
    assert len(probed(says_in_turn(*moved, OK)).requests) == MOST_REDIRECTS + 1


def test_a_gateway_that_sends_everybody_to_https_is_told() -> None:
    async def serve(other: Stranger, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await other.head(reader)
        writer.write(answer("308 Permanent Redirect", f"Location: https://127.0.0.1:{other.port}/"))

    with pytest.raises(TroubleError) as caught:
        probed(serve)
    assert (caught.value.kind, "https://" in caught.value.says) == ("redirects", True)


def test_a_server_that_speaks_tls_is_told_from_one_that_hangs_up(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL", logger="asyncio")  # the server logs the plain request
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

    async def main() -> None:
        async with (
            stranger(says(OK), tls=context) as other,
            Sender(f"http://127.0.0.1:{other.port}", Pace()) as sender,
        ):
            await probe(sender)

    with pytest.raises(TroubleError) as caught:
        asyncio.run(main())
    assert (caught.value.kind, "https://" in caught.value.says) == ("tls", True)
