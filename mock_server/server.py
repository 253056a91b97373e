"""The mock on a socket: aiohttp's low-level server, one handler, every exchange in the journal of its account.

The low-level server is used because the application framework above it costs as much as everything that the mock does
itself.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from itertools import count
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from aiohttp import web

from imageproof.mock_server import instant, side, sync, tasks
from imageproof.mock_server.accounts import Account
from imageproof.mock_server.answers import Reply
from imageproof.mock_server.call import Call
from imageproof.mock_server.connection import MockServer
from imageproof.mock_server.control import PREFIX, Control
from imageproof.mock_server.deviations import deviate
from imageproof.mock_server.elsewhere import elsewhere
from imageproof.mock_server.fate import job_digest
from imageproof.mock_server.faults import setting
from imageproof.mock_server.faults.strike import after, arriving, before, before_job
from imageproof.mock_server.heads import Heads
from imageproof.mock_server.lasting import Lasting
from imageproof.mock_server.packet import Dated, Packet, followed
from imageproof.mock_server.recording import note_leaving, record
from imageproof.mock_server.routes import LONGEST_PATH, Endpoint, Found, Routes
from imageproof.mock_server.sabotage_kinds import UnknownSabotageError
from imageproof.mock_server.service import Service
from imageproof.mock_server.stored import StoreUnavailableError
from imageproof.mock_server.strays import Strays
from imageproof.mock_server.timing import times_of
from imageproof.mock_server.upstream import FullError, Upstream
from imageproof.mock_server.webhooks import announce
from imageproof.mock_server.wire import BodyRefusedError, parse_multipart, read_body
from imageproof.specs.forms import typed
from imageproof.specs.model import ASKS_FOR_TASK, HOLDS, Does

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imageproof.mock_server.connection import Connection
    from imageproof.mock_server.options import Options
    from imageproof.specs.model import Spec

log = logging.getLogger("imageproof.mock")
FORM = "multipart/form-data"


class Mock:
    """One mock: services, their state, and the handler that joins them. `serve` puts it on a socket."""

    def __init__(self, specs: Sequence[Spec], options: Options) -> None:
        self.options = options
        self.upstream = Upstream(options)
        self.routes = Routes()
        self.lie: str | None = None
        self.services = {spec.name: self._service(spec) for spec in specs}
        self._require_sabotaged()
        setting.require_options(self.services.values(), options)
        if options.faults or options.scenario is not None:
            self.upstream.dress = lambda account: setting.dress(self.services[account.provider], account)
        self._prefixes: list[tuple[str, Service]] = []
        for name, service in self.services.items():
            self._add(service, f"/{name}")
        if len(self.services) == 1:
            self._add(next(iter(self.services.values())), "")
        self.control = Control(self)
        self.dated = Dated()
        self.heads = Heads(self.routes)
        self.strays = Strays()
        self._connections: Iterator[int] = count(1)
        self.lasting = Lasting(self)

    def _service(self, spec: Spec) -> Service:
        """The service of a spec: an honest one, or with its one lie. Raises UnknownSabotageError."""
        wanted = self.options.sabotage
        if wanted is None or not wanted.startswith(f"{spec.name}/"):
            return Service(spec, self.upstream)
        from imageproof.mock_server.sabotage import sabotage_named  # noqa: PLC0415  (only mocks that lie pay for it)

        lie = sabotage_named(spec, wanted)
        service = Service(lie.spec, self.upstream)
        service.deviation = lie.deviation
        self.lie = lie.says
        return service

    def _require_sabotaged(self) -> None:
        wanted = self.options.sabotage
        if wanted is not None and self.lie is None:
            names = ", ".join(self.services)
            raise UnknownSabotageError(f"expected a sabotage of {names}, got {wanted!r}: it belongs to another spec")

    def _add(self, service: Service, prefix: str) -> None:
        self.routes.add(service, prefix)
        self._prefixes.append((prefix, service))

    def service_at(self, path: str) -> tuple[Service, str] | None:
        """The service below whose prefix a path lies, and the rest of the path."""
        for prefix, service in self._prefixes:
            if path.startswith(f"{prefix}/"):
                return service, path[len(prefix) :]
        return None

    def prefixes(self) -> list[str]:
        """Where the providers are served; empty for the root."""
        return [prefix for prefix, _ in self._prefixes]

    def next_connection(self) -> int:
        """The number of a new connection."""
        return next(self._connections)

    async def serve(self, host: str, port: int, *, is_one_of_many: bool = False) -> MockServer:
        """Listen, with others on the same port if it is one of many.

        Raises OSError when the address can't be had, and what `Lasting.begin` raises.
        """
        self._connections = await self.lasting.begin()
        try:
            return await MockServer.start(self, host, port, is_one_of_many=is_one_of_many)
        except BaseException:
            await self.lasting.let_go()
            raise

    # one request

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; what goes wrong inside is logged, and answered as the provider's own internal error."""
        began = monotonic()
        raw_path = request.raw_path
        if raw_path.startswith(PREFIX):
            return await self.control.handle(request)
        found = self.routes.find(raw_path) if len(raw_path) <= LONGEST_PATH else None
        if found is None:
            return await elsewhere(self, request, raw_path)
        endpoint = self._endpoint(found, request)
        if endpoint is None:
            reply = self._wrong_method(found, raw_path)
            self.strays.note(request, next(iter(found.endpoints.values())).service, reply.status, "method")
            return self.send(request, reply)
        account = endpoint.service.authenticate(request.headers)
        if type(account) is not Account:
            reply = self._unauthenticated(endpoint, str(account))
            self.strays.note(request, endpoint.service, reply.status, str(account))
            return self.send(request, reply)
        call = Call(
            endpoint,
            account,
            request,
            account.clock.now(),
            found.task_id if endpoint.id_query is None else _queried_id(found, endpoint),
            self.options.public_url,
        )
        protocol: Connection = request.protocol  # type: ignore[assignment]  # all are the mock's own
        connection = protocol.number
        if call.operation.does in HOLDS:
            with protocol.watched(lambda: note_leaving(request, call, began, connection)):
                response = await self._answer(request, call)
        else:
            response = await self._answer(request, call)
        if type(response) is Reply:
            if self.upstream.shared is not None and account.faults is not None:
                response = await self._finished(call, response)
                sent = self.send(request, response)
            else:
                sent = self.send(request, response, call)
            number = record(request, call, began, response, connection)
            return followed(sent, response, call.account, number)
        streamed: web.StreamResponse = response  # type: ignore[assignment]  # what is no Reply has been sent already
        record(request, call, began, Reply(streamed.status, call.streamed, dict(streamed.headers)), connection)
        return streamed

    async def _answer(self, request: web.BaseRequest, call: Call) -> Reply | web.StreamResponse:
        """The long way: read the body, then work, with waiting wherever it is needed."""
        service = call.endpoint.service
        has_faults = call.account.faults is not None
        try:
            if self.upstream.shared is not None:
                await self.upstream.shared.know(call)
                has_faults = call.account.faults is not None
            if has_faults and (cut := await self.upstream.do(call, lambda: arriving(service, call))) is not None:
                return cut
            if call.operation.content != "none":
                await self._read(request, call)
            if call.operation.does in HOLDS:
                refusal = await self.upstream.do(call, lambda: self._begun(service, call))
                return refusal if refusal is not None else await sync.generate(service, call, request)
            if call.operation.does in ASKS_FOR_TASK and service.stores_base64:
                await service.gallery.prepare_poll(call)
            reply = await self.upstream.do(call, lambda: self._decided(service, call))
            announce(service, call)
            return reply
        except Exception as error:  # noqa: BLE001  (every mistake must reach the client as the provider's answer)
            return self._mishap(call, error)

    def _begun(self, service: Service, call: Call) -> Reply | None:
        """Why a request is not worked on, by a fault of its account, by the contract or by a fault of its job."""
        if self.upstream.shared is not None:
            call.now = call.account.clock.now()
        spoilt = before(service, call) if call.account.faults is not None else None
        return spoilt if spoilt is not None else self._refusal(service, call)

    def _decided(self, service: Service, call: Call) -> Reply:
        """The answer of an operation that holds nobody; a mistake inside is an answer too."""
        try:
            return self._begun(service, call) or self._work(call)
        except Exception as error:  # noqa: BLE001  (every mistake must reach the client as the provider's answer)
            return self._mishap(call, error)

    def answer_now(self, call: Call) -> Reply:
        """The answer of an operation that holds nobody, for an account that nothing is to strike."""
        service = call.endpoint.service
        reply = self._decided(service, call)
        announce(service, call)
        return reply

    def answer_held(self, call: Call) -> Reply | None:
        """The answer of an operation that holds its caller, if nothing holds this call."""
        service = call.endpoint.service
        try:
            return instant.answer(service, call)
        except Exception as error:  # noqa: BLE001  (as above)
            return self._mishap(call, error)

    def _refusal(self, service: Service, call: Call) -> Reply | None:
        """Why a request is not worked on, by the contract or by a fault of its job; None when it is."""
        refusal = service.run_steps(call)
        return before_job(service, call) if refusal is None and call.account.faults is not None else refusal

    def _mishap(self, call: Call, error: Exception) -> Reply:
        """What went wrong, in the words of the provider; our own mistakes are logged besides."""
        service = call.endpoint.service
        if isinstance(error, BodyRefusedError):
            context: dict[str, object] = {"reason": error.reason, "field": "body"}
            reply = service.refuse(error.answer, call, context=context, note=error.reason)
            reply.stay = not error.must_close
            return reply
        if isinstance(error, FullError | StoreUnavailableError):
            log.log(logging.WARNING if isinstance(error, FullError) else logging.DEBUG, "%s", error)
            reply = service.refuse("unavailable", call, message=f"imageproof: {error}", note=str(error))
            reply.headers["X-Imageproof-Limit"] = str(error)
            return reply
        log.error("%s %s failed inside the mock", call.method, call.path, exc_info=error)
        return service.refuse("internal", call, note=f"internal mistake of the mock: {error!r}")

    async def _read(self, request: web.BaseRequest, call: Call) -> None:
        operation = call.operation
        limit = operation.max_bytes or (
            self.options.max_form if operation.content == "multipart" else self.options.max_json
        )
        if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        call.raw = await read_body(request, limit=limit, timeout_s=self.options.body_timeout_s)
        if operation.content != "multipart":
            return
        form = await parse_multipart(call.raw, request.headers)
        shape = call.endpoint.service.form_shape(operation, form.texts)
        if shape is not None:
            call.body, call.uploaded = typed(form, shape)
        # the boundary is another one at each try, so a job is told by what it holds
        call.raw = repr(form.texts).encode() + b"".join(job_digest(data) for _, _, data in form.files)

    def _work(self, call: Call) -> Reply:
        service = call.endpoint.service
        match call.operation.does:
            case Does.POLL | Does.RESULT:
                return tasks.poll(service, call)
            case Does.SUBMIT:
                return tasks.submit(service, call)
            case Does.BALANCE:
                return side.balance(service, call)
            case Does.UPLOAD:
                return side.upload(service, call)
            case _:
                return side.models(service, call)

    # what is sent

    async def _finished(self, call: Call, reply: Reply) -> Reply:
        """An answer with all that it is sent with, where faults of a shared account may spoil it."""

        def finished() -> Reply:
            copy = replace(reply, headers={**reply.headers})
            self.finish(call, copy)
            return copy

        try:
            return await self.upstream.do(call, finished)
        except StoreUnavailableError as error:
            return self._mishap(call, error)

    def _endpoint(self, found: Found, request: web.BaseRequest) -> Endpoint | None:
        endpoints = found.endpoints
        if len(endpoints) == 1:
            (method, _), endpoint = next(iter(endpoints.items()))
            return endpoint if method == request.method else None
        kind = "multipart" if request.content_type == FORM else "json"
        fitting = (endpoints.get((request.method, content)) for content in (kind, "none", "json", "multipart"))
        return next((endpoint for endpoint in fitting if endpoint is not None), None)

    def _wrong_method(self, found: Found, raw_path: str) -> Reply:
        endpoint = next(iter(found.endpoints.values()))
        allowed = ", ".join(sorted({method for method, _ in found.endpoints}))
        reply = endpoint.service.refuse(
            "method_not_allowed", context={"reason": f"{raw_path[:200]} takes {allowed}"}, operation=endpoint.operation
        )
        reply.status = 405
        reply.headers["Allow"] = allowed
        return reply

    def _unauthenticated(self, endpoint: Endpoint, name: str) -> Reply:
        reply = endpoint.service.refuse(name, operation=endpoint.operation)
        reply.headers.setdefault("WWW-Authenticate", endpoint.service.spec.auth.scheme or "ApiKey")
        return reply

    # what goes out

    def send(self, request: web.BaseRequest, reply: Reply, call: Call | None = None) -> web.StreamResponse:
        """Make the packet. It is no StreamResponse, but all that the connection needs of one."""
        if call is not None:
            self.finish(call, reply)
        return Packet(reply, request, self.dated)  # type: ignore[return-value]

    def finish(self, call: Call, reply: Reply) -> None:
        """Add the headers that every answer of an operation has."""
        if call.endpoint.service.deviation is not None:
            deviate(call.endpoint.service.deviation, call, reply)
        more = call.endpoint.service.common_headers(call)
        if self.options.timing_header:
            more = {**more, **times_of(call)}
        if more:
            reply.headers = {**more, **reply.headers}
        if call.account.faults is not None:
            after(call.endpoint.service, call, reply)


def _queried_id(found: Found, endpoint: Endpoint) -> str | None:
    """The id of a task that stands in the query of the path."""
    return next(iter(parse_qs(found.query).get(endpoint.id_query or "", [])), None)
