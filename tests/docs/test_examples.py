"""The Python in the documents runs: each block is a program of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    "docs/tutorial.md",
    "docs/how-to/make-it-fail.md",
    "docs/how-to/move-time.md",
    "docs/how-to/test-with-pytest.md",
    "docs/how-to/use-the-mock-in-tests.md",
]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CASES = [
    pytest.param(match[1], id=f"{page}-{number}")
    for page in PAGES
    for number, match in enumerate(BLOCK.finditer((ROOT / page).read_text(encoding="utf-8")), start=1)
]


@pytest.mark.parametrize("code", CASES)
def test_a_block_of_the_documents_runs(code: str, tmp_path: Path) -> None:
    file = tmp_path / "test_block.py"
    file.write_text(code, encoding="utf-8")
    command = (
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)]
        if "def test_" in code
        else [sys.executable, str(file)]
    )
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_link_of_the_documents_leads_somewhere() -> None:
    missing = []
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if "://" not in link and not (page.parent / link).exists():
                missing.append(f"{page.relative_to(ROOT)}: {link}")  # noqa: PERF401  (reads better as a loop)
    assert missing == []


def test_the_demo_does_what_it_says(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "examples" / "demo.py")]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    pages = re.findall(r"^open (.+)$", run.stdout, re.MULTILINE)
    assert [Path(page).name for page in pages] == [
        "honest.html",
        "lying.html",
        "client-poll_sync.html",
        "client-hasty.html",
        "load.html",
    ]
    assert all("<html" in Path(page).read_text(encoding="utf-8") for page in pages)
