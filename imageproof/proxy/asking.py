"""What a request asks for: its body as values, and the rules that it breaks."""

from __future__ import annotations

import asyncio
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.mock_server.call import dotted
from imageproof.mock_server.wire import BodyRefusedError, parse_json, parse_multipart
from imageproof.proxy.tape import JUDGED
from imageproof.specs.check import Checker, Violation, check_selector
from imageproof.specs.forms import typed
from imageproof.specs.model import MAKES_IMAGES
from imageproof.specs.outcome import Outcomes, effective

if TYPE_CHECKING:
    from imageproof.proxy.places import Found
    from imageproof.proxy.tape import Kept, Tape
    from imageproof.specs.forms import Form
    from imageproof.specs.model import Model, Operation, Shape, Spec

LEFT_OUT = "the recording left out the files of its form"
GZIP = 32 + zlib.MAX_WBITS  # zlib's own or gzip's head, whichever is there


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as the contract reads it.

    `broken` says why its body can't be read, None where it can; `micro_usd` is the price if it is accepted.
    """

    body: dict[str, object]
    model: Model | None = None
    shape: Shape | None = None
    violations: tuple[Violation, ...] = ()
    broken: str | None = None
    is_form: bool = False
    micro_usd: int = 0

    @property
    def shown(self) -> str:
        """The fields of a form as JSON, for the record: files by what they are."""
        return json.dumps(self.body, default=str, ensure_ascii=False)


NOTHING = Asked(body={})


class Asking:
    """Reads the requests of one contract."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._checkers = {
            (operation, model.name): Checker(shape, spec.selector)
            for model in spec.models.values()
            for operation, shape in model.shapes.items()
        }
        self._outcomes = {model.name: Outcomes(model) for model in spec.models.values()}
        self._own = {name: Checker(shape) for name, shape in spec.shapes.items()}

    def read(self, found: Found, tape: Tape) -> Asked:
        """Read a request. A body that is not there whole, or can't be read, breaks nothing that could be judged."""
        operation = found.operation
        if operation.content == "none":
            return NOTHING
        raw = plain(tape.request_body, tape.asked_packing)
        if raw is None:
            return Asked(body={}, broken="its body was not kept whole, or is packed in a way that is not read here")
        kind = tape.asked("content-type")
        try:
            form = None
            if operation.content == "multipart":
                form = tape.form or asyncio.run(parse_multipart(raw, {"Content-Type": kind}))
            body = {} if form is not None else parse_json(raw, kind)
            if form is not None and tape.is_unpacked and any(facts.format == "unknown" for _, facts, _ in form.files):
                return Asked(body={}, broken=LEFT_OUT)
        except BodyRefusedError as error:
            return Asked(body={}, broken=error.reason)
        return self._judged(found, body, form)

    def _judged(self, found: Found, body: dict[str, object], form: Form | None) -> Asked:
        spec, operation = self._spec, found.operation
        own = self._own.get(operation.name)
        if operation.does not in MAKES_IMAGES:
            values = typed(form, own.shape)[0] if form is not None and own is not None else body
            broken = tuple(own.check(values)) if own is not None else ()
            return Asked(body=values, shape=own.shape if own else None, violations=broken, is_form=form is not None)
        field = spec.selector.field or ""
        texts = dict(form.texts) if form is not None else body
        named = found.model or texts.get(field, spec.selector.default)
        wrong = check_selector(spec.selector, texts) if found.model is None else []
        if wrong:
            return Asked(body=dict(texts), violations=tuple(wrong), is_form=form is not None)
        model = spec.models.get(named) if isinstance(named, str) else None
        checker = self._checkers.get((operation.name, model.name)) if model is not None else None
        if checker is None:
            reason = f"the contract has no {operation.name} of a model {named!r}"
            return Asked(body=dict(texts), broken=reason, is_form=form is not None)
        values = typed(form, checker.shape)[0] if form is not None else body
        violations = tuple(checker.check(values))
        return Asked(
            body=values,
            model=model,
            shape=checker.shape,
            violations=violations,
            is_form=form is not None,
            micro_usd=0 if violations or model is None else self._price(operation, model, checker.shape, values),
        )

    def _price(self, operation: Operation, model: Model, shape: Shape, body: dict[str, object]) -> int:
        """What a valid request costs, in micro-dollars; 0 where no page says."""
        asked = effective(shape, dotted(body))
        stream = operation.stream
        partials = asked.get(stream.partials) if stream and asked.get(stream.switch) is True else 0
        prompt = asked.get(model.images.prompt)
        outcome = self._outcomes[model.name].of(
            asked,
            prompt=prompt if isinstance(prompt, str) else "",
            partials=partials if isinstance(partials, int) else 0,
        )
        return outcome.micro_usd or 0


def plain(body: Kept, coding: str) -> bytes | None:
    """A body without its packing; None when it is not there whole or its packing is not known here."""
    if not body.is_whole:
        return None
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return bytes(body.data)
    if coding not in ("gzip", "x-gzip", "deflate"):
        return None
    try:
        return _unpacked(bytes(body.data), GZIP)
    except zlib.error:
        return _raw_deflate(bytes(body.data)) if coding == "deflate" else None


def _raw_deflate(data: bytes) -> bytes | None:
    """Some servers mean by `deflate` the bare stream, without zlib's own head."""
    try:
        return _unpacked(data, -zlib.MAX_WBITS)
    except zlib.error:
        return None


def _unpacked(data: bytes, bits: int) -> bytes | None:
    """The content, None for a packing that ends early or holds too much. Raises zlib.error."""
    out = bytearray()
    while data:
        unpacker = zlib.decompressobj(bits)
        out += unpacker.decompress(data, JUDGED - len(out) + 1)
        if not unpacker.eof or len(out) > JUDGED:
            return None
        data = unpacker.unused_data
    return bytes(out)
