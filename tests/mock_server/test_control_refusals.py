"""What makes no sense to the control API: 400, one sentence that helps, and nothing is changed."""

from __future__ import annotations

import httpx2 as httpx
import pytest

from imageproof import Mock, MockAccount


def control(mock: Mock, path: str) -> str:
    return f"{mock.url}/__imageproof__/{path}"


def is_one_sentence(answer: httpx.Response) -> str:
    """The sentence of a refusal: short, lower case, of one line."""
    body = answer.json()
    assert set(body) == {"error"}
    sentence = str(body["error"])
    assert 10 < len(sentence) < 400
    assert sentence[0].islower()
    assert "\n" not in sentence
    assert not sentence.endswith(".")
    return sentence


def unchanged(account: MockAccount) -> object:
    described = account.describe()
    return described, account.ledger()


SETTINGS = [
    ({"balance_us": 1}, "balance_usd"),
    ({"nothing like it": 1}, "balance_usd, balance_credits, limits"),
    ({"balance_usd": "5"}, "balance_usd"),
    ({"balance_usd": True}, "balance_usd"),
    ({"balance_usd": None}, "balance_usd"),
    ({"balance_credits": 1e300}, "balance_credits"),
    ({"balance_credits": [1]}, "balance_credits"),
    ({"limits": "some"}, "documented"),
    ({"limits": True}, "documented"),
    ({"limits": ["off"]}, "documented"),
    ({"clock": "fast"}, "60x"),
    ({"clock": "0x"}, "60x"),
    ({"clock": "-2x"}, "60x"),
    ({"clock": "1e5x"}, "60x"),
    ({"clock": "infx"}, "60x"),
    ({"clock": 60}, "60x"),
    ({"clock": None}, "60x"),
    ({"scenario": "slwo: 5s"}, "slow"),
    ({"scenario": "slow: soon"}, "soon"),
    ({"scenario": "status: 200"}, "200"),
    ({"scenario": ["slow: 5s"]}, "unknown trigger"),
    ({"scenario": 5}, "unknown trigger"),
    ({"webhook": "http://127.0.0.1/"}, "url"),
    ({"webhook": {}}, "url"),
    ({"webhook": {"url": "ftp://127.0.0.1/"}}, "url"),
    ({"webhook": {"url": 5}}, "url"),
    ({"balance_usd": 5, "limits": "documented", "webhook": 0}, "webhook"),
    ({"clock": "jump", "scenario": "slow: 1s", "limits": "on"}, "limits"),
]


@pytest.mark.parametrize(("settings", "named"), SETTINGS)
def test_a_setting_that_makes_no_sense_is_refused_and_nothing_is_set(
    reapi: MockAccount, settings: dict[str, object], named: str
) -> None:
    before = unchanged(reapi)
    answer = httpx.patch(control(reapi.mock, "reapi/account"), json=settings, headers=reapi.headers)
    assert answer.status_code == 400
    assert named in is_one_sentence(answer)
    assert unchanged(reapi) == before


STEPS = [
    {},
    {"advance": -1},
    {"advance": "-1s"},
    {"advance": "1 parsec"},
    {"advance": ""},
    {"advance": True},
    {"advance": None},
    {"advance": 1e300},
    {"advance": 1e10},
    {"advance": "9999999999999999d"},
    {"advance": ["1s"]},
    {"to": "end"},
    {"to": None},
    {"mode": "slow"},
    {"advanc": "1s"},
    {"advance": "1s", "mode": "x"},
    {"advance": "1s", "to": "end"},
    {"advance": "1s", "by": 1},
]


@pytest.mark.parametrize("order", STEPS)
@pytest.mark.parametrize("path", ["clock", "reapi/clock"])
def test_a_step_that_makes_no_sense_is_refused_and_no_clock_moves(
    reapi: MockAccount, path: str, order: dict[str, object]
) -> None:
    before = unchanged(reapi)
    answer = httpx.post(control(reapi.mock, path), json=order, headers=reapi.headers)
    assert answer.status_code == 400
    is_one_sentence(answer)
    assert unchanged(reapi) == before


