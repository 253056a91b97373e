"""Tasks as bytes: what goes in comes out, and the state is a function of the record and the time."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imageproof.mock_server.record import (
    Moves,
    Record,
    completed_at,
    owner_of,
    pack_tail,
    phase_at,
    progress_at,
    unpack,
)
from imageproof.specs.model import Phase


def record(**changes: Any) -> Record:  # noqa: ANN401  (fields of several types)
    plain = Record(
        account=7,
        operation=0,
        model=1,
        submitted=1000.0,
        queue_s=2.0,
        run_s=40.0,
        moves=Moves.BY_TIME,
        failure=0,
        width=3840,
        height=2160,
        images=1,
        format=0,
        compression=255,
        flags=0,
        micro_usd=7000,
        job=3,
        tail=pack_tail("a red fox \U0001f98a", ["https://example.com/a.png"], {"response_format": "url"}),
    )
    return plain._replace(**changes)


def test_a_record_survives_its_bytes() -> None:
    packed = record().pack()
    assert unpack(packed) == record()
    assert owner_of(packed) == 7
    assert unpack(packed).extra() == ("a red fox \U0001f98a", ["https://example.com/a.png"], {"response_format": "url"})


def test_the_garbage_collector_never_sees_a_record() -> None:
    tasks = {f"task_{number}": record().pack() for number in range(10)}
    assert not gc.is_tracked(tasks)


@pytest.mark.parametrize(
    ("at", "phase", "progress"),
    [
        (1000.0, Phase.QUEUED, 0),
        (1001.999, Phase.QUEUED, 0),
        (1002.0, Phase.RUNNING, 0),
        (1022.0, Phase.RUNNING, 50),
        (1041.999, Phase.RUNNING, 99),
        (1042.0, Phase.SUCCEEDED, 100),
        (9e9, Phase.SUCCEEDED, 100),
    ],
)
def test_the_state_follows_from_the_time(at: float, phase: Phase, progress: int) -> None:
    assert phase_at(record(), at) is phase
    assert progress_at(record(), at) == progress


def test_a_planned_failure_shows_at_the_end() -> None:
    failing = record(failure=2)
    assert phase_at(failing, 1041.0) is Phase.RUNNING
    assert phase_at(failing, 1042.0) is Phase.FAILED


def test_a_task_that_is_moved_by_hand_or_by_polls_never_ends_by_time() -> None:
    assert phase_at(record(moves=Moves.BY_HAND), 9e9) is Phase.RUNNING
    assert phase_at(record(moves=Moves.BY_POLLS, queue_s=0.0), 1000.0) is Phase.RUNNING


@given(st.floats(0, 100), st.floats(0, 400), st.integers(0, 3), st.lists(st.floats(900, 2000), min_size=2, max_size=20))
def test_terminal_states_stay_and_progress_never_falls(
    queue_s: float, run_s: float, failure: int, times: list[float]
) -> None:
    task = record(queue_s=queue_s, run_s=run_s, failure=failure)
    seen = [(phase_at(task, at), progress_at(task, at)) for at in sorted(times)]
    ended = [phase for phase, _ in seen if phase.is_final]
    assert len(set(ended)) <= 1
    order = [list(Phase).index(phase) for phase, _ in seen]
    assert order == sorted(order)
    running = [progress for phase, progress in seen if phase is not Phase.FAILED]
    assert running == sorted(running)


@given(st.floats(1e9, 2e9), st.floats(0, 1e6), st.floats(0, 1e6))
def test_at_its_end_a_task_has_ended(submitted: float, queue_s: float, run_s: float) -> None:
    task = record(submitted=submitted, queue_s=queue_s, run_s=run_s)
    assert phase_at(task, completed_at(task)).is_final
    assert phase_at(task, submitted + queue_s) is not Phase.QUEUED
