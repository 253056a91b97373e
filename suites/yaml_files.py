"""Read the small YAML files of a user (baselines, capabilities): every mistake at once, each with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.specs.nodes import Mapping, Node, Sequence, read_file
from imageproof.specs.problems import Problem, SpecError, nearest
from imageproof.specs.reading import child, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def read_document(path: Path, version_key: str, keys: Iterable[str]) -> Mapping:
    """The mapping at the top of a file of format 1. Raises SpecError with all mistakes of its top level."""
    tree = read_file(path)
    if not isinstance(tree, Mapping):
        raise SpecError([Problem(tree.mark, f"expected a mapping that begins with `{version_key}: 1`")])
    problems = unknown_keys(tree, (version_key, *keys))
    version = child(tree, version_key)
    if version is None or text_of(version) != "1":
        got = "nothing" if version is None else repr(text_of(version))
        problems.append(Problem(tree.mark, f"expected `{version_key}: 1` at the top of the file, got {got}"))
    if problems:
        raise SpecError(problems)
    return tree


def unknown_keys(node: Mapping, known: Iterable[str]) -> list[Problem]:
    """A problem for each key that nothing reads."""
    names = tuple(known)
    out = []
    for key in node.entries:
        if key not in names:
            near = nearest(key, names)
            hint = f"did you mean {near!r}?" if near else f"known are {', '.join(names)}"
            out.append(Problem(node.key_marks.get(key, node.mark), f"unknown key {key!r}", hint=hint))
    return out


def entries_of(tree: Mapping, key: str) -> tuple[list[Mapping], list[Problem]]:
    """The mappings of a list, and a problem for everything in it that is none."""
    node = child(tree, key)
    if node is None:
        return [], []
    if not isinstance(node, Sequence):
        return [], [Problem(node.mark, f"expected a list under `{key}`")]
    good = [item for item in node.items if isinstance(item, Mapping)]
    bad: list[Node] = [item for item in node.items if not isinstance(item, Mapping)]
    return good, [Problem(item.mark, f"expected a mapping as an entry of `{key}`") for item in bad]


def text_at(node: Mapping, key: str) -> str | None:
    """The text under a key; None where there is none, or nothing in it."""
    found = child(node, key)
    text = text_of(found).strip() if found is not None and not isinstance(found, Mapping | Sequence) else ""
    return text or None
