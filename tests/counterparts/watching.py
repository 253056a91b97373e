"""What the tests of stock clients share: what the mock saw of a client, and what an image file really is."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import TypedDict, cast

from PIL import Image

from imageproof import MockAccount
from imageproof.specs.files import FileFacts, encode

PATIENCE_S = 60.0


class Message(TypedDict):
    """One side of an exchange; `headers` are pairs, as they came."""

    headers: list[list[str]]
    body: dict[str, object]


class Request(Message):
    """What a client sent."""

    method: str
    path: str


class Response(Message):
    """What it got."""

    status: int


class Exchange(TypedDict):
    """One entry of a journal, as far as the tests read it."""

    operation: str
    task: str | None
    rules: list[str]
    request: Request
    response: Response


def exchanges(account: MockAccount) -> list[Exchange]:
    """All that was on the wire, oldest first."""
    return cast("list[Exchange]", account.journal())


def statuses(account: MockAccount) -> list[int]:
    """The HTTP statuses that a client got, oldest first."""
    return [entry["response"]["status"] for entry in exchanges(account)]


def header(message: Message, name: str) -> str | None:
    """The value of a header, whatever the case of its name."""
    return next((value for key, value in message["headers"] if key.lower() == name.lower()), None)


def charges(account: MockAccount) -> list[float]:
    """What was charged, in dollars, oldest first."""
    movements = cast("list[dict[str, object]]", account.ledger()["movements"])
    return [cast("float", move["usd"]) for move in movements if move["kind"] == "charge"]


def picture(
    *, name: str = "photo.png", size: tuple[int, int] = (64, 48), alpha: bool = False
) -> tuple[str, bytes, str]:
    """A file to upload, in the form that clients take: name, bytes, content type."""
    facts = FileFacts(format="png", width=size[0], height=size[1], has_alpha=alpha, size=0)
    return name, encode(facts), "image/png"


def kind_of(data: bytes) -> tuple[str, tuple[int, int]]:
    """The format and the size in pixels of an image file, from its own bytes."""
    with Image.open(io.BytesIO(data)) as image:
        return str(image.format), image.size


def until(done: Callable[[], bool]) -> None:
    """Ask again and again, until it is done. Raises TimeoutError when that takes too long even for a slow machine."""
    end = time.monotonic() + PATIENCE_S
    while not done():
        if time.monotonic() > end:
            raise TimeoutError(f"not done within {PATIENCE_S:g} s")
