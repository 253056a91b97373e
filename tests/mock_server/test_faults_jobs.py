"""Jobs that get stuck, fail, vanish, flip; results that are not there; call backs that go wrong."""

from __future__ import annotations

from hashlib import sha256
from typing import cast

import pytest

from imageproof import Mock, MockAccount
from tests.mock_server.held import held_until, micro_usd, until
from tests.mock_server.receiver import Receiver, is_signed, told
from tests.mock_server.showing import (
    GENERATE,
    HELD,
    ask,
    faults,
    journal,
    now,
    order,
    poll,
    ready,
    request,
    shows,
    statuses,
    urls,
    wire,
)

TOAPIS = "/v1/images/generations"
PROMPT = {"model": "gpt-image-2", "prompt": "[[queue: 5s]] [[slow: 20s]] a red fox"}


@pytest.fixture
def called(failing: Mock, receiver: Receiver) -> MockAccount:
    """An account at a provider that calls back, whose clock goes on by itself."""
    account = failing.account("toapis")
    told(account, receiver)
    return account


def fetch(account: MockAccount, url: str) -> tuple[int, bytes]:
    heard = ask(account, url)
    return heard.status, heard.body


@shows("stuck")
@pytest.mark.parametrize(("how", "state"), [("waiting", "queued"), ("running", "in_progress")])
def test_a_task_never_leaves_a_state(failing: Mock, how: str, state: str) -> None:
    account = failing.account("toapis")
    account.fault({"stuck": how})
    task = str(ask(account, TOAPIS, PROMPT).json["id"])
    account.advance("1000d")
    assert ask(account, f"{TOAPIS}/{task}").json["status"] == state
    (truth,) = account.truths()
    assert (truth["ended"], truth["succeeded"], truth["images"]) == (None, False, [])
    account.finish(task)
    assert ask(account, f"{TOAPIS}/{task}").json["status"] == "completed"


@shows("stuck")
def test_a_held_call_never_ends(holding: MockAccount) -> None:
    holding.fault("{stuck: running}")
    with wire(holding, timeout_s=0.05) as connection:
        connection.sendall(request(holding, GENERATE, HELD))
        until(lambda: bool(holding.truths()))
        with pytest.raises(TimeoutError):
            connection.recv(1)
    until(lambda: statuses(holding) == [0])
    assert holding.truths()[0]["succeeded"] is False
    assert faults(holding) == ["{stuck: running}"]


@shows("fail")
def test_a_task_ends_with_the_failure_that_was_asked_for_and_costs_nothing(polled: MockAccount) -> None:
    polled.fault("{fail: any, times: 1}")
    polled.fault("{fail: upstream_timeout, after: 1, times: 1}")
    tasks = [order(polled) for _ in range(3)]
    polled.advance("10m")
    heard = [poll(polled, task).json for task in tasks]
    assert [item["status"] for item in heard] == ["failed", "failed", "completed"]
    assert [cast("dict[str, object]", item["error"])["code"] for item in heard[:2]] == [80001, 80002]
    assert [truth["micro_usd"] for truth in polled.truths()] == [0, 0, 7000]
    assert faults(polled)[:3] == ["{fail: any, times: 1}", "{fail: upstream_timeout, times: 1, after: 1}", None]


@shows("fail")
def test_a_held_call_answers_with_a_failure(holding: MockAccount) -> None:
    holding.fault("{fail: any}")
    heard = ask(holding, GENERATE, HELD)
    assert heard.status >= 400
    assert micro_usd(holding) == []
    (truth,) = holding.truths()
    assert (truth["succeeded"], truth["micro_usd"], truth["images"], truth["entry"]) == (False, 0, [], 1)


