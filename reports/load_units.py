"""Numbers of a load run as a person reads them: times, rates, shares, bytes. Pure."""

from __future__ import annotations

import math

MILLI, MICRO = 1_000, 1_000_000
MINUTE_S, HOUR_S = 60, 3_600
HALF = 5e-4  # of the last of three digits: so near to the next unit it is written in that
LARGE = 1_000  # from here on no decimals are shown
UNITS = ((1_000_000_000, "GB"), (MICRO, "MB"), (MILLI, "kB"))


def time_text(seconds: float) -> str:
    """A time in the unit that fits, with three digits: `143 ms`, `2.05 s`, `0`."""
    size = abs(seconds)
    if size < 5e-10:  # noqa: PLR2004  (half a nanosecond: nothing)
        return "0"
    if size >= HOUR_S:
        return f"{seconds / HOUR_S:.3g} h"
    if size >= 10 * MINUTE_S:
        return f"{seconds / MINUTE_S:.3g} min"
    if size >= MINUTE_S:
        return f"{seconds:,.0f} s"
    if size >= 1 - HALF:
        return f"{seconds:.3g} s"
    if size >= (1 - HALF) / MILLI:
        return f"{_digits(seconds * MILLI)} ms"
    return f"{_digits(seconds * MICRO)} µs"


def clock_text(seconds: float) -> str:
    """A moment of a run: `12.5 s`, `3:05 min`, `2:00:00 h`."""
    if seconds < 10 * MINUTE_S:
        return f"{round(seconds, 3):g} s"
    minutes, rest = divmod(round(seconds), MINUTE_S)
    if seconds < HOUR_S:
        return f"{minutes}:{rest:02} min"
    hours, minutes = divmod(minutes, MINUTE_S)
    return f"{hours}:{minutes:02}:{rest:02} h"


def number_text(value: float) -> str:
    """A number with three digits, or all of those before its point: `0.125`, `39.6`, `1,234`."""
    return f"{value:,.0f}" if abs(value) >= LARGE else _digits(value)


def rate_text(value: float) -> str:
    """So many each second: `39.6/s`."""
    return f"{number_text(value)}/s"


def share_text(value: float) -> str:
    """A share from 0 to 1 in percent: `2.64 %`."""
    return f"{_digits(value * 100)} %"


def bytes_text(size: float) -> str:
    """So many bytes: `2.2 MB`."""
    return next((f"{size / unit:,.3g} {name}" for unit, name in UNITS if size >= unit), f"{size:,.0f} bytes")


def percent_name(percent: float) -> str:
    """A percentile by its name: `p99.9`; the last is `max`."""
    return "max" if percent >= 100 else f"p{percent:g}"  # noqa: PLR2004  (all of them)


def _digits(value: float) -> str:
    """Three digits, never as a power of ten."""
    if not value:
        return "0"
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{min(decimals, 9)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
