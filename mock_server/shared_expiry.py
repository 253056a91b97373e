"""Tasks of a shared mock stay until their account is reset: no worker can say that another one is done with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.mock_server.expiry import Expiry

if TYPE_CHECKING:
    from imageproof.mock_server.accounts import Account
    from imageproof.mock_server.truths import Held


class Everlasting(Expiry):
    """Drops nothing: a store keeps what it has until the account is reset."""

    def add(self, provider: str, account: int, task_id: str, packed: bytes) -> None:
        """Watch over nothing."""

    def sweep(self, account: Account, now: float) -> None:
        """Drop nothing."""

    def make_room(self) -> bool:
        """Nothing can be dropped."""
        return False

    def forget(self, account: Account) -> None:
        """Nothing was watched over."""

    def note_held(self, account: Account, job: Held, now: float) -> None:  # noqa: ARG002  (nothing is ever over)
        """Keep the truth about a call that is held."""
        account.held.append(job)
