"""The page about real traffic: its commands run, and what it shows is what they say."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.test_verify_pages import EXIT, Shell, blocks_of, comparable, statements

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "judge-real-traffic.md"
PATIENCE_S = 60
PROXY = "http://127.0.0.1:4011"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    blocks = [block for block in blocks_of(PAGE) if block.language in ("sh", "text")]
    mock, proxy, client, shown, recording = blocks
    with Shell(folder=tmp_path) as shell:
        shell.run(mock.text)
        (command,) = statements(proxy.text)
        words = shlex.split(command.replace("http://127.0.0.1:4010", f"{shell.url}").replace("4011", "0"))
        with subprocess.Popen(
            [*words, "--ready-json"], cwd=tmp_path, env=shell.environment(), stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            shell.run(client.text.replace(PROXY, url))
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 1
        got = {comparable(line) for line in said.splitlines()}
        assert [line for line in shown.text.splitlines() if not any(comparable(line) in one for one in got)] == []
        assert [found[1] for line in statements(recording.text) if (found := EXIT.search(line))] == ["1"]
        assert "reapi/client/requests" in shell.run(recording.text)
    assert "rk_live_demo" not in "".join(path.read_text(encoding="utf-8") for path in tmp_path.rglob("run.jsonl"))
