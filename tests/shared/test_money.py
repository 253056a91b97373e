"""Several mocks on one store: whatever is asked of whom at the same time, money and job numbers stay exact."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import accumulate, count
from typing import cast

import httpx2 as httpx
import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imageproof import Mock, MockAccount
from imageproof.specs.library import locate
from tests.shared.stores import Store

SUBMIT = "/api/v1/images/generations"
PRICE = 7_000  # micro-dollars of the smallest picture
MOCKS = 3
THREADS = 8
KEYS = 150
PAUSE_MS = 1_000  # so that all of them are waiting for the store at the same time


@dataclass
class World:
    """Three mocks that share a store, and clients of all of them."""

    mocks: list[Mock]
    http: httpx.Client
    pool: ThreadPoolExecutor
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def new_account(self) -> list[MockAccount]:
        """A fresh key, as each of the mocks sees it."""
        key = f"rk_live_shared-{next(self.numbers)}"
        return [mock.account("reapi", key) for mock in self.mocks]


@pytest.fixture(scope="module")
def world(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Mocks of a provider that honours idempotency keys, which no shipped one does."""
    honouring = tmp_path_factory.mktemp("specs") / "reapi.yaml"
    text = locate("reapi")[0].read_text(encoding="utf-8")
    assert "honoured: false" in text
    honouring.write_text(text.replace("honoured: false", "honoured: true"), encoding="utf-8")
    url = store.new_url()
    with ExitStack() as stack:
        mocks = [
            stack.enter_context(Mock(str(honouring), clock="manual", start=1_795_000_000.0, store=url))
            for _ in range(MOCKS)
        ]
        http = stack.enter_context(httpx.Client(timeout=30))
        yield World(mocks, http, stack.enter_context(ThreadPoolExecutor(THREADS)))


@dataclass(frozen=True)
class Seen:
    """What came of a step: the status of a submit and the id of its task."""

    status: int = 0
    task_id: str = ""
    key: str = ""
    fails: bool = False


Step = Callable[[World, MockAccount], Seen]


def submitting(prompt: str, key: str = "") -> Step:
    def step(world: World, account: MockAccount) -> Seen:
        headers = account.headers | ({"Idempotency-Key": key} if key else {})
        body = {"model": "gpt-image-2", "prompt": prompt}
        answer = world.http.post(f"{account.base_url}{SUBMIT}", json=body, headers=headers)
        is_taken = answer.status_code == 200
        return Seen(answer.status_code, answer.json()["id"] if is_taken else "", key, "fail" in prompt)

    return step


def looking(_: World, account: MockAccount) -> Seen:
    """Read the ledger while others write: what is read belongs together."""
    require_sum(account.ledger())
    return Seen()


def setting_balance(amount: int) -> Step:
    def step(_: World, account: MockAccount) -> Seen:
        account.set(balance_credits=amount)
        return Seen()

    return step


def moving_time(_: World, account: MockAccount) -> Seen:
    account.advance(30)
    return Seen()


STEPS = st.one_of(
    st.sampled_from(["a red fox", "a red fox [[instant]]", "a blue cat"]).map(submitting),
    st.sampled_from(["a fox [[fail: upstream_failed]]", "[[instant]] [[fail: upstream_failed]]"]).map(submitting),
    st.sampled_from(["one", "two"]).map(lambda key: submitting("a fox that is asked for again", key)),
    st.sampled_from([0, 20, 50]).map(setting_balance),
    st.sampled_from([looking, moving_time]),
)
PLANS = st.lists(st.tuples(st.integers(0, MOCKS - 1), STEPS), min_size=10, max_size=40)


def micro(value: object) -> int:
    return round(float(str(value)) * 1_000_000)


def moved(ledger: dict[str, object]) -> list[tuple[str, int, int]]:
    """The movements: kind, signed micro-dollars, job."""
    moves = cast("list[dict[str, object]]", ledger["movements"])
    sign = {"charge": -1, "refund": 1, "top_up": 1}
    return [(str(m["kind"]), sign[str(m["kind"])] * micro(m["usd"]), int(str(m["job"]))) for m in moves]


def require_sum(ledger: object) -> None:
    told = cast("dict[str, object]", ledger)
    assert micro(told["opening_usd"]) + sum(step for _, step, _ in moved(told)) == micro(told["balance_usd"])


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(plan=PLANS, balance=st.sampled_from([30, 60, 10_000]))
def test_books_are_exact_whoever_is_asked(world: World, plan: list[tuple[int, Step]], balance: int) -> None:
    accounts = world.new_account()
    accounts[0].set(balance_credits=balance)

    seen = [*world.pool.map(lambda item: item[1](world, accounts[item[0]]), plan)]

    accounts[1].advance(1_000)
    taken = {item.task_id: item for item in seen if item.status == 200}
    assert {item.status for item in seen} <= {0, 200, 402}
    alone = [item.task_id for item in seen if item.task_id and not item.key]
    assert len(alone) == len(set(alone))
    for key in ("one", "two"):
        assert len({item.task_id for item in seen if item.task_id and item.key == key}) <= 1
    ledgers = [account.ledger() for account in accounts]
    assert ledgers[0] == ledgers[1] == ledgers[2]
    moves = moved(cast("dict[str, object]", ledgers[0]))
    require_sum(ledgers[0])
    assert min(accumulate((step for _, step, _ in moves), initial=micro(ledgers[0]["opening_usd"]))) >= 0
    failed = sum(item.fails for item in taken.values())
    assert sorted(job for kind, _, job in moves if kind == "charge") == [*range(1, len(taken) + 1)]
    assert [step for kind, step, _ in moves if kind == "charge"] == [-PRICE] * len(taken)
    assert [step for kind, step, _ in moves if kind == "refund"] == [PRICE] * failed
    assert len({job for kind, _, job in moves if kind == "refund"}) == failed
    for account in accounts:
        require_found(world, account, taken)


def require_found(world: World, account: MockAccount, taken: dict[str, Seen]) -> None:
    assert {str(task["id"]) for task in account.tasks()} == set(taken)
    for task_id, item in taken.items():
        answer = world.http.get(f"{account.base_url}/api/v1/tasks/{task_id}", headers=account.headers)
        assert (answer.status_code, answer.json()["status"]) == (200, "failed" if item.fails else "completed")


def test_many_keys_at_once_are_all_served(world: World, store: Store) -> None:
    """More accounts are at work at once than a worker has connections to its store."""
    accounts = [world.new_account()[0] for _ in range(KEYS)]
    step = submitting("a red fox")
    with (
        redis.Redis.from_url(store.url) as own,
        httpx.Client(timeout=30, limits=httpx.Limits(max_connections=KEYS)) as client,
        ThreadPoolExecutor(KEYS) as pool,
    ):
        own.execute_command("CLIENT", "PAUSE", PAUSE_MS, "ALL")
        crowd = replace(world, http=client)
        seen = [*pool.map(lambda account: step(crowd, account), accounts)]
    assert {item.status for item in seen} == {200}
    assert len({item.task_id for item in seen}) == len(accounts)
