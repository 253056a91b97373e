"""The stock SDK of OpenAI behind a small function, at a provider whose moderation refuses a prompt."""

import base64

import pytest
from openai import BadRequestError, OpenAI

from imageproof.testing import ImageproofMock

pytestmark = pytest.mark.imageproof("apiyi")


def draw(client: OpenAI, prompt: str) -> bytes | None:
    """The function under test: the picture, or None when the provider does not want to draw it."""
    try:
        answer = client.images.generate(model="gpt-image-2", prompt=prompt, size="1024x1024", timeout=360)
    except BadRequestError as error:
        if error.code == "moderation_blocked":
            return None
        raise
    return base64.b64decode(answer.data[0].b64_json.rpartition(",")[2])


@pytest.fixture
def client(imageproof_mock: ImageproofMock, monkeypatch: pytest.MonkeyPatch) -> OpenAI:
    for name, value in imageproof_mock.env().items():
        monkeypatch.setenv(name, value)
    return OpenAI()


def test_it_draws(client: OpenAI, imageproof_mock: ImageproofMock) -> None:
    picture = draw(client, "a lighthouse at dusk")
    assert picture is not None
    assert picture.startswith(b"\x89PNG")
    imageproof_mock.assert_called("generate", times=1)


def test_it_takes_no_for_an_answer(client: OpenAI, imageproof_mock: ImageproofMock) -> None:
    imageproof_mock.scenario("moderated")
    assert draw(client, "a lighthouse at dusk") is None
    (refused,) = imageproof_mock.assert_called("generate", times=1)  # and is not asked again
    assert refused.status == 400
    imageproof_mock.assert_billed(usd=0)
