"""Calls that a mock holds: made in a thread, so that the test moves the clock meanwhile. Nothing here sleeps."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import Future, wait
from time import monotonic
from typing import cast

import httpx2 as httpx
from PIL import Image

from imageproof import Mock, MockAccount
from imageproof.mock_server import powers

PATIENCE_S = 20.0
GENERATE = "/v1/images/generations"
BODY = {"model": "gpt-image-2", "prompt": "a red fox", "size": "1024x1024", "quality": "low"}
RELAYED = ("apiyi", "openai")
SMALLEST = "1280x512"  # 655,360 pixels, so that drawing takes no time


def held_until(account: MockAccount) -> float | None:
    """The time for which a call of the account is held, None when none is."""

    def next_wait() -> float | None:
        service = powers.service_named(account.mock.handler, account.provider)
        return powers.account_of(service, account.key).clock.next_wait()

    return account.mock.run(next_wait)


def until(is_so: Callable[[], bool]) -> None:
    """Ask until it is so; each question is a turn of the mock's loop, so work that is due gets done in between."""
    deadline = monotonic() + PATIENCE_S
    while not is_so():
        assert monotonic() < deadline, "the mock did not come to this"


def is_held(account: MockAccount, call: Future[httpx.Response]) -> float:
    """Wait for the moment from which the mock holds a call, and give the time for which it does."""
    deadline = monotonic() + PATIENCE_S
    while (when := held_until(account)) is None:
        assert monotonic() < deadline, "the mock did not hold the call"
        done, _ = wait([call], timeout=0.01)
        assert not done, call.result().text
    return when


def turn(mock: Mock) -> None:
    """Let the loop of the mock do what it has been told: a request of its own goes all the way round."""
    assert httpx.get(f"{mock.url}/__imageproof__/health").status_code == 200


def jumping(mock: Mock, provider: str = "apiyi") -> MockAccount:
    account = mock.account(provider)
    account.set(clock="jump")
    return account


def post(http_client: httpx.Client, **changes: object) -> httpx.Response:
    return http_client.post(GENERATE, json={**BODY, **changes})


def micro_usd(account: MockAccount) -> list[tuple[str, int]]:
    movements = cast("list[dict[str, float | str]]", account.ledger()["movements"])
    return [(str(move["kind"]), round(float(move["usd"]) * 1_000_000)) for move in movements]


def png(size: tuple[int, int]) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(out, "PNG")
    return out.getvalue()
