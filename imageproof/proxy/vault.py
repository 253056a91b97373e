"""Secrets in traffic that nobody told us of: learned from what is sent, and kept out of everything that is written."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from imageproof.records.redact import MASK, SECRET_HEADERS, SHORTEST, Redactor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imageproof.proxy.tape import Headers, Tape
    from imageproof.specs.model import Spec

MOST = 1_000  # keys that are looked for in everything; those of an exchange itself always are
LONGEST = 4_096  # characters of a key; what is cut off at the end of a record may hold a part of one
MASKS = ("[key]", "[redacted]", "***", "REDACTED", "redacted", "…")
NAMES = (
    r"api[-_]?key|apikey|x[-_]api[-_]key|access[-_]?token|refresh[-_]?token|auth[-_]?token|id[-_]?token"
    r"|client[-_]?secret|secret[-_]?key|secret|password|passwd|authorization"
)
HEADER = re.compile(rf"(?i).*({NAMES}|token|cookie)$")
QUERY = re.compile(rf"(?i)([?&;](?:{NAMES}|key|token)=)([^&#;\s\"'<>\\]+)")
FIELD = re.compile(rf'(?i)(\\?"(?:{NAMES})\\?"\s*:\s*\\?")((?:[^"\\]|\\(?!").)+)')
BEARER = re.compile(r"(?i)(\bbearer(?:\s+|%20|\+))([A-Za-z0-9._~+/=-]{12,})")
LEAST = 8  # characters of what may be a secret, or a number in a header with a name like one
COOKIES = frozenset({"cookie", "set-cookie"})
LEAST_PREFIX = 3  # characters that keys of a provider begin with, to be known without having been seen


class Vault:
    """What must not be written. `learn` looks at an exchange before any of it is written down."""

    def __init__(self, spec: Spec) -> None:
        self._header = spec.auth.header.lower()
        self._form = _form_of(spec.auth.key_pattern)
        self._known: dict[str, None] = {}
        self._redactor = Redactor(())

    def learn(self, tape: Tape) -> tuple[str, ...]:
        """Take the secrets of an exchange. Gives the keys that say who asks, masked ones left out."""
        keys = tuple(dict.fromkeys(self._keys(tape.request_headers)))
        others = (
            *self._others(tape.request_headers), *self._others(tape.response_headers), *_of_url(tape.url)
        )  # fmt: skip
        fresh = [key for key in keys if len(key) >= SHORTEST] + [other for other in others if len(other) >= LEAST]
        fresh = [secret for secret in fresh if secret not in self._known]
        if fresh:
            self._known.update(dict.fromkeys(fresh))
            for old in list(self._known)[:-MOST]:
                del self._known[old]
            self._redactor = Redactor(self._known)
        return tuple(key for key in keys if not key.startswith(MASKS))

    def is_secret(self, name: str) -> bool:
        """Whether a header carries a secret."""
        low = name.lower()
        return low == self._header or low in SECRET_HEADERS or HEADER.fullmatch(low) is not None

    def _keys(self, headers: Headers) -> Iterator[str]:
        """The keys that say who asks."""
        for name, value in headers:
            if name.lower() == self._header or name.lower() in SECRET_HEADERS - COOKIES:
                scheme, space, rest = value.partition(" ")
                yield rest.strip() if space and scheme.isalpha() else value
                if scheme.lower() == "basic":
                    yield from _of_basic(rest)

    def _others(self, headers: Headers) -> Iterator[str]:
        """What else in headers is nobody's business."""
        for name, value in headers:
            if name.lower() in COOKIES:
                yield from (part.partition("=")[2].strip() for part in value.split(";"))
            elif self.is_secret(name):
                yield value

    def text(self, text: str) -> str:
        """A text without any secret."""
        text = self._redactor.text(text)
        if self._form is not None:
            text = self._form.sub(MASK, text)
        for pattern in (QUERY, FIELD, BEARER):
            text = pattern.sub(_masked, text)
        return text

    def beginning(self, text: str, most: int) -> tuple[str, bool]:
        """The first characters of a text without any secret, also none that is cut in two; whether some were cut."""
        clean = self.text(text[: most + LONGEST])
        return clean[:most], len(clean) > most or len(text) > most + LONGEST

    def headers(self, headers: Headers) -> Headers:
        """Headers without any secret; of those that carry one only the scheme is left."""
        return tuple((name, self._header_value(name, value)) for name, value in headers)

    def _header_value(self, name: str, value: str) -> str:
        if not self.is_secret(name):
            return self.text(value)
        scheme, space, rest = value.partition(" ")
        return f"{scheme} {MASK}" if space and rest and scheme.isalpha() else MASK


def _masked(found: re.Match[str]) -> str:
    return f"{found[1]}{MASK}"


def _of_url(url: str) -> Iterator[str]:
    for name, value in parse_qsl(url.partition("?")[2], keep_blank_values=True):
        if QUERY.fullmatch(f"?{name}=x"):
            yield value


def _of_basic(text: str) -> Iterable[str]:
    try:
        plain = base64.b64decode(text.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):  # no user and password, so there is nothing more to hide
        return ()
    return (plain, plain.partition(":")[2])


def _form_of(pattern: str) -> re.Pattern[str] | None:
    """What finds keys of a provider's own form in any text; None where the form is too loose for that."""
    prefix = re.match(r"[A-Za-z0-9_-]*", pattern)
    if prefix is None or len(prefix[0]) < LEAST_PREFIX:
        return None
    return re.compile(rf"(?<![A-Za-z0-9_-]){pattern}")
