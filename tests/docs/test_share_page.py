"""The page about sharing: its commands run, on a store and on addresses of the test's own, and do what is said."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from imageproof.mock_server import redis_link, shared_outbox
from tests.docs.test_verify_pages import blocks_of, commands_of, require_accepted, statements
from tests.shared.crews import crew
from tests.shared.stores import Store, running_store

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "share-a-mock.md"
TEXT = PAGE.read_text(encoding="utf-8")
STORES = re.compile(r"redis://(?:127\.0\.0\.1|10\.0\.0\.9):6379/0")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the commands are those of a POSIX shell")


def here(command: str, store: Store) -> list[str]:
    """The words of a command of the page, with a store and with addresses that a test may use."""
    command = STORES.sub(store.new_url(), command).replace("10.0.0.", "127.0.0.")
    return shlex.split(command, comments=True)[2:]


def test_every_command_of_the_page_is_one() -> None:
    commands = [*commands_of(PAGE)]
    assert len(commands) == 4
    for command in commands:
        require_accepted(shlex.split(command)[1:])


def test_the_workers_of_the_page_serve() -> None:
    (command,) = [command for command in commands_of(PAGE) if "--workers" in command]
    with running_store() as store, crew(*here(command, store), "--clock", "manual") as mock:
        assert len(mock.workers()) == 4
        assert mock.control("GET", "health")["specs"] == ["reapi"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8 on loopback")
def test_what_one_machine_of_the_page_takes_the_other_knows() -> None:
    (machines,) = [block.text for block in blocks_of(PAGE) if "--host 10.0.0.1" in block.text]
    (asked,) = [block.text for block in blocks_of(PAGE) if "curl" in block.text]
    with ExitStack() as stack:
        store = stack.enter_context(running_store())
        url = store.new_url()
        for number, command in enumerate(statements(machines), 1):
            words = [url if word.startswith("redis://") else word for word in here(command, store)]
            assert words[words.index("--host") + 1] == f"127.0.0.{number}"
            mock = stack.enter_context(crew(*words))
            assert f"http://10.0.0.{number}:4010/" in asked
            asked = asked.replace(f"http://10.0.0.{number}:4010/", f"{mock.ready['url']}/")
        done = subprocess.run(["bash", "-euc", asked], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "completed"


def test_the_file_of_the_page_keeps_the_state(tmp_path: Path) -> None:
    (command,) = [command for command in commands_of(PAGE) if "--state" in command]
    words = [*shlex.split(command)[2:-1], str(tmp_path / "mock.state")]
    order = {"model": "gpt-image-2", "prompt": "a red fox"}
    with crew(*words) as mock:
        task = mock.ask("POST", "/reapi/api/v1/images/generations", "rk_live_demo", order).body["id"]
    with crew(*words) as mock:
        assert mock.ask("GET", f"/reapi/api/v1/tasks/{task}", "rk_live_demo").body["id"] == task


def test_the_numbers_of_the_page_are_those_of_the_code() -> None:
    assert shared_outbox.SOON_S == 0.005
    assert "last five\n  milliseconds of its journal" in TEXT
    assert "does not answer" in TEXT
    assert redis_link.ANSWER_S < 5
