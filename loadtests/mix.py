"""From a contract to the jobs of a load run: valid requests of the wanted kinds, each with its mark in the prompt.

Which job has which mark follows from the seed alone, so that any single one can be sent again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from dataclasses import replace as with_changes
from hashlib import blake2b
from itertools import accumulate
from typing import TYPE_CHECKING

import orjson
from msgspec.structs import replace

from imageproof.loadtests.options import Share
from imageproof.specs.check import Checker
from imageproof.specs.files import FileFacts, encode
from imageproof.specs.generate import Maker
from imageproof.specs.kinds import OneOf
from imageproof.specs.model import Does
from imageproof.specs.outcome import Outcomes, effective

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imageproof.loadtests.options import Plain
    from imageproof.specs.model import Field, Model, Operation, Shape, Spec

Body = dict[str, object]
REFERENCE = "https://example.com/photo-{number}.jpg"
PICTURE = FileFacts(format="png", width=640, height=640, has_alpha=True, size=0)
SENTINEL = "load-@@mark@@"
MOST_DIGITS, USUAL_DIGITS = 12, 3  # of a mark
BOUNDARY = "imageproof-load-0b5e1d"
MARK = re.compile(r"load-([0-9]+)")
CLOSED = ("size", "resolution", "quality", "aspect_ratio")  # fields whose values make other jobs; those a model has
PREVIEWS = 2  # partial images of a stream, where the mix does not say how many


class MixError(ValueError):
    """No valid request can be made of what a mix asks for. The message is a sentence for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request that is ready to be sent. Money is whole micro-dollars; `prompt` is as it stands in the body."""

    mark: int
    operation: Operation
    model: str
    path: str
    content_type: str
    body: bytes
    prompt: str
    images: int
    micro_usd: int
    is_stream: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of job of a mix, with its body in two parts: the mark stands between them."""

    share: Share
    operation: Operation
    model: Model
    path: str
    content_type: str
    head: bytes
    tail: bytes
    prompt: str
    images: int
    as_base64: bool
    costs: tuple[int, ...]

    def cost(self, mark: int) -> int:
        """What the request with this mark costs, in micro-dollars: a longer prompt has more tokens."""
        return self.costs[min(len(str(mark)), len(self.costs)) - 1]

    def ask(self, mark: int) -> Ask:
        """The request with this mark."""
        text = f"load-{mark}"
        return Ask(
            mark=mark,
            operation=self.operation,
            model=self.model.name,
            path=self.path,
            content_type=self.content_type,
            body=self.head + text.encode() + self.tail,
            prompt=self.prompt.replace(SENTINEL, text),
            images=self.images,
            micro_usd=self.cost(mark),
            is_stream=self.share.stream,
        )


class Mix:
    """The jobs of a run. Raises MixError for a kind that the provider has not, or takes no valid request for."""

    __slots__ = ("_bounds", "_in_turn", "_seed", "kinds")

    def __init__(self, spec: Spec, shares: tuple[Share, ...], *, seed: int, prompt: str, in_turn: bool = False) -> None:
        self._in_turn = in_turn
        self._seed = seed.to_bytes(16, "big", signed=True)
        self.kinds = tuple(kind_of(spec, share, f"{prompt}, {SENTINEL} {share.words}".rstrip()) for share in shares)
        self._bounds = tuple(accumulate(share.weight for share in shares))

    def ask(self, mark: int) -> Ask:
        """The job with this mark."""
        return self.kinds[self._chosen(mark)].ask(mark)

    def cost(self, mark: int) -> int:
        """What the job with this mark costs, in micro-dollars."""
        return self.kinds[self._chosen(mark)].cost(mark)

    def _chosen(self, mark: int) -> int:
        if self._in_turn or len(self.kinds) == 1:
            return mark % len(self.kinds)
        digest = blake2b(mark.to_bytes(16, "big"), key=self._seed, digest_size=8).digest()
        point = int.from_bytes(digest, "big") / 2**64 * self._bounds[-1]
        return next(at for at, bound in enumerate(self._bounds) if point < bound)

    @property
    def mean_micro_usd(self) -> float:
        """What a job costs on average."""
        weights = [kind.share.weight for kind in self.kinds]
        return sum(kind.costs[USUAL_DIGITS] * kind.share.weight for kind in self.kinds) / sum(weights)


