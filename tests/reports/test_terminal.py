"""The report at a terminal: nothing is lost at any width, and nothing from the wire is obeyed."""

import io
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from imageproof.records.lines import Finding, Verdict
from imageproof.records.reading import Run
from imageproof.reports.layout import Output, broken
from imageproof.reports.terminal import write
from tests.reports.runs import HOSTILE, HOSTILE_TOKENS, every_verdict, finding, footer, header, run_of

LABEL = re.compile(r"^ *(\S+ +)?")  # a word that is too long has its line, or that of its label, for itself
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def shown(run: Run, *, width: int = 80, is_tty: bool = False, color: bool = False, quiet: bool = False) -> str:
    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=is_tty, no_color=not color, color_system="standard" if color else None,
        legacy_windows=False,
    )  # fmt: skip
    write(run, console, quiet=quiet)
    return out.getvalue()


def words(text: str) -> list[str]:
    return COLOUR.sub("", text).split()


SAMPLE = run_of(*every_verdict(), end=footer(notes=("one task was left unfinished",), micro_usd=5500))


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize("is_tty", [False, True])
def test_every_width_shows_the_same_words(width: int, *, color: bool, is_tty: bool) -> None:
    assert words(shown(SAMPLE, width=width, is_tty=is_tty, color=color)) == words(shown(SAMPLE))


@pytest.mark.parametrize("width", [40, 80, 120])
def test_on_a_terminal_prose_is_broken_between_words(width: int) -> None:
    lines = shown(SAMPLE, width=width, is_tty=True).splitlines()
    long = [line for line in lines if cell_len(line) > width and not line.lstrip().startswith(("curl ", "again "))]
    assert not [line for line in long if " " in LABEL.sub("", line)]


def test_where_no_terminal_is_each_line_stays_whole() -> None:
    at_40, at_500 = (shown(SAMPLE, width=width) for width in (40, 500))
    assert at_40 == at_500
    assert COLOUR.search(at_40) is None


def test_a_failure_has_three_lines_its_evidence_and_the_commands() -> None:
    lines = shown(SAMPLE).splitlines()
    known = "documented: model page > Request, specs/providers/reapi.yaml:41"
    at = lines.index("1. reapi/submit/gpt-image-2/size/one-of")
    assert lines[at + 1 : at + 11] == [
        f"   requires  MUST ({known}): size is one of auto, 1:1, 16:9",
        "   expected  status 400 with code 20003",
        "   actual    status 200: the request was accepted",
        "   also      also accepted: size = 0x0 (expected: a refusal)",
        "   judged by a pair: the same request, repaired, was accepted",
        "   evidence  exchange 2 broke it, exchange 3 is its twin that was right, see also 4",
        "   source    https://reapi.ai/docs/gpt-image-2",
        '   curl -sS -i -X POST http://127.0.0.1:4010/reapi/api/v1/images/generations --data-raw \'{"size": "7:7"}\'',
        "   again imageproof replay run reapi/submit/gpt-image-2/size/one-of",
        "   + 2 blocked by it: reapi/answers/submit/route, reapi/results/size",
    ]


def test_what_is_not_judged_has_one_line_for_each_reason_and_the_verdict_comes_last() -> None:
    lines = shown(SAMPLE).splitlines()
    assert "  2 not applicable: addressed to clients" in lines
    assert "  1 inconclusive: the budget ended before it (reapi/general/decodes)" in lines
    assert "   reapi/submit/gpt-image-2/n/range: MUST passes: remove it [reapi/**/n/range]" in lines
    assert "MAY    1 passed, 2 not applicable" in lines
    assert "$0.0055 (5.5 credits) of $0.50 spent" in lines
    assert lines[-2:] == [
        "one task was left unfinished",
        "reapi at http://127.0.0.1:4010/reapi: does not conform: 3 rules failed",
    ]


def test_every_finding_that_did_not_pass_is_there() -> None:
    text = shown(SAMPLE)
    grouped = {"reapi/advice/keep-results", "reapi/advice/poll-slower"}
    missing = {item.rule for item in every_verdict() if item.rule not in text}
    assert missing == grouped | {"reapi/auth/header", "reapi/pixels/table"}


@pytest.mark.parametrize("field", ["sentence", "expected", "actual", "reason", "source", "url", "by", "curl", "replay"])
def test_nothing_from_the_wire_reaches_a_terminal_as_it_is(field: str) -> None:
    dirty = finding("a/1", Verdict.FAILED, expected="x", actual="y")
    hostile: Finding = type(dirty)(
        **{name: getattr(dirty, name) for name in dirty.__struct_fields__} | {field: HOSTILE}
    )
    head = header(target=HOSTILE, title=HOSTILE)
    text = shown(run_of(hostile, head=head, end=footer(says=HOSTILE, notes=(HOSTILE,))), is_tty=True)
    assert not [token for token in HOSTILE_TOKENS if token in text]
    assert "中文 🦊" in text


def test_an_output_that_knows_no_unicode_gets_it_spelled() -> None:
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="ascii") as out:
        write(SAMPLE, Console(file=out, width=80))
        out.flush()
        text = raw.getvalue().decode("ascii")
    assert r"\u4e2d\u6587" in text


def test_a_run_that_was_cut_off_says_so_first() -> None:
    run = run_of(*every_verdict(), head=header(rules=99), cut="the run has no footer")
    lines = shown(run).splitlines()
    assert lines[4] == "note: the run has no footer; never reached: 84 of 99 rules"
    assert lines[-1].endswith("cut off, so there is no verdict; until then 4 of 8 judged rules failed")


def test_quiet_is_the_last_line_only() -> None:
    assert shown(SAMPLE, quiet=True) == shown(SAMPLE).splitlines(keepends=True)[-1]


def test_a_failure_is_red_and_a_pass_is_green_where_colours_are_wanted() -> None:
    good = run_of(finding("a/1", Verdict.PASSED))
    assert "\x1b[1;32m" in shown(good, is_tty=True, color=True, quiet=True)
    assert "\x1b[1;31m" in shown(SAMPLE, is_tty=True, color=True, quiet=True)


def test_a_reader_that_has_gone_is_said_and_ends_nothing_here() -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(len(text))

    with pytest.raises(BrokenPipeError):
        write(SAMPLE, Output(file=Closed()))


def test_wide_letters_count_twice() -> None:
    assert broken("中文 中文 中文", 9) == ["中文 中文", "中文"]
    assert broken("a-word-that-is-longer than 5", 5) == ["a-word-that-is-longer", "than", "5"]
    assert broken("", 5) == [""]
