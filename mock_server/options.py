"""How a mock is set up: plain values, decided before it starts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from imageproof.mock_server.clock import ClockMode
from imageproof.specs.reading import seconds

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from imageproof.specs.faults import Fault
    from imageproof.specs.scenario import Scenario

MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Physics:
    """A queue with physics: `slots` jobs run at a time, the rest wait; a provider that stood idle starts cold.

    With `p50_s` and `p99_s` durations are log-normal with these percentiles instead of the documented ranges.
    `slowdown` makes a
    job that starts while all slots are busy take (1 + slowdown) times as long, and proportionally less below that.
    """

    slots: int = 4
    cold_start_s: float = 0.0
    idle_s: float = 300.0
    p50_s: float | None = None
    p99_s: float | None = None
    slowdown: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything about a mock that is not in a spec. Sizes are bytes, counts are counts.

    `sabotage` is the id of the one lie that the mock tells; `pictures` says whether results are drawn in full, or
    plain, with nothing on them but what machines read. A task is kept for `keep_tasks_s` after its end, by its
    account's clock; None means as long as its result can be fetched by the provider's documents, and an hour more.
    `faults` and `scenario` strike every account; `scenarios` finds a scenario by its name, and raises ValueError where
    there is none. `payload` photo makes results as many bytes as photographs have. `store` is the URL of a Redis server
    that keeps the state for several mocks; `state` is a file that keeps it for the next one, written every
    `state_every_s` seconds and at the end.
    """

    seed: int = 1
    clock: ClockMode = field(default_factory=ClockMode)
    start: float | None = None
    limits: Literal["off", "documented"] = "off"
    max_tasks: int = 1_000_000
    keep_tasks_s: float | None = None
    max_accounts: int = 10_000
    journal: int = 10_000
    max_json: int = 32 * MIB
    max_form: int = 128 * MIB
    max_uploads: int = 256 * MIB
    head_timeout_s: float = 15.0
    body_timeout_s: float = 30.0
    public_url: str | None = None
    physics: Physics | None = None
    timing_header: bool = False
    sabotage: str | None = None
    faults: tuple[Fault, ...] = ()
    scenario: str | None = None
    scenarios: Callable[[str], Scenario] | None = None
    pictures: Literal["full", "plain"] = "full"
    payload: Literal["drawn", "photo"] = "drawn"
    store: str | None = None
    state: Path | None = None
    state_every_s: float = 30.0


def read_physics(text: str) -> Physics:
    """Read `slots=4,cold=10s,idle=5m,p50=20s,p99=90s,slowdown=0.5`. Raises ValueError that names what is wrong."""
    values: dict[str, float | int] = {}
    names = {
        "slots": "slots",
        "cold": "cold_start_s",
        "idle": "idle_s",
        "p50": "p50_s",
        "p99": "p99_s",
        "slowdown": "slowdown",
    }
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        if name not in names:
            message = f"expected a queue such as slots=4,cold=10s,p50=20s,p99=90s,slowdown=0.5, got {part.strip()!r}"
            raise ValueError(message)
        if name in ("slots", "slowdown"):
            pattern = r"[1-9][0-9]{0,5}" if name == "slots" else r"[0-9]+(\.[0-9]+)?"
            if re.fullmatch(pattern, value) is None:
                message = f"expected a number for {name}, got {value!r}"
                raise ValueError(message)
            values[names[name]] = int(value) if name == "slots" else float(value)
        else:
            values[names[name]] = seconds(value)
    if ("p50_s" in values) != ("p99_s" in values) or values.get("p50_s", 0) > values.get("p99_s", 0):
        message = "expected p50 and p99 together, with p50 not above p99"
        raise ValueError(message)
    return Physics(**values)  # type: ignore[arg-type]
