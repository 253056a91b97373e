"""One exchange as it was on the wire, with its secrets: held in memory only, until it has been judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imageproof.records.lines import Trouble
    from imageproof.specs.forms import Form

MIB = 1 << 20
JUDGED = 64 * MIB  # bytes of a body that are held to be judged; a body that is longer is not read

Headers = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Kept:
    """A body. `size` counts what was on the wire, `data` holds its beginning."""

    data: bytearray = field(default_factory=bytearray)
    size: int = 0

    @classmethod
    def of(cls, data: bytes) -> Kept:
        """A body that is there whole."""
        return cls(bytearray(data), len(data))

    def add(self, piece: bytes) -> None:
        """Take the next piece."""
        self.size += len(piece)
        room = JUDGED - len(self.data)
        if room > 0:
            self.data += piece[:room]

    @property
    def is_whole(self) -> bool:
        """Whether nothing was left out."""
        return self.size == len(self.data)


@dataclass(slots=True, kw_only=True)
class Tape:
    """One exchange. Times are seconds since the start of the run; `url` is whole, as the client asked for it.

    `trouble` says why no whole answer came from the provider; `form` is a form whose parts a recording names.
    """

    number: int
    connection: int | None
    method: str
    url: str
    began_s: float
    request_headers: Headers = ()
    request_body: Kept = field(default_factory=Kept)
    status: int | None = None
    response_headers: Headers = ()
    response_body: Kept = field(default_factory=Kept)
    first_byte_s: float | None = None
    ended_s: float = 0.0
    trouble: Trouble | None = None
    note: str = ""
    form: Form | None = None
    is_over: bool = False  # the answer was passed on to its end
    is_ours: bool = False  # the answer was the proxy's own
    is_unpacked: bool = False  # bodies have lost their packing, whatever Content-Encoding says

    @property
    def asked_packing(self) -> str:
        """How the body of the request is packed."""
        return "" if self.is_unpacked else self.asked("content-encoding")

    @property
    def answered_packing(self) -> str:
        """How the body of the answer is packed."""
        return "" if self.is_unpacked else self.answered("content-encoding")

    @property
    def target(self) -> str:
        """Path and query."""
        return "/" + self.url.partition("://")[2].partition("/")[2].partition("#")[0]

    def asked(self, name: str) -> str:
        """The value of a header of the request, empty where there is none."""
        return _first(self.request_headers, name)

    def answered(self, name: str) -> str:
        """The value of a header of the answer, empty where there is none."""
        return _first(self.response_headers, name)


def _first(headers: Headers, name: str) -> str:
    return next((value for key, value in headers if key.lower() == name), "")
