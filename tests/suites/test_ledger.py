from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imageproof.suites.ledger import AlreadySpentError, BudgetError, Ledger, LedgerError, usd
from imageproof.suites.ledger_lines import Book

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

OWN = ("acme", "http://127.0.0.1:1", "7")


def opened(path: Path, *, limit: int | None = 100, resume: bool = False) -> Ledger:
    return Ledger.open(path, limit_micro_usd=limit, identity=OWN, resume=resume)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.jsonl"


def test_what_is_reserved_counts_in_full_until_it_is_settled(path: Path) -> None:
    with opened(path) as ledger:
        ledger.reserve("a", 30, "an image")
        ledger.reserve("b", 20, "an image")
        assert (ledger.spent_micro_usd, ledger.reserved_micro_usd) == (50, 50)
        ledger.settle("a", 0, "refused")
        assert (ledger.spent_micro_usd, ledger.reserved_micro_usd) == (20, 20)
        ledger.settle("b", 20)
        assert (ledger.spent_micro_usd, ledger.reserved_micro_usd) == (20, 0)


def test_a_request_that_would_cross_the_limit_is_not_booked(path: Path) -> None:
    with opened(path) as ledger:
        ledger.reserve("a", 60, "an image")
        with pytest.raises(BudgetError, match=r"a large image costs \$0\.000041, and \$0\.00004 is left of \$0\.0001"):
            ledger.reserve("b", 41, "a large image")
        assert not ledger.has("b")
        ledger.reserve("b", 40, "an image")
        assert ledger.spent_micro_usd == 100


def test_no_limit_ends_nothing(path: Path) -> None:
    with opened(path, limit=None) as ledger:
        ledger.reserve("a", 10**12, "an image")
        assert ledger.spent_micro_usd == 10**12


def test_nothing_is_sent_twice_not_even_what_was_refused_or_belongs_to_a_killed_run(path: Path) -> None:
    with opened(path) as ledger:
        ledger.reserve("a", 30, "an image")
        ledger.reserve("b", 30, "an image")
        ledger.settle("b", 0)
    with opened(path, resume=True) as ledger:
        for key in "ab":
            assert ledger.has(key)
            with pytest.raises(AlreadySpentError):
                ledger.reserve(key, 1, "an image")
        assert ledger.spent_micro_usd == 30


def test_a_lower_limit_when_going_on_ends_the_budget_at_once(path: Path) -> None:
    with opened(path) as ledger:
        ledger.reserve("a", 30, "an image")
    with (
        opened(path, limit=10, resume=True) as ledger,
        pytest.raises(BudgetError, match=r"\$0\.00 is left of \$0\.00001"),
    ):
        ledger.reserve("b", 1, "an image")


def test_what_cost_more_than_was_reserved_is_booked_as_it_is_and_ends_the_budget(path: Path) -> None:
    with opened(path) as ledger:
        ledger.reserve("a", 60, "an image")
        ledger.settle("a", 120)
        assert ledger.spent_micro_usd == 120
        with pytest.raises(BudgetError):
            ledger.reserve("b", 0, "a free image")
    with opened(path, resume=True) as ledger:
        assert ledger.spent_micro_usd == 120


def test_mistakes_of_the_caller_are_errors_and_book_nothing(path: Path) -> None:
    with opened(path) as ledger:
        ledger.reserve("a", 60, "an image")
        ledger.settle("a", 10)
        before = path.read_bytes()
        with pytest.raises(ValueError, match="expected a key"):
            ledger.settle("a", 10)
        with pytest.raises(ValueError, match="expected a key"):
            ledger.settle("b", 10)
        with pytest.raises(ValueError, match="expected an amount"):
            ledger.reserve("b", -1, "an image")
        with pytest.raises(ValueError, match="expected an amount"):
            ledger.settle("a", -1)
        assert path.read_bytes() == before


def test_a_ledger_that_is_there_is_not_written_over(path: Path) -> None:
    with opened(path) as ledger:
        ledger.reserve("a", 60, "an image")
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="--resume"):
        opened(path)
    assert path.read_bytes() == before


def test_going_on_with_a_ledger_that_is_not_there_begins_one(path: Path) -> None:
    with opened(path, resume=True) as ledger:
        assert ledger.spent_micro_usd == 0
    with opened(path, resume=True) as ledger:
        assert not ledger.has("a")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"hello", "begins otherwise"),
        (b"hello\n", ":1: expected the owner"),
        (b'{"line":"reserved","micro_usd":1,"key":"a","what":""}\n', ":1: expected the owner"),
        (b'{"line":"owner","identity":["acme","http://127.0.0.1:2","7"]}\n', "127.0.0.1:2"),
        (b'{"line":"owner","identity":["acme","http://127.0.0.1:2","7', "begins otherwise"),
        (b"\xff\xfe\n", ":1: expected the owner"),
    ],
)
def test_what_is_no_ledger_or_anothers_is_refused_and_left_as_it_is(path: Path, content: bytes, says: str) -> None:
    path.write_bytes(content)
    with pytest.raises(LedgerError, match=says):
        opened(path, resume=True)
    assert path.read_bytes() == content


