"""Known failures: listed with a reason, an owner and a day on which the patience ends.

What is listed and fails is known; what is listed and passes is stale and fails, so that lists do not rot; what has
expired fails again; a pattern that no rule of the contract matches is a mistake.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from msgspec.structs import replace

from imageproof.records.lines import Finding, Verdict
from imageproof.specs.problems import Mark, Problem, SpecError
from imageproof.specs.user_files import UserFile
from imageproof.suites.rule_patterns import hint_for, is_match

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from imageproof.specs.nodes import Mapping as Tree

VERSION = "imageproof-baseline"
LIST = "known"
KEYS = ("rule", "reason", "link", "owner", "expires", "actual")
REQUIRED = ("rule", "reason", "owner", "expires")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
HALF = "contrast"
"""How a refusal was judged when its accepted twin was not sent: such a pass is half of one."""


class BaselineError(SpecError):
    """A baseline that does not fit the contract: patterns match no rule. Names the place and the nearest of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One known failure. `rule` is an id or a glob; with `actual`, only failures whose words contain it are known.

    `expires` is the last day on which it is known; `mark` is where the rule stands.
    """

    rule: str
    reason: str
    owner: str
    expires: date
    mark: Mark
    link: str | None = None
    actual: str | None = None

    def matches(self, rule: str) -> bool:
        """Whether the entry speaks of a rule."""
        return is_match(self.rule, rule)

    def knows(self, finding: Finding) -> bool:
        """Whether it knows just this failure."""
        return self.matches(finding.rule) and (self.actual is None or self.actual in finding.actual)

    def is_expired(self, today: date) -> bool:
        """Whether its last day is over."""
        return self.expires < today

    @property
    def told(self) -> str:
        """Reason, owner, link and day for a report."""
        link = f", {self.link}" if self.link else ""
        return f"{self.reason} (owner {self.owner}{link}, until {self.expires.isoformat()})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The entries of a file, in its order."""

    path: Path
    entries: tuple[Entry, ...]


def load_baseline(path: Path) -> Baseline:
    """Read a baseline. Raises SpecError with every mistake of the file."""
    file = UserFile()
    tree = file.document(path, VERSION, (LIST,))
    found = [entry for node in file.entries(tree, LIST) if (entry := _entry(file, node)) is not None]
    first: dict[tuple[str, str | None], Entry] = {}
    for entry in found:
        same = first.setdefault((entry.rule, entry.actual), entry)
        if same is not entry:
            hint = f"the first is at {same.mark}; keep one of them"
            file.problem(entry.mark, f"expected each rule once, got {entry.rule!r} twice", hint)
    file.require_sound()
    return Baseline(path=path, entries=tuple(found))


def _entry(file: UserFile, node: Tree) -> Entry | None:
    texts = file.texts(node, KEYS, REQUIRED)
    day = _day(file, node, texts.get("expires"))
    if day is None or any(key not in texts for key in REQUIRED):
        return None
    return Entry(
        rule=texts["rule"],
        reason=texts["reason"],
        owner=texts["owner"],
        expires=day,
        mark=node.entries["rule"].mark,
        link=texts.get("link"),
        actual=texts.get("actual"),
    )


