"""Books that were written before are judged again: the same verdicts, and nothing is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from click.testing import CliRunner

from imageproof import Mock
from imageproof.cli.load import load
from imageproof.load_config import LoadConfig
from imageproof.load_run import run_load
from imageproof.records.reading import read_run
from tests.loadtests.books_made import held

if TYPE_CHECKING:
    from pathlib import Path

GOALS = ("lost=0", "errors<50%", "jobs>100000")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that missed a goal."""
    out = tmp_path_factory.mktemp("load") / "run"
    with Mock("openai", clock="120x", timing_header=True, pictures="plain") as mock:
        account = mock.account()
        run_load(
            LoadConfig(
                spec="openai", base_url=account.base_url, key=account.key, upstream=mock.url, clock="120x", rate=20.0,
                duration_s=2.0, warm_up_s=0.5, seed=3, goals=GOALS, out=out,
                faults=("{status: 503, share: 0.2, times: always}",),
            )
        )  # fmt: skip
    return out


def run(*words: str) -> tuple[int, str]:
    """Exit code and all output of the command, in this process."""
    result = CliRunner().invoke(load, words, env={"IMAGEPROOF_API_KEY": ""})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_the_books_of_a_run_give_its_verdicts_again(folder: Path, tmp_path: Path) -> None:
    words = [word for goal in GOALS for word in ("--goal", goal)]
    code, output = run("openai", "--books", str(folder), "--out", str(tmp_path / "again"), *words)
    first, again = read_run(folder), read_run(tmp_path / "again")
    assert first.footer is not None
    assert again.footer is not None

    assert code == first.footer.exit == 1
    assert again.footer.says == first.footer.says
    assert first.footer.says in output
    assert [(item.rule, item.verdict, item.actual) for item in again.findings] == [
        (item.rule, item.verdict, item.actual) for item in first.findings
    ]
    numbers = {
        item.name: item.value for item in first.samples if item.name.startswith(("net.", "upstream.", "generate."))
    }
    assert numbers
    assert numbers.items() <= {item.name: item.value for item in again.samples}.items()
    assert (tmp_path / "again" / "books.jsonl").read_bytes() == (folder / "books.jsonl").read_bytes()


def test_books_without_anything_beside_are_judged_by_themselves(tmp_path: Path) -> None:
    books = tmp_path / "books.jsonl"
    jobs = [held(mark, mark / 10, seconds=1.0) for mark in range(100)]
    books.write_bytes(b"".join(msgspec.json.encode(job) + b"\n" for job in jobs))
    code, output = run("openai", "--books", str(books), "--goal", "e2e.p50<2s", "--out", str(tmp_path / "run"))
    shorter, later = run("openai", "--books", str(books), "--warm-up", "5s", "--out", str(tmp_path / "later"))

    assert (code, shorter) == (0, 0)
    assert "the goal is met" in output
    assert "no warm-up was cut" in output
    assert "50 of 100 jobs, those that arrived in the first 5 s, are left out" in later


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "no job was begun"),
        (b"{}\n", "expected a job of a load run in"),
        (b"\xff\xfe\n", "line 1"),
        (b'{"line":"header"}\n', "expected a job of a load run in"),
    ],
)
def test_what_is_no_books_is_refused_in_one_sentence(text: bytes, says: str, tmp_path: Path) -> None:
    file = tmp_path / "books.jsonl"
    file.write_bytes(text)
    code, output = run("openai", "--books", str(file), "--out", str(tmp_path / "run"), "--quiet")

    assert code == (2 if text else 4)
    assert says in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    "words", [["--rate", "5/s"], ["--base-url", "http://127.0.0.1:1"], ["--fault", "{status: 502}"]]
)
def test_nothing_is_sent_with_books(words: list[str], tmp_path: Path) -> None:
    code, output = run("openai", "--books", str(tmp_path), *words)

    assert code == 2
    assert f"expected no {words[0]} with --books" in output


def test_books_that_are_not_there_are_refused(tmp_path: Path) -> None:
    code, output = run("openai", "--books", str(tmp_path / "none"), "--out", str(tmp_path / "run"), "--quiet")

    assert code == 2
    assert f"expected to read {tmp_path / 'none'}, got No such file" in output


def test_a_dry_run_says_that_nothing_would_be_sent(tmp_path: Path) -> None:
    code, output = run("openai", "--books", str(tmp_path), "--dry-run")

    assert (code, output) == (0, f"nothing would be sent: the books in {tmp_path} would be judged\n")
