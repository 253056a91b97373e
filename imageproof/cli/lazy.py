"""A group of commands whose modules are imported when one of them is run, and not to list them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

import click

from imageproof.cli.startup import collector_paused

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Lazy:
    """Where a command stands (`module`, and its name in it), and the line that lists it."""

    module: str
    name: str
    help: str

    def load(self) -> click.Command:
        """Import the command. Raises TypeError when there is something else under its name."""
        with collector_paused():
            command = getattr(import_module(self.module), self.name)
        if not isinstance(command, click.Command):
            raise TypeError(f"expected a command at {self.module}:{self.name}, got {command!r}")
        return command


class LazyGroup(click.Group):
    """Like `click.Group`, with commands that are named beforehand."""

    lazy: Mapping[str, Lazy]

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click asks with it)
        """The names in the order in which they were given."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  (as above)
        """The command, imported now; None for a name that is not known."""
        known = self.lazy.get(cmd_name)
        return known.load() if known else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  (as above)
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.help) for name, command in self.lazy.items()])
