"""Values of options: what is read, and the one sentence about what is not."""

import click
import pytest

from imageproof.cli.refusal import Refusal
from imageproof.cli.values import read_host, read_seed, read_size, read_url, reading, size_text


@pytest.mark.parametrize(
    ("text", "size"),
    [("1", 1), ("5000", 5000), ("64KiB", 65_536), ("32MiB", 33_554_432), ("1GiB", 1_073_741_824)],
)
def test_a_size_is_read_in_bytes_and_written_as_short_as_it_can_be(text: str, size: int) -> None:
    assert read_size(text) == size
    assert read_size(size_text(size)) == size


@pytest.mark.parametrize("text", ["", "0", "0MiB", "-1", "1.5MiB", "1 MiB", "1MB", "1mib", "1e6", "٣", "9" * 16])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="32MiB"):
        read_size(text)


@pytest.mark.parametrize(("text", "seed"), [("0", 0), ("1", 1), ("-7", -7), ("9" * 18, 10**18 - 1)])
def test_a_seed_is_a_whole_number(text: str, seed: int) -> None:
    assert read_seed(text) == seed


@pytest.mark.parametrize("text", ["", "1.0", "1e3", "x", "+1", "--1", "9" * 19, "٣"])
def test_what_is_no_seed_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="18 digits"):
        read_seed(text)


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("http://mock:4010", "http://mock:4010"),
        ("https://mock.example.com/", "https://mock.example.com"),
        ("https://example.com/a/b//", "https://example.com/a/b"),
    ],
)
def test_a_url_loses_the_slash_at_its_end(text: str, root: str) -> None:
    assert read_url(text) == root


@pytest.mark.parametrize(
    "text", ["", "mock:4010", "ftp://mock", "http://", "http:///x", "http://a b", "http://a?b=1", "http://a#b"]
)
def test_what_is_no_root_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a URL"):
        read_url(text)


def test_an_empty_host_is_refused_as_it_would_mean_every_address() -> None:
    assert read_host(" ::1 ") == "::1"
    with pytest.raises(ValueError, match=r"0\.0\.0\.0"):
        read_host(" ")


def test_a_callback_names_the_option_and_leaves_out_what_was_not_given() -> None:
    callback = reading(read_seed)
    option = click.Option(["-s", "--seed"])
    context = click.Context(click.Command("x"))
    assert callback(context, option, None) is None
    assert callback(context, option, "5") == 5
    with pytest.raises(Refusal, match=r"^--seed: expected a whole number") as refused:
        callback(context, option, "x")
    assert refused.value.exit_code == 2