def mark_of(prompt: str) -> int | None:
    """The mark in a prompt; None where there is none."""
    found = MARK.search(prompt)
    return int(found[1]) if found else None


def read_share(text: str) -> Share:
    """Read `weight=3,model=gpt-image-2,resolution=2k,references=1,stream=yes`. Raises ValueError for nonsense."""
    share = Share()
    for part in filter(None, (item.strip() for item in text.split(","))):
        name, equals, value = (item.strip() for item in part.partition("="))
        if not equals or not name or not value:
            raise ValueError(f"expected a kind of jobs such as model=NAME,resolution=2k,weight=3, got {part!r}")
        share = _with(share, name, value)
    return share


def _with(share: Share, name: str, value: str) -> Share:
    match name:
        case "weight" if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value) and float(value) > 0:
            return replace(share, weight=float(value))
        case "references" if re.fullmatch(r"[0-9]{1,3}", value):
            return replace(share, references=int(value))
        case "operation" if value in ("make", "edit"):
            return replace(share, operation=value)
        case "stream" if value in ("yes", "no"):
            return replace(share, stream=value == "yes")
        case "weight" | "references" | "operation" | "stream":
            raise ValueError(
                f"expected a number with weight and references, make or edit, yes or no: got {name}={value}"
            )
        case "model":
            return replace(share, model=value)
        case _:
            return replace(share, fields={**share.fields, name: value})


def all_shares(spec: Spec) -> tuple[Share, ...]:
    """Every model with each value of its closed fields, once in equal shares: a wide mix that costs no thought."""
    out = []
    for name, model in spec.models.items():
        shape = next(iter(model.shapes.values()))
        for field in (shape.fields[item] for item in CLOSED if item in shape.fields):
            out += [Share(model=name, fields={field.name: value}) for value in values_of(field)]
        out.append(Share(model=name))
    return tuple(share for share in out if _is_possible(spec, share))


def _is_possible(spec: Spec, share: Share) -> bool:
    try:
        kind_of(spec, share, SENTINEL)
    except MixError:
        return False
    return True


def values_of(field: Field) -> tuple[Plain, ...]:
    """The values of a field that takes these only; none for any other."""
    closed = next((rule.kind.values for rule in field.rules if isinstance(rule.kind, OneOf)), ())
    return tuple(value for value in closed if isinstance(value, str | int | float | bool))


def kind_of(spec: Spec, share: Share, prompt: str) -> Kind:
    """A kind of jobs, ready to be sent; the mark goes where `prompt` has its place for it. Raises MixError."""
    operation = _operation(spec, share)
    model = spec.models.get(share.model or spec.selector.example)
    if model is None or operation.name not in model.shapes:
        known = ", ".join(name for name, item in spec.models.items() if operation.name in item.shapes)
        raise MixError(f"expected a model of {spec.name} that can {operation.name} ({known}), got {share.model!r}")
    shape = model.shapes[operation.name]
    body = _body(spec, operation, model, shape, share, prompt)
    partials = operation.stream.partials if operation.stream else ""
    asked = effective(shape, _flat(body))
    count = asked.get(partials, 0)
    partial = int(count) if share.stream and isinstance(count, int | float) else 0
    outcomes = [
        Outcomes(model).of(asked, prompt=prompt.replace(SENTINEL, f"load-{10**digits}"), partials=partial)
        for digits in range(MOST_DIGITS)
    ]
    content_type, whole = _encoded(operation, shape, body)
    head, _, tail = whole.partition(SENTINEL.encode())
    return Kind(
        share=share,
        operation=operation,
        model=model,
        path=operation.path.replace("{model}", model.name),
        content_type=content_type,
        head=head,
        tail=tail,
        prompt=prompt,
        images=outcomes[0].count,
        as_base64=outcomes[0].as_base64,
        costs=tuple(outcome.micro_usd or 0 for outcome in outcomes),
    )


