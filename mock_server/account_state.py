"""An account as bytes, for a state that outlives a process or is shared by several.

What grows with every job (tasks, movements, exchanges) is kept elsewhere, row by row; this is the rest. Reading it back
makes only the mock's own value classes: whoever can write to the store can move money, but not run code.
"""

from __future__ import annotations

import io
import pickle
from typing import TYPE_CHECKING, NamedTuple

from imageproof.mock_server.accounts import Bucket
from imageproof.mock_server.clock import ClockMode
from imageproof.mock_server.faults.book import FaultBook
from imageproof.mock_server.triggers import Script, one_nothing

if TYPE_CHECKING:
    from imageproof.mock_server.accounts import Account

VALUES = frozenset(
    {
        "imageproof.mock_server.accounts",
        "imageproof.mock_server.clock",
        "imageproof.mock_server.faults.book",
        "imageproof.mock_server.triggers",
        "imageproof.specs.fault_answers",
        "imageproof.specs.fault_base",
        "imageproof.specs.fault_tasks",
        "imageproof.specs.faults",
    }
)
PLAIN = frozenset({("collections", "OrderedDict"), ("builtins", "set")})


class ForeignStateError(Exception):
    """What was read is no state that this version of the mock has written."""


class AccountState(NamedTuple):
    """All of an account that does not grow with every job."""

    number: int
    jobs: int
    limited: bool
    script: Script
    webhook: tuple[str, str] | None
    queue: list[float]
    buckets: dict[str, Bucket]
    clock: tuple[ClockMode, float, float]
    money: tuple[int, int, int, list[tuple[float, int, int]]]
    faults: FaultBook | None


class _Values(pickle.Unpickler):
    """Reads the values of an account, and nothing else."""

    def find_class(self, module: str, name: str) -> type:
        if (module, name) in PLAIN or (module in VALUES and "." not in name):
            found = super().find_class(module, name)
            if isinstance(found, type) and found.__module__ == module:
                return found
        raise ForeignStateError(f"expected the state of an account, got something that names {module}.{name}")


def packed_state(account: Account) -> bytes:
    """The state of an account as bytes."""
    state = AccountState(
        account.number,
        account.jobs,
        account.limited,
        account.script,
        account.webhook,
        account.queue,
        account.buckets,
        account.clock.state(),
        account.ledger.state(),
        account.faults,
    )
    return pickle.dumps(tuple(state), 5)


def restore_state(account: Account, packed: bytes) -> None:
    """Give an account the state of these bytes. Raises ForeignStateError when they are none."""
    state = AccountState(*read_values(packed, len(AccountState._fields)))  # type: ignore[arg-type]  # as was packed
    account.number = state.number
    account.jobs = state.jobs
    account.limited = state.limited
    account.script = one_nothing(state.script)
    account.webhook = state.webhook
    account.queue = state.queue
    account.buckets = state.buckets
    account.faults = state.faults
    account.ledger.set_state(*state.money)
    account.clock.set_state(*state.clock)


def read_values(packed: bytes, length: int) -> tuple[object, ...]:
    """A tuple of this length from bytes. Raises ForeignStateError."""
    try:
        state = _Values(io.BytesIO(packed)).load()
    except ForeignStateError:
        raise
    except Exception as error:  # any garbage may be met, and pickle promises no kind of error for it
        raise ForeignStateError(f"expected the state of an account, got bytes that hold none: {error}") from error
    if not isinstance(state, tuple) or len(state) != length:
        raise ForeignStateError(f"expected {length} values of an account, got {type(state).__name__}")
    return state
