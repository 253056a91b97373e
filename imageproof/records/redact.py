"""Keep secrets out of everything that is written: keys by value, and the values of headers that carry secrets."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK = "[key]"
SHORTEST = 4  # shorter texts occur by chance, and no provider issues such keys
SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "set-cookie"}
)


class Redactor:
    """Replaces every known key, also where it is percent-encoded, in JSON or in base64. Longer keys go first."""

    __slots__ = ("_pattern",)

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)}
        ordered = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(re.escape(form) for form in ordered)) if ordered else None

    def text(self, text: str) -> str:
        """The text without any key."""
        return self._pattern.sub(MASK, text) if self._pattern else text

    def headers(self, pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """The headers; of those that carry secrets only the scheme (`Bearer`) is left."""
        return tuple((name, self._header(name, value)) for name, value in pairs)

    def _header(self, name: str, value: str) -> str:
        if name.lower() not in SECRET_HEADERS:
            return self.text(value)
        scheme, space, rest = value.partition(" ")
        return f"{scheme} {MASK}" if space and rest and scheme.isalpha() else MASK


def _forms(secret: str) -> set[str]:
    in_base64 = base64.b64encode(secret.encode()).decode().rstrip("=")
    in_json = secret.replace("\\", "\\\\").replace('"', '\\"')
    return {secret, quote(secret, safe=""), in_json, in_base64}
