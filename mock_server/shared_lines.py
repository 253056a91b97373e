"""What waits for the accounts of a shared mock at one worker."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from imageproof.mock_server.accounts import Account
    from imageproof.mock_server.shared_rows import AccountKeys
    from imageproof.mock_server.stored import Wanted


class Work(NamedTuple):
    """A piece of work that waits for its account."""

    do: Callable[[], object]
    wanted: Wanted
    done: asyncio.Future[object]


@dataclass(slots=True)
class Line:
    """The work that waits for one account at this worker; `version` and `clean` are what the account stands for."""

    account: Account
    keys: AccountKeys
    waiting: list[Work] = field(default_factory=list)
    is_busy: bool = False
    version: int | None = None
    clean: bytes = b""
    is_dropped: bool = False
    number: int | None = None  # of the account that the store had when it was read last
    resets: int = 0  # how often it was forgotten elsewhere since this worker knows it
    is_new: bool = False  # the store does not know the account: it is opened with the first change
