"""The exchanges of a run as tapes, so that what was recorded once can be judged again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.proxy.har import RecordingError, in_order, read_har
from imageproof.proxy.tape import Kept, Tape
from imageproof.records.reading import RunError, read_run
from imageproof.records.writing import NAME

if TYPE_CHECKING:
    from pathlib import Path

    from imageproof.records.lines import Content, Exchange


def read_recording(path: Path) -> list[Tape]:
    """The exchanges of a HAR file, of a run.jsonl or of the folder of a run, in the order in which they began.

    Raises RecordingError, saying what is wrong with the file.
    """
    try:
        return _of_run(path) if path.is_dir() or path.suffix == ".jsonl" else read_har(path)
    except RunError as error:
        raise RecordingError(str(error)) from None
    except OSError as error:
        raise RecordingError(
            f"expected a HAR file or a {NAME}, got {path} that can't be read: {error.strerror or error}"
        ) from None


def _of_run(path: Path) -> list[Tape]:
    run = read_run(path)
    return in_order([_tape(item) for item in run.exchanges.values() if item.side == "client"])


def _tape(exchange: Exchange) -> Tape:
    response = exchange.response
    return Tape(
        number=0,
        connection=exchange.connection,
        method=exchange.request.method,
        url=exchange.request.url,
        began_s=exchange.began_s,
        ended_s=exchange.ended_s,
        first_byte_s=exchange.first_byte_s,
        request_headers=exchange.request.headers,
        request_body=_kept(exchange.request.body),
        status=response.status if response is not None else None,
        response_headers=response.headers if response is not None else (),
        response_body=_kept(response.body if response is not None else None),
        trouble=exchange.trouble,
        is_unpacked=True,
    )


def _kept(body: Content | None) -> Kept:
    """A body of a record; the files of a form, bytes that are no text and a cut end are not in it."""
    if body is None:
        return Kept()
    if body.text is None or body.cut or body.kind.startswith("multipart/"):
        return Kept(size=max(1, body.size))
    return Kept.of(body.text.encode("utf-8", "surrogatepass"))
