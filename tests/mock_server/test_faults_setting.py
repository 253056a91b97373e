"""Every way in which faults come to an account, and what each of them says to nonsense."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx2 as httpx
import pytest

from imageproof import Mock, MockAccount
from imageproof.mock_server.powers import PowerError
from imageproof.specs.fault_base import FaultError
from imageproof.specs.library import load, shipped
from imageproof.specs.scenario_fits import fits
from imageproof.specs.scenario_reading import scenarios
from tests.mock_server.showing import (
    GENERATE,
    HELD,
    ORDER,
    POLL,
    SUBMIT,
    Heard,
    ask,
    faults,
    order,
    poll,
    ready,
    statuses,
)

NONSENSE = [
    ("{statuss: 502}", "did you mean 'status'"),
    ("{status: 200}", "expected a status from 400 to 599, got 200"),
    ("{status: 502, error: internal}", "exactly one thing"),
    ("{error: rate_limite}", "reapi has no error answer 'rate_limite': did you mean 'rate_limited'"),
    ("{error_in_200: nothing_of_the_kind}", "reapi has no error answer"),
    ("{fail: upstream_fail}", "reapi has no failure 'upstream_fail': did you mean 'upstream_failed'"),
    ("{refused: 5s}", "Mock.door()"),
    ("{slow: soon}", "expected a duration such as 30s"),
    ("{status: 502", "expected a fault such as {status: 502, on: poll}"),
    ("{status: 502, share: 2}", "expected share"),
    ("just words", "unknown word 'just words' in a fault"),
    ("", "expected a fault such as"),
    ("{content_type: " + "x" * 1001 + "}", "at most 1000 characters"),
]


def control(account: MockAccount, settings: dict[str, object]) -> httpx.Response:
    url = f"{account.mock.url}/__imageproof__/{account.provider}/account"
    return httpx.patch(url, json=settings, headers=account.headers)


@pytest.mark.parametrize(("text", "says"), NONSENSE)
def test_nonsense_is_refused_in_one_sentence_and_changes_nothing(polled: MockAccount, text: str, says: str) -> None:
    with pytest.raises(PowerError) as caught:
        polled.fault(text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(PowerError):
        polled.set(faults=["{status: 502}", text])
    answer = control(polled, {"faults": [text]})
    assert answer.status_code == 400
    assert says in answer.json()["error"]
    assert polled.describe()["faults"] == []
    assert ask(polled, SUBMIT, ORDER).status == 200


@pytest.mark.parametrize(("text", "says"), [pair for pair in NONSENSE if 0 < len(pair[0]) < 200])
def test_nonsense_in_a_header_or_a_prompt_is_refused_too(polled: MockAccount, text: str, says: str) -> None:
    spoken = ask(polled, SUBMIT, ORDER, cards=f"fault: {text}")
    written = ask(polled, SUBMIT, {**ORDER, "prompt": f"a fox [[fault: {text}]]"})
    for heard in (spoken, written):
        assert heard.status == 400
        assert says.replace('"', '\\"') in str(heard.json)
    assert polled.truths() == []


@pytest.mark.parametrize("faults_", [17, {"status": 502}, [17], ["{status: 502}", None], "status: 502"])
def test_what_is_no_list_of_faults_is_refused(polled: MockAccount, faults_: object) -> None:
    answer = control(polled, {"faults": faults_})
    assert answer.status_code == 400
    assert "expected" in answer.json()["error"]


def test_a_program_sets_faults_and_ends_them(polled: MockAccount) -> None:
    answer = control(polled, {"faults": [{"status": 502, "on": "submit", "times": "always"}, "{slow: 1s, on: poll}"]})
    assert [item["fault"] for item in answer.json()["faults"]] == [
        "{status: 502, on: submit, times: always}",
        "{slow: 1s, on: poll}",
    ]
    assert ask(polled, SUBMIT, ORDER).status == 502
    for nothing in ("[]", "null"):
        assert control(polled, {"faults": json.loads(nothing)}).json()["faults"] == []
        assert ask(polled, SUBMIT, ORDER).status == 200


def test_faults_add_up_in_python_and_a_reset_forgets_them(polled: MockAccount) -> None:
    polled.fault({"status": 502})
    polled.fault("status: 503")
    assert [ask(polled, SUBMIT, ORDER).status for _ in range(3)] == [502, 503, 200]
    polled.fault({"status": 500})
    polled.reset()
    assert ask(polled, SUBMIT, ORDER).status == 200


def by_prompt(account: MockAccount, text: str, prompt: str = "a fox") -> Heard:
    return ask(account, SUBMIT, {**ORDER, "prompt": f"{prompt} [[fault: {text}]]"})


def by_header(account: MockAccount, text: str, prompt: str = "a fox") -> Heard:
    return ask(account, SUBMIT, {**ORDER, "prompt": prompt}, cards=f"slow: 5s; fault: {text}")


@pytest.mark.parametrize("say", [by_prompt, by_header])
def test_a_fault_in_a_prompt_or_a_header_strikes_that_job_alone(polled: MockAccount, say: Callable[..., Heard]) -> None:
    assert [say(polled, "{status: 502, body: empty, times: 2}").status for _ in range(4)] == [502, 502, 200, 200]
    assert say(polled, "{status: 502, times: 1}", prompt="another fox").status == 502
    assert ask(polled, SUBMIT, ORDER).status == 200
    task = str(say(polled, "{status: 503, on: poll}").json["id"])
    other = order(polled)
    assert [poll(polled, name).status for name in (other, task, task)] == [200, 503, 200]


@pytest.mark.parametrize("say", [by_prompt, by_header])
def test_such_a_fault_follows_the_job_to_its_downloads(polled: MockAccount, say: Callable[..., Heard]) -> None:
    task = str(say(polled, "{result: html}").json["id"])
    _, (honest,) = ready(polled)
    (url,) = poll(polled, task).json["output"]["image_urls"]  # type: ignore[index]
    assert [ask(polled, link).head["content-type"] for link in (honest, url, url)] == [
        "image/png",
        "text/html",
        "image/png",
    ]


def test_faults_of_connections_come_by_prompt_as_well(polled: MockAccount, holding: MockAccount) -> None:
    assert by_prompt(polled, "{reset: during}").ended == "reset"
    assert by_prompt(polled, "{half_closed: true}").ended == "closed"
    assert by_prompt(polled, "{skew: 1h}").json["created_at"] == int(ready_at(polled)) + 3600
    held = ask(holding, GENERATE, {**HELD, "prompt": "[[instant]] [[fault: {lost: gateway}]] [[fault: {slow: 1s}]]"})
    assert held.status == 504
    assert faults(holding) == ["{lost: gateway}"]


def ready_at(account: MockAccount) -> float:
    return float(str(account.describe()["clock"]["now"]))  # type: ignore[index,call-overload]


def test_a_har_file_tells_what_struck_and_on_which_connection(polled: MockAccount) -> None:
    polled.fault("{status: 502}")
    assert [ask(polled, SUBMIT, ORDER).status for _ in range(2)] == [502, 200]
    first, second = json.loads(polled.har())["log"]["entries"]
    assert first["comment"] == "fault: {status: 502}"
    assert "comment" not in second
    assert first["connection"] != second["connection"]


def test_a_header_on_a_poll_strikes_that_poll(polled: MockAccount) -> None:
    task = order(polled)
    cards = "fault: {status: 502, times: 2}"
    assert [ask(polled, POLL + task, cards=cards).status for _ in range(3)] == [502, 502, 200]
    assert poll(polled, task).status == 200


def test_two_clients_race_for_a_fault_and_one_gets_it(polled: MockAccount) -> None:
    polled.fault("{status: 502, times: 3}")
    with ThreadPoolExecutor(8) as pool:
        got = sorted(heard.status for heard in pool.map(lambda _: ask(polled, SUBMIT, ORDER), range(16)))
    assert got == [200] * 13 + [502] * 3


# the mock's own


def test_faults_of_the_mock_strike_every_account_that_can_have_them() -> None:
    with Mock(
        "reapi", "openai", clock="manual", pictures="plain", faults=["{fail: upstream_timeout}", {"status": 502}]
    ) as mock:
        one, two = mock.account("reapi"), mock.account("openai")
        assert [ask(one, SUBMIT, ORDER).status for _ in range(2)] == [502, 200]
        assert ask(two, GENERATE, HELD).status == 502
        one.reset()
        assert ask(one, SUBMIT, ORDER).status == 502


def test_a_mock_that_can_not_have_its_faults_does_not_start() -> None:
    with pytest.raises(FaultError, match="reapi has no error answer"):
        Mock("reapi", faults=["{error: nothing_of_the_kind}"])
    with pytest.raises(FaultError, match="did you mean 'status'"):
        Mock("reapi", faults=["{statuss: 502}"])
    with pytest.raises(FaultError, match="no scenario is called 'plane'"):
        Mock("reapi", scenario="plane")
    with pytest.raises(FaultError, match="makes no sense for openai"):
        Mock("openai", scenario="vanishes")


def run(seed: int) -> list[object]:
    with Mock("reapi", clock="manual", seed=seed, pictures="plain") as mock:
        account = mock.account(key="rk_live_same")
        account.fault("{status: 502, share: 0.4, times: always}")
        for _ in range(30):
            ask(account, "/api/v1/balance")
        return statuses(account)


def test_a_run_repeats_with_its_seed() -> None:
    first = run(7)
    assert set(first) == {200, 502}
    assert run(7) == first
    assert run(8) != first


# scenarios


def test_every_shipped_scenario_plays_wherever_it_fits(failing: Mock) -> None:
    played = 0
    for provider in shipped():
        for scenario in scenarios():
            account = failing.account(provider)
            if fits(load(provider), scenario) is None:
                account.play(scenario)
                played += 1
            else:
                with pytest.raises(PowerError, match="makes no sense for"):
                    account.play(scenario)
    assert played > 100


def test_a_scenario_takes_the_place_of_what_was_set_before(polled: MockAccount) -> None:
    polled.fault("{status: 502}")
    polled.set(limits="documented")
    polled.play("vanishes")
    assert str(polled.describe()["faults"]).count("vanishes") == 1
    assert "502" not in str(polled.describe()["faults"])
    assert polled.describe()["limits"] == "off"
    task = order(polled)
    polled.advance("1d")
    assert poll(polled, task).status == 404


def test_a_scenario_is_named_in_every_way(polled: MockAccount) -> None:
    prompt = {**ORDER, "prompt": "a fox [[scenario: vanishes]]"}
    tasks = [str(ask(polled, SUBMIT, prompt).json["id"])]
    tasks.append(str(ask(polled, SUBMIT, ORDER, cards="scenario: vanishes").json["id"]))
    honest = order(polled)
    polled.advance("1d")
    assert [poll(polled, task).status for task in (*tasks, honest)] == [404, 404, 200]
    assert control(polled, {"scenario": "vanishes"}).status_code == 200
    task = order(polled)
    polled.advance("1d")
    assert poll(polled, task).status == 404


def test_a_mock_plays_a_scenario_on_every_account_that_it_fits() -> None:
    with Mock("reapi", "openai", clock="manual", pictures="plain", scenario="vanishes") as mock:
        account, other = mock.account("reapi"), mock.account("openai", "sk-demo-openai_instant")
        task = order(account)
        account.advance("1d")
        assert poll(account, task).status == 404
        assert other.describe()["faults"] == []
        assert ask(other, GENERATE, {**HELD, "prompt": "a fox"}).status == 200


@pytest.mark.parametrize(
    ("name", "says"),
    [("vanishs", "did you mean 'vanishes'"), ("streamed", "makes no sense for reapi"), ("", "expected the name")],
)
def test_an_unknown_scenario_is_refused(polled: MockAccount, name: str, says: str) -> None:
    heard = ask(polled, SUBMIT, {**ORDER, "prompt": f"a fox [[scenario: {name}]]"})
    assert heard.status == 400
    assert says in str(heard.json)
    if name:
        with pytest.raises(PowerError, match=says):
            polled.play(name)


def test_rate_limits_of_a_scenario_are_for_whole_accounts(failing: Mock) -> None:
    name, provider = next(
        (scenario.name, provider)
        for scenario in scenarios()
        for provider in ("openai", "apiyi")
        if scenario.limits and fits(load(provider), scenario) is None
    )
    account = failing.account(provider)
    heard = ask(account, GENERATE, {**HELD, "prompt": f"a fox [[scenario: {name}]]"})
    assert heard.status == 400
    assert "hold for a whole account" in str(heard.json)
    account.play(name)
    assert account.describe()["limits"] == "documented"
