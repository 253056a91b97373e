"""Goals are read as people write them, and nonsense gets one clear sentence."""

from __future__ import annotations

import pytest

from imageproof.loadtests.goals import EXAMPLES, SORTS, UNITS_OF, WORDS, GoalError, Sort, read_goal, time_text

READ = [
    # text, name, statistic, limit, clock
    ("submit.p99<200ms", "submit", "p99", 0.2, None),
    ("overhead.p99<20ms", "overhead", "p99", 0.02, None),
    ("overhead.submit.p99.9<=1.5s", "overhead.submit", "p99.9", 1.5, None),
    ("errors<0.1%", "errors", "", 0.001, None),
    ("errors.transport<=0%", "errors.transport", "", 0.0, None),
    ("e2e.p95<45s@60x", "e2e", "p95", 0.75, 60.0),
    ("goodput>5/s", "goodput", "", 5.0, None),
    ("goodput>30/m", "goodput", "", 0.5, None),
    ("throughput >= 2 /s@10x", "throughput", "", 20.0, 10.0),
    ("lost=0", "lost", "", 0.0, None),
    ("jobs>=1000", "jobs", "", 1000.0, None),
    (" polls.mean < 12 ", "polls", "mean", 12.0, None),
    ("lag.max<2m", "lag", "max", 120.0, None),
    ("partial.1.p90<4s", "partial.1", "p90", 4.0, None),
    ("first_event.p50<800us", "first_event", "p50", 0.0008, None),
    ("cost<$2.50", "cost", "", 2.5, None),
    ("cost<2.50usd", "cost", "", 2.5, None),
    ("wasted<80%", "wasted", "", 0.8, None),
]

NONSENSE = [
    ("", "expected a goal such as submit.p99<200ms, errors<0.1%, goodput>5/s or lost=0, got ''"),
    ("fast", "expected a goal such as submit.p99<200ms, errors<0.1%, goodput>5/s or lost=0, got 'fast'"),
    ("submit.p99<-1ms", "expected a goal such as"),
    ("submit.p99<200 parsecs", "expected a goal such as"),
    ("sumbit.p99<200ms", "got 'sumbit' in 'sumbit.p99<200ms': did you mean submit?"),
    ("errors.transprot<1%", "did you mean errors.transport?"),
    ("xyzzy<1", "known are submit, poll, result"),
    (
        "submit<200ms",
        "expected which of all values is meant: submit.p99, submit.mean or submit.max, got 'submit<200ms'",
    ),
    ("partial.p99<1s", "did you mean partial.1?"),
    ("errors.p99<1%", "expected errors without .p99, as it is one number, got 'errors.p99<1%'"),
    ("submit.p100<1s", "expected a percentile between 0 and 100, such as submit.p99, got 'submit.p100<1s'"),
    ("submit.p0<1s", "expected a percentile between 0 and 100"),
    ("submit.p99<200", "expected a time such as submit<200ms with submit, got 'submit.p99<200'"),
    ("errors<0.001", "expected a share such as errors<0.1% with errors, got 'errors<0.001'"),
    ("goodput>5", "expected a rate such as goodput>5/s with goodput, got 'goodput>5'"),
    ("lost<1%", "expected a count such as lost<0 with lost, got 'lost<1%'"),
    ("submit.p99=200ms", "expected < or > with submit, which is measured and never equal to anything"),
    ("lost=0@60x", "expected @60x with a time or a rate only, got 'lost=0@60x'"),
    ("e2e.p99<1s@0x", "expected @60x with a time or a rate only"),
]


@pytest.mark.parametrize(("text", "name", "stat", "limit", "clock"), READ)
def test_a_goal_is_read(text: str, name: str, stat: str, limit: float, clock: float | None) -> None:
    goal = read_goal(text)
    assert (goal.name, goal.stat, goal.clock) == (name, stat, clock)
    assert goal.limit == pytest.approx(limit)
    assert goal.text == text.strip()


@pytest.mark.parametrize(("text", "says"), NONSENSE)
def test_nonsense_gets_one_sentence(text: str, says: str) -> None:
    with pytest.raises(GoalError) as caught:
        read_goal(text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("sign", "below", "equal", "above"),
    [("<", True, False, False), ("<=", True, True, False), (">", False, False, True), (">=", False, True, True)],
)
def test_the_sign_decides(sign: str, *, below: bool, equal: bool, above: bool) -> None:
    goal = read_goal(f"submit.p99{sign}2s")
    assert [goal.is_met(value) for value in (1.0, 2.0, 3.0)] == [below, equal, above]


def test_a_goal_says_what_it_wants() -> None:
    assert read_goal("submit.p99<200ms").says == "submit.p99 is below 200 ms"
    assert read_goal("errors<=0.1%").says == "errors is at most 0.1 %"
    assert read_goal("goodput>5/s").says == "goodput is above 5/s"
    assert read_goal("cost<2").says == "cost is below 2.00 USD"
    assert read_goal("lost=0").says == "lost is exactly 0"


@pytest.mark.parametrize("name", sorted(SORTS))
def test_each_name_can_be_a_goal(name: str) -> None:
    sort = SORTS[name]
    stat = ".p99" if sort in (Sort.TIME, Sort.NUMBER) else ""
    assert read_goal(f"{name}{stat}<{EXAMPLES[sort]}").sort is sort


def test_each_sort_and_sign_has_its_words() -> None:
    assert set(EXAMPLES) == set(UNITS_OF) == set(Sort)
    assert set(WORDS) == {"<", "<=", ">", ">=", "="}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.1432, "143 ms"), (2.049, "2.05 s"), (-0.00003, "-0.03 ms"), (3601.0, "3,601 s"), (0, "0 ms")],
)
def test_times_are_told_in_the_unit_that_fits(seconds: float, text: str) -> None:
    assert time_text(seconds) == text
