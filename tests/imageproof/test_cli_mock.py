"""`imageproof mock` as a process: it says when it is ready, ends when it is told to, and refuses with one sentence."""

import http.client
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from imageproof.cli.banner import banner, reachable, sample_call, with_card
from imageproof.cli.serving import Address
from imageproof.mock_server.options import Options
from imageproof.mock_server.server import Mock
from imageproof.specs.library import load, shipped
from imageproof.specs.model import Does, Spec

MOCK = (sys.executable, "-m", "imageproof", "mock")
PATIENCE_S = 30.0
END_S = 5.0  # it takes less than one; a call that holds the end up would hold it for ever
SYNCHRONOUS = next(spec for spec in map(load, shipped()) if spec.operation_for(Does.GENERATE))


@dataclass(frozen=True, slots=True)
class Running:
    """A mock that serves."""

    process: subprocess.Popen[str]
    ready: dict[str, object]

    @property
    def port(self) -> int:
        return int(str(self.ready["url"]).rpartition(":")[2])

    def get(self, path: str, spec: Spec | None = None) -> dict[str, object]:
        connection = self.open("GET", path, spec)
        answer: dict[str, object] = json.load(connection.getresponse())
        connection.close()
        return answer

    def open(self, method: str, path: str, spec: Spec | None = None, body: object = None) -> http.client.HTTPConnection:
        """Send a request and do not wait for its answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        headers = {"Content-Type": "application/json"}
        if spec is not None:
            headers[spec.auth.header] = f"{spec.auth.scheme} {spec.auth.key_example}".strip()
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        return connection


@contextmanager
def serving(*arguments: str, environment: dict[str, str] | None = None) -> Iterator[Running]:
    """A mock on a free port, from its line of readiness to the end of the block."""
    process = subprocess.Popen(
        [*MOCK, "--port", "0", "--ready-json", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    with process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            assert line, process.stderr.read() if process.stderr else ""
            yield Running(process, json.loads(line))
        finally:
            process.kill()


def refused(*arguments: str, environment: dict[str, str] | None = None) -> str:
    """What the command says when it does not serve."""
    done = subprocess.run(
        [*MOCK, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
        env={**os.environ, **(environment or {})},
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    return done.stderr


def test_it_says_in_one_line_of_json_where_it_is_and_how_it_was_set_up() -> None:
    with serving("--seed", "7", "--clock", "60x", shipped()[0]) as mock:
        assert mock.ready["event"] == "ready"
        assert mock.ready["specs"] == [shipped()[0]]
        assert (mock.ready["seed"], mock.ready["clock"], mock.ready["pid"]) == (7, "60x", mock.process.pid)
        health = mock.get("/__imageproof__/health")
        assert (health["status"], health["seed"], health["clock"]) == ("ok", 7, "60x")


def test_it_serves_all_that_are_shipped_when_none_is_named() -> None:
    with serving() as mock:
        assert mock.ready["specs"] == list(shipped())
        assert mock.get("/__imageproof__/health")["specs"] == list(shipped())


def test_options_come_from_the_environment_too() -> None:
    with serving("--clock", "jump", environment={"IMAGEPROOF_SEED": "42", "IMAGEPROOF_CLOCK": "manual"}) as mock:
        assert (mock.ready["seed"], mock.ready["clock"]) == (42, "jump")


def test_limits_of_the_mock_are_those_that_were_asked_for() -> None:
    with serving("--max-tasks", "7", "--max-accounts", "3", "--max-uploads", "64KiB") as mock:
        health = mock.get("/__imageproof__/health")
        assert [health[name]["limit"] for name in ("tasks", "accounts", "uploads")] == [7, 3, 65_536]  # type: ignore[index]


@pytest.mark.parametrize(("payload", "least", "most"), [("drawn", 1, 100_000), ("photo", 1_000_000, 10_000_000)])
def test_results_are_as_large_as_they_were_asked_for(payload: str, least: int, most: int) -> None:
    spec = SYNCHRONOUS
    operation = spec.operation_for(Does.GENERATE)
    assert operation is not None
    body = {spec.selector.field or "model": spec.selector.example, "prompt": "a red fox"}
    with (
        serving("--clock", "jump", "--pictures", "plain", "--payload", payload, spec.name) as mock,
        closing(mock.open("POST", f"/{spec.name}{operation.path}", spec, body)) as connection,
    ):
        assert least < len(connection.getresponse().read()) < most


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to send")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_ends_it_in_order_while_calls_are_held_and_streams_are_open(name: str) -> None:
    spec = SYNCHRONOUS
    operation = spec.operation_for(Does.GENERATE)
    assert operation is not None
    assert operation.stream is not None
    path = f"/{spec.name}{operation.path}"
    body = {spec.selector.field or "model": spec.selector.example, "prompt": "a red fox"}
    with serving("--clock", "manual", spec.name) as mock:
        held = mock.open("POST", path, spec, body)
        streamed = mock.open("POST", path, spec, {**body, operation.stream.switch: True})
        while mock.get(f"/__imageproof__/{spec.name}/account", spec)["jobs"] != 2:
            pass
        mock.process.send_signal(getattr(signal, name))
        assert mock.process.wait(END_S) == 0
        assert mock.process.stderr is not None
        assert "Traceback" not in mock.process.stderr.read()
        held.close()
        streamed.close()


def test_a_port_that_is_taken_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused("--port", str(port), shipped()[0])
    assert (
        said == f"Error: port {port} of 127.0.0.1 is taken: choose another with --port, or any free one with --port 0\n"
    )


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((f"{shipped()[0]}x",), shipped()[0]),
        (("absent.yaml",), "absent.yaml"),
        (("--clock", "fast"), "--clock"),
        (("--queue", "slots=0"), "--queue"),
        (("--queue", "p50=9s"), "--queue"),
        (("--seed", "x"), "--seed"),
        (("--max-body", "0"), "--max-body"),
        (("--public-url", "mock"), "--public-url"),
        (("--host", ""), "--host"),
        (("--host", "a..b", "--port", "0"), "a..b"),
        (("--host", "192.0.2.1", "--port", "0"), "192.0.2.1"),
    ],
)
def test_what_can_not_be_used_is_one_sentence_that_names_it(arguments: tuple[str, ...], named: str) -> None:
    said = refused(*arguments)
    assert said.count("\n") == 1
    assert named in said


def test_a_bad_value_in_the_environment_is_refused_like_a_bad_option() -> None:
    assert "--clock" in refused(environment={"IMAGEPROOF_CLOCK": "fast"})


def test_a_broken_contract_is_shown_with_its_mistakes(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("imageproof: 1\nprovider: broken\ntitel: Broken\n", encoding="utf-8")
    said = refused(str(path))
    assert f"{path}:3:1: " in said
    assert "^" in said


def test_two_contracts_of_one_name_are_refused(tmp_path: Path) -> None:
    name = "reapi"
    path = tmp_path / "mine.yaml"
    path.write_text(f"imageproof: 1\nextends: {name}\n", encoding="utf-8")
    assert f"two that are called {name!r}" in refused(name, str(path))


def test_who_listens_beyond_this_machine_is_warned() -> None:
    with serving("--host", "0.0.0.0") as mock:  # noqa: S104  (the warning is what is tested)
        mock.process.terminate()
        assert mock.process.stderr is not None
        assert mock.process.stderr.read().startswith("warning: others can reach 0.0.0.0")
        assert mock.ready["url"] == f"http://127.0.0.1:{mock.port}"


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104  (nothing is bound)
        ("::", False),
        ("a.example", False),
    ],
)
def test_loopback_is_told_from_the_rest(host: str, is_loopback: bool) -> None:  # noqa: FBT001  (a row of the table)
    assert Address(host=host, port=0).is_loopback is is_loopback


def test_every_address_is_named_as_this_machine_reaches_it() -> None:
    assert reachable("http://0.0.0.0:1") == "http://127.0.0.1:1"
    assert reachable("http://[::]:1") == "http://[::1]:1"
    assert reachable("http://127.0.0.1:1") == "http://127.0.0.1:1"


def test_the_banner_names_each_provider_with_a_key_and_a_call_to_try() -> None:
    specs = [load(name) for name in shipped()]
    said = banner(Mock(specs, Options(seed=5)), "http://127.0.0.1:4010")
    for spec in specs:
        assert f"http://127.0.0.1:4010/{spec.name}" in said
        assert spec.auth.key_example in said
    assert "Try  curl " in said
    assert "Seed 5, clock real" in said


@pytest.mark.parametrize("name", shipped())
def test_the_call_of_the_banner_works(name: str) -> None:
    with serving(name) as mock:
        call = sample_call(load(name), f"http://127.0.0.1:{mock.port}")
        assert call is not None
        words = shlex.split(call)
        headers = dict(words[index + 1].split(": ", 1) for index, word in enumerate(words) if word == "-H")
        connection = http.client.HTTPConnection("127.0.0.1", mock.port, timeout=PATIENCE_S)
        path = words[2].partition(f":{mock.port}")[2]
        connection.request("POST", path, words[words.index("-d") + 1], headers)
        answer = connection.getresponse()
        assert answer.status in (200, 202), answer.read()
        connection.close()


def test_a_card_is_put_where_the_prompt_is() -> None:
    assert with_card({"prompt": "a"}, "prompt") == {"prompt": "a [[instant]]"}
    assert with_card({"input": {"prompt": "a", "n": 1}}, "input.prompt") == {
        "input": {"prompt": "a [[instant]]", "n": 1}
    }
    assert with_card({"n": 1}, "prompt") == {"n": 1}
