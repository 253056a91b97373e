"""Exchanges as a page shows them: what was sent, what came back, both cut to what a person reads. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.records.lines import Verdict
from imageproof.reports.amounts import lasted
from imageproof.reports.html_diff import body_lines, request_lines, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from imageproof.records.lines import Exchange, Finding
    from imageproof.records.reading import Run

MOST = 4_000  # characters of a request or an answer; the rest is in run.jsonl
WORTH_SHARING = 300  # characters; shorter answers are repeated, longer ones are shown once
MOST_OTHERS = 3  # of one finding
SHOWING = frozenset({Verdict.FAILED, Verdict.WARNED, Verdict.KNOWN, Verdict.STALE, Verdict.ERRORED})


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeView:
    """One exchange. `same_as` is the number of the exchange that shows the same long answer; then `answer` is empty."""

    number: int
    title: str
    timing: str
    sent: str
    answer: str
    same_as: int | None = None
    note: str = ""


def evidence_ids(findings: Iterable[Finding]) -> tuple[int, ...]:
    """The exchanges that show what is worth showing, each once: of each finding the pair, then some others."""
    ids: dict[int, None] = {}
    for item in findings:
        if item.evidence is None or item.verdict not in SHOWING:
            continue
        pair = (item.evidence.bad, item.evidence.good)
        ids.update(dict.fromkeys(number for number in pair if number is not None))
        ids.update(dict.fromkeys(item.evidence.others[:MOST_OTHERS]))
    return tuple(ids)


def exchange_views(run: Run, ids: Iterable[int]) -> dict[int, ExchangeView]:
    """The views of these exchanges by number, as far as the run holds them."""
    found = [run.exchanges[number] for number in ids if number in run.exchanges]
    answers = {exchange.id: answer_of(exchange) for exchange in found}
    first: dict[str, int] = {}
    for number, answer in answers.items():
        first.setdefault(answer, number)
    return {exchange.id: _view(exchange, answers, first) for exchange in found}


def _view(exchange: Exchange, answers: Mapping[int, str], first: Mapping[str, int]) -> ExchangeView:
    answer = answers[exchange.id]
    shared = first[answer]
    is_shared = shared != exchange.id and len(answer) > WORTH_SHARING
    return ExchangeView(
        number=exchange.id,
        title=", ".join(part for part in (exchange.operation, exchange.case) if part),
        timing=f"at {exchange.began_s:.2f} s, took {lasted(exchange.ended_s - exchange.began_s)}",
        sent=text_of(request_lines(exchange.request), MOST),
        answer="" if is_shared else answer,
        same_as=shared if is_shared else None,
        note=exchange.note,
    )


def answer_of(exchange: Exchange) -> str:
    """What came back, as text: status, headers, body; or why nothing came."""
    if exchange.response is None:
        return f"no answer: {exchange.trouble.says}" if exchange.trouble else "no answer"
    answer = exchange.response
    lines = [f"status {answer.status}", *(f"{name}: {value}" for name, value in answer.headers)]
    return text_of([*lines, "", *body_lines(answer.body)] if answer.body else lines, MOST)
