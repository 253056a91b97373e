"""`imageproof verify client` as a stranger meets it: exit codes, sentences, a record, and nothing left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx2 as httpx
import pytest
from click.testing import CliRunner, Result

from imageproof.cli.main import cli
from imageproof.exits import ExitCode
from imageproof.records.lines import Finding, Verdict
from imageproof.records.reading import Run, read_run

CLIENT = """
import http.client, json, os, pathlib, time, urllib.parse, urllib.request
scale, base = float(os.environ["IMAGEPROOF_TIME_SCALE"]), urllib.parse.urlsplit(os.environ["IMAGEPROOF_BASE_URL"])
kept = http.client.HTTPConnection(base.netloc)
headers = {"Authorization": "Bearer " + os.environ["IMAGEPROOF_API_KEY"], "Content-Type": "application/json"}
def call(method, path, body=None):
    kept.request(method, base.path + path, body and json.dumps(body), headers)
    return json.load(kept.getresponse())
job = json.loads(pathlib.Path(os.environ["IMAGEPROOF_JOB"]).read_text())
task = call("POST", "/api/v1/images/generations", job["request"])["id"]
time.sleep(FIRST / scale)
while (answer := call("GET", "/api/v1/tasks/" + task))["status"] not in ("completed", "failed"):
    time.sleep(4 / scale)
for number, url in enumerate(answer["output"]["image_urls"]):
    urllib.request.urlretrieve(url, pathlib.Path(os.environ["IMAGEPROOF_OUT"], str(number)))
