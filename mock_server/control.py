"""The control API under `/__imageproof__/`: the powers over a mock, for programs.

It is never slowed, limited or made to fail.
"""

from __future__ import annotations

import logging
import os
from dataclasses import asdict
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from imageproof.mock_server import powers
from imageproof.mock_server.powers import PowerError
from imageproof.mock_server.stored import StoreUnavailableError
from imageproof.mock_server.triggers import cards
from imageproof.mock_server.truths import jobs_of
from imageproof.mock_server.upstream import FullError
from imageproof.mock_server.wire import BodyRefusedError, read_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from imageproof.mock_server.accounts import Account
    from imageproof.mock_server.server import Mock
    from imageproof.mock_server.service import Service
    from imageproof.specs.model import JsonTree

PREFIX = "/__imageproof__/"
MAX_ORDER = 1 << 20
log = logging.getLogger("imageproof.mock")

ROUTES: dict[str, str] = {
    "GET health": "whether the mock is ready, and its limits",
    "GET specs": "the providers that are served, with their operations",
    "GET triggers": "the table of magic words",
    "GET metrics": "counters in the text format of Prometheus",
    "POST clock": "move the clocks of all accounts: {advance: 95s}, {to: next}, {mode: manual}",
    "POST reset": "forget all accounts",
    "GET PROVIDER/account": "settings and state of the account whose key is sent as in any request",
    "PATCH PROVIDER/account": "set balance_usd, balance_credits, limits, scenario, faults, clock, webhook",
    "GET PROVIDER/journal": "the exchanges of the account; ?format=har for a HAR file",
    "GET PROVIDER/ledger": "the money of the account, line by line",
    "GET PROVIDER/tasks": "the tasks of the account with their whole plans",
    "GET PROVIDER/jobs": "every job of the account with its plan, the calls that were held for their image too",
    "POST PROVIDER/tasks/ID": "move one task by hand: {do: finish} or {do: fail, failure: upstream_failed}",
    "GET PROVIDER/clock": "the time of the account",
    "POST PROVIDER/clock": "move the clock of the account, as above",
    "POST PROVIDER/reset": "forget the account and all that belongs to it",
}
"""Every route, as the docs and the index page list them."""


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(
        status=status, body=orjson.dumps(value, option=orjson.OPT_INDENT_2), content_type="application/json"
    )


