"""Recordings of any tool as tapes: HAR files of browsers and proxies. Every mistake is said in one sentence."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson

from imageproof.proxy.tape import Kept, Tape
from imageproof.records.lines import Trouble
from imageproof.specs.forms import Form

if TYPE_CHECKING:
    from pathlib import Path

    from imageproof.proxy.tape import Headers
    from imageproof.specs.model import JsonTree

    Tree = dict[str, JsonTree]

MOST_TOLD = 10
NO_KIND = ("", "x-unknown", "application/x-unknown")
LEFT_OUT = "the recording holds no headers of the answer"


class RecordingError(Exception):
    """A file that is no recording. The message has one sentence for each mistake."""


class _EntryError(Exception):
    """One mistake of one entry."""


@dataclass(frozen=True, slots=True)
class _At:
    """A part of an entry, and where it stands."""

    tree: Tree
    where: str

    def part(self, name: str) -> _At:
        value = self.tree.get(name)
        if not isinstance(value, dict):
            raise _EntryError(f"expected an object at {self.where}.{name}, got {_shown(value)}")
        return _At(value, f"{self.where}.{name}")

    def text(self, name: str) -> str:
        value = self.tree.get(name)
        if not isinstance(value, str) or not value:
            raise _EntryError(f"expected a text at {self.where}.{name}, got {_shown(value)}")
        return value

    def number(self, name: str, default: float) -> float:
        value = self.tree.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _EntryError(f"expected a number at {self.where}.{name}, got {_shown(value)}")
        return float(value)


def read_har(path: Path) -> list[Tape]:
    """The exchanges of a HAR file in the order in which they began. Raises RecordingError, or OSError for no file."""
    try:
        tree = orjson.loads(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise RecordingError(f"expected a HAR file, which is JSON, got {path} that is none: {error}") from None
    log = tree.get("log") if isinstance(tree, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list):
        raise RecordingError(f"expected a HAR file with a list at log.entries, got {path} without one")
    tapes, mistakes, connections = [], [], dict[str, int]()
    for index, entry in enumerate(entries):
        try:
            tapes.append(_tape(entry, f"log.entries[{index}]", connections))
        except _EntryError as error:
            mistakes.append(f"{path}: {error}")
    if mistakes:
        more = len(mistakes) - MOST_TOLD
        raise RecordingError("\n".join(mistakes[:MOST_TOLD] + ([f"and {more} more mistakes"] if more > 0 else [])))
    return in_order(tapes)


def in_order(tapes: list[Tape]) -> list[Tape]:
    """Tapes with numbers and times that begin with the first of them."""
    tapes.sort(key=lambda tape: tape.began_s)
    start = tapes[0].began_s if tapes else 0.0
    for number, tape in enumerate(tapes, start=1):
        tape.number = number
        tape.began_s -= start
        tape.ended_s -= start
        if tape.first_byte_s is not None:
            tape.first_byte_s -= start
    return tapes


def _tape(entry: JsonTree, where: str, connections: dict[str, int]) -> Tape:
    if not isinstance(entry, dict):
        raise _EntryError(f"expected an object at {where}, got {_shown(entry)}")
    at = _At(entry, where)
    request, response = at.part("request"), at.part("response")
    url = request.text("url")
    if not url.startswith(("http://", "https://")):
        raise _EntryError(f"expected a URL of HTTP at {request.where}.url, got {_shown(url)}")
    began = _moment(at)
    lasted = max(0.0, at.number("time", 0.0)) / 1000
    named = entry.get("connection")
    connection = connections.setdefault(named, len(connections) + 1) if isinstance(named, str) and named else None
    status = int(response.number("status", 0))
    tape = Tape(
        number=0,
        connection=connection,
        method=request.text("method").upper(),
        url=url,
        began_s=began,
        ended_s=began + lasted,
        first_byte_s=_first_byte(entry, began, lasted),
        request_headers=_headers(request),
        is_unpacked=True,
    )
    _add_request(tape, request)
    if status <= 0:
        reason = response.tree.get("_error") or response.tree.get("statusText") or "none was recorded"
        tape.trouble = Trouble(kind="reset", says=f"expected an answer, got none: {reason}"[:300])
        return tape
    tape.status, tape.response_headers = status, _headers(response)
    tape.note = "" if tape.response_headers else LEFT_OUT
    _add_response(tape, response)
    return tape


def _moment(at: _At) -> float:
    text = at.text("startedDateTime")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _EntryError(
            f"expected a time such as 2026-11-21T10:00:00.000Z at {at.where}.startedDateTime, got {_shown(text)}"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _first_byte(entry: Tree, began: float, lasted: float) -> float | None:
    """When the answer began, from the timings, of which all but `receive` come before."""
    timings = entry.get("timings")
    receive = timings.get("receive") if isinstance(timings, dict) else None
    if not isinstance(receive, int | float) or receive < 0:
        return None
    return began + max(0.0, lasted - receive / 1000)


def _headers(at: _At) -> Headers:
    """The headers of a message; the made-up ones of HTTP/2 (`:method`) are left out."""
    out = []
    for pair in _list(at, "headers"):
        name, value = pair.tree.get("name"), pair.tree.get("value")
        if not isinstance(name, str) or not isinstance(value, str):
            raise _EntryError(f"expected a name and a value at {pair.where}, got {_shown(pair.tree)}")
        if not name.startswith(":"):
            out.append((name, value))
    return tuple(out)


def _list(at: _At, name: str) -> list[_At]:
    value = at.tree.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise _EntryError(f"expected a list of objects at {at.where}.{name}, got {_shown(value)}")
    return [_At(item, f"{at.where}.{name}[{index}]") for index, item in enumerate(value) if isinstance(item, dict)]


def _add_request(tape: Tape, request: _At) -> None:
    size = int(request.number("bodySize", -1))
    if request.tree.get("postData") is None:
        tape.request_body = Kept(size=max(0, size))
        return
    data = request.part("postData")
    kind = str(data.tree.get("mimeType") or "")
    tape.request_headers = _with_kind(tape.request_headers, kind)
    body = _body(data)
    tape.request_body = _kept(body, size if size > 0 or body else 1)
    if body is None and data.tree.get("params"):
        tape.form = _form(data)
        tape.request_body = Kept() if tape.form is not None else Kept(size=max(1, size))


def _add_response(tape: Tape, response: _At) -> None:
    if response.tree.get("content") is None:
        tape.response_body = Kept(size=max(0, int(response.number("bodySize", 0))))
        return
    content = response.part("content")
    size = int(content.number("size", -1))
    if tape.response_headers:
        tape.response_headers = _with_kind(tape.response_headers, str(content.tree.get("mimeType") or ""))
    tape.response_body = _kept(_body(content), size)


def _with_kind(headers: Headers, kind: str) -> Headers:
    """Some tools tell the type of a body beside the headers only."""
    if kind.lower() in NO_KIND or any(name.lower() == "content-type" for name, _ in headers):
        return headers
    return (*headers, ("Content-Type", kind))


def _body(at: _At) -> bytes | None:
    """The bytes of a body; None where the recording has none."""
    text = at.tree.get("text")
    if text is None:
        return None
    if not isinstance(text, str):
        raise _EntryError(f"expected a text at {at.where}.text, got {_shown(text)}")
    if at.tree.get("encoding") != "base64":
        return text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise _EntryError(f"expected base64 at {at.where}.text, as its encoding says, got none: {error}") from None


def _kept(body: bytes | None, size: int) -> Kept:
    """A body of so many bytes, of which the recording may hold fewer: keys taken out, or an end that was cut off."""
    if not body:
        return Kept(size=max(0, size))
    kept = Kept.of(body)
    if size > kept.size and not _is_json(body):
        kept.size = size
    return kept


def _is_json(body: bytes) -> bool:
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:  # that is the answer
        return False
    return True


def _form(data: _At) -> Form | None:
    """A form whose parts are named; None for one with files, as recordings leave their bytes out."""
    form = Form()
    for param in _list(data, "params"):
        if param.tree.get("fileName") is not None:
            return None
        form.texts.append((param.text("name"), str(param.tree.get("value") or "")))
    return form


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."  # noqa: PLR2004  (characters of a short quotation)
