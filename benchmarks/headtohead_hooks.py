"""Loaded by Schemathesis before its run: what its documentation offers for values that no JSON Schema can describe.

It needs nothing but Schemathesis, so it also works where that is installed apart.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import schemathesis
from hypothesis import strategies as st

if TYPE_CHECKING:
    from schemathesis import Case, HookContext

SIZES = ("1024x1024", "1536x1024", "1024x1536", "1008x1792", "2048x1024", "816x816", "3840x2160", "2160x3840")
FORM = "multipart/form-data"


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def clear_png(edge: int) -> bytes:
    """A square PNG, all of it transparent, so that it is a good image and a good mask."""
    head = struct.pack(">IIBBBBB", edge, edge, 8, 6, 0, 0, 0)
    rows = zlib.compress(bytes(1 + 4 * edge) * edge)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


PNG = clear_png(512)

# The pattern of a size lists thousands of them: to draw from it takes Hypothesis seconds each time.
schemathesis.openapi.format("image-size", st.sampled_from(SIZES))
schemathesis.openapi.media_type("image/png", st.just(PNG))


@schemathesis.hook
def map_case(context: HookContext, case: Case) -> Case:  # noqa: ARG001  (Schemathesis calls it by these names)
    """Make a form that is meant to be good a good one: real images, and names and values that a form can carry.

    In place: a body that is put in its place anew would be judged again, as one that breaks the schema.
    """
    if case.media_type == FORM and isinstance(case.body, dict) and _is_meant_well(case):
        for name, value in list(case.body.items()):
            if value is None or not (name and name.isprintable()):  # a form has no null: it would be the text "null"
                del case.body[name]
        for value in case.body.values():
            for part in value if isinstance(value, list) else [value]:
                if hasattr(part, "data"):  # a file, as Schemathesis holds it
                    part.data = PNG
    return case


def _is_meant_well(case: Case) -> bool:
    return case.meta is not None and case.meta.generation.mode.name == "POSITIVE"