"""
GOOD, HASTY = CLIENT.replace("FIRST", "30"), CLIENT.replace("FIRST", "1")


def verify(*words: str, spec: str = "reapi") -> Result:
    return CliRunner().invoke(cli, ["verify", "client", spec, *words])


def played(folder: Path, code: str, *words: str) -> tuple[Result, Run]:
    result = verify(*words, "--out", str(folder / "run"), "--", sys.executable, "-c", code)
    return result, read_run(folder / "run")


def found(run: Run, tail: str) -> Finding:
    return next(item for item in run.findings if item.rule == f"reapi/{tail}")


def test_a_good_client_conforms(tmp_path: Path) -> None:
    result, run = played(tmp_path, GOOD, "--scenario", "plain")
    assert result.exit_code == ExitCode.CONFORMS, result.output
    assert "conforms in all" in result.stdout
    assert "1 of 1 scenario played, 1 without a fault" in result.stdout
    assert run.footer is not None
    assert run.footer.billable == 1
    assert not (tmp_path / "run" / "scenarios").exists()


def test_the_record_is_what_was_on_the_wire_without_the_key(tmp_path: Path) -> None:
    _, run = played(tmp_path, GOOD, "--scenario", "plain")
    exchanges = list(run.exchanges.values())
    assert [item.id for item in exchanges] == list(range(1, len(exchanges) + 1))
    assert {item.scenario for item in exchanges} == {"plain"}
    assert exchanges[0].account_s == 0
    assert exchanges[0].operation == "submit"
    states = [item.state for item in exchanges if item.operation == "poll"]
    assert states[-1] == "completed"
    assert run.header.what == "client"
    assert run.header.cadence[0].from_s == 30
    text = (tmp_path / "run" / "run.jsonl").read_text(encoding="utf-8")
    assert "Bearer [key]" in text
    assert "rk_live" not in text


def test_a_hasty_client_is_told_so(tmp_path: Path) -> None:
    result, run = played(tmp_path, HASTY, "--scenario", "plain")
    assert found(run, "polling/cadence").verdict is Verdict.WARNED, result.output
    assert result.exit_code == ExitCode.CONFORMS
    strict = verify("--scenario", "plain", "--strict", "-q", "--", sys.executable, "-c", HASTY)
    assert strict.exit_code == ExitCode.DOES_NOT_CONFORM


def test_a_client_that_crashes_does_not_conform_and_its_last_words_are_kept(tmp_path: Path) -> None:
    result, run = played(tmp_path, "import sys; sys.exit('no such module: images')", "--scenario", "plain")
    assert result.exit_code == ExitCode.DOES_NOT_CONFORM
    assert found(run, "client/ends").verdict is Verdict.FAILED
    kept = tmp_path / "run" / "scenarios" / "plain"
    assert (kept / "output.txt").read_text(encoding="utf-8") == "no such module: images\n"
    assert (kept / "job.json").is_file()


def test_a_client_that_can_do_nothing_is_no_pass(tmp_path: Path) -> None:
    result, run = played(tmp_path, "raise SystemExit(64)", "--scenario", "plain")
    assert result.exit_code == ExitCode.NOTHING_JUDGED
    assert "the client says of every scenario that it can't do it (plain)" in result.stdout
    assert not any(item.verdict.is_judged for item in run.findings)


def test_a_command_that_can_not_be_started_is_said(tmp_path: Path) -> None:
    result = verify("--scenario", "plain", "-q", "--out", str(tmp_path / "run"), "--", "/no/such/program")
    assert result.exit_code == ExitCode.UNREACHABLE
    assert "expected a command that can be started, got '/no/such/program'" in result.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "expected the command of a client after --"),
        (["--watch", "--", "x"], "expected no command with --watch"),
        (["--port", "5", "--", "x"], "expected --watch with --for or --port"),
        (["--scenario", "plian", "--", "x"], "no scenario is called 'plian': did you mean 'plain'?"),
        (["--clock", "manual", "--", "x"], "expected --clock real or a scale such as 60x, got 'manual'"),
        (["--timeout", "none", "--", "x"], "expected --timeout as a time such as 60s or 5m, got 'none'"),
        (["--scenarios", "/nope", "--", "x"], "expected a folder of scenarios for --scenarios, got '/nope'"),
        (["--level", "2", "--", "x"], "'2' is not one of '0', '1'"),
        (["--jobs", "0", "--", "x"], "--jobs"),
    ],
)
def test_a_mistake_is_one_sentence(words: list[str], told: str) -> None:
    result = verify(*words)
    assert result.exit_code == ExitCode.USAGE, result.output
    assert told in result.stderr
    assert "Traceback" not in result.output


def test_an_unknown_contract_is_one_sentence() -> None:
    result = verify("--", "x", spec="nope")
    assert result.exit_code == ExitCode.USAGE
    assert "expected a shipped spec or a path of a YAML file, got 'nope'" in result.stderr


def test_a_run_is_not_written_over(tmp_path: Path) -> None:
    words = ["--scenario", "plain", "-q", "--out", str(tmp_path / "run"), "--", sys.executable, "-c", "pass"]
    verify(*words)
    again = verify(*words)
    assert again.exit_code == ExitCode.USAGE
    assert "choose another --out" in again.stderr


def test_a_seed_gives_the_order(tmp_path: Path) -> None:
    def order(name: str, seed: str) -> str:
        words = [
            "--scenario",
            "p*",
            "--seed",
            seed,
            "--out",
            str(tmp_path / name),
            "--",
            sys.executable,
            "-c",
            "exit(64)",
        ]
        verify(*words)
        return read_run(tmp_path / name).header.config["order"]

    assert order("a", "7") == order("b", "7")


def begin(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "imageproof", "verify", "client", "reapi", "--out", str(folder / "run"), *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_the_clients_and_keeps_the_record(tmp_path: Path, number: signal.Signals) -> None:
    file = tmp_path / "pid"
    code = f"import os, pathlib, time; pathlib.Path({str(file)!r}).write_text(str(os.getpid())); time.sleep(600)"
    run = begin(tmp_path, "--scenario", "plain", "--", sys.executable, "-c", code)
    while not (file.exists() and file.read_text(encoding="utf-8")):
        assert run.poll() is None
        time.sleep(0.02)
    run.send_signal(number)
    _, errors = run.communicate(timeout=30)
    assert run.returncode == 130
    assert "Traceback" not in errors
    with pytest.raises(ProcessLookupError):
        os.kill(int(file.read_text(encoding="utf-8")), 0)
    footer = read_run(tmp_path / "run").footer
    assert footer is not None
    assert footer.says == "stopped by hand after 0 of 1 scenarios were played"


def test_a_client_that_runs_by_itself_is_watched(tmp_path: Path) -> None:
    run = begin(tmp_path, "--watch")
    assert run.stdout is not None
    url = run.stdout.readline().removeprefix("base URL: ").strip()
    key = run.stdout.readline().removeprefix("API key:").strip()
    for name in (key, "rk_live_of_their_own"):
        answer = httpx.get(f"{url}/api/v1/balance", headers={"Authorization": f"Bearer {name}"})
        assert answer.status_code == 200
    run.send_signal(signal.SIGINT)
    said, errors = run.communicate(timeout=30)
    assert "Traceback" not in errors
    assert run.returncode == ExitCode.CONFORMS, said
    assert "2 keys seen" in said
    assert len(read_run(tmp_path / "run").exchanges) == 2


def test_watching_nobody_is_no_pass(tmp_path: Path) -> None:
    result = verify("--watch", "--for", "0.1s", "-q", "--out", str(tmp_path / "run"))
    assert result.exit_code == ExitCode.NOTHING_JUDGED
    assert "nobody sent a request to the mock while it was watched" in result.stdout
