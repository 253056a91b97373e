"""Whole load runs on loopback: each job ends once in both books, whatever goes wrong; the footer is always there."""

from __future__ import annotations

from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import httpx2 as httpx
import psutil
import pytest

from imageproof import Mock
from imageproof.exits import ExitCode
from imageproof.load_config import LoadConfig
from imageproof.load_run import run_load
from imageproof.loadtests.books import End, Fault, Kind
from imageproof.loadtests.conservation import Breach
from imageproof.loadtests.mix import mark_of, read_share
from imageproof.records.lines import Verdict
from imageproof.records.reading import read_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imageproof.load_measure import LoadState
    from imageproof.loadtests.books import Job
    from imageproof.mock import MockAccount

CLOCK = "120x"


@pytest.fixture(scope="module")
def mock() -> Iterator[Mock]:
    with Mock("reapi", "openai", clock=CLOCK, timing_header=True, pictures="plain") as served:
        yield served


def config_at(account: MockAccount, **more: Any) -> LoadConfig:  # noqa: ANN401  (each test sets what it is about)
    """Two seconds of load at an account of the mock, which is asked for the truth."""
    values: dict[str, Any] = {
        "spec": account.provider,
        "base_url": account.base_url,
        "key": account.key,
        "upstream": account.mock.url,
        "clock": CLOCK,
        "duration_s": 2.0,
        "warm_up_s": 0.5,
        "seed": 3,
    }
    if "users" not in more:
        values["rate"] = 15.0
    return LoadConfig(**(values | more))


def marks_of(state: LoadState) -> Counter[int | None]:
    """How often each mark stands in the mock's books."""
    return Counter(mark_of(str(job["prompt"])) for job in state.upstream or ())


def calls_of(jobs: list[Job], kind: Kind) -> int:
    return sum(call.kind is kind for job in jobs for call in job.calls)


def test_jobs_at_a_rate_end_once_in_both_books_and_tell_the_upstreams_times(mock: Mock, tmp_path: Path) -> None:
    state = run_load(config_at(mock.account("reapi"), arrivals="constant", out=tmp_path / "run", workers=2))
    jobs = state.live.jobs

    assert state.exit is ExitCode.CONFORMS
    assert {job.mark for job in jobs} == set(range(37))
    assert marks_of(state) == Counter(range(37))
    assert {job.end for job in jobs} == {End.DONE}
    assert {job.worker for job in jobs} == {0, 1}
    assert sum(job.warm_up for job in jobs) == 7
    assert sum(job.swapped for job in jobs) == 0
    assert state.says.startswith("all 37 jobs ended exactly once in both books")
    for job in jobs:
        assert job.intended_s == pytest.approx((job.mark + 1) / 15, abs=1e-6)
        assert job.run_s is not None
        assert 0.2 < job.run_s < 0.6
        assert job.done_ago_s is not None
        assert job.micro_usd == 7000
        assert job.calls[0].kind is Kind.SUBMIT
        assert job.calls[-1].kind is Kind.DOWNLOAD
        assert all(call.held_s is not None for call in job.calls)
    run = read_run(tmp_path / "run")
    assert run.header.what == "load"
    assert run.footer is not None
    assert run.footer.billable == 37


def test_users_wait_for_their_jobs(mock: Mock) -> None:
    state = run_load(config_at(mock.account("openai"), users=4))
    jobs = state.live.jobs

    assert {job.end for job in jobs} == {End.DONE}
    assert marks_of(state) == Counter(job.mark for job in jobs)
    assert calls_of(jobs, Kind.GENERATE) == len(jobs) >= 8
    spans = sorted((job.calls[0].began_s, job.calls[-1].ended_s) for job in jobs)
    at_once = max(sum(begin <= at < end for begin, end in spans) for at, _ in spans)
    assert at_once <= 4


def test_streams_and_edits_are_made_beside_each_other(mock: Mock) -> None:
    mix = (read_share("stream=yes,partial_images=2"), read_share("operation=edit,references=1"))
    state = run_load(config_at(mock.account("openai"), mix=mix))
    jobs = state.live.jobs

    assert {job.end for job in jobs} == {End.DONE}
    assert calls_of(jobs, Kind.EDIT) > 0
    streams = [call for job in jobs for call in job.calls if call.kind is Kind.STREAM]
    assert streams
    for call in streams:
        assert len(call.events_s) == 3
        assert call.began_s < call.events_s[0] < call.events_s[1] < call.events_s[2] <= call.ended_s


def test_a_submit_whose_answer_is_lost_is_paid_and_never_fetched(mock: Mock) -> None:
    account = mock.account("reapi")
    account.fault("{lost: reset, on: submit, times: 3}")
    state = run_load(config_at(account))
    lost = [job for job in state.live.jobs if job.end is End.LOST]
    assert state.judged is not None
    orphaned = state.judged.results.conservation.breaches[Breach.ORPHANED]

    assert state.exit is ExitCode.DOES_NOT_CONFORM
    assert set(orphaned) == {job.mark for job in lost}
    assert len(lost) == 3
    assert {job.calls[-1].fault for job in lost} == {Fault.TRANSPORT}
    assert {job.mark for job in lost} <= set(marks_of(state))
    assert Counter(job.end for job in state.live.jobs) == {End.LOST: 3, End.DONE: len(state.live.jobs) - 3}


