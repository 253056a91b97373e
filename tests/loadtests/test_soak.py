"""A soak in small: hours of the provider pass, tasks come and are dropped, and the money is right to the credit."""

from __future__ import annotations

from typing import cast

from imageproof import Mock
from imageproof.exits import ExitCode
from imageproof.load_config import LoadConfig
from imageproof.load_run import run_load
from imageproof.loadtests.books import End

CLOCK = "1200x"
SIGNS = {"charge": -1, "refund": 1, "top_up": 1, "carried": 1}
MICRO = 1_000_000


def test_a_soak_leaves_only_young_tasks_and_a_balanced_ledger() -> None:
    with Mock("reapi", clock=CLOCK, keep_tasks_s=1200, pictures="plain") as mock:
        account = mock.account("reapi")
        config = LoadConfig(
            spec="reapi",
            base_url=account.base_url,
            key=account.key,
            clock=CLOCK,
            rate=20.0,
            shape="soak",
            duration_s=6.0,
            warm_up_s=0.5,
            seed=3,
        )
        state = run_load(config)
        jobs, held = int(str(account.describe()["jobs"])), len(account.tasks())
        ledger = account.ledger()
    assert state.exit is ExitCode.CONFORMS
    assert {job.end for job in state.live.jobs} == {End.DONE}
    assert jobs == len(state.live.jobs) >= 80
    assert held < jobs / 2
    moves = cast("list[dict[str, object]]", ledger["movements"])
    moved = sum(SIGNS[str(move["kind"])] * round(float(str(move["usd"])) * MICRO) for move in moves)
    opening, balance = (round(float(str(ledger[name])) * MICRO) for name in ("opening_usd", "balance_usd"))
    assert opening + moved == balance
    charged = {round(float(str(move["usd"])) * MICRO) for move in moves if move["kind"] == "charge"}
    assert len(charged) == 1
    assert opening - balance == jobs * charged.pop()
