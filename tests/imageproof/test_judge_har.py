"""`imageproof judge`: HAR files of any tool, and records of runs, are judged like live traffic."""

import base64
import json
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from click.testing import CliRunner, Result

from imageproof import Mock, MockAccount
from imageproof.cli.main import cli
from imageproof.proxy.har import RecordingError, read_har
from imageproof.records.reading import read_run
from tests.imageproof.proxying import proxied

JOB = {"model": "gpt-image-2", "prompt": "a red fox"}
KEY = "rk_live_browser-key-0123456789"


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["judge", *map(str, arguments)])


def live(account: MockAccount) -> None:
    with httpx.Client(base_url=account.base_url, headers=account.headers) as http:
        task = http.post("/api/v1/images/generations", json=JOB).json().get("id", "none")
        for _ in range(20):
            account.advance("5s")
            if http.get(f"/api/v1/tasks/{task}").json().get("status") in ("completed", "failed"):
                break
        http.get("/api/v1/balance")


def recorded(tmp_path: Path, sabotage: str | None = None) -> Path:
    with Mock("reapi", clock="manual", sabotage=sabotage) as mock:
        account = mock.account()
        live(account)
        path = tmp_path / "traffic.har"
        path.write_text(account.har(), encoding="utf-8")
    return path


def failures(folder: Path) -> set[str]:
    return {item.rule for item in read_run(folder).findings if item.verdict == "failed"}


def test_the_mocks_own_recording_of_honest_traffic_passes(tmp_path: Path) -> None:
    result = invoke("reapi", recorded(tmp_path), "--out", tmp_path / "run")
    assert result.exit_code == 0, result.output
    assert failures(tmp_path / "run") == set()
    passed = {item.rule for item in read_run(tmp_path / "run").findings if item.verdict == "passed"}
    assert {"reapi/answers/poll", "reapi/states/succeeded", "reapi/client/requests"} <= passed


@pytest.mark.parametrize("lie", ["reapi/answers/balance!retyped", "reapi/states/succeeded!renamed"])
def test_a_lie_in_a_recording_is_found_under_its_rule(lie: str, tmp_path: Path) -> None:
    result = invoke("reapi", recorded(tmp_path, lie), "--out", tmp_path / "run")
    assert result.exit_code == 1
    assert failures(tmp_path / "run") == {lie.partition("!")[0]}


