"""`imageproof proxy` as a process: it says when it is ready, ends in order, and refuses with one sentence."""

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import pytest
from click.testing import CliRunner, Result

from imageproof import Mock
from imageproof.cli.main import cli
from imageproof.records.reading import read_run
from tests.imageproof.proxying import raw_upstream

PATIENCE_S = 60.0
COMMAND = (sys.executable, "-m", "imageproof", "proxy")


@contextmanager
def proxying(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """A proxy on a free port, from its line of readiness on."""
    with subprocess.Popen([*COMMAND, *arguments, "--ready-json"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_verdicts_on_both_sides(number: signal.Signals, tmp_path: Path) -> None:
    with Mock("reapi", clock="manual") as mock:
        account = mock.account()
        out = tmp_path / "run"
        with proxying("reapi", "--upstream", account.base_url, "--out", str(out)) as (process, ready):
            assert (ready["event"], ready["spec"], ready["out"]) == ("ready", "reapi", str(out))
            answer = httpx.get(f"{ready['url']}/api/v1/balance", headers=account.headers, timeout=PATIENCE_S)
            assert answer.status_code == 200
            process.send_signal(number)
            told, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert "conforms in all" in told
    run = read_run(out)
    assert run.footer is not None
    assert run.footer.exit == 0
    assert run.header.mode == "proxy"
    assert account.key not in (out / "run.jsonl").read_text(encoding="utf-8") + told


@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
def test_exchanges_are_on_disk_before_the_end(tmp_path: Path) -> None:
    with Mock("reapi", clock="manual") as mock:
        account = mock.account()
        with proxying("reapi", "--upstream", account.base_url, "--out", str(tmp_path / "run")) as (process, ready):
            for _ in range(2):  # the first one is written at the latest when the second one is answered
                httpx.get(f"{ready['url']}/api/v1/balance", headers=account.headers, timeout=PATIENCE_S)
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_S)
        lines = (tmp_path / "run" / "run.jsonl").read_text(encoding="utf-8").splitlines()
    kinds = [json.loads(line)["line"] for line in lines]
    assert kinds[:3] == ["header", "exchange", "exchange"]
    assert kinds[-1] == "footer"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
def test_a_call_that_is_held_does_not_hold_the_end_up(tmp_path: Path) -> None:
    asked = threading.Event()

    def hold(sock: socket.socket, _: bytes) -> None:
        asked.set()
        sock.recv(1)  # until the proxy has ended

    out = tmp_path / "run"
    with (
        raw_upstream(hold) as upstream,
        proxying("reapi", "--upstream", upstream.url, "--out", str(out)) as (process, ready),
        socket.create_connection(("127.0.0.1", int(ready["url"].rpartition(":")[2]))) as sock,
    ):
        sock.sendall(b"GET /api/v1/balance HTTP/1.1\r\nHost: a\r\n\r\n")
        assert asked.wait(PATIENCE_S)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_S)
    run = read_run(out)
    assert run.footer is not None
    assert [item.note for item in run.exchanges.values()] == ["the proxy was ended before the answer was whole"]


def test_it_ends_by_itself_after_a_time(tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = [*COMMAND, "reapi", "--upstream", "http://127.0.0.1:9", "--for", "100ms", "--out", str(out), "-q"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert ended.returncode == 4
    assert "nothing was judged, which is no pass: no request was seen" in ended.stdout
    assert read_run(out).footer is not None


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["proxy", *arguments])


MISTAKES = {
    "no scheme": (["--upstream", "api.example.com"], "--upstream: expected a URL such as https://api.example.com"),
    "user": (["--upstream", "http://u:p@localhost"], "expected a URL without a user and a password in it"),
    "query": (["--upstream", "http://localhost/?a=1"], "expected a URL without ? and #"),
    "port": (["--upstream", "http://localhost:99999"], "expected a URL such as https://api.example.com"),
    "time": (["--upstream", "http://localhost", "--for", "soon"], "--for: expected a time such as 60s or 5m"),
    "no time": (["--upstream", "http://localhost", "--for", "0s"], "expected a time above 0, got '0s'"),
    "host": (["--upstream", "http://localhost", "--host", " "], "expected an address such as 127.0.0.1"),
}


@pytest.mark.parametrize(("arguments", "says"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_refused_with_one_sentence(arguments: list[str], says: str, tmp_path: Path) -> None:
    result = invoke("reapi", *arguments, "--out", str(tmp_path / "run"))
    assert result.exit_code == 2
    assert says in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "run").exists()


def test_a_port_that_is_taken_is_said_and_leaves_no_record(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = invoke("reapi", "--upstream", "http://127.0.0.1:9", "-p", port, "--out", str(tmp_path / "run"))
    assert result.exit_code == 2
    assert f"port {port} of 127.0.0.1 is taken" in result.stderr
    assert not (tmp_path / "run" / "run.jsonl").exists()


def test_no_run_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "run.jsonl").write_text("")
    result = invoke("reapi", "--upstream", "http://127.0.0.1:9", "--out", str(tmp_path))
    assert result.exit_code == 2
    assert "choose another --out" in result.stderr
