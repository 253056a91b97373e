from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from imageproof.cli.main import cli
from imageproof.records.lines import FORMAT, Finding, Header, Verdict
from imageproof.records.writing import NAME, Writer
from imageproof.suites.baseline import load_baseline

TODAY = datetime.now(tz=UTC).date()
LATER = (TODAY + timedelta(days=90)).isoformat()
OVER = (TODAY - timedelta(days=1)).isoformat()
SIZE = "reapi/submit/gpt-image-2/size/one-of"
RANGE = "reapi/submit/gpt-image-2/n/one-of"
CELL = "reapi/pixels/gpt-image-2/1:1,1k"
PASSED = "reapi/answers/submit"
Run = Callable[..., Result]


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """A run with three failures."""
    folder = tmp_path / "run"
    folder.mkdir()
    with Writer(folder / NAME) as writer:
        writer.write(
            Header(
                format=FORMAT, what="gateway", spec="reapi", title="reAPI", target="http://127.0.0.1:1", version="0",
                started="2026-11-21T00:00:00+00:00", seed=1,
            )
        )  # fmt: skip
        for rule in (SIZE, RANGE, CELL):
            writer.write(Finding(rule=rule, level="MUST", verdict=Verdict.FAILED, sentence="s", actual="status 200"))
        writer.write(Finding(rule=PASSED, level="MUST", verdict=Verdict.PASSED, sentence="s"))
    return folder


@pytest.fixture
def add(record: Path, tmp_path: Path) -> Run:
    def run(*more: str, file: str = "baseline.yaml") -> Result:
        fixed = ["--file", str(tmp_path / file), "--reason", "the reason", "--owner", "team"]
        return CliRunner().invoke(cli, ["baseline", "add", str(record), *fixed, *more], catch_exceptions=False)

    return run


def check(path: Path, spec: str = "reapi") -> Result:
    return CliRunner().invoke(cli, ["baseline", "check", str(path), spec], catch_exceptions=False)


def rules(path: Path) -> list[str]:
    return [entry.rule for entry in load_baseline(path).entries]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "baseline.yaml"


def listed(rule: str, expires: str) -> str:
    return f'rule: "{rule}", reason: r, owner: o, expires: {expires}'


# add


def test_the_failures_of_a_run_become_a_new_baseline(add: Run, path: Path) -> None:
    result = add()
    assert result.exit_code == 0, result.output
    assert rules(path) == [SIZE, RANGE, CELL]
    entry = load_baseline(path).entries[0]
    assert (entry.reason, entry.owner, entry.link) == ("the reason", "team", None)
    assert timedelta(days=29) <= entry.expires - TODAY <= timedelta(days=31)
    assert "3 entries added" in result.stdout
    assert check(path).exit_code == 0


def test_day_link_and_rule_are_as_asked_for(add: Run, path: Path) -> None:
    result = add("--expires", LATER, "--link", "https://example.com/12", "--rule", "*/size/*")
    assert result.exit_code == 0, result.output
    (entry,) = load_baseline(path).entries
    assert (entry.rule, entry.link, entry.expires) == (SIZE, "https://example.com/12", date.fromisoformat(LATER))


def test_a_second_time_nothing_is_added(add: Run, path: Path) -> None:
    add()
    before = path.read_bytes()
    result = add()
    assert result.exit_code == 0
    assert path.read_bytes() == before
    assert "0 entries added; 3 failures listed before" in result.stdout


@pytest.mark.parametrize(
    "text",
    [
        "# mine\nimageproof-baseline: 1\nknown:\n  # the first\n  - {E}  # why\n# the end\n",
        "imageproof-baseline: 1\nknown:\n- {E}",
        "imageproof-baseline: 1\nknown:\n    -   {E}\n\n\n",
        "imageproof-baseline: 1\r\nknown:\r\n  - {E}\r\n# the end",
        "# first\nknown:  # listed\n  - {E}\nimageproof-baseline: 1  # the format\n",
        "imageproof-baseline: 1\nknown: []  # nothing yet\n",
        "known: []\nimageproof-baseline: 1\n",
        "imageproof-baseline: 1\nknown:  # nothing yet\n",
        "\ufeffimageproof-baseline: 1\nknown:\n  - {E}\n",
        (
            'imageproof-baseline: 1\nknown:\n  - rule: "reapi/answers/*"\n    owner: o\n    expires: 2999-01-01\n'
            "    reason: |\n      one\n      # no comment\n"
        ),
    ],
)
def test_what_was_written_before_stays(add: Run, path: Path, text: str) -> None:
    text = text.replace("{E}", "{" + listed("reapi/answers/*", LATER) + "}")
    path.write_bytes(text.encode())
    before = load_baseline(path).entries
    result = add("--rule", "*/size/*")
    assert result.exit_code == 0, result.output
    after = path.read_bytes().decode()
    kept = [line.replace(" []", "") for line in text.splitlines()]
    assert [line for line in after.splitlines() if line in kept] == kept
    assert [entry.rule for entry in before] + [SIZE] == rules(path)
    assert [entry.reason for entry in before] == [entry.reason for entry in load_baseline(path).entries][:-1]
    assert ("\r\n" in after) == ("\r\n" in text)
    assert after.count("\n") == after.count("\r\n") or "\r\n" not in after


