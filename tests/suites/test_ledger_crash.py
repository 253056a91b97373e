"""A ledger that was cut off anywhere never knows less than what was sent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imageproof.suites.ledger import AlreadySpentError, BudgetError, Ledger

OWN = ("acme", "http://127.0.0.1:1", "7")


def opened(path: Path, *, resume: bool = False) -> Ledger:
    return Ledger.open(path, limit_micro_usd=100, identity=OWN, resume=resume)


@dataclass(frozen=True, slots=True)
class Act:
    key: str
    micro: int
    is_settling: bool


def act(key: str, micro: int, *, is_settling: bool = False) -> Act:
    return Act(key=key, micro=micro, is_settling=is_settling)


ACTS = st.lists(
    st.builds(
        Act, key=st.sampled_from(["a", "b", "ü\n", '"', "e"]), micro=st.integers(0, 45), is_settling=st.booleans()
    ),
    max_size=12,
)


@dataclass(slots=True)
class Truth:
    """What has really been sent and spent, at each size that the file had between two acts."""

    costs: list[tuple[int, dict[str, int]]]

    def at(self, size: int) -> dict[str, int]:
        return max((entry for entry in self.costs if entry[0] <= size), key=lambda entry: entry[0], default=(0, {}))[1]


def played(ledger: Ledger, path: Path, acts: list[Act]) -> Truth:
    """Act on a ledger: a request goes out after it was reserved, and costs at most its price."""
    costs: dict[str, int] = {}
    settled: set[str] = set()
    truth = Truth([(path.stat().st_size, {})])
    for item in acts:
        if item.is_settling and item.key in costs and item.key not in settled:
            costs[item.key] = min(item.micro, costs[item.key])
            ledger.settle(item.key, costs[item.key])
            settled.add(item.key)
        elif not item.is_settling:
            try:
                ledger.reserve(item.key, item.micro, f"image {item.key}")
            except (BudgetError, AlreadySpentError):
                continue
            costs[item.key] = item.micro
        truth.costs.append((path.stat().st_size, dict(costs)))
    return truth


@given(acts=ACTS, later=ACTS, share=st.floats(0, 1))
@settings(max_examples=150)
def test_after_a_crash_at_any_byte_no_money_and_no_request_is_forgotten(
    acts: list[Act], later: list[Act], share: float
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.jsonl"
        with opened(path) as ledger:
            truth = played(ledger, path, acts)
            assert ledger.spent_micro_usd == sum(truth.costs[-1][1].values()) <= 100
        data = path.read_bytes()
        size = round(share * len(data))
        path.write_bytes(data[:size])
        sent = truth.at(size)
        with opened(path, resume=True) as ledger:
            assert sum(sent.values()) <= ledger.spent_micro_usd <= 100
            for key in sent:
                with pytest.raises(AlreadySpentError):
                    ledger.reserve(key, 0, "again")
            assert (
                not sent.keys()
                & played(ledger, path, [item for item in later if not item.is_settling]).costs[-1][1].keys()
            )
            spent = ledger.spent_micro_usd
            assert spent <= 100
        with opened(path, resume=True) as ledger:
            assert ledger.spent_micro_usd == spent


def test_a_ledger_cut_at_each_of_its_bytes_knows_what_was_sent(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    acts = [act("a", 30), act("b", 40), act("a", 0, is_settling=True), act("ü\n", 20), act("b", 39, is_settling=True)]
    with opened(path) as ledger:
        truth = played(ledger, path, acts)
    data = path.read_bytes()
    for size in range(len(data) + 1):
        path.write_bytes(data[:size])
        sent = truth.at(size)
        with opened(path, resume=True) as ledger:
            assert sum(sent.values()) <= ledger.spent_micro_usd <= 90, data[:size]
            assert all(ledger.has(key) for key in sent)
