"""The test card that makes a result as large as a ladder of payloads wants it: the same picture, padded."""

from __future__ import annotations

import base64

import httpx2 as httpx
import pytest

from imageproof import Mock
from imageproof.mock_server.triggers import TriggerError, read_word
from imageproof.specs.stamp import prompt_digest, read


@pytest.mark.parametrize(("text", "size"), [("100kB", 100_000), ("2MB", 2_000_000), ("1.5MB", 1_500_000)])
def test_an_image_in_base64_has_as_many_bytes_as_asked_for_and_its_own_pixels(text: str, size: int) -> None:
    prompt = f"a red fox [[bytes: {text}]]"
    with Mock("openai", clock="1000x", pictures="plain") as mock:
        account = mock.account()
        url = f"{account.base_url}/v1/images/generations"
        made = httpx.post(url, json={"model": "gpt-image-2", "prompt": prompt}, headers=account.headers, timeout=30)
    (image,) = made.json()["data"]
    data = base64.b64decode(image["b64_json"])
    stamp = read(data)

    assert abs(len(data) - size) < 16
    assert stamp is not None
    assert stamp.prompt_digest == prompt_digest(prompt)


def test_an_image_by_url_has_them_too() -> None:
    with Mock("reapi", clock="manual", pictures="plain") as mock:
        account = mock.account()
        body = {"model": "gpt-image-2", "prompt": "a red fox [[bytes: 1MB]] [[instant]]"}
        made = httpx.post(f"{account.base_url}/api/v1/images/generations", json=body, headers=account.headers).json()
        told = httpx.get(f"{account.base_url}/api/v1/tasks/{made['id']}", headers=account.headers).text
        url = next(part for part in told.split('"') if part.startswith("http"))
        data = httpx.get(url, timeout=30).content

    assert abs(len(data) - 1_000_000) < 16


@pytest.mark.parametrize("text", ["bytes: 5", "bytes: 0MB", "bytes: 500MB", "bytes", "bytes: much"])
def test_a_size_that_is_none_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(TriggerError, match=r"\[\[bytes: 5MB\]\]"):
        read_word(text)
