"""The same request, sent again: what counts as the same, and the series of its tries."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import orjson

from imageproof.suites.client.scene import as_json, header

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imageproof.records.lines import Exchange
    from imageproof.suites.client.scene import Scene

BOUNDARY = re.compile(r"boundary=\"?([^\";,\s]+)")
LONGEST_WAIT_S = 3600.0  # a Retry-After above it is absurd: nobody has to obey

Key = tuple[str, str, str, int]


def key_of(scene: Scene, exchange: Exchange) -> Key:
    """What makes two requests the same: method, URL, body (without the boundary), and whether a key is there."""
    content = exchange.request.body
    text = content.text if content and content.text else ""
    kind = next((value for name, value in exchange.request.headers if name.lower() == "content-type"), "")
    if found := BOUNDARY.search(kind):
        text = text.replace(found[1], "")
    tree = as_json(text)
    auth = scene.spec.auth.header.lower()
    has_key = any(name.lower() == auth for name, _ in exchange.request.headers)
    size = content.size if content and (content.text is None or content.cut) else 0
    return (
        exchange.request.method,
        exchange.request.url,
        _sorted(tree) if tree is not None else text,
        size * 2 + has_key,
    )


def _sorted(tree: object) -> str:
    return orjson.dumps(tree, option=orjson.OPT_SORT_KEYS).decode()


def series(scene: Scene, exchanges: Sequence[Exchange]) -> list[list[Exchange]]:
    """Requests that are the same, in the order of arrival."""
    out: dict[Key, list[Exchange]] = {}
    for item in exchanges:
        out.setdefault(key_of(scene, item), []).append(item)
    return list(out.values())


def retried(scene: Scene, exchanges: Sequence[Exchange]) -> list[list[Exchange]]:
    """Each run of tries of the same request: all but the last one ended with an error that passes, or with nothing.

    A try that was sent before the one before it had ended is no try again, and ends the run.
    """
    out = []
    for same in series(scene, exchanges):
        run = [same[0]]
        for before, after in pairwise(same):
            if scene.is_passing(before) and scene.is_in_sequence(before, after, are_same=True):
                run.append(after)
            else:
                out.append(run)
                run = [after]
        out.append(run)
    return out


def gaps_of(scene: Scene, run: Sequence[Exchange]) -> list[float]:
    """The account seconds from the end of each try to the beginning of the next."""
    return [max(0.0, scene.began(after) - scene.ended(before)) for before, after in pairwise(run)]


def told_to_wait(exchange: Exchange) -> tuple[float, bool] | None:
    """How long Retry-After asks to wait, in seconds, and whether it was a date, counted from the Date of the answer.

    None where it asks for nothing, for nothing that can be understood, or for something absurd.
    """
    wait, is_date = _asked_wait(exchange)
    return (wait, is_date) if wait is not None and 0 < wait <= LONGEST_WAIT_S else None


def tells_nothing_to_obey(exchange: Exchange) -> bool:
    """Whether there is a Retry-After that nobody can obey: it is absurd, or neither a number nor a date."""
    wait, _ = _asked_wait(exchange)
    return header(exchange, "retry-after") is not None and (wait is None or wait > LONGEST_WAIT_S)


def _asked_wait(exchange: Exchange) -> tuple[float | None, bool]:
    """What Retry-After asks for, in seconds, and whether it is a date; None where it is no wait at all."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415  (slow to load, and only needed for dates)

    value = header(exchange, "retry-after")
    if value is None:
        return None, False
    value = value.strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value):
        return float(value), False
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(header(exchange, "date") or "")
    except (TypeError, ValueError):  # neither a number nor a date: it can't be obeyed
        return None, False
    return wait.total_seconds(), True
