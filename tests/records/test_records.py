"""What a run writes is what it reads again, whatever happens to the file, and no key is in it."""

from __future__ import annotations

import base64
import json
import threading
from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft202012Validator

import imageproof.records
from imageproof.records.lines import FORMAT, Content, Exchange, Finding, Footer, Header, Line, Request, Verdict
from imageproof.records.reading import RunError, read_run
from imageproof.records.redact import MASK, Redactor
from imageproof.records.schema import line_schema
from imageproof.records.writing import NAME, Writer

KEY = 'rk_live_"quoted"/and+more'
HEADER = Header(
    format=FORMAT, what="gateway", spec="reapi", title="reAPI", target="http://x", version="1", started="now", seed=7
)
EXCHANGE = Exchange(
    id=1,
    case="route",
    request=Request(method="POST", url="http://x/y", body=Content(size=2, kind="application/json", text="{}")),
    began_s=0.0,
    ended_s=0.5,
)
FINDING = Finding(rule="reapi/order", level="MUST", verdict=Verdict.PASSED, sentence="in order", judged=1)
FOOTER = Footer(ended_s=1.0, exit=0, says="conforms", counts={"passed": 1})
SCHEMA = Path(imageproof.records.__file__).parent / "run.schema.json"


def written(folder: Path, *lines: Line) -> Path:
    with Writer(folder / NAME) as writer:
        for line in lines:
            writer.write(line)
    return folder


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    run = read_run(written(tmp_path, HEADER, EXCHANGE, FINDING, FOOTER))
    assert (run.header, dict(run.exchanges), run.findings, run.footer) == (HEADER, {1: EXCHANGE}, (FINDING,), FOOTER)
    assert run.cut is None


def test_the_published_schema_is_that_of_the_classes_and_takes_what_is_written(tmp_path: Path) -> None:
    published = json.loads(SCHEMA.read_text())
    assert published == json.loads(json.dumps(line_schema())), "write imageproof/records/run.schema.json again"
    judge = Draft202012Validator(published)
    for text in (written(tmp_path, HEADER, EXCHANGE, FINDING, FOOTER) / NAME).read_text().splitlines():
        judge.validate(json.loads(text))
    assert list(judge.iter_errors({"line": "finding", "rule": 1}))


def test_a_run_without_a_footer_says_that_it_was_cut(tmp_path: Path) -> None:
    run = read_run(written(tmp_path, HEADER, FINDING))
    assert (run.footer, run.findings) == (None, (FINDING,))
    assert "cut off" in str(run.cut)


@pytest.mark.parametrize("kept", [1, 10, 60])
def test_a_last_line_that_was_cut_costs_nothing_else(tmp_path: Path, kept: int) -> None:
    path = written(tmp_path, HEADER, FINDING) / NAME
    whole = path.read_bytes()
    path.write_bytes(whole + msgspec.json.encode(FOOTER)[:kept])
    run = read_run(tmp_path)
    assert run.findings == (FINDING,)
    assert run.cut


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "got nothing"),
        ("not json at all\n{}\n", "run.jsonl:1: expected a line of a run"),
        ('{"line":"finding","rule":"x","level":"MUST","verdict":"passed","sentence":"s"}\n', "got finding"),
    ],
)
def test_what_is_no_run_is_refused_in_one_sentence(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / NAME).write_text(text)
    with pytest.raises(RunError, match=told):
        read_run(tmp_path)


def test_a_newer_format_asks_for_an_upgrade(tmp_path: Path) -> None:
    newer = msgspec.structs.replace(HEADER, format=FORMAT + 1)
    with pytest.raises(RunError, match="upgrade to read it"):
        read_run(written(tmp_path, newer))


def test_no_run_writes_over_another_unless_it_goes_on_with_it(tmp_path: Path) -> None:
    written(tmp_path, HEADER)
    with pytest.raises(FileExistsError):
        Writer(tmp_path / NAME)
    with Writer(tmp_path / NAME, resume=True) as writer:
        writer.write(FOOTER)
    assert read_run(tmp_path).footer == FOOTER


def test_lines_from_several_threads_do_not_mix(tmp_path: Path) -> None:
    with Writer(tmp_path / NAME) as writer:
        writer.write(HEADER)

        def write_many() -> None:
            for _ in range(200):
                writer.write(EXCHANGE)

        threads = [threading.Thread(target=write_many, daemon=True) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len((tmp_path / NAME).read_text().splitlines()) == 801


@pytest.mark.parametrize(
    "text",
    [
        f"Bearer {KEY}",
        json.dumps({"echo": KEY}),
        "https://x/?key=rk_live_%22quoted%22%2Fand%2Bmore",
        base64.b64encode(KEY.encode()).decode(),
    ],
)
def test_a_key_is_taken_out_in_every_form(text: str) -> None:
    clean = Redactor([KEY]).text(text)
    assert MASK in clean
    assert "quoted" not in clean


def test_headers_keep_their_scheme_and_lose_their_secret() -> None:
    redact = Redactor([KEY])
    headers = [("Authorization", "Bearer something-else"), ("X-Api-Key", "abc"), ("Accept", f"x{KEY}")]
    assert redact.headers(headers) == (
        ("Authorization", f"Bearer {MASK}"),
        ("X-Api-Key", MASK),
        ("Accept", f"x{MASK}"),
    )
    assert Redactor([]).text("nothing to hide") == "nothing to hide"
