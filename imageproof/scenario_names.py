"""Scenarios by their names, for whoever composes a mock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.specs.problems import nearest

if TYPE_CHECKING:
    from imageproof.specs.scenario import Scenario


def scenario_named(name: str) -> Scenario:
    """The shipped scenario of this name. Raises ValueError, naming the nearest one."""
    from imageproof.specs.scenario_reading import scenarios  # noqa: PLC0415  (reads many files; seldom needed)

    known = {scenario.name: scenario for scenario in scenarios()}
    if name not in known:
        near = nearest(name, known)
        hint = f"did you mean {near!r}?" if near else "`imageproof scenario list` shows those that there are"
        message = f"no scenario is called {name[:100]!r}: {hint}"
        raise ValueError(message)
    return known[name]
