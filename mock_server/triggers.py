"""Test cards: magic words in a prompt, in a key or in a header, the same in every dialect.

`[[fail: upstream_failed]]` in a prompt, `_nocredit` at the end of a key, `X-Imageproof-Scenario: slow: 90s; status: 502
x2`.
They need no set-up and pass through any gateway. A trigger that is misspelt is refused loudly, never ignored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from imageproof.mock_server.faults.words import fault_in
from imageproof.specs.fault_base import FaultError
from imageproof.specs.problems import nearest
from imageproof.specs.reading import seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from imageproof.specs.faults import Fault

HEADER = "X-Imageproof-Scenario"
CARD = re.compile(r"\[\[([^\[\]]{1,400})\]\]")
SIZE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(kB|MB)")
UNITS = {"kB": 1_000, "MB": 1_000_000}
MOST_BYTES = 100_000_000
TIMES = re.compile(r"(.+?)\s+x([0-9]{1,4})")
KEY_CARD = re.compile(r"_(nocredit|revoked|invalid|limited|instant|hold|moderated|polls[0-9]{1,3})$")


class TriggerError(ValueError):
    """A trigger that is not understood. The message says what is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What the triggers of one request ask for. Times are seconds; None and empty mean that nothing is asked."""

    fail: str | None = None
    moderated: str | None = None
    run_s: float | None = None
    queue_s: float | None = None
    moves: str | None = None
    polls: int = 0
    status: int | None = None
    error: str | None = None
    times: int = 1
    expired: bool = False
    nocredit: bool = False
    limited: bool = False
    refused_key: str | None = None
    faults: tuple[Fault, ...] = ()
    scenario: str | None = None
    payload: int | None = None

    def over(self, other: Script) -> Script:
        """This script where it says something, the other one elsewhere. Faults add up."""
        if other is NOTHING:
            return self
        said = {
            item.name: getattr(self, item.name) for item in fields(self) if getattr(self, item.name) != item.default
        }
        if self.faults and other.faults:
            said["faults"] = other.faults + self.faults
        return replace(other, **said)

    def with_faults(self, faults: tuple[Fault, ...]) -> Script:
        """The same with more faults."""
        return replace(self, faults=self.faults + faults)


NOTHING = Script()


def one_nothing(script: Script) -> Script:
    """The same script; one that asks for nothing is always `NOTHING` itself, so that `is` tells it."""
    return NOTHING if script == NOTHING else script


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One row of the published table: `write` is what one writes, `does` what happens."""

    where: str
    write: str
    does: str


def _duration(text: str) -> float:
    try:
        return seconds(text)
    except ValueError as error:
        raise TriggerError(str(error)) from None


def _counted(text: str) -> tuple[str, int]:
    match = TIMES.fullmatch(text)
    return (match[1].strip(), int(match[2])) if match else (text, 1)


def _status(text: str) -> Script:
    code, times = _counted(text)
    if not code.isdigit() or not 400 <= int(code) <= 599:  # noqa: PLR2004  (the statuses that are errors)
        message = f"expected a status from 400 to 599, such as [[status: 502 x2]], got {text!r}"
        raise TriggerError(message)
    return Script(status=int(code), times=times)


def _error(text: str) -> Script:
    name, times = _counted(text)
    return Script(error=name, times=times)


def _fault(text: str) -> Script:
    try:
        return Script(faults=(fault_in(text),))
    except FaultError as error:
        raise TriggerError(str(error)) from None


def _bytes(text: str) -> Script:
    match = SIZE.fullmatch(text)
    size = round(float(match[1]) * UNITS[match[2]]) if match else 0
    if not 0 < size <= MOST_BYTES:
        message = f"expected a size up to {MOST_BYTES // UNITS['MB']} MB, such as [[bytes: 5MB]], got {text!r}"
        raise TriggerError(message)
    return Script(payload=size)


def _scenario(text: str) -> Script:
    if not text:
        message = "expected the name of a scenario, such as [[scenario: NAME]], got nothing"
        raise TriggerError(message)
    return Script(scenario=text)


def _polls(text: str) -> Script:
    if not text.isdigit() or not 1 <= int(text) <= 200:  # noqa: PLR2004  (fits into a byte of the record)
        message = f"expected a number of polls from 1 to 200, such as [[polls: 3]], got {text!r}"
        raise TriggerError(message)
    return Script(moves="polls", polls=int(text))


