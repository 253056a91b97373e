"""The commands `report` and `diff`, as a person types them."""

import json
from pathlib import Path
from xml.etree.ElementTree import parse

import pytest
from click.testing import CliRunner, Result

from imageproof.cli.main import cli
from imageproof.records.lines import Finding, Verdict
from tests.reports.runs import finding, footer, header, killed_run, sample_run, write_run

FORMATS = ("junit", "sarif", "markdown", "badge", "ctrf")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(part) for part in arguments])


def run_with(folder: Path, *findings: Finding) -> Path:
    write_run(folder, [header(rules=len(findings)), *findings, footer(exit=0, says="conforms")])
    return folder


def test_without_options_it_prints_the_report_and_ends_well(tmp_path: Path) -> None:
    result = run("report", sample_run(tmp_path).parent)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "imageproof verify gateway reapi"
    assert result.stdout.splitlines()[-1].endswith("does not conform: 3 rules failed")
    assert "\x1b" not in result.stdout


def test_a_file_will_do_and_a_killed_run_too(tmp_path: Path) -> None:
    result = run("report", killed_run(tmp_path))
    assert result.exit_code == 0
    assert "is cut off: the run was killed while it wrote" in result.stdout


def test_several_runs_come_one_after_the_other(tmp_path: Path) -> None:
    good = run_with(tmp_path / "good", finding("a/1", Verdict.PASSED))
    result = run("report", sample_run(tmp_path), good, "--quiet")
    assert result.stdout.splitlines() == [
        "reapi at http://127.0.0.1:4010/reapi: does not conform: 3 rules failed",
        "reapi at http://127.0.0.1:4010/reapi: conforms",
    ]
    assert run("report", good, good).stdout.count("imageproof verify gateway reapi\n") == 2


def test_every_format_in_one_call(tmp_path: Path) -> None:
    path = sample_run(tmp_path)
    targets = {name: tmp_path / f"out.{name}" for name in FORMATS}
    options = [part for name, target in targets.items() for part in (f"--{name}", target)]
    result = run("report", path.parent, *options)
    assert result.exit_code == 0
    assert result.stdout == ""
    assert [line.split()[0] for line in result.stderr.splitlines()] == [*["wrote"] * 5, "reapi"]
    assert parse(targets["junit"]).getroot() is not None  # noqa: S314  (our own file)
    assert json.loads(targets["sarif"].read_text("utf-8"))["version"] == "2.1.0"
    assert json.loads(targets["ctrf"].read_text("utf-8"))["reportFormat"] == "CTRF"
    assert json.loads(targets["badge"].read_text("utf-8"))["message"] == "1 of 9 MUST"
    assert targets["markdown"].read_text("utf-8").startswith("### Failed:")


def test_the_page_is_written_too(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    assert run("report", sample_run(tmp_path), "--html", target, "--quiet").stderr == ""
    assert "<html" in target.read_text("utf-8")


@pytest.mark.parametrize("name", FORMATS)
def test_a_dash_writes_to_standard_output_and_nothing_else(tmp_path: Path, name: str) -> None:
    target = tmp_path / "file"
    path = sample_run(tmp_path)
    piped = run("report", path, f"--{name}", "-")
    assert run("report", path, f"--{name}", target, "--quiet").output == ""
    assert piped.stdout_bytes == target.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["RUN", "--junit", "none/x.xml"], "there is no folder none, so make it first"),
        (["RUN", "--junit", "."], "expected the name of a file after --junit, got ."),
        (["RUN", "--junit", ""], "expected the name of a file after --junit, got nothing"),
        (["RUN", "--junit", "-", "--badge", "-"], "at most one report on standard output, got --junit and --badge"),
        (["RUN", "RUN", "--sarif", "x"], "expected one DIR with --sarif, got 2: a file holds one run"),
        (["RUN", "--badge", "RUN"], "that is the run itself"),
        (["nowhere"], "there is no nowhere"),
        (["other.txt"], "expected a line of a run, got something else"),
        (["."], "run.jsonl, or such a file, got .: there is no run.jsonl"),
    ],
)
def test_mistakes_are_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str
) -> None:
    path = sample_run(tmp_path)
    before = path.read_bytes()
    monkeypatch.chdir(tmp_path)
    Path("other.txt").write_text("hello\nworld\n", encoding="utf-8")
    result = run("report", *(str(path) if part == "RUN" else part for part in arguments))
    assert result.exit_code == 2
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""
    assert path.read_bytes() == before


def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    result = run("report", sample_run(tmp_path), "--junit", tmp_path / ("x" * 300))
    assert result.exit_code == 2
    assert "expected the name of a file after --junit" in result.stderr


def test_a_file_that_can_not_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    path = sample_run(tmp_path)
    monkeypatch.setattr(Path, "write_text", full)
    result = run("report", path, "--junit", tmp_path / "junit.xml")
    assert result.exit_code == 2
    assert result.stderr.endswith("junit.xml, got: No space left on device\n")


@pytest.mark.parametrize(("after", "code"), [(Verdict.PASSED, 0), (Verdict.FAILED, 1), (Verdict.INCONCLUSIVE, 1)])
def test_diff_ends_by_whether_it_got_worse(tmp_path: Path, after: Verdict, code: int) -> None:
    old = run_with(tmp_path / "old", finding("a/1", Verdict.PASSED))
    new = run_with(tmp_path / "new", finding("a/1", after, actual="中文"))
    text, tree = run("diff", old, new), run("diff", old, new, "--json")
    assert (text.exit_code, tree.exit_code) == (code, code)
    assert json.loads(tree.stdout)["worse"] is bool(code)
    assert text.stdout.splitlines()[-1].startswith("worse" if code else "not worse")


def test_diff_refuses_runs_that_have_nothing_in_common(tmp_path: Path) -> None:
    old = run_with(tmp_path / "old", finding("a/1", Verdict.PASSED))
    new = run_with(tmp_path / "new", finding("b/1", Verdict.PASSED))
    result = run("diff", old, new)
    assert result.exit_code == 2
    assert "expected two runs with rules in common" in result.stderr
    assert run("diff", old, tmp_path / "none").exit_code == 2
