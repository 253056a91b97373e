"""What one can do to a mock from outside: the same powers for the control API and for Python.

Every function runs on the mock's event loop. A request that makes no sense raises PowerError with one clear sentence.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imageproof.mock_server.accounts import Account
from imageproof.mock_server.clock import ClockMode, clock_mode
from imageproof.mock_server.faults import setting
from imageproof.mock_server.faults.words import fault_in
from imageproof.mock_server.journal import entry_as_json
from imageproof.mock_server.record import FORMATS, Moves, Record, completed_at, phase_at, progress_at, unpack
from imageproof.mock_server.tasks import MICRO, finish, in_credits
from imageproof.mock_server.triggers import NOTHING, WORDS, Script, TriggerError, in_header, one_nothing
from imageproof.specs.fault_base import FaultError
from imageproof.specs.problems import nearest
from imageproof.specs.reading import seconds

if TYPE_CHECKING:
    from imageproof.mock_server.server import Mock
    from imageproof.mock_server.service import Service
    from imageproof.specs.faults import Fault
    from imageproof.specs.model import JsonTree
    from imageproof.specs.scenario import Scenario

MOST_STEP_S = 1e10  # some three hundred years
SETTINGS = ("balance_usd", "balance_credits", "limits", "scenario", "faults", "clock", "webhook")


class PowerError(ValueError):
    """A request to the control API that makes no sense; the message says what was expected."""


def service_named(mock: Mock, provider: str) -> Service:
    """The service of a provider. Raises PowerError, naming the nearest one."""
    service = mock.services.get(provider)
    if service is None:
        near = nearest(provider, mock.services)
        hint = f"did you mean {near!r}?" if near else f"served are {', '.join(mock.services)}"
        message = f"no provider {provider[:100]!r} is served here: {hint}"
        raise PowerError(message)
    return service


def account_of(service: Service, key: str) -> Account:
    """The account of a key, opened when it is new. Raises PowerError for a key of another form."""
    if service.key_pattern.fullmatch(key) is None:
        message = (
            f"expected a key of {service.provider}, which match {service.key_pattern.pattern}, got one that does not"
        )
        raise PowerError(message)
    return service.upstream.account(service.provider, key)


def describe_account(service: Service, account: Account) -> dict[str, JsonTree]:
    """The settings and the state of an account."""
    account.ledger.settle(account.clock.now())
    rate = service.spec.billing.micro_usd_per_credit or MICRO
    balance = account.ledger.balance
    return {
        "provider": service.provider,
        "balance_usd": balance / MICRO,
        "balance_credits": in_credits(balance, rate),
        "limits": "documented" if account.limited else "off",
        "clock": {"mode": str(account.clock.mode), "now": account.clock.now()},
        "webhook": account.webhook[0] if account.webhook else None,
        "faults": [
            {"fault": text, "met": met, "struck": struck}
            for text, met, struck in (account.faults.struck() if account.faults else ())
        ],
        "jobs": account.jobs,
        "tasks": len(tasks_of(service, account)),
        "journal": {
            "entries": len(account.journal),
            "dropped": account.journal.dropped,
            "limit": account.journal.maxlen,
        },
    }


def set_account(service: Service, account: Account, settings: dict[str, JsonTree]) -> None:
    """Change an account. Raises PowerError before anything is changed."""
    _require_known(settings)
    rate = service.spec.billing.micro_usd_per_credit or MICRO
    units = {"balance_usd": MICRO, "balance_credits": rate}
    balances = [_amount(name, settings[name], unit) for name, unit in units.items() if name in settings]
    limits = settings.get("limits")
    if limits not in (None, "off", "documented"):
        message = f"expected limits to be off or documented, got {limits!r}"
        raise PowerError(message)
    scenario = _scenario(service, settings["scenario"]) if settings.get("scenario") else None
    script = _script(service, settings["scenario"]) if "scenario" in settings and scenario is None else account.script
    faults = _faults(service, settings["faults"]) if "faults" in settings else None
    mode = _mode(settings["clock"]) if "clock" in settings else None
    webhook = _webhook(settings["webhook"]) if "webhook" in settings else account.webhook
    account.script, account.webhook = script, webhook
    if scenario is not None:
        setting.play(service, account, scenario)
    if faults is not None:
        setting.book_of(service, account).replace(faults)
    for balance in balances:
        account.ledger.settle(account.clock.now())
        account.ledger.top_up(balance - account.ledger.balance, account.clock.now())
        account.script = one_nothing(replace(account.script, nocredit=False))
    if limits is not None:
        account.limited = limits == "documented"
    if mode is not None:
        account.clock.set_mode(mode)


def _require_known(settings: dict[str, JsonTree]) -> None:
    for name in settings:
        if name not in SETTINGS:
            near = nearest(name, SETTINGS)
            hint = f"did you mean {near!r}?" if near else f"known are {', '.join(SETTINGS)}"
            message = f"unknown setting {name[:100]!r}: {hint}"
            raise PowerError(message)


def _script(service: Service, value: JsonTree) -> Script:
    try:
        return setting.resolved(service, in_header(str(value))) if value else NOTHING
    except TriggerError as error:
        raise PowerError(str(error)) from None


def _scenario(service: Service, value: JsonTree) -> Scenario | None:
    """The scenario that a text names; None for a text of test cards."""
    text = str(value).strip()
    if ":" in text or ";" in text or text in WORDS:
        return None
    try:
        scenario = setting.scenario_named(service.upstream.options, text)
        setting.require_playable(service, scenario)
    except (FaultError, TriggerError) as error:
        near = nearest(text, WORDS)
        hint = f"did you mean {near!r}? " if near else ""
        raise PowerError(f"unknown trigger {text[:100]!r}: {hint}{error}") from None
    return scenario


def _faults(service: Service, value: JsonTree) -> list[Fault]:
    if value is None:
        return []
    if not isinstance(value, list):
        message = f'expected faults to be a list such as [{{"status": 502, "on": "poll"}}], got {value!r}'
        raise PowerError(message)
    return [_fault(service, item) for item in value]


def _fault(service: Service, given: JsonTree) -> Fault:
    try:
        fault = fault_in(given)
        setting.require_possible(service, fault)
    except FaultError as error:
        raise PowerError(str(error)) from None
    return fault


def add_fault(service: Service, account: Account, given: JsonTree) -> None:
    """Add one fault, given as a mapping or as text. Raises PowerError."""
    setting.add_fault(service, account, _fault(service, given))


def play(service: Service, account: Account, scenario: Scenario) -> None:
    """Put a scenario on an account: its plan, its faults, its limits. Raises PowerError before anything is changed."""
    try:
        setting.play(service, account, scenario)
    except (FaultError, TriggerError) as error:
        raise PowerError(str(error)) from None


def _amount(name: str, value: JsonTree, unit: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e9 < value < 1e9:  # noqa: PLR2004
        message = f"expected {name} to be a number, got {value!r}"
        raise PowerError(message)
    return round(value * unit)


def _mode(value: JsonTree) -> ClockMode:
    try:
        return clock_mode(str(value))
    except ValueError as error:
        raise PowerError(str(error)) from None


def _webhook(value: JsonTree) -> tuple[str, str] | None:
    if value is None:
        return None
    if isinstance(value, dict) and isinstance(url := value.get("url"), str) and url.startswith(("http://", "https://")):
        return url, str(value.get("secret") or "")
    message = 'expected webhook to be {"url": "http://...", "secret": "..."} or null'
    raise PowerError(message)


def tasks_of(service: Service, account: Account) -> list[tuple[str, Record]]:
    """The tasks of an account, in the order in which they came."""
    number = account.number
    mine = service.upstream.tasks_owned(service.provider, number)
    return [(task_id, unpack(packed)) for task_id, packed in mine]


def describe_task(service: Service, account: Account, task_id: str, record: Record) -> dict[str, JsonTree]:
    """A task as the mock knows it: its whole plan, which a client never sees."""
    now = account.clock.now()
    prompt, references, _ = record.extra()
    by_time = record.moves == Moves.BY_TIME
    return {
        "id": task_id,
        "model": service.models[record.model].name,
        "phase": phase_at(record, now).value,
        "progress": progress_at(record, now),
        "moves": Moves(record.moves).name.lower(),
        "submitted": record.submitted,
        "queue_s": record.queue_s,
        "run_s": record.run_s,
        "ends": completed_at(record) if by_time else None,
        "failure": service.failures[record.failure - 1] if record.failure else None,
        "size": f"{record.width}x{record.height}",
        "count": record.images,
        "format": FORMATS[record.format],
        "cost_usd": record.micro_usd / MICRO,
        "prompt": prompt,
        "references": [*references],
    }


def move_task(
    service: Service, account: Account, task_id: str, action: str, failure: str | None
) -> dict[str, JsonTree]:
    """Finish or fail a task now. Raises PowerError for one that has ended: terminal states never change."""
    record = service.upstream.find_task(service.provider, task_id)
    held = service.upstream.holds.get(task_id)
    if (record is None and held is None) or (record is not None and record.account != account.number):
        message = f"the account has no task {task_id[:100]!r}"
        raise PowerError(message)
    if action not in ("finish", "fail"):
        message = f"expected an action finish or fail, got {action[:100]!r}"
        raise PowerError(message)
    if action == "fail" and (failure or "upstream_failed") not in service.failures:
        known = ", ".join(service.failures) or "none"
        message = f"expected a failure that {service.provider} documents ({known}), got {failure!r}"
        raise PowerError(message)
    if held is not None:
        held.set()
    elif service.upstream.shared is not None:
        service.upstream.shared.let_go(account, task_id)
    if record is None:
        return {"id": task_id, "phase": "released"}
    now = account.clock.now()
    if phase_at(record, now).is_final:
        message = f"task {task_id} has ended ({phase_at(record, now)}), and terminal states never change"
        raise PowerError(message)
    service.upstream.polls_left.pop(task_id, None)
    done = finish(service, account, task_id, record, now, (failure or "upstream_failed") if action == "fail" else None)
    return describe_task(service, account, task_id, done)


def next_event(service: Service, account: Account) -> float | None:
    """When the next thing happens to an account by its clock: a task moves, a held call or a call back is due."""
    now = account.clock.now()
    times = [
        when
        for _, record in tasks_of(service, account)
        if record.moves == Moves.BY_TIME
        for when in (record.submitted + record.queue_s, completed_at(record))
        if when > now
    ]
    waiting = account.clock.next_wait()
    return min([*times, *([waiting] if waiting is not None and waiting > now else [])], default=None)


def move_clock(mock: Mock, accounts: list[Account], order: dict[str, JsonTree]) -> None:
    """Advance, jump to the next event, or change how fast time passes. Raises PowerError before anything is changed."""
    unknown = [name for name in order if name not in ("advance", "to", "mode")]
    if unknown or not order:
        message = 'expected {"advance": "95s"}, {"to": "next"} or {"mode": "manual"}, got ' + (
            ", ".join(unknown)[:100] or "nothing"
        )
        raise PowerError(message)
    step = _step(order["advance"]) if "advance" in order else None
    mode = _mode(order["mode"]) if "mode" in order else None
    if "to" in order and order["to"] != "next":
        message = f'expected "to" to be "next", got {order["to"]!r}'
        raise PowerError(message)
    for account in accounts:
        if mode is not None:
            account.clock.set_mode(mode)
        if step is not None:
            account.clock.advance(step)
        if "to" in order:
            when = next_event(mock.services[account.provider], account)
            if when is not None:
                account.clock.advance_to(when)


def _step(value: JsonTree) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        step = float(str(value)) if is_number else seconds(str(value))
    except ValueError as error:
        raise PowerError(str(error)) from None
    if not 0 <= step < MOST_STEP_S:
        message = f"expected a step from 0 s to {MOST_STEP_S:.0f} s, got {value!r}: time never goes back"
        raise PowerError(message)
    return step


def journal_of(account: Account) -> dict[str, JsonTree]:
    """The exchanges of an account, oldest first, without its key; says how many were dropped."""
    return {
        "limit": account.journal.maxlen,
        "dropped": account.journal.dropped,
        "entries": [entry_as_json(entry, account) for entry in account.journal],
    }


def ledger_of(service: Service, account: Account) -> dict[str, JsonTree]:
    """The money of an account: opening plus all movements is the balance."""
    account.ledger.settle(account.clock.now())
    rate = service.spec.billing.micro_usd_per_credit
    return {
        "opening_usd": account.ledger.opening / MICRO,
        "balance_usd": account.ledger.balance / MICRO,
        "usd_per_credit": rate / MICRO if rate else None,
        "movements": [
            {"kind": move.kind, "usd": move.micro_usd / MICRO, "time": move.time, "job": move.job}
            for move in account.ledger.movements()
        ],
    }


def reset_account(service: Service, account: Account) -> None:
    """Forget everything about an account; its next request opens a new one. Other accounts are not touched."""
    upstream = service.upstream
    upstream.drop_account(service.provider, account)
    service.forget(account)