WORDS: dict[str, tuple[Callable[[str], Script], str, str]] = {
    "fail": (
        lambda text: Script(fail=text or "upstream_failed"),
        "fail: upstream_failed",
        "the job is accepted and ends with this documented failure (a synchronous call answers with it); not billed",
    ),
    "moderated": (
        lambda text: Script(moderated=text or "input"),
        "moderated",
        "refused by moderation before the job is taken; `moderated: output` refuses the finished image",
    ),
    "slow": (lambda text: Script(run_s=_duration(text)), "slow: 90s", "the job runs exactly so long"),
    "queue": (lambda text: Script(queue_s=_duration(text)), "queue: 10s", "the job waits so long before it runs"),
    "instant": (lambda _: Script(run_s=0.0, queue_s=0.0), "instant", "the job is done at once"),
    "polls": (_polls, "polls: 3", "the job is done at the third poll, whatever the time"),
    "hold": (lambda _: Script(moves="hand"), "hold", "the job is stuck until it is moved by hand (control API)"),
    "status": (
        _status,
        "status: 502 x2",
        "the first two tries of this very request get this HTTP status, the next one works",
    ),
    "error": (
        _error,
        "error: rate_limited x2",
        "the same with an error answer of the provider, by its name in the spec",
    ),
    "expired": (
        lambda _: Script(expired=True),
        "expired",
        "the result can't be fetched any more, as if its lifetime were over",
    ),
    "fault": (
        _fault,
        "fault: {status: 502, on: poll, times: 2}",
        "any fault strikes this job: its request, its polls, its downloads",
    ),
    "bytes": (_bytes, "bytes: 5MB", "each image of the job is a file of that size, if it is not larger already"),
    "scenario": (_scenario, "scenario: NAME", "the plan and the faults of a scenario, for this job"),
}
KEYS: dict[str, tuple[Script, str]] = {
    "nocredit": (Script(nocredit=True), "every billable request is refused for lack of funds"),
    "revoked": (Script(refused_key="auth_revoked"), "the key has been revoked"),
    "invalid": (Script(refused_key="auth_invalid"), "the key is not known"),
    "limited": (Script(limited=True), "the documented rate limits apply to this key"),
    "instant": (Script(run_s=0.0, queue_s=0.0), "every job is done at once"),
    "hold": (Script(moves="hand"), "every job is stuck until it is moved by hand"),
    "moderated": (Script(moderated="input"), "every prompt is refused by moderation"),
}


def read_word(text: str) -> Script:
    """Read one `name` or `name: value`. Raises TriggerError, naming the nearest known word."""
    name, _, value = text.partition(":")
    known = WORDS.get(name.strip())
    if known is None:
        near = nearest(name.strip(), WORDS)
        hint = f"did you mean {near!r}?" if near else f"known are {', '.join(WORDS)}"
        message = f"unknown trigger {name.strip()!r}: {hint}"
        raise TriggerError(message)
    return known[0](value.strip())


def _together(scripts: Iterable[Script]) -> Script:
    out = NOTHING
    for script in scripts:
        out = script.over(out)
    return out


def in_prompt(prompt: str) -> Script:
    """The triggers of a prompt.

    Brackets may be ordinary text there, so only what is nearly a word raises TriggerError.
    """
    if "[[" not in prompt:
        return NOTHING
    return _together(read_word(match[1]) for match in CARD.finditer(prompt) if _is_meant(match[1]))


def _is_meant(text: str) -> bool:
    name = text.partition(":")[0].strip()
    return name in WORDS or nearest(name, WORDS) is not None


def in_header(value: str) -> Script:
    """The triggers of the scenario header, separated by semicolons. Raises TriggerError."""
    return _together(read_word(part) for part in _parts(value) if part.strip())


def _parts(value: str) -> Iterable[str]:
    """What semicolons separate; those within braces belong to a fault."""
    depth, start = 0, 0
    for index, letter in enumerate(value):
        depth += (letter == "{") - (letter == "}")
        if letter == ";" and depth <= 0:
            yield value[start:index]
            start = index + 1
    yield value[start:]


def in_key(key: str) -> Script:
    """The trigger at the end of a key."""
    match = KEY_CARD.search(key)
    if match is None:
        return NOTHING
    if match[1].startswith("polls"):
        return Script(moves="polls", polls=max(1, min(200, int(match[1][5:]))))
    return KEYS[match[1]][0]


def cards() -> list[Card]:
    """The published table."""
    prompts = [Card(where="prompt or header", write=example, does=does) for _, example, does in WORDS.values()]
    keys = [Card(where="end of the key", write=f"_{name}", does=does) for name, (_, does) in KEYS.items()]
    return [*prompts, *keys, Card(where="end of the key", write="_polls3", does="every job is done at the third poll")]
