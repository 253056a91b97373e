"""One mock of all shipped specs for the whole session; every test gets accounts of its own, so they never meet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2 as httpx
import pytest

from imageproof import Mock, MockAccount
from tests.mock_server.receiver import Receiver, receiving

Client = Callable[[MockAccount], httpx.Client]


@pytest.fixture(scope="session")
def mock() -> Iterator[Mock]:
    """A mock whose clocks stand still until a test moves them."""
    with Mock(clock="manual", start=1_795_000_000.0) as running:
        yield running


@pytest.fixture
def reapi(mock: Mock) -> MockAccount:
    """A fresh account at the simplest of the providers with tasks."""
    return mock.account("reapi")


@pytest.fixture
def client() -> Iterator[Client]:
    """Make clients that are closed at the end of the test."""
    made: list[httpx.Client] = []

    def make(account: MockAccount) -> httpx.Client:
        made.append(httpx.Client(base_url=account.base_url, headers=account.headers, timeout=20))
        return made[-1]

    yield make
    for item in made:
        item.close()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads for calls that are held."""
    with ThreadPoolExecutor(4) as threads:
        yield threads


@pytest.fixture
def apiyi(mock: Mock) -> MockAccount:
    """A fresh account at a provider that holds its calls."""
    return mock.account("apiyi")


@pytest.fixture(scope="session")
def failing() -> Iterator[Mock]:
    """A mock for tests of faults: its pictures are drawn quickly, its clocks stand still."""
    with Mock(clock="manual", start=1_795_000_000.0, pictures="plain") as running:
        yield running


@pytest.fixture
def polled(failing: Mock) -> MockAccount:
    """A fresh account at a provider with tasks, which is about to fail."""
    return failing.account("reapi")


@pytest.fixture
def holding(failing: Mock) -> MockAccount:
    """A fresh account at a provider that holds its calls, whose clock goes on by itself."""
    account = failing.account("apiyi")
    account.set(clock="jump")
    return account


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Somebody to call back."""
    with receiving() as own:
        yield own
