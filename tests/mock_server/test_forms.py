"""Multipart forms that are none: the provider's own refusal, never a 500, never a hang, nothing billed."""

from __future__ import annotations

import http.client

import httpx2 as httpx
import pytest

from imageproof import Mock, MockAccount
from tests.mock_server.held import SMALLEST, jumping, micro_usd, png

EDIT = "/v1/images/edits"
FORM = {"model": "gpt-image-2", "prompt": "a red fox", "quality": "low", "size": SMALLEST}


@pytest.fixture
def apiyi(mock: Mock) -> MockAccount:
    return jumping(mock)


@pytest.fixture
def openai(mock: Mock) -> MockAccount:
    return jumping(mock, "openai")


HEAD = b'--edge\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
IMAGE = b'--edge\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n%b\r\n' % png((64, 64))
FIELDS = b"".join(HEAD % (name.encode(), value.encode()) for name, value in FORM.items())
GOOD = FIELDS + IMAGE + b"--edge--\r\n"
WITH_EDGE = "multipart/form-data; boundary=edge"


def raw(account: MockAccount, body: bytes, kind: str | None = WITH_EDGE) -> httpx.Response:
    headers = {**account.headers, **({"Content-Type": kind} if kind else {})}
    return httpx.post(f"{account.base_url}{EDIT}", content=body, headers=headers, timeout=30)


def test_the_form_that_the_next_tests_break_is_good(apiyi: MockAccount) -> None:
    assert raw(apiyi, GOOD).status_code == 200


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(GOOD[: len(GOOD) // 2], WITH_EDGE, id="half"),
        pytest.param(GOOD[:-10], WITH_EDGE, id="no last boundary"),
        pytest.param(FIELDS, WITH_EDGE, id="no file and no end"),
        pytest.param(b"", WITH_EDGE, id="empty"),
        pytest.param(b"--edge--\r\n", WITH_EDGE, id="no parts"),
        pytest.param(b"rubbish", WITH_EDGE, id="rubbish"),
        pytest.param(b"\x00" * 1000, WITH_EDGE, id="null bytes"),
        pytest.param(GOOD, "multipart/form-data", id="no boundary"),
        pytest.param(GOOD, "multipart/form-data; boundary=", id="an empty boundary"),
        pytest.param(GOOD, "multipart/form-data; boundary=other", id="another boundary"),
        pytest.param(GOOD, "multipart/form-data; boundary=" + "e" * 5000, id="a long boundary"),
        pytest.param(GOOD, "multipart/mixed; boundary=edge", id="another kind of multipart"),
        pytest.param(GOOD, "application/json", id="it says JSON"),
        pytest.param(GOOD, None, id="it says nothing"),
        pytest.param(b'{"model": "gpt-image-2", "prompt": "x"}', "application/json", id="JSON"),
        pytest.param(
            b"--edge\r\nContent-Disposition: form-data\r\n\r\nx\r\n" + GOOD, WITH_EDGE, id="a part without a name"
        ),
        pytest.param(b"--edge\r\n\r\nx\r\n" + GOOD, WITH_EDGE, id="a part without headers"),
        pytest.param(b"--edge\r\nno colon\r\n\r\nx\r\n" + GOOD, WITH_EDGE, id="a header without a colon"),
        pytest.param(
            b"".join(HEAD % (b"f%d" % number, b"x") for number in range(2000)) + GOOD, WITH_EDGE, id="2,000 parts"
        ),
        pytest.param(HEAD % (b"prompt", "füchse".encode("latin-1")) + GOOD, WITH_EDGE, id="a text in Latin-1"),
        pytest.param(HEAD % (b"user", b"\xff\xfe") + GOOD, WITH_EDGE, id="a text that is no text"),
        pytest.param(
            b'--edge\r\nContent-Disposition: form-data; name="a"\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n'
            b"--in\r\n\r\nx\r\n--in--\r\n\r\n" + GOOD,
            WITH_EDGE,
            id="a multipart in a part",
        ),
        pytest.param(
            b'--edge\r\nContent-Disposition: form-data; name="a"\r\nX: ' + b"a" * 100_000 + b"\r\n\r\nx\r\n" + GOOD,
            WITH_EDGE,
            id="a part with a long header",
        ),
    ],
)
def test_a_form_that_is_none_is_refused_in_the_words_of_the_provider(
    apiyi: MockAccount, body: bytes, kind: str | None
) -> None:
    answer = raw(apiyi, body, kind)
    assert answer.status_code == 400, answer.text[:500]
    assert set(answer.json()) == {"error"}
    assert answer.json()["error"]["message"]
    assert micro_usd(apiyi) == []
    assert raw(apiyi, GOOD).status_code == 200


@pytest.mark.parametrize("length", [b"99999999", b"0", b"abc"])
def test_a_part_ends_at_its_boundary_whatever_it_says_of_its_length(openai: MockAccount, length: bytes) -> None:
    body = b'--edge\r\nContent-Disposition: form-data; name="n"\r\nContent-Length: %b\r\n\r\n2\r\n' % length
    assert len(raw(openai, body + GOOD).json()["data"]) == 2


def test_a_field_that_is_sent_twice_has_its_last_value(openai: MockAccount) -> None:
    body = HEAD % (b"n", b"7") + FIELDS + HEAD % (b"n", b"2") + IMAGE + b"--edge--\r\n"
    assert len(raw(openai, body).json()["data"]) == 2


def test_a_form_over_the_limit_of_the_mock_is_refused_by_its_announcement(apiyi: MockAccount) -> None:
    connection = http.client.HTTPConnection(apiyi.mock.url.removeprefix("http://"), timeout=20)
    connection.putrequest("POST", f"/apiyi{EDIT}")
    for name, value in {**apiyi.headers, "Content-Type": WITH_EDGE, "Content-Length": 200 << 20}.items():
        connection.putheader(name, str(value))
    connection.endheaders(GOOD)
    answer = connection.getresponse()
    assert answer.status == 413
    assert b"at most" in answer.read()
    connection.close()
    assert micro_usd(apiyi) == []
