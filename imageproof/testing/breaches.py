"""Requests that no rule explains: those that break one, and those that mean nothing to the provider. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from imageproof.testing.calls import Call

REFUSED = "refused"
DOWNLOAD = "download"  # a result that is gone is the provider's affair
CLIENT_ERRORS = range(400, 500)
STRAY = {
    "path": "the provider has nothing at this path",
    "method": "the path does not take this method",
    "auth_missing": "the request carries no key",
    "auth_malformed": "the key is not written as the provider wants it",
    "auth_invalid": "the key is not of the provider's form",
    "auth_revoked": "the key has been revoked",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One thing that is wrong with one request. `rule` is an id of the contract, or a key of `STRAY`, or `refused`."""

    call: Call
    rule: str
    says: str


def breaches_of(calls: Iterable[Call], sentences: Mapping[str, str]) -> list[Breach]:
    """What is wrong with these requests; `sentences` has that of each rule."""
    return [breach for call in calls for breach in _of_call(call, sentences)]


def _of_call(call: Call, sentences: Mapping[str, str]) -> list[Breach]:
    if not call.operation:
        return [Breach(call=call, rule=call.note, says=STRAY.get(call.note, "the key was refused"))]
    if call.rules:
        return [Breach(call=call, rule=rule, says=sentences.get(rule, "")) for rule in call.rules]
    if call.note and not call.fault and call.status in CLIENT_ERRORS and call.operation != DOWNLOAD:
        return [Breach(call=call, rule=REFUSED, says=call.note)]
    return []


def without(breaches: Iterable[Breach], allowed: Collection[str]) -> list[Breach]:
    """Those that no pattern allows; a pattern is an id, or a glob in which `*` stands for anything."""
    return [
        breach
        for breach in breaches
        if not any(pattern == breach.rule or fnmatchcase(breach.rule, pattern) for pattern in allowed)
    ]