def _day(file: UserFile, node: Tree, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return read_day(text)
    except ValueError as error:
        file.problem(node.entries["expires"].mark, str(error))
        return None


def read_day(text: str) -> date:
    """Read a day such as 2026-12-31. Raises ValueError for anything else, also for a day that no calendar has."""
    wrong = f"expected a day such as 2026-12-31, got {text!r}"
    if DAY.fullmatch(text) is None:
        raise ValueError(wrong)
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{wrong}: {error}") from None


def unknown_patterns(baseline: Baseline, rules: Collection[str]) -> list[Problem]:
    """A problem for each entry that matches none of these rules."""
    return [
        Problem(
            entry.mark,
            f"expected a rule of the contract or a pattern that matches one, got {entry.rule!r}",
            hint=hint_for(entry.rule, rules),
        )
        for entry in baseline.entries
        if not any(entry.matches(rule) for rule in rules)
    ]


def expired(baseline: Baseline, today: date) -> list[Problem]:
    """A problem for each entry whose day is over."""
    return [
        Problem(
            entry.mark,
            f"expected a day that is still to come, got {entry.expires.isoformat()}: {entry.rule} fails again",
            hint=f"ask {entry.owner}: is it mended (remove the entry), or is more time needed (set a later day)?",
        )
        for entry in baseline.entries
        if entry.is_expired(today)
    ]


def require_known(baseline: Baseline, rules: Iterable[str]) -> None:
    """Require that each pattern matches a rule of the contract. Raises BaselineError with each that does not."""
    problems = unknown_patterns(baseline, tuple(rules))
    if problems:
        raise BaselineError(problems)


def apply(baseline: Baseline, findings: Iterable[Finding], rules: Iterable[str], today: date) -> tuple[Finding, ...]:
    """The findings as the baseline sees them, in their order; `rules` are all ids of the contract.

    Raises BaselineError as `require_known` does.
    """
    every = tuple(rules)
    require_known(baseline, every)
    before = {finding.rule: finding for finding in findings}
    after = {rule: _known(baseline, finding, today) for rule, finding in before.items()}
    for entry in baseline.entries:
        passed = _all_passed(entry, before, every)
        if passed:
            rule = next((rule for rule in passed if after[rule].verdict is not Verdict.STALE), passed[0])
            after[rule] = _stale(entry, after[rule], len(passed))
    return tuple(after.values())


def _known(baseline: Baseline, finding: Finding, today: date) -> Finding:
    """The finding with what the entries say of it: one that is in force, else one that has expired."""
    if finding.verdict is not Verdict.FAILED:
        return finding
    knowing = [entry for entry in baseline.entries if entry.knows(finding)]
    if not knowing:
        return _noted(baseline, finding)
    for entry in knowing:
        if not entry.is_expired(today):
            return replace(finding, verdict=Verdict.KNOWN, reason=entry.told, by=str(entry.mark))
    entry = max(knowing, key=lambda item: item.expires)
    over = f"was known until {entry.expires.isoformat()}, which is over: {entry.reason} (owner {entry.owner})"
    return replace(finding, reason=over, by=str(entry.mark))


def _noted(baseline: Baseline, finding: Finding) -> Finding:
    """A failure that is listed with other words says so."""
    entry = next((item for item in baseline.entries if item.matches(finding.rule)), None)
    if entry is None:
        return finding
    return replace(finding, reason=f"is listed at {entry.mark} for another failure, one that says {entry.actual!r}")


def _all_passed(entry: Entry, findings: Mapping[str, Finding], rules: Iterable[str]) -> list[str]:
    """The rules that an entry matches when all of them passed, else none.

    Rules that do not apply don't count. One that was left out, or not or only half judged, may still be broken.
    """
    passed = []
    for rule in rules:
        if not entry.matches(rule):
            continue
        finding = findings.get(rule)
        if finding is not None and finding.verdict is Verdict.NOT_APPLICABLE:
            continue
        if finding is None or finding.verdict is not Verdict.PASSED or finding.basis == HALF:
            return []
        passed.append(rule)
    return passed


def _stale(entry: Entry, finding: Finding, number: int) -> Finding:
    passes = "it passes" if number == 1 else f"all {number} rules that the entry matches pass"
    actual = f"{passes}: remove the entry at {entry.mark}"
    if finding.verdict is Verdict.STALE:  # listed twice, and only this one passed: both are to be removed
        return replace(finding, more=(*finding.more, actual))
    return replace(
        finding,
        verdict=Verdict.STALE,
        expected=f"a failure, as {entry.mark} lists {entry.rule}",
        actual=actual,
        reason=f"{passes}, and is listed: {entry.told}",
        by=str(entry.mark),
    )
