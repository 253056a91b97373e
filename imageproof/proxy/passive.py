"""Judge traffic that was made for another purpose: exchanges are written down as they end, verdicts at the end."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from msgspec.structs import replace

from imageproof.proxy.asking import NOTHING, Asking, plain
from imageproof.proxy.clients import Clients
from imageproof.proxy.places import Places
from imageproof.proxy.provider import Provider
from imageproof.proxy.tape import MIB
from imageproof.proxy.vault import Vault
from imageproof.records.lines import FORMAT, Content, Exchange, Footer, Header, Request, Response
from imageproof.specs.model import MAKES_IMAGES
from imageproof.suites.curl import curl_command
from imageproof.suites.gateway.ending import counts_of, ending
from imageproof.suites.gateway.header import cadence_of
from imageproof.suites.wire import Outgoing

if TYPE_CHECKING:
    from collections.abc import Callable

    from imageproof.proxy.asking import Asked
    from imageproof.proxy.places import Found
    from imageproof.proxy.tape import Kept, Tape
    from imageproof.records.lines import Finding, Line
    from imageproof.specs.model import Spec
    from imageproof.suites.gateway.bench import Seen

DOWNLOAD = "download"  # what exchanges are called that fetch a result
NO_TEXT = ("image/", "audio/", "video/", "application/octet-stream", "application/pdf", "application/zip")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where traffic comes from. `mode` is `proxy` or `recording`, `target` an address or a file, for the report."""

    mode: str
    target: str
    config: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How it ended."""

    exit: int
    says: str
    findings: tuple[Finding, ...]


class Passive:
    """Judges both sides of traffic with one provider. `write` takes the lines of the record, which hold no key."""

    def __init__(self, spec: Spec, source: Source, write: Callable[[Line], None], *, strict: bool = False) -> None:
        self._spec = spec
        self._source = source
        self._write = write
        self._strict = strict
        self._vault = Vault(spec)
        self._places = Places(spec)
        self._asking = Asking(spec)
        self._provider = Provider(spec)
        self._clients = Clients(spec)
        self._seen = self._ours = self._others = self._lost = self._billable = self._micro_usd = 0
        self._trouble = ""
        self._last_s = 0.0

    def begin(self) -> None:
        """Write the first line."""
        spec = self._spec
        self._write(
            Header(
                format=FORMAT,
                what="judge",
                spec=spec.name,
                title=spec.title,
                target=self._source.target,
                version=version("imageproof"),
                started=datetime.now(tz=UTC).isoformat(timespec="seconds"),
                seed=0,
                mode=self._source.mode,
                strict=self._strict,
                rules=len(spec.rules) + len(self._clients.rules),
                config=self._source.config,
                versions={"python": platform.python_version(), "platform": sys.platform},
                micro_usd_per_credit=spec.billing.micro_usd_per_credit,
                cadence=cadence_of(spec, 1.0),
            )
        )

    def take(self, tape: Tape) -> None:
        """Judge one exchange as far as it can be judged alone, and write it down."""
        keys = self._vault.learn(tape)
        found = self._places.find(tape.method, tape.target, tape.asked("content-type"))
        asked = self._asking.read(found, tape) if found is not None else NOTHING
        seen = self._provider.look(tape, found, asked, keys)
        exchange = self._exchange(tape, found, asked, seen)
        if found is None and (task := self._provider.result_at(tape)) is not None:
            exchange = replace(exchange, operation=DOWNLOAD, task=self._vault.text(task))
        self._write(exchange)
        self._count(tape, found, exchange)
        self._clients.take(exchange, tape, asked, "\n".join(keys))

    def _count(self, tape: Tape, found: Found | None, exchange: Exchange) -> None:
        self._seen += 1
        self._ours += found is not None
        self._others += not exchange.operation
        self._billable += exchange.micro_usd > 0
        self._micro_usd += exchange.micro_usd
        self._last_s = max(self._last_s, exchange.ended_s)
        if tape.trouble is not None:
            self._lost += 1
            self._trouble = tape.trouble.says

    def finish(self, *, failed: BaseException | None = None, ended_s: float | None = None) -> Result:
        """Judge what shows only in the whole, and write the verdicts and the last line.

        `failed` is a mistake of our own that was made on the way.
        """
        at_s = ended_s if ended_s is not None else self._last_s
        findings = [
            *self._provider.findings(strict=self._strict, at_s=at_s),
            *self._clients.findings(strict=self._strict, at_s=at_s),
        ]
        findings = [self._clean(finding) for finding in findings]
        for finding in findings:
            self._write(finding)
        code, says = ending(findings, unreachable=self._why_not(failed), only_refused=self._why_nothing(findings))
        footer = Footer(
            ended_s=round(at_s, 3),
            exit=code,
            says=self._vault.text(says),
            counts=counts_of(findings),
            requests=self._seen,
            billable=self._billable,
            micro_usd=self._micro_usd,
            notes=self._notes(),
        )
        self._write(footer)
        return Result(exit=code, says=footer.says, findings=tuple(findings))

    def _why_not(self, failed: BaseException | None) -> str | None:
        if failed is not None:
            return f"imageproof itself failed on an exchange: {type(failed).__name__}: {failed}"
        return self._trouble if self._seen and self._lost == self._seen and self._source.mode == "proxy" else None

    def _why_nothing(self, findings: list[Finding]) -> str | None:
        name = self._spec.name
        if not self._seen:
            return "nothing was judged, which is no pass: no request was seen"
        if not self._ours:
            many = "the only request is for no" if self._seen == 1 else f"none of {self._seen:,} requests is for an"
            return f"nothing was judged, which is no pass: {many} operation of {name}: is it another provider?"
        if not any(finding.verdict.is_judged for finding in findings):
            return "nothing was judged, which is no pass: no answer came whole"
        return None

    def _notes(self) -> tuple[str, ...]:
        if not self._others or not self._ours:
            return ()
        told = "1 request is" if self._others == 1 else f"{self._others:,} requests are"
        return (f"{told} of no business of {self._spec.name}: not judged",)

    def _clean(self, finding: Finding) -> Finding:
        clean = self._vault.text
        return replace(
            finding,
            expected=clean(finding.expected),
            actual=clean(finding.actual),
            reason=clean(finding.reason),
            more=tuple(clean(text) for text in finding.more),
        )

    # the line of an exchange

    def _exchange(self, tape: Tape, found: Found | None, asked: Asked, seen: Seen | None) -> Exchange:
        clean = self._vault.text
        operation = found.operation if found is not None else None
        accepted = operation is not None and operation.does in MAKES_IMAGES and seen is not None and seen.is_good
        task = seen.task if seen is not None else found.task if found is not None else None
        request = self._request(tape, asked)
        return Exchange(
            id=tape.number,
            case="traffic",
            operation=operation.name if operation is not None else "",
            request=request,
            response=self._response(tape),
            trouble=tape.trouble,
            began_s=round(tape.began_s, 6),
            ended_s=round(tape.ended_s, 6),
            first_byte_s=round(tape.first_byte_s, 6) if tape.first_byte_s is not None else None,
            task=clean(task) if task else None,
            state=clean(seen.state) if seen is not None and seen.state else None,
            micro_usd=asked.micro_usd if accepted else 0,
            curl=self._curl(tape, request),
            note=clean(asked.broken or tape.note),
            connection=tape.connection,
            account_s=round(tape.began_s, 6),
            rules=tuple(violation.rule.id for violation in asked.violations),
        )

    def _request(self, tape: Tape, asked: Asked) -> Request:
        body = None
        if tape.request_body.size:
            kind = tape.asked("content-type")
            body = self._content(tape.request_body, kind, tape.asked_packing)
            if asked.is_form:
                text, cut = self._vault.beginning(asked.shown, MIB)
                body = Content(size=body.size, kind=kind, text=text, cut=cut)
        return Request(
            method=tape.method,
            url=self._vault.text(tape.url),
            headers=self._vault.headers(tape.request_headers),
            body=body,
        )

    def _response(self, tape: Tape) -> Response | None:
        if tape.status is None:
            return None
        return Response(
            status=tape.status,
            headers=self._vault.headers(tape.response_headers),
            body=self._content(tape.response_body, tape.answered("content-type"), tape.answered_packing),
        )

    def _content(self, body: Kept, kind: str, packing: str) -> Content:
        raw = plain(body, packing)
        if raw is None and packing in ("", "identity"):
            raw = bytes(body.data)
        low = kind.lower()
        if raw is None or low.startswith((*NO_TEXT, "multipart/")):
            return Content(size=body.size, kind=kind)
        text, cut = self._vault.beginning(raw.decode("utf-8", "replace"), MIB)
        return Content(size=body.size, kind=kind, text=text, cut=cut or not body.is_whole)

    def _curl(self, tape: Tape, request: Request) -> str:
        """The command that sends the request again, with the key in a variable of the shell; none for a form."""
        kind = tape.asked("content-type")
        if kind.startswith("multipart/"):
            return ""
        auth = self._spec.auth.header.lower()
        told = tuple(pair for pair in request.headers if pair[0].lower() == auth)
        text = request.body.text if request.body is not None else None
        out = Outgoing(
            method=tape.method,
            path=tape.target,
            headers=told,
            body=text.encode() if text is not None else None,
            content_type=kind,
        )
        return curl_command(out, request.url, {}, self._vault.text)
