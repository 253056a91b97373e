"""`imageproof verify gateway`: judge a target by the rules of a contract."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING

import click
from rich.console import Console

from imageproof.cli.refusal import BrokenSpec, Refusal, spec_named
from imageproof.records.reading import RunError, read_run
from imageproof.reports import terminal
from imageproof.reports.progress import Progress
from imageproof.specs.library import load
from imageproof.specs.problems import SpecError
from imageproof.suites.baseline import BaselineError
from imageproof.suites.gateway.engine import run_suite
from imageproof.suites.gateway.options import OPTIONS, OptionError, config_from, made_up_keys
from imageproof.suites.gateway.run import GatewayRun
from imageproof.suites.ledger import LedgerError

if TYPE_CHECKING:
    from imageproof.records.lines import Finding
    from imageproof.suites.gateway.config import Config
    from imageproof.suites.gateway.run import State

IN_ARGUMENTS = ("--spec",)
INTERRUPTED = 2  # pytest says so of a run that was ended by Ctrl-C


def _with_options(command: click.Command) -> click.Command:
    """Give a command the options of the suite, in their order, before its own."""
    command.params[1:1] = [
        click.Option(
            [option.flag],
            is_flag=option.is_flag,
            multiple=option.many,
            required=option.flag == "--base-url",
            default=False if option.is_flag else None,
            help=option.help,
        )
        for option in OPTIONS
        if option.flag not in IN_ARGUMENTS
    ]
    return command


@_with_options
@click.command()
@click.argument("spec")
@click.option("--dry-run", is_flag=True, help="send nothing: say what would be sent and what it would cost")
@click.option("--quiet", "-q", is_flag=True, help="only failures and the last line")
@click.pass_context
def gateway(ctx: click.Context, /, spec: str, *, dry_run: bool, quiet: bool, **values: object) -> None:
    """Verify the gateway at --base-url by the contract SPEC (a shipped name or the path of a YAML file).

    Exit codes: 0 conforms, 1 does not, 2 usage, 3 unreachable or our own mistake, 4 nothing judged, 5 budget ended.
    """
    spec_named(spec)
    config = read_config({"spec": spec, **values})
    if dry_run:
        from imageproof.cli.rehearsal import rehearse  # the mock is loaded only for it

        ctx.exit(rehearse(config))
    ctx.exit(run_and_report(config, quiet=quiet))


def read_config(values: dict[str, object]) -> Config:
    """The configuration that options ask for. Raises Refusal for the first one that can't be used."""
    try:
        return config_from(values)
    except OptionError as error:
        raise Refusal(str(error)) from None


def run_and_report(config: Config, *, quiet: bool) -> int:
    """Run the suite, show what was found, and give the exit code."""
    state = run_gateway(config, quiet=quiet)
    if config.out is not None:
        terminal.write(read_run(config.out), quiet=quiet)
        if not quiet:
            click.echo(f"\nrecord: {config.out} (as a page: imageproof report {config.out} --html report.html)")
    return state.exit


def run_gateway(config: Config, *, quiet: bool) -> State:
    """Run the suite against a target. Raises Refusal for files that can't be used."""
    if config.resume:
        config = resumed(config)
    shown = _Shown(quiet=quiet)
    try:
        run = GatewayRun(config, observe=shown.saw)
        shown.begin(run)
        with run:
            stopped = True
            try:
                stopped = run_suite(run) == INTERRUPTED
            except KeyboardInterrupt:  # between two tests: the same as within one
                stopped = True
            finally:
                shown.end()
                state = run.finish(stopped=stopped)
    except SpecError as error:
        raise BrokenSpec(error.render()) from None
    except (BaselineError, LedgerError) as error:
        raise Refusal(str(error)) from None
    except FileExistsError:
        raise Refusal(
            f"expected no run in {config.out} yet, got one: choose another --out, or go on with it by --resume"
        ) from None
    except OSError as error:
        raise Refusal(f"expected to write into {config.out}, got {error.strerror or error}") from None
    return state


def resumed(config: Config) -> Config:
    """The configuration with the seed of the run that is gone on with: without it no request would be the same.

    Raises Refusal when there is no run to go on with.
    """
    if config.out is None:
        raise Refusal("expected --out with --resume: the folder of the run to go on with")
    try:
        before = read_run(config.out)
    except RunError as error:
        raise Refusal(str(error)) from None
    seed = before.header.seed
    keys = made_up_keys(load(config.spec).auth.key_example, seed) if config.keys.derived else config.keys
    return replace(config, seed=seed, keys=keys)


class _Shown:
    """Progress on standard error."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._run: GatewayRun | None = None
        self._progress: Progress | None = None
        self._began = monotonic()
        self._done = self._failed = 0

    def begin(self, run: GatewayRun) -> None:
        """Note what is being run."""
        self._run = run
        self._progress = Progress(Console(stderr=True), len(run.rules), quiet=self._quiet)

    def saw(self, finding: Finding) -> None:
        """Count a finding, and show where the run is."""
        self._done += 1
        self._failed += finding.verdict.is_bad
        run, progress = self._run, self._progress
        if run is None or progress is None:
            return
        tally = run.session.bench.tally if run.session else None
        spent = monotonic() - self._began
        progress.update(
            done=min(self._done, len(run.rules)),
            failed=self._failed,
            requests=tally.requests if tally else 0,
            billable=tally.billable if tally else 0,
            micro_usd=tally.micro_usd if tally else 0,
            seconds_left=spent / self._done * max(0, len(run.rules) - self._done) if self._knows(run) else None,
        )

    def _knows(self, run: GatewayRun) -> bool:
        """Whether enough is done to say how long the rest takes: the first rules wait for what all need."""
        return self._done * 4 >= len(run.rules)

    def end(self) -> None:
        """Take the live line away."""
        if self._progress is not None:
            self._progress.close()