@shows("vanishes", "hidden")
def test_a_task_is_found_neither_too_early_nor_too_late(polled: MockAccount) -> None:
    polled.fault("{hidden: 2s}")
    polled.fault("{vanishes: 20s}")
    task = order(polled)
    seen = []
    for _ in range(4):
        seen.append(poll(polled, task).status)
        polled.advance(7 if len(seen) > 1 else 2)
    seen.append(poll(polled, task).status)
    assert seen == [404, 200, 200, 200, 404]
    assert [faults(polled)[index] for index in (1, 2, 5)] == ["{hidden: 2s}", None, "{vanishes: 20s}"]


@shows("no_result", "fewer")
@pytest.mark.parametrize(("fault", "count"), [("{no_result: true}", 0), ("{fewer: true}", 2)])
def test_fewer_images_come_than_were_asked_for(polled: MockAccount, fault: str, count: int) -> None:
    polled.fault(fault)
    _, found = ready(polled, model="gpt-image-2-official", n=3)
    assert len(found) == count
    (truth,) = polled.truths()
    assert len(cast("list[str]", truth["images"])) == count
    assert truth["succeeded"] is True


@shows("no_result")
@pytest.mark.parametrize("provider", ["reapi", "xingchaoyiqing", "apiyi", "openai"])
def test_each_provider_can_say_that_it_is_done_and_show_nothing(failing: Mock, provider: str) -> None:
    account = failing.account(provider)
    account.set(clock="jump")
    account.fault("{no_result: true}")
    if provider in ("apiyi", "openai"):
        heard = ask(account, GENERATE, HELD)
        assert (heard.status, heard.json["data"]) == (200, [])
        return
    shown: dict[str, tuple[str, str, object]] = {
        "reapi": ("/api/v1/images/generations", "/api/v1/tasks/", {"image_urls": []}),
        "xingchaoyiqing": ("/v1/image2/images", "/v1/result/", None),
    }
    path, polls, images = shown[provider]
    task = str(ask(account, path, {"model": "gpt-image-2", "prompt": "[[instant]] a red fox"}).json["id"])
    told_ = ask(account, polls + task).json
    assert told_["status"] in ("completed", "succeeded", "success")
    assert told_.get("output", told_.get("image_url")) == images


@shows("flips")
def test_a_later_poll_leads_to_another_result(polled: MockAccount) -> None:
    polled.fault("{flips: true}")
    task, first = ready(polled)
    second, third = urls(poll(polled, task)), urls(poll(polled, task))
    assert first != second == third
    images = [fetch(polled, url[0])[1] for url in (first, second)]
    assert images[0] != images[1]
    (truth,) = polled.truths()
    assert truth["images"] == [sha256(images[0]).hexdigest()]
    assert [fault for fault in faults(polled) if fault] == ["{flips: true}"] * 3
    assert len(polled.tasks()) == 1


@shows("flips")
def test_a_result_in_the_answer_flips_too(failing: Mock) -> None:
    account = failing.account("toapis")
    account.fault("{flips: true}")
    task = str(ask(account, TOAPIS, {**PROMPT, "response_format": "b64_json"}).json["id"])
    account.advance("10m")
    first, second = (ask(account, f"{TOAPIS}/{task}").json["result"] for _ in range(2))
    assert first != second


@shows("goes_back")
def test_a_state_goes_back_once(failing: Mock) -> None:
    account = failing.account("toapis")
    account.fault("{goes_back: true}")
    task = str(ask(account, TOAPIS, PROMPT).json["id"])
    account.advance("6s")
    states = [ask(account, f"{TOAPIS}/{task}").json["status"] for _ in range(4)]
    assert states == ["in_progress", "queued", "in_progress", "in_progress"]


def test_where_nobody_tells_of_waiting_nothing_goes_back(polled: MockAccount) -> None:
    polled.fault("{goes_back: true}")
    task = order(polled)
    assert [poll(polled, task).json["status"] for _ in range(3)] == ["processing"] * 3
    assert set(faults(polled)) == {None}


