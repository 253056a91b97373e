"""The parts of the proxy that decide: heads and lengths, places, secrets, what upstreams may be called."""

import base64
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imageproof.proxy.asking import Asking, plain
from imageproof.proxy.http1 import (
    Framing,
    MalformedError,
    answer_framing,
    chunk_size,
    read_head,
    request_framing,
    request_line,
    stays_open,
)
from imageproof.proxy.places import Places
from imageproof.proxy.tape import JUDGED, Kept, Tape
from imageproof.proxy.upstream import read_upstream
from imageproof.proxy.vault import Vault
from imageproof.specs.library import load, shipped

REAPI = load("reapi")


def tape(url: str = "http://a/x", *headers: tuple[str, str], answered: tuple[tuple[str, str], ...] = ()) -> Tape:
    return Tape(
        number=1, connection=1, method="GET", url=url, began_s=0.0, request_headers=headers, response_headers=answered
    )


# heads


def head(*lines: str) -> bytes:
    return "\r\n".join((*lines, "", "")).encode()


def test_a_head_is_taken_apart_as_it_was_written() -> None:
    got = read_head(head("GET / HTTP/1.1", "A-b: 1", "a-B:2 ", "Folded: x", "  y", "Empty:"))
    assert got.headers == (("A-b", "1"), ("a-B", "2"), ("Folded", "x y"), ("Empty", ""))
    assert got.all("a-b") == ["1", "2"]


@pytest.mark.parametrize(
    ("lines", "method", "status", "framing"),
    [
        (("Content-Length: 5",), "GET", 200, 5),
        (("Content-Length: 5, 5",), "GET", 200, 5),
        (("Content-Length: 5",), "HEAD", 200, 0),
        (("Content-Length: 5",), "GET", 304, 0),
        (("Transfer-Encoding: gzip, Chunked", "Content-Length: 5"), "GET", 200, Framing.CHUNKED),
        (("Transfer-Encoding: gzip",), "GET", 200, Framing.UNTIL_CLOSE),
        ((), "GET", 200, Framing.UNTIL_CLOSE),
        ((), "GET", 204, 0),
    ],
)
def test_how_long_an_answer_is(lines: tuple[str, ...], method: str, status: int, framing: object) -> None:
    assert answer_framing(read_head(head("HTTP/1.1 200 OK", *lines)), status, method) == framing


def test_a_request_without_a_length_has_no_body() -> None:
    assert request_framing(read_head(head("GET / HTTP/1.1"))) == 0


@pytest.mark.parametrize("line", ["Content-Length: -1", "Content-Length: 5, 6", "Content-Length: ²"])
def test_a_length_that_is_none_is_malformed(line: str) -> None:
    with pytest.raises(MalformedError, match="expected one Content-Length"):
        request_framing(read_head(head("GET / HTTP/1.1", line)))


@given(st.binary(max_size=80))
def test_any_bytes_are_a_head_or_malformed(raw: bytes) -> None:
    said = "expected "
    try:
        got = read_head(raw + b"\r\n\r\n")
        assert got.raw.startswith(request_line(got).method.encode())
    except MalformedError as error:
        said = str(error)
    assert said.startswith("expected ")


@pytest.mark.parametrize(("line", "size"), [(b"0\r\n", 0), (b"1a;x=y\r\n", 26), (b"00FF \r\n", 255)])
def test_sizes_of_chunks(line: bytes, size: int) -> None:
    assert chunk_size(line) == size


@pytest.mark.parametrize("line", [b"\r\n", b"-1\r\n", b"xyz\r\n", b"1 2\r\n", b"f" * 20 + b"\r\n"])
def test_what_is_no_size_of_a_chunk(line: bytes) -> None:
    with pytest.raises(MalformedError, match="expected the size of a chunk"):
        chunk_size(line)


def test_when_a_connection_goes_on() -> None:
    assert stays_open(read_head(head("GET / HTTP/1.1")), is_old=False)
    assert not stays_open(read_head(head("GET / HTTP/1.1", "Connection: x, Close")), is_old=False)
    assert not stays_open(read_head(head("GET / HTTP/1.0")), is_old=True)
    assert stays_open(read_head(head("GET / HTTP/1.0", "Connection: keep-alive")), is_old=True)


# places


@pytest.mark.parametrize("name", shipped())
def test_every_operation_is_found_below_any_base(name: str) -> None:
    spec = load(name)
    places = Places(spec)
    for operation in spec.operations.values():
        path = operation.path.replace("{task_id}", "task%2F1").replace("{model}", spec.selector.example)
        kind = "multipart/form-data; boundary=x" if operation.content == "multipart" else "application/json"
        for base in ("", "/gateway/v9", "/v1"):
            found = places.find(operation.method, base + path, kind)
            assert found is not None, (operation.name, base)
            assert found.operation is operation
            assert found.task == ("task/1" if "{task_id}" in operation.path else None)
        assert places.find("TRACE", path, kind) is None
    assert places.find("GET", "/", "") is None


