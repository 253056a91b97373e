"""`imageproof judge`: judge traffic that was recorded before, and what the proxy has in common with it."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import randrange
from typing import TYPE_CHECKING

import click

from imageproof.cli.refusal import Refusal, spec_named
from imageproof.proxy.har import RecordingError
from imageproof.proxy.passive import Passive, Source
from imageproof.proxy.recorded import read_recording
from imageproof.records.reading import read_run
from imageproof.records.writing import NAME, Writer
from imageproof.reports import terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imageproof.specs.model import Spec

RECORDINGS = (".har", ".jsonl")


def folder_for(out: Path | None, what: str, spec: Spec) -> Path:
    """The folder of the record: the one that is wanted, or a new one whose name says when and what."""
    if out is not None:
        return out
    moment = datetime.now(tz=UTC).strftime("%Y%m%dT%H%M%S")
    return Path("imageproof-runs") / f"{moment}-{what}-{spec.name}-{randrange(16**4):04x}"


@contextmanager
def record_in(out: Path) -> Iterator[Writer]:
    """A new record in a folder. Raises Refusal when there is one already, or none can be written."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        writer = Writer(out / NAME)
    except FileExistsError:
        raise Refusal(f"expected no run in {out} yet, got one: choose another --out") from None
    except OSError as error:
        raise Refusal(f"expected to write into {out}, got {error.strerror or error}") from None
    with writer:
        yield writer


def report_on(out: Path, *, quiet: bool) -> None:
    """Show what is in a record."""
    terminal.write(read_run(out), quiet=quiet)
    if not quiet:
        click.echo(f"\nrecord: {out} (as a page: imageproof report {out} --html report.html)")


@click.command()
@click.argument("spec")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="The folder of the record.")
@click.option("--strict", is_flag=True, help="A broken SHOULD fails as well.")
@click.option("--quiet", "-q", is_flag=True, help="Only the last line.")
@click.pass_context
def judge(ctx: click.Context, /, spec: str, file: Path, *, out: Path | None, strict: bool, quiet: bool) -> None:
    """Judge the traffic in FILE by the contract SPEC (a shipped name or the path of a YAML file).

    FILE is a HAR file of any tool, such as a browser or another proxy, or the run.jsonl of an earlier run. Both sides
    are judged: what the clients sent and did, and what the provider answered. Nothing is sent.

    Exit codes: 0 conforms, 1 does not, 2 usage, 3 our own mistake, 4 nothing judged.
    """
    if spec.endswith(RECORDINGS) and not str(file).endswith(RECORDINGS):
        raise Refusal(f"expected the contract first and then the recording: imageproof judge {file} {spec}")
    contract = spec_named(spec)
    try:
        tapes = read_recording(file)
    except RecordingError as error:
        raise Refusal(str(error)) from None
    folder = folder_for(out, "judge", contract)
    with record_in(folder) as writer:
        source = Source(mode="recording", target=str(file), config={})
        passive = Passive(contract, source, writer.write, strict=strict)
        passive.begin()
        for tape in tapes:
            passive.take(tape)
        result = passive.finish()
    report_on(folder, quiet=quiet)
    ctx.exit(result.exit)
