"""A badge for a README, as the endpoint of shields.io reads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from imageproof.records.lines import Verdict
from imageproof.reports.wire_text import one_line

if TYPE_CHECKING:
    from imageproof.records.reading import Run
    from imageproof.specs.model import JsonTree

MUST = "MUST"


def render(run: Run) -> str:
    """The badge as JSON."""
    return json.dumps(badge(run), ensure_ascii=False, indent=2) + "\n"


def badge(run: Run) -> dict[str, JsonTree]:
    """How many MUST rules passed, of those that could be judged; green only for a run that ended well."""
    message, color = _told(run)
    return {"schemaVersion": 1, "label": one_line(f"imageproof {run.header.spec}"), "message": message, "color": color}


def _told(run: Run) -> tuple[str, str]:
    if run.footer is None:
        return "cut off", "lightgrey"
    musts = [item.verdict for item in run.findings if item.level == MUST]
    passed = musts.count(Verdict.PASSED)
    whole = len(musts) - musts.count(Verdict.NOT_APPLICABLE)
    if not any(item.verdict.is_judged for item in run.findings) or not whole:
        return "nothing judged", "lightgrey"
    return f"{passed} of {whole} {MUST}", _color(run, passed, whole)


def _color(run: Run, passed: int, whole: int) -> str:
    if any(item.verdict.is_bad for item in run.findings):
        return "red"
    if run.footer is None or run.footer.exit:
        return "lightgrey"
    return "brightgreen" if passed == whole else "yellow"
