"""How a run ends: its exit code and the sentence that goes with it. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from imageproof.records.lines import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from imageproof.records.lines import Finding
    from imageproof.suites.gateway.bench import Seen

CONFORMS, DOES_NOT_CONFORM, UNREACHABLE, NOTHING_JUDGED, BUDGET_ENDED = 0, 1, 3, 4, 5
MUST = "MUST"
DENIED, MISSING = (401, 403, 407), (404, 405)
WITHOUT_KEY = ("no key", "a wrong key", "wrong key", "malformed key")


def counts_of(findings: Iterable[Finding]) -> dict[str, int]:
    """How many findings there are of each verdict."""
    return dict(Counter(finding.verdict.value for finding in findings))


def ending(
    findings: Iterable[Finding],
    *,
    unreachable: str | None,
    only_refused: str | None,
    budget_ended: Iterable[str] = (),
) -> tuple[int, str]:
    """The exit code and the sentence.

    `unreachable` says why the target could not be talked to, `only_refused` why nothing that came back was an answer of
    the provider's, `budget_ended` are the rules for which there was no money.
    """
    findings = list(findings)
    verdicts = Counter(finding.verdict for finding in findings)
    if unreachable is not None:
        return UNREACHABLE, unreachable
    if verdicts[Verdict.ERRORED]:
        errored = next(finding for finding in findings if finding.verdict is Verdict.ERRORED)
        return (
            UNREACHABLE,
            f"imageproof itself failed on {_rules(verdicts[Verdict.ERRORED])}, first {errored.rule}: {errored.reason}",
        )
    if only_refused is not None:
        return NOTHING_JUDGED, only_refused
    bad = verdicts[Verdict.FAILED] + verdicts[Verdict.STALE]
    if bad:
        stale = f", of which {verdicts[Verdict.STALE]} listed as known but passing" if verdicts[Verdict.STALE] else ""
        return DOES_NOT_CONFORM, f"does not conform: {_rules(bad)} broken{stale}"
    judged = sum(count for verdict, count in verdicts.items() if verdict.is_judged)
    if not judged:
        return NOTHING_JUDGED, "nothing was judged, which is no pass: " + _why(findings)
    short = set(budget_ended)
    missing = [item.rule for item in findings if item.level == MUST and item.how != "assumed" and item.rule in short]
    if missing:
        return (
            BUDGET_ENDED,
            f"the budget ended before {_rules(len(missing))} of level MUST could be judged, first {missing[0]}",
        )
    return CONFORMS, f"conforms in all {judged} rules that were judged"


def _rules(count: int) -> str:
    return "1 rule" if count == 1 else f"{count} rules"


def _why(findings: list[Finding]) -> str:
    reasons = Counter(finding.reason for finding in findings if finding.reason)
    return reasons.most_common(1)[0][0] if reasons else "no rule was chosen"


def kind_of(seen: Seen) -> str | None:
    """What kind of answer one to a request with the good key is; None for one that was sent without it."""
    if seen.account != "own" or seen.operation is None or seen.case in WITHOUT_KEY:
        return None
    if seen.status in DENIED:
        return "denied"
    if seen.is_html:
        return "html"
    return "missing" if seen.status in MISSING and seen.case != "job" else "other"


def only_refused(answers: Mapping[str, int]) -> str | None:
    """Why no answer was the provider's, from the counts of answers to requests with the good key; None if some were."""
    total = sum(answers.values())
    if not total or answers.get("other"):
        return None
    kind, _ = max(answers.items(), key=lambda item: item[1])
    told = {
        "denied": "every answer was 401 or 403: the key is not taken (which variable holds it says --api-key-env)",
        "missing": "every answer was 404 or 405: the base URL leads elsewhere (a path missing or doubled?)",
        "html": "every answer was an HTML page: the base URL leads to a website or a proxy, not to an API",
    }
    return told.get(kind, f"every answer was {kind}")
