"""The page about faults: its commands run, what they set is what strikes, and its table says all that says when."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import httpx2 as httpx
import pytest

from imageproof.mock_server.faults.words import fault_in
from imageproof.specs.faults import PLACES, WHEN
from tests.docs.test_verify_pages import Shell, blocks_of, statements

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "make-it-fail.md"
KEY = {"Authorization": "Bearer rk_live_demo"}
FAULT = re.compile(r"\{[^{}]*\}")


def poll(shell: Shell, said: str) -> httpx.Response:
    return httpx.get(f"{shell.url}/reapi/api/v1/tasks/{json.loads(said)['id']}", headers=KEY)


@pytest.mark.skipif(sys.platform == "win32", reason="the commands are those of a POSIX shell")
def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    served, controlled, carded = [block for block in blocks_of(PAGE) if block.language == "sh"]
    with Shell(folder=tmp_path) as shell:
        first, second = statements(served.text)
        shell.run(first)
        account = f"{shell.url}/__imageproof__/reapi/account"
        assert [item["fault"] for item in httpx.get(account, headers=KEY).json()["faults"]] == [
            "{status: 502, on: poll, times: 2}",
            "{slow: 5s, times: always, share: 0.1}",
        ]
        assert httpx.get(f"{shell.url}/reapi/api/v1/tasks/task_0", headers=KEY).status_code == 502
        shell.run(second)
        account = f"{shell.url}/__imageproof__/reapi/account"
        assert "vanishes" in httpx.get(account, headers=KEY).text
        one, two = statements(controlled.text)
        assert "{reset: during, on: download}" in shell.run(one)
        assert "vanishes" in shell.run(two)
        shell.run("imageproof mock reapi")
        prompted, headed = (shell.run(statement) for statement in statements(carded.text))
        assert [poll(shell, prompted).status_code for _ in range(3)] == [502, 502, 200]
        assert poll(shell, headed).json()["status"] == "processing"


def test_the_page_says_all_that_says_when_and_where() -> None:
    text = PAGE.read_text(encoding="utf-8")
    rows = [line.split("|")[1:3] for line in text.splitlines() if line.startswith("| `")]
    assert tuple(re.findall(r"`(\w+)`", "".join(names for names, _ in rows))) == WHEN
    on = next(meaning for names, meaning in rows if names.strip() == "`on`")
    assert set(re.findall(r"`(\w+)`", on)) == set(PLACES)


def test_every_fault_that_the_page_shows_is_one() -> None:
    (example,) = [block.text for block in blocks_of(PAGE) if block.language == "yaml"]
    assert fault_in(example).times == 2
    shown = [found for block in blocks_of(PAGE) if block.language == "sh" for found in FAULT.findall(block.text)]
    assert len([fault_in(text) for text in shown if "scenario" not in text and "prompt" not in text]) == 5
