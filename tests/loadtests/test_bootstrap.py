"""A and B in blocks: equal targets are not distinguished, shifted ones are, bad times common to both cancel out."""

from __future__ import annotations

from random import Random

import pytest

from imageproof.loadtests.bootstrap import (
    Difference,
    block_of,
    blocks_of_time,
    expanded_tail,
    independent,
    paired,
)
from imageproof.loadtests.histograms import Histogram
from tests.loadtests.books_made import held, polled

Pair = tuple[Histogram, Histogram]


def _blocks(
    seed: int, *, shift: float = 0.0, count: int = 20, common: float = 0.0, apart: float = 0.0, size: int = 60
) -> list[Pair]:
    """Blocks of two targets. `common` is what befalls both in a block, `apart` what befalls each on its own."""
    random = Random(seed)
    out = []
    for _ in range(count):
        bad = random.uniform(0, common)
        pair = []
        for more in (0.0, shift):
            base = 0.1 + more + bad + random.uniform(0, apart)
            pair.append(Histogram(values=(base + random.expovariate(50) for _ in range(size))))
        out.append((pair[0], pair[1]))
    return out


@pytest.mark.parametrize("percent", [50.0, 90.0, None])
def test_equal_targets_are_seldom_told_apart(percent: float | None) -> None:
    wrong = 0
    for seed in range(20):
        found = paired(_blocks(seed, apart=0.02, size=30, count=12), percent, seed=seed)
        assert found is not None
        wrong += not found.is_noise
    assert wrong <= 4  # of 20 at 95 %: more would come once in three hundred times


@pytest.mark.parametrize("percent", [50.0, 99.0, None])
@pytest.mark.parametrize("shift", [0.02, -0.02])
def test_a_shift_is_found_and_its_interval_holds_it(percent: float | None, shift: float) -> None:
    found = paired(_blocks(1, shift=shift, size=200), percent)
    assert found is not None
    assert found.interval is not None
    assert not found.is_noise
    assert found.interval.holds(shift)
    assert ("slower" if shift > 0 else "faster") in found.says("submit.p99")


def test_what_befalls_both_does_not_hide_a_difference() -> None:
    blocks = _blocks(3, shift=0.01, common=0.5)
    together = paired(blocks, None)
    apart = independent([a for a, _ in blocks], [b for _, b in blocks], None)
    assert together is not None
    assert apart is not None
    assert not together.is_noise
    assert apart.is_noise


def test_not_distinguishable_is_an_answer() -> None:
    found = paired(_blocks(5), 50.0)
    assert found is not None
    assert found.is_noise
    assert "not distinguishable (difference " in found.says("submit.p50")
    assert found.says("submit.p50").endswith("at 95%, 20 blocks)")
    surer = paired(_blocks(5), 50.0, confidence=0.9972)
    assert surer is not None
    assert surer.says("submit.p50").endswith("at 99.7%, 20 blocks)")


def test_a_few_blocks_tell_nothing() -> None:
    found = paired(_blocks(1, shift=1.0, count=4), 50.0)
    assert found is not None
    assert found.interval is None
    assert found.is_noise
    assert found.says("e2e.p50").endswith("4 blocks are too few to tell, at least 5 are needed")


def test_fewer_blocks_are_less_sure() -> None:
    assert expanded_tail(5, 0.95) < expanded_tail(10, 0.95) < expanded_tail(1000, 0.95) < 0.025


def test_the_same_seed_gives_the_same_interval() -> None:
    assert paired(_blocks(1), 90.0, seed=7) == paired(_blocks(1), 90.0, seed=7)
    assert paired(_blocks(1), 90.0, seed=7) != paired(_blocks(1), 90.0, seed=8)


def test_nothing_measured_is_no_difference() -> None:
    assert paired([(Histogram(), Histogram(values=[1.0]))], 50.0) is None
    assert paired([], 50.0) is None


def test_an_empty_block_is_borne() -> None:
    blocks = [*_blocks(1), (Histogram(), Histogram())]
    found = paired(blocks, 50.0)
    assert isinstance(found, Difference)
    assert found.blocks == 21


def test_a_block_holds_one_phase_of_its_jobs() -> None:
    jobs = [polled(1, 0.0, added=0.1), held(2, 0.0, added=0.5), held(3, 0.0, warm_up=True)]
    assert block_of(jobs, "generate").count == 1
    assert block_of(jobs, "submit").count == 1
    assert block_of(jobs, "overhead").count == 5


def test_a_run_is_cut_into_even_parts_of_its_time() -> None:
    jobs = [held(mark, mark / 10, warm_up=mark < 10) for mark in range(110)]
    assert [block.count for block in blocks_of_time(jobs, "e2e", 10)] == [10] * 9 + [10]
    assert blocks_of_time(jobs[:10], "e2e", 10) == []
    assert [block.count for block in blocks_of_time(jobs[50:51], "e2e", 3)] == [1, 0, 0]