@pytest.mark.parametrize(
    ("path", "order"),
    [
        ("tasks/task_unknown", {"do": "finish"}),
        ("tasks/", {"do": "finish"}),
        ("tasks/{id}", {}),
        ("tasks/{id}", {"do": "stop"}),
        ("tasks/{id}", {"do": ["finish"]}),
        ("tasks/{id}", {"do": "fail", "failure": "upstream_faild"}),
        ("tasks/{id}", {"do": "fail", "failure": 5}),
        ("tasks/{id}", {"do": "finish", "failure": "upstream_failed", "now": True}),
    ],
)
def test_a_task_is_not_moved_by_an_order_that_makes_no_sense(
    reapi: MockAccount, path: str, order: dict[str, object]
) -> None:
    body = {"model": "gpt-image-2", "prompt": "a red fox"}
    submit = f"{reapi.base_url}/api/v1/images/generations"
    task_id = httpx.post(submit, json=body, headers=reapi.headers).json()["id"]
    url = control(reapi.mock, f"reapi/{path.replace('{id}', task_id)}")
    answer = httpx.post(url, json=order, headers=reapi.headers)
    assert answer.status_code == 400
    is_one_sentence(answer)
    assert reapi.tasks()[0]["phase"] == "running"


def test_a_task_of_somebody_else_is_not_moved(mock: Mock, reapi: MockAccount) -> None:
    body = {"model": "gpt-image-2", "prompt": "a red fox"}
    submit = f"{reapi.base_url}/api/v1/images/generations"
    task_id = httpx.post(submit, json=body, headers=reapi.headers).json()["id"]
    url = control(mock, f"reapi/tasks/{task_id}")
    answer = httpx.post(url, json={"do": "finish"}, headers=mock.account("reapi").headers)
    assert answer.status_code == 400
    assert reapi.tasks()[0]["phase"] == "running"


@pytest.mark.parametrize(
    ("path", "named"),
    [("reap/account", "reapi"), ("OpenAI/journal", "openai"), ("zzz/clock", "toapis"), ("/account", "reapi")],
)
def test_a_provider_that_is_not_served_is_answered_with_the_nearest(reapi: MockAccount, path: str, named: str) -> None:
    answer = httpx.get(control(reapi.mock, path), headers=reapi.headers)
    assert answer.status_code == 400
    assert named in is_one_sentence(answer)


@pytest.mark.parametrize("path", ["account", "journal", "ledger", "tasks", "clock"])
def test_without_a_key_or_with_one_of_another_form_there_is_no_account(mock: Mock, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer sk-of-another-form"}, {"Authorization": ""}):
        answer = httpx.get(control(mock, f"reapi/{path}"), headers=headers)
        assert answer.status_code == 400
        assert "key" in is_one_sentence(answer)


@pytest.mark.parametrize(
    "body",
    [b"not json", b"[]", b'"text"', b"null", b'{"balance_usd": NaN}', b'{"balance_usd": 1e999}', b"\xff", b"{"],
)
def test_what_is_no_json_object_is_refused(reapi: MockAccount, body: bytes) -> None:
    before = unchanged(reapi)
    answer = httpx.patch(control(reapi.mock, "reapi/account"), content=body, headers=reapi.headers)
    assert answer.status_code == 400
    is_one_sentence(answer)
    assert unchanged(reapi) == before


def test_a_huge_order_is_refused_while_it_arrives(reapi: MockAccount) -> None:
    def endless() -> object:
        for _ in range(64):
            yield b" " * 65_536

    for content in (b" " * (2 << 20), endless()):
        answer = httpx.patch(
            control(reapi.mock, "reapi/account"),
            content=content,  # type: ignore[arg-type]
            headers=reapi.headers,
        )
        assert answer.status_code == 400
        assert "bytes" in is_one_sentence(answer)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "nothing"),
        ("DELETE", "reapi/account"),
        ("GET", "reapi/nothing"),
        ("POST", "health"),
        ("GET", "reapi"),
        ("GET", "clock"),
        ("POST", "reapi/journal"),
        ("GET", "%ff"),
    ],
)
def test_where_nothing_is_the_answer_says_where_to_look(reapi: MockAccount, method: str, path: str) -> None:
    answer = httpx.request(method, control(reapi.mock, path), headers=reapi.headers)
    assert answer.status_code in (400, 404)
    is_one_sentence(answer)
