"""`imageproof verify gateway` and `replay` as a stranger meets them: exit codes, sentences, and no key anywhere."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port
from click.testing import CliRunner, Result

from imageproof import Mock
from imageproof.cli.main import cli
from imageproof.exits import ExitCode
from imageproof.records.reading import read_run
from tests.counterparts.watching import until
from tests.suites.running import spent

KEY = "rk_live_do-not-tell-anybody"
LIE = "reapi/submit/gpt-image-2/size/one-of!accepts"
RULE = LIE.partition("!")[0]


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IMAGEPROOF_API_KEY", "IMAGEPROOF_OTHER_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def mock() -> Iterator[Mock]:
    with Mock("reapi", clock="jump", pictures="plain") as running:
        yield running


def verify(*words: str) -> Result:
    return CliRunner().invoke(cli, ["verify", "gateway", "reapi", *words])


def test_an_honest_gateway_conforms(mock: Mock, tmp_path: Path) -> None:
    result = verify("--base-url", mock.url, "--mode", "free", "--out", str(tmp_path / "run"), "--quiet")
    assert result.exit_code == ExitCode.CONFORMS, result.output
    assert "conforms in all" in result.stdout
    assert read_run(tmp_path / "run").footer is not None


def test_a_broken_rule_is_told_in_three_lines_with_a_command(tmp_path: Path) -> None:
    with Mock("reapi", clock="jump", sabotage=LIE) as lying:
        result = verify("--base-url", lying.url, "--mode", "free", "--rule", RULE, "--out", str(tmp_path / "run"))
    assert result.exit_code == ExitCode.DOES_NOT_CONFORM
    for part in (RULE, "requires  MUST", "expected  ", "actual    size = ", "curl -sS", "imageproof replay"):
        assert part in result.stdout, part


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--base-url", "ftp://x"], "expected a base URL with http:// or https://"),
        (["--base-url", "http://user:pw@x"], "keys come from environment variables only"),
        (["--base-url", "https://gateway.example"], "expected a key in the environment variable IMAGEPROOF_API_KEY"),
        (["--base-url", "http://127.0.0.1:1", "--max-cost", "a lot"], "expected --max-cost in USD such as 0.50"),
        (["--base-url", "http://127.0.0.1:1", "--clock", "fast"], "expected --clock real or a scale such as 60x"),
        (["--base-url", "http://127.0.0.1:1", "--baseline", "nowhere.yaml"], "expected a file for --baseline"),
        (["--base-url", "http://127.0.0.1:1", "--concurrency", "0"], "expected --concurrency of at least 1"),
    ],
)
def test_a_mistake_is_one_sentence(words: list[str], told: str) -> None:
    result = verify(*words)
    assert result.exit_code == ExitCode.USAGE
    assert told in result.stderr
    assert "Traceback" not in result.output


def test_paid_mode_off_this_machine_needs_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEPROOF_API_KEY", KEY)
    result = verify("--base-url", "https://gateway.example", "--mode", "paid")
    assert result.exit_code == ExitCode.USAGE
    assert "--max-cost 0.50" in result.stderr


def test_a_dead_port_is_unreachable(tmp_path: Path) -> None:
    result = verify("--base-url", f"http://127.0.0.1:{unused_port()}", "--out", str(tmp_path / "run"), "--quiet")
    assert result.exit_code == ExitCode.UNREACHABLE
    assert "is the gateway running there?" in result.stdout


@pytest.mark.parametrize(
    ("status", "body", "kind", "told"),
    [
        (200, "<!doctype html><html>hello</html>", "text/html", "HTML page"),
        (401, '{"error": {"code": 1, "message": "no"}}', "application/json", "the key is not taken"),
        (404, '{"error": {"code": 1, "message": "no"}}', "application/json", "the base URL leads elsewhere"),
    ],
)
def test_answers_that_are_not_the_providers_are_no_pass(
    tmp_path: Path, status: int, body: str, kind: str, told: str
) -> None:
    from tests.suites.strangers_web import serving  # noqa: PLC0415  (starts a thread with a loop)

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=body, content_type=kind)

    with serving(answer) as url:
        result = verify("--base-url", url, "--mode", "free", "--out", str(tmp_path / "run"), "--quiet")
    assert result.exit_code == ExitCode.NOTHING_JUDGED, result.output
    assert told in result.stdout


def test_no_artefact_holds_a_key(mock: Mock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEPROOF_API_KEY", KEY)
    out = tmp_path / "run"
    printed = verify("--base-url", mock.url, "--max-cost", "0.05", "--out", str(out)).output
    for kind in ("html", "junit", "sarif", "markdown", "badge", "ctrf"):
        done = CliRunner().invoke(cli, ["report", str(out), f"--{kind}", str(tmp_path / kind), "--quiet"])
        printed += done.output
        assert done.exit_code == ExitCode.CONFORMS, done.output
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 8
    assert KEY not in printed
    assert [path.name for path in files if KEY.encode() in path.read_bytes()] == []


def test_a_dry_run_sends_nothing(mock: Mock) -> None:
    account = mock.account("reapi", KEY)
    result = verify("--base-url", mock.url, "--dry-run", "--rule", "reapi/price/*", "--max-cost", "0.02")
    assert result.exit_code == ExitCode.CONFORMS, result.output
    assert "billable" in result.stdout
    assert "do not fit into --max-cost" in result.stdout
    assert (account.journal(), spent(account)) == ([], 0)


def test_replay_says_fixed_or_still_failing(tmp_path: Path) -> None:
    out, port = str(tmp_path / "run"), unused_port()
    with Mock("reapi", clock="jump", sabotage=LIE, port=port) as lying:
        verify("--base-url", lying.url, "--rule", RULE, "--out", out, "--quiet")
        again = CliRunner().invoke(cli, ["replay", out])
    assert (again.exit_code, again.stdout.split()[0]) == (ExitCode.DOES_NOT_CONFORM, "still"), again.output
    with Mock("reapi", clock="jump", port=port):
        fixed = CliRunner().invoke(cli, ["replay", out, RULE])
    assert (fixed.exit_code, fixed.stdout.split()[0]) == (ExitCode.CONFORMS, "fixed"), fixed.output
    unknown = CliRunner().invoke(cli, ["replay", out, f"{RULE}x"])
    assert (unknown.exit_code, RULE in unknown.stderr) == (ExitCode.USAGE, True)


def test_a_known_failure_does_not_fail_and_a_stale_one_does(tmp_path: Path) -> None:
    known = tmp_path / "known.yaml"
    known.write_text(
        f"imageproof-baseline: 1\nknown:\n  - {{rule: {RULE}, reason: being mended, owner: us, expires: 2999-01-01}}\n"
    )
    words = ("--mode", "free", "--rule", RULE, "--baseline", str(known), "--quiet")
    with Mock("reapi", clock="jump", sabotage=LIE) as lying:
        listed = verify("--base-url", lying.url, *words, "--out", str(tmp_path / "listed"))
    assert listed.exit_code == ExitCode.CONFORMS, listed.output
    with Mock("reapi", clock="jump", pictures="plain") as honest:
        paid = ("--rule", RULE, "--baseline", str(known), "--quiet", "--out", str(tmp_path / "stale"))
        stale = verify("--base-url", honest.url, *paid)
    assert stale.exit_code == ExitCode.DOES_NOT_CONFORM, stale.output


def test_pytest_itself_is_the_engine(mock: Mock, tmp_path: Path) -> None:
    from imageproof.suites.gateway.plugin import suite_path  # noqa: PLC0415  (loads Hypothesis)

    report = tmp_path / "junit.xml"
    words = ["--spec", "reapi", "--base-url", mock.url, "--mode", "free", "--out", str(tmp_path / "run")]
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", str(suite_path().parent), *words, "-k", "size and not official",
            "-p", "no:cacheprovider", "-q", f"--junit-xml={report}",
        ],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test_rule[reapi/submit/gpt-image-2/size/one-of]" in report.read_text()
    assert read_run(tmp_path / "run").footer is not None


def test_the_rules_can_be_shared_among_workers(mock: Mock, tmp_path: Path) -> None:
    from imageproof.suites.gateway.plugin import suite_path  # noqa: PLC0415  (loads Hypothesis)

    words = ["--spec", "reapi", "--base-url", mock.url, "--mode", "free", "-k", "submit and size and not official"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", str(suite_path().parent), *words, "-n", "2", "-p", "no:cacheprovider", "-q"],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to send")
def test_ctrl_c_keeps_what_was_found_and_says_so(tmp_path: Path) -> None:
    with Mock("reapi", clock="real", pictures="plain") as mock:
        folder = tmp_path / "run"
        words = ["verify", "gateway", "reapi", "--base-url", mock.url, "--out", str(folder)]
        with subprocess.Popen(
            [sys.executable, "-m", "imageproof", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as run:
            try:
                until(lambda: (folder / "run.jsonl").exists() and "processing" in (folder / "run.jsonl").read_text())
                run.send_signal(signal.SIGINT)
                out, errors = run.communicate(timeout=30)
            finally:
                run.kill()
    record = read_run(folder)
    assert record.footer is not None
    assert record.exchanges
    assert run.returncode not in (ExitCode.CONFORMS, ExitCode.USAGE), out
    assert "Traceback" not in out + errors
