"""The control API over HTTP: every route, each with what it does and what it leaves alone."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import cast

import httpx2 as httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from imageproof import Mock, MockAccount
from imageproof.mock_server.control import ROUTES
from tests.mock_server.held import is_held, png, post

Check = Callable[["Controlled"], None]
START = 1_795_000_000.0
SUBMIT = "/api/v1/images/generations"
BODY = {"model": "gpt-image-2", "prompt": "a red fox", "resolution": "1k"}


class Controlled:
    """One account of a mock, and its control API."""

    def __init__(self, account: MockAccount) -> None:
        self.account = account
        self.root = f"{account.mock.url}/__imageproof__"
        self.mine = f"{self.root}/{account.provider}"

    def ask(self, method: str, url: str, **options: object) -> httpx.Response:
        return httpx.request(method, url, headers=self.account.headers, timeout=20, **options)  # type: ignore[arg-type]

    def get(self, what: str) -> object:
        answer = self.ask("GET", f"{self.mine}/{what}")
        assert answer.status_code == 200, answer.text[:500]
        return answer.json()

    def do(self, method: str, what: str, order: object = None) -> object:
        answer = self.ask(method, f"{self.mine}/{what}", json=order)
        assert answer.status_code == 200, answer.text[:500]
        return answer.json()

    def submit(self, prompt: str = "a red fox") -> str:
        answer = self.ask("POST", f"{self.account.base_url}{SUBMIT}", json={**BODY, "prompt": prompt})
        return str(answer.json().get("id"))

    def status(self, task_id: str) -> str:
        return str(self.ask("GET", f"{self.account.base_url}/api/v1/tasks/{task_id}").json()["status"])


@pytest.fixture
def own() -> Iterator[Controlled]:
    """A mock of its own, as some routes are about all accounts."""
    with Mock("reapi", "toapis", clock="manual", start=START, seed=5) as mock:
        yield Controlled(mock.account("reapi"))


CHECKS: dict[str, Check] = {}


def route(name: str) -> Callable[[Check], Check]:
    """Say which route a check is for."""

    def keep(check: Check) -> Check:
        CHECKS[name] = check
        return check

    return keep


def test_every_route_is_tested_and_every_test_has_a_route() -> None:
    assert set(CHECKS) == set(ROUTES)


@pytest.mark.parametrize("name", ROUTES)
def test_route(name: str, own: Controlled) -> None:
    CHECKS[name](own)


def test_the_index_lists_the_routes(own: Controlled) -> None:
    assert own.ask("GET", f"{own.root}/").json() == ROUTES


@route("GET health")
def _health(own: Controlled) -> None:
    own.submit()
    upload = {"file": ("a.png", png((8, 8)), "image/png")}
    other = own.account.mock.account("toapis")
    sent = httpx.post(f"{other.base_url}/v1/uploads/images", files=upload, headers=other.headers).json()
    health = own.ask("GET", f"{own.root}/health").json()
    assert (health["status"], health["seed"], health["clock"]) == ("ok", 5, "manual")
    assert health["specs"] == ["reapi", "toapis"]
    assert health["accounts"] == {"held": 2, "limit": 10_000}
    assert health["tasks"] == {"held": 1, "limit": 1_000_000}
    assert health["uploads"] == {"bytes": sent["data"]["size"], "limit": 256 << 20}


@route("GET specs")
def _specs(own: Controlled) -> None:
    reapi, toapis = own.ask("GET", f"{own.root}/specs").json()
    assert (reapi["name"], toapis["name"]) == ("reapi", "toapis")
    assert reapi["models"] == ["gpt-image-2", "gpt-image-2-official"]
    assert reapi["operations"]["submit"] == f"POST /reapi{SUBMIT}"
    headers = {"Authorization": f"Bearer {reapi['key_example']}"}
    assert httpx.get(f"{own.account.base_url}/api/v1/balance", headers=headers).status_code == 200


@route("GET triggers")
def _triggers(own: Controlled) -> None:
    cards = own.ask("GET", f"{own.root}/triggers").json()
    assert {"fail: upstream_failed", "_nocredit", "slow: 90s"} <= {card["write"] for card in cards}
    assert all(set(card) == {"where", "write", "does"} for card in cards)


@route("GET metrics")
def _metrics(own: Controlled) -> None:
    own.submit()
    own.submit()
    own.ask("POST", f"{own.account.base_url}{SUBMIT}", json={**BODY, "n": 2})
    answer = own.ask("GET", f"{own.root}/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    samples = [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]
    found = {(sample.name, *sorted(sample.labels.values())): sample.value for sample in samples}
    assert found["imageproof_answers_total", "200", "reapi", "submit"] == 2
    assert found["imageproof_answers_total", "400", "reapi", "submit"] == 1
    assert found["imageproof_tasks",] == 2
    assert found["imageproof_accounts",] == 1
    broken = [key for key in found if key[0] == "imageproof_violations_total"]
    assert [found[key] for key in broken] == [1]
    assert own.account.key not in answer.text


@route("POST clock")
def _all_clocks(own: Controlled) -> None:
    other = own.account.mock.account("toapis")
    assert own.ask("POST", f"{own.root}/clock", json={"advance": "95s"}).json() == {"accounts": 2}
    for account in (own.account, other):
        assert account.describe()["clock"] == {"mode": "manual", "now": START + 95}


@route("POST reset")
def _reset_all(own: Controlled) -> None:
    own.submit()
    own.account.mock.account("toapis").set(balance_usd=1)
    assert own.ask("POST", f"{own.root}/reset").json() == {"accounts": 2}
    health = own.ask("GET", f"{own.root}/health").json()
    assert (health["accounts"]["held"], health["tasks"]["held"]) == (0, 0)


@route("GET PROVIDER/account")
def _account(own: Controlled) -> None:
    own.submit()
    assert own.get("account") == {
        "provider": "reapi",
        "balance_usd": 999_999.993,
        "balance_credits": 999_999_993,
        "limits": "off",
        "clock": {"mode": "manual", "now": START},
        "webhook": None,
        "faults": [],
        "jobs": 1,
        "tasks": 1,
        "journal": {"entries": 1, "dropped": 0, "limit": 10_000},
    }


@route("PATCH PROVIDER/account")
def _set_account(own: Controlled) -> None:
    order = {"balance_credits": 20, "limits": "documented", "scenario": "slow: 5s", "clock": "60x", "webhook": None}
    settings = cast("dict[str, object]", own.do("PATCH", "account", order))
    assert (settings["balance_credits"], settings["balance_usd"], settings["limits"]) == (20, 0.02, "documented")
    assert cast("dict[str, object]", settings["clock"])["mode"] == "60x"
    own.submit()
    assert own.account.tasks()[0]["run_s"] == 5
    hook = {"url": "http://127.0.0.1/hook", "secret": "hush"}
    settings = cast("dict[str, object]", own.do("PATCH", "account", {"webhook": hook, "scenario": None}))
    assert settings["webhook"] == hook["url"]
    assert "hush" not in json.dumps(settings)
    own.submit("another fox")
    assert own.account.tasks()[1]["run_s"] != 5


@route("GET PROVIDER/journal")
def _journal(own: Controlled) -> None:
    task_id, key = own.submit(), own.account.key
    own.status(task_id)
    own.ask("POST", f"{own.account.base_url}{SUBMIT}?key={key}", json={**BODY, "prompt": f"my key is {key}"})
    own.ask("POST", f"{own.account.base_url}{SUBMIT}", content=b"\xff\x00" + key.encode())
    own.ask("GET", f"{own.account.base_url}/api/v1/tasks/{key}")
    own.submit(f"[[fail: {key}]] a red fox")
    answer = own.ask("GET", f"{own.mine}/journal")
    entries = answer.json()["entries"]
    assert [entry["operation"] for entry in entries] == ["submit", "poll", "submit", "submit", "poll", "submit"]
    assert [entry["response"]["status"] for entry in entries] == [200, 200, 200, 400, 404, 400]
    assert [entry["task"] for entry in entries][:2] == [task_id, task_id]
    assert key not in answer.text
    assert "[redacted]" in answer.text
    packed = [entry["request"]["body"].get("base64", "") for entry in entries]
    assert [base64.b64decode(text) for text in packed if text] == [b"\xff\x00[redacted]"]
    _har(own, len(entries))


def _har(own: Controlled, count: int) -> None:
    answer = own.ask("GET", f"{own.mine}/journal?format=har")
    log = answer.json()["log"]
    assert (log["version"], len(log["entries"])) == ("1.2", count)
    for entry in log["entries"]:
        assert datetime.fromisoformat(entry["startedDateTime"]).timestamp() == START
        assert entry["request"]["url"].startswith(own.account.base_url)
        assert entry["response"]["content"]["mimeType"] in ("", "application/json")
    assert [entry["request"]["method"] for entry in log["entries"]] == ["POST", "GET", "POST", "POST", "GET", "POST"]
    assert own.account.key not in answer.text


@route("GET PROVIDER/ledger")
def _ledger(own: Controlled) -> None:
    own.submit("[[fail: upstream_failed]] a red fox")
    own.submit()
    own.account.advance(100)
    own.account.set(balance_usd=5)
    ledger = cast("dict[str, object]", own.get("ledger"))
    assert ledger["usd_per_credit"] == 0.001
    movements = cast("list[dict[str, object]]", ledger["movements"])
    moves = [(move["kind"], move["usd"], move["job"]) for move in movements]
    assert moves[:3] == [("charge", 0.007, 1), ("charge", 0.007, 2), ("refund", 0.007, 1)]
    signs = {"charge": -1, "refund": 1, "top_up": 1}
    moved = sum(signs[str(kind)] * float(str(usd)) for kind, usd, _ in moves)
    assert float(str(ledger["opening_usd"])) + moved == pytest.approx(5)
    assert ledger["balance_usd"] == 5


@route("GET PROVIDER/tasks")
def _tasks(own: Controlled) -> None:
    task_id = own.submit()
    (task,) = cast("list[dict[str, object]]", own.get("tasks"))
    assert (task["id"], task["phase"], task["size"], task["cost_usd"]) == (task_id, "running", "1024x1024", 0.007)
    assert task["ends"] == START + float(str(task["queue_s"])) + float(str(task["run_s"]))
    assert (task["prompt"], task["failure"]) == ("a red fox", None)


@route("GET PROVIDER/jobs")
def _jobs(own: Controlled) -> None:
    task_ids = [own.submit("one"), own.submit("two")]
    jobs = cast("list[dict[str, object]]", own.get("jobs"))
    assert [job["id"] for job in jobs] == task_ids
    assert [job["prompt"] for job in jobs] == ["one", "two"]


@route("POST PROVIDER/tasks/ID")
def _move_task(own: Controlled) -> None:
    finished, failed = own.submit("one [[hold]]"), own.submit("two [[hold]]")
    own.do("POST", f"tasks/{finished}", {"do": "finish"})
    own.do("POST", f"tasks/{failed}", {"do": "fail", "failure": "upstream_timeout"})
    assert (own.status(finished), own.status(failed)) == ("completed", "failed")
    again = own.ask("POST", f"{own.mine}/tasks/{failed}", json={"do": "finish"})
    assert again.status_code == 400
    assert own.status(failed) == "failed"


@route("GET PROVIDER/clock")
def _clock(own: Controlled) -> None:
    assert own.get("clock") == {"now": START, "mode": "manual"}


@route("POST PROVIDER/clock")
def _move_clock(own: Controlled) -> None:
    other = own.account.mock.account("reapi")
    assert own.do("POST", "clock", {"advance": "1h"}) == {"now": START + 3600, "mode": "manual"}
    assert own.do("POST", "clock", {"advance": 1.5}) == {"now": START + 3601.5, "mode": "manual"}
    assert own.do("POST", "clock", {"to": "next"}) == {"now": START + 3601.5, "mode": "manual"}
    task_id = own.submit()
    ends = own.account.tasks()[0]["ends"]
    assert own.do("POST", "clock", {"to": "next"}) == {"now": ends, "mode": "manual"}
    assert own.status(task_id) == "completed"
    assert cast("dict[str, object]", own.do("POST", "clock", {"mode": "jump"}))["mode"] == "jump"
    assert other.describe()["clock"] == {"mode": "manual", "now": START}


@route("POST PROVIDER/reset")
def _reset(own: Controlled) -> None:
    other = Controlled(own.account.mock.account("reapi"))
    kept, lost = other.submit(), own.submit()
    own.account.advance("1h")
    own.account.set(balance_usd=1, limits="documented", scenario="slow: 1s")
    assert own.do("POST", "reset") == {"accounts": 1}
    assert own.ask("GET", f"{own.account.base_url}/api/v1/tasks/{lost}").status_code == 404
    settings = cast("dict[str, object]", own.get("account"))
    assert (settings["balance_usd"], settings["limits"], settings["jobs"]) == (1_000_000, "off", 0)
    assert settings["clock"] == {"mode": "manual", "now": START}
    assert own.submit() == lost  # the same key, the same job, the first attempt: the same fate
    assert own.account.tasks()[0]["run_s"] != 1
    assert other.status(kept) == "processing"
    assert len(other.account.journal()) == 2


def test_the_next_event_of_a_queued_task_is_the_end_of_its_queue(mock: Mock) -> None:
    account = mock.account("toapis")
    body = {"model": "gpt-image-2", "prompt": "a red fox"}
    httpx.post(f"{account.base_url}/v1/images/generations", json=body, headers=account.headers)
    phases = []
    for _ in range(3):
        phases.append(account.tasks()[0]["phase"])
        account.advance_to_next()
    assert phases == ["queued", "running", "succeeded"]


def test_a_call_that_is_held_ends_when_its_account_is_reset(mock: Mock) -> None:
    account = mock.account("apiyi")
    for prompt in ("a red fox", "[[hold]] a red fox"):
        with ThreadPoolExecutor(1) as pool, httpx.Client(base_url=account.base_url, headers=account.headers) as http:
            call = pool.submit(post, http, prompt=prompt)
            while not account.tasks():
                assert not call.done()
            if "hold" not in prompt:
                is_held(account, call)
            account.reset()
            assert call.result(20).status_code == 200
