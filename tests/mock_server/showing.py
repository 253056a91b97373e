"""Faults as a client meets them, byte by byte. Each test says with `shows` which kinds of fault it sees."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, cast
from urllib.parse import urlsplit

from imageproof import MockAccount

F = TypeVar("F", bound=Callable[..., None])
PATIENCE_S = 10.0
SUBMIT = "/api/v1/images/generations"
POLL = "/api/v1/tasks/"
GENERATE = "/v1/images/generations"
ORDER = {"model": "gpt-image-2", "prompt": "a red fox", "size": "1:1"}
HELD = {"model": "gpt-image-2", "prompt": "a red fox [[slow: 40s]]", "size": "1024x1024", "quality": "low"}


def shows(*kinds: str) -> Callable[[F], F]:
    """Say which kinds of fault a test sees; `test_faults_kinds` compares them with the closed set."""

    def mark(test: F) -> F:
        test.shows = kinds  # type: ignore[attr-defined]  # read there
        return test

    return mark


@dataclass(frozen=True)
class Heard:
    """What came over a connection, and how it ended: `closed`, `reset`, or `open` when it did not."""

    data: bytes
    ended: str

    @property
    def head(self) -> dict[str, str]:
        lines = self.data.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}

    @property
    def status(self) -> int:
        return int(self.data.split(b" ", 2)[1]) if self.data else 0

    @property
    def body(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[2]

    @property
    def json(self) -> dict[str, object]:
        return cast("dict[str, object]", json.loads(self.body))


def is_whole(data: bytes) -> bool:
    """Whether the answer has all that its head announces."""
    head, marker, body = data.partition(b"\r\n\r\n")
    if not marker:
        return False
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length: "):
            return len(body) >= int(line.split()[1])
    return body.endswith(b"0\r\n\r\n") if b"chunked" in head.lower() else False


def wire(account: MockAccount, timeout_s: float = PATIENCE_S) -> socket.socket:
    """A connection to the mock."""
    place = urlsplit(account.base_url)
    assert place.hostname is not None
    return socket.create_connection((place.hostname, place.port or 80), timeout=timeout_s)


def request(account: MockAccount, path: str, body: object = None, **headers: str) -> bytes:
    """A whole request to the account's provider; GET without a body. A path may be a URL of the mock."""
    base = urlsplit(account.base_url)
    place = urlsplit(path)
    target = place.path if place.netloc else base.path + path
    data = b"" if body is None else json.dumps(body).encode()
    lines = {"Host": base.netloc, "Content-Type": "application/json", **account.headers, **headers}
    lines["Content-Length"] = str(len(data))
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{'GET' if body is None else 'POST'} {target} HTTP/1.1\r\n{head}\r\n".encode() + data


def hear(connection: socket.socket, *, to_the_end: bool = False) -> Heard:
    """Listen until an answer is whole, or (`to_the_end`) until the connection ends."""
    data = b""
    while to_the_end or not is_whole(data):
        try:
            more = connection.recv(1 << 20)
        except ConnectionResetError:
            return Heard(data, "reset")
        except TimeoutError:
            return Heard(data, "open")
        if not more:
            return Heard(data, "closed")
        data += more
    return Heard(data, "open")


def ask(account: MockAccount, path: str, body: object = None, *, to_the_end: bool = False, cards: str = "") -> Heard:
    """One request on a connection of its own; `cards` go into the header for test cards."""
    with wire(account) as connection:
        connection.sendall(request(account, path, body, **({"X-Imageproof-Scenario": cards} if cards else {})))
        return hear(connection, to_the_end=to_the_end)


def order(account: MockAccount, **changes: object) -> str:
    """Order an image at a provider with tasks; the id of the task."""
    heard = ask(account, SUBMIT, {**ORDER, **changes})
    assert heard.status == 200, heard.data
    return str(heard.json["id"])


def poll(account: MockAccount, task: str) -> Heard:
    """Ask how a task stands."""
    return ask(account, POLL + task)


def ready(account: MockAccount, **changes: object) -> tuple[str, list[str]]:
    """Order an image, let it be finished; the task, and the URLs of its images."""
    task = order(account, **changes)
    account.advance("10m")
    return task, urls(poll(account, task))


def urls(heard: Heard) -> list[str]:
    """The URLs of the images in the answer of a poll."""
    output = cast("dict[str, list[str]]", heard.json["output"])
    return output["image_urls"]


def now(account: MockAccount) -> float:
    """The account's time."""
    clock = cast("dict[str, float]", account.describe()["clock"])
    return clock["now"]


def journal(account: MockAccount) -> list[dict[str, object]]:
    """The exchanges of an account."""
    return cast("list[dict[str, object]]", account.journal())


def faults(account: MockAccount) -> list[object]:
    """What struck, exchange by exchange."""
    return [entry["fault"] for entry in journal(account)]


def statuses(account: MockAccount) -> list[object]:
    """The statuses of all answers, exchange by exchange; 0 where there was none."""
    return [cast("dict[str, object]", entry["response"])["status"] for entry in journal(account)]
