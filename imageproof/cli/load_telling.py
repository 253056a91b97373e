"""`imageproof load` runs, says how it goes on standard error, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from imageproof.cli.refusal import BrokenSpec, Refusal

if TYPE_CHECKING:
    from imageproof.load_config import LoadConfig
    from imageproof.load_measure import LoadState
    from imageproof.reports.progress import Progress
    from imageproof.specs.model import Spec


def estimate(config: LoadConfig, spec: Spec) -> str:
    """What a run would send, and what it would cost at the provider."""
    from imageproof.reports.amounts import usd

    if config.books is not None:
        return f"nothing would be sent: the books in {config.books} would be judged"
    jobs, cost = config.expected_jobs(), config.expected_micro_usd(spec)
    target = config.base_url or "a mock of its own"
    each = usd(round(config.mix_of(spec).mean_micro_usd))
    if jobs is None or cost is None:
        return f"{config.users} users would send jobs of {each} each to {target}, as many as they get answers to"
    return f"about {jobs:,} jobs of {each} each would be sent to {target}: {usd(cost)} at the provider's prices"


def run_and_tell(config: LoadConfig, spec: Spec, *, quiet: bool) -> int:
    """Run, show how it goes on standard error, and give the exit code."""
    from imageproof.exits import ExitCode
    from imageproof.load_probe import DeadError, DeniedError, knock
    from imageproof.load_run import run_load
    from imageproof.specs.problems import SpecError

    for url in filter(None, (config.base_url, config.against)):
        try:
            knock(spec, url, config.key)
        except (DeadError, DeniedError) as error:
            click.echo(f"Error: {error}", err=True)
            return ExitCode.UNREACHABLE if isinstance(error, DeadError) else ExitCode.NOTHING_JUDGED
    shown = _Shown(config, quiet=quiet)
    try:
        state = run_load(config, shown.saw)
    except SpecError as error:
        raise BrokenSpec(error.render()) from None
    except FileExistsError:
        raise Refusal(f"expected no run in {config.out} yet, got one: choose another --out") from None
    except OSError as error:
        raise Refusal(f"expected to write into {config.out}, got {error.strerror or error}") from None
    finally:
        shown.close()
    tell(config, state, quiet=quiet)
    return state.exit


def tell(config: LoadConfig, state: LoadState, *, quiet: bool) -> None:
    """Write what was measured."""
    if not quiet:
        for line in (*(state.judged.lines if state.judged is not None else ()), *state.lines):
            if not line or not state.says.startswith(line):  # what the last line begins with is not said twice
                click.echo(line)
        click.echo()
    click.echo(state.says)
    if not quiet and config.out is not None:
        click.echo(f"\nrecord: {config.out}")


class _Shown:
    """Progress on standard error."""

    def __init__(self, config: LoadConfig, *, quiet: bool) -> None:
        from rich.console import Console

        from imageproof.reports.progress import Progress

        self._progress: Progress = Progress(Console(stderr=True), config.known_jobs(), quiet=quiet, things="job")

    def saw(self, state: LoadState) -> None:
        """Show where the run is."""
        live = state.live
        self._progress.update(
            done=len(live.jobs),
            failed=live.failed,
            requests=live.requests,
            billable=len(live.jobs),
            micro_usd=live.micro_usd,
            says=f"{live.open} open",
        )

    def close(self) -> None:
        """Take the line away."""
        self._progress.close()
