"""Runs made by hand for the tests of reports: every verdict, and answers that mean harm."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import msgspec
from PIL import Image

from imageproof.records.lines import (
    CadenceBand,
    Content,
    Coverage,
    Evidence,
    Exchange,
    Finding,
    Footer,
    Header,
    Line,
    Picture,
    Place,
    Request,
    Response,
    Trouble,
    Verdict,
)
from imageproof.records.reading import Run
from imageproof.records.writing import NAME, Writer

HOSTILE = (
    "\x1b]0;owned\x07\x1b[31mred\x1b[0m </code></details><script>alert(1)</script><img src=x onerror=alert(2)> "
    "@everyone ``` ```` [click](javascript:alert(3)) ![x](https://evil.example/p.png) https://evil.example "
    "\u202eesrever\u202c \u2028 \x00 | ]]> 中文 🦊"
)
HOSTILE_TOKENS = ("\x1b", "\x07", "\u202e", "\u2028", "\x00")
TARGET = "http://127.0.0.1:4010/reapi"
SUBMIT = f"{TARGET}/api/v1/images/generations"
KEY = ("Authorization", "Bearer [key]")
JSON = "application/json"


def header(**changes: object) -> Header:
    """The first line of a run; fields can be changed by name."""
    base = Header(
        format=1, what="gateway", spec="reapi", title="reAPI", target=TARGET, version="0.1.0",
        started="2026-11-21T09:06:16+00:00", seed=7, mode="paid", rules=0,
        config={"spec": "reapi", "base-url": TARGET, "mode": "paid", "seed": "7"},
        versions={"python": "3.11.7", "platform": "linux"}, max_micro_usd=500_000, micro_usd_per_credit=1000,
        cadence=(
            CadenceBand(from_s=30.0, until_s=180.0, least_s=3.0, most_s=5.0),
            CadenceBand(from_s=180.0, until_s=None, least_s=10.0, most_s=30.0),
        ),
    )  # fmt: skip
    return msgspec.structs.replace(base, **changes)


def finding(rule: str, verdict: Verdict, **changes: object) -> Finding:
    """A finding with a source and a place; fields can be changed by name."""
    base = Finding(
        rule=rule, level="MUST", verdict=verdict, sentence=f"the sentence of {rule}", how="documented",
        judged=1 if verdict.is_judged else 0, source="model page > Request", url="https://reapi.ai/docs/gpt-image-2",
        place=Place(file="specs/providers/reapi.yaml", line=41, column=7),
    )  # fmt: skip
    return msgspec.structs.replace(base, **changes)


def footer(**changes: object) -> Footer:
    """The last line of a run."""
    base = Footer(ended_s=195.5, exit=1, says="does not conform: 3 rules failed", counts={}, requests=12, billable=3)
    return msgspec.structs.replace(base, **changes)


def run_of(*findings: Finding, head: Header | None = None, end: Footer | None = None, cut: str | None = None) -> Run:
    """A run in memory. Without `end` and `cut` it ended well, or badly if a finding says so."""
    is_bad = any(item.verdict.is_bad for item in findings)
    usual = footer(exit=1 if is_bad else 0, says="does not conform" if is_bad else "conforms")
    return Run(
        path=Path(NAME),
        header=head or header(rules=len(findings)),
        exchanges={item.id: item for item in exchanges()},
        findings=findings,
        footer=end or (None if cut else usual),
        cut=cut,
    )


def every_verdict() -> tuple[Finding, ...]:
    """Findings of every verdict; a pair, a contrast, a chain of blocked ones, a hostile answer."""
    size = "reapi/submit/gpt-image-2/size/one-of"
    return (
        finding("reapi/auth/header", Verdict.PASSED, evidence=Evidence(others=(1,))),
        finding(
            size, Verdict.FAILED, sentence="size is one of auto, 1:1, 16:9", judged=14, basis="pair",
            expected="status 400 with code 20003", actual="status 200: the request was accepted",
            evidence=Evidence(bad=2, good=3, others=(4,)), more=("also accepted: size = 0x0 (expected: a refusal)",),
            curl=f"curl -sS -i -X POST {SUBMIT} --data-raw '{{\"size\": \"7:7\"}}'",
            replay=f"imageproof replay run {size}", requests=14, micro_usd=5500,
        ),
        finding("reapi/answers/submit/route", Verdict.BLOCKED, reason=f"rests on {size}", by=size),
        finding("reapi/results/size", Verdict.BLOCKED, reason="no task was made", by="reapi/answers/submit/route"),
        finding(
            "reapi/errors/auth_invalid/message", Verdict.FAILED, level="SHOULD", basis="contrast",
            expected="a message that says what is wrong", actual=HOSTILE, evidence=Evidence(bad=5),
            curl=f"curl -sS -i {SUBMIT} -H 'X-Odd: {HOSTILE}'",
        ),
        finding(
            "reapi/polling/order", Verdict.FAILED, sentence="states never go back", expected="processing or later",
            actual="pending after processing", evidence=Evidence(bad=9, others=(7, 8)),
        ),
        finding(
            "reapi/advice/retry-after", Verdict.WARNED, level="SHOULD", expected="a header Retry-After", actual="none",
            reason="a SHOULD: fails only with --strict", evidence=Evidence(bad=5),
        ),
        finding(
            "reapi/submit/gpt-image-2/user/length", Verdict.KNOWN, by="reapi/**/length: fixed in release 12",
            expected="status 400", actual="status 200", evidence=Evidence(bad=2),
        ),
        finding("reapi/submit/gpt-image-2/n/range", Verdict.STALE, by="reapi/**/n/range", reason="passes: remove it"),
        finding("reapi/general/decodes", Verdict.INCONCLUSIVE, reason="the budget ended before it"),
        finding("reapi/auth/key", Verdict.NOT_APPLICABLE, reason="a gateway issues keys of its own form"),
        finding("reapi/advice/keep-results", Verdict.NOT_APPLICABLE, level="MAY", reason="addressed to clients"),
        finding("reapi/advice/poll-slower", Verdict.NOT_APPLICABLE, level="MAY", reason="addressed to clients"),
        finding("reapi/pixels/fallback", Verdict.ERRORED, reason="imageproof itself failed: ValueError: oops"),
        finding("reapi/pixels/table", Verdict.PASSED, how="assumed", level="MAY", place=None, url=""),
    )  # fmt: skip


def exchanges() -> tuple[Exchange, ...]:
    """A pair, a hostile answer, one that never came, a task with polls: one came too early, one state goes back."""
    return (
        _exchange(1, "good key", 0.0, url=f"{TARGET}/api/v1/tasks/none", status=404, answer='{"error":{"code":40001}}'),
        _exchange(2, "size: breaks one-of", 0.2, sent='{"model":"gpt-image-2","prompt":"a red fox","size":"7:7"}'),
        _exchange(3, "size: repaired", 0.4, sent='{"model":"gpt-image-2","prompt":"a red fox","size":"1:1"}'),
        _exchange(4, "size: breaks one-of", 0.6, sent='{"model":"gpt-image-2","prompt":"a red fox","size":"0x0"}'),
        _exchange(5, "bad key", 0.8, sent="{}", status=401, answer=HOSTILE, kind="text/html"),
        _exchange(6, "job 1", 1.0, sent='{"model":"gpt-image-2","prompt":"中文"}', task="task_1", micro_usd=5500),
        _poll(7, 33.0, "pending"),
        _poll(8, 34.0, "processing"),
        _poll(9, 38.0, "pending"),
        _poll(10, 190.0, "completed"),
        Exchange(
            id=11, case="never answered", request=Request(method="GET", url=SUBMIT), began_s=191.0, ended_s=195.0,
            trouble=Trouble(kind="timeout", says="expected an answer within 4 s, got none"),
        ),
        _exchange(12, "upstream", 1.1, sent="{}", side="upstream"),
    )  # fmt: skip


def _exchange(  # noqa: PLR0913
    number: int,
    case: str,
    at_s: float,
    *,
    url: str = SUBMIT,
    sent: str | None = None,
    status: int = 200,
    answer: str = '{"id":"task_1"}',
    kind: str = JSON,
    operation: str = "submit",
    **more: object,
) -> Exchange:
    body = None if sent is None else Content(size=len(sent.encode()), kind=JSON, text=sent)
    base = Exchange(
        id=number,
        case=case,
        request=Request(method="GET" if sent is None else "POST", url=url, headers=(KEY,), body=body),
        began_s=at_s,
        ended_s=at_s + 0.125,
        first_byte_s=at_s + 0.1,
        operation=operation,
        curl=f"curl -sS -i {url}",
        response=Response(
            status=status,
            headers=(("Content-Type", kind), ("X-Request-ID", f"req_{number}")),
            body=Content(size=len(answer.encode()), kind=kind, text=answer),
        ),
    )
    return msgspec.structs.replace(base, **more)


def _poll(number: int, at_s: float, state: str) -> Exchange:
    url = f"{TARGET}/api/v1/tasks/task_1"
    answer = f'{{"id":"task_1","status":"{state}"}}'
    return _exchange(number, "job 1", at_s, url=url, answer=answer, operation="poll", task="task_1", state=state)


def pictures() -> tuple[Picture, ...]:
    """An image as asked for, one of another size, and one that can't be read."""
    base = Picture(exchange=10, case="job 1", asked_width=1024, asked_height=1536, asked_format="png")
    return tuple(
        msgspec.structs.replace(base, **changes)
        for changes in (
            {"width": 1024, "height": 1536, "format": "png", "size": 45_709, "thumbnail": _thumbnail(64, 96)},
            {"width": 1024, "height": 1024, "format": "jpeg", "size": 9_001, "thumbnail": _thumbnail(96, 96)},
            {"size": 12, "note": "no image: the first bytes are '<html><body>'"},
        )
    )


