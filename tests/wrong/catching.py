"""Runs the wrong clients of this folder against their scenarios, several side by side, and says what each is told."""

from __future__ import annotations

import importlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from imageproof.client_config import ClientConfig, chosen
from imageproof.client_run import ClientRun
from imageproof.specs.client import client_rules
from imageproof.specs.facts import Level
from imageproof.specs.library import load
from imageproof.specs.scenario_reading import scenarios

FOLDER = Path(__file__).parent
NO_CLIENTS = ("base", "catching", "hooks", "run", "table", "wire")
SLOWER = 3
SIDE_BY_SIDE = 4 * (os.cpu_count() or 1)  # they wait most of the time


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """One wrong client: its lie, the rule that it breaks, and the scenarios that show it.

    `clock` is how fast time goes: intervals of a few seconds can't be told apart at 60 times the speed. `timeout_s` are
    the real seconds after which a client that never ends is ended.
    """

    name: str
    lie: str
    spec: str
    rule: str
    scenarios: tuple[str, ...]
    clock: str
    timeout_s: float | None

    @property
    def command(self) -> tuple[str, ...]:
        return (sys.executable, str(FOLDER / "run.py"), self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caught:
    """What the judges say of a wrong client: the rules that it broke, by level, and why a run went wrong itself."""

    wrong: Wrong
    failed: frozenset[str]
    warned: frozenset[str]
    trouble: str

    @property
    def is_named(self) -> bool:
        return self.wrong.rule in self.failed | self.warned

    @property
    def besides(self) -> frozenset[str]:
        """Further rules at the level MUST."""
        return self.failed - {self.wrong.rule}


def wrong_clients() -> list[Wrong]:
    """All wrong clients, by name."""
    return [_wrong(path.stem) for path in sorted(FOLDER.glob("*.py")) if _is_client(path.stem)]


def _is_client(name: str) -> bool:
    return name not in NO_CLIENTS and not name.startswith("test_")


def _wrong(name: str) -> Wrong:
    module = importlib.import_module(f"tests.wrong.{name}")
    return Wrong(
        name=name,
        lie=(module.__doc__ or "").strip(),
        spec=module.SPEC,
        rule=f"{module.SPEC}/{module.RULE}",
        scenarios=module.SCENARIOS,
        clock=getattr(module, "CLOCK", "60x"),
        timeout_s=getattr(module, "TIMEOUT_S", None),
    )


def caught(wrong: Wrong) -> Caught:
    """Run one client through its scenarios."""
    config = ClientConfig(
        spec=wrong.spec,
        command=wrong.command,
        scenarios=chosen(scenarios(), wrong.scenarios),
        clock=wrong.clock,
        timeout_s=wrong.timeout_s,
        jobs=len(wrong.scenarios),
    )
    state = ClientRun(config).run()
    broken = {rule for played in state.played for rule in played.broken}
    must = {rule.id for rule in client_rules(load(wrong.spec)) if rule.level is Level.MUST}
    trouble = "; ".join([*state.mistakes, *filter(None, [state.not_started])])
    if len(state.played) != len(wrong.scenarios):
        trouble = trouble or f"{len(state.played)} of {len(wrong.scenarios)} scenarios were played"
    return Caught(wrong=wrong, failed=frozenset(broken & must), warned=frozenset(broken - must), trouble=trouble)


def run_all(clients: list[Wrong]) -> list[Caught]:
    """Run many, side by side; what is said of each, in their order."""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return list(pool.map(caught, clients))


def all_caught() -> list[Caught]:
    """What is said of all wrong clients.

    Judges say nothing of intervals that a busy machine blurs: who was not caught is run once more, alone and slower.
    """
    rows = run_all(wrong_clients())
    return [
        row if row.is_named and not row.trouble else replace(caught(slower(row.wrong)), wrong=row.wrong) for row in rows
    ]


def slower(wrong: Wrong) -> Wrong:
    """The same on a clock that goes a third as fast."""
    timeout_s = None if wrong.timeout_s is None else SLOWER * wrong.timeout_s
    return replace(wrong, clock=f"{float(wrong.clock.removesuffix('x')) / SLOWER:g}x", timeout_s=timeout_s)
