"""What of a provider's advice can be checked on the wire: a closed set, written as `check:` beside an advice.

`check: no_base64` is a check without parameters, `check: {tries_at_most: 3, on: 5xx}` one with. `on` names an error of
the spec, a class of statuses (`4xx`, `5xx`), or `timeout` for a request that nobody answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.specs.nodes import Mapping, Scalar, plain
from imageproof.specs.problems import nearest
from imageproof.specs.reading import child, items, seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from imageproof.specs.nodes import Node
    from imageproof.specs.reading import Reader

CLASSES = ("4xx", "5xx", "timeout")


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitsAtLeast:
    """A client waits so long for an answer before it leaves."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TriesAtMost:
    """A request that ends like this is sent so often at most, the first time counted."""

    times: int
    on: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BacksOff:
    """The gaps between tries grow while a request ends like this."""

    on: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """The waits before the second, third, ... try of a request that ends like this."""

    seconds: tuple[float, ...]
    on: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefers:
    """A field is used and not the other one; or, with `within`, a value of that field."""

    what: str
    over: str | None = None
    within: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoBase64:
    """References are URLs, never the bytes themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioNotInPrompt:
    """The prompt does not say the ratio again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepsRequestId:
    """The ids that a client tells its caller are those that it was given."""


Check = WaitsAtLeast | TriesAtMost | BacksOff | Waits | Prefers | NoBase64 | RatioNotInPrompt | KeepsRequestId

PLAIN: dict[str, Callable[[], Check]] = {
    "no_base64": NoBase64,
    "ratio_not_in_prompt": RatioNotInPrompt,
    "keeps_request_id": KeepsRequestId,
}
BESIDE: dict[str, tuple[str, ...]] = {
    "waits_at_least": (),
    "tries_at_most": ("on",),
    "backoff_on": (),
    "waits": ("on",),
    "prefers": ("over", "in"),
}
"""Checks with parameters, and the keys that may stand beside their names."""

NAMES = (*PLAIN, *BESIDE)


def read_check(reader: Reader, node: Node) -> Check | None:
    """Read the check of an advice. What is wrong becomes a problem of the reader, and None is given."""
    if isinstance(node, Scalar) and node.value in PLAIN:
        return PLAIN[str(node.value)]()
    if not isinstance(node, Mapping):
        _unknown(reader, node, str(plain(node)))
        return None
    name = next((key for key in node.entries if key in BESIDE), None)
    if name is None:
        _unknown(reader, node, next(iter(node.entries), ""))
        return None
    for key in node.entries:
        if key != name and key not in BESIDE[name]:
            known = nearest(key, BESIDE[name])
            reader.problem(
                node.key_marks[key],
                f"expected {' and '.join((name, *BESIDE[name]))} in this check, got {key!r}",
                f"did you mean {known!r}?" if known else None,
            )
            return None
    try:
        return _with_parameters(name, node)
    except ValueError as error:
        reader.problem(node.mark, str(error))
        return None


def read_checks(reader: Reader, errors: frozenset[str]) -> dict[str, Check]:
    """The checks of all advice that was read, by the ids of the rules. `errors` are those that `on` may name."""
    out = {}
    for rule_id, node in reader.checks.items():
        check = read_check(reader, node)
        if check is not None:
            out[rule_id] = check
            _check_outcomes(reader, node, check, errors)
    return out


def _check_outcomes(reader: Reader, node: Node, check: Check, errors: frozenset[str]) -> None:
    if not isinstance(check, TriesAtMost | BacksOff | Waits):
        return
    for name in check.on:
        if name not in errors and name not in CLASSES:
            known = nearest(name, (*errors, *CLASSES))
            hint = f"did you mean {known!r}?" if known else None
            message = f"expected the name of an error or one of {', '.join(CLASSES)}, got {name!r}"
            reader.problem(node.mark, message, hint)


def _unknown(reader: Reader, node: Node, name: str) -> None:
    known = nearest(name, NAMES)
    hint = f"did you mean {known!r}?" if known else f"known are {', '.join(NAMES)}"
    what = f"{name!r} needs parameters" if name in BESIDE else f"{name!r} is no check"
    reader.problem(node.mark, f"expected a check of an advice, and {what}", hint)


def _with_parameters(name: str, node: Mapping) -> Check:
    """Read a check with parameters. Raises ValueError with one sentence."""
    value = node.entries[name]
    on = _texts(child(node, "on"))
    match name:
        case "waits_at_least":
            return WaitsAtLeast(seconds=seconds(str(plain(value))))
        case "tries_at_most":
            times = plain(value)
            if isinstance(times, bool) or not isinstance(times, int) or times < 1:
                raise ValueError(f"expected a number of tries from 1, got {times!r}")
            return TriesAtMost(times=times, on=_needed(on, name))
        case "backoff_on":
            return BacksOff(on=_needed(_texts(value), name))
        case "waits":
            return Waits(seconds=tuple(seconds(text) for text in _texts(value)), on=_needed(on, name))
        case _:
            over, within = (_texts(child(node, key)) for key in ("over", "in"))
            if len(over) + len(within) != 1:
                raise ValueError("expected `over: FIELD` or `in: FIELD` beside prefers, exactly one of them")
            return Prefers(what=str(plain(value)), over=next(iter(over), None), within=next(iter(within), None))


def _needed(on: tuple[str, ...], name: str) -> tuple[str, ...]:
    if not on:
        raise ValueError(f"expected {name} to say on what: the name of an error, or one of {', '.join(CLASSES)}")
    return on


def _texts(node: Node | None) -> tuple[str, ...]:
    return tuple(str(plain(item)) for item in items(node))
