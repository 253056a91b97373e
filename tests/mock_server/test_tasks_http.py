"""A task over the wire, from submit to the expiry of its result, on the simplest dialect."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import cast

import httpx2 as httpx
import pytest
from PIL import Image

from imageproof import Mock, MockAccount
from imageproof.mock_server.powers import PowerError

Client = Callable[[MockAccount], httpx.Client]

SUBMIT = "/api/v1/images/generations"
BODY = {"model": "gpt-image-2", "prompt": "a red fox", "size": "16:9", "resolution": "2k"}


def movements(account: MockAccount) -> list[dict[str, object]]:
    return cast("list[dict[str, object]]", account.ledger()["movements"])


def submit(http: httpx.Client, **changes: object) -> str:
    answer = http.post(SUBMIT, json={**BODY, **changes})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def status(http: httpx.Client, task_id: str) -> str:
    return str(http.get(f"/api/v1/tasks/{task_id}").json()["status"])


def test_a_task_runs_for_its_documented_time_and_gives_an_image_of_the_exact_size(
    reapi: MockAccount, client: Client
) -> None:
    http = client(reapi)
    task_id = submit(http)
    assert re.fullmatch(r"task_[0-9a-f]{32}", task_id)
    (plan,) = reapi.tasks()
    assert 60 <= float(str(plan["run_s"])) <= 90
    reapi.advance(59)
    assert status(http, task_id) == "processing"
    reapi.advance(32)
    answer = http.get(f"/api/v1/tasks/{task_id}").json()
    assert answer["status"] == "completed"
    (url,) = answer["output"]["image_urls"]
    assert url == f"{reapi.base_url}/media/tasks/{task_id.removeprefix('task_')}/0.png"
    got = httpx.get(url)
    assert got.headers["Content-Type"] == "image/png"
    with Image.open(io.BytesIO(got.content)) as image:
        assert (image.format, image.size) == ("PNG", (2048, 1152))


def test_a_result_expires_after_its_lifetime(reapi: MockAccount, client: Client) -> None:
    http = client(reapi)
    task_id = submit(http)
    reapi.advance(100)
    url = http.get(f"/api/v1/tasks/{task_id}").json()["output"]["image_urls"][0]
    reapi.advance("6d")
    assert httpx.get(url).status_code == 200
    reapi.advance("1d")
    assert httpx.get(url).status_code == 404
    assert status(http, task_id) == "completed"


def test_a_terminal_state_never_changes(reapi: MockAccount, client: Client) -> None:
    http = client(reapi)
    task_id = submit(http, prompt="a red fox [[fail: upstream_failed]]")
    reapi.advance(91)
    first = http.get(f"/api/v1/tasks/{task_id}").json()
    reapi.advance("30d")
    assert http.get(f"/api/v1/tasks/{task_id}").json() == first
    with pytest.raises(PowerError, match="terminal states never change"):
        reapi.finish(task_id)


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        ("upstream_submit_failed", 80001),
        ("upstream_timeout", 80002),
        ("upstream_failed", 80003),
        ("moderated_output", 80006),
    ],
)
def test_each_documented_failure_shows_its_code_and_costs_nothing(
    reapi: MockAccount, client: Client, failure: str, code: int
) -> None:
    http = client(reapi)
    before = http.get("/api/v1/balance").json()["balance"]
    task_id = submit(http, prompt=f"a red fox [[fail: {failure}]]")
    assert http.get("/api/v1/balance").json()["balance"] == before - 14
    reapi.advance(91)
    answer = http.get(f"/api/v1/tasks/{task_id}").json()
    assert (answer["status"], answer["output"], answer["error"]["code"]) == ("failed", None, code)
    assert http.get("/api/v1/balance").json()["balance"] == before
    assert [move["kind"] for move in movements(reapi)] == ["charge", "refund"]


def test_an_unknown_task_and_a_foreign_one_look_the_same(mock: Mock, reapi: MockAccount, client: Client) -> None:
    task_id = submit(client(reapi))
    stranger = client(mock.account("reapi"))
    foreign = stranger.get(f"/api/v1/tasks/{task_id}")
    unknown = stranger.get("/api/v1/tasks/task_00000000000000000000000000000000")
    assert foreign.status_code == unknown.status_code == 404
    codes = [answer.json()["error"]["code"] for answer in (foreign, unknown)]
    assert codes == [40001, 40001]


def test_two_equal_submits_are_two_tasks_and_two_charges(reapi: MockAccount, client: Client) -> None:
    http = client(reapi)
    http.headers["Idempotency-Key"] = "the-same"
    assert submit(http) != submit(http)
    assert len(movements(reapi)) == 2


def test_a_task_moves_by_polls_at_once_or_by_hand(mock: Mock, reapi: MockAccount, client: Client) -> None:
    http = client(reapi)
    by_polls = submit(http, prompt="[[polls: 3]] a red fox")
    assert [status(http, by_polls) for _ in range(4)] == ["processing", "processing", "completed", "completed"]
    assert status(http, submit(http, prompt="[[instant]] a red fox")) == "completed"
    stuck = submit(http, prompt="[[hold]] a red fox")
    reapi.advance("400d")
    assert status(http, stuck) == "processing"
    reapi.finish(stuck)
    assert status(http, stuck) == "completed"
    held = submit(http, prompt="[[hold]] another red fox")
    reapi.fail(held, "upstream_timeout")
    assert status(http, held) == "failed"
    key = mock.account("reapi", f"{reapi.key}_polls2")
    other = client(key)
    task = submit(other)
    assert [status(other, task) for _ in range(2)] == ["processing", "completed"]


def test_the_fate_of_a_job_does_not_depend_on_the_order(client: Client) -> None:
    prompts = [f"fox number {number}" for number in range(6)]
    plans = []
    for order in (prompts, prompts[::-1]):
        with Mock("reapi", clock="manual", seed=7) as mock:
            account = mock.account("reapi", "rk_live_same")
            http = client(account)
            for prompt in order:
                submit(http, prompt=prompt)
            plans.append({str(task["prompt"]): (task["id"], task["run_s"]) for task in account.tasks()})
    assert plans[0] == plans[1]


def test_accounts_never_meet(mock: Mock, client: Client) -> None:
    one, two = mock.account("reapi"), mock.account("reapi")
    task = submit(client(one))
    submit(client(two))
    one.advance(100)
    assert status(client(one), task) == "completed"
    assert two.describe()["clock"] != one.describe()["clock"]
    two.reset()
    assert len(one.tasks()) == 1
    assert two.tasks() == []


def test_the_first_tries_fail_as_told_and_nothing_is_billed_for_them(reapi: MockAccount, client: Client) -> None:
    http = client(reapi)
    body = {**BODY, "prompt": "a red fox [[status: 502 x2]]"}
    answers = [http.post(SUBMIT, json=body).status_code for _ in range(3)]
    assert answers == [502, 502, 200]
    assert len(movements(reapi)) == 1


def test_rate_limits_apply_only_when_asked_for(mock: Mock, reapi: MockAccount, client: Client) -> None:
    http = client(reapi)
    assert {http.post(SUBMIT, json=BODY).status_code for _ in range(70)} == {200}
    limited = client(mock.account("reapi", f"{reapi.key}_limited"))
    answers = [limited.post(SUBMIT, json=BODY) for _ in range(61)]
    assert [answer.status_code for answer in answers] == [200] * 60 + [429]
    assert answers[-1].json()["error"]["code"] == 50001
    assert int(answers[-1].headers["Retry-After"]) >= 1


@pytest.mark.parametrize(
    ("suffix", "status_code", "code"), [("_nocredit", 402, 30001), ("_revoked", 401, 10004), ("_invalid", 401, 10003)]
)
def test_magic_keys(mock: Mock, suffix: str, status_code: int, code: int) -> None:
    key = f"rk_live_magic{suffix}"
    headers = {"Authorization": f"Bearer {key}"}
    answer = httpx.post(f"{mock.url}/reapi{SUBMIT}", json=BODY, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status_code, code)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, 10001),
        ({"Authorization": "Basic abc"}, 10002),
        ({"Authorization": "Bearer"}, 10002),
        ({"Authorization": "Bearer wrong"}, 10003),
        ({"Authorization": "Bearer rk_live_a b"}, 10003),
    ],
)
def test_auth_is_judged_first(mock: Mock, headers: dict[str, str], code: int) -> None:
    answer = httpx.post(f"{mock.url}/reapi{SUBMIT}", content=b"not json", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)


def test_what_is_over_its_limit_is_said_loudly(client: Client) -> None:
    with Mock("reapi", clock="manual", max_tasks=2, journal=3) as mock:
        account = mock.account("reapi")
        http = client(account)
        answers = [http.post(SUBMIT, json=BODY) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 503]
        assert "--max-tasks" in answers[-1].headers["X-Imageproof-Limit"]
        http.get("/api/v1/balance")
        assert account.describe()["journal"] == {"entries": 3, "dropped": 1, "limit": 3}
