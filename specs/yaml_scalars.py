"""What a plain YAML scalar means, by the core schema of YAML 1.2.2 (chapter 10.3), and by nothing else.

YAML 1.1, which PyYAML follows, reads `off` as false, `16:9` as 969, `1_000` as 1000, `0123` as 83 and `2024-01-31`
as a date. Sizes, ratios and switches of image APIs look just so; here all of these are text, except `0123`,
which is the decimal integer 123.
"""

import math
import re
from typing import TypeAlias

Value: TypeAlias = str | int | float | bool | None
"""What a scalar can be."""

LONGEST_NUMBER = 400
"""Characters. No float is written longer, and Python takes quadratic time to read long integers."""

_WORDS: dict[str, Value] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_FIRST_OF_NUMBER = frozenset("0123456789+-.")
_DECIMAL = re.compile(r"[-+]?[0-9]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_OCTAL = re.compile(r"0o[0-7]+", re.ASCII)
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+", re.ASCII)


def resolve(text: str) -> Value:
    """The value of a plain (unquoted) scalar.

    Raises `ValueError`, with a sentence for the person who wrote it, for a number that can't be kept: `1e400` would
    silently become infinity.
    """
    if text in _WORDS:
        return _WORDS[text]
    return _number(text) if text[0] in _FIRST_OF_NUMBER else text


def _number(text: str) -> Value:
    if _FLOAT.fullmatch(text):
        return _decimal(text)
    if _HEXADECIMAL.fullmatch(text):
        return int(_short(text), 0)
    if _OCTAL.fullmatch(text):
        return int(_short(text), 0)
    return text


def _decimal(text: str) -> int | float:
    if _DECIMAL.fullmatch(_short(text)):
        return int(text)
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"the number {text} is too large to be kept")
    return number


def _short(text: str) -> str:
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"a number of {len(text)} characters; {LONGEST_NUMBER} are the most")
    return text
