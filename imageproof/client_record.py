"""From the journal of an account to the lines of a record. Pure: entries and a clock in, exchanges out."""

from __future__ import annotations

import platform
import shlex
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

import orjson

from imageproof.records.lines import FORMAT, Content, Exchange, Header, Request, Response, Trouble
from imageproof.suites.client.watch import Truth
from imageproof.suites.curl import curl_command
from imageproof.suites.gateway.header import cadence_of
from imageproof.suites.gateway.reading import state_of
from imageproof.suites.wire import Outgoing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from imageproof.mock_server.journal import Entry
    from imageproof.records.redact import Redactor
    from imageproof.specs.model import JsonTree, Spec

GOOD = range(200, 300)


class Recorder:
    """Turns the journal of one scenario into exchanges. `first_id` is the id of the first one.

    `origin` is the start of the run on the monotonic clock, `root` the URL of the mock.
    """

    def __init__(self, spec: Spec, redact: Redactor, *, origin: float, root: str) -> None:
        self._spec = spec
        self._redact = redact
        self._origin = origin
        self._root = root

    def exchanges(
        self, entries: Sequence[Entry], truths: Iterable[Mapping[str, JsonTree]], *, first_id: int, scenario: str
    ) -> tuple[tuple[Exchange, ...], tuple[Truth, ...]]:
        """The exchanges in the order in which they began, and the truths about the jobs that some of them ordered."""
        ordered = sorted(entries, key=lambda entry: entry.began)
        ids = {entry.number: first_id + index for index, entry in enumerate(ordered)}
        start = ordered[0].at if ordered else 0.0
        known = tuple(truth_of(tree, ids, start) for tree in truths)
        costs = {truth.exchange: truth.micro_usd for truth in known}
        made = tuple(
            self._exchange(entry, ids[entry.number], scenario, start, costs.get(ids[entry.number], 0))
            for entry in ordered
        )
        return made, known

    def _exchange(self, entry: Entry, number: int, scenario: str, start: float, micro_usd: int) -> Exchange:
        clean = self._redact.text
        answered = entry.status > 0
        return Exchange(
            id=number,
            case=scenario,
            scenario=scenario,
            operation=entry.operation,
            request=self._request(entry),
            response=self._response(entry) if answered else None,
            trouble=None if answered else Trouble(kind="reset", says=entry.fault or entry.note or "no answer was sent"),
            began_s=round(entry.began - self._origin, 6),
            ended_s=round(entry.ended - self._origin, 6),
            account_s=round(entry.at - start, 6),
            connection=entry.connection,
            rules=entry.rules,
            fault=entry.fault or "",
            task=clean(entry.task) if entry.task else None,
            state=self._state(entry),
            micro_usd=micro_usd,
            curl=self._curl(entry),
            note=clean(entry.note) if entry.note else "",
        )

    def _request(self, entry: Entry) -> Request:
        pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in entry.request_headers]
        body = self._content(entry.request_body, entry.request_size, _header(pairs, "content-type"))
        return Request(
            method=entry.method,
            url=self._redact.text(self._root + entry.path),
            headers=self._redact.headers(pairs),
            body=body if entry.request_size else None,
        )

    def _response(self, entry: Entry) -> Response:
        pairs = [(str(name), str(value)) for name, value in entry.response_headers.items()]
        return Response(
            status=entry.status,
            headers=self._redact.headers(pairs),
            body=self._content(entry.response_body, entry.response_size, _header(pairs, "content-type")),
        )

    def _content(self, body: bytes, size: int, kind: str) -> Content:
        try:
            text: str | None = body.decode() if size == len(body) else body.decode("utf-8", "replace")
        except UnicodeDecodeError:
            text = None
        if kind.startswith(("image/", "application/octet-stream")):
            text = None
        return Content(
            size=size,
            kind=kind,
            text=self._redact.text(text) if text is not None else None,
            cut=size > len(body),
        )

    def _state(self, entry: Entry) -> str | None:
        operation = self._spec.operations.get(entry.operation)
        if operation is None or entry.status not in GOOD or entry.response_size > len(entry.response_body):
            return None
        try:
            return state_of(operation, orjson.loads(entry.response_body))
        except orjson.JSONDecodeError:  # broken on purpose: it tells no state
            return None

    def _curl(self, entry: Entry) -> str:
        pairs = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in entry.request_headers)
        kind = _header(pairs, "content-type")
        if kind.startswith("multipart/"):
            return ""
        told = tuple(pair for pair in pairs if pair[0].lower() in ("authorization", self._spec.auth.header.lower()))
        body = entry.request_body if entry.request_size else None
        out = Outgoing(method=entry.method, path=entry.path, headers=told, body=body, content_type=kind)
        return curl_command(out, self._redact.text(self._root + entry.path), {}, self._redact.text)


def truth_of(tree: Mapping[str, JsonTree], ids: Mapping[int, int], start: float) -> Truth:
    """One job as the mock tells it, with the id of the exchange that ordered it, and times since the first request."""
    ended = tree["ended"]
    images = tree["images"]
    return Truth(
        task=str(tree["task"]),
        exchange=ids.get(_int(tree["entry"]), 0),
        began_s=round(_float(tree["began"]) - start, 6),
        ended_s=None if ended is None else round(_float(ended) - start, 6),
        succeeded=bool(tree["succeeded"]),
        images=tuple(str(item) for item in images) if isinstance(images, list) else (),
        micro_usd=_int(tree["micro_usd"]),
        was_lost=bool(tree["was_lost"]),
    )


def _int(value: JsonTree) -> int:
    return value if isinstance(value, int) else 0


def _float(value: JsonTree) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _header(pairs: Iterable[tuple[str, str]], name: str) -> str:
    return next((value for key, value in pairs if key.lower() == name), "")


def shown_command(command: Iterable[str]) -> str:
    """A command as a person would type it."""
    return shlex.join(command)


def header_of(spec: Spec, *, target: str, seed: int, strict: bool, rules: int, config: dict[str, str]) -> Header:
    """The first line of the record; the advised cadence is in the time of the provider, as `account_s` is."""
    return Header(
        format=FORMAT,
        what="client",
        spec=spec.name,
        title=spec.title,
        target=target,
        version=version("imageproof"),
        started=datetime.now(tz=UTC).isoformat(timespec="seconds"),
        seed=seed,
        strict=strict,
        rules=rules,
        config=config,
        versions=dict(versions()),
        micro_usd_per_credit=spec.billing.micro_usd_per_credit,
        cadence=cadence_of(spec, 1.0),
    )


def versions() -> Iterator[tuple[str, str]]:
    """What the run was made with."""
    yield "python", platform.python_version()
    yield "platform", sys.platform
