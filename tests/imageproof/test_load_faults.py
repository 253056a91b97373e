"""Faults while the load lasts: put on the account, told apart as passed on from upstream, and taken away again."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from imageproof import Mock
from imageproof.cli.load import load
from imageproof.cli.load_faults import read_load_fault
from imageproof.cli.refusal import Refusal
from imageproof.exits import ExitCode
from imageproof.load_config import LoadConfig
from imageproof.load_run import run_load
from imageproof.loadtests.books import End, Fault, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imageproof.load_measure import LoadState
    from imageproof.mock import MockAccount


@pytest.fixture(scope="module")
def mock() -> Iterator[Mock]:
    with Mock("reapi", clock="120x", timing_header=True, pictures="plain") as served:
        yield served


def run_at(account: MockAccount, **more: object) -> LoadState:
    values = {
        "spec": "reapi", "base_url": account.base_url, "key": account.key, "upstream": account.mock.url,
        "clock": "120x", "rate": 20.0, "duration_s": 2.0, "warm_up_s": 0.0, "seed": 3, "melt": 1.1, **more,
    }  # fmt: skip
    return run_load(LoadConfig(**values))  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("{status: 502, share: 1%}", "{status: 502, times: always, share: 0.01}"),
        ("{status: 502, share: 0.5, times: 3}", "{status: 502, times: 3, share: 0.5}"),
        ("{status: 502, on: poll}", "{status: 502, on: poll}"),
        ("slow: 5s, share: 12.5%", "{slow: 5s, times: always, share: 0.125}"),
    ],
)
def test_a_share_may_be_a_percentage_and_holds_for_the_whole_run(text: str, written: str) -> None:
    assert read_load_fault(text) == written


@pytest.mark.parametrize("text", ["{statu: 502}", "{status: 502, share: 120%}", "{", "{status: 502, share: 0%}"])
def test_a_fault_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Refusal, match="--fault: "):
        read_load_fault(text)


def test_errors_are_told_as_passed_on_and_the_faults_end_with_the_run(mock: Mock) -> None:
    account = mock.account("reapi")
    state = run_at(account, faults=(read_load_fault("{status: 502, share: 20%, on: poll}"),))
    calls = [call for job in state.live.jobs for call in job.calls]
    after = run_at(account)

    assert Counter(call.fault for call in calls if call.fault) == {
        Fault.UPSTREAM: sum(call.status == 502 for call in calls if call.kind is Kind.POLL)
    }
    assert any(call.status == 502 for call in calls)
    assert all(call.fault is None for job in state.live.direct for call in job.calls)
    assert all(call.fault is None for job in after.live.jobs for call in job.calls)


def test_a_scenario_plays_while_the_run_lasts(mock: Mock) -> None:
    account = mock.account("reapi")
    state = run_at(account, scenario="fails")
    after = run_at(account)

    assert {job.end for job in state.live.jobs} == {End.FAILED}
    assert {job.end for job in after.live.jobs} == {End.DONE}


def test_what_the_provider_does_not_have_ends_with_2_and_says_so(mock: Mock) -> None:
    state = run_at(mock.account("reapi"), faults=("{error: nothing_like_it}",))

    assert state.exit is ExitCode.USAGE
    assert "refuses faults: reapi has no error answer 'nothing_like_it'" in state.says
    assert not state.live.jobs


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--base-url", "http://127.0.0.1:1", "--fault", "{status: 502}"], "expected --upstream with --fault"),
        (["--base-url", "http://127.0.0.1:1", "--scenario", "fails"], "expected --upstream with --scenario"),
        (["--fault", "{status: 1000}"], "--fault: expected"),
        (["--scenario", "fail"], "--scenario: no scenario is called 'fail': did you mean 'fails'?"),
        (["--scenario", "slow-answer"], "--scenario: 'slow-answer' makes no sense for reapi"),
    ],
)
def test_faults_that_can_not_be_are_refused_before_anything_is_sent(
    words: list[str], says: str, tmp_path: Path
) -> None:
    result = CliRunner().invoke(load, ["reapi", *words, "--out", str(tmp_path / "run")])

    assert result.exit_code == 2
    assert says in result.output
    assert not (tmp_path / "run").exists()


def test_a_scenario_keeps_its_faults_beside_others() -> None:
    from imageproof.cli.load_faults import faults_of  # noqa: PLC0415  (beside its only use)
    from imageproof.specs.library import load as load_spec  # noqa: PLC0415  (as above)

    both = faults_of(load_spec("reapi"), ("{status: 502}",), "poll-reset")

    assert both[-1] == "{status: 502}"
    assert len(both) > 1
    assert faults_of(load_spec("reapi"), (), "poll-reset") == ()
