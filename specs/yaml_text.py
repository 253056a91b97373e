"""From a path to text that a YAML parser may see: every way in which that can fail has one sentence.

Nothing is opened before its kind and its size are known: a device would never end, a pipe would wait for ever.
"""

import errno
import itertools
import re
import stat
from pathlib import Path

from imageproof.specs.problems import LARGEST_FILE_BYTES, LINE_BREAK, Mark, Problem, SpecError

_MOST_CHARACTERS_NAMED = 20
# What YAML may hold (YAML 1.2.2, production c-printable), without U+0085, U+2028 and U+2029: parsers of YAML 1.1 take
# them for line breaks and editors don't, so that the position of everything below would be wrong for one of them.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_BYTE_ORDER_MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32",  # before the next one, which is its beginning
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"\x00\x00\xfe\xff": "UTF-32",
}
_KINDS = (
    (stat.S_ISDIR, "this is a folder"),
    (stat.S_ISFIFO, "this is a pipe"),
    (stat.S_ISSOCK, "this is a socket"),
    (stat.S_ISCHR, "this is a device"),
    (stat.S_ISBLK, "this is a device"),
)
_REASONS = {
    errno.ENOENT: "there is no such file",
    errno.ENOTDIR: "there is no such file: a part of the path is not a folder",
    errno.EACCES: "the file may not be read by this user",
    errno.EPERM: "the file may not be read by this user",
    errno.ELOOP: "the links lead in a circle",
    errno.ENAMETOOLONG: "the path is too long",
}


def load_text(path: Path) -> str:
    """The text of a YAML file of at most 1 MiB in UTF-8, without a byte order mark.

    Raises `SpecError` with one problem if the path is missing, unreadable, no ordinary file, too large or no UTF-8.
    """
    file = str(path)
    try:
        _require_readable_kind(path)
        with path.open("rb") as stream:
            data = stream.read(LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise _refusal(file, _REASONS.get(error.errno or 0, f"can't read the file: {error.strerror}")) from error
    except ValueError as error:  # a NUL in the path
        raise _refusal(file, f"this is not a path: {error}") from error
    _require_size(file, len(data))
    return _decoded(data, file)


def check_text(text: str, file: str) -> list[Problem]:
    """A problem for each character that no YAML file may hold, up to the first twenty."""
    found = itertools.islice(_FORBIDDEN.finditer(text), _MOST_CHARACTERS_NAMED)
    return [
        Problem(
            mark_at(text, match.start(), file),
            f"{_name(match.group())} can't stand in a YAML file",
            hint=f"in double-quoted text, write it as {_escape(match.group())}",
        )
        for match in found
    ]


def mark_at(text: str, index: int, file: str) -> Mark:
    """The place of the character at this index of a text."""
    lines = LINE_BREAK.split(text[:index])
    return Mark(file, len(lines), len(lines[-1]) + 1)


def _require_readable_kind(path: Path) -> None:
    status = path.stat()
    for is_kind, sentence in _KINDS:
        if is_kind(status.st_mode):
            raise _refusal(str(path), f"{sentence}, not a YAML file")
    _require_size(str(path), status.st_size)


def _require_size(file: str, size: int) -> None:
    if size > LARGEST_FILE_BYTES:
        raise _refusal(file, f"the file is too large: {max(size, 0):,} bytes, and {LARGEST_FILE_BYTES:,} are the most")


def _decoded(data: bytes, file: str) -> str:
    for start, encoding in _BYTE_ORDER_MARKS.items():
        if data.startswith(start):
            raise _refusal(file, f"the file is {encoding}; it must be UTF-8")
    if (offset := data.find(b"\0")) >= 0:
        raise _refusal(file, f"this is not a text file: byte {offset} is NUL")
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8").removeprefix("\ufeff")
        mark = mark_at(before, len(before), file)
        message = f"the file is not UTF-8: byte {error.start} is 0x{data[error.start]:02x}"
        raise SpecError([Problem(mark, message, hint="save the file as UTF-8")]) from error


def _refusal(file: str, message: str) -> SpecError:
    return SpecError([Problem(Mark.of_file(file), message)])


def _name(character: str) -> str:
    if character == "\0":
        return "a NUL character"
    return f"the invisible character U+{ord(character):04X}"


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004 - what two digits can hold
