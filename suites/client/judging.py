"""What one scenario says of a client: every judge asked, and what it says once, put in order. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.specs.client import client_rules
from imageproof.suites.client.advising import check_advice
from imageproof.suites.client.cadence import check_cadence
from imageproof.suites.client.lives import (
    check_after_end,
    check_connections,
    check_gives_up,
    check_in_time,
    check_patience,
    check_survives,
    check_unknown_state,
)
from imageproof.suites.client.retrying import (
    check_backoff,
    check_never_retried,
    check_retry_after,
    check_submits_once,
)
from imageproof.suites.client.scene import Scene
from imageproof.suites.client.sending import check_key_in_url, check_key_to_results, check_requests
from imageproof.suites.client.telling import check_ends, check_images, check_outcome
from imageproof.suites.client.watch import End, Told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imageproof.suites.client.watch import Remark, Watch

__all__ = ["JUDGES", "client_rules", "judge", "why_not_judged"]

JUDGES: tuple[Callable[[Scene], Iterator[Remark]], ...] = (
    check_ends,
    check_outcome,
    check_images,
    check_requests,
    check_key_in_url,
    check_key_to_results,
    check_submits_once,
    check_never_retried,
    check_retry_after,
    check_backoff,
    check_survives,
    check_patience,
    check_gives_up,
    check_after_end,
    check_unknown_state,
    check_in_time,
    check_connections,
    check_cadence,
    check_advice,
)


def why_not_judged(watch: Watch) -> str | None:
    """Why nothing can be said of a scenario; None where it can be judged."""
    if watch.answer.told is Told.UNSUPPORTED:
        return watch.answer.message or "the client says that it does not support this"
    if watch.ending.end is End.NOT_STARTED:
        return "the client was not started"
    return None


def judge(watch: Watch) -> list[Remark]:
    """What this scenario shows of each rule for clients, good and bad. No remark where nothing could be seen."""
    if why_not_judged(watch) is not None:
        return []
    scene = Scene(watch=watch)
    known = {rule.id for rule in client_rules(watch.spec)}
    remarks = [remark for check in JUDGES for remark in check(scene)]
    return [remark for remark in remarks if remark.rule in known]
