"""Write run.jsonl: each line is on disk before the next thing happens, so that a killed run keeps what it found."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

import msgspec

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from imageproof.records.lines import Line

NAME = "run.jsonl"


class Writer:
    """Appends lines to a file. Safe to use from several threads.

    Raises FileExistsError when the file is there already, as no run writes over another; with `resume` it goes on.
    """

    __slots__ = ("_encode", "_file", "_lock", "path")

    def __init__(self, path: Path, *, resume: bool = False) -> None:
        self.path = path
        self._file = path.open("ab" if resume else "xb", buffering=0)
        self._lock = threading.Lock()
        self._encode = msgspec.json.Encoder().encode

    def write(self, line: Line) -> None:
        """Append one line."""
        data = self._encode(line) + b"\n"
        with self._lock:
            self._file.write(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        """Give the writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()
