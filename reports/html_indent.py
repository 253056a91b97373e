"""JSON spread over lines for eyes, its tokens untouched: `1.0` stays `1.0`, and a key that is there twice stays so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = 65_536  # characters; a longer text is cut in the view anyway
DEEPEST = 12  # levels that still move to the right: a hostile answer may nest for ever
STEP = "  "
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+', re.DOTALL)
OPENING, CLOSING = frozenset("[{"), frozenset("]}")


def spread(text: str) -> str:
    """The text with each member on a line of its own if it is a JSON array or object, else the text itself."""
    if len(text) > LONGEST or not is_json(text):
        return text
    return "".join(_pieces(TOKEN.findall(text)))


def is_json(text: str) -> bool:
    """Whether it is a JSON array or object, and not too deep to tell."""
    if text.lstrip()[:1] not in OPENING:
        return False
    try:
        msgspec.json.decode(text.encode("utf-8", "replace"), type=msgspec.Raw)  # numbers of any size
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _pieces(words: list[str]) -> Iterator[str]:
    depth = 0
    before = ""
    for word in words:
        depth -= word in CLOSING
        if _begins_line(before, word):
            yield "\n" + STEP * min(depth, DEEPEST)
        yield ": " if word == ":" else word
        depth += word in OPENING
        before = word


def _begins_line(before: str, word: str) -> bool:
    """Whether a word stands on a new line: members and closing brackets do, those of an empty one do not."""
    if before in OPENING:
        return word not in CLOSING
    return before == "," or word in CLOSING
