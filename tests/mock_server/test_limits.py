"""Documented rate limits: who they apply to, how much they let through, and the headers that say so."""

from __future__ import annotations

import httpx2 as httpx
import pytest

from imageproof import Mock, MockAccount

START = 1_795_000_000
SUBMIT = "/v1/images/generations"


@pytest.fixture
def toapis(mock: Mock) -> MockAccount:
    return mock.account("toapis")


def post(account: MockAccount, prompt: str = "a red fox") -> httpx.Response:
    body = {"model": "gpt-image-2", "prompt": prompt}
    return httpx.post(f"{account.base_url}{SUBMIT}", json=body, headers=account.headers)


def test_the_limits_of_toapis_apply_to_a_limited_key_and_say_so_in_headers(mock: Mock, toapis: MockAccount) -> None:
    limited = mock.account("toapis", f"{toapis.key}_limited")
    answers = [post(limited, f"fox {number}") for number in range(51)]
    assert [answer.status_code for answer in answers] == [200] * 50 + [429]
    heads = [answer.headers for answer in answers]
    assert {head["X-RateLimit-Limit"] for head in heads} == {"300"}
    assert {head["X-RateLimit-Category"] for head in heads} == {"async_submit"}
    assert [int(head["X-RateLimit-Remaining"]) for head in heads] == [*range(49, -1, -1), 0]
    assert int(heads[0]["X-RateLimit-Reset"]) >= START
    assert answers[-1].json()["error"]["code"] == "rate_limit_exceeded"
    assert int(heads[-1]["Retry-After"]) == 1
    assert "Retry-After" not in heads[0]
    limited.advance(1)
    assert [post(limited, f"late {number}").status_code for number in range(6)] == [200] * 5 + [429]


def test_polls_have_a_limit_of_their_own(mock: Mock, toapis: MockAccount) -> None:
    limited = mock.account("toapis", f"{toapis.key}_limited")
    task_id = post(limited).json()["id"]
    answer = httpx.get(f"{limited.base_url}{SUBMIT}/{task_id}", headers=limited.headers)
    assert answer.headers["X-RateLimit-Limit"] == "3000"
    assert (answer.headers["X-RateLimit-Remaining"], answer.headers["X-RateLimit-Category"]) == ("499", "async_query")


def test_without_limits_there_are_no_headers_of_limits(toapis: MockAccount) -> None:
    answer = post(toapis)
    assert not [name for name in answer.headers if name.lower().startswith("x-ratelimit")]


def test_limits_can_be_set_and_lifted_for_one_account(toapis: MockAccount) -> None:
    toapis.set(limits="documented")
    assert "X-RateLimit-Limit" in post(toapis).headers
    toapis.set(limits="off")
    assert "X-RateLimit-Limit" not in post(toapis).headers