# secrets


def test_a_key_is_known_once_it_was_sent() -> None:
    vault = Vault(load("xingchaoyiqing"))  # whose keys have no form of their own
    key = "some+key/with=signs"
    assert vault.text(f"before {key}") == f"before {key}"
    assert vault.learn(tape("http://a/", ("authorization", f"Bearer {key}"))) == (key,)
    for form in (key, "some%2Bkey%2Fwith%3Dsigns", base64.b64encode(key.encode()).decode().rstrip("=")):
        assert vault.text(f"<{form}>") == "<[key]>"


def test_a_mask_is_no_key() -> None:
    assert Vault(REAPI).learn(tape("http://a/", ("Authorization", "Bearer [redacted]"))) == ()


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a rk_live_abc123 b", "a [key] b"),
        ("https://a/?x=1&api_key=s3cret#f", "https://a/?x=1&api_key=[key]#f"),
        ('{"apiKey": "s3cret", "n": 1}', '{"apiKey": "[key]", "n": 1}'),
        (r'{"text": "{\"access_token\": \"s3cret\"}"}', r'{"text": "{\"access_token\": \"[key]\"}"}'),
        ("Bearer abcdefghijklmnop", "Bearer [key]"),
        ("a bearer of news", "a bearer of news"),
        ('{"prompt": "a key and a token", "total_tokens": 12}', '{"prompt": "a key and a token", "total_tokens": 12}'),
    ],
)
def test_secrets_are_found_by_their_form(text: str, clean: str) -> None:
    assert Vault(REAPI).text(text) == clean


def test_headers_keep_their_names_and_schemes() -> None:
    headers = (("X-Api-Key", "s3cret"), ("authorization", "Basic dTpwYXNz"), ("X-Session-Token", "s3cret"), ("A", "b"))
    clean = (("X-Api-Key", "[key]"), ("authorization", "Basic [key]"), ("X-Session-Token", "[key]"), ("A", "b"))
    assert Vault(REAPI).headers(headers) == clean


def test_numbers_in_headers_with_names_like_secrets_are_none() -> None:
    vault = Vault(REAPI)
    vault.learn(tape("http://a/", answered=(("X-Ratelimit-Token", "1000"), ("Set-Cookie", "a=1; Path=/"))))
    assert vault.text("1000 images at /") == "1000 images at /"


@given(st.integers(0, 40))
def test_no_part_of_a_key_is_left_where_a_text_is_cut(at: int) -> None:
    key = "rk_live_0123456789abcdef"
    text, cut = Vault(REAPI).beginning("x" * at + " " + key + " " + "y" * 50, 30)
    assert "rk_live_0" not in text
    assert cut
    assert len(text) == 30


# bodies


def test_bodies_are_unpacked() -> None:
    deflated = zlib.compress(b"body")
    bare = zlib.compressobj(wbits=-15)
    raw = bare.compress(b"body") + bare.flush()
    for data, coding in ((b"body", ""), (b"body", "identity"), (deflated, "deflate"), (raw, "deflate")):
        assert plain(Kept.of(data), coding) == b"body"
    assert plain(Kept.of(b"body"), "br") is None
    assert plain(Kept.of(b"no gzip"), "gzip") is None
    assert plain(Kept.of(deflated[:-3]), "gzip") is None
    assert plain(Kept(bytearray(b"bo"), 4), "") is None


def test_a_bomb_is_not_unpacked() -> None:
    bomb = zlib.compress(b"\0" * (JUDGED + 1), 9)
    assert len(bomb) < 1 << 20
    assert plain(Kept.of(bomb), "gzip") is None


def test_a_body_that_can_not_be_read_is_told_and_breaks_nothing() -> None:
    asking, places = Asking(REAPI), Places(REAPI)
    found = places.find("POST", "/api/v1/images/generations", "application/json")
    assert found is not None
    broken = tape("http://a/api/v1/images/generations", ("Content-Type", "application/json"))
    broken.request_body = Kept.of(b"{")
    asked = asking.read(found, broken)
    assert asked.violations == ()
    assert asked.broken is not None


# upstreams


def test_an_upstream_is_read_and_told_in_full() -> None:
    upstream = read_upstream("https://api.example.com:8443/base/")
    assert (upstream.name, upstream.port, upstream.prefix, upstream.host) == (
        "api.example.com", 8443, "/base", "api.example.com:8443",
    )  # fmt: skip
    assert upstream.url_of("/v1/x?y") == "https://api.example.com:8443/base/v1/x?y"
    assert read_upstream("http://[::1]:81").origin == "http://[::1]:81"
    assert read_upstream("http://a", keep_host=True).host is None
