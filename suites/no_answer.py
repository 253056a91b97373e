"""Why no answer came: one kind and one sentence for everything that can go wrong on the way to a target and back."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = 160  # characters of what somebody else says
PORTS = {"http": 80, "https": 443}

# The numbers are those of OpenSSL's X509_V_ERR_...
CERTIFICATES: Mapping[int, str] = {
    9: "got a certificate that is not valid yet: is this machine's clock right?",
    10: "got a certificate that has expired: renew it",
    18: "got one that it signed itself: name it in SSL_CERT_FILE to trust it",
    19: "got one whose issuer is unknown here: name the issuer's certificate in SSL_CERT_FILE to trust it",
    20: "got one whose issuer is unknown here: name the issuer's certificate in SSL_CERT_FILE to trust it",
    21: "got one whose issuer is unknown here: name the issuer's certificate in SSL_CERT_FILE to trust it",
    62: "got the certificate of another host: use the name that it was issued for",
    64: "got the certificate of another host: use the name that it was issued for",
}
PLAIN = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"})


class TroubleError(Exception):
    """No answer. `kind` is one of those of `records.lines.Trouble`, or `over` when the time of the run has ended."""

    def __init__(self, kind: str, says: str, *, began_s: float = 0.0, ended_s: float = 0.0) -> None:
        super().__init__(says)
        self.kind = kind
        self.says = says
        self.began_s = began_s
        self.ended_s = ended_s


def where(url: str) -> str:
    """The host and port of a URL, without a user, a path or a query, which may hold secrets.

    Raises TroubleError for what is no URL of HTTP: targets give such ones as the address of a result.
    """
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError as error:
        raise TroubleError("protocol", f"expected a URL that can be fetched, got one that is none: {error}") from None
    if scheme not in PORTS or not host:
        raise TroubleError(
            "protocol", f"expected a URL with http or https and a host, got {url.rpartition('@')[2][:LONGEST]!r}"
        )
    return f"{f'[{host}]' if ':' in host else host}:{port or PORTS[scheme]}"


def late(at: str, limit_s: float, received: int | None) -> str:
    """What to say when the time for one answer is over; `received` bytes of its body came, or None: nothing at all."""
    got = "nothing" if received is None else f"{received:,} bytes of a body that did not end"
    return (
        f"expected a whole answer from {at} within {limit_s:g} s, got {got}: is it stuck, or is more patience needed?"
    )


def explain(error: Exception, at: str) -> tuple[str, str]:
    """The kind and one sentence about why `at` gave no answer, for somebody who sees it for the first time."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return "tls", _tls(error.certificate_error, at)
        case aiohttp.ClientConnectorSSLError():
            return "tls", _tls(error.os_error, at)
        case ssl.SSLError():
            return "tls", _tls(error, at)
        case aiohttp.ClientConnectorDNSError() | UnicodeError():  # a name that can't be asked for is known to nobody
            return "dns", f"expected an address for the host of {at}, got none: check the host of the base URL"
        case aiohttp.ClientConnectorError():
            return "refused", _refused(error.os_error, at)
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError() | ConnectionError():
            return "reset", f"expected an answer from {at}, got a connection that it closed before it had answered"
        case aiohttp.ClientPayloadError():
            return (
                "protocol",
                f"expected a whole body from {at}, got one that is cut or wrongly encoded: {_short(error)}",
            )
        case aiohttp.ClientResponseError():
            return "protocol", f"expected an HTTP answer from {at}, got something else: {_short(error.message)}"
        case _:
            return "protocol", f"expected an HTTP answer from {at}, got {type(error).__name__}: {_short(error)}"


def _refused(error: OSError, at: str) -> str:
    if isinstance(error, ConnectionRefusedError):
        return f"expected somebody to listen at {at}, got a refused connection: is the gateway running there?"
    return f"expected a connection to {at}, got none: {_short(error.strerror or error)}"


def _tls(error: BaseException, at: str) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        advice = CERTIFICATES.get(error.verify_code, f"got one that is refused: {_short(error.verify_message)}")
        return f"expected a certificate of {at} that can be trusted, {advice}"
    if getattr(error, "reason", None) in PLAIN:  # not every SSLError of Python has one
        return f"expected TLS at {at}, got plain text: use http:// in the base URL, or the port that speaks TLS"
    return f"expected TLS at {at}, got an error: {_short(error)}"


def _short(error: object) -> str:
    return " ".join(str(error).split())[:LONGEST]
