"""All chance of the mock, as a pure function of seed, account, job and attempt.

The same under concurrency and in any worker.

A job is what was asked for (the digest of the request), an attempt is how often this account has asked for it before.
Two clients
that race therefore get the same fates as two that queue.
"""

from __future__ import annotations

import re
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from imageproof.specs.template import ID_PART

if TYPE_CHECKING:
    from collections.abc import Callable

BYTES = 40
FULL = float(1 << 32)
LARGEST = (1 << 64) - 1
ODD = 0x9E3779B97F4A7C15  # multiples of an odd number differ; those of this one, the golden ratio's, lie far apart
ALNUM = "0123456789abcdefghijklmnopqrstuvwxyz"


def job_digest(content: bytes) -> bytes:
    """The identity of a job: eight bytes of the digest of what was sent."""
    return blake2b(content, digest_size=8).digest()


class Fate(NamedTuple):
    """Enough chance for one attempt of one job. Each part is independent of the others."""

    digest: bytes

    @property
    def identity(self) -> bytes:
        """The sixteen bytes from which ids are made."""
        return self.digest[:16]

    def share(self, index: int) -> float:
        """A number from 0 (included) to 1 (excluded); `index` 0 to 4 picks which."""
        start = 16 + 4 * index
        return int.from_bytes(self.digest[start : start + 4], "little") / FULL

    def between(self, index: int, least: float, most: float) -> float:
        """A number between the two ends."""
        return least + (most - least) * self.share(index)


def fate_of(seed: bytes, account: bytes, job: bytes, attempt: int) -> Fate:
    """The fate of one attempt. `seed` keys the digest, so that two seeds have nothing in common."""
    return Fate(blake2b(b"%b\0%b%d" % (account, job, attempt), digest_size=BYTES, key=seed).digest())


def spread(count: int) -> bytes:
    """Sixteen bytes for a number, from which ids are made: no two numbers have the same, and neighbours look unlike."""
    return (count * ODD & LARGEST).to_bytes(8, "big") + count.to_bytes(8, "big")


def fill_id(template: str, identity: bytes) -> str:
    """Make an id such as `task_{hex32}`, `image_{uuid}` or `task_img_{alnum12}` from sixteen bytes."""
    return id_maker(template)(identity)


@cache
def id_maker(template: str) -> Callable[[bytes], str]:
    """Compile a template of ids; the usual one, a prefix and hexadecimal digits, is two operations."""
    match = ID_PART.search(template)
    if (
        match is not None
        and match[1] == "hex"
        and match.end() == len(template)
        and "{" not in template[: match.start()]
    ):
        prefix, length = template[: match.start()], int(match[2])
        return lambda identity: prefix + identity.hex()[:length]
    return lambda identity: _filled(template, identity)


def _filled(template: str, identity: bytes) -> str:
    text = identity.hex()

    def put(match: re.Match[str]) -> str:
        if match[1] == "hex":
            return text[: int(match[2])]
        if match[1] == "alnum":
            return _base36(identity)[: int(match[2])]
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-8{text[17:20]}-{text[20:32]}"

    return ID_PART.sub(put, template)


def _base36(identity: bytes) -> str:
    number, out = int.from_bytes(identity, "big"), []
    for _ in range(24):
        number, digit = divmod(number, 36)
        out.append(ALNUM[digit])
    return "".join(out)


def id_pattern(template: str) -> str:
    """The regular expression of the ids that a template makes; the random part is the group `random`."""
    out, end, named = "", 0, False
    for match in ID_PART.finditer(template):
        letters = {"hex": "[0-9a-f]", "alnum": "[0-9a-z]"}.get(match[1] or "")
        body = f"{letters}{{{match[2]}}}" if letters else "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
        out += re.escape(template[end : match.start()]) + (f"(?:{body})" if named else f"(?P<random>{body})")
        end, named = match.end(), True
    return out + re.escape(template[end:])
