"""Faults of call backs: which deliveries are made in place of the one that is due."""

from __future__ import annotations

from typing import NamedTuple


class Delivery(NamedTuple):
    """One call back: the values of its template, whether it is signed, and its time where that is not now."""

    context: dict[str, object]
    is_signed: bool = True
    at: int | None = None


def broken_deliveries(
    fault: str, context: dict[str, object], older: dict[str, object], older_at: int
) -> list[Delivery]:
    """The call backs that a fault makes of one; `older` is what would have been said before, at `older_at`."""
    match fault:
        case "never":
            return []
        case "unsigned":
            return [Delivery(context, is_signed=False)]
        case "duplicated":
            return [Delivery(context), Delivery(context)]
        case "reordered":
            return [Delivery(context), Delivery(older, at=older_at)]
        case _:
            return [Delivery(context)]