RESERVED = b'{"line":"reserved","micro_usd":5,"key":"a","what":""}\n'
SETTLED = b'{"line":"settled","micro_usd":5,"key":"a"}\n'


@pytest.mark.parametrize(
    "lines",
    [
        b"{}\n",
        b"\n",
        b"\xff\n",
        b'{"line":"reserved","micro_usd":-5,"key":"a","what":""}\n',
        b'{"line":"reserved","micro_usd":5.5,"key":"a","what":""}\n',
        RESERVED * 2,
        SETTLED,
        RESERVED + SETTLED * 2,
        b'{"line":"owner","identity":["acme","http://127.0.0.1:1","7"]}\n',
    ],
)
def test_a_broken_line_in_the_middle_is_refused_with_its_place(path: Path, lines: bytes) -> None:
    with opened(path):
        pass
    before = path.read_bytes() + lines
    path.write_bytes(before)
    with pytest.raises(LedgerError, match=rf"ledger\.jsonl:{1 + lines.count(bytes([10]))}: .* begin anew"):
        opened(path, resume=True)
    assert path.read_bytes() == before


def test_a_line_that_was_cut_off_counts_in_full_as_soon_as_its_price_is_there(path: Path) -> None:
    with opened(path) as ledger:
        ledger.reserve("a", 10, "an image")
    whole = path.read_bytes()
    for torn, spent in ((b'{"line":"reserved","micro_usd":25,"key":"b', 35), (b'{"line":"reserved","micro', 10)):
        path.write_bytes(whole + torn)
        for _ in range(2):
            with opened(path, resume=True) as ledger:
                assert (ledger.spent_micro_usd, ledger.has("b")) == (spent, False)


def test_a_line_that_lacks_only_its_end_is_taken_as_it_is(path: Path) -> None:
    with opened(path) as ledger:
        ledger.reserve("a", 10, "an image")
    path.write_bytes(path.read_bytes()[:-1])
    for _ in range(2):
        with opened(path, resume=True) as ledger:
            assert ledger.has("a")
            assert ledger.spent_micro_usd == 10


def test_a_second_opening_of_the_same_file_is_refused(path: Path) -> None:
    with opened(path), pytest.raises(LedgerError, match="another run has open"):
        opened(path, resume=True)
    opened(path, resume=True).close()


def test_another_process_is_kept_out(path: Path) -> None:
    script = (
        "import sys, pathlib\n"
        "from imageproof.suites.ledger import Ledger\n"
        f"Ledger.open(pathlib.Path(sys.argv[1]), limit_micro_usd=1, identity={OWN!r}, resume=True)\n"
    )
    with opened(path):
        ended = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "LedgerError" in ended.stderr
    assert "another run has open" in ended.stderr


def test_threads_share_a_ledger_and_never_cross_the_limit(path: Path) -> None:
    def reserve(number: int) -> bool:
        try:
            ledger.reserve(str(number % 40), 3, "an image")
        except (BudgetError, AlreadySpentError):
            return False
        return True

    with opened(path) as ledger, ThreadPoolExecutor(8) as pool:
        took = sum(pool.map(reserve, range(120)))
        assert took == 33
        assert ledger.spent_micro_usd == 99
    with opened(path, resume=True) as ledger:
        assert ledger.spent_micro_usd == 99


def test_a_disk_that_takes_nothing_stops_the_run_and_books_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with opened(path) as ledger:
        ledger.reserve("a", 10, "an image")
        with monkeypatch.context() as patched:
            patched.setattr("os.fsync", full)
            with pytest.raises(LedgerError, match="No space left"):
                ledger.reserve("b", 10, "an image")
        assert (ledger.has("b"), ledger.spent_micro_usd) == (False, 10)
        with pytest.raises(LedgerError, match="No space left"):
            ledger.settle("a", 0)
        assert ledger.spent_micro_usd == 10


def test_a_disk_that_takes_a_part_at_a_time_gets_the_whole_line(path: Path) -> None:
    class Partial(FileIO):
        def write(self, data: ReadableBuffer, /) -> int:
            return super().write(bytes(data)[:7])

    with opened(path):
        pass
    with Ledger(Partial(path, "a+b"), path, 100, Book()) as ledger:
        ledger.reserve("a", 10, "an image")
    with opened(path, resume=True) as ledger:
        assert (ledger.has("a"), ledger.spent_micro_usd) == (True, 10)


def test_a_closed_ledger_books_nothing(path: Path) -> None:
    ledger = opened(path)
    ledger.close()
    with pytest.raises(LedgerError, match="closed"):
        ledger.reserve("a", 1, "an image")
    assert not ledger.has("a")


def test_a_folder_and_a_missing_folder_are_refused_in_a_sentence(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing" / "ledger.jsonl"):
        with pytest.raises(LedgerError, match="expected"):
            opened(path, resume=True)


@given(st.integers(0, 10**15))
def test_dollars_are_exact(micro: int) -> None:
    dollars, _, decimals = usd(micro).removeprefix("$").partition(".")
    assert int(dollars) * 10**6 + int(decimals.ljust(6, "0")) == micro
    assert len(decimals) >= 2
