"""Each way in which no answer comes has its kind and one sentence that names the host and the port."""

from __future__ import annotations

import asyncio
import socket
import ssl
from datetime import UTC, datetime

import pytest
import trustme

from imageproof.suites.no_answer import explain, where
from imageproof.suites.wire import Outgoing, Pace, Sender, TroubleError
from tests.suites.strangers import OK, Serve, Stranger, drips, floods, says, stays_silent, stranger

GET = Outgoing(method="GET", path="/")
OPEN_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"
SOON_S = 0.05


async def trouble_at(url: str, pace: Pace | None = None, out: Outgoing = GET) -> TroubleError:
    """Send one request to a URL that gives no answer."""
    async with Sender(url, pace or Pace()) as sender:
        with pytest.raises(TroubleError) as caught:
            await sender.send(out)
    return caught.value


def trouble_with(serve: Serve, pace: Pace | None = None, *, tls: ssl.SSLContext | None = None) -> TroubleError:
    """Send one request to a server; its sentence must name the server."""

    async def main() -> TroubleError:
        async with stranger(serve, tls=tls) as other:
            error = await trouble_at(other.url, pace)
            assert f"127.0.0.1:{other.port}" in error.says
            return error

    error = asyncio.run(main())
    assert error.says.startswith("expected ")
    assert "\n" not in error.says
    assert 0 <= error.began_s <= error.ended_s
    return error


