"""Edits: good images, masks and values are read as documented, bad ones are refused and cost nothing."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from collections.abc import Callable
from typing import cast

import httpx2 as httpx
import pytest
from PIL import Image

from imageproof import Mock, MockAccount
from tests.mock_server.held import SMALLEST, jumping, micro_usd

Client = Callable[[MockAccount], httpx.Client]
Part = tuple[str, tuple[str | None, bytes, str | None]]

EDIT = "/v1/images/edits"
FORM = {"model": "gpt-image-2", "prompt": "a red fox", "quality": "low", "size": SMALLEST}
RED, GREEN = (230, 10, 20), (10, 200, 30)


@pytest.fixture
def apiyi(mock: Mock) -> MockAccount:
    return jumping(mock)


@pytest.fixture
def openai(mock: Mock) -> MockAccount:
    return jumping(mock, "openai")


def picture(form: str = "PNG", *, size: tuple[int, int] = (64, 64), mode: str = "RGB", colour: object = RED) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, cast("tuple[int, ...]", colour)).save(out, form)
    return out.getvalue()


def mask(size: tuple[int, int] = (64, 64)) -> bytes:
    """The left half is to be painted anew."""
    image = Image.new("RGBA", size, (0, 0, 0, 255))
    image.paste((0, 0, 0, 0), (0, 0, size[0] // 2, size[1]))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def part(name: str, data: bytes, filename: str = "file.png") -> Part:
    return name, (filename, data, "application/octet-stream")


def edit(account: MockAccount, *files: Part, **fields: str | None) -> httpx.Response:
    texts = {name: value for name, value in {**FORM, **fields}.items() if value is not None}
    parts: list[Part] = [(name, (None, value.encode(), None)) for name, value in texts.items()]
    return httpx.post(f"{account.base_url}{EDIT}", files=[*parts, *files], headers=account.headers, timeout=30)


def rules(account: MockAccount) -> list[str]:
    """The rules that the last request broke, below the provider's edits with the model."""
    entry = cast("dict[str, list[str]]", account.journal()[-1])
    return [rule.removeprefix(f"{account.provider}/edit/gpt-image-2/") for rule in entry["rules"]]


def is_refused(account: MockAccount, answer: httpx.Response, code: str | None) -> bool:
    """Whether a request got a refusal of this code in the provider's envelope, and nothing was billed."""
    assert answer.status_code == 400, answer.text[:500]
    assert micro_usd(account) == []
    return cast("object", answer.json()["error"].get("code")) == code


# good forms


@pytest.mark.parametrize("name", ["image", "image[]"])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_images_are_taken_under_both_names_and_all_are_seen(apiyi: MockAccount, name: str, count: int) -> None:
    colours = [(20 + 40 * number, 200 - 40 * number, 77) for number in range(count)]
    answer = edit(apiyi, *(part(name, picture(colour=colour)) for colour in colours))
    assert answer.status_code == 200, answer.text[:500]
    assert answer.json()["usage"]["input_tokens_details"]["image_tokens"] == 1024 * count
    with Image.open(io.BytesIO(base64.b64decode(answer.json()["data"][0]["b64_json"]))) as image:
        seen = {colour for _, colour in image.convert("RGB").getcolors(1 << 24) or []}
    assert set(colours) <= seen


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_format_is_told_by_the_bytes_and_not_by_its_name(apiyi: MockAccount, form: str) -> None:
    assert edit(apiyi, part("image", picture(form), "a.gif")).status_code == 200


def test_a_mask_says_what_is_painted_anew(openai: MockAccount) -> None:
    square = (1024, 1024)
    answer = edit(openai, part("image", picture(size=square)), part("mask", mask(square)), size="1024x1024")
    with Image.open(io.BytesIO(base64.b64decode(answer.json()["data"][0]["b64_json"]))) as image:
        upper = image.convert("RGB").crop((0, 0, 1024, 512))
    kept, anew = (upper.crop((left, 0, left + 512, 512)).getcolors(1 << 24) or [] for left in (512, 0))
    assert [colour for _, colour in kept] == [RED]
    assert len(anew) > 1


def test_texts_are_read_as_the_types_of_their_fields(openai: MockAccount) -> None:
    answer = edit(
        openai, part("image", picture()), n="2", output_format="jpeg", output_compression="50", stream="false"
    )
    assert answer.status_code == 200, answer.text[:500]
    assert len(answer.json()["data"]) == 2
    streamed = edit(openai, part("image", picture()), stream="true", partial_images="1")
    assert streamed.headers["Content-Type"] == "text/event-stream"


def test_a_prompt_may_be_in_any_script_and_in_many_lines(apiyi: MockAccount) -> None:
    prompt = "一只红狐狸\r\nund ein \0 Fuchs 🦊"
    answer = edit(apiyi, part("image", picture()), prompt=prompt)
    assert answer.status_code == 200, answer.text[:500]
    assert apiyi.tasks()[0]["prompt"] == prompt


# bad values


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("n", "abc", "n/type"),
        ("n", "", "n/type"),
        ("n", "1.0", "n/type"),
        ("n", "01", "n/type"),
        ("n", "1e0", "n/type"),
        ("n", "٣", "n/type"),
        ("n", "0", "n/range"),
        ("n", "11", "n/range"),
        ("n", "99999999999999999999999", "n/type"),
        ("stream", "abc", "stream/type"),
        ("stream", "1", "stream/type"),
        ("stream", "", "stream/type"),
        ("partial_images", "4", "partial_images/range"),
        ("size", "1000x1000", "size/edge-multiple"),
    ],
)
def test_a_text_that_is_none_of_its_type_is_refused(openai: MockAccount, field: str, value: str, rule: str) -> None:
    answer = edit(openai, part("image", picture()), **{field: value})
    assert answer.json()["error"]["param"] == field
    assert is_refused(openai, answer, "invalid_value")
    assert rules(openai) == [rule]


