"""The state of a mock in a file, so that accounts, tasks and money are there again after a restart.

The file holds plain values only: reading it makes numbers, texts and lists, and the mock's own value classes for what
an account has (see `account_state`), so a file from elsewhere can't run code. It is written beside itself and then put
in place, so it is always whole.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import logging
import os
import pickle
import time
from collections import deque
from typing import TYPE_CHECKING

from imageproof.mock_server.account_state import ForeignStateError, packed_state, restore_state
from imageproof.mock_server.record import unpack
from imageproof.mock_server.results import Sources
from imageproof.mock_server.stored import StateFileError
from imageproof.mock_server.truths import Held
from imageproof.mock_server.upstream import Upload

if TYPE_CHECKING:
    from pathlib import Path

    from imageproof.mock_server.accounts import Account
    from imageproof.mock_server.server import Mock
    from imageproof.mock_server.upstream import Upstream

log = logging.getLogger("imageproof.mock")
OWN = 0o600  # keys are in it
MAGIC = b"imageproof state 1\n"
Plain = dict[str, object]


class _Plain(pickle.Unpickler):
    """Reads plain values, and no class whatever."""

    def find_class(self, module: str, name: str) -> type:
        raise ForeignStateError(f"expected plain values, got {module}.{name}")


def contracts(mock: Mock) -> dict[str, str]:
    """What tasks of each provider mean: a digest of the names that their records count."""
    return {
        name: hashlib.sha256(
            repr(
                ([model.name for model in service.models], service.failures, [item.name for item in service.operations])
            ).encode()
        ).hexdigest()
        for name, service in mock.services.items()
    }


def snapshot(mock: Mock) -> Plain:
    """All that the mock knows, as plain values. Called on the mock's own loop."""
    upstream = mock.upstream
    return {
        "seed": upstream.options.seed,
        "contracts": contracts(mock),
        "started": upstream.started,
        "requests": upstream.requests,
        "wall": time.time(),
        "accounts": [_account(account) for account in upstream.by_key.values()],
        "tasks": {provider: dict(table) for provider, table in upstream.tasks.items()},
        "polls_left": dict(upstream.polls_left),
        "expired": [*upstream.expired],
        "twins": {name: twin.pack() for name, twin in upstream.twins.items()},
        "uploads": [(name, kept.data, kept.content_type, kept.account) for name, kept in upstream.uploads.items()],
        "sources": {name: service.gallery.sources() for name, service in mock.services.items()},
    }


def _account(account: Account) -> Plain:
    return {
        "provider": account.provider,
        "key": account.key,
        "state": packed_state(account),
        "now": account.clock.now(),
        "rows": account.ledger.rows(),
        "journal": account.journal.state(),
        "attempts": [*account.attempts.items()],
        "aliases": dict(account.aliases),
        "idempotent": [*account.idempotent.items()],
        "held": [tuple(held) for held in account.held],
    }


def write(path: Path, state: Plain) -> None:
    """Put a state into a file. Raises StateFileError."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        beside.touch(mode=OWN)
        with beside.open("wb") as file:
            file.write(MAGIC)
            pickle.dump(state, file, 5)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise StateFileError(f"the state of the mock could not be written to {path}: {error.strerror}") from error


def read(mock: Mock, path: Path) -> int:
    """Take up the state of a file, if it is there; how many tasks it held. Raises StateFileError for any other file."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise StateFileError(f"the folder of {path} does not exist: make it, or name another file") from None
        return 0
    except OSError as error:
        raise StateFileError(f"{path} can't be read: {error.strerror}") from error
    advice = "name another file, or move this one away to begin anew"
    if not data.startswith(MAGIC):
        raise StateFileError(
            f"expected a file that `imageproof mock --state` has written, got another one: {path}; {advice}"
        )
    try:
        state = _Plain(io.BytesIO(data[len(MAGIC) :])).load()
        _require_fitting(mock, state, path, advice)
        return _restore(mock, state)
    except StateFileError:
        raise
    except Exception as error:  # a damaged file may break in any way
        raise StateFileError(f"the state in {path} is damaged ({error}): {advice}") from error


