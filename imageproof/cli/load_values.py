"""Values of `imageproof load` on the command line: rates, clocks, money, shares, rungs."""

from __future__ import annotations

import re

from imageproof.specs.reading import seconds

RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?)(?:/(s|min|h))?")
PER_S = {"s": 1.0, "min": 60.0, "h": 3600.0}
CLOCK = re.compile(r"real|[0-9]+(?:\.[0-9]+)?x")
MONEY = re.compile(r"\$?([0-9]{1,6}(?:\.[0-9]{1,6})?)")
PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]+)?)%")
SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)(kB|MB)")
BYTES = {"kB": 1_000, "MB": 1_000_000}
MICRO = 1_000_000


def read_rate(text: str) -> float:
    """Read `50/s`, `600/min` or `50` as jobs a second. Raises ValueError for anything else and for none."""
    match = RATE.fullmatch(text)
    if match is None or not float(match[1]):
        raise ValueError(f"expected a rate of jobs such as 50/s or 600/min, got {text!r}")
    return float(match[1]) / PER_S[match[2] or "s"]


def read_span(text: str) -> float:
    """Read a duration. Raises ValueError."""
    return seconds(text)


def read_clock(text: str) -> str:
    """Read `real` or `60x`. Raises ValueError for anything else."""
    if CLOCK.fullmatch(text) is None or text.strip("0.") == "x":
        raise ValueError(f"expected real or a scale such as 60x, got {text!r}")
    return text


def read_money(text: str) -> int:
    """Read dollars as micro-dollars. Raises ValueError."""
    match = MONEY.fullmatch(text)
    if match is None:
        raise ValueError(f"expected USD such as 0.50, got {text!r}")
    return round(float(match[1]) * MICRO)


def read_percent(text: str) -> float:
    """Read a share such as `50%`. Raises ValueError."""
    match = PERCENT.fullmatch(text)
    if match is None or not 0 < float(match[1]) <= 100:  # noqa: PLR2004  (that is what percent are of)
        raise ValueError(f"expected a share such as 50%, got {text!r}")
    return float(match[1]) / 100


def read_rungs(text: str) -> tuple[float, ...]:
    """Read `30s,60s` as seconds or `100kB,1MB` as bytes, not both. Raises ValueError."""
    parts = [part.strip() for part in text.split(",")]
    sizes = [SIZE.fullmatch(part) for part in parts]
    found = [float(match[1]) * BYTES[match[2]] for match in sizes if match is not None]
    if not found:
        found = [seconds(part) for part in parts]
    if len(found) != len(parts) or not all(found):
        raise ValueError(f"expected rungs such as 30s,60s,120s or 100kB,1MB,10MB, got {text!r}")
    return tuple(sorted(set(found)))