def test_errors_of_the_upstream_and_of_its_transport_are_told_apart(mock: Mock) -> None:
    account = mock.account("reapi")
    account.fault("{status: 503, on: poll, times: 2}")
    account.fault("{reset: before, on: poll, times: 2}")
    state = run_load(config_at(account))
    faults = Counter(call.fault for job in state.live.jobs for call in job.calls if call.fault is not None)

    assert faults == {Fault.UPSTREAM: 2, Fault.TRANSPORT: 2}
    assert {job.end for job in state.live.jobs} == {End.DONE}


def test_a_target_that_melts_ends_the_run(mock: Mock, tmp_path: Path) -> None:
    account = mock.account("reapi")
    account.fault("{status: 500, on: submit, times: always}")
    state = run_load(config_at(account, rate=60.0, duration_s=60.0, out=tmp_path / "run"))

    assert state.exit is ExitCode.DOES_NOT_CONFORM
    assert "50% and more of the jobs failed" in state.says
    assert state.seconds < 30
    footer = read_run(tmp_path / "run").footer
    assert footer is not None
    assert footer.exit == ExitCode.DOES_NOT_CONFORM


def test_a_budget_is_never_gone_over(mock: Mock) -> None:
    account = mock.account("reapi")
    state = run_load(config_at(account, rate=50.0, max_micro_usd=100_000, workers=2))

    assert state.exit is ExitCode.BUDGET_ENDED
    assert sum(job.micro_usd for job in state.live.jobs) == 2 * 7 * 7000
    assert len(state.upstream or ()) == 14


def test_a_wrong_key_judges_nothing(mock: Mock) -> None:
    account = mock.account("reapi")
    state = run_load(config_at(account, key="wrong", upstream=None))

    assert state.exit is ExitCode.NOTHING_JUDGED
    assert "took the key of no job" in state.says


def test_a_mock_of_its_own_is_measured_where_no_target_is_named() -> None:
    state = run_load(LoadConfig(spec="reapi", key="rk_live_own", clock=CLOCK, rate=10.0, duration_s=1.0, warm_up_s=0.0))

    assert state.exit is ExitCode.CONFORMS
    assert marks_of(state) == Counter(job.mark for job in state.live.jobs)
    assert state.live.jobs


def test_a_run_that_can_not_write_begins_nothing(mock: Mock, tmp_path: Path) -> None:
    account = mock.account("reapi")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.jsonl").write_text("here already")

    with pytest.raises(FileExistsError):
        run_load(config_at(account, out=tmp_path / "run"))
    assert account.tasks() == []


class Doubling(BaseHTTPRequestHandler):
    """A gateway that sends each third order twice, as one with careless retries does, and drops the mock's headers."""

    upstream = ""
    orders = 0
    protocol_version = "HTTP/1.1"

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        status, answer = self._asked(body)
        if self.command == "POST":
            type(self).orders += 1
            if type(self).orders % 3 == 0:
                status, answer = self._asked(body)
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = _pass_on  # noqa: N815  (http.server calls them so)

    def _asked(self, body: bytes) -> tuple[int, bytes]:
        headers = {name: self.headers[name] for name in ("Authorization", "Content-Type") if name in self.headers}
        url = self.upstream + self.path
        made = httpx.request(self.command, url, headers=headers, content=body or None)
        return made.status_code, made.content

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_gateway_that_orders_twice_is_found_without_any_header(mock: Mock, tmp_path: Path) -> None:
    account = mock.account("reapi")
    Doubling.upstream = account.base_url
    with ThreadingHTTPServer(("127.0.0.1", 0), Doubling) as gateway:
        thread = Thread(target=gateway.serve_forever)
        thread.start()
        try:
            url = f"http://127.0.0.1:{gateway.server_port}"
            state = run_load(config_at(account, base_url=url, rate=8.0, out=tmp_path / "run"))
        finally:
            gateway.shutdown()
            thread.join()

    assert state.exit is ExitCode.DOES_NOT_CONFORM
    doubled = {mark for mark, count in marks_of(state).items() if count == 2}
    assert len(doubled) == len(state.live.jobs) // 3 > 0
    broken = [finding for finding in read_run(tmp_path / "run").findings if finding.verdict is Verdict.FAILED]
    assert [finding.rule for finding in broken] == ["load/conservation/duplicated"]
    assert f"{len(doubled)} of {len(state.live.jobs)} jobs" in broken[0].actual
    assert state.judged is not None
    added = state.judged.results.overheads
    assert {"overhead.submit", "overhead.poll"} <= set(added)
    assert 0.0005 < (added["overhead.poll"].percentile(50) or 0.0) < 5.0  # it opens a connection for each poll


def test_a_process_of_the_load_that_is_killed_ends_the_run_and_its_books_are_kept(mock: Mock, tmp_path: Path) -> None:
    killed: list[int] = []

    def kill(state: LoadState) -> None:
        if state.live.jobs and not killed:
            ours = psutil.Process().children()
            (worker, *_) = [item for item in ours if "imageproof.loadtests.worker" in item.cmdline()]
            worker.kill()
            killed.append(worker.pid)

    state = run_load(config_at(mock.account("reapi"), workers=2, duration_s=60.0, out=tmp_path / "run"), kill)

    assert killed
    assert state.exit is ExitCode.UNREACHABLE
    assert state.says == ("a process of the load generator died, what was measured is kept: it was ended by signal 9")
    assert state.seconds < 40
    assert (tmp_path / "run" / "books.jsonl").read_bytes().count(b"\n") >= 1
    assert read_run(tmp_path / "run").footer is not None
