"""Another answer in place of the work, and the right answer with something wrong in it."""

from __future__ import annotations

import gzip
import json
from email.utils import parsedate_to_datetime
from time import time

import pytest

from imageproof import MockAccount
from tests.mock_server.held import until
from tests.mock_server.showing import (
    GENERATE,
    HELD,
    ORDER,
    POLL,
    SUBMIT,
    ask,
    faults,
    now,
    order,
    poll,
    request,
    shows,
    statuses,
    wire,
)


@shows("error")
def test_an_error_answer_is_the_provider_s_own(polled: MockAccount) -> None:
    polled.fault("{error: rate_limited, on: submit, times: 2}")
    for _ in range(2):
        heard = ask(polled, SUBMIT, ORDER)
        assert (heard.status, heard.json["error"]["code"], heard.head["retry-after"]) == (429, 50001, "1")  # type: ignore[index]
    assert ask(polled, SUBMIT, ORDER).status == 200
    assert faults(polled) == ["{error: rate_limited, on: submit, times: 2}"] * 2 + [None]
    assert len(polled.tasks()) == 1


@shows("error")
@pytest.mark.parametrize(
    ("wait", "told"), [("7", "7"), ("30s", "30"), ("absurd", "31536000"), ("garbage", "soon"), ("none", None)]
)
def test_retry_after_is_what_was_asked_for(polled: MockAccount, wait: str, told: str | None) -> None:
    polled.fault({"error": "rate_limited", "retry_after": wait})
    assert ask(polled, SUBMIT, ORDER).head.get("retry-after") == told


@shows("error")
def test_retry_after_is_a_date_ten_seconds_after_the_date_of_the_answer(polled: MockAccount) -> None:
    polled.fault("{error: internal, retry_after: date}")
    heard = ask(polled, SUBMIT, ORDER)
    assert heard.status == 500
    until, now = (parsedate_to_datetime(heard.head[name]).timestamp() for name in ("retry-after", "date"))
    assert until - now == 10
    assert abs(now - time()) <= 3


@shows("status")
@pytest.mark.parametrize(
    ("body", "kind", "begins"),
    [
        ("json", "application/json", b'{"error":{"code":60099'),
        ("html", "text/html", b"<!DOCTYPE html>"),
        ("text", "text/plain", b"502 Bad Gateway"),
        ("empty", "application/json", b""),
    ],
)
def test_a_status_comes_with_the_body_that_was_asked_for(
    polled: MockAccount, body: str, kind: str, begins: bytes
) -> None:
    task = order(polled)
    polled.fault({"status": 502, "body": body, "on": "poll"})
    heard = poll(polled, task)
    assert (heard.status, heard.head["content-type"]) == (502, kind)
    assert heard.body.startswith(begins)
    assert bool(heard.body) == bool(begins)
    assert poll(polled, task).status == 200


@shows("error_in_200")
def test_an_error_may_stand_in_a_good_answer(polled: MockAccount, holding: MockAccount) -> None:
    for account, path, body in ((polled, SUBMIT, ORDER), (holding, GENERATE, HELD)):
        account.fault("{error_in_200: internal}")
        heard = ask(account, path, body)
        assert heard.status == 200
        assert "error" in heard.json
        assert account.truths() == []
        assert ask(account, path, body).status == 200


@shows("json")
@pytest.mark.parametrize("how", ["truncated", "malformed", "charset", "duplicate", "list", "empty"])
def test_json_is_broken_in_each_way(polled: MockAccount, how: str) -> None:
    task = order(polled)
    polled.fault({"json": how, "on": "poll"})
    heard, right = poll(polled, task), poll(polled, task).json
    assert heard.status == 200
    assert int(heard.head["content-length"]) == len(heard.body)
    if how == "duplicate":
        assert json.loads(heard.body, object_pairs_hook=lambda pairs: pairs)[: len(right)] == [*right.items()]
        assert set(heard.json) == set(right)
        assert heard.json != right
    elif how == "list":
        assert json.loads(heard.body) == [right]
    else:
        with pytest.raises(ValueError):  # noqa: PT011  (of any kind: of JSON, of text)
            json.loads(heard.body)
    assert (heard.body == b"") == (how == "empty")


@shows("content_type")
def test_an_answer_comes_under_another_type(polled: MockAccount) -> None:
    polled.fault("{content_type: text/html; charset=utf-8}")
    heard = ask(polled, SUBMIT, ORDER)
    assert heard.head["content-type"] == "text/html; charset=utf-8"
    assert "id" in heard.json


@shows("gzip")
@pytest.mark.parametrize("how", ["good", "broken", "plain"])
def test_compression_is_as_good_as_it_is_asked_for(polled: MockAccount, how: str) -> None:
    polled.fault({"gzip": how})
    heard = ask(polled, SUBMIT, ORDER)
    assert heard.head["content-encoding"] == "gzip"
    assert int(heard.head["content-length"]) == len(heard.body)
    if how == "good":
        assert "id" in json.loads(gzip.decompress(heard.body))
    else:
        with pytest.raises((EOFError, gzip.BadGzipFile)):
            gzip.decompress(heard.body)


