"""What stands beside the images: uploads, balances and the list of models."""

from __future__ import annotations

import base64
import io
from typing import cast

import httpx2 as httpx
import pytest
from PIL import Image

from imageproof import Mock, MockAccount
from tests.mock_server.held import micro_usd, png

UPLOADS = "/v1/uploads/images"
SUBMIT = "/v1/images/generations"
RED, GREEN = (230, 10, 20), (10, 200, 30)
MOST = 10 * 1024 * 1024


@pytest.fixture
def toapis(mock: Mock) -> MockAccount:
    return mock.account("toapis")


def saved(form: str, colour: tuple[int, int, int] = RED) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (300, 300), colour).save(out, form)
    return out.getvalue()


def upload(account: MockAccount, data: bytes, name: str = "file", **fields: str) -> httpx.Response:
    return httpx.post(
        f"{account.base_url}{UPLOADS}",
        files={name: ("holiday.bin", data, "application/octet-stream")},
        data=fields,
        headers=account.headers,
        timeout=20,
    )


# uploads


@pytest.mark.parametrize(
    ("form", "kind"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp"), ("GIF", "image/gif")]
)
def test_an_upload_is_served_back_byte_for_byte(toapis: MockAccount, form: str, kind: str) -> None:
    data = saved(form)
    answer = upload(toapis, data, purpose="generation").json()
    assert (answer["success"], answer["message"]) == (True, "")
    assert set(answer["data"]) == {"id", "url", "mime_type", "size"}
    assert answer["data"]["id"].startswith("upload_")
    assert (answer["data"]["mime_type"], answer["data"]["size"]) == (kind, len(data))
    got = httpx.get(answer["data"]["url"])
    assert (got.status_code, got.headers["Content-Type"], got.content) == (200, kind, data)


def test_two_uploads_of_one_file_are_two(toapis: MockAccount) -> None:
    ids = {upload(toapis, saved("PNG")).json()["data"]["id"] for _ in range(2)}
    assert len(ids) == 2
    assert micro_usd(toapis) == []


@pytest.mark.parametrize("data", [b"", b"text", png((8, 8))[:40], b"%PDF-1.7"])
def test_what_is_no_image_is_refused_in_the_envelope_of_uploads(toapis: MockAccount, data: bytes) -> None:
    answer = upload(toapis, data)
    assert answer.status_code == 400
    message = "Unsupported image type. Allowed: JPEG, PNG, WebP, GIF"
    assert answer.json() == {"success": False, "message": message}


def padded(size: int) -> bytes:
    """A PNG of exactly so many bytes."""
    whole = png((8, 8))
    filler = bytes(size - len(whole) - 12)
    return whole[:-12] + len(filler).to_bytes(4, "big") + b"zzZz" + filler + bytes(4) + whole[-12:]


@pytest.mark.parametrize(("size", "status"), [(MOST, 200), (MOST + 1, 400)])
def test_an_upload_has_at_most_ten_megabytes(toapis: MockAccount, size: int, status: int) -> None:
    answer = upload(toapis, padded(size))
    assert answer.status_code == status
    if status == 400:
        assert answer.json() == {"success": False, "message": "Image too large. Maximum size is 10MB"}


def test_an_upload_without_a_file_or_without_a_form_is_refused(toapis: MockAccount) -> None:
    for answer in (
        upload(toapis, saved("PNG"), name="image"),
        httpx.post(f"{toapis.base_url}{UPLOADS}", json={}, headers=toapis.headers),
        httpx.post(f"{toapis.base_url}{UPLOADS}", files={"file": (None, "text")}, headers=toapis.headers),
    ):
        assert answer.status_code == 400
        assert answer.json()["success"] is False
        assert answer.json()["message"]


def test_an_upload_without_a_key_is_refused(toapis: MockAccount) -> None:
    answer = httpx.post(f"{toapis.base_url}{UPLOADS}", files={"file": ("a.png", saved("PNG"), "image/png")})
    assert answer.status_code == 401


def test_an_upload_that_nobody_made_is_not_there(toapis: MockAccount) -> None:
    url = upload(toapis, saved("PNG")).json()["data"]["url"]
    assert httpx.get(url.replace("upload_", "upload_x")).status_code == 404
    toapis.reset()
    assert httpx.get(url).status_code == 404


def test_an_uploaded_reference_shows_in_the_picture_and_one_that_is_only_named_does_not(toapis: MockAccount) -> None:
    named = "https://example.com/a.png"
    urls = [upload(toapis, saved("PNG", colour)).json()["data"]["url"] for colour in (RED, GREEN)]
    seen = []
    for field, references in (("reference_images", urls), ("image_urls", urls[:1]), ("reference_images", [named])):
        body = {"model": "gpt-image-2", "prompt": "[[instant]] a lamp", field: references}
        task_id = httpx.post(f"{toapis.base_url}{SUBMIT}", json=body, headers=toapis.headers).json()["id"]
        done = httpx.get(f"{toapis.base_url}{SUBMIT}/{task_id}", headers=toapis.headers).json()
        with Image.open(io.BytesIO(httpx.get(done["result"]["data"][0]["url"]).content)) as image:
            colours = {colour for _, colour in image.convert("RGB").getcolors(1 << 24) or []}
        seen.append((RED in colours, GREEN in colours))
    assert seen == [(True, True), (True, False), (False, False)]


def test_a_data_url_is_no_upload(toapis: MockAccount) -> None:
    text = "data:image/png;base64," + base64.b64encode(saved("PNG")).decode()
    body = {"model": "gpt-image-2", "prompt": "a lamp", "reference_images": [text]}
    answer = httpx.post(f"{toapis.base_url}{SUBMIT}", json=body, headers=toapis.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_reference_images")


@pytest.mark.parametrize("url", ["http://[", "https://[/__uploads__/x", "http://a?b=/__uploads__/x", "HTTP://\\#"])
def test_a_reference_that_no_url_parser_takes_does_not_break_the_job(toapis: MockAccount, url: str) -> None:
    body = {"model": "gpt-image-2", "prompt": "[[instant]] a lamp", "reference_images": [url]}
    task_id = httpx.post(f"{toapis.base_url}{SUBMIT}", json=body, headers=toapis.headers).json()["id"]
    done = httpx.get(f"{toapis.base_url}{SUBMIT}/{task_id}", headers=toapis.headers)
    assert (done.status_code, done.json()["status"]) == (200, "completed")


# balances


def balance(account: MockAccount, path: str) -> dict[str, object]:
    answer = httpx.get(f"{account.base_url}{path}", headers=account.headers)
    assert answer.status_code == 200
    return cast("dict[str, object]", answer.json())


@pytest.mark.parametrize("path", ["/v1/balance", "/v1/user/balance"])
def test_the_balance_of_toapis_counts_dollars_and_credits(toapis: MockAccount, path: str) -> None:
    toapis.set(balance_usd=1)
    fresh = {"success": True, "credits_per_usd": 200, "unlimited_quota": False}
    assert balance(toapis, path) == {
        **fresh,
        "remain_balance": 1.0,
        "used_balance": 0.0,
        "remain_credits": 200,
        "used_credits": 0,
    }
    for prompt in ("one", "two", "[[fail: upstream_failed]] three"):
        body = {"model": "gpt-image-2", "prompt": prompt}
        assert httpx.post(f"{toapis.base_url}{SUBMIT}", json=body, headers=toapis.headers).status_code == 200
    used = balance(toapis, path)
    assert (used["remain_credits"], used["used_credits"]) == (191, 9)
    toapis.advance("1h")
    used = balance(toapis, path)
    assert (used["remain_credits"], used["used_credits"], used["used_balance"]) == (194, 6, 0.03)


def test_without_money_nothing_is_taken(mock: Mock, toapis: MockAccount) -> None:
    toapis.set(balance_usd=0.02)
    body = {"model": "gpt-image-2", "prompt": "a red fox"}
    answers = [httpx.post(f"{toapis.base_url}{SUBMIT}", json=body, headers=toapis.headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 402]
    assert answers[1].json()["error"]["code"] == "insufficient_quota"
    broke = mock.account("toapis", f"{toapis.key}_nocredit")
    assert httpx.post(f"{broke.base_url}{SUBMIT}", json=body, headers=broke.headers).status_code == 402
    assert balance(broke, "/v1/balance")["remain_credits"] == 0


def test_the_balance_of_reapi_counts_credits(reapi: MockAccount) -> None:
    reapi.set(balance_credits=20)
    url = f"{reapi.base_url}/api/v1/images/generations"
    body = {"model": "gpt-image-2", "prompt": "a red fox", "size": "16:9", "resolution": "2k"}
    assert balance(reapi, "/api/v1/balance") == {"balance": 20}
    assert httpx.post(url, json=body, headers=reapi.headers).status_code == 200
    assert balance(reapi, "/api/v1/balance") == {"balance": 6}
    refused = httpx.post(url, json=body, headers=reapi.headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (402, 30001)
    assert balance(reapi, "/api/v1/balance") == {"balance": 6}


def test_whoever_asks_for_a_balance_has_a_key(reapi: MockAccount) -> None:
    assert httpx.get(f"{reapi.base_url}/api/v1/balance").json()["error"]["code"] == 10001


# models


def test_openai_lists_its_models(mock: Mock) -> None:
    account = mock.account("openai")
    listed = balance(account, "/v1/models")
    assert listed["object"] == "list"
    models = cast("list[dict[str, object]]", listed["data"])
    assert [model["id"] for model in models] == ["gpt-image-2", "gpt-image-1.5"]
    assert all((model["object"], model["owned_by"]) == ("model", "openai") for model in models)
    assert httpx.get(f"{mock.url}/apiyi/v1/models", headers=mock.account("apiyi").headers).status_code == 404
