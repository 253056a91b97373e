"""`imageproof spec`: the contracts."""

from __future__ import annotations

import click

from imageproof.cli.lazy import Lazy, LazyGroup


class SpecCommands(LazyGroup):
    """What can be done with contracts."""

    lazy = {  # noqa: RUF012  (never changed; click's own class declares it as a plain attribute)
        "list": Lazy("imageproof.cli.spec_list", "list_specs", "List the contracts that come with imageproof."),
        "lint": Lazy("imageproof.cli.spec_lint", "lint_files", "Find every mistake in spec files."),
        "show": Lazy("imageproof.cli.spec_show", "show_spec", "Show everything that follows from a contract."),
        "export": Lazy("imageproof.cli.spec_export", "export_spec", "Write a contract as OpenAPI 3.1."),
    }


@click.command(cls=SpecCommands)
def spec() -> None:
    """List, check, show and export contracts.

    A SPEC is the name of a contract that comes with imageproof or the path of a YAML file, with an optional @PROFILE.
    """
