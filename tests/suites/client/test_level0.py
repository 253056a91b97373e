"""Level 0: whatever a program does, it ends, nothing of it is left, and what it said is read rightly."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
import time
from pathlib import Path

import pytest

from imageproof.suites.client import process
from imageproof.suites.client.level0 import Level0
from imageproof.suites.client.watch import Answer, End, Ending, Told
from tests.suites.client.assigned import assignment

BEFORE = {**os.environ, "IMAGEPROOF_LEFT_OVER": "1", "OPENAI_ORG_ID": "somebody"}
FORKS = """
import os, time, pathlib
for kind in ("child", "daemon"):
    if os.fork() == 0:
        if kind == "daemon":
            os.setsid()
        pathlib.Path(os.environ["IMAGEPROOF_OUT"], "..", kind).write_text(str(os.getpid()))
        time.sleep(600)
while not all(pathlib.Path(os.environ["IMAGEPROOF_OUT"], "..", kind).exists() for kind in ("child", "daemon")):
    time.sleep(0.01)
"""
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"


def play(code: str, folder: Path, *words: str, seconds: float = 20.0) -> tuple[Answer, Ending]:
    async def run() -> tuple[Answer, Ending]:
        level = Level0([sys.executable, "-S", "-c", code, *words], BEFORE)
        return await level.do(assignment(folder, seconds=seconds))

    return asyncio.run(run())


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


@pytest.mark.parametrize(
    ("code", "told", "end"),
    [
        (0, Told.DONE, End.EXITED),
        (2, Told.FAILED, End.EXITED),
        (64, Told.UNSUPPORTED, End.EXITED),
        (1, Told.SILENT, End.CRASHED),
    ],
)
def test_an_exit_code_is_an_answer(tmp_path: Path, code: int, told: Told, end: End) -> None:
    answer, ending = play(f"raise SystemExit({code})", tmp_path)
    assert (answer.told, answer.images, ending.end, ending.code) == (told, None, end, code)


def test_a_client_is_told_what_it_needs_and_nothing_of_before(tmp_path: Path) -> None:
    code = "import os, json; print(json.dumps(dict(os.environ)), file=__import__('sys').stderr)"
    _, ending = play(code, tmp_path)
    env = json.loads(ending.output)
    folder = tmp_path / "plain"
    assert {name: value for name, value in env.items() if name.startswith(("IMAGEPROOF_", "OPENAI_"))} == {
        "IMAGEPROOF_PROTOCOL": "1",
        "IMAGEPROOF_PROVIDER": "reapi",
        "IMAGEPROOF_SCENARIO": "plain",
        "IMAGEPROOF_BASE_URL": "http://127.0.0.1:1/reapi",
        "IMAGEPROOF_API_KEY": "rk_live_1",
        "IMAGEPROOF_JOB": str(folder / "job.json"),
        "IMAGEPROOF_RESULT": str(folder / "result.json"),
        "IMAGEPROOF_OUT": str(folder / "out"),
        "IMAGEPROOF_TIME_SCALE": "60",
        "IMAGEPROOF_DEADLINE_MS": "20000",
        "IMAGEPROOF_PROCESS": env["IMAGEPROOF_PROCESS"],
        "OPENAI_BASE_URL": "http://127.0.0.1:1/reapi/v1",
        "OPENAI_API_KEY": "rk_live_1",
    }
    assert env["PATH"] == os.environ["PATH"]
    assert json.loads((folder / "job.json").read_text(encoding="utf-8"))["prompt"] == "a lighthouse; $(reboot)"


def test_arguments_are_filled_without_a_shell(tmp_path: Path) -> None:
    code = "import sys, json; print(json.dumps(sys.argv[1:]), file=sys.stderr)"
    words = ["{prompt}", "--n={n}", "{size}", "{model}", "{base_url}/x", "{api_key}", "{out}", "{other} {}"]
    _, ending = play(code, tmp_path, *words)
    assert json.loads(ending.output) == [
        "a lighthouse; $(reboot)",
        "--n=2",
        "",
        "gpt-image-2",
        "http://127.0.0.1:1/reapi/x",
        "rk_live_1",
        str(tmp_path / "plain" / "out"),
        "{other} {}",
    ]


def test_a_result_file_is_read(tmp_path: Path) -> None:
    result = {
        "outcome": "failed",
        "images": [{"sha256": "A" * 64}, {"path": "a.png"}, {"base64": "aGk="}],
        "error": {"kind": "timeout", "code": 5002, "message": "no"},
        "task_id": "t1",
        "request_ids": ["r1"],
    }
    code = f"""
