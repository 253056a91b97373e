"""Every way in which a provider can fail, as values: what goes wrong, apart from when and how often.

How a fault is put on the wire is the mock's affair. A fault is written as one mapping, the same in scenario files, on
the command line, in headers, prompts and programs: one key says what (`status: 502`), the others say when (`on: poll`,
`times: 2`, `after: 1`, `share: 0.3`, `from: 30s`, `until: 60s`, `model: gpt-image-2`, `key: "sk-*"`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.specs.fault_answers import (
    ContentLength,
    ContentType,
    Drip,
    ErrorAnswer,
    FieldChange,
    Garbled,
    Gzip,
    HalfClosed,
    Lost,
    OtherState,
    Refused,
    Reset,
    Silent,
    Skew,
    Slow,
    Stall,
    StatusAnswer,
)
from imageproof.specs.fault_base import FaultError, What, choice, duration
from imageproof.specs.fault_tasks import (
    BrokenResult,
    BrokenStream,
    BrokenWebhook,
    ErrorInSuccess,
    Fails,
    FewerImages,
    Flips,
    GoesBack,
    Hidden,
    LateDetail,
    NoResult,
    ShortLived,
    Stuck,
    Unreadable,
    Vanishes,
)
from imageproof.specs.problems import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imageproof.specs.model import JsonTree

ALWAYS = 0  # of `times`: each request that it is meant for
PLACES = ("submit", "poll", "result", "generate", "edit", "upload", "balance", "models", "download", "any")
"""Where a fault may strike: what an operation does, `download` for the URLs of results, `any` for all."""


KINDS: dict[str, type[What]] = {
    kind.KEY: kind
    for kind in (
        ErrorAnswer, StatusAnswer, Refused, Reset, HalfClosed, Silent, Slow, Drip, Stall, Lost, Garbled, ContentType,
        ContentLength, Gzip, FieldChange, OtherState, Skew, Stuck, Fails, Vanishes, NoResult, FewerImages,
        ErrorInSuccess, Flips, GoesBack, Hidden, Unreadable, ShortLived, LateDetail, BrokenResult, BrokenStream,
        BrokenWebhook,
    )
}  # fmt: skip
"""All ways to go wrong, by their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: `what` goes wrong, and when.

    `on` is one of PLACES; `times` how often at most (0: always); `after` how many requests are left alone first;
    `share` the part of the requests that it strikes, drawn by the seed; `from_s` and `until_s` the window in the
    account's own seconds since its first request; `model` and `key` the names it is restricted to, as in a shell.
    """

    what: What
    on: str
    times: int = 1
    after: int = 0
    share: float = 1.0
    from_s: float = 0.0
    until_s: float | None = None
    model: str | None = None
    key: str | None = None


WHEN = ("on", "times", "after", "share", "from", "until", "model", "key")
BESIDE = {"retry_after": "error", "body": "status"}  # may stand beside their key as well as below it


def read_fault(tree: JsonTree) -> Fault:
    """Read one fault from plain data. Raises FaultError, naming the nearest known word."""
    if not isinstance(tree, dict):
        raise FaultError(f"expected a fault such as {{status: 502, on: poll}}, got {tree!r}")
    parts = dict(tree)
    for name, owner in BESIDE.items():
        if name in parts and owner in parts:
            inner = {"error": "name", "status": "code"}[owner]
            known = parts[owner] if isinstance(parts[owner], dict) else {inner: parts[owner]}
            parts[owner] = {**known, name: parts.pop(name)}  # type: ignore[dict-item]  # a mapping was made of it
    kinds = [name for name in parts if name in KINDS]
    unknown = [name for name in parts if name not in KINDS and name not in WHEN]
    if unknown:
        near = nearest(unknown[0], [*KINDS, *WHEN])
        hint = f"did you mean {near!r}?" if near else f"known are {', '.join(KINDS)}; {', '.join(WHEN)}"
        raise FaultError(f"unknown word {unknown[0]!r} in a fault: {hint}")
    if len(kinds) != 1:
        raise FaultError(f"expected exactly one thing to go wrong, got {', '.join(kinds) or 'none'}")
    kind = KINDS[kinds[0]]
    what = kind.read(parts[kinds[0]])
    return Fault(what=what, **_when(parts, kind))  # type: ignore[arg-type]  # by name


def _when(parts: Mapping[str, JsonTree], kind: type[What]) -> dict[str, object]:
    out: dict[str, object] = {"on": choice(parts.get("on", kind.PLACE or "any"), PLACES, "on")}
    times = parts.get("times", ALWAYS if kind.PLACE is None else 1)
    out["times"] = ALWAYS if times == "always" else _count(times, "times")
    out["after"] = _count(parts.get("after", 0), "after")
    share = parts.get("share", 1.0)
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
        raise FaultError(f"expected share to be above 0 and at most 1, got {share!r}")
    out["share"] = float(share)
    out["from_s"] = duration(parts.get("from", 0), "from")
    out["until_s"] = duration(parts["until"], "until") if "until" in parts else None
    for name in ("model", "key"):
        if name in parts:
            out[name] = str(parts[name])
    return out


def _count(value: JsonTree, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise FaultError(f"expected a number from 0 for {what}, got {value!r}")
    return value
