"""What a run against a client is to do: plain values, decided before it starts."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from imageproof.mock_server.clock import clock_mode
from imageproof.specs.fault_answers import ErrorAnswer
from imageproof.specs.library import load
from imageproof.specs.problems import nearest
from imageproof.specs.scenario_reading import fits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imageproof.specs.model import Spec
    from imageproof.specs.scenario import Scenario

SCALED, REAL = "60x", "real"
PACED = 10.0  # the fastest clock on which a second more or less between two polls can be told from a busy machine
SLACK_S = 10.0  # to start a client, on a busy machine
PER_CORE = 8  # clients side by side, which wait most of the time
NOT_TO_OBEY = ("absurd", "garbage")  # values of Retry-After
Level = Literal[0, 1]


class ConfigError(ValueError):
    """A run that makes no sense: one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientConfig:
    """One run. `scenarios` are all that were chosen; `jobs` None is as many side by side as the machine takes.

    `timeout_s` are real seconds for each scenario, None: what the scenario says. `watch` runs no command; the mock
    serves on `port` for `watch_s` seconds, None: until it is interrupted.
    """

    spec: str
    command: tuple[str, ...]
    scenarios: tuple[Scenario, ...]
    clock: str = SCALED
    jobs: int | None = None
    level: Level = 0
    timeout_s: float | None = None
    seed: int = 1
    strict: bool = False
    out: Path | None = None
    watch: bool = False
    watch_s: float | None = None
    port: int = 0
    shown: dict[str, str] = field(default_factory=dict)

    @property
    def scale(self) -> float:
        """How many account seconds pass in a real one."""
        return clock_mode(self.clock).rate

    @property
    def at_once(self) -> int:
        """How many scenarios go on side by side: clients that wait in real time all at once."""
        if self.jobs is not None:
            return self.jobs
        return max(1, len(self.scenarios)) if self.scale == 1 else PER_CORE * (os.cpu_count() or 1)

    def seconds_for(self, scenario: Scenario) -> float:
        """How many real seconds a client may take for a scenario."""
        if self.timeout_s is not None:
            return self.timeout_s
        return scenario.within_s / self.scale_of(scenario) + SLACK_S

    def scale_of(self, scenario: Scenario) -> float:
        """How fast the clock of a scenario goes: slower where short waits are what it shows."""
        if scenario.real_time:
            return 1.0
        is_paced = (_is_undisturbed(scenario) and self._has_pace) or _shows_haste(scenario)
        return min(self.scale, PACED) if is_paced else self.scale

    @property
    def _has_pace(self) -> bool:
        """Whether the provider says how often to poll."""
        tasks = load(self.spec).tasks
        return tasks is not None and tasks.polling is not None


def _is_undisturbed(scenario: Scenario) -> bool:
    return not scenario.faults and not scenario.plan and not scenario.limits


def _shows_haste(scenario: Scenario) -> bool:
    """Whether it is about a wait of the client's own choice, which may be a second or two."""
    told = (fault.what for fault in scenario.faults)
    return any(isinstance(what, ErrorAnswer) and what.retry_after in NOT_TO_OBEY for what in told)


def read_clock(text: str) -> str:
    """A clock that a client can live with: real or scaled. Raises ConfigError."""
    try:
        mode = clock_mode(text)
    except ValueError:
        mode = None
    if mode is None or mode.rate <= 0:
        raise ConfigError(f"expected --clock real or a scale such as 60x, got {text!r}")
    return str(mode)


def chosen(known: Iterable[Scenario], patterns: Iterable[str]) -> tuple[Scenario, ...]:
    """The scenarios whose names fit one of the patterns; all without any. Raises ConfigError for one that fits none."""
    known = tuple(known)
    patterns = tuple(patterns)
    for pattern in patterns:
        if not any(fnmatchcase(item.name, pattern) for item in known):
            near = nearest(pattern, [item.name for item in known])
            hint = f"did you mean {near!r}?" if near else "`imageproof scenario list` names them"
            raise ConfigError(f"no scenario is called {pattern!r}: {hint}")
    return tuple(item for item in known if not patterns or any(fnmatchcase(item.name, pattern) for pattern in patterns))


def fitting(spec: Spec, scenarios: Iterable[Scenario]) -> tuple[tuple[Scenario, ...], dict[str, str]]:
    """The scenarios that make sense at a provider, and why the others do not, by name."""
    scenarios = tuple(scenarios)
    reasons = {item.name: reason for item in scenarios if (reason := fits(spec, item)) is not None}
    return tuple(item for item in scenarios if item.name not in reasons), reasons
