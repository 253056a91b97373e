"""The locustfile with the plain `locust` command: alone, and as a master with two workers."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from imageproof import Mock
from imageproof.loadtests.books import End, Job
from imageproof.loadtests.mix import mark_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imageproof.mock import MockAccount

FILE = Path(__file__).parents[2] / "loadtests" / "locustfile.py"
GO_S = 90


@pytest.fixture(scope="module")
def mock() -> Iterator[Mock]:
    with Mock("reapi", clock="120x", timing_header=True, pictures="plain") as served:
        yield served


def locust(account: MockAccount, *words: str, **more: str) -> subprocess.Popen[str]:
    """Start Locust on the file, with the key and the clock of the mock's account."""
    command = [sys.executable, "-m", "locust", "-f", str(FILE), *words]
    settings = {"IMAGEPROOF_SPEC": "reapi", "IMAGEPROOF_API_KEY": account.key, "IMAGEPROOF_CLOCK": "120x"}
    return subprocess.Popen(
        command,
        env={**os.environ, **settings, **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def free_port() -> int:
    """A port that is free now: Locust's master can't tell which one it has taken."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def ended(process: subprocess.Popen[str]) -> str:
    """What a process said until its end, which is a good one."""
    said, _ = process.communicate(timeout=GO_S)
    assert process.returncode == 0, said
    return said


def books_in(folder: Path) -> list[Job]:
    lines = (folder / "books.jsonl").read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Job) for line in lines]


def marks_of(account: MockAccount) -> Counter[int | None]:
    return Counter(mark_of(str(task["prompt"])) for task in account.tasks())


def test_alone_its_users_wait_for_their_jobs_and_its_statistics_show_each_kind_of_call(
    mock: Mock, tmp_path: Path
) -> None:
    account = mock.account()
    words = ["--headless", "--host", account.base_url, "-u", "3", "-r", "3", "-t", "3s", "--stop-timeout", "20"]
    said = ended(locust(account, *words, IMAGEPROOF_OUT=str(tmp_path)))
    jobs = books_in(tmp_path)

    assert jobs
    assert {job.end for job in jobs} == {End.DONE}
    assert marks_of(account) == Counter(job.mark for job in jobs)
    assert all(word in said for word in ("submit", "poll", "download"))


def test_two_workers_share_the_arrivals_and_the_master_has_all_books(mock: Mock, tmp_path: Path) -> None:
    account = mock.account()
    words = ["--headless", "--host", account.base_url, "-u", "2", "-r", "2", "-t", "4s", "--stop-timeout", "20"]
    port = str(free_port())
    rate = {"IMAGEPROOF_RATE": "15/s"}
    master = locust(
        account,
        *["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--expect-workers", "2"],
        *words,
        **rate,
        IMAGEPROOF_OUT=str(tmp_path),
    )
    workers = [locust(account, "--worker", "--master-host", "127.0.0.1", "--master-port", port, **rate) for _ in "12"]
    try:
        ended(master)
        for worker in workers:
            ended(worker)
    finally:
        for process in (master, *workers):
            process.kill()
            process.communicate()
    jobs = books_in(tmp_path)

    assert {job.worker for job in jobs} == {0, 1}
    assert {job.end for job in jobs} == {End.DONE}
    assert len({job.mark for job in jobs}) == len(jobs)
    assert all(job.mark % 2 == job.worker for job in jobs)
    assert marks_of(account) == Counter(job.mark for job in jobs)
    assert len(jobs) > 20
