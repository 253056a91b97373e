"""What a person gave can't be used: said in their words on standard error, with exit code 2 and no traceback."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

import click

from imageproof.exits import ExitCode
from imageproof.specs.library import UnknownSpecError, load
from imageproof.specs.problems import SpecError

if TYPE_CHECKING:
    from imageproof.specs.model import Spec


class Refusal(click.ClickException):
    """One sentence for the person at the command line."""

    exit_code = ExitCode.USAGE


class BrokenSpec(Refusal):
    """All problems of a file, as they are."""

    def show(self, file: IO[str] | None = None) -> None:
        """Write the problems, without anything before them that would keep editors from finding their places."""
        click.echo(self.message, file=file, err=file is None)


def spec_named(name: str) -> Spec:
    """The spec of a shipped name or a path. Raises Refusal for one that is not known or has mistakes."""
    try:
        return load(name)
    except UnknownSpecError as error:
        raise Refusal(str(error)) from None
    except SpecError as error:
        raise BrokenSpec(error.render()) from None
