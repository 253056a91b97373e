"""How faults come to an account: by hand, by a scenario, from the mock's own options, or from one request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.mock_server.fate import job_digest
from imageproof.mock_server.faults.book import FaultBook, Stage, stage_of
from imageproof.mock_server.faults.jobs import ANY
from imageproof.mock_server.faults.words import written
from imageproof.mock_server.triggers import HEADER, NOTHING, Script, TriggerError, in_header, one_nothing
from imageproof.specs.fault_answers import ErrorAnswer
from imageproof.specs.fault_base import FaultError
from imageproof.specs.fault_tasks import ErrorInSuccess, Fails
from imageproof.specs.problems import nearest
from imageproof.specs.scenario_fits import fits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imageproof.mock_server.accounts import Account
    from imageproof.mock_server.call import Call
    from imageproof.mock_server.options import Options
    from imageproof.mock_server.service import Service
    from imageproof.specs.faults import Fault
    from imageproof.specs.scenario import Scenario

USUAL_FAILURES = frozenset({"upstream_submit_failed", "upstream_failed", "upstream_timeout", "moderated_output"})


def require_possible(service: Service, fault: Fault) -> None:
    """Raise FaultError for a name that the provider does not have, and for what no account can do."""
    what = fault.what
    errors = service.spec.errors
    match what:
        case ErrorAnswer(name=name) | ErrorInSuccess(name=name) if name not in errors:
            raise FaultError(f"{service.provider} has no error answer {name!r}: {_known(name, errors)}")
        case Fails(name=name) if name != ANY:
            known = {*service.failures} or USUAL_FAILURES | set(errors)
            if name not in known:
                raise FaultError(f"{service.provider} has no failure {name!r}: {_known(name, (*known, ANY))}")
        case _:
            pass
    if stage_of(what) is Stage.DOOR:
        raise FaultError(f"{written(fault)} strikes before there is a request: use `Mock.door()` or a scenario")


def _known(name: str, names: Iterable[str]) -> str:
    near = nearest(name, list(names))
    return f"did you mean {near!r}?" if near else f"known are {', '.join(sorted(names))}"


def book_of(service: Service, account: Account) -> FaultBook:
    """The faults of an account; from its first one on each request of it takes the long way."""
    if account.faults is None:
        oldest = account.journal.first()
        first = oldest.at if oldest is not None else None
        account.faults = FaultBook(seed=service.upstream.seed, key=account.key, first=first)
    return account.faults


def add_fault(service: Service, account: Account, fault: Fault) -> None:
    """Add one fault to an account. Raises FaultError."""
    require_possible(service, fault)
    book_of(service, account).add(fault)


def scenario_named(options: Options, name: str) -> Scenario:
    """The scenario of this name. Raises FaultError when there is none, or when this mock knows no scenarios."""
    if options.scenarios is None:
        raise FaultError(f"this mock knows no scenarios, so none is called {name!r}")
    try:
        return options.scenarios(name)
    except ValueError as error:
        raise FaultError(str(error)) from None


def require_playable(service: Service, scenario: Scenario) -> tuple[Script, tuple[Fault, ...]]:
    """The plan and the faults of a scenario at a provider. Raises FaultError or TriggerError.

    How long connections are refused is left out: whoever runs the scenario does that, with a door.
    """
    reason = fits(service.spec, scenario)
    if reason is not None:
        raise FaultError(f"the scenario {scenario.name!r} makes no sense for {service.provider}: {reason}")
    faults = tuple(fault for fault in scenario.faults if stage_of(fault.what) is not Stage.DOOR)
    for fault in faults:
        require_possible(service, fault)
    return in_header(scenario.plan), faults


def play(service: Service, account: Account, scenario: Scenario) -> None:
    """Put a scenario on an account, in place of its script, its faults and its limits."""
    script, faults = require_playable(service, scenario)
    account.script = one_nothing(script)
    account.limited = scenario.limits
    if faults or account.faults is not None:
        book_of(service, account).replace(faults)


def resolved(service: Service, script: Script) -> Script:
    """A script with what the scenario that it names asks for. Raises TriggerError."""
    if script.scenario is None and not script.faults:
        return script
    try:
        for fault in script.faults:
            require_possible(service, fault)
        if script.scenario is None:
            return script
        scenario = scenario_named(service.upstream.options, script.scenario)
        plan, faults = require_playable(service, scenario)
    except FaultError as error:
        raise TriggerError(str(error)) from None
    if scenario.limits:
        raise TriggerError(
            f"the scenario {scenario.name!r} keeps rate limits, which hold for a whole account: "
            "set it for the account (control API, --scenario, MockAccount.play)"
        )
    return script.over(plan).with_faults(faults)


def attach(service: Service, call: Call) -> None:
    """Let the faults that a request itself asks for strike its job, told by what was sent with which header."""
    if call.script.faults:
        book = book_of(service, call.account)
        call.scope = job_digest(call.job + call.headers.get(HEADER, "").encode())
        for fault in call.script.faults:
            book.add_to_job(call.scope, fault)


def dress(service: Service, account: Account) -> None:
    """Give a new account what the mock's own options want of each: a scenario and faults, where they are possible.

    What the end of its key says goes before the scenario.
    """
    options = service.upstream.options
    if options.scenario is not None:
        scenario = scenario_named(options, options.scenario)
        if fits(service.spec, scenario) is None:
            own = account.script
            play(service, account, scenario)
            account.script = own.over(account.script) if own is not NOTHING else account.script
            account.limited = account.limited or own.limited
    for fault in options.faults:
        if is_possible(service, fault):
            book_of(service, account).add(fault)


def is_possible(service: Service, fault: Fault) -> bool:
    """Whether a provider has what a fault names."""
    try:
        require_possible(service, fault)
    except FaultError:
        return False
    return True


def require_options(services: Iterable[Service], options: Options) -> None:
    """Raise FaultError for faults that none of the providers served can have, and for an unknown scenario."""
    served = list(services)
    for fault in options.faults:
        if served and not any(is_possible(service, fault) for service in served):
            require_possible(served[0], fault)
    if options.scenario is not None:
        scenario = scenario_named(options, options.scenario)
        if served and all(fits(service.spec, scenario) is not None for service in served):
            require_playable(served[0], scenario)
