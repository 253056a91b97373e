"""Results as many bytes as photographs have: the model, files that stay valid, and every way in which they are sent."""

from __future__ import annotations

import base64
import io
import json
import zlib
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from typing import cast

import httpx2 as httpx
import pytest
from PIL import Image

from imageproof import Mock, MockAccount
from imageproof.mock_server.padding import (
    DENSITIES,
    FIRST_PREVIEW,
    JPEG_BLOCK,
    NOISE_BYTES,
    PNG_BLOCK,
    PNG_DENSITY,
    density,
    noise,
    padded,
    photo_bytes,
)
from imageproof.mock_server.picture import FORMATS, Format, Picture
from imageproof.mock_server.picture_plain import plain
from imageproof.mock_server.pictures import render
from imageproof.specs.forms import facts_of
from imageproof.specs.stamp import prompt_digest, read
from tests.mock_server.showing import ask, order, poll, ready, urls

FOX = Picture(width=320, height=512, format="png", task_id="task_00000000000000000000000000000001", prompt="a red fox")
MORE = [1, 12, 40, PNG_BLOCK, JPEG_BLOCK, 300_001, NOISE_BYTES + 3 * JPEG_BLOCK + 5, 3 * NOISE_BYTES]
SPARE = 36  # bytes above what was wanted: the smallest part that decoders pass over, and the header of webp


def opened(data: bytes) -> Image.Image:
    """The image, once two of the decoder's ways to read it have been content with it."""
    with Image.open(io.BytesIO(data)) as image:
        image.verify()
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("drawn", ["full", "plain"])
@pytest.mark.parametrize("more", MORE)
def test_a_padded_file_is_the_same_image(form: Format, drawn: str, more: int) -> None:
    picture = replace(FOX, format=form)
    small = plain(picture) if drawn == "plain" else render(picture)
    large = padded(small, form, len(small) + more)
    assert len(small) + more <= len(large) <= len(small) + more + SPARE
    assert opened(large).tobytes() == opened(small).tobytes()
    before, after = facts_of(small, "image"), facts_of(large, "image")
    assert replace(after, size=0) == replace(before, size=0)
    assert after.size == len(large)
    stamp = read(large)
    assert stamp is not None
    assert (stamp.task_id, stamp.prompt_digest) == (FOX.task_id, prompt_digest(FOX.prompt))


@pytest.mark.parametrize("form", ["png", "webp"])
def test_a_transparent_image_stays_transparent(form: Format) -> None:
    small = plain(replace(FOX, format=form, transparent=True))
    image = opened(padded(small, form, 200_000))
    assert image.tobytes() == opened(small).tobytes()
    assert image.getchannel("A").getextrema()[0] == 0