def _require_fitting(mock: Mock, state: Plain, path: Path, advice: str) -> None:
    if state["seed"] != mock.options.seed:
        raise StateFileError(
            f"the state in {path} is of seed {state['seed']}, this mock has {mock.options.seed}: {advice}"
        )
    known, own = state["contracts"], contracts(mock)
    if not isinstance(known, dict):
        raise StateFileError(f"the state in {path} names no contracts: {advice}")
    for name, digest in known.items():
        if name not in own:
            raise StateFileError(
                f"the state in {path} is of {', '.join(known)}, and {name} is not served here: {advice}"
            )
        if own[name] != digest:
            raise StateFileError(f"the contract of {name} has changed since {path} was written: {advice}")


def _restore(mock: Mock, state: Plain) -> int:
    upstream = mock.upstream
    upstream.started = float(state["started"])  # type: ignore[arg-type]  # as it was written; a damaged file is told
    upstream.requests = int(state["requests"])  # type: ignore[call-overload]  # as above
    passed = max(0.0, time.time() - float(state["wall"]))  # type: ignore[arg-type]  # as above
    for kept in state["accounts"]:  # type: ignore[attr-defined]  # as above
        _restore_account(upstream, kept, passed)
    upstream.set_next_number(max(upstream.accounts, default=-1) + 1)
    for provider, table in state["tasks"].items():  # type: ignore[attr-defined]  # as above
        upstream.tasks[provider].update(table)
        upstream.task_count += len(table)
        for task_id, packed in table.items():
            upstream.expiry.add(provider, unpack(packed).account, task_id, packed)
    upstream.polls_left.update(state["polls_left"])  # type: ignore[call-overload]  # as above
    upstream.expired.update(dict.fromkeys(state["expired"], True))  # type: ignore[call-overload]  # as above
    upstream.twins.update({name: unpack(packed) for name, packed in state["twins"].items()})  # type: ignore[attr-defined]  # as above
    for name, data, kind, owner in state["uploads"]:  # type: ignore[attr-defined]  # as above
        upstream.uploads[name] = Upload(data, kind, owner)
        upstream.upload_bytes += len(data)
    for name, sources in state["sources"].items():  # type: ignore[attr-defined]  # as above
        for task_id, (references, mask) in sources:
            mock.services[name].gallery.put_sources(task_id, Sources(references=references, mask=mask))
    return upstream.task_count


def _restore_account(upstream: Upstream, kept: Plain, passed: float) -> None:
    """Open an account as it was. Its real clock goes on by what has passed; any other stood still meanwhile."""
    account = upstream.account(str(kept["provider"]), str(kept["key"]))
    del upstream.accounts[account.number]
    restore_state(account, kept["state"])  # type: ignore[arg-type]  # as it was written
    upstream.accounts[account.number] = account
    mode = account.clock.mode
    away = passed if mode.rate == 1.0 else 0.0
    account.clock.set_state(mode, float(kept["now"]) + away, time.monotonic())  # type: ignore[arg-type]  # as above
    account.ledger.set_rows(kept["rows"])  # type: ignore[arg-type]  # as above
    account.journal.set_state(*kept["journal"])  # type: ignore[misc]  # as above
    account.attempts.update(kept["attempts"])  # type: ignore[call-overload]  # as above
    account.aliases.update(kept["aliases"])  # type: ignore[call-overload]  # as above
    account.idempotent.update(kept["idempotent"])  # type: ignore[call-overload]  # as above
    held = kept["held"]
    account.held = deque(
        # unpacked, so that a damaged one is met now and not when somebody asks for it
        (Held(task_id, unpack(packed).pack(), has_failed) for task_id, packed, has_failed in held),  # type: ignore[attr-defined]  # as above
        maxlen=account.held.maxlen,
    )


class StateKeeper:
    """Writes the state of a mock to its file, now and then and at the end."""

    def __init__(self, mock: Mock, path: Path, every_s: float) -> None:
        self._mock = mock
        self._path = path
        self._every_s = every_s
        self._written = 0

    async def keep(self) -> None:
        """Write whenever something has been asked of the mock since, until cancelled."""
        while True:
            await asyncio.sleep(self._every_s)
            answered = sum(sum(tally.answers.values()) for tally in self._mock.upstream.counts.tallies.values())
            if answered != self._written and await self.save():
                self._written = answered

    async def save(self) -> bool:
        """Write now; what can't be written is told in the log."""
        state = snapshot(self._mock)
        try:
            await asyncio.to_thread(write, self._path, state)
        except StateFileError as error:
            log.error("%s", error)  # noqa: TRY400  (one sentence for a user, without our stack)
            return False
        return True
