"""What a test asks of its account: calls, money, time, and asserts whose messages can be read."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator

import httpx2 as httpx
import pytest

from imageproof import Mock
from imageproof.mock_server.powers import PowerError
from imageproof.testing import AsyncImageproofMock, Call, ImageproofMock
from imageproof.testing.breaches import Breach, breaches_of, without
from imageproof.testing.table import BODY, MOST_CALLS, bodies, table

BODY_OF_ALL = {"model": "gpt-image-2", "prompt": "a red fox"}


@pytest.fixture
def server() -> Iterator[Mock]:
    with Mock("reapi", "apiyi", clock="manual") as running:
        yield running


@pytest.fixture
def mock(server: Mock) -> ImageproofMock:
    return ImageproofMock(server.account("reapi"))


def submit(mock: ImageproofMock, **fields: object) -> str:
    url = f"{mock.base_url}/api/v1/images/generations"
    answer = httpx.post(url, json={**BODY_OF_ALL, **fields}, headers=mock.headers)
    return str(answer.json().get("id"))


def poll(mock: ImageproofMock, task: str) -> str:
    return str(httpx.get(f"{mock.base_url}/api/v1/tasks/{task}", headers=mock.headers).json()["status"])


def test_calls_tell_what_was_sent_when_and_what_came_back(mock: ImageproofMock) -> None:
    task = submit(mock, n=1)
    mock.advance("30s")
    assert poll(mock, task) == "processing"
    mock.advance(65)
    mock.advance_to_next()
    first, second = mock.calls()
    assert (first.number, first.operation, first.method, first.status, first.at) == (1, "submit", "POST", 200, 0.0)
    assert first.json == {**BODY_OF_ALL, "n": 1}
    assert isinstance(first.answer, dict)
    assert first.answer["id"] == task == first.task == second.task
    assert (second.operation, second.path, second.at) == ("poll", f"/reapi/api/v1/tasks/{task}", 30.0)
    assert (second.json, second.text) == (None, "")
    assert second.headers["user-agent"].startswith("python-httpx")
    assert second.answer_headers["content-type"] == "application/json"
    assert first.ended <= second.began
    assert mock.calls("poll") == [second]
    assert mock.calls("balance") == []


def test_no_key_is_told(mock: ImageproofMock) -> None:
    submit(mock, prompt=f"my key is {mock.key}")
    httpx.get(f"{mock.base_url}/nothing/{mock.key}", headers=mock.headers)
    for call in mock.calls():
        assert mock.key not in repr(call)
    assert mock.key not in mock.story()
    assert mock.key not in repr(mock) + repr(AsyncImageproofMock(mock))


def test_an_operation_that_the_provider_lacks_is_refused_so_that_nothing_is_green_by_a_typo(
    mock: ImageproofMock,
) -> None:
    with pytest.raises(ValueError, match="reapi has no operation 'sumbit': did you mean 'submit'"):
        mock.assert_not_called("sumbit")
    with pytest.raises(ValueError, match="it has submit, poll, balance, download"):
        mock.calls("quux")


def test_assert_called_gives_the_calls_or_says_what_came_instead(mock: ImageproofMock) -> None:
    mock.assert_not_called("submit")
    with pytest.raises(AssertionError, match=r"to be called at least once, got never\n\n  no request has reached"):
        mock.assert_called("submit")
    submit(mock)
    (one,) = mock.assert_called("submit")
    assert one.operation == "submit"
    with pytest.raises(AssertionError) as caught:
        mock.assert_called("submit", times=2)
    first, empty, head, row = str(caught.value).splitlines()
    assert first == "expected submit to be called 2 times, got once"
    assert (empty, head.split()) == ("", ["#", "at", "operation", "request", "answer"])
    assert row.split()[:7] == ["1", "0.0", "s", "submit", "POST", "/reapi/api/v1/images/generations", "200"]
    with pytest.raises(AssertionError, match="expected submit to be called never, got once"):
        mock.assert_not_called("submit")


def test_money_is_exact(mock: ImageproofMock) -> None:
    mock.set(balance_usd=1)
    submit(mock)
    mock.assert_billed(usd=0.007)
    mock.assert_billed(micro_usd=7_000)
    assert (mock.balance_usd, mock.spent_usd) == (0.993, 0.007)
    with pytest.raises(AssertionError, match=r"expected 0\.010000 USD to be billed, got 0\.007000 USD"):
        mock.assert_billed(usd=0.01)
    for wrong in ({}, {"usd": 1.0, "micro_usd": 1_000_000}):
        with pytest.raises(TypeError, match="expected one amount"):
            mock.assert_billed(**wrong)  # type: ignore[arg-type]  # by name


def test_a_job_that_has_failed_is_not_billed(mock: ImageproofMock) -> None:
    mock.scenario("fail: upstream_failed; slow: 20s")
    submit(mock)
    assert mock.spent_usd == 0.007
    mock.advance("10m")
    mock.assert_billed(usd=0)
    assert [task["failure"] for task in mock.tasks()] == ["upstream_failed"]


def test_polls_are_judged_by_the_advice(server: Mock, mock: ImageproofMock) -> None:
    mock.scenario("slow: 60s")
    task = submit(mock)
    with pytest.raises(ValueError, match="there are no polls"):
        mock.assert_polled_as_advised()
    mock.advance("30s")
    for _ in range(3):
        poll(mock, task)
        mock.advance("4s")
    mock.assert_polled_as_advised()
    poll(mock, task)
    mock.advance("1s")
    poll(mock, task)
    with pytest.raises(AssertionError) as caught:
        mock.assert_polled_as_advised()
    said = str(caught.value)
    assert said.startswith("the client does not poll as advised\n  reapi/polling/cadence: expected 3 to 5 s after the ")
    assert (
        "a poll came 1.00 s after the poll before: early (waits in seconds: 30.000, 4.000, 4.000, 4.000, 1.000)" in said
    )
    assert " 42.0 s " in said
    with pytest.raises(ValueError, match="the documents of apiyi advise nothing about polls"):
        ImageproofMock(server.account("apiyi")).assert_polled_as_advised()


def test_polls_after_the_end_are_told(mock: ImageproofMock) -> None:
    mock.scenario("slow: 20s; queue: 0s")
    task = submit(mock)
    for _ in range(2):
        mock.advance("30s")
        assert poll(mock, task) == "completed"
    with pytest.raises(AssertionError, match="reapi/client/after-end: expected "):
        mock.assert_polled_as_advised()


def test_polls_that_move_the_clock_say_nothing(mock: ImageproofMock) -> None:
    mock.set(clock="jump")
    task = submit(mock)
    while poll(mock, task) == "processing":
        continue
    with pytest.raises(ValueError, match='mark the test with clock="manual"'):
        mock.assert_polled_as_advised()


def test_a_clock_that_runs_is_judged_by_itself(mock: ImageproofMock) -> None:
    mock.set(clock="real")
    mock.scenario("slow: 60s")
    task = submit(mock)
    poll(mock, task)
    poll(mock, task)
    with pytest.raises(AssertionError, match="a poll came 0"):
        mock.assert_polled_as_advised()


def test_faults_strike_and_stand_among_the_calls(mock: ImageproofMock) -> None:
    mock.fault({"error": "rate_limited", "on": "submit", "retry_after": 7})
    assert submit(mock) == "None"
    task = submit(mock)
    mock.fault("{reset: before, on: poll}")
    with pytest.raises(httpx.HTTPError):
        poll(mock, task)
    mock.set(faults=[])
    assert poll(mock, task) == "processing"
    first, second, lost, last = mock.calls()
    assert (first.status, first.answer_headers["retry-after"]) == (429, "7")
    assert "rate_limited" in first.fault
    assert (second.fault, lost.status, last.status) == ("", 0, 200)
    assert "reset" in lost.fault
    (row,) = [line for line in mock.story().splitlines() if line.startswith("  3 ")]
    assert "  none  " in row
    assert "fault: {reset: before" in row
    assert mock.unexplained() == ""
    with pytest.raises(PowerError, match="did you mean 'status'"):
        mock.fault({"statsu": 502})


def test_results_that_are_fetched_are_calls_too(mock: ImageproofMock) -> None:
    mock.scenario("instant")
    task = submit(mock)
    urls = httpx.get(f"{mock.base_url}/api/v1/tasks/{task}", headers=mock.headers).json()["output"]["image_urls"]
    assert httpx.get(urls[0]).status_code == 200
    mock.advance("1000d")
    assert httpx.get(urls[0]).status_code >= 400
    found = mock.assert_called("download", times=2)
    assert (found[0].status, found[0].answer_text) == (200, "")
    assert mock.unexplained() == ""


def test_time_is_that_of_the_provider(mock: ImageproofMock) -> None:
    before = mock.now()
    mock.advance("95s")
    mock.advance(5)
    assert mock.now() == pytest.approx(before + 100)
    with pytest.raises(PowerError, match="time never goes back"):
        mock.advance(-1)


def test_the_environment_points_a_program_at_the_mock(server: Mock, mock: ImageproofMock) -> None:
    assert mock.env() == {
        "IMAGEPROOF_BASE_URL": mock.base_url,
        "IMAGEPROOF_API_KEY": mock.key,
        "IMAGEPROOF_PROVIDER": "reapi",
    }
    other = ImageproofMock(server.account("apiyi"))
    assert other.env()["OPENAI_BASE_URL"] == f"{other.base_url}/v1"
    assert other.env()["OPENAI_API_KEY"] == other.key


def test_assert_no_violations_tells_all_of_them_whatever_is_allowed(mock: ImageproofMock) -> None:
    mock.allow_violations()
    mock.assert_no_violations()
    submit(mock, size="7:1", n=9)
    httpx.get(f"{mock.base_url}/elsewhere", headers=mock.headers)
    with pytest.raises(AssertionError) as caught:
        mock.assert_no_violations()
    said = str(caught.value)
    assert said.startswith("the client sent 2 requests that the contract of reapi does not allow\n")
    for name in ("reapi/submit/gpt-image-2/size/one-of: ", "reapi/submit/gpt-image-2/n/one-of: ", "  path: "):
        assert name in said
    assert mock.unexplained() == ""


def test_what_was_told_once_is_not_told_again(mock: ImageproofMock) -> None:
    submit(mock, n=9)
    assert "n/one-of" in mock.unexplained()
    assert mock.unexplained() == ""
    submit(mock, size="7:1")
    said = mock.unexplained()
    assert "size/one-of" in said
    assert "n/one-of" not in said


def test_strays_stand_among_the_calls_in_their_order(mock: ImageproofMock) -> None:
    submit(mock)
    mock.advance("10s")
    httpx.get(f"{mock.base_url}/api/v1/tasks/task_0", headers=mock.headers)
    httpx.delete(f"{mock.base_url}/api/v1/balance", headers=mock.headers)
    submit(mock)
    assert [(call.number, call.operation, call.status, call.at) for call in mock.calls()] == [
        (1, "submit", 200, 0.0),
        (2, "poll", 404, 10.0),
        (3, "", 405, 10.0),
        (4, "submit", 200, 10.0),
    ]


def test_strays_of_another_key_belong_to_it(server: Mock, mock: ImageproofMock) -> None:
    other = ImageproofMock(server.account("reapi"))
    submit(other)
    httpx.get(f"{other.base_url}/elsewhere", headers=other.headers)
    assert (len(other.calls()), mock.calls()) == (2, [])
    httpx.get(f"{other.base_url}/elsewhere")
    assert [call.note for call in mock.calls()] == ["path"]


def test_a_journal_that_has_dropped_something_counts_nothing_wrongly() -> None:
    with Mock("reapi", clock="manual", journal=3) as small:
        mock = ImageproofMock(small.account())
        for _ in range(4):
            submit(mock)
        with pytest.raises(LookupError, match="the journal keeps 3 requests"):
            mock.assert_called("submit", times=3)


def test_the_twin_does_the_same_without_blocking(mock: ImageproofMock) -> None:
    twin = AsyncImageproofMock(mock)

    async def use() -> list[Call]:
        await twin.set(balance_usd=1)
        await twin.scenario("slow: 95s")
        async with httpx.AsyncClient(headers=twin.headers) as http:
            await http.post(f"{twin.base_url}/api/v1/images/generations", json=BODY_OF_ALL)
        before = await twin.now()
        await twin.advance("5s")
        assert await twin.now() == pytest.approx(before + 5)
        await twin.advance_to_next()
        assert (await twin.balance_usd(), await twin.spent_usd()) == (0.993, 0.007)
        await twin.assert_billed(usd=0.007)
        await twin.assert_not_called("poll")
        await twin.assert_no_violations()
        assert len(await twin.tasks()) == 1
        with pytest.raises(AssertionError, match="expected poll to be called once, got never"):
            await twin.assert_called("poll", times=1)
        return await twin.calls("submit")

    assert asyncio.run(use()) == mock.calls()
    assert (twin.provider, twin.key, twin.base_url, twin.env()) == ("reapi", mock.key, mock.base_url, mock.env())


def test_the_twin_has_all_that_the_other_has() -> None:
    own = {"account", "spec", "violations", "unexplained", "story", "close", "allowed"}  # for the plugin
    assert {name for name in vars(ImageproofMock) if not name.startswith("_")} - own == {
        name for name in vars(AsyncImageproofMock) if not name.startswith("_")
    }


# the table


def a_call(number: int, **changes: object) -> Call:
    values: dict[str, object] = {
        "number": number, "operation": "submit", "method": "POST", "path": "/x", "status": 200, "at": float(number),
        "began": float(number), "ended": float(number), "headers": {}, "answer_headers": {}, **changes,
    }  # fmt: skip
    return Call(**values)  # type: ignore[arg-type]  # by name


def test_a_long_table_shows_the_first_and_the_last_calls() -> None:
    lines = table([a_call(number) for number in range(1, 101)]).splitlines()
    assert len(lines) == MOST_CALLS + 2
    assert lines[1].split()[0] == "1"
    assert lines[MOST_CALLS // 2 + 1] == "  ... 70 more ..."
    assert lines[-1].split()[0] == "100"


def test_bodies_are_those_of_the_last_that_were_refused_and_cut() -> None:
    picture = base64.b64encode(bytes(5_000)).decode()
    calls = [a_call(number, status=400 + number, text=picture, answer_text="no") for number in range(1, 6)]
    lines = bodies([*calls, a_call(6)]).splitlines()
    assert [line.split()[0] for line in lines if "#" in line] == ["#3", "#4", "#5"]
    assert max(len(line) for line in lines) < BODY + 20
    assert lines[-1] == "    answered 405 no"


def test_a_fault_of_the_mock_is_no_fault_of_the_client() -> None:
    refused = a_call(1, status=400, note="broken on purpose", fault="status: 400")
    assert breaches_of([refused], {}) == []
    assert "fault: status: 400" in table([refused])
    worse = a_call(2, status=400, fault="status: 400", rules=("a/b",))
    (breach,) = breaches_of([worse], {"a/b": "says so"})
    assert breach == Breach(call=worse, rule="a/b", says="says so")
    assert [without([breach], [allowed]) for allowed in ("a/*", "a/b", "a")] == [[], [], [breach]]