def test_a_webp_file_says_how_long_it_is_and_that_it_is_an_extended_one() -> None:
    small = plain(replace(FOX, format="webp"))
    large = padded(small, "webp", 100_001)
    assert (small[12:16], large[12:16]) == (b"VP8 ", b"VP8X")
    assert int.from_bytes(large[4:8], "little") == len(large) - 8
    assert len(large) % 2 == 0


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_that_is_cut_in_the_middle_has_lost_pixels(form: Format) -> None:
    large = padded(render(replace(FOX, format=form)), form, 400_000)
    with pytest.raises((OSError, SyntaxError)):
        opened(large[: len(large) // 2])


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_makes_a_padded_file_smaller(form: Format) -> None:
    small = plain(replace(FOX, format=form))
    large = padded(small, form, 1_500_000)
    assert len(zlib.compress(large, 9)) > 0.98 * (len(large) - len(small))
    assert padded(small, form, 1_500_000) == large


def test_the_noise_is_the_same_everywhere() -> None:
    assert len(noise()) == NOISE_BYTES
    assert sha256(noise()).hexdigest() == "fd325a15bd8691178a2968f28b51f94ad93df6b3db5991f075e428df31898023"


def test_a_file_that_is_large_enough_is_left_alone() -> None:
    small = plain(FOX)
    assert padded(small, "png", len(small)) is small
    assert padded(small, "png", 0) is small


# the model


@pytest.mark.parametrize("form", ["jpeg", "webp"])
def test_better_quality_takes_more_bytes(form: Format) -> None:
    curve = [density(form, quality) for quality in range(101)]
    assert curve == sorted(set(curve))
    assert all(density(form, quality) == value for quality, value in DENSITIES[form])
    assert density(form) == density(form, 85)


def test_a_png_has_one_density_whatever_the_quality_and_the_others_have_less() -> None:
    assert density("png") == density("png", 10) == PNG_DENSITY
    assert density("png") > density("jpeg", 100) > density("webp", 100)


def test_previews_become_larger_and_never_as_large_as_the_finished_image() -> None:
    sizes = [photo_bytes(1000, 1000, "png", stage=stage) for stage in (0, 1, 2, 3, 9)]
    whole = photo_bytes(1000, 1000, "png")
    assert sizes[0] == FIRST_PREVIEW * whole
    assert sizes == sorted(sizes)
    assert sizes[-1] < whole == 1_650_000


# on the wire


@pytest.fixture(scope="module")
def heavy() -> Iterator[Mock]:
    """A mock whose results are as large as photographs."""
    with Mock("reapi", "toapis", "openai", clock="jump", pictures="plain", payload="photo") as running:
        yield running


def is_near(size: int, width: int, height: int, form: Format, quality: int | None = None) -> bool:
    wanted = photo_bytes(width, height, form, quality=quality)
    return abs(size - wanted) <= 0.02 * wanted


def generated(account: MockAccount, **changes: object) -> httpx.Response:
    body = {"model": "gpt-image-2", "prompt": "a red fox", "size": "1024x1024", **changes}
    answer = httpx.post(f"{account.base_url}/v1/images/generations", json=body, headers=account.headers, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer


def test_an_image_by_its_url_is_as_large_as_a_photograph(heavy: Mock) -> None:
    account = heavy.account("reapi")
    task, (url,) = ready(account)
    heard = ask(account, url)
    image = opened(heard.body)
    assert is_near(len(heard.body), image.width, image.height, "png")
    assert int(heard.head["content-length"]) == len(heard.body) > 1_000_000
    assert ask(account, url).body == heard.body
    stamp = read(heard.body)
    assert stamp is not None
    assert stamp.task_id == task
    (truth,) = account.truths()
    assert truth["images"] == [sha256(heard.body).hexdigest()]


def test_an_image_in_the_answer_of_a_poll_is_as_large(heavy: Mock) -> None:
    account = heavy.account("toapis")
    body = {"model": "gpt-image-2", "prompt": "a red fox", "size": "1024x1024", "response_format": "b64_json"}
    answer = httpx.post(f"{account.base_url}/v1/images/generations", json=body, headers=account.headers, timeout=20)
    assert answer.status_code == 200, answer.text
    account.advance("10m")
    task = answer.json()["id"]
    seen = httpx.get(f"{account.base_url}/v1/images/generations/{task}", headers=account.headers, timeout=20).json()
    data = base64.b64decode(seen["result"]["data"][0]["b64_json"])
    image = opened(data)
    assert is_near(len(data), image.width, image.height, "png")


@pytest.mark.parametrize(("form", "quality"), [("png", None), ("jpeg", 40), ("jpeg", 100), ("webp", 40), ("webp", 100)])
def test_an_image_of_a_held_call_is_as_large_as_its_format_and_quality_make_it(
    heavy: Mock, form: Format, quality: int | None
) -> None:
    extra = {} if quality is None else {"output_compression": quality}
    answer = generated(heavy.account("openai"), output_format=form, n=2, **extra).json()
    for item in answer["data"]:
        data = base64.b64decode(item["b64_json"])
        assert opened(data).format == form.upper()
        assert is_near(len(data), 1024, 1024, form, quality)


def test_the_images_of_a_stream_grow(heavy: Mock) -> None:
    text = generated(heavy.account("openai"), stream=True, partial_images=3).text
    events = [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]
    images = [base64.b64decode(cast("str", event["b64_json"])) for event in events]
    sizes = [len(image) for image in images]
    assert [opened(image).size for image in images] == [(1024, 1024)] * 4
    assert sizes == sorted(set(sizes))
    assert is_near(sizes[-1], 1024, 1024, "png")
    assert round(sizes[0] / sizes[-1], 2) == FIRST_PREVIEW
    stamps = [read(image) for image in images]
    assert [stamp.stage for stamp in stamps if stamp is not None] == [0, 1, 2, None]


def test_an_image_that_is_broken_on_purpose_is_as_large_as_its_own_size(heavy: Mock) -> None:
    account = heavy.account("reapi")
    account.fault("{result: size}")
    _, (url,) = ready(account)
    small, right = ask(account, url).body, ask(account, url).body
    assert opened(small).size != opened(right).size
    assert is_near(len(small), *opened(small).size, "png")


def test_images_are_as_they_were_drawn_unless_asked_otherwise(failing: Mock) -> None:
    account = failing.account("reapi")
    _, (url,) = ready(account)
    assert len(ask(account, url).body) < 50_000


def test_a_payload_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="expected payload to be drawn or photo, got 'huge'"):
        Mock("reapi", payload="huge")  # type: ignore[arg-type]


def test_a_swapped_image_is_still_seen(heavy: Mock) -> None:
    account = heavy.account("reapi")
    account.fault("{result: foreign}")
    task = order(account)
    account.advance("10m")
    (url,) = urls(poll(account, task))
    wrong, right = read(ask(account, url).body), read(ask(account, url).body)
    assert wrong is not None
    assert right is not None
    assert (wrong.task_id == task, right.task_id == task) == (False, True)
