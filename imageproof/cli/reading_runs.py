"""Runs that a person names on the command line, read back; what can't be read is refused in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imageproof.cli.refusal import Refusal
from imageproof.records.reading import RunError, read_run

if TYPE_CHECKING:
    from imageproof.records.reading import Run


def run_at(name: str) -> Run:
    """The run in a folder or file. Raises Refusal."""
    try:
        return read_run(Path(name))
    except RunError as error:
        raise Refusal(str(error)) from None
    except OSError as error:
        raise Refusal(f"expected a run at {name} that can be read, got: {error.strerror or error}") from None
