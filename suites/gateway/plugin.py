"""pytest as the engine: options, one test for each rule, and how verdicts look as test results."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from imageproof.records.lines import Verdict
from imageproof.specs.facts import Rule
from imageproof.specs.library import load
from imageproof.suites.gateway.examples import with_examples
from imageproof.suites.gateway.options import OPTIONS, OptionError, config_from
from imageproof.suites.gateway.run import GatewayRun, rules_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imageproof.records.lines import Finding
    from imageproof.suites.gateway.config import Config

CONFIG: pytest.StashKey[Config] = pytest.StashKey()
DEST = "imageproof_"
RUN: pytest.StashKey[GatewayRun] = pytest.StashKey()
SKIPPED = {Verdict.BLOCKED: "blocked", Verdict.INCONCLUSIVE: "inconclusive", Verdict.NOT_APPLICABLE: "not applicable"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the suite, the same as those of `imageproof verify gateway`."""
    group = parser.getgroup("imageproof", "verification of a gateway")
    for option in OPTIONS:
        flag, dest = option.in_pytest or option.flag, f"{DEST}{option.name}"
        if option.is_flag:
            group.addoption(flag, dest=dest, action="store_true", default=False, help=option.help)
        elif option.many:
            group.addoption(flag, dest=dest, action="append", default=[], help=option.help)
        else:
            group.addoption(flag, dest=dest, default=None, help=option.help)


def pytest_configure(config: pytest.Config) -> None:
    """Read the options. Ends with a usage error for the first one that can't be used."""
    if CONFIG in config.stash:  # put there by whoever started pytest from Python
        return
    values = {option.name: config.getoption(f"{DEST}{option.name}") for option in OPTIONS}
    if not values["spec"] or not values["base_url"]:
        return
    try:
        found = config_from(values)
    except OptionError as error:
        raise pytest.UsageError(str(error)) from None
    if _is_worker(config) or _has_workers(config):
        if found.mode == "paid" and found.max_micro_usd is not None:
            raise pytest.UsageError("a budget is kept by one process: leave out -n, or use --mode free")
        found = replace(found, out=None)
    config.stash[CONFIG] = found


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _has_workers(config: pytest.Config) -> bool:
    return bool(getattr(config.option, "numprocesses", None))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each rule, called by its id."""
    if "rule" not in metafunc.fixturenames:
        return
    config = metafunc.config.stash.get(CONFIG, None)
    if config is None:
        raise pytest.UsageError("say what is to be verified: --spec reapi --base-url http://127.0.0.1:4010")
    rules = rules_of(load(config.spec), config.rules)
    metafunc.parametrize("rule", rules, ids=[rule.id for rule in rules])


@pytest.fixture(scope="session")
def gateway(pytestconfig: pytest.Config, request: pytest.FixtureRequest) -> Iterator[GatewayRun]:
    """The run: everything that the chosen tests need is being sent while they wait for their turn."""
    run = pytestconfig.stash.get(RUN, None)
    if run is not None:
        yield run
        return
    with GatewayRun(pytestconfig.stash[CONFIG]) as own:
        if not _is_worker(pytestconfig):
            own.prefetch(rules_chosen(request.session.items))
        yield own
        own.finish()


def rules_chosen(items: list[pytest.Item]) -> list[Rule]:
    """The rules of the tests that are about to run."""
    calls = [item.callspec for item in items if isinstance(item, pytest.Function) and hasattr(item, "callspec")]
    found = (call.params.get("rule") for call in calls)
    return [rule for rule in found if isinstance(rule, Rule)]


def show(finding: Finding) -> None:
    """Let a test end as its finding says. Raises what pytest takes for failed, skipped or expected to fail."""
    verdict = finding.verdict
    if verdict is Verdict.ERRORED:
        raise RuntimeError(finding.reason)
    if verdict in SKIPPED:
        by = f" by {finding.by}" if finding.by else ""
        pytest.skip(f"{SKIPPED[verdict]}{by}: {finding.reason}")
    if verdict is Verdict.KNOWN:
        pytest.xfail(finding.reason)
    if verdict.is_bad:
        pytest.fail(told(finding), pytrace=False)


def told(finding: Finding) -> str:
    """A failure in the three lines of h2spec: what is required, what was expected, what came."""
    lines = [
        f"{finding.rule}: {finding.sentence} ({finding.level}, {finding.how}: {finding.source})",
        f"  expected: {finding.expected}",
        f"  actual:   {finding.actual}",
    ]
    lines += [f"  also:     {more}" for more in finding.more]
    if finding.curl:
        lines.append(f"  again:    {finding.curl}")
    return "\n".join(lines)


def suite_path() -> Path:
    """Where the tests of the suite stand."""
    return Path(__file__).parent / "test_rules.py"


def judge_rule(run: GatewayRun, rule: Rule) -> Finding:
    """The finding about a rule, Hypothesis' further examples included where there are any."""
    return with_examples(run, rule, run.settle(rule))
