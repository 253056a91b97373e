"""How a client has polled, as the judges of clients see it. Loaded when a test asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.client_jitter import LEAST_S, QUANTILE, SLEEP_S, SLEEPS, lateness, quantile
from imageproof.client_record import Recorder
from imageproof.mock_server import powers
from imageproof.records.redact import Redactor
from imageproof.specs.client import cadence_id, rule_id
from imageproof.suites.client.judging import judge
from imageproof.suites.client.watch import Answer, End, Ending, Told, Watch

if TYPE_CHECKING:
    from imageproof.mock import MockAccount
    from imageproof.mock_server.accounts import Account
    from imageproof.mock_server.journal import Entry
    from imageproof.specs.model import Spec
    from imageproof.suites.client.watch import Remark


def ill_advised(account: MockAccount, spec: Spec, opened: float) -> list[str]:
    """What the polls of an account do against the advice of the documents, a sentence each; `opened` is monotonic.

    Polls after the end of a task are told too. Raises ValueError where the documents advise nothing, where time jumps,
    and where there is nothing to judge.
    """
    if spec.tasks is None or spec.tasks.polling is None:
        raise ValueError(f"the documents of {spec.name} advise nothing about polls")
    remarks = judge(_watch(account, spec, opened))
    wanted = {cadence_id(spec), rule_id(spec, "after-end")}
    if not any(remark.rule == cadence_id(spec) for remark in remarks):
        raise ValueError("there are no polls of a task to judge")
    return [_told(remark) for remark in remarks if remark.rule in wanted and not remark.ok]


def _told(remark: Remark) -> str:
    intervals = (remark.details or {}).get("intervals_s")
    waits = f" (waits in seconds: {intervals})" if intervals else ""
    return f"{remark.rule}: expected {remark.expected}; {remark.actual}{waits}"


def _watch(account: MockAccount, spec: Spec, opened: float) -> Watch:
    def read() -> tuple[Account, tuple[Entry, ...]]:
        service = powers.service_named(account.mock.handler, account.provider)
        found = powers.account_of(service, account.key)
        return found, tuple(found.journal)

    inner, entries = account.mock.run(read)
    mode = inner.clock.mode
    if mode.jumps:
        raise ValueError(
            'each poll moves a clock that jumps: mark the test with clock="manual" and give the client the sleep '
            'imageproof_mock.advance, or with clock="60x" and scale its own'
        )
    recorder = Recorder(spec, Redactor([account.key]), origin=opened, root=account.mock.url)
    exchanges, truths = recorder.exchanges(entries, account.truths(), first_id=1, scenario="test")
    return Watch(
        spec=spec,
        exchanges=exchanges,
        truths=truths,
        answer=Answer(told=Told.SILENT),
        ending=Ending(end=End.WATCHED),
        scale=mode.rate or 1.0,  # by a clock that only the client's own sleep moves, waits are what it meant
        jitter_s=_jitter_s() if mode.rate else LEAST_S,
    )


def _jitter_s() -> float:
    """How late this machine wakes somebody, in real seconds."""
    return max(LEAST_S, quantile([lateness(SLEEP_S) for _ in range(SLEEPS)], QUANTILE))
