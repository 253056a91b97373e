"""The gateway suite on a mock: the command that a user starts, and what it reports."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from headtohead_report import Failure, Report

from imageproof.records.lines import Verdict
from imageproof.records.reading import read_run

if TYPE_CHECKING:
    from pathlib import Path

    from imageproof import MockAccount
    from imageproof.selftest import Case

COMMAND = (sys.executable, "-m", "imageproof")
USAGE = 2


def run(folder: Path, account: MockAccount, case: Case) -> Report:
    """Run it on one mock, in a folder that is empty. Raises RuntimeError when it did not start."""
    clock = case.clock if case.clock.endswith("x") else "real"  # a clock that jumps needs nobody to wait
    words = [*COMMAND, "verify", "gateway", case.spec, f"--base-url={account.base_url}", f"--seed={case.seed}"]
    words += [f"--clock={clock}", f"--out={folder / 'run'}", "--quiet"]
    keys = {"IMAGEPROOF_API_KEY": account.key, "IMAGEPROOF_OTHER_API_KEY": f"{account.key}-other"}
    done = subprocess.run(words, env=os.environ | keys, capture_output=True, text=True, check=False)
    if done.returncode == USAGE or not (folder / "run").is_dir():
        message = f"expected imageproof to judge the mock, got exit code {done.returncode}: {done.stdout}{done.stderr}"
        raise RuntimeError(message)
    found = read_run(folder / "run")
    requests = found.footer.requests if found.footer else len(found.exchanges)
    failures = tuple(
        Failure(
            key=(item.rule, "", ""),
            text=f"{item.rule}: {item.actual}",
            request=item.evidence.bad if item.evidence and item.evidence.bad else requests,
        )
        for item in found.findings
        if item.verdict is Verdict.FAILED
    )
    return Report(failures=failures, requests=requests)