def _operation(spec: Spec, share: Share) -> Operation:
    makes = spec.operation_for(Does.SUBMIT) or spec.operation_for(Does.GENERATE)
    found = spec.operation_for(Does.EDIT) if share.operation == "edit" else makes
    if found is None:
        raise MixError(f"expected an operation of {spec.name} that can {share.operation}, got a provider without one")
    if share.stream and found.stream is None:
        raise MixError(
            f"expected streams of {spec.name}, got a provider whose {found.name} sends none: leave out stream"
        )
    return found


def _body(spec: Spec, operation: Operation, model: Model, shape: Shape, share: Share, prompt: str) -> Body:
    """The plainest valid body of a share. Raises MixError with the rules that it would break."""
    base = Maker(shape, spec.selector).least()
    base = _replaced(base, model.images.prompt, prompt)
    allowed = {field.name: field for field in shape.allowed}
    for name, value in share.fields.items():
        if name not in allowed:
            raise MixError(f"expected a field of {model.name} ({', '.join(allowed)}), got {name!r}")
        base = _replaced(base, name, _typed(allowed[name], value))
    if share.stream and operation.stream is not None:
        base = _replaced(base, operation.stream.switch, value=True)
        if operation.stream.partials in allowed and operation.stream.partials not in share.fields:
            base = _replaced(base, operation.stream.partials, PREVIEWS)
    picture = with_changes(PICTURE, size=share.file_bytes)
    base = {name: _as_pictures(value, picture) for name, value in base.items()}
    broken: list[str] = []
    for body in _with_references(
        base, share, picture, [allowed[name] for name in model.images.references if name in allowed]
    ):
        broken = [violation.rule.id for violation in Checker(shape, spec.selector).check(body)]
        if not broken:
            return body
    why = ", ".join(dict.fromkeys(broken)) or "it takes no pictures to start from"
    raise MixError(f"expected a valid request of {model.name}, got one that breaks {why}")


def _typed(field: Field, value: Plain) -> object:
    """A word of the command line as the field's type."""
    if isinstance(value, str):
        if field.type == "integer" and re.fullmatch(r"-?[0-9]{1,9}", value):
            return int(value)
        if field.type == "boolean" and value in ("true", "false"):
            return value == "true"
    return value


def _with_references(body: Body, share: Share, picture: FileFacts, fields: list[Field]) -> Iterator[Body]:
    if not share.references:
        yield body
    for field in fields if share.references else ():
        urls = [REFERENCE.format(number=number) for number in range(1, share.references + 1)]
        values: dict[str, object] = {"files": [picture] * share.references, "file": picture, "strings": urls}
        yield _replaced(body, field.name, values.get(field.type, urls[0]))


def _replaced(body: Body, name: str, value: object) -> Body:
    """The body with one field more, or another value; `a.b` stands inside the object `a`."""
    group, dot, inner = name.partition(".")
    if not dot:
        return {**body, name: value}
    held = body.get(group)
    return {**body, group: {**(held if isinstance(held, dict) else {}), inner: value}}


def _flat(body: Body) -> Body:
    """Nested fields by their dotted names, beside the groups themselves."""
    out = dict(body)
    for name, value in body.items():
        if isinstance(value, dict):
            out.update({f"{name}.{inner}": item for inner, item in value.items()})
    return out


def _as_pictures(value: object, picture: FileFacts) -> object:
    if isinstance(value, FileFacts):
        return picture
    return [_as_pictures(item, picture) for item in value] if isinstance(value, list) else value


def _encoded(operation: Operation, shape: Shape, body: Body) -> tuple[str, bytes]:
    """Content type and bytes of a body."""
    if operation.content != "multipart":
        return "application/json", orjson.dumps(body)
    out = []
    for name, value in body.items():
        several = isinstance(value, list) and len(value) > 1 and f"{name}[]" in shape.fields[name].names
        part = f"{name}[]" if several else name
        out += [_part(part, item) for item in (value if isinstance(value, list) else [value])]
    out.append(f"--{BOUNDARY}--\r\n".encode())
    return f"multipart/form-data; boundary={BOUNDARY}", b"".join(out)


def _part(name: str, value: object) -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'
    if isinstance(value, FileFacts):
        head += '; filename="image.png"\r\nContent-Type: image/png'
        return head.encode() + b"\r\n\r\n" + encode(value) + b"\r\n"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"{head}\r\n\r\n{text}\r\n".encode()
