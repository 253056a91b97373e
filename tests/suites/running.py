"""Run the gateway suite inside a test, against a mock of its own, and look at what was found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imageproof import Mock, MockAccount
from imageproof.records.lines import Finding, Verdict
from imageproof.suites.gateway.config import Config, Keys, Mode
from imageproof.suites.gateway.run import GatewayRun
from imageproof.suites.wire import Pace


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a run came to: findings by rule, exit code and sentence, requests, and what the mock charged."""

    findings: dict[str, Finding]
    exit: int
    says: str
    requests: int
    charged_micro_usd: int

    def rules(self, *verdicts: Verdict) -> list[str]:
        """The rules with one of these verdicts, in the order of the run."""
        return [finding.rule for finding in self.findings.values() if finding.verdict in verdicts]

    @property
    def failed(self) -> list[str]:
        """The rules that failed, or could not be judged because of a mistake of ours."""
        return self.rules(Verdict.FAILED, Verdict.STALE, Verdict.ERRORED)


def config_for(  # noqa: PLR0913  (what a test may ask for, by name)
    account: MockAccount,
    spec: str,
    *,
    mode: Mode = "paid",
    rules: tuple[str, ...] = (),
    seed: int = 1,
    out: Path | None = None,
    max_micro_usd: int | None = None,
    scale: float = 1.0,
    resume: bool = False,
) -> Config:
    """A configuration for a mock of this test."""
    return Config(
        spec=spec,
        base_url=account.base_url,
        keys=Keys(own=account.key, other=f"{account.key}-other", derived=True),
        mode=mode,
        seed=seed,
        rules=rules,
        out=out,
        max_micro_usd=max_micro_usd,
        scale=scale,
        resume=resume,
        patient=False,
        examples=2,
        jobs_at_once=24,
        job_s=20.0,
        pace=Pace(patience_s=60.0),
    )


def run_config(config: Config, account: MockAccount | None = None) -> Found:
    """Run all rules of a configuration, one after the other, as the tests of the suite do."""
    before = spent(account) if account else 0
    with GatewayRun(config) as run:
        run.prefetch(run.rules)
        for rule in run.rules:
            run.settle(rule)
        state = run.finish()
        requests = run.session.bench.tally.requests if run.session else 0
    return Found(
        findings=state.findings,
        exit=state.exit,
        says=state.says,
        requests=requests,
        charged_micro_usd=(spent(account) if account else 0) - before,
    )


def spent(account: MockAccount) -> int:
    """What the mock has charged an account so far, in micro-dollars."""
    ledger = account.ledger()
    return round((float(str(ledger["opening_usd"])) - float(str(ledger["balance_usd"]))) * 1_000_000)


def judge(spec: str, *, sabotage: str | None = None, clock: str = "jump", **asked: object) -> Found:
    """Judge a mock that keeps all rules, or all but one."""
    with Mock(spec, clock=clock, sabotage=sabotage, pictures="plain") as mock:
        account = mock.account()
        scale = float(clock.removesuffix("x")) if clock.endswith("x") else 1.0
        return run_config(config_for(account, spec, scale=scale, **asked), account)  # type: ignore[arg-type]
