"""What is dropped, against a naive model that looks at every task."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from imageproof.mock_server.accounts import Account
from imageproof.mock_server.expiry import (
    BLOCK,
    PATIENCE_S,
    Ids,
    over_at,
)
from imageproof.mock_server.record import Moves
from imageproof.mock_server.tasks import finish
from tests.mock_server.over_bench import KEEP_S, Bench, balances


def test_ids_come_back_in_the_order_in_which_they_went() -> None:
    ids, expected, out = Ids(), [str(number) for number in range(5 * BLOCK)], list[str]()
    for number, task_id in enumerate(expected):
        ids.push(task_id)
        if number % 3:
            out.append(str(ids.first()))
            ids.pop()
    while (first := ids.first()) is not None:
        out.append(first)
        ids.pop()
    assert out == expected


class Dropping(RuleBasedStateMachine):
    """Accounts that submit, wait and end tasks by hand; the model knows of each task when it is over."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench()
        self.accounts = [self.bench.account(f"sk-{name}") for name in "ab"]
        self.over: dict[str, tuple[Account, float]] = {}

    @rule(who=st.integers(0, 1), run_s=st.sampled_from([0.0, 5.0, 90.0, 400.0]), moves=st.sampled_from(Moves))
    def submit(self, who: int, run_s: float, moves: Moves) -> None:
        account = self.accounts[who]
        task_id = self.bench.submit(account, run_s=run_s, moves=moves, alias=f"{self.bench.serial % 5}")
        record = self.bench.upstream.find_task("toapis", task_id)
        assert record is not None
        self.over[task_id] = (account, over_at(record.pack(), KEEP_S))

    @rule(who=st.integers(0, 1), step=st.sampled_from([0.0, 1.0, 50.0, 100.0, 1000.0]))
    def wait(self, who: int, step: float) -> None:
        self.accounts[who].clock.advance(step)

    @precondition(lambda self: self.over)
    @rule(data=st.data())
    def end_by_hand(self, data: st.DataObject) -> None:
        task_id = data.draw(st.sampled_from(sorted(self.over)))
        account, _ = self.over[task_id]
        record = self.bench.upstream.find_task("toapis", task_id)
        if record is not None and record.moves != Moves.BY_TIME:
            done = finish(self.bench.service, account, task_id, record, account.clock.now())
            self.over[task_id] = (account, over_at(done.pack(), KEEP_S))

    @rule()
    def everything_goes_in_the_end(self) -> None:
        for account in self.accounts:
            account.clock.advance(2 * KEEP_S + PATIENCE_S)
            now = account.clock.now()
            for _ in range(self.bench.upstream.task_count + 1):
                self.bench.upstream.expiry.sweep(account, now)
            ended = [task for task, (owner, over) in self.over.items() if owner is account and over <= now - KEEP_S]
            late = [task for task in ended if self.bench.has(task)]
            assert late == []

    @invariant()
    def nothing_is_dropped_that_is_not_over(self) -> None:
        for task_id, (account, over) in self.over.items():
            assert self.bench.has(task_id) or over <= account.clock.now()

    @invariant()
    def tables_agree(self) -> None:
        upstream = self.bench.upstream
        assert upstream.task_count == len(upstream.tasks["toapis"])
        for account in self.accounts:
            assert all(map(self.bench.has, account.aliases.values()))
            assert balances(account.ledger)


Dropping.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestDropping = Dropping.TestCase
