"""A client that was watched on a clock that goes faster than ours is drawn in the time of its provider."""

from __future__ import annotations

from msgspec.structs import replace

from imageproof.records.lines import CadenceBand, Exchange
from imageproof.reports.html_timeline import timelines
from tests.reports.html_runs import life, run_with
from tests.reports.runs import header

BANDS = (CadenceBand(from_s=30.0, until_s=None, least_s=3.0, most_s=5.0),)
CLIENT = header(what="client", cadence=BANDS)


def watched(polls_s: list[float], rate: float) -> list[Exchange]:
    """The life of a task whose provider is `rate` times as fast; the polls are in its time."""
    return [
        replace(item, account_s=item.began_s, began_s=item.began_s / rate, ended_s=item.ended_s / rate)
        for item in life("task_1", first=1, polls_s=polls_s)
    ]


def test_bands_and_polls_stand_in_the_time_of_the_provider() -> None:
    line = timelines(run_with(watched([31.0, 35.0], 60), head=CLIENT), frozenset()).drawn[0]
    assert [moment.at for moment in line.moments] == ["0.00", "31.00", "35.00"]
    assert [span.label for span in line.bands] == ["first poll after 30 s", "every 3 to 5 s"]
    assert line.early == 0


def test_what_nobody_can_tell_from_a_late_timer_is_not_called_early() -> None:
    polls_s = [31.0, 33.0, 35.0]
    early = [
        timelines(run_with(watched(polls_s, rate), head=CLIENT), frozenset()).drawn[0].early for rate in (1, 10, 60)
    ]
    assert early == [2, 2, 0]


def test_the_download_of_a_result_is_no_poll() -> None:
    *polls, last = watched([31.0, 35.0, 35.1], 10)
    line = timelines(run_with([*polls, replace(last, operation="download")], head=CLIENT), frozenset()).drawn[0]
    assert (len(line.marks), line.early) == (3, 0)
