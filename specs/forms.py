"""Multipart forms as contracts read them: parts are texts and files, and fields give them their types."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imageproof.specs.files import FileFacts
from imageproof.specs.image_facts import inspect

if TYPE_CHECKING:
    from imageproof.specs.model import Field, Shape

MAX_PIXELS = 64_000_000
INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
BOOLEANS = {"true": True, "false": False, "True": True, "False": False}


@dataclass(slots=True)
class Form:
    """A multipart body before its types are known: texts and files in the order in which they came."""

    texts: list[tuple[str, str]] = field(default_factory=list)
    files: list[tuple[str, FileFacts, bytes]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Uploaded:
    """The bytes of the uploaded files by field, beside the facts that the rules see."""

    files: dict[str, list[bytes]]


def facts_of(data: bytes, name: str) -> FileFacts:
    """The facts of an uploaded file; a file that is no image has the format `unknown` and no size."""
    try:
        facts = inspect(data, max_pixels=MAX_PIXELS)
    except ValueError:
        return FileFacts(format="unknown", width=0, height=0, has_alpha=False, size=len(data), name=name)
    return FileFacts(
        format=facts.format,
        width=facts.width,
        height=facts.height,
        has_alpha=facts.has_alpha,
        size=len(data),
        name=name,
    )


def typed(form: Form, shape: Shape) -> tuple[dict[str, object], Uploaded]:
    """Give the parts of a form the types of the fields; what has not its type stays text, for the rules to refuse."""
    names = {wire: field.name for field in shape.fields.values() for wire in (field.name, *field.names)}
    body: dict[str, object] = {}
    for wire, text in form.texts:
        name = names.get(wire, wire)
        field = shape.fields.get(name)
        body[name] = _text_value(field, text, body.get(name))
    files: dict[str, list[bytes]] = {}
    for wire, facts, data in form.files:
        name = names.get(wire, wire)
        field = shape.fields.get(name)
        files.setdefault(name, []).append(data)
        if field is not None and field.type == "files":
            known = body.setdefault(name, [])
            if isinstance(known, list):
                known.append(facts)
        else:
            body[name] = facts
    return body, Uploaded(files)


def _text_value(field: Field | None, text: str, before: object) -> object:
    match field.type if field else "string":
        case "integer" if INTEGER.fullmatch(text):
            return int(text)
        case "boolean":
            return BOOLEANS.get(text, text)
        case "strings":
            return [*before, text] if isinstance(before, list) else [text]
        case _:
            return text
