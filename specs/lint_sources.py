"""Sources: tags that nothing uses, and places that are not said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.specs.facts import How
from imageproof.specs.lint_subject import error, located, marks_of, warning
from imageproof.specs.reading import child, entries, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imageproof.specs.lint_subject import Finding
    from imageproof.specs.nodes import Mapping, Scalar
    from imageproof.specs.problems import Mark

REASONED = (How.DERIVED, How.ASSUMED)


def check_sources(tree: Mapping, file: str) -> Iterator[Finding]:
    """Look at every `source` of a merged tree, in all its profiles, and at every tag that `file` itself gives."""
    said = [scalar for path, scalar in located(tree) if path[-1:] == ("source",) and isinstance(scalar.value, str)]
    for scalar in said:
        yield from _unsaid(scalar)
    used = {text_of(scalar).partition(">")[0].strip() for scalar in said}
    for tag, mark in _tags(tree):
        if tag not in used and mark.file == file:
            yield warning(mark, f"no source names the page {tag!r}", "drop it, or say what stands there")


def _tags(tree: Mapping) -> Iterator[tuple[str, Mark]]:
    """Every tag and where it was written, those of profiles too."""
    profiles = (node for _, node in entries(child(tree, "profiles")))
    for holder in (tree, *profiles):
        yield from marks_of(child(holder, "sources"))


def _unsaid(scalar: Scalar) -> Iterator[Finding]:
    text = text_of(scalar)
    how = next((how for how in REASONED if text.startswith(f"{how}:")), None)
    if how is not None and not text.removeprefix(f"{how}:").strip():
        yield error(scalar.mark, f"this source says {how}, and not why")
    tag, marker, place = text.partition(">")
    if how is None and marker and not place.strip():
        yield error(scalar.mark, f"this source names the page {tag.strip()!r}, and no place in it")