def test_what_is_missing_is_named(apiyi: MockAccount) -> None:
    for answer, name in (
        (edit(apiyi), "image"),
        (edit(apiyi, part("image", picture()), prompt=None), "prompt"),
        (edit(apiyi, part("image", picture()), model=None), "model"),
    ):
        assert is_refused(apiyi, answer, "missing_required_parameter")
        assert answer.json()["error"]["param"] == name


def test_an_unknown_part_is_refused_where_unknown_fields_are(apiyi: MockAccount) -> None:
    assert is_refused(apiyi, edit(apiyi, part("image", picture()), part("extra", b"x")), "unknown_parameter")
    assert is_refused(apiyi, edit(apiyi, part("image", picture()), extra="x"), "unknown_parameter")


# bad files


def png_bomb() -> bytes:
    """A PNG of 66 bytes whose header promises 50,000 x 50,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 6, 0, 0, 0)
    pixels = zlib.compress(b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


BAD_FILES = {
    "gif": picture("GIF"),
    "text": b"this is no image",
    "empty": b"",
    "half a png": picture(size=(640, 640), colour=GREEN)[:60],
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "pdf": b"%PDF-1.7 ...",
    "bmp": picture("BMP"),
    "tiff": picture("TIFF"),
    "bomb": png_bomb(),
    "png signature alone": b"\x89PNG\r\n\x1a\n",
}


@pytest.mark.parametrize("kind", BAD_FILES)
@pytest.mark.parametrize("provider", ["apiyi", "openai"])
def test_a_file_that_is_no_image_of_a_known_format_is_refused(mock: Mock, provider: str, kind: str) -> None:
    account = jumping(mock, provider)
    answer = edit(account, part("image", picture()), part("image", BAD_FILES[kind]))
    assert is_refused(account, answer, "invalid_image_file")
    assert rules(account) == ["image/file-format"]


@pytest.mark.parametrize("kind", ["gif", "text", "empty", "bomb"])
def test_a_mask_that_is_no_image_is_refused(apiyi: MockAccount, kind: str) -> None:
    answer = edit(apiyi, part("image", picture()), part("mask", BAD_FILES[kind]))
    assert is_refused(apiyi, answer, "invalid_image_file")


def padded(size: int) -> bytes:
    """A PNG of exactly so many bytes: a chunk of text makes up the difference."""
    whole = picture()
    head, end = whole[:-12], whole[-12:]
    filler = bytes(size - len(whole) - 12)
    return head + struct.pack(">I4s", len(filler), b"zzZz") + filler + bytes(4) + end


@pytest.mark.parametrize(("size", "is_good"), [(49_999_999, True), (50_000_000, False)])
def test_a_file_is_smaller_than_fifty_megabytes(apiyi: MockAccount, size: int, *, is_good: bool) -> None:
    answer = edit(apiyi, part("image", padded(size)))
    if is_good:
        assert answer.status_code == 200, answer.text[:500]
    else:
        assert is_refused(apiyi, answer, "invalid_image_file")
        assert rules(apiyi) == ["image/file-bytes"]


def test_the_mask_of_openai_is_smaller_than_four_megabytes(openai: MockAccount) -> None:
    whole = mask()
    filler = bytes(4_000_000)
    big = whole[:-12] + struct.pack(">I4s", len(filler), b"zzZz") + filler + bytes(4) + whole[-12:]
    assert is_refused(openai, edit(openai, part("image", picture()), part("mask", big)), "invalid_image_file")


@pytest.mark.parametrize(("provider", "most"), [("apiyi", 5), ("openai", 16)])
def test_more_images_than_documented_are_refused(mock: Mock, provider: str, most: int) -> None:
    account = jumping(mock, provider)
    files = [part("image[]", picture())] * (most + 1)
    assert is_refused(account, edit(account, *files), "invalid_value")
    assert rules(account) == ["image/items"]
    assert edit(account, *files[1:]).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        pytest.param(picture(), "mask/file-alpha", id="without alpha"),
        pytest.param(mask((65, 64)), "mask/same-as", id="another size"),
        pytest.param(picture("WEBP", mode="RGBA", colour=(0, 0, 0, 9)), "mask/same-as", id="another format"),
    ],
)
def test_a_mask_that_does_not_fit_its_image_is_refused(apiyi: MockAccount, wrong: bytes, rule: str) -> None:
    answer = edit(apiyi, part("image", picture()), part("mask", wrong))
    assert is_refused(apiyi, answer, "invalid_image_file")
    assert rules(apiyi) == [rule]


def test_a_mask_is_compared_with_the_first_image_only(apiyi: MockAccount) -> None:
    first, second = picture(), picture(size=(90, 90))
    assert edit(apiyi, part("image[]", first), part("image[]", second), part("mask", mask())).status_code == 200
    answer = edit(apiyi, part("image[]", second), part("image[]", first), part("mask", mask()))
    assert answer.status_code == 400


def test_a_text_where_a_file_belongs_and_a_file_where_a_text_belongs_are_refused(apiyi: MockAccount) -> None:
    assert edit(apiyi, image="https://example.com/a.png").status_code == 400
    answer = edit(apiyi, part("image", picture()), part("prompt", b"a red fox", "prompt.txt"), prompt=None)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "prompt"
    assert micro_usd(apiyi) == []