def test_a_record_of_the_proxy_is_judged_again_with_the_same_verdicts(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    with Mock("reapi", clock="manual", sabotage="reapi/answers/poll!retyped") as mock:
        account = mock.account()
        with (
            proxied("reapi", account.base_url, tmp_path / "first") as proxy,
            httpx.Client(base_url=proxy.url, headers=account.headers) as http,
        ):
            http.post("/api/v1/images/generations", json={**JOB, "n": 3})
            task = http.post("/api/v1/images/generations", json=JOB).json()["id"]
            account.finish(task)
            http.get(f"/api/v1/tasks/{task}")
    for number, path in enumerate((tmp_path / "first", tmp_path / "first" / "run.jsonl")):
        assert invoke("reapi", path, "--out", tmp_path / f"again{number}").exit_code == 1
        assert failures(tmp_path / f"again{number}") == proxy.failures()
    assert proxy.failures() == {"reapi/answers/poll", "reapi/client/requests"}


def entry(url: str = "https://reapi.ai/api/v1/balance", **more: object) -> dict[str, Any]:
    """An entry as a browser writes it."""
    request = {
        "method": "GET",
        "url": url,
        "headers": [{"name": ":method", "value": "GET"}, {"name": "authorization", "value": f"Bearer {KEY}"}],
    }
    content = {"size": 15, "mimeType": "application/json", "text": '{"balance": 12}'}
    response = {"status": 200, "headers": [{"name": "date", "value": "today"}], "content": content, "bodySize": -1}
    return {
        "startedDateTime": "2026-11-21T10:00:00.1234567Z",
        "time": 12.5,
        "timings": {"send": 0, "wait": 10, "receive": 2.5},
        "connection": "443",
        "request": request,
        "response": response,
        **more,
    }


def har(tmp_path: Path, *entries: object, name: str = "x.har") -> Path:
    path = tmp_path / name
    path.write_text(json.dumps({"log": {"version": "1.2", "entries": entries}}), encoding="utf-8")
    return path


def test_a_browsers_recording_is_read(tmp_path: Path) -> None:
    packed = base64.b64encode(b'{"balance": 3}').decode()
    first = {"status": 200, "headers": [{"name": "X", "value": "y"}], "content": {"size": 14, "text": packed}}
    later = entry(startedDateTime="2026-11-21T11:00:01+01:00", response=first)
    first["content"] = {"size": 14, "mimeType": "application/json", "text": packed, "encoding": "base64"}
    blocked = entry(startedDateTime="2026-11-21T10:00:03", response={"status": 0, "_error": "net::ERR_ABORTED"})
    tapes = read_har(har(tmp_path, blocked, later, entry()))
    assert [round(tape.began_s, 6) for tape in tapes] == [0.0, 0.876544, 2.876544]
    assert [tape.number for tape in tapes] == [1, 2, 3]
    assert [tape.connection for tape in tapes] == [1, 1, 1]
    assert bytes(tapes[1].response_body.data) == b'{"balance": 3}'
    assert tapes[0].request_headers == (("authorization", f"Bearer {KEY}"),)
    assert tapes[0].first_byte_s == pytest.approx(0.010)
    assert tapes[2].trouble is not None
    assert "net::ERR_ABORTED" in tapes[2].trouble.says


def test_a_browsers_recording_is_judged_without_its_key(tmp_path: Path) -> None:
    body = {"mimeType": "application/json", "text": json.dumps({**JOB, "n": 7})}
    request = {
        "method": "POST",
        "url": f"https://reapi.ai/api/v1/images/generations?k={KEY}",
        "headers": [{"name": "Authorization", "value": f"Bearer {KEY}"}],
        "postData": body,
    }
    result = invoke("reapi", har(tmp_path, entry(), entry(request=request)), "--out", tmp_path / "run")
    assert result.exit_code == 1
    assert {"reapi/client/requests", "reapi/client/key-in-url"} <= failures(tmp_path / "run")
    assert KEY not in result.output + (tmp_path / "run" / "run.jsonl").read_text(encoding="utf-8")


def form_entry(post: object) -> dict[str, Any]:
    headers = [{"name": "Content-Type", "value": "multipart/form-data; boundary=x"}]
    request = {"method": "POST", "url": "https://a/v1/images/edits", "headers": headers, "postData": post}
    return entry(request=request)


def test_forms_are_judged_by_their_parts_unless_files_are_left_out(tmp_path: Path) -> None:
    kind = "multipart/form-data; boundary=x"
    texts = [{"name": "prompt", "value": "a fox"}, {"name": "model", "value": "gpt-image-9"}]
    with_file = [*texts, {"name": "image", "fileName": "a.png", "contentType": "image/png"}]
    emptied = '--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n\r\n--x--\r\n'
    for post, is_judged in (
        ({"mimeType": kind, "params": texts}, True),
        ({"mimeType": kind, "params": with_file}, False),
        ({"mimeType": kind, "text": emptied}, False),
    ):
        out = tmp_path / str(len(list(tmp_path.iterdir())))
        invoke("apiyi", har(tmp_path, form_entry(post)), "--out", out)
        exchange = read_run(out).exchanges[1]
        assert bool(exchange.rules) is is_judged, exchange
        assert bool(exchange.note) is not is_judged


BROKEN = {
    "no JSON": ("{", "expected a HAR file, which is JSON, got"),
    "another JSON": ("[]", "expected a HAR file with a list at log.entries, got"),
    "no entries": ('{"log": {}}', "expected a HAR file with a list at log.entries, got"),
    "no object": ('{"log": {"entries": [1]}}', "expected an object at log.entries[0], got 1"),
}


@pytest.mark.parametrize(("text", "says"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_is_no_har_is_refused_with_one_sentence(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "x.har"
    path.write_text(text, encoding="utf-8")
    result = invoke("reapi", path, "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert says in result.stderr
    assert not (tmp_path / "run").exists()


NOT_BASE64 = {"status": 200, "headers": [{"name": "a", "value": "b"}], "content": {"text": "%", "encoding": "base64"}}
WRONG = {
    "time": ({"startedDateTime": "yesterday"}, "expected a time such as 2026-11-21T10:00:00.000Z at log.entries[0]"),
    "no time": ({"startedDateTime": None}, "expected a text at log.entries[0].startedDateTime, got nothing"),
    "no request": ({"request": None}, "expected an object at log.entries[0].request, got nothing"),
    "no URL": ({"request": {"method": "GET", "url": "about:blank"}}, "expected a URL of HTTP at log.entries[0]"),
    "headers": (
        {"request": {"method": "GET", "url": "http://a/", "headers": [{"name": 1}]}},
        "expected a name and a value at log.entries[0].request.headers[0]",
    ),
    "duration": ({"time": "long"}, "expected a number at log.entries[0].time, got 'long'"),
    "base64": (
        {"response": NOT_BASE64},
        "expected base64 at log.entries[0].response.content.text",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "says"), WRONG.values(), ids=WRONG)
def test_a_wrong_entry_is_named_with_its_place(change: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(RecordingError) as caught:
        read_har(har(tmp_path, {**entry(), **change}))
    assert says in str(caught.value)


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(RecordingError) as caught:
        read_har(har(tmp_path, *[entry(time="x")] * 12, entry()))
    lines = str(caught.value).splitlines()
    assert len(lines) == 11
    assert lines[-1] == "and 2 more mistakes"


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ([], "no request was seen"),
        ([entry("https://example.com/app.js")] * 3, "none of 3 requests is for an operation of reapi"),
    ],
)
def test_a_recording_with_nothing_to_judge_is_no_pass(entries: list[object], says: str, tmp_path: Path) -> None:
    result = invoke("reapi", har(tmp_path, *entries), "--out", tmp_path / "run")
    assert result.exit_code == 4
    assert f"nothing was judged, which is no pass: {says}" in result.output


def test_mistakes_in_the_command_are_refused(tmp_path: Path) -> None:
    path = har(tmp_path, entry())
    swapped = invoke(path, "reapi")
    assert swapped.exit_code == 2
    assert "expected the contract first and then the recording: imageproof judge reapi" in swapped.stderr
    missing = invoke("reapi", tmp_path / "none.har")
    assert missing.exit_code == 2
    assert "that can't be read: No such file" in missing.stderr
    not_a_run = invoke("reapi", tmp_path)
    assert not_a_run.exit_code == 2
    assert "there is no" in not_a_run.stderr
