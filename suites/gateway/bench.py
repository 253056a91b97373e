"""Sends one request at a time, writes the exchange down before anything is made of it, and lets the observers look."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import orjson

from imageproof.records.lines import Content, Exchange, Request, Response, Trouble
from imageproof.suites.bodies import encode_body, upload_bytes
from imageproof.suites.curl import curl_command
from imageproof.suites.gateway.reading import read_error, state_of, task_id_of
from imageproof.suites.gateway.verdicts import InconclusiveError
from imageproof.suites.wire import Incoming, Outgoing, TroubleError

if TYPE_CHECKING:
    from collections.abc import Callable

    from imageproof.records.lines import Line
    from imageproof.records.redact import Redactor
    from imageproof.specs.model import JsonTree, Operation, Spec
    from imageproof.suites.gateway.config import Config
    from imageproof.suites.wire import Sender

LONG = 1 << 20  # bytes of an answer beyond which its text is dropped once it has been read
HEAVY = 4 << 20  # bytes of images in a request beyond which only one such request is made at a time
KEPT = 16_384  # bytes of a body that go into the record
BOUNDARY = "imageproof-7d1f0c2ab9"
LOST_AFTER = 5  # requests in a row without an answer, after which the target counts as down
DOWN = frozenset({"refused", "dns", "tls", "reset"})
NO_CHOICE = frozenset({"over"})


class LostError(InconclusiveError):
    """A request got no answer. `kind` is that of `TroubleError`."""

    def __init__(self, kind: str, says: str, exchange: int) -> None:
        super().__init__(says)
        self.kind = kind
        self.exchange = exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One answer. `tree` is its JSON (None: it has none, and `broken` says why); `account` whose key was sent."""

    id: int
    case: str
    operation: Operation | None
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    tree: JsonTree
    broken: str | None
    account: str
    began_s: float
    ended_s: float
    task: str | None = None
    state: str | None = None
    chunks: tuple[tuple[float, int], ...] = ()
    is_refusal: bool = False

    @property
    def is_good(self) -> bool:
        """Whether the request was accepted: some providers send refusals with a status of success."""
        return 200 <= self.status < 300 and not self.is_refusal  # noqa: PLR2004  (the statuses of success)

    def header(self, name: str) -> str | None:
        """The value of a header, whatever its case; the first one if there are several."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    @property
    def content_type(self) -> str:
        """The media type without its parameters, in lower case."""
        return (self.header("content-type") or "").partition(";")[0].strip().lower()

    @property
    def is_html(self) -> bool:
        """Whether it is a page for people."""
        return "html" in self.content_type or self.body[:64].lstrip().lower().startswith((b"<!doctype", b"<html"))


@dataclass(slots=True)
class Tally:
    """What came back for requests with the good key, to tell a verdict from an empty run."""

    answers: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    billable: int = 0
    micro_usd: int = 0
    lost_in_a_row: int = 0
    down: TroubleError | None = None


class Bench:
    """Where requests are made. `observers` see every answer; `write` takes the lines of the record."""

    def __init__(
        self, config: Config, spec: Spec, sender: Sender, write: Callable[[Line], None], redact: Redactor
    ) -> None:
        self.config = config
        self.spec = spec
        self.sender = sender
        self.tally = Tally()
        self.observers: list[Callable[[Seen], None]] = []
        self._write = write
        self._redact = redact
        self._next = 0
        self._heavy = asyncio.Semaphore(1)

    def go_on_after(self, number: int) -> None:
        """Number exchanges from here on: an earlier part of the run has used the others."""
        self._next = number

    def keys_of(self, account: str) -> str | None:
        """The key of an account: `own`, `other`, `none`, or `own` with a suffix (`own_limited`) where keys are made up.

        Raises InconclusiveError when there is no such key.
        """
        keys = self.config.keys
        if account == "own":
            return keys.own
        if account == "none":
            return None
        if account == "other":
            if keys.other is None:
                raise InconclusiveError("needs the key of a second account: give it with --other-key-env")
            return keys.other
        if not keys.derived:
            raise InconclusiveError(f"needs a key of its own ({account}), which can be made up only for a mock")
        return keys.own + account.removeprefix("own")

    def auth_header(self, key: str) -> tuple[str, str]:
        """The header that says who asks."""
        auth = self.spec.auth
        return auth.header, f"{auth.scheme} {key}".strip()

    def encode(self, operation: Operation, body: dict[str, object]) -> tuple[str, bytes]:
        """The content type and the bytes of a body."""
        return encode_body(operation, body, boundary=BOUNDARY)

    async def call(  # noqa: PLR0913  (one request has so many parts)
        self,
        case: str,
        operation: Operation | None,
        *,
        body: dict[str, object] | None = None,
        data: tuple[str, bytes] | None = None,
        task_id: str | None = None,
        path: str | None = None,
        method: str | None = None,
        account: str = "own",
        model: str | None = None,
        headers: tuple[tuple[str, str], ...] | None = None,
        extra: tuple[tuple[str, str], ...] = (),
        micro_usd: int = 0,
        honour_429: bool = True,
        patience_s: float | None = None,
    ) -> Seen:
        """Send one request. Raises LostError when no answer came, and InconclusiveError when there is no key for it."""
        if self.tally.down is not None:
            raise LostError(self.tally.down.kind, f"not sent: {self.tally.down.says}", 0)
        if headers is None:
            key = self.keys_of(account)
            headers = (self.auth_header(key),) if key is not None else ()
        room = self._heavy if body is not None and upload_bytes(body) > HEAVY else nullcontext()
        async with room:
            if body is not None and operation is not None:
                data = self.encode(operation, body)
            kind, raw = data or ("", None)
            out = Outgoing(
                method=method or (operation.method if operation else "GET"),
                path=path if path is not None else _path(operation, task_id, model or self.spec.selector.example),
                headers=(*headers, *extra),
                content_type=kind,
                body=raw,
            )
            self._next += 1
            number = self._next
            self.tally.requests += 1
            self.tally.billable += micro_usd > 0
            self.tally.micro_usd += micro_usd
            try:
                incoming = await self.sender.send(out, patience_s=patience_s, honour_429=honour_429)
            except TroubleError as error:
                self._lost(number, case, operation, out, error, micro_usd, body)
                raise LostError(error.kind, error.says, number) from None
        self.tally.lost_in_a_row = 0
        seen = self._seen(number, case, operation, incoming, account, task_id)
        self._record(seen, out, incoming, micro_usd, body)
        for observer in self.observers:
            observer(seen)
        is_long = len(seen.body) > LONG and seen.tree is not None
        return replace(seen, body=seen.body[:KEPT]) if is_long else seen  # images in base64: the tree has them too

    def _seen(
        self,
        number: int,
        case: str,
        operation: Operation | None,
        incoming: Incoming,
        account: str,
        task_id: str | None,
    ) -> Seen:
        tree: JsonTree = None
        broken: str | None = None
        is_stream = (incoming.header("content-type") or "").startswith("text/event-stream")
        try:
            tree = incoming.json() if incoming.body and not is_stream else None
        except ValueError as error:
            broken = str(error)
            tree = _lenient(incoming.body)
        refused = self._says_refused(operation, incoming.status, tree)
        good = 200 <= incoming.status < 300 and not refused  # noqa: PLR2004  (the statuses of success)
        return Seen(
            id=number,
            case=case,
            operation=operation,
            status=incoming.status,
            headers=incoming.headers,
            body=incoming.body,
            tree=tree,
            broken=broken,
            account=account,
            began_s=incoming.began_s,
            ended_s=incoming.ended_s,
            task=task_id or (task_id_of(operation, tree) if operation and good else None),
            state=state_of(operation, tree) if operation and good else None,
            chunks=incoming.chunks,
            is_refusal=refused,
        )

    def _says_refused(self, operation: Operation | None, status: int, tree: JsonTree) -> bool:
        """Whether an answer is one of the refusals that the contract sends with this status of success."""
        codes = [item.code for item in self.spec.errors.values() if item.status == status < 300]  # noqa: PLR2004
        return bool(codes) and read_error(self.spec, operation, None, tree).code in codes

    def _lost(  # noqa: PLR0913, PLR0917  (as above)
        self,
        number: int,
        case: str,
        operation: Operation | None,
        out: Outgoing,
        error: TroubleError,
        micro_usd: int,
        body: dict[str, object] | None,
    ) -> None:
        self.tally.lost_in_a_row += 1
        if error.kind in NO_CHOICE or (error.kind in DOWN and self.tally.lost_in_a_row >= LOST_AFTER):
            self.tally.down = error
        self._write(
            Exchange(
                id=number,
                case=case,
                operation=operation.name if operation else "",
                request=self._request(out, body),
                trouble=Trouble(kind=error.kind, says=self._redact.text(error.says)),
                began_s=error.began_s,
                ended_s=error.ended_s,
                micro_usd=micro_usd,
                curl=self.curl(out, body),
            )
        )

    def _record(
        self, seen: Seen, out: Outgoing, incoming: Incoming, micro_usd: int, body: dict[str, object] | None
    ) -> None:
        self._write(
            Exchange(
                id=seen.id,
                case=seen.case,
                operation=seen.operation.name if seen.operation else "",
                request=self._request(out, body),
                response=Response(
                    status=seen.status,
                    headers=self._redact.headers(seen.headers),
                    body=self._content(seen.body, seen.header("content-type") or ""),
                ),
                began_s=seen.began_s,
                ended_s=seen.ended_s,
                first_byte_s=incoming.first_byte_s,
                task=seen.task,
                state=seen.state,
                micro_usd=micro_usd,
                curl=self.curl(out, body),
            )
        )

    def _request(self, out: Outgoing, body: dict[str, object] | None) -> Request:
        content = None
        if out.body is not None:
            is_form = out.content_type.startswith("multipart/")
            shown = (
                json.dumps(body, default=str, ensure_ascii=False).encode() if is_form and body is not None else out.body
            )
            kept = self._content(shown, out.content_type)
            content = Content(size=len(out.body), kind=kept.kind, text=kept.text, cut=kept.cut)
        return Request(method=out.method, url=self.url_of(out), headers=self._redact.headers(out.headers), body=content)

    def url_of(self, out: Outgoing) -> str:
        """The whole URL, without keys."""
        is_below = not out.path or out.path.startswith(("/", "?"))
        whole = self.config.base_url.rstrip("/") + out.path if is_below else out.path
        return self._redact.text(whole)

    def _content(self, body: bytes, kind: str) -> Content:
        is_text = not kind.startswith(("image/", "application/octet-stream"))
        text = body[:KEPT].decode("utf-8", "replace") if is_text else None
        return Content(
            size=len(body), kind=kind, text=self._redact.text(text) if text is not None else None, cut=len(body) > KEPT
        )

    def curl(self, out: Outgoing, body: dict[str, object] | None = None) -> str:
        """The command that sends the request again."""
        return curl_command(out, self.url_of(out), body or {}, self._redact.text)


def _lenient(body: bytes) -> JsonTree:
    """What can be read of JSON that has a fault, such as a key twice: one fault should not hide the rest."""
    try:
        tree: JsonTree = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return tree


def _path(operation: Operation | None, task_id: str | None, model: str) -> str:
    if operation is None:
        return "/"
    return operation.path.replace("{task_id}", task_id or "").replace("{model}", model)
