"""`imageproof scenario`: what providers can be made to do to a client."""

from __future__ import annotations

import click

from imageproof.cli.lazy import Lazy, LazyGroup


class ScenarioCommands(LazyGroup):
    """What can be done with scenarios."""

    lazy = {  # noqa: RUF012  (never changed; click's own class declares it as a plain attribute)
        "list": Lazy("imageproof.cli.scenario_list", "list_scenarios", "List the scenarios, and which fit a provider."),
        "show": Lazy(
            "imageproof.cli.scenario_show", "show_scenario", "Show one scenario, and its order at a provider."
        ),
        "lint": Lazy("imageproof.cli.scenario_lint", "lint_scenarios", "Find every mistake in scenario files."),
    }


@click.command(cls=ScenarioCommands)
def scenario() -> None:
    """List, show and check scenarios: jobs for a client, and what goes wrong meanwhile."""
