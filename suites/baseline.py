"""Known failures: listed with a reason, an owner and a day on which the patience ends.

What is listed and fails is known; what is listed and passes is stale and fails, so that lists do not rot; what has
expired fails again; a pattern that no rule of the contract matches is a mistake.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from msgspec.structs import replace

from imageproof.records.lines import Finding, Verdict
from imageproof.specs.problems import Mark, Problem, SpecError, nearest
from imageproof.suites.yaml_files import entries_of, read_document, text_at, unknown_keys

if TYPE_CHECKING:
    from pathlib import Path

    from imageproof.specs.nodes import Mapping

VERSION = "imageproof-baseline"
KEYS = ("rule", "reason", "link", "owner", "expires", "actual")
REQUIRED = ("rule", "reason", "owner", "expires")


class BaselineError(Exception):
    """A baseline that does not fit the contract: a pattern matches no rule. The message names place and pattern."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One known failure. `rule` is an id or a glob; with `actual`, only failures whose words contain it are known."""

    rule: str
    reason: str
    owner: str
    expires: date
    mark: Mark
    link: str | None = None
    actual: str | None = None

    def matches(self, rule: str) -> bool:
        """Whether the entry speaks of a rule."""
        return fnmatchcase(rule, self.rule)

    def knows(self, finding: Finding) -> bool:
        """Whether it knows just this failure."""
        return self.matches(finding.rule) and (self.actual is None or self.actual in finding.actual)

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
    tree = read_document(path, VERSION, ("known",))
    nodes, problems = entries_of(tree, "known")
    entries: list[Entry] = []
    for node in nodes:
        entry, wrong = _entry(node)
        problems += wrong
        if entry is not None:
            if any(entry.rule == other.rule and entry.actual == other.actual for other in entries):
                problems.append(Problem(node.mark, f"the rule {entry.rule!r} is listed twice"))
            entries.append(entry)
    if problems:
        raise SpecError(problems)
    return Baseline(path=path, entries=tuple(entries))


def _entry(node: Mapping) -> tuple[Entry | None, list[Problem]]:
    problems = unknown_keys(node, KEYS)
    values = {key: text_at(node, key) for key in KEYS}
    problems += [Problem(node.mark, f"expected a {key} in this entry, got none") for key in REQUIRED if not values[key]]
    text = values["expires"]
    day: date | None = None
    if text:
        try:
            day = date.fromisoformat(text)
        except ValueError:
            problems.append(Problem(node.mark, f"expected a day such as 2026-12-31 for expires, got {text!r}"))
    if problems or day is None:
        return None, problems
    entry = Entry(
        rule=values["rule"] or "",
        reason=values["reason"] or "",
        owner=values["owner"] or "",
        expires=day,
        mark=node.mark,
        link=values["link"],
        actual=values["actual"],
    )
    return entry, []


def require_known(baseline: Baseline, rules: Iterable[str]) -> None:
    """Require that each pattern matches a rule of the contract. Raises BaselineError for the first that does not."""
    known = tuple(rules)
    for entry in baseline.entries:
        if not any(entry.matches(rule) for rule in known):
            near = nearest(entry.rule, known)
            hint = f"; did you mean {near!r}?" if near else ""
            raise BaselineError(f"{entry.mark}: expected a pattern that matches a rule, got {entry.rule!r}{hint}")


def apply(baseline: Baseline, findings: Iterable[Finding], rules: Iterable[str], today: date) -> tuple[Finding, ...]:
    """The findings as the baseline sees them. Raises BaselineError as `require_known` does."""
    require_known(baseline, rules)
    out = [_known(baseline, finding, today) for finding in findings]
    for entry in baseline.entries:
        mine = [finding for finding in out if entry.matches(finding.rule)]
        judged = [finding for finding in mine if finding.verdict.is_judged]
        if judged and all(finding.verdict is Verdict.PASSED for finding in judged):
            stale = _stale(entry, judged[0])
            out = [stale if finding.rule == stale.rule else finding for finding in out]
    return tuple(out)


def _known(baseline: Baseline, finding: Finding, today: date) -> Finding:
    if finding.verdict is not Verdict.FAILED:
        return finding
    for entry in baseline.entries:
        if not entry.knows(finding):
            continue
        if entry.expires < today:
            reason = f"was known until {entry.expires.isoformat()}, which is over: {entry.reason} (owner {entry.owner})"
            return replace(finding, reason=reason, by=str(entry.mark))
        return replace(finding, verdict=Verdict.KNOWN, reason=entry.told, by=str(entry.mark))
    return finding


def _stale(entry: Entry, finding: Finding) -> Finding:
    return replace(
        finding,
        verdict=Verdict.STALE,
        expected=f"a failure, as {entry.mark} lists {entry.rule}",
        actual="it passes: remove the entry",
        reason=entry.told,
        by=str(entry.mark),
    )


def entries_for(
    findings: Iterable[Finding], *, reason: str, owner: str, expires: date, link: str | None = None, glob: str = "*"
) -> str:
    """YAML entries for the failed rules among findings; empty when none failed."""
    out = []
    for finding in findings:
        if finding.verdict is not Verdict.FAILED or not fnmatchcase(finding.rule, glob):
            continue
        lines = [f"  - rule: {_quoted(finding.rule)}", f"    reason: {_quoted(reason)}"]
        lines += [f"    link: {_quoted(link)}"] if link else []
        lines += [f"    owner: {_quoted(owner)}", f"    expires: {expires.isoformat()}"]
        out.append("\n".join(lines) + "\n")
    return "".join(out)


def _quoted(text: str) -> str:
    """A YAML text that is read back as it is, whatever is in it."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"


HEAD = f"{VERSION}: 1\nknown:\n"
"""How a new file begins."""