async def resets(other: Stranger, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await other.head(reader)
    writer.transport.abort()


@pytest.mark.parametrize(
    ("serve", "kind"),
    [
        pytest.param(says(b""), "reset", id="closes"),
        pytest.param(resets, "reset", id="aborts"),
        pytest.param(says(b"HTTP/1.1 100 Continue\r\n\r\n"), "reset", id="goes on and leaves"),
        pytest.param(says(b"SSH-2.0-OpenSSH_9.6\r\n"), "protocol", id="ssh"),
        pytest.param(says(b"<html>hello</html>"), "protocol", id="html without a head"),
        pytest.param(says(bytes(range(256))), "protocol", id="bytes"),
        pytest.param(says(b"HTTP/1.1 42 OK\r\nContent-Length: 0\r\n\r\n"), "protocol", id="status of two digits"),
        pytest.param(says(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nabc"), "protocol", id="cut"),
        pytest.param(says(b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nab"), "protocol", id="length in words"),
        pytest.param(
            says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc"), "protocol", id="two lengths"
        ),
        pytest.param(
            says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"), "protocol", id="no last chunk"
        ),
        pytest.param(
            says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n"), "protocol", id="bad chunk"
        ),
        pytest.param(
            says(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"), "protocol", id="no gzip"
        ),
        pytest.param(says(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n"), "protocol", id="long header"),
    ],
)
def test_half_an_answer_or_none(serve: Serve, kind: str) -> None:
    assert trouble_with(serve).kind == kind


@pytest.mark.parametrize(
    ("serve", "got"),
    [
        pytest.param(stays_silent, "nothing", id="silent"),
        pytest.param(drips(b"HTTP/1.1 200 OK\r\nX-Slow:"), "nothing", id="slow headers"),
        pytest.param(drips(OPEN_HEAD + b"abc"), "3 bytes", id="body without an end"),
    ],
)
def test_patience_ends_and_says_how_far_the_answer_came(serve: Serve, got: str) -> None:
    error = trouble_with(serve, Pace(patience_s=SOON_S))
    assert error.kind == "timeout"
    assert f"got {got}" in error.says


def test_the_first_byte_has_a_patience_of_its_own() -> None:
    error = trouble_with(stays_silent, Pace(first_byte_s=SOON_S))
    assert error.kind == "timeout"
    assert f"{SOON_S:g} s" in error.says


def test_a_body_that_is_too_long_is_not_read_to_its_end() -> None:
    assert trouble_with(floods(OPEN_HEAD), Pace(max_body=200_000)).kind == "too-large"


def test_a_small_body_that_unpacks_to_a_huge_one_is_too_long() -> None:
    import gzip  # noqa: PLC0415  (this test alone packs)

    packed = gzip.compress(b"\0" * 5_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    assert trouble_with(says(head + packed), Pace(max_body=1_000_000)).kind == "too-large"


def test_nobody_listens() -> None:
    with socket.socket() as bound:  # bound, and never listening: no other program gets this port
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        error = asyncio.run(trouble_at(f"http://127.0.0.1:{port}"))
    assert error.kind == "refused"
    assert f"127.0.0.1:{port}" in error.says


def test_nobody_knows_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = asyncio.run(trouble_at("http://gateway.test"))
    assert (error.kind, "gateway.test:80" in error.says) == ("dns", True)


def test_a_host_that_can_not_be_a_name_is_known_to_nobody() -> None:
    assert asyncio.run(trouble_at("http://a..b")).kind == "dns"


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999", "http://[::1", "ftp://127.0.0.1", "http://", "data:,x"])
def test_an_address_that_can_not_be_fetched_is_the_targets_trouble(url: str) -> None:
    """Targets give such ones as the address of a result."""
    error = asyncio.run(trouble_at("http://127.0.0.1:9", out=Outgoing(method="GET", path=url)))
    assert error.kind == "protocol"


def test_the_sentence_holds_no_user_path_or_query() -> None:
    assert where("https://me:secret@[::1]:8443/v1?key=secret") == "[::1]:8443"
    error = asyncio.run(trouble_at("ftp://me:secret@127.0.0.1"))
    assert "secret" not in error.says


def server_tls(*, name: str = "127.0.0.1", until: datetime | None = None) -> tuple[trustme.CA, ssl.SSLContext]:
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(name, not_after=until).configure_cert(context)
    return ca, context


def trusting(ca: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> None:
    """What SSL_CERT_FILE does for a user: this issuer is known."""
    context = ssl.create_default_context()
    ca.configure_trust(context)
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", context)


@pytest.fixture
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Servers log that the client hung up, which is the point of these tests."""
    caplog.set_level("CRITICAL", logger="asyncio")


@pytest.mark.usefixtures("_quiet")
class TestTls:
    def test_an_unknown_issuer(self) -> None:
        error = trouble_with(says(OK), tls=server_tls()[1])
        assert (error.kind, "SSL_CERT_FILE" in error.says) == ("tls", True)

    def test_a_known_issuer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ca, context = server_tls()
        trusting(ca, monkeypatch)

        async def main() -> int:
            async with stranger(says(OK), tls=context) as other, Sender(other.url, Pace()) as sender:
                return (await sender.send(GET)).status

        assert asyncio.run(main()) == 200

    def test_the_certificate_of_another_host(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ca, context = server_tls(name="elsewhere.test")
        trusting(ca, monkeypatch)
        error = trouble_with(says(OK), tls=context)
        assert (error.kind, "another host" in error.says) == ("tls", True)

    def test_a_certificate_that_has_expired(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ca, context = server_tls(until=datetime(2020, 1, 1, tzinfo=UTC))
        trusting(ca, monkeypatch)
        error = trouble_with(says(OK), tls=context)
        assert (error.kind, "expired" in error.says) == ("tls", True)

    def test_plain_text_where_tls_was_expected(self) -> None:
        async def serve(_: Stranger, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(100)
            writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()

        async def main() -> TroubleError:
            async with stranger(serve) as other:
                return await trouble_at(f"https://127.0.0.1:{other.port}")

        error = asyncio.run(main())
        assert (error.kind, "http://" in error.says) == ("tls", True)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ssl.SSLError(1, "something new"), "tls"),
        (ConnectionResetError(), "reset"),
        (OSError(24, "too many open files"), "protocol"),
        (ValueError("odd"), "protocol"),
    ],
)
def test_what_nobody_thought_of_has_a_sentence_too(error: Exception, kind: str) -> None:
    got, sentence = explain(error, "gateway.test:80")
    assert got == kind
    assert "gateway.test:80" in sentence
