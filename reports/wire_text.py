"""Text that came from a stranger, made harmless: what a terminal or a file could obey is shown, and never done."""

from __future__ import annotations

import unicodedata

CUT = "... (cut)"
JOINERS = frozenset("\u200c\u200d")  # letters of some scripts and many emoji need them, and they do nothing else
LAYOUT = frozenset("\n\t")
UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # controls, direction marks and other invisibles, line separators
NONCHARACTERS = 0xFFFE  # the last two of each plane, which XML refuses


def one_line(text: str) -> str:
    r"""The text on one line: every control character, escape and invisible mark is spelled, such as `\x1b`."""
    if text.isprintable():  # nearly always, and fast
        return text
    return "".join(_spelled(char) if _is_unsafe(char) else char for char in text)


def plain(text: str) -> str:
    """The same, with line ends and tabs left as they are."""
    if text.isprintable():
        return text
    return "".join(char if char in LAYOUT or not _is_unsafe(char) else _spelled(char) for char in text)


def shortened(text: str, most: int) -> str:
    """At most so many characters; a text that is cut says so."""
    return text if len(text) <= most else text[: max(0, most - len(CUT))] + CUT


def _is_unsafe(char: str) -> bool:
    if char.isascii():
        return not char.isprintable()
    code = ord(char)
    is_noncharacter = code & NONCHARACTERS == NONCHARACTERS
    return is_noncharacter or (char not in JOINERS and unicodedata.category(char) in UNSAFE)


def _spelled(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
