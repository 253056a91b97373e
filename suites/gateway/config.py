"""What a run is to do: plain values, decided before it starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from imageproof.suites.wire import Pace

Mode = Literal["free", "paid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The keys of a run. `own` pays; `other` belongs to another account; `derived` says that any key will do.

    A mock takes any key of the provider's form, so further accounts can be made up there; nowhere else.
    """

    own: str
    other: str | None = None
    derived: bool = False

    def secrets(self) -> tuple[str, ...]:
        """Every key, for redaction."""
        return tuple(key for key in (self.own, self.other) if key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One run against one target. Money is micro-dollars; `scale` is how many times faster than real the target runs.

    `cards` says whether the mock's test cards reach it (None: try to find out). `patient` polls as the provider
    advises, as is due to a stranger; on loopback polls come as fast as they are useful. `examples` is how many bodies
    Hypothesis makes for each rule. `job_s` is how long one job may take before it counts as stuck. Rows that ask for
    more than `most_pixels` in all their images are left out.
    """

    spec: str
    base_url: str
    keys: Keys
    mode: Mode = "free"
    max_micro_usd: int | None = None
    seed: int = 1
    scale: float = 1.0
    cards: bool | None = None
    patient: bool = True
    examples: int = 4
    jobs_at_once: int = 4
    job_s: float = 900.0
    most_pixels: int | None = None
    strict: bool = False
    rules: tuple[str, ...] = ()
    pace: Pace = field(default_factory=Pace)
    out: Path | None = None
    baseline: Path | None = None
    capabilities: Path | None = None
    resume: bool = False
    shown: dict[str, str] = field(default_factory=dict)

    @property
    def may_shrink(self) -> bool:
        """Whether requests may be repeated to make an example small: only where none can cost money."""
        return self.is_loopback and self.mode == "paid" and self.max_micro_usd is None

    @property
    def is_loopback(self) -> bool:
        """Whether the target is on this machine."""
        return is_loopback(self.base_url)


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine."""
    host = (urlsplit(url).hostname or "").lower()
    return host == "localhost" or host.startswith("127.") or host == "::1"
