"""The root of the command line. Imports nothing but click, so that `imageproof --help` is there at once."""

from __future__ import annotations

import os
import sys

import click

from imageproof import __version__
from imageproof.cli.lazy import Lazy, LazyGroup

ENDED_BY_INTERRUPT = 130  # 128 and the number of the signal, as shells say it
ENDED_BY_CLOSED_PIPE = 141


class Root(LazyGroup):
    """All commands. Ends quietly when its reader has gone, as with `| head`, or on Ctrl-C."""

    lazy = {  # noqa: RUF012  (never changed; click's own class declares it as a plain attribute)
        "mock": Lazy("imageproof.cli.mock", "mock", "Serve fake providers on this machine."),
        "verify": Lazy("imageproof.cli.verifying", "verify", "Judge a gateway, or a client, by a provider's contract."),
        "load": Lazy("imageproof.cli.load", "load", "Load a gateway, and say what it adds and where it breaks."),
        "proxy": Lazy("imageproof.cli.proxy", "proxy", "Pass real traffic on unchanged, and judge both sides."),
        "judge": Lazy("imageproof.cli.judge", "judge", "Judge recorded traffic: a HAR file of any tool."),
        "replay": Lazy("imageproof.cli.replay", "replay", "Judge the failures of a run again."),
        "report": Lazy(
            "imageproof.cli.report", "report", "Show a run again, or write it as HTML, JUnit, SARIF and more."
        ),
        "diff": Lazy("imageproof.cli.diff", "diff", "Compare two runs: what fails now, what is fixed."),
        "selftest": Lazy("imageproof.cli.selftest", "selftest", "Prove that the suite notices what it should."),
        "baseline": Lazy("imageproof.cli.baseline", "baseline", "List known failures, and check such lists."),
        "spec": Lazy("imageproof.cli.spec", "spec", "List, check, show and export contracts."),
        "scenario": Lazy("imageproof.cli.scenario", "scenario", "List, show and check scenarios for clients."),
        "explain": Lazy("imageproof.cli.explain", "explain", "Say everything about rules: sentence, source, examples."),
        "triggers": Lazy(
            "imageproof.cli.triggers", "triggers", "Show the words that make the mock misbehave on purpose."
        ),
    }

    def invoke(self, ctx: click.Context) -> object:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            os.dup2(
                os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
            )  # what is still buffered has no reader either
            ctx.exit(ENDED_BY_CLOSED_PIPE)
        except KeyboardInterrupt:
            ctx.exit(ENDED_BY_INTERRUPT)


@click.command(cls=Root, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="imageproof")
def cli() -> None:
    """Prove that a client or gateway of an image-generation API behaves, offline and without paying a provider."""


def main() -> None:
    """Run the command line of this process, and end it with one of `ExitCode`."""
    cli.main(prog_name="imageproof")
