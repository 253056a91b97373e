"""Read what a model makes: pixels, images, how long it takes and what it costs."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from imageproof.specs.contract import Topic
from imageproof.specs.model import Duration, Images, OutputTokens, Pixels, PixelTable, Price, Tokens
from imageproof.specs.nodes import plain
from imageproof.specs.reading import child, entries, items, text_of, values_of
from imageproof.specs.sizes import parse_size, size_text

if TYPE_CHECKING:
    from imageproof.specs.facts import Source
    from imageproof.specs.kinds import Plain
    from imageproof.specs.nodes import Node
    from imageproof.specs.reading import Reader

MICRO = 1_000_000


def _size(reader: Reader, node: Node) -> tuple[int, int]:
    size = parse_size(text_of(node))
    if size is None:
        reader.problem(node.mark, f"expected a size such as 1024x1536, got {text_of(node)!r}")
    return size or (1024, 1024)


def _turned(ratio: str) -> str:
    return ":".join(reversed(ratio.split(":")))


def _table(reader: Reader, model: str, node: Node) -> PixelTable:
    cells: dict[tuple[str, ...], tuple[int, int]] = {}
    for first, row in entries(child(node, "cells")):
        inner = list(entries(row))
        for second, cell in inner:
            cells[first, second] = _size(reader, cell)
        if not inner:
            cells[(first,)] = _size(reader, row)
    source = reader.source(child(node, "source"), None)
    by = tuple(str(value) for value in values_of(child(node, "by")))
    for key, (width, height) in cells.items():
        said = ", ".join(f"{name} {value}" for name, value in zip(by, key, strict=True))
        reader.state(Topic.PIXELS, f"{model}/{','.join(key)}", f"{said} gives {size_text(width, height)}", node, source)
    if (transpose := child(node, "transpose")) is not None and plain(reader.stated(transpose, source).node) is True:
        reader.state(
            Topic.PIXELS,
            f"{model}/transpose",
            "a portrait ratio gives the landscape size turned",
            reader.stated(transpose, source),
        )
        turned = {
            (_turned(key[0]), *key[1:]): (height, width) for key, (width, height) in cells.items() if ":" in key[0]
        }
        cells = {**turned, **cells}
    return PixelTable(by=by, cells=MappingProxyType(cells))


def read_pixels(reader: Reader, model: str, node: Node | None) -> Pixels:
    """Read how the output size follows from a request."""
    exact, table, auto, fallback = (child(node, key) for key in ("exact", "table", "auto", "fallback"))
    words = {}
    for item in items(auto):
        value, stands_for = (text_of(child(item, key) or item) for key in ("value", "as"))
        words[value] = stands_for
        reader.state(Topic.PIXELS, f"{model}/{value}", f"{value} gives what {stands_for} gives", item)
    if exact is not None:
        reader.state(
            Topic.PIXELS, f"{model}/exact", f"{text_of(child(exact, 'field') or exact)} gives exactly its pixels", exact
        )
    size = (1024, 1024)
    if fallback is not None:
        size = _size(reader, child(fallback, "size") or fallback)
        reader.state(Topic.PIXELS, f"{model}/fallback", f"without a size the output is {size_text(*size)}", fallback)
    return Pixels(
        exact=text_of(child(exact, "field") or exact) if exact else None,
        table=_table(reader, model, table) if table else None,
        auto=MappingProxyType(words),
        fallback=size,
    )


def read_images(reader: Reader, model: str, node: Node, source: Source | None) -> Images:
    """Read what comes out: how many, in which format, by URL or base64."""
    named = {
        key: text_of(value)
        for key, value in entries(node)
        if key not in ("source", "note", "contradicts", "references")
    }
    count = named.get("count", "1")
    kind, delivered = named.get("format", "png"), named.get("kind", "url")
    words = f"one request makes {count} image(s), format {kind}, delivered as {delivered}"
    reader.state(Topic.IMAGES, model, words, node, source)
    return Images(
        count=int(count) if count.isdigit() else count,
        format=named.get("format", "png"),
        compression=named.get("compression"),
        background=named.get("background"),
        references=tuple(text_of(item) for item in items(child(node, "references"))),
        mask=named.get("mask"),
        prompt=named.get("prompt", "prompt"),
        kind=named.get("kind", "url"),
        prefix=named.get("prefix", ""),
    )


def _when(node: Node) -> dict[str, tuple[Plain, ...]]:
    return {key: values_of(value) for key, value in entries(child(node, "when"))}


def _when_text(when: dict[str, tuple[Plain, ...]]) -> str:
    return ",".join(f"{key}={'|'.join(str(value) for value in values)}" for key, values in when.items()) or "always"


def read_durations(reader: Reader, model: str, node: Node | None) -> tuple[Duration, ...]:
    """Read how long a task runs."""
    rows = []
    for item in items(child(node, "run")):
        when = _when(item)
        least, most = (float(str(value)) for value in values_of(child(item, "seconds")))
        rule = reader.state(
            Topic.TIMING,
            f"{model}/{_when_text(when)}",
            f"{_when_text(when)}: a task runs {least:g} to {most:g} s",
            item,
        )
        rows.append(Duration(when=MappingProxyType(when), seconds=(least, most), rule=rule))
    return tuple(rows)


def _micro_usd(item: Node, micro_per_credit: int | None) -> int | None:
    if (usd := child(item, "usd")) is not None:
        return round(float(text_of(usd)) * MICRO)
    credit = child(item, "credits")
    return None if credit is None or micro_per_credit is None else round(float(text_of(credit)) * micro_per_credit)


def read_prices(reader: Reader, model: str, node: Node | None, micro_per_credit: int | None) -> tuple[Price, ...]:
    """Read a price list in the order in which its rows are tried."""
    rows = []
    for item in items(node):
        when = _when(item)
        cost = _micro_usd(item, micro_per_credit)
        each = "image" if (found := child(item, "each")) is not None and text_of(found) == "image" else "request"
        price = "has no published price" if cost is None else f"costs ${cost / MICRO:.6g} for each {each}"
        rule = reader.state(Topic.PRICE, f"{model}/{_when_text(when)}", f"{_when_text(when)}: {price}", item)
        rows.append(Price(when=MappingProxyType(when), micro_usd=cost, each=each, rule=rule))  # type: ignore[arg-type]
    return tuple(rows)


def _output_tokens(reader: Reader, model: str, node: Node) -> OutputTokens:
    quality = text_of(child(node, "quality_field") or node)
    auto = text_of(child(node, "auto_quality") or node)
    grid, table = child(node, "grid"), child(node, "table")
    reader.state(Topic.PRICE, f"{model}/output-tokens", f"output tokens follow from {quality} and the size", node)
    return OutputTokens(
        quality_field=quality,
        auto_quality=auto,
        grid=MappingProxyType({key: int(text_of(value)) for key, value in entries(child(grid, "cells"))}),
        base=int(text_of(found)) if (found := child(grid, "base")) else 0,
        divisor=int(text_of(found)) if (found := child(grid, "divisor")) else 1,
        table=MappingProxyType({key: _triple(value) for key, value in entries(table)}),
    )


def _triple(node: Node) -> tuple[int, int, int]:
    square, portrait, landscape = (int(str(value)) for value in values_of(node))
    return square, portrait, landscape


def read_tokens(reader: Reader, model: str, node: Node) -> Tokens:
    """Read a token tariff. Prices are given in USD for a million tokens, so one token costs that many micro-dollars."""
    usd = {key: round(float(text_of(value))) for key, value in entries(child(node, "usd_per_million"))}
    rule = reader.state(
        Topic.PRICE,
        f"{model}/tokens",
        "billed by tokens: " + ", ".join(f"{key.replace('_', ' ')} ${value} per million" for key, value in usd.items()),
        node,
    )
    text, references = child(node, "text"), child(node, "references")
    if text is not None:
        reader.state(
            Topic.PRICE, f"{model}/text-tokens", "text input tokens follow from the length of the prompt", text
        )
    rows = [
        (int(str(a)), int(str(b))) for a, b in (values_of(item) for item in items(child(references, "up_to_pixels")))
    ]
    if references is not None:
        reader.state(
            Topic.PRICE,
            f"{model}/reference-tokens",
            "image input tokens follow from the pixels of each reference",
            references,
        )
    partial = child(node, "partial")
    if partial is not None:
        reader.state(
            Topic.PRICE,
            f"{model}/partial-tokens",
            f"each partial image costs {text_of(child(partial, 'tokens') or partial)} output tokens more",
            partial,
        )
    return Tokens(
        text_in_micro_usd=usd["text_in"],
        image_in_micro_usd=usd["image_in"],
        image_out_micro_usd=usd["image_out"],
        output=_output_tokens(reader, model, child(node, "output") or node),
        text_chars_per_token=int(text_of(child(text, "chars_per_token") or node)),
        text_overhead=int(text_of(child(text, "overhead") or node)),
        reference_tokens=tuple(rows),
        partial_tokens=int(text_of(child(partial, "tokens") or node)) if partial else 0,
        rule=rule,
    )