def _thumbnail(width: int, height: int) -> str:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "firebrick").save(out, "JPEG")
    return base64.b64encode(out.getvalue()).decode()


def coverage() -> tuple[Coverage, ...]:
    """One model's parameters."""
    return (
        Coverage(
            operation="submit", model="gpt-image-2", pairs_covered=220, pairs_possible=222, rows=67,
            values={"size": {"1:1": 4, "16:9": 5, "(left out)": 4}, "n": {"1": 51, "(left out)": 16}},
        ),
    )  # fmt: skip


def sample_lines() -> list[Line]:
    """All lines of the sample run."""
    found = every_verdict()
    counts = {verdict.value: sum(1 for item in found if item.verdict is verdict) for verdict in Verdict}
    end = footer(counts=counts, micro_usd=5500, billable=3, notes=("one task was left unfinished",))
    return [header(rules=len(found) + 1), *exchanges(), *found, *coverage(), *pictures(), end]


def write_run(folder: Path, lines: list[Line]) -> Path:
    """Write lines as a run.jsonl in a folder, and give the file."""
    folder.mkdir(parents=True, exist_ok=True)
    with Writer(folder / NAME) as writer:
        for line in lines:
            writer.write(line)
    return writer.path


def sample_run(tmp_path: Path) -> Path:
    """Write a realistic run: every verdict, a hostile body, pair evidence, pictures, coverage and cadence."""
    return write_run(tmp_path / "sample", sample_lines())


def killed_run(tmp_path: Path) -> Path:
    """Write the same run as it is when the machine stops in the middle of a line."""
    path = write_run(tmp_path / "killed", sample_lines()[:-4])
    data = path.read_bytes()
    path.write_bytes(data[:-20])
    return path
