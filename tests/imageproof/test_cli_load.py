"""`imageproof load` as a command: what it refuses, how it ends, and what it leaves behind."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from imageproof import Mock
from imageproof.cli.load import load
from imageproof.cli.load_values import read_clock, read_money, read_percent, read_rate, read_rungs
from imageproof.records.reading import read_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AWAY = "https://gateway.example.com"


def run(*words: str) -> tuple[int, str]:
    """Exit code and all output of the command, in this process."""
    result = CliRunner().invoke(load, words, env={"IMAGEPROOF_API_KEY": ""})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def mock() -> Iterator[Mock]:
    with Mock("reapi", clock="120x", timing_header=True, pictures="plain") as served:
        yield served


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["reapi", "--rate", "5/s", "--users", "3"], "expected --rate or --users, got both"),
        (["reapi", "--rate", "fast"], "--rate: expected a rate of jobs such as 50/s"),
        (["reapi", "--rate", "0"], "--rate: expected a rate of jobs such as 50/s"),
        (["reapi", "--duration", "0s"], "--duration: expected a time above zero"),
        (["reapi", "--duration", "long"], "--duration: expected a duration such as 30s"),
        (["reapi", "--shape", "round"], "--shape: expected a shape: flat, ramp"),
        (["reapi", "--clock", "manual"], "--clock: expected real or a scale such as 60x"),
        (["reapi", "--clock", "0x"], "--clock: expected real or a scale such as 60x"),
        (["reapi", "--mix", "model=nobody"], "--mix: expected a model of reapi"),
        (["reapi", "--mix", "fast"], "--mix: expected a kind of jobs such as"),
        (["reapi", "--melt", "half"], "--melt: expected a share such as 50%"),
        (["reapi", "--max-cost", "much"], "--max-cost: expected USD such as 0.50"),
        (["reapi", "--api-key-env", "NOT_SET_AT_ALL"], "expected a key in the environment variable NOT_SET_AT_ALL"),
        (["nobody"], "nobody"),
        (["reapi", "--base-url", "gateway"], "--base-url: expected a URL such as"),
        (["reapi", "--base-url", AWAY], "--i-own-this-target and --max-cost"),
        (["reapi", "--base-url", AWAY, "--i-own-this-target"], "--i-own-this-target and --max-cost"),
        (["reapi", "--base-url", AWAY, "--max-cost", "1"], "--i-own-this-target and --max-cost"),
        (["reapi", "--base-url", AWAY, "--max-cost", "1", "--i-own-this-target"], "expected --rate or --users"),
        (
            ["reapi", "--base-url", AWAY, "--max-cost", "1", "--i-own-this-target", "--users", "1"],
            "expected a key in the environment variable IMAGEPROOF_API_KEY",
        ),
    ],
)
def test_what_makes_no_sense_or_is_not_allowed_is_refused_in_one_sentence(words: list[str], says: str) -> None:
    code, output = run(*words)

    assert code == 2
    assert says in output
    assert "Traceback" not in output


def test_a_dry_run_sends_nothing_and_says_what_it_would_cost() -> None:
    rate = run("reapi", "--rate", "10/s", "--duration", "60s", "--warm-up", "0s", "--dry-run")
    users = run("openai", "--users", "3", "--dry-run")

    assert rate == (
        0,
        "about 600 jobs of $0.007 each would be sent to a mock of its own: $4.20 at the provider's prices\n",
    )
    assert users[0] == 0
    assert "as many as they get answers to" in users[1]


def test_nobody_at_the_target_ends_with_3_and_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    code, output = run("reapi", "--base-url", f"http://127.0.0.1:{port}")

    assert code == 3
    assert "got none" in output
    assert output.count("\n") == 1


def test_a_key_that_is_not_taken_ends_with_4_and_one_sentence(mock: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "wrong")
    code, output = run("reapi", "--base-url", f"{mock.url}/reapi", "--api-key-env", "MY_KEY")

    assert code == 4
    assert "to take the key, got status 401" in output
    assert output.count("\n") == 1


def test_ctrl_c_ends_the_jobs_and_writes_the_footer(mock: Mock, tmp_path: Path) -> None:
    out, account = tmp_path / "run", mock.account("reapi", "rk_live_demo-5")  # the key that seed 5 gives
    words = ["--base-url", f"{mock.url}/reapi", "--rate", "20/s", "--duration", "60s", "--clock", "120x", "--seed", "5"]
    command = [sys.executable, "-m", "imageproof", "load", "reapi", *words, "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        until = monotonic() + 60
        while not account.tasks():
            assert monotonic() < until, "no job was begun"
            Event().wait(0.05)
        process.send_signal(signal.SIGINT)
        said, more = process.communicate(timeout=60)

    assert process.returncode == 5
    assert "interrupted: what was measured until then is kept" in said
    assert "Traceback" not in more
    footer = read_run(out).footer
    assert footer is not None
    assert footer.exit == 5
    assert footer.billable == len(account.tasks())


def test_values_are_read() -> None:
    assert [read_rate(text) for text in ("50/s", "600/min", "7", "1800/h")] == [50, 10, 7, 0.5]
    assert read_money("$0.50") == 500_000
    assert read_percent("12.5%") == 0.125
    assert read_clock("0.5x") == "0.5x"
    assert read_rungs("60s,30s") == (30, 60)
    assert read_rungs("1MB,100kB") == (100_000, 1_000_000)