@shows("field")
@pytest.mark.parametrize(
    ("do", "expected"),
    [
        ("drop", {"status": "processing"}),
        ("null", {"status": "processing", "id": None}),
        ("retype", {"status": "processing", "id": ["task"]}),
        ("add", {"status": "processing", "id": "task", "imageproof_unknown": {"new": True}}),
    ],
)
def test_a_field_is_changed(polled: MockAccount, do: str, expected: dict[str, object]) -> None:
    task = order(polled)
    polled.fault({"field": {"path": "id", "do": do}, "on": "poll"})
    got = json.loads(poll(polled, task).body.replace(task.encode(), b"task"))
    assert {
        name: value for name, value in got.items() if name not in ("model", "created_at", "output", "error")
    } == expected
    assert poll(polled, task).json["id"] == task


@shows("field")
def test_a_field_that_is_not_there_yet_is_waited_for(polled: MockAccount) -> None:
    task = order(polled)
    polled.fault("{field: {path: output.image_urls.0, do: drop}, on: poll}")
    polled.fault("{field: {path: output.image_urls, do: retype}, on: poll}")
    assert poll(polled, task).json["output"] is None
    polled.advance("10m")
    assert isinstance(poll(polled, task).json["output"]["image_urls"], dict)  # type: ignore[index]
    assert faults(polled)[-2:] == [None, "{field: {path: output.image_urls, do: retype}, on: poll}"]


@shows("field")
def test_fields_of_each_item_of_a_list_are_changed(holding: MockAccount) -> None:
    holding.fault("{field: {path: data.b64_json, do: drop}, on: generate}")
    data = ask(holding, GENERATE, HELD).json["data"]
    assert isinstance(data, list)
    assert all("b64_json" not in item for item in data)


@shows("skew")
def test_the_provider_s_clock_is_ahead(polled: MockAccount, holding: MockAccount) -> None:
    polled.fault("{skew: 1h, times: always}")
    heard = ask(polled, SUBMIT, ORDER)
    assert heard.json["created_at"] == int(now(polled)) + 3600
    assert 3590 < parsedate_to_datetime(heard.head["date"]).timestamp() - time() < 3610
    holding.fault("{skew: 1h}")
    began = now(holding)
    heard = ask(holding, GENERATE, HELD)
    assert heard.json["created"] == int(began) + 40 + 3600
    assert faults(holding) == ["{skew: 3600s}"]


@shows("lost")
@pytest.mark.parametrize("how", ["reset", "silent", "gateway"])
def test_the_work_is_done_and_billed_but_its_answer_lost(polled: MockAccount, holding: MockAccount, how: str) -> None:
    for account, path, body in ((polled, SUBMIT, ORDER), (holding, GENERATE, HELD)):
        account.fault({"lost": how})
        if how == "silent":
            heard = silent(account, path, body)
            assert heard == b""
        else:
            heard_ = ask(account, path, body, to_the_end=how == "reset")
            assert (heard_.status, heard_.ended) == ((0, "reset") if how == "reset" else (504, "open"))
        (truth,) = account.truths()
        assert (truth["was_lost"], truth["succeeded"], truth["entry"]) == (True, True, 1)
        assert int(str(truth["micro_usd"])) > 0
        assert faults(account) == ["{lost: " + how + "}"]


def silent(account: MockAccount, path: str, body: object) -> bytes:
    """What a client hears that gives up once the mock has done the work."""
    with wire(account, timeout_s=0.05) as connection:
        connection.sendall(request(account, path, body))
        until(lambda: bool(account.journal()))
        with pytest.raises(TimeoutError):
            connection.recv(1)
    return b""


@shows("state")
def test_a_running_task_is_in_a_state_that_nobody_knows(polled: MockAccount) -> None:
    task = order(polled)
    polled.fault("{state: reviewing, times: 2}")
    assert [poll(polled, task).json["status"] for _ in range(3)] == ["reviewing", "reviewing", "processing"]
    polled.fault("{state: reviewing}")
    polled.advance("10m")
    assert poll(polled, task).json["status"] == "completed"


def test_two_faults_strike_one_answer(polled: MockAccount) -> None:
    task = order(polled)
    polled.fault("{status: 502, body: html, on: poll}")
    polled.fault("{content_type: application/json, on: poll}")
    polled.fault("{gzip: good, on: poll}")
    heard = poll(polled, task)
    assert (heard.status, heard.head["content-type"]) == (502, "application/json")
    assert gzip.decompress(heard.body).startswith(b"<!DOCTYPE")
    assert statuses(polled) == [200, 502]
    assert str(faults(polled)[-1]).count("; ") == 2


def test_faults_strike_only_where_they_are_meant_to(polled: MockAccount) -> None:
    polled.fault("{status: 502, on: balance, model: gpt-image-2}")
    polled.fault("{status: 503, on: poll, model: gpt-image-2, after: 1}")
    task = order(polled)
    assert ask(polled, "/api/v1/balance").status == 200
    assert [poll(polled, task).status for _ in range(3)] == [200, 503, 200]
    assert ask(polled, POLL + "task_0").status == 404
