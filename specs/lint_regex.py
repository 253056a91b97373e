"""Regular expressions that may take for ever: the engine tries every way to divide a text among repetitions."""

from __future__ import annotations

import re

PART = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\((?:\?(?:[:=!]|<[=!]|P?<\w+>))?|\)|\||[*+]|\{\d+,\d*\}|.", re.DOTALL
)
FEW = 8
"""A repetition with at most so many rounds counts as none."""

MOST_OPEN = 3


def is_risky(regex: str) -> bool:
    """Whether an expression repeats what is itself a repetition or a choice, or has more than three open repetitions.

    Such an expression can be harmless; one that is not risky takes at most the cube of the length of a text.
    """
    groups, is_many_ways, repetitions = [False], False, 0
    for part in PART.findall(regex):
        if part.startswith("("):
            groups.append(False)
        elif part == ")" and len(groups) > 1:
            is_many_ways = groups.pop()
            groups[-1] |= is_many_ways
            continue
        elif part == "|":
            groups[-1] = True
        elif _is_open(part):
            repetitions += 1
            groups[-1] = True
            if is_many_ways or repetitions > MOST_OPEN:
                return True
        is_many_ways = False
    return False


def _is_open(part: str) -> bool:
    if part.startswith("{") and part.endswith("}"):
        most = part.strip("{}").partition(",")[2]
        return not most or int(most) > FEW
    return part in ("*", "+")