@pytest.mark.parametrize("known", ["[{E}]", "[\n{E}\n]", "\n  [{E}]", "~", "null", "[ ]"])
def test_a_list_that_nothing_can_be_put_below_is_refused_and_left_alone(add: Run, path: Path, known: str) -> None:
    text = f"imageproof-baseline: 1\nknown: {known}\n".replace("{E}", "{" + listed("reapi/answers/*", LATER) + "}")
    path.write_text(text, encoding="utf-8")
    result = add("--rule", "*/size/*")
    assert result.exit_code == 2
    assert f"{path}:" in result.stderr
    assert "'- '" in result.stderr
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    "reason", ['"quoted" \\ # not: a comment', "中文 🦊", "two\nlines\ttab", "- {x}", "a\u2028|\x85b"]
)
def test_any_reason_is_read_back_as_it_was_given(add: Run, path: Path, reason: str) -> None:
    result = add("--reason", reason, "--owner", reason, "--link", reason)
    assert result.exit_code == 0, result.output
    assert {(entry.reason, entry.owner, entry.link) for entry in load_baseline(path).entries} == {(reason,) * 3}


def test_an_expired_entry_of_a_failure_is_to_be_renewed_and_not_doubled(add: Run, path: Path) -> None:
    text = f"imageproof-baseline: 1\nknown:\n  - {{{listed(SIZE, OVER)}}}\n"
    path.write_text(text, encoding="utf-8")
    result = add()
    assert result.exit_code == 2
    assert f"{path}:3:12" in result.stderr
    assert OVER in result.stderr
    assert path.read_text(encoding="utf-8") == text


def test_a_failure_under_an_expired_pattern_gets_an_entry_of_its_own(add: Run, path: Path) -> None:
    path.write_text(f"imageproof-baseline: 1\nknown:\n  - {{{listed('reapi/submit/*', OVER)}}}\n", encoding="utf-8")
    assert add("--rule", SIZE).exit_code == 0
    assert rules(path) == ["reapi/submit/*", SIZE]


def test_a_run_without_failures_adds_nothing(add: Run, record: Path, path: Path) -> None:
    lines = (record / NAME).read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if json.loads(line).get("verdict") != "failed"]
    (record / NAME).write_text("\n".join(kept) + "\n", encoding="utf-8")
    result = add()
    assert result.exit_code == 0
    assert "0 entries added" in result.stdout
    assert not path.exists()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--expires", "soon"), "2026-12-31"),
        (("--expires", OVER), "which is over"),
        (("--reason", "  "), "--reason"),
        (("--owner", ""), "--owner"),
        (("--rule", "reapi/submit/gpt-image-2/size/onof"), SIZE),
        (("--rule", PASSED), "3 failures"),
    ],
)
def test_what_can_not_be_used_is_refused_in_a_sentence(add: Run, path: Path, more: tuple[str, str], says: str) -> None:
    result = add(*more)
    assert result.exit_code == 2
    assert says in result.stderr
    assert "Traceback" not in result.output
    assert not path.exists()


def test_files_that_can_not_be_read_or_written_are_refused(add: Run, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("known: 3\n", encoding="utf-8")
    for file in ("missing/baseline.yaml", "other.yaml", "run"):
        result = add(file=file)
        assert result.exit_code == 2
        assert "expected" in result.stderr or "this is a folder" in result.stderr
    missing = CliRunner().invoke(
        cli, ["baseline", "add", str(tmp_path / "no"), "--file", "b.yaml", "--reason", "r", "--owner", "o"]
    )
    assert missing.exit_code == 2


def test_a_link_stays_a_link_and_rights_stay(add: Run, path: Path, tmp_path: Path) -> None:
    real = tmp_path / "real.yaml"
    real.write_text("imageproof-baseline: 1\nknown:\n", encoding="utf-8")
    real.chmod(0o640)
    path.symlink_to(real)
    assert add().exit_code == 0
    assert path.is_symlink()
    assert len(rules(real)) == 3
    assert real.stat().st_mode & 0o777 == 0o640
    assert sorted(item.name for item in tmp_path.iterdir()) == ["baseline.yaml", "real.yaml", "run"]


# check


def test_a_sound_baseline_is_told_to_be_one(path: Path) -> None:
    path.write_text(f"imageproof-baseline: 1\nknown:\n  - {{{listed(SIZE, LATER)}}}\n", encoding="utf-8")
    result = check(path)
    assert result.exit_code == 0
    assert "1 entry, no mistakes for reapi" in result.stdout
    assert LATER in result.stdout


def test_unknown_patterns_and_expired_entries_are_told_together(path: Path) -> None:
    path.write_text(
        f"imageproof-baseline: 1\nknown:\n  - {{{listed('reapi/submit/gpt-image-2/szie/*', LATER)}}}\n"
        f"  - {{{listed(RANGE, OVER)}}}\n",
        encoding="utf-8",
    )
    result = check(path)
    assert result.exit_code == 2
    assert f"{path}:3:12" in result.stdout
    assert "reapi/submit/gpt-image-2/size/*" in result.stdout
    assert f"{path}:4:12" in result.stdout
    assert "2 entries, 2 mistakes" in result.stdout


@pytest.mark.parametrize(("text", "spec"), [("known: 3\n", "reapi"), (None, "reapi"), ("", "raepi")])
def test_what_can_not_be_checked_is_refused(path: Path, text: str | None, spec: str) -> None:
    if text is not None:
        path.write_text(text, encoding="utf-8")
    result = check(path, spec)
    assert result.exit_code == 2
    assert result.stderr
    assert "Traceback" not in result.output
