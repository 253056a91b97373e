"""The part about reports on the page about load: its commands run, and the report has the parts that are named."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from click.testing import CliRunner

from imageproof.cli.main import cli
from imageproof.records.lines import Finding, Sample
from imageproof.reports.html import LOAD_SECTIONS
from tests.docs.test_load_page import COMMANDS, TEXT
from tests.reports.load_runs import load_run, polled_jobs
from tests.reports.runs import write_run

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PART = TEXT.split("## Read the report")[1].split("\n## ")[0]
ROWS = re.findall(r"^\| ([a-z ]+) \| [a-z]", PART, re.MULTILINE)[1:]  # the first is the head


def test_the_report_of_a_load_run_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = load_run(polled_jobs(80))
    found: list[Finding | Sample] = [*made.findings, *made.samples]
    assert made.footer is not None
    write_run(tmp_path / "run", [made.header, *found, made.footer])
    command = next(command for command in COMMANDS if command.startswith("imageproof report"))

    told = CliRunner().invoke(cli, shlex.split(command)[1:])

    assert told.exit_code == 0, told.output
    page = (tmp_path / "report.html").read_text(encoding="utf-8").lower()
    assert "load/goal/" in (tmp_path / "junit.xml").read_text(encoding="utf-8")
    assert "MUST" in (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert len(ROWS) == 10
    assert [row for row in ROWS if row not in page] == []


def test_every_part_of_the_page_is_told() -> None:
    names = " ".join(ROWS)
    told = {"goals", "worth", "latency", "percentiles", "throughput", "errors", "where", "gateway", "polling"}
    assert {name for name in told if name not in names} == set()
    assert len(LOAD_SECTIONS) == 12
