"""Stores and workers that can't be had: one sentence and an exit code, and no process is left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from time import monotonic

import pytest
import redis
from click.testing import CliRunner

from imageproof import Mock
from imageproof.cli.main import cli
from imageproof.exits import ExitCode
from imageproof.mock_server.stored import StoreMismatchError
from tests.shared.crews import MOCK, Crew, crew, is_alive, until
from tests.shared.stores import Store, free_port

PATIENCE_S = 60.0
END_S = 6.0  # it takes less than three; a machine that is busy is given the time
UNREAD = "expected memory or the URL of a Redis server"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="several processes can't share a port there")


def refused(*arguments: str) -> str:
    """What the command says when it does not serve."""
    done = subprocess.run([*MOCK, *arguments], capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, ""), done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def misread(text: str) -> str:
    """What the command says to a store that it can't make sense of."""
    told = CliRunner().invoke(cli, ["mock", "--store", text, "reapi"])
    assert (told.exit_code, told.stdout) == (ExitCode.USAGE, "")
    return told.stderr


def test_workers_without_a_store_have_nothing_to_share() -> None:
    said = refused("--workers", "2", "--port", "0", "reapi")
    assert said.startswith("Error: expected a store that 2 workers can share, got none: add --store redis://")
    assert said.count("\n") == 1


@pytest.mark.parametrize("text", ["nonsense", "http://127.0.0.1:6379", "redis:/127.0.0.1", "", "postgres://host/1"])
def test_a_store_of_no_known_kind_is_refused(text: str) -> None:
    assert UNREAD in misread(text)


@pytest.mark.parametrize(
    "text", ["redis://127.0.0.1:seventy/0", "redis://127.0.0.1:99999/0", "redis://[::1/0", "redis://host/x"]
)
def test_an_address_that_can_not_be_read_is_refused(text: str) -> None:
    assert "--store" in misread(text)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_store_that_nobody_serves_is_one_sentence(workers: str) -> None:
    port = free_port("127.0.0.1")
    began = monotonic()
    said = refused("--store", f"redis://:secret@127.0.0.1:{port}/0", "--workers", workers, "--port", "0", "reapi")
    assert f"the store at redis://127.0.0.1:{port}/0 does not answer" in said
    assert "secret" not in said
    assert monotonic() - began < PATIENCE_S / 2


def test_a_store_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert "does not answer" in refused("--store", f"redis://127.0.0.1:{port}/0", "--port", "0", "reapi")


def test_a_database_that_the_store_does_not_have_is_one_sentence(store: Store) -> None:
    said = refused("--store", f"redis://{store.host}:{store.port}/99999", "--port", "0", "reapi")
    assert said.startswith(f"Error: the store at redis://{store.host}:{store.port}/99999 does not answer")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--seed", "2", "reapi"), "seed 2"),
        (("--clock", "manual", "reapi"), "clock manual"),
        (("reapi", "toapis"), "specs reapi, toapis"),
        (("--limits", "documented", "reapi"), "limits documented"),
    ],
)
def test_a_store_of_a_mock_that_was_set_up_otherwise_is_refused(
    settled: str, arguments: tuple[str, ...], named: str
) -> None:
    said = refused("--store", settled, "--port", "0", *arguments)
    assert said.startswith(
        "Error: the store holds the state of a mock with seed 1, clock real, specs reapi, limits off"
    )
    assert named in said
    assert "choose another database" in said


@pytest.fixture(scope="module")
def settled(store: Store) -> str:
    """A store that belongs to a mock with the usual options."""
    url = store.new_url()
    with crew("--store", url, "reapi") as first:
        assert first.control("GET", "health")["status"] == "ok"
    return url


def test_a_mock_that_can_not_be_started_leaves_no_connection_to_the_store(settled: str, url: str) -> None:
    with redis.Redis.from_url(url) as own, socket.create_server(("127.0.0.1", 0)) as taken:
        before = len(own.client_list())
        with pytest.raises(StoreMismatchError, match="choose another database"):
            Mock("reapi", "toapis", store=settled).start()
        with pytest.raises(OSError, match="in use"):
            Mock("reapi", store=url, port=taken.getsockname()[1]).start()
        until(lambda: len(own.client_list()) <= before, "a connection is left", END_S)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_is_taken_is_one_sentence(url: str, workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = refused("--store", url, "--workers", workers, "--port", port, "reapi")
    assert (
        said == f"Error: port {port} of 127.0.0.1 is taken: choose another with --port, or any free one with --port 0\n"
    )


def ended(mock: Crew, workers: set[int], name: str) -> float:
    """End the process that the user knows with a signal; how long until all of them are gone."""
    began = monotonic()
    os.kill(mock.process.pid, getattr(signal, name))
    mock.process.wait(PATIENCE_S)
    until(lambda: not any(is_alive(pid) for pid in workers), "a worker outlives the command", END_S)
    return monotonic() - began


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 0), ("SIGKILL", -9)])
def test_the_workers_end_with_the_command(url: str, name: str, code: int) -> None:
    with crew("--store", url, "--workers", "2", "--clock", "manual", "apiyi") as mock:
        workers = mock.workers()
        assert len(workers) == 2
        assert ended(mock, workers, name) < END_S
        assert mock.process.returncode == code
    assert "Traceback" not in mock.log()
