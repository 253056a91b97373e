"""The reference pages of the mock: test cards and control API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from imageproof.cli.markdown import code, page, section, table, text
from imageproof.mock_server.clock import clock_mode
from imageproof.mock_server.control import PREFIX, ROUTES
from imageproof.mock_server.options import Options
from imageproof.mock_server.powers import account_of, describe_account
from imageproof.mock_server.server import Mock
from imageproof.mock_server.triggers import HEADER, cards
from imageproof.specs.library import load, shipped

if TYPE_CHECKING:
    from collections.abc import Iterator

TRIGGERS = f"""
A test card is a magic word that makes the mock misbehave on purpose. It needs no set-up, passes through any client and
gateway, and is the same for every provider.

* In a prompt, in double brackets: `a red fox [[slow: 90s]] [[status: 502 x2]]`.
* In the header `{HEADER}`, separated by semicolons: `slow: 90s; status: 502 x2`. It wins over the prompt.
* At the end of the key: `KEY_nocredit`. It holds for all that the key is used for; prompt and header win over it.

`x2` means the first two tries of the same request. Times are written as `500ms`, `90s`, `3m` or `24h`. A card that is
not understood is refused with the provider's own error for a bad request and a sentence that names the nearest card.
"""
CONTROL = f"""
The mock's powers for programs, below `{PREFIX}` on the same port. It is never slowed, limited or made to fail.

What belongs to one account stands below the provider's name; the account is the one whose key is sent, in the same
header as in any request to that provider, and it is opened when it is new. Everything takes and gives JSON. A mistake
is answered with status 400 and `{{"error": "one sentence"}}`, and changes nothing.
"""
SETTINGS = {
    "balance_usd": "what the account has, in USD; the difference is a movement in its ledger",
    "balance_credits": "the same in the provider's credits",
    "limits": "`off` or `documented`: whether the documented rate limits apply",
    "scenario": "test cards for every request of the account, as in the header, or the name of a scenario, or null",
    "faults": "a list of [faults](scenarios.md#faults), as mappings or texts; it takes the place of those set before",
    "clock": "`real`, `manual`, `jump` or a scale such as `60x`",
    "webhook": '`{"url": "http://...", "secret": "..."}` for calls back when a task ends, or null',
}
"""What each setting of an account means; a test compares the names with those that the mock takes."""
EXAMPLE = f"""
```sh
MOCK=http://127.0.0.1:4010{PREFIX}PROVIDER
curl -X PATCH $MOCK/account -H 'Authorization: Bearer KEY' -d '{{"balance_usd": 0.02}}'
curl -X POST $MOCK/clock -H 'Authorization: Bearer KEY' -d '{{"advance": "95s"}}'
curl "$MOCK/journal?format=har" -H 'Authorization: Bearer KEY'
```
"""


def triggers_page() -> str:
    """The page of the test cards as Markdown."""
    places = dict.fromkeys(card.where for card in cards())
    return page("Test cards", TRIGGERS.splitlines(), *(_cards(where) for where in places))


def _cards(where: str) -> list[str]:
    rows = ([code(card.write), text(card.does)] for card in cards() if card.where == where)
    return section(f"{where[0].upper()}{where[1:]}", table(["Write", "What happens"], rows))


def control_page() -> str:
    """The page of the control API as Markdown."""
    settings = table(["Setting", "Meaning"], ([code(name), meaning] for name, meaning in SETTINGS.items()))
    return page(
        "Control API",
        CONTROL.splitlines(),
        section("Routes", table(["Method", "Path", "What it does"], _routes())),
        section("Settings of an account", settings),
        section("A new account, as it is described", _described()),
        section("Examples", EXAMPLE.strip().splitlines()),
    )


def _described() -> list[str]:
    """What the mock says of a new account, as it really says it."""
    spec = load(shipped()[0])
    mock = Mock([spec], Options(clock=clock_mode("manual"), start=0))
    service = mock.services[spec.name]
    said = describe_account(service, account_of(service, spec.auth.key_example))
    return ["```json", *json.dumps(said, indent=2).splitlines(), "```"]


def _routes() -> Iterator[list[str]]:
    for route, does in ROUTES.items():
        method, path = route.split(" ", 1)
        yield [method, code(f"{PREFIX}{path}"), text(does)]