class Control:
    """Answers the control API of one mock."""

    def __init__(self, mock: Mock) -> None:
        self._mock = mock
        self._plain: dict[str, Callable[[], web.Response]] = {
            "GET ": lambda: _json(ROUTES),
            "GET health": lambda: _json(self.health()),
            "GET specs": lambda: _json(self.specs()),
            "GET triggers": lambda: _json([asdict(card) for card in cards()]),
            "GET metrics": self._metrics,
        }

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request of the control API; a mistake of the caller is a 400 with one sentence."""
        path, _, query = request.raw_path.removeprefix(PREFIX).partition("?")
        try:
            plain = self._plain.get(f"{request.method} {path}")
            if plain is not None:
                return plain()
            order = await self._order(request)
            if path in ("clock", "reset") and request.method == "POST":
                return _json(await self._everybody(path, order))
            return await self._of_account(request, path, query, order)
        except PowerError as error:
            return _json({"error": str(error)}, 400)
        except (BodyRefusedError, FullError, StoreUnavailableError) as error:
            return _json({"error": str(error)}, 400 if isinstance(error, BodyRefusedError) else 503)

    def _metrics(self) -> web.Response:
        from imageproof.mock_server.metrics import exposition  # noqa: PLC0415  (heavy, and seldom asked for)

        return web.Response(body=exposition(self._mock), headers={"Content-Type": "text/plain; version=0.0.4"})

    def _har(self, service: Service, account: Account) -> web.Response:
        from imageproof.mock_server.har import as_har  # noqa: PLC0415  (heavy, and seldom asked for)

        return web.Response(text=as_har(account, service), content_type="application/json")

    def health(self) -> dict[str, JsonTree]:
        """Whether the mock is ready, what it holds, and its limits."""
        upstream, options = self._mock.upstream, self._mock.options
        return {
            "status": "ok",
            "pid": os.getpid(),
            "seed": options.seed,
            "clock": str(options.clock),
            "specs": list(self._mock.services),
            "accounts": {"held": len(upstream.by_key), "limit": options.max_accounts},
            "tasks": {"held": upstream.task_count, "limit": options.max_tasks},
            "uploads": {"bytes": upstream.upload_bytes, "limit": options.max_uploads},
        }

    def specs(self) -> list[JsonTree]:
        """The providers that are served."""
        return [
            {
                "name": service.provider,
                "title": service.spec.title,
                "models": [model.name for model in service.models],
                "operations": {
                    item.name: f"{item.method} /{service.provider}{item.path}" for item in service.operations
                },
                "key_example": service.spec.auth.key_example,
            }
            for service in self._mock.services.values()
        ]

    async def _order(self, request: web.BaseRequest) -> dict[str, JsonTree]:
        body = await read_body(request, limit=MAX_ORDER, timeout_s=10.0)
        if not body:
            return {}
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            message = f"expected a JSON object: {error}"
            raise PowerError(message) from None
        if not isinstance(value, dict):
            message = f"expected a JSON object, got {type(value).__name__}"
            raise PowerError(message)
        return value

    async def _everybody(self, path: str, order: dict[str, JsonTree]) -> dict[str, JsonTree]:
        shared = self._mock.upstream.shared
        accounts = list(self._mock.upstream.by_key.values()) if shared is None else await shared.everybody()
        if path == "clock" and shared is None:
            powers.move_clock(self._mock, accounts, order)
            return {"accounts": len(accounts)}
        for account in accounts:

            def work(account: Account = account) -> None:
                if path == "clock":
                    powers.move_clock(self._mock, [account], order)
                else:
                    powers.reset_account(self._mock.services[account.provider], account)

            await self._mock.upstream.whole(account, work)
        return {"accounts": len(accounts)}

    async def _of_account(
        self, request: web.BaseRequest, path: str, query: str, order: dict[str, JsonTree]
    ) -> web.Response:
        provider, _, rest = path.partition("/")
        service = powers.service_named(self._mock, provider)
        account = powers.account_of(service, self._key(request, service))
        return await self._mock.upstream.whole(
            account, lambda: self._one(request, service, account, rest, query, order)
        )

    def _one(  # noqa: C901  (the table of routes, one line each; all that a route may need)
        self,
        request: web.BaseRequest,
        service: Service,
        account: Account,
        rest: str,
        query: str,
        order: dict[str, JsonTree],
    ) -> web.Response:
        what, _, item = rest.partition("/")
        match f"{request.method} {what}":
            case "GET account":
                return _json(powers.describe_account(service, account))
            case "PATCH account":
                powers.set_account(service, account, order)
                return _json(powers.describe_account(service, account))
            case "GET journal":
                if "format=har" in query:
                    return self._har(service, account)
                return _json(powers.journal_of(account))
            case "GET ledger":
                return _json(powers.ledger_of(service, account))
            case "GET tasks":
                return _json(
                    [powers.describe_task(service, account, *task) for task in powers.tasks_of(service, account)]
                )
            case "GET jobs":
                return _json(
                    [
                        powers.describe_task(service, account, name, record)
                        for name, record, _ in jobs_of(service, account)
                    ]
                )
            case "POST tasks":
                return _json(powers.move_task(service, account, item, *_move(order)))
            case "GET clock" | "POST clock":
                if request.method == "POST":
                    powers.move_clock(self._mock, [account], order)
                return _json({"now": account.clock.now(), "mode": str(account.clock.mode)})
            case "POST reset":
                powers.reset_account(service, account)
                return _json({"accounts": 1})
            case _:
                return _json(
                    {
                        "error": f"nothing is at {request.method} {service.provider}/{rest[:200]!r}; "
                        f"GET {PREFIX} lists what there is"
                    },
                    404,
                )

    def _key(self, request: web.BaseRequest, service: Service) -> str:
        value = request.headers.get(service.spec.auth.header)
        if value is None:
            header = service.spec.auth.header
            message = f"expected the key of the account in the header {header}, as in any request to {service.provider}"
            raise PowerError(message)
        return value.rpartition(" ")[2]


def _move(order: dict[str, JsonTree]) -> tuple[str, str | None]:
    """What is to be done to a task, and the failure that it is to end with."""
    unknown = [name for name in order if name not in ("do", "failure")]
    if unknown:
        message = f'expected {{"do": "finish"}} or {{"do": "fail", "failure": NAME}}, got {", ".join(unknown)[:100]}'
        raise PowerError(message)
    failure = order.get("failure")
    return str(order.get("do", "")), str(failure) if failure else None


def account_named(mock: Mock, provider: str, key: str) -> tuple[Service, Account]:
    """The service and the account for a provider's name and a key."""
    service = powers.service_named(mock, provider)
    return service, powers.account_of(service, key)
