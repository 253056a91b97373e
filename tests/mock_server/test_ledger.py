"""The money of an account: opening plus all movements is the balance, whatever happens in whatever order."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from imageproof.mock_server.accounts import OPENING_MICRO_USD, Bucket, Ledger


class Money(RuleBasedStateMachine):
    """Charges, refunds that fall due, and top-ups against a model that is only a number."""

    @initialize()
    def open(self) -> None:
        self.ledger = Ledger()
        self.expected = OPENING_MICRO_USD
        self.due: list[tuple[float, int, int]] = []
        self.now = 1000.0
        self.job = 0

    @rule(amount=st.integers(0, 10**7))
    def charge(self, amount: int) -> None:
        self.job += 1
        self.ledger.charge(amount, self.now, self.job)
        self.expected -= amount

    @rule(amount=st.integers(0, 10**7), wait=st.floats(0, 300))
    def charge_what_will_fail(self, amount: int, wait: float) -> None:
        self.charge(amount)
        self.ledger.refund_at(self.now + wait, amount, self.job)
        self.due.append((self.now + wait, self.job, amount))

    @rule(step=st.floats(0, 200))
    def time_passes(self, step: float) -> None:
        self.now += step
        for item in [item for item in self.due if item[0] <= self.now]:
            self.due.remove(item)
            self.expected += item[2]
        self.ledger.settle(self.now)

    @rule(data=st.data())
    def end_one_by_hand(self, data: st.DataObject) -> None:
        if self.due:
            item = data.draw(st.sampled_from(self.due))
            self.due.remove(item)
            self.ledger.settle_job(item[1], self.now)
            self.expected += item[2]

    @rule(amount=st.integers(-(10**6), 10**6))
    def top_up(self, amount: int) -> None:
        self.ledger.top_up(amount, self.now)
        self.expected += amount

    @invariant()
    def balances(self) -> None:
        assert self.ledger.balance == self.expected
        signs = {"charge": -1, "refund": 1, "top_up": 1}
        moved = sum(signs[move.kind] * move.micro_usd for move in self.ledger.movements())
        assert self.ledger.opening + moved == self.ledger.balance


TestMoney = Money.TestCase


def test_a_refund_is_booked_exactly_once_and_not_before_its_time() -> None:
    ledger = Ledger(100)
    ledger.charge(70, 10.0, 1)
    ledger.refund_at(20.0, 70, 1)
    ledger.settle(19.9)
    assert ledger.balance == 30
    for _ in range(3):
        ledger.settle(20.0)
    assert ledger.balance == 100
    assert [move.kind for move in ledger.movements()] == ["charge", "refund"]
    assert ledger.spent == 0


def test_a_bucket_lets_the_burst_through_and_then_the_rate() -> None:
    bucket = Bucket(2.0, 0.0)
    assert [bucket.take(0.0, 60, 2) for _ in range(3)] == [0.0, 0.0, 1.0]
    assert bucket.take(0.5, 60, 2) == 0.5
    assert bucket.take(1.0, 60, 2) == 0.0
