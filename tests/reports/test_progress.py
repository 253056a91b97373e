"""Live progress, by a clock that stands still until it is told."""

import io
import re

from rich.console import Console

from imageproof.reports.progress import Progress


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def console(*, is_tty: bool, width: int = 60) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, width=width, force_terminal=is_tty, no_color=True, legacy_windows=False), out


def test_a_log_gets_a_line_every_ten_seconds_and_one_at_the_end() -> None:
    shown, out = console(is_tty=False)
    clock = Clock()
    progress = Progress(shown, 50, now=clock)
    for second in range(25):
        clock.now_s = float(second)
        progress.update(done=second, requests=second * 10)
    progress.update(done=50, failed=1, requests=900, billable=3, micro_usd=5500, seconds_left=0.0, says="done")
    progress.close()
    assert out.getvalue().splitlines() == [
        "0 of 50 rules, 0 failed, 0 requests",
        "10 of 50 rules, 0 failed, 100 requests",
        "20 of 50 rules, 0 failed, 200 requests",
        "50 of 50 rules, 1 failed, 900 requests, 3 billable, $0.0055, 0.0 s left, done",
    ]


def test_quiet_writes_nothing() -> None:
    for is_tty in (False, True):
        shown, out = console(is_tty=is_tty)
        progress = Progress(shown, None, quiet=True)
        progress.update(done=1)
        progress.close()
        assert out.getvalue() == ""


def test_a_terminal_has_one_line_that_changes_and_goes_away() -> None:
    shown, out = console(is_tty=True, width=30)
    clock = Clock()
    progress = Progress(shown, None, now=clock)
    for tick in range(100):
        clock.now_s = tick * 0.01
        progress.update(done=tick, says="asking\x1b[2J\nfor sizes")
    progress.close()
    progress.close()
    text = out.getvalue()
    assert "0 rules, 0 failed" in text
    seen = [int(number) for number in re.findall(r"(\d+) rules,", text)]
    assert len(set(seen)) <= 11
    assert seen == sorted(seen)
    assert seen[-1] >= 90
    assert "\x1b[2J" not in text
    assert text.endswith("\x1b[2K")


def test_a_long_line_is_cut_to_the_terminal_and_whole_in_a_log() -> None:
    narrow, live = console(is_tty=True, width=20)
    progress = Progress(narrow, 10)
    progress.update(done=1, says="the last words")
    progress.close()
    log, plain = console(is_tty=False, width=20)
    Progress(log, 10).update(done=1, says="the last words")
    assert "the last words" not in live.getvalue()
    assert plain.getvalue() == "1 of 10 rules, 0 failed, 0 requests, the last words\n"
