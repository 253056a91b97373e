"""Which fault strikes which request: counts, shares, windows, models, keys, places. Nothing here needs a socket."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from imageproof.mock_server.faults.book import Asked, FaultBook, JobFaults, Stage
from imageproof.mock_server.faults.words import fault_in
from imageproof.specs.fault_tasks import Fails, Flips

SEED = b"seed"


def book(*texts: str, seed: bytes = SEED, key: str = "sk-demo") -> FaultBook:
    made = FaultBook(seed=seed, key=key)
    for text in texts:
        made.add(fault_in(text))
    return made


def struck(made: FaultBook, asked: Iterable[Asked]) -> list[int]:
    """Which of the requests are struck, counted from 1."""
    return [number for number, one in enumerate(asked, 1) if made.strike(Stage.BEFORE, one)]


def at(*times: float, place: str = "poll", model: str | None = None) -> list[Asked]:
    return [Asked(place, when, model) for when in times]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{status: 502}", [1]),
        ("{status: 502, times: 2}", [1, 2]),
        ("{status: 502, times: always}", [1, 2, 3, 4, 5, 6]),
        ("{status: 502, after: 2}", [3]),
        ("{status: 502, after: 1, times: 2}", [2, 3]),
        ("{status: 502, on: submit}", []),
        ("{status: 502, from: 20s, times: always}", [3, 4, 5, 6]),
        ("{status: 502, until: 20s, times: always}", [1, 2]),
        ("{status: 502, from: 10s, until: 30s, times: always}", [2, 3]),
        ("{status: 502, from: 10s, after: 1}", [3]),
        ("{status: 502, model: gpt-image-1, times: always}", []),
        ('{status: 502, model: "gpt-*", times: 2}', [1, 2]),
        ('{status: 502, key: "sk-other*", times: always}', []),
        ('{status: 502, key: "sk-*"}', [1]),
    ],
)
def test_when_a_fault_strikes(text: str, expected: list[int]) -> None:
    assert struck(book(text), at(0, 10, 20, 30, 40, 50, model="gpt-image-2")) == expected


def test_a_window_begins_with_the_first_request_of_the_account() -> None:
    made = FaultBook(seed=SEED, key="sk-demo", first=1000.0)
    made.add(fault_in("{status: 502, until: 5s, times: always}"))
    assert struck(made, at(1001, 1004.9, 1005)) == [1, 2]


def test_a_share_is_drawn_by_the_seed_and_the_key_alone() -> None:
    def drawn(**given: object) -> list[int]:
        return struck(book("{status: 502, share: 0.3, times: always}", **given), at(*range(400)))  # type: ignore[arg-type]

    first = drawn()
    assert 80 < len(first) < 160
    assert drawn() == first
    assert drawn(seed=b"other") != first
    assert drawn(key="sk-other") != first


def test_two_faults_of_the_same_words_draw_apart() -> None:
    made = book(*["{slow: 1s, share: 0.5, times: always}"] * 2)
    counts = [len(made.strike(Stage.AFTER, one)) for one in at(*range(100))]
    assert set(counts) == {0, 1, 2}


def test_of_those_that_answer_in_place_of_the_work_one_strikes_at_a_time() -> None:
    made = book("{status: 502}", "{error: rate_limited, times: 2}", "{status: 503, after: 3}")
    hits = [[one.what.KEY for one in made.strike(Stage.BEFORE, asked, only_one=True)] for asked in at(*range(6))]
    assert hits == [["status"], ["error"], ["error"], ["status"], [], []]
    assert made.struck()[2] == ("{status: 503, after: 3}", 6, 1)


def test_what_can_not_show_is_not_counted() -> None:
    made = book("{lost: reset}", "{slow: 1s}")
    asked = Asked("submit", 0.0)
    assert [one.what.KEY for one in made.strike(Stage.AFTER, asked, fits=lambda what: what.KEY != "lost")] == ["slow"]
    assert [one.what.KEY for one in made.strike(Stage.AFTER, asked)] == ["lost"]


@pytest.mark.parametrize(
    ("on", "struck_at"),
    [
        ("submit", ["submit", "generate", "edit"]),
        ("edit", ["edit"]),
        ("download", ["download"]),
        ("any", ["submit", "poll", "generate", "edit", "download", "balance"]),
    ],
)
def test_where_a_fault_strikes(on: str, struck_at: list[str]) -> None:
    places = ("submit", "poll", "generate", "edit", "download", "balance")
    made = book(f"{{status: 502, on: {on}, times: always}}")
    assert [place for place in places if made.strike(Stage.BEFORE, Asked(place, 0.0))] == struck_at


def test_a_fault_of_a_job_that_names_where_it_shows_is_decided_when_the_job_is_taken() -> None:
    assert book("{vanishes: 20s, on: poll}").strike(Stage.JOB, Asked("submit", 0.0))
    assert not book("{fail: any, on: edit}").strike(Stage.JOB, Asked("generate", 0.0))


def test_faults_of_a_job_strike_that_job_alone_and_go_on_counting() -> None:
    made = book()
    for _ in range(3):
        made.add_to_job(b"one", fault_in("{status: 502, times: 2}"))
    hits = [bool(made.strike(Stage.BEFORE, Asked("submit", 0.0, None, jobs))) for jobs in [(b"one",)] * 3 + [(b"two",)]]
    assert hits == [True, True, False, False]


def test_faults_are_replaced_with_their_counters() -> None:
    made = book("{status: 502}")
    assert struck(made, at(0, 1)) == [1]
    made.replace([fault_in("{status: 503}")])
    assert struck(made, at(2, 3)) == [1]
    made.replace([])
    assert made.faults() == []


def test_a_job_remembers_one_fault_of_each_kind() -> None:
    made = book("{fail: upstream_failed}", "{fail: any}", "{flips: true}")
    faults = JobFaults(made.strike(Stage.JOB, Asked("submit", 0.0)))
    assert faults.get(Fails) == Fails("upstream_failed")
    assert faults.has(Flips)
    assert len(faults.texts) == 2
