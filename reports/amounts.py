"""Numbers as a person reads them: counts, money, durations and shares."""

from __future__ import annotations

MICRO = 1_000_000
CENT = 10_000  # micro-dollars; amounts below it need more than two decimals
MINUTE_S = 60


def counted(number: int, noun: str, *, plural: str = "") -> str:
    """A number and its noun: `1 rule`, `2 rules`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def usd(micro_usd: int) -> str:
    """Micro-dollars as dollars with two decimals, or as many as they need: `$8.84`, `$0.0055`."""
    if micro_usd % CENT == 0 or micro_usd > MICRO:
        return f"${micro_usd / MICRO:,.2f}"
    return f"${micro_usd / MICRO:.6f}".rstrip("0")


def credits_of(micro_usd: int, micro_usd_per_credit: int | None) -> str:
    """The same in the provider's credits: `25,177 credits`; empty where a provider has none."""
    if not micro_usd_per_credit:
        return ""
    number = f"{micro_usd / micro_usd_per_credit:,.2f}".rstrip("0").rstrip(".")
    return f"{number} credit{'' if number == '1' else 's'}"


def lasted(seconds: float) -> str:
    """A duration: `0.4 s`, `15.4 s`, `3 min 5 s`."""
    if seconds < MINUTE_S:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), MINUTE_S)
    return f"{minutes} min {rest} s"


def share(part: int, whole: int) -> str:
    """A share, rounded down so that only all is 100 %: `94.6 %`."""
    tenths = part * 1000 // whole if whole else 0
    return f"{tenths // 10}.{tenths % 10} %"
