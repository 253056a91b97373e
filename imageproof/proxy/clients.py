"""Judge the clients' side of traffic: one watch for each key, as nobody may mix the polls of two clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imageproof.records.lines import Exchange, Finding
    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Spec


class Clients:
    """Keeps what each client sent, and judges it at the end."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self.rules: tuple[Rule, ...] = ()
        self._exchanges: dict[str, list[Exchange]] = {}

    def take(self, exchange: Exchange, client: str) -> None:
        """Keep an exchange of a client, which is told by its key."""
        self._exchanges.setdefault(client, []).append(exchange)

    def findings(self, *, strict: bool, at_s: float) -> list[Finding]:
        """The verdicts on all rules for clients that something was seen of."""
        del strict, at_s
        return []
