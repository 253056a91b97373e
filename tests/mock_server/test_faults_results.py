"""Images that can't be fetched, are not the right ones, or come badly; and the journal of their fetching."""

from __future__ import annotations

import io
from hashlib import sha256

import pytest
from PIL import Image

from imageproof import MockAccount
from tests.mock_server.showing import Heard, ask, faults, journal, now, order, poll, ready, shows, urls


def opened(heard: Heard) -> Image.Image:
    image = Image.open(io.BytesIO(heard.body))
    image.load()
    return image


def test_the_journal_tells_of_downloads(polled: MockAccount) -> None:
    task, (url,) = ready(polled)
    heard = ask(polled, url)
    entry = journal(polled)[-1]
    assert (entry["operation"], entry["task"], entry["fault"]) == ("download", task, None)
    assert entry["response"]["status"] == 200  # type: ignore[index]
    assert entry["response"]["body"]["size"] == len(heard.body)  # type: ignore[index]
    (truth,) = polled.truths()
    assert truth["images"] == [sha256(heard.body).hexdigest()]
    assert (truth["task"], truth["entry"], truth["micro_usd"]) == (task, 1, 7000)
    assert float(str(truth["ended"])) > float(str(truth["began"]))


@shows("result")
@pytest.mark.parametrize(("how", "status"), [("missing", 404), ("forbidden", 403), ("expired", 404)])
def test_a_result_is_refused(polled: MockAccount, how: str, status: int) -> None:
    polled.fault({"result": how})
    _, (url,) = ready(polled)
    heard = ask(polled, url)
    assert (heard.status, heard.head["content-type"]) == (status, "application/json")
    assert ask(polled, url).status == 200
    assert faults(polled)[-2:] == ["{result: " + how + "}", None]


@shows("result")
def test_half_of_an_image_comes(polled: MockAccount) -> None:
    polled.fault("{result: truncated}")
    _, (url,) = ready(polled)
    half, whole = ask(polled, url), ask(polled, url)
    assert half.ended == "closed"
    assert int(half.head["content-length"]) == len(whole.body)
    assert half.body == whole.body[: len(whole.body) // 2]


@shows("result")
def test_a_page_comes_in_place_of_an_image(polled: MockAccount) -> None:
    polled.fault("{result: html}")
    _, (url,) = ready(polled)
    heard = ask(polled, url)
    assert (heard.status, heard.head["content-type"]) == (200, "text/html")
    assert heard.body.startswith(b"<!DOCTYPE html>")


@shows("result")
@pytest.mark.parametrize("how", ["format", "size", "foreign"])
def test_another_image_comes(polled: MockAccount, how: str) -> None:
    polled.fault({"result": how})
    _, (url,) = ready(polled)
    other, right = ask(polled, url), ask(polled, url)
    assert other.status == right.status == 200
    assert other.head["content-type"] == right.head["content-type"]
    assert other.body != right.body
    first, second = opened(other), opened(right)
    assert (first.format == second.format) == (how != "format")
    assert (first.size == second.size) == (how != "size")


@shows("status", "error", "reset", "content_length")
def test_what_goes_wrong_with_answers_goes_wrong_with_downloads(polled: MockAccount) -> None:
    for text in ("{status: 503, on: download}", "{error: rate_limited, on: download}", "{reset: before, on: download}"):
        polled.fault(text)
    polled.fault("{reset: during, on: download, after: 2}")  # one that is not answered is none to it
    polled.fault("{content_length: more, on: download, after: 3}")
    _, (url,) = ready(polled)
    heard = [ask(polled, url, to_the_end=number > 1) for number in range(5)]
    assert [(item.status, item.ended) for item in heard] == [
        (503, "open"),
        (429, "open"),
        (0, "reset"),
        (200, "reset"),
        (200, "closed"),
    ]


@shows("slow", "skew", "content_type")
def test_a_download_comes_late_and_looks_odd(polled: MockAccount) -> None:
    for text in ("{slow: 20s, on: download}", "{skew: 1h, on: download}", "{content_type: text/plain, on: download}"):
        polled.fault(text)
    _, (url,) = ready(polled)
    polled.set(clock="jump")
    began = now(polled)
    heard = ask(polled, url)
    assert heard.head["content-type"] == "text/plain"
    assert now(polled) == began + 20
    assert faults(polled)[-1] == (
        "{skew: 3600s, on: download}; {content_type: text/plain, on: download}; {slow: 20s, on: download}"
    )


def test_a_fault_of_one_model_leaves_downloads_of_others_alone(polled: MockAccount) -> None:
    polled.fault("{status: 503, on: download, model: gpt-image-2-official}")
    _, (url,) = ready(polled)
    assert ask(polled, url).status == 200


def test_what_is_not_finished_is_not_there_and_told_in_the_journal(polled: MockAccount) -> None:
    task = order(polled, prompt="[[slow: 1h]] a red fox")
    early = ask(polled, f"/media/tasks/{task.removeprefix('task_')}/0.png")
    assert early.status == 404
    entry = journal(polled)[-1]
    assert (entry["operation"], entry["task"]) == ("download", task)
    polled.advance("2h")
    assert urls(poll(polled, task))
