"""A mock that is started again with its file goes on where it was; a file that does not fit is left alone."""

from __future__ import annotations

import base64
import os
import pickle
import socket
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest

from imageproof import Mock
from imageproof.mock_server.account_state import ForeignStateError, read_values
from imageproof.mock_server.state_file import MAGIC
from imageproof.mock_server.stored import StateFileError

if TYPE_CHECKING:
    from imageproof.mock import MockAccount

SUBMIT = "/api/v1/images/generations"
ORDER = {"model": "gpt-image-2", "prompt": "a lighthouse"}
KEY = "rk_live_kept_for_long"


def submit(account: MockAccount, prompt: str = "a lighthouse", **headers: str) -> str:
    body = {**ORDER, "prompt": prompt}
    answer = httpx.post(account.base_url + SUBMIT, headers={**account.headers, **headers}, json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def poll(account: MockAccount, task_id: str) -> dict[str, object]:
    answer = httpx.get(f"{account.base_url}/api/v1/tasks/{task_id}", headers=account.headers)
    assert answer.status_code == 200, answer.text
    return cast("dict[str, object]", answer.json())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mock.state"


def test_a_mock_that_can_not_listen_writes_nothing(path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        Mock("reapi", state=path, port=taken.getsockname()[1]).start()
    assert not path.exists()


def test_a_mock_goes_on_where_it_was(path: Path) -> None:
    with Mock("reapi", clock="manual", pictures="plain", state=path) as first:
        account = first.account("reapi", KEY)
        done, running = submit(account), submit(account, "another one")
        account.set(balance_usd=5)
        account.fault("{status: 502, on: submit, times: 2}")
        refused = httpx.post(account.base_url + SUBMIT, headers=account.headers, json=ORDER)
        assert refused.status_code == 502
        account.finish(done)
        told, ledger, journal = poll(account, done), account.ledger(), account.journal()
        images, state = account.truths(), account.describe()
    assert path.stat().st_mode & 0o777 == 0o600
    with Mock("reapi", clock="manual", pictures="plain", state=path) as second:
        account = second.account("reapi", KEY)
        assert account.describe() == state
        assert account.ledger() == ledger
        assert account.truths() == images
        assert account.journal() == journal
        assert poll(account, done)["status"] == told["status"] == "completed"
        assert poll(account, running)["status"] == "processing"
        again = httpx.post(account.base_url + SUBMIT, headers=account.headers, json=ORDER)
        assert again.status_code == 502
        assert submit(account) not in (done, running)  # the third attempt at this job has a fate of its own
        other = second.account("reapi", "rk_live_another_one")
        assert cast("dict[str, int]", other.describe())["tasks"] == 0


def test_a_real_clock_goes_on_and_any_other_stands_still_meanwhile(path: Path) -> None:
    with Mock("reapi", clock="1000x", state=path) as first:
        fast, real = first.account("reapi", KEY), first.account("reapi", KEY + "_2")
        real.set(clock="real")
        fast.set(clock="manual")
        before = [cast("dict[str, float]", account.describe()["clock"])["now"] for account in (fast, real)]
    with Mock("reapi", clock="1000x", state=path) as second:
        fast, real = second.account("reapi", KEY), second.account("reapi", KEY + "_2")
        after = [cast("dict[str, float]", account.describe()["clock"])["now"] for account in (fast, real)]
    assert after[0] == before[0]
    assert 0 < after[1] - before[1] < 60


def test_references_and_uploads_are_there_again(path: Path) -> None:
    with Mock("openai", "toapis", clock="jump", pictures="plain", state=path) as first:
        account = first.account("toapis")
        png = first.account("openai")
        drawn = httpx.post(
            f"{png.base_url}/v1/images/generations", headers=png.headers, json={"model": "gpt-image-2", "prompt": "x"}
        ).json()["data"][0]["b64_json"]
        data = base64.b64decode(drawn)
        answer = httpx.post(
            f"{account.base_url}/v1/uploads/images",
            headers=account.headers,
            files={"file": ("a.png", data, "image/png")},
        )
        assert answer.status_code == 200, answer.text
        url = next(value for value in _texts(answer.json()) if "__uploads__" in value)
    with Mock("openai", "toapis", clock="jump", pictures="plain", state=path) as second:
        assert httpx.get(second.url + urlsplit(url).path).content == data


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts(item)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"hello", "got another one"),
        (MAGIC, "is damaged"),
        (MAGIC + b"garbage", "is damaged"),
        (MAGIC + pickle.dumps({"seed": 1}), "is damaged"),
        (MAGIC + pickle.dumps({"seed": 2, "contracts": {}}), "is of seed 2"),
        (MAGIC + pickle.dumps({"seed": 1, "contracts": {"nobody": "x"}}), "nobody is not served here"),
        (MAGIC + pickle.dumps({"seed": 1, "contracts": {"reapi": "x"}}), "contract of reapi has changed"),
        (MAGIC + pickle.dumps(os.system), "expected plain values, got posix.system"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_and_left_alone(path: Path, content: bytes, says: str) -> None:
    path.write_bytes(content)
    with pytest.raises(StateFileError, match=says), Mock("reapi", state=path):
        pass
    assert path.read_bytes() == content


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StateFileError, match="does not exist: make it"), Mock("reapi", state=tmp_path / "no" / "f"):
        pass


def test_the_values_of_an_account_name_no_other_classes() -> None:
    with pytest.raises(ForeignStateError, match=r"posix\.system"):
        read_values(pickle.dumps((os.system,) * 10), 10)
    with pytest.raises(ForeignStateError, match="expected 10 values"):
        read_values(pickle.dumps((1, 2)), 10)
    with pytest.raises(ForeignStateError, match="hold none"):
        read_values(b"", 10)