import os, pathlib, sys
pathlib.Path(os.environ["IMAGEPROOF_OUT"], "a.png").write_bytes(b"hi")
pathlib.Path(os.environ["IMAGEPROOF_RESULT"]).write_text({json.dumps(result)!r})
sys.exit(2)
"""
    answer, ending = play(code, tmp_path)
    digest = hashlib.sha256(b"hi").hexdigest()
    assert ending.end is End.EXITED
    assert answer == Answer(
        told=Told.FAILED,
        images=("a" * 64, digest, digest),
        kind="timeout",
        code="5002",
        message="no",
        task="t1",
        request_ids=("r1",),
        gave_up=True,
    )


def test_files_are_taken_where_nothing_is_said_of_images(tmp_path: Path) -> None:
    code = "import os, pathlib; pathlib.Path(os.environ['IMAGEPROOF_OUT'], 'a.png').write_bytes(b'hi')"
    answer, _ = play(code, tmp_path)
    assert (answer.told, answer.images) == (Told.DONE, (hashlib.sha256(b"hi").hexdigest(),))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "expected a result, got '{'"),
        ('{"outcome": "perhaps"}', "invalid enum value 'perhaps'"),
        ('{"outcome": "done", "images": [{}]}', "one with none of them"),
        ('{"outcome": "done", "images": [{"path": "gone.png"}]}', "expected the file of an image, got 'gone.png'"),
        ('{"outcome": "done", "images": [{"path": "/dev/zero"}]}', "expected a file of at most 64 MiB"),
        ('{"outcome": "done", "images": [{"base64": "?"}]}', "expected an image in base64"),
        ('{"outcome": "done", "images": [{"sha256": "12"}]}', "64 hex digits"),
    ],
)
def test_a_result_that_can_not_be_read_is_no_crash_of_ours(tmp_path: Path, text: str, says: str) -> None:
    code = f"import os, pathlib; pathlib.Path(os.environ['IMAGEPROOF_RESULT']).write_text({text!r})"
    answer, ending = play(code, tmp_path)
    assert (answer.told, ending.end) == (Told.DONE, End.EXITED)
    assert says in str(answer.message)


def test_a_client_that_hangs_is_ended(tmp_path: Path) -> None:
    answer, ending = play("import time; time.sleep(600)", tmp_path, seconds=0.5)
    assert (answer.told, ending.end, ending.code) == (Told.SILENT, End.HUNG, -15)


def test_a_client_that_ignores_sigterm_is_ended(tmp_path: Path) -> None:
    _, ending = play(DEAF, tmp_path, seconds=1.0)
    assert (ending.end, ending.code) == (End.HUNG, -9)
    assert ending.seconds < 15


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_client_that_prints_a_gigabyte_is_ended(tmp_path: Path, stream: str) -> None:
    code = f"import sys\nfor _ in range(1024): sys.{stream}.write('x' * (1 << 20))"
    _, ending = play(code, tmp_path)
    assert ending.end is End.FLOODED
    assert len(ending.output) == process.KEPT


def test_the_last_of_a_long_output_is_kept(tmp_path: Path) -> None:
    _, ending = play("import sys; sys.stderr.write('x' * 1_000_000 + 'the end')", tmp_path)
    assert ending.end is End.EXITED
    assert ending.output.endswith("xthe end")
    assert len(ending.output) == process.KEPT


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc to find processes that left their session")
@pytest.mark.parametrize("after", ["", "time.sleep(600)"])
def test_what_a_client_forks_is_ended_too(tmp_path: Path, after: str) -> None:
    _, ending = play(FORKS + after, tmp_path, seconds=3.0)
    pids = [int((tmp_path / "plain" / kind).read_text(encoding="utf-8")) for kind in ("child", "daemon")]
    assert ending.end is (End.HUNG if after else End.EXITED)
    assert not any(is_running(pid) for pid in pids)


def test_a_client_is_ended_when_we_are(tmp_path: Path) -> None:
    code = "import os, pathlib, time; pathlib.Path(os.environ['IMAGEPROOF_OUT'], 'pid').write_text(str(os.getpid()))"
    file = tmp_path / "plain" / "out" / "pid"

    async def interrupted() -> int:
        level = Level0([sys.executable, "-S", "-c", f"{code}; time.sleep(600)"], BEFORE)
        task = asyncio.create_task(level.do(assignment(tmp_path)))
        while not (file.exists() and file.read_text(encoding="utf-8")):  # noqa: ASYNC110  (another process writes it)
            await asyncio.sleep(0.01)
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - began < 5
        return int(file.read_text(encoding="utf-8"))

    assert not is_running(asyncio.run(interrupted()))


def test_a_command_that_is_none_is_said_in_a_sentence(tmp_path: Path) -> None:
    async def run() -> tuple[Answer, Ending]:
        return await Level0(["/no/such/program"], BEFORE).do(assignment(tmp_path))

    answer, ending = asyncio.run(run())
    assert (answer.told, ending.end) == (Told.SILENT, End.NOT_STARTED)
    expected = "expected a command that can be started, got '/no/such/program': no such file or directory"
    assert ending.output == expected
