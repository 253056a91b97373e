"""What a valid request asks for: pixels, count, format, how long it takes and what it costs.

Pure; used by mock and load tests.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imageproof.specs.check import fold
from imageproof.specs.files import FileFacts
from imageproof.specs.sizes import parse_size
from imageproof.specs.tokens import cost_micro_usd, output_tokens, reference_tokens, text_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imageproof.specs.kinds import Plain
    from imageproof.specs.model import Duration, Images, Model, Pixels, Price, Shape

REFERENCE_PIXELS = (1024, 1024)  # an image named by URL is never fetched, so its size is taken to be this one


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one request."""

    text: int = 0
    image: int = 0
    output: int = 0


NO_USAGE = Usage()
REMEMBERED = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a request comes to: sizes in pixels, money in micro-dollars (None: no page gives the price).

    Times in seconds.
    """

    width: int
    height: int
    count: int
    format: str
    compression: int | None
    background: str
    as_base64: bool
    quality: str
    references: tuple[str | FileFacts, ...]
    mask: str | FileFacts | None
    run_s: tuple[float, float]
    micro_usd: int | None
    usage: Usage


def effective(shape: Shape, body: Mapping[str, object]) -> dict[str, object]:
    """The fields as the provider reads them: defaults filled in, case folded, ignored fields dropped.

    Downgrades done.
    """
    out: dict[str, object] = {}
    for field in shape.allowed:
        value = body.get(field.name)
        if value is None:
            value = field.default
            if value is None:
                continue
        elif field.fold_case:
            value = fold(value)
        if field.downgraded and isinstance(value, str):
            value = field.downgraded.get(value, value)
        out[field.name] = value
    return out


def _fits(when: Mapping[str, tuple[Plain, ...]], asked: Mapping[str, object]) -> bool:
    return all(_text(asked.get(name)) in {_text(value) for value in values} for name, values in when.items())


def _text(value: object) -> str:
    return fold(value) if isinstance(value, str) else str(value)  # type: ignore[return-value]


def size_of(pixels: Pixels, asked: Mapping[str, object]) -> tuple[int, int]:
    """The output size in pixels: an exact size first, then the table, then the fallback."""
    if pixels.exact is not None and (size := parse_size(asked.get(pixels.exact))) is not None:
        return size
    if pixels.table is not None:
        words = {_text(word): stands_for for word, stands_for in pixels.auto.items()}
        key = [_text(asked.get(name)) for name in pixels.table.by]
        known = {tuple(_text(part) for part in cell): size for cell, size in pixels.table.cells.items()}
        found = known.get(tuple(_text(words.get(part, part)) for part in key))
        if found is not None:
            return found
    for name in (pixels.exact,):
        stands_for = pixels.auto.get(str(asked.get(name))) if name else None
        if stands_for is not None and (size := parse_size(stands_for)) is not None:
            return size
    return pixels.fallback


def _named(asked: Mapping[str, object], name: str | None) -> object:
    return asked.get(name) if name is not None else None


def _references(images: Images, asked: Mapping[str, object]) -> tuple[str | FileFacts, ...]:
    for name in images.references:
        value = asked.get(name)
        if isinstance(value, list) and value:
            return tuple(item for item in value if isinstance(item, str | FileFacts))
        if isinstance(value, str | FileFacts) and value:
            return (value,)
    return ()


def duration_of(durations: tuple[Duration, ...], asked: Mapping[str, object]) -> tuple[float, float]:
    """How long the task runs, from and to, in seconds."""
    return next((row.seconds for row in durations if _fits(row.when, asked)), (0.0, 0.0))


def price_row(prices: tuple[Price, ...], asked: Mapping[str, object]) -> Price | None:
    """The row of the price list that is in force."""
    return next((row for row in prices if _fits(row.when, asked)), None)


def _cost(model: Model, asked: Mapping[str, object], count: int, usage: Usage) -> int | None:
    if model.tokens is not None:
        return cost_micro_usd(model.tokens, text=usage.text, image=usage.image, output=usage.output)
    row = price_row(model.prices, asked)
    if row is None or row.micro_usd is None:
        return None
    return row.micro_usd * (count if row.each == "image" else 1)


def _usage(model: Model, asked: Mapping[str, object], base: Outcome, text: int, partials: int) -> Usage:
    tokens = model.tokens
    if tokens is None:
        return NO_USAGE
    sizes = [(item.width, item.height) if isinstance(item, FileFacts) else REFERENCE_PIXELS for item in base.references]
    quality = str(asked.get(tokens.output.quality_field) or tokens.output.auto_quality)
    each = output_tokens(tokens, quality, base.width, base.height)
    return Usage(
        text=text,
        image=reference_tokens(tokens, sizes),
        output=each * base.count + tokens.partial_tokens * partials,
    )


def _names_that_matter(model: Model) -> tuple[str, ...]:
    """The fields on which everything but prompt, references and tokens depends."""
    images, pixels = model.images, model.pixels
    named = [images.count, images.format, images.compression, images.background, images.kind, pixels.exact, "quality"]
    named += pixels.table.by if pixels.table else ()
    named += [name for row in model.durations for name in row.when] + [
        name for row in model.prices for name in row.when
    ]
    named += [model.tokens.output.quality_field] if model.tokens else []
    return tuple(sorted({name for name in named if isinstance(name, str)}))


class Outcomes:
    """What the requests of one model come to. Remembers the part that follows from its closed fields, which are few."""

    __slots__ = ("_memo", "_names", "_priced_memo", "model")

    def __init__(self, model: Model) -> None:
        self.model = model
        self._names = _names_that_matter(model)
        self._memo: dict[tuple[object, ...], Outcome] = {}
        self._priced_memo: dict[tuple[int, int, int], Outcome] = {}

    def of(self, asked: Mapping[str, object], *, prompt: str, partials: int = 0) -> Outcome:
        """What a valid request comes to.

        `asked` are its effective fields, `partials` the number of streamed previews.
        """
        key = tuple([asked.get(name) for name in self._names])
        base = self._memo.get(key)
        if base is None:
            if len(self._memo) >= REMEMBERED:
                self._memo.clear()
                self._priced_memo.clear()
            base = self._memo[key] = _base(self.model, asked)
        images, tokens = self.model.images, self.model.tokens
        mask = _named(asked, images.mask)
        if mask is None and not any(name in asked for name in images.references):
            return base if tokens is None else self._priced(base, asked, text_tokens(tokens, prompt), partials)
        whole = replace(
            base, references=_references(images, asked), mask=mask if isinstance(mask, str | FileFacts) else None
        )
        usage = _usage(self.model, asked, whole, text_tokens(tokens, prompt) if tokens else 0, partials)
        return replace(whole, usage=usage, micro_usd=_cost(self.model, asked, whole.count, usage))

    def _priced(self, base: Outcome, asked: Mapping[str, object], text: int, partials: int) -> Outcome:
        """What a request with nothing but a prompt comes to, by its tokens of text."""
        key = (id(base), text, partials)  # a base is kept as long as what follows from it
        known = self._priced_memo.get(key)
        if known is None:
            if len(self._priced_memo) >= REMEMBERED:
                self._priced_memo.clear()
            usage = _usage(self.model, asked, base, text, partials)
            known = replace(base, usage=usage, micro_usd=_cost(self.model, asked, base.count, usage))
            self._priced_memo[key] = known
        return known


def _base(model: Model, asked: Mapping[str, object]) -> Outcome:
    images = model.images
    width, height = size_of(model.pixels, asked)
    named_count = _named(asked, images.count) if isinstance(images.count, str) else images.count
    count = int(named_count) if isinstance(named_count, int | float) else 1
    compression = _named(asked, images.compression)
    return Outcome(
        width=width,
        height=height,
        count=count,
        format=str(asked.get(images.format, images.format)),
        compression=int(compression) if isinstance(compression, int | float) else None,
        background=str(_named(asked, images.background) or "opaque"),
        as_base64=str(asked.get(images.kind, images.kind)) in ("base64", "b64_json"),
        quality=str(asked.get(model.tokens.output.quality_field) if model.tokens else asked.get("quality", "")),
        references=(),
        mask=None,
        run_s=duration_of(model.durations, asked),
        micro_usd=None if model.tokens else _cost(model, asked, count, NO_USAGE),
        usage=NO_USAGE,
    )
