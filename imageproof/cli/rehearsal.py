"""`--dry-run`: rehearse the run against the mock, and say what it would send and cost elsewhere.

A rehearsal is exact where a formula would guess: the same suite runs against a mock that conforms, and its requests
are counted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from imageproof.cli.refusal import BrokenSpec, Refusal
from imageproof.mock import Mock
from imageproof.records.lines import Exchange, Line
from imageproof.specs.library import load
from imageproof.specs.problems import SpecError
from imageproof.suites.baseline import BaselineError
from imageproof.suites.gateway.config import Keys
from imageproof.suites.gateway.engine import run_suite
from imageproof.suites.gateway.options import LOCAL_JOBS
from imageproof.suites.gateway.planning import affordable, ordered, wanted
from imageproof.suites.gateway.run import GatewayRun
from imageproof.suites.wire import Pace

if TYPE_CHECKING:
    from imageproof.specs.model import Spec
    from imageproof.suites.gateway.config import Config
    from imageproof.suites.gateway.planning import Wanted

MICRO = 1_000_000


class _Counted(GatewayRun):
    """A run whose record is counted and thrown away."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.operations: Counter[str] = Counter()

    def write(self, line: Line) -> None:
        """Count a request."""
        if isinstance(line, Exchange):
            self.operations[line.operation or "results"] += 1


def rehearse(config: Config) -> int:
    """Print requests and expected cost of a run, in credits and USD, for each rule; sends nothing to the target."""
    spec = load(config.spec)
    with Mock(config.spec, clock="jump", seed=config.seed, pictures="plain") as mock:
        account = mock.account()
        local = replace(
            config,
            base_url=account.base_url,
            keys=Keys(own=account.key, other=f"{account.key}-other", derived=True),
            out=None,
            baseline=None,
            patient=False,
            pace=Pace(),
            jobs_at_once=LOCAL_JOBS,
            scale=1.0,
            cards=config.cards if config.cards is not None else config.is_loopback,
        )
        try:
            with _Counted(local) as run:
                plan = ordered(wanted(run.session, run.rules)) if run.session and config.mode == "paid" else []
                run_suite(run)
                run.finish()
                tally = run.session.bench.tally if run.session else None
        except SpecError as error:
            raise BrokenSpec(error.render()) from None
        except BaselineError as error:
            raise Refusal(str(error)) from None
    _print(config, spec, run, plan)
    if tally is not None and config.mode == "paid":
        _print_money(config, spec, plan, tally.billable, tally.micro_usd)
    return 0


def _print(config: Config, spec: Spec, run: _Counted, plan: list[Wanted]) -> None:
    del plan
    total = sum(run.operations.values())
    click.echo(f"{spec.title}: {len(run.rules)} rules, {config.mode} mode, against {config.base_url}")
    told = ", ".join(f"{count} {name}" for name, count in run.operations.most_common())
    click.echo(f"about {total} requests: {told}")
    if config.mode == "free":
        click.echo("none of them is billable, as long as the target refuses what it must refuse")


def _print_money(config: Config, spec: Spec, plan: list[Wanted], billable: int, micro_usd: int) -> None:
    rate = spec.billing.micro_usd_per_credit
    click.echo(f"{billable} of them are billable, about {_amount(micro_usd, rate)} in all")
    chosen = {item.job.key for item in affordable(plan, config.max_micro_usd)}
    served: set[str] = set()
    click.echo("in this order, what proves most for a cent first:")
    for item in plan:
        mark = " " if item.job.key in chosen else "-"
        fresh = sorted(item.rules - served)
        served |= item.rules
        first = fresh[0] if fresh else "pairs of values only"
        more = f" and {len(fresh) - 1} more" if len(fresh) > 1 else ""
        click.echo(f" {mark} {_amount(item.job.micro_usd, rate):>24}  {item.purpose}: {first}{more}")
    if len(chosen) < len(plan):
        click.echo(f"{len(plan) - len(chosen)} requests (marked -) do not fit into --max-cost and would not be sent")
    unpriced = [item for item in plan if item.job.outcome.micro_usd is None]
    if unpriced:
        click.echo(f"no page gives the price of {len(unpriced)} of them: a careful guess is set aside for each")


def _amount(micro_usd: int, rate: int | None) -> str:
    usd = f"${micro_usd / MICRO:.4f}"
    return f"{usd} ({micro_usd / rate:g} credits)" if rate else usd
