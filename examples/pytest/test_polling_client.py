"""A client that submits and polls. It sleeps by the clock that it is given, so its tests do not wait."""

import json
import time
from collections.abc import Callable
from urllib.request import Request, urlopen

import pytest

from imageproof.testing import ImageproofMock

pytestmark = pytest.mark.imageproof("reapi", clock="manual")


class FailedError(Exception):
    """The provider has given the job up."""


class Client:
    """The client under test."""

    def __init__(self, base_url: str, key: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self.base_url, self.key, self.sleep = base_url, key, sleep

    def draw(self, prompt: str) -> list[str]:
        """Draw a picture and give the addresses of the images. Raises FailedError."""
        task = self.send("/api/v1/images/generations", {"model": "gpt-image-2", "prompt": prompt})
        waited = 0
        while task["status"] == "processing":
            pause = 30 if waited == 0 else 4 if waited < 180 else 10
            self.sleep(pause)
            waited += pause
            task = self.send(f"/api/v1/tasks/{task['id']}")
        if task["status"] == "failed":
            raise FailedError(task["error"]["message"])
        return task["output"]["image_urls"]

    def send(self, path: str, body: dict | None = None) -> dict:
        """Send one request."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        data = json.dumps(body).encode() if body else None
        with urlopen(Request(self.base_url + path, data, headers), timeout=60) as answer:
            return json.load(answer)


@pytest.fixture
def client(imageproof_mock: ImageproofMock) -> Client:
    return Client(imageproof_mock.base_url, imageproof_mock.key, sleep=imageproof_mock.advance)


def test_it_waits_for_a_slow_picture(client: Client, imageproof_mock: ImageproofMock) -> None:
    imageproof_mock.scenario("slow: 95s")
    (url,) = client.draw("a lighthouse at dusk")
    assert url.endswith(".png")
    (submit,) = imageproof_mock.assert_called("submit", times=1)
    assert submit.json == {"model": "gpt-image-2", "prompt": "a lighthouse at dusk"}
    imageproof_mock.assert_polled_as_advised()
    imageproof_mock.assert_billed(usd=0.007)


def test_it_tells_its_caller_that_a_job_has_failed(client: Client, imageproof_mock: ImageproofMock) -> None:
    imageproof_mock.scenario("fail: upstream_failed")
    with pytest.raises(FailedError, match="provider_failed"):
        client.draw("a lighthouse at dusk")
    imageproof_mock.assert_called("submit", times=1)
    imageproof_mock.assert_billed(usd=0)
