"""Values on the command line that click has no type for. One that can't be read is refused with one sentence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from imageproof.cli.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    import click

T = TypeVar("T")
SIZE = re.compile(r"([0-9]{1,15})(|KiB|MiB|GiB)")
UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
SEED = re.compile(r"-?[0-9]{1,18}")
URL = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*)?")


def read_size(text: str) -> int:
    """Read a number of bytes such as `5000`, `64KiB` or `32MiB`. Raises ValueError for anything else and for zero."""
    match = SIZE.fullmatch(text)
    if match is None or not int(match[1]):
        raise ValueError(f"expected a number of bytes such as 5000, 64KiB or 32MiB, got {text!r}")
    return int(match[1]) * UNITS[match[2]]


def read_host(text: str) -> str:
    """Read an address or a name. Raises ValueError for an empty one, which would mean every address."""
    if not text.strip():
        raise ValueError("expected an address such as 127.0.0.1, got nothing; 0.0.0.0 means every address")
    return text.strip()


def read_seed(text: str) -> int:
    """Read a whole number of at most 18 digits. Raises ValueError for anything else."""
    if SEED.fullmatch(text) is None:
        raise ValueError(f"expected a whole number of at most 18 digits, got {text!r}")
    return int(text)


def size_text(size: int) -> str:
    """The shortest text that reads as so many bytes."""
    unit = next(name for name in reversed(UNITS) if size % UNITS[name] == 0)
    return f"{size // UNITS[unit]}{unit}"


def read_url(text: str) -> str:
    """Read the root of a server, without a slash at its end. Raises ValueError for what is no http URL."""
    if URL.fullmatch(text) is None:
        raise ValueError(f"expected a URL such as https://mock.example.com, got {text!r}")
    return text.rstrip("/")


def reading(read: Callable[[str], T]) -> Callable[[click.Context, click.Parameter, str | None], T | None]:
    """A callback for an option whose text `read` turns into a value, or refuses with a ValueError."""

    def convert(_: click.Context, param: click.Parameter, text: str | None) -> T | None:
        if text is None:
            return None
        try:
            return read(text)
        except ValueError as error:
            raise Refusal(f"{param.opts[-1]}: {error}") from None

    return convert
