"""A client on aiohttp that is told to come back later, and does. Its sleep is that of the provider's clock."""

from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest

from imageproof.testing import AsyncImageproofMock

pytestmark = [pytest.mark.anyio, pytest.mark.imageproof("toapis", clock="manual")]  # or pytest.mark.asyncio
TOO_MANY = 429


class Client:
    """The client under test."""

    def __init__(self, session: aiohttp.ClientSession, sleep: Callable[[float], Awaitable[None]]) -> None:
        self.session, self.sleep = session, sleep

    async def submit(self, prompt: str) -> str:
        """Order a picture and give the id of the task; when there are too many requests, try again twice."""
        body = {"model": "gpt-image-2", "prompt": prompt, "size": "1024x1024"}
        for pause in (1, 2, 0):
            async with self.session.post("v1/images/generations", json=body) as answer:
                if answer.status != TOO_MANY or not pause:
                    answer.raise_for_status()
                    return (await answer.json())["id"]
                told = answer.headers.get("Retry-After")
            await self.sleep(float(told or pause))
        raise AssertionError


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def client(imageproof_mock_async: AsyncImageproofMock) -> AsyncIterator[Client]:
    mock = imageproof_mock_async
    async with aiohttp.ClientSession(f"{mock.base_url}/", headers=mock.headers) as session:
        yield Client(session, sleep=mock.advance)


async def test_it_comes_back_after_a_429(client: Client, imageproof_mock_async: AsyncImageproofMock) -> None:
    mock = imageproof_mock_async
    await mock.fault({"error": "rate_limited", "retry_after": 7, "on": "submit"})
    task = await client.submit("a lighthouse at dusk")
    first, second = await mock.assert_called("submit", times=2)
    assert (first.status, second.status) == (429, 200)
    assert second.at - first.at >= 7
    assert [known["id"] for known in await mock.tasks()] == [task]


async def test_it_gives_up_in_the_end(client: Client, imageproof_mock_async: AsyncImageproofMock) -> None:
    mock = imageproof_mock_async
    await mock.fault({"error": "rate_limited", "on": "submit", "times": "always"})
    with pytest.raises(aiohttp.ClientResponseError, match="429"):
        await client.submit("a lighthouse at dusk")
    await mock.assert_called("submit", times=3)
    await mock.assert_billed(usd=0)
