"""Where things stand on the page: anchors of rules and findings, links that are safe to follow. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from imageproof.records.lines import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from imageproof.records.lines import Finding

GLYPHS = {
    Verdict.PASSED: "✓",
    Verdict.FAILED: "✕",
    Verdict.WARNED: "!",
    Verdict.KNOWN: "◆",
    Verdict.STALE: "↺",
    Verdict.BLOCKED: "⊘",
    Verdict.INCONCLUSIVE: "?",
    Verdict.NOT_APPLICABLE: "–",  # noqa: RUF001  # a dash, as in a printed table
    Verdict.ERRORED: "‼",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchors:
    """The number of each rule on the page, in the order of the findings; ids of stranger's making never become one."""

    numbers: Mapping[str, int]

    def row(self, rule: str) -> str:
        """The anchor of a rule in the table of all rules; empty for a rule that is not there."""
        return f"rule-{self.numbers[rule]}" if rule in self.numbers else ""

    def card(self, rule: str) -> str:
        """The anchor of the finding on a rule, where it is told at length."""
        return f"finding-{self.numbers[rule]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleLink:
    """A rule, and the anchor at which it stands; `own` is an anchor for what is `said` of it here."""

    rule: str
    anchor: str
    said: str = ""
    own: str = ""


def anchors_of(findings: Iterable[Finding]) -> Anchors:
    """The anchors of a run."""
    return Anchors(numbers={item.rule: number for number, item in enumerate(findings, start=1)})


def safe_url(url: str) -> str:
    """The URL if it is one of the web, else nothing: no other scheme ever becomes a link."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in ("http", "https") and parts.netloc and url.isprintable() else ""


def css_of(verdict: Verdict) -> str:
    """The name of a verdict as a class of the style sheet."""
    return verdict.value.replace(" ", "-")