@shows("late_detail")
def test_the_reason_of_a_failure_comes_later(polled: MockAccount) -> None:
    polled.fault("{fail: upstream_failed}")
    polled.fault("{late_detail: true}")
    task = order(polled)
    polled.advance("10m")
    first, second = (poll(polled, task).json for _ in range(2))
    assert first["status"] == second["status"] == "failed"
    assert first["error"] == {"code": None, "message": None}
    assert second["error"] == {"code": 80003, "message": "provider_failed"}


@shows("unreadable")
def test_a_result_can_be_fetched_only_some_time_after_the_end(polled: MockAccount) -> None:
    polled.fault("{unreadable: 3s}")
    task = order(polled, prompt="[[slow: 20s]] a red fox")
    polled.advance("21s")
    (url,) = urls(poll(polled, task))
    assert fetch(polled, url)[0] == 404
    polled.advance("3s")
    assert fetch(polled, url)[0] == 200
    assert faults(polled)[-2:] == ["{unreadable: 3s}", None]


@shows("lifetime")
def test_a_result_can_be_fetched_only_so_long_as_its_answer_says(failing: Mock) -> None:
    account = failing.account("toapis")
    account.fault("{lifetime: 10m}")
    task = str(ask(account, TOAPIS, PROMPT).json["id"])
    account.advance("26s")
    told = ask(account, f"{TOAPIS}/{task}").json
    assert cast("int", told["expires_at"]) - cast("int", told["completed_at"]) == 600
    (url,) = (str(entry["url"]) for entry in cast("dict[str, list[dict[str, object]]]", told["result"])["data"])
    account.advance("9m")
    assert fetch(account, url)[0] == 200
    account.advance("61s")
    assert fetch(account, url)[0] >= 400
    assert faults(account)[-3:] == ["{lifetime: 600s}", None, "{lifetime: 600s}"]


# call backs


@shows("webhook")
@pytest.mark.parametrize("how", ["unsigned", "duplicated", "reordered", "late"])
def test_call_backs_go_wrong(called: MockAccount, receiver: Receiver, how: str) -> None:
    called.fault({"webhook": how})
    began = now(called)
    task = str(ask(called, TOAPIS, PROMPT).json["id"])
    until(lambda: held_until(called) is not None)
    called.advance("25s")
    if how == "late":
        until(lambda: held_until(called) == began + 25 + 600)
        assert receiver.is_quiet()
        called.advance("10m")
    first = receiver.next()
    assert first.data["task_id"] == task
    assert is_signed(first) == (how != "unsigned")
    if how in ("duplicated", "reordered"):
        second = receiver.next()
        assert is_signed(second)
        if how == "duplicated":
            assert second.raw == first.raw
        else:
            assert (second.data["status"], first.data["status"]) == ("in_progress", "completed")
            assert int(str(second.body["created_at"])) < int(str(first.body["created_at"]))
    assert faults(called) == ["{webhook: " + how + "}"]


@shows("webhook")
def test_somebody_else_calls_back_before_the_end(called: MockAccount, receiver: Receiver) -> None:
    called.fault("{webhook: forged}")
    task = str(ask(called, TOAPIS, PROMPT).json["id"])
    until(lambda: held_until(called) is not None)
    called.advance("2s")
    forged = receiver.next()
    assert (forged.data["task_id"], forged.data["status"], is_signed(forged)) == (task, "failed", False)
    assert ask(called, f"{TOAPIS}/{task}").json["status"] == "queued"
    until(lambda: held_until(called) is not None)
    called.advance("23s")
    true = receiver.next()
    assert (true.data["task_id"], true.data["status"], is_signed(true)) == (task, "completed", True)


@shows("webhook")
def test_a_call_back_never_comes(called: MockAccount, receiver: Receiver) -> None:
    called.fault("{webhook: never, times: 1}")
    for _ in range(2):
        ask(called, TOAPIS, PROMPT)
    until(lambda: held_until(called) is not None)
    called.advance("1h")
    second = str(journal(called)[1]["task"])
    assert receiver.next().data["task_id"] == second
    assert receiver.is_quiet()
