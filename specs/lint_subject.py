"""What lint looks at and what it finds: one profile of a file as tree and as spec, and problems that have a weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from imageproof.specs.nodes import Mapping, Scalar, Sequence, at, mark_of_key
from imageproof.specs.problems import Mark, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imageproof.specs.model import Spec
    from imageproof.specs.nodes import Node

Path: TypeAlias = tuple[str | int, ...]
"""Keys of mappings and indexes of lists, from the root of a tree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A problem, and whether the file can be used all the same."""

    problem: Problem
    is_warning: bool = False


def error(mark: Mark, message: str, hint: str | None = None) -> Finding:
    """A mistake: the file can't be used."""
    return Finding(problem=Problem(mark, message, hint=hint))


def warning(mark: Mark, message: str, hint: str | None = None) -> Finding:
    """Something that is most likely not meant."""
    return Finding(problem=Problem(mark, message, hint=hint), is_warning=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One profile of a file: its merged tree, the spec that was read from it, and the paths that were left out."""

    tree: Mapping
    spec: Spec
    lost: frozenset[Path] = frozenset()

    def is_whole(self, *path: str | int) -> bool:
        """Whether nothing was left out at or below a path, so that what seems to be missing there is missing."""
        return not any(lost[: len(path)] == path for lost in self.lost)

    def node(self, *path: str | int) -> Node | None:
        """What stands at a path."""
        try:
            return at(self.tree, path)
        except LookupError:
            return None

    def names(self, *path: str | int) -> tuple[str, ...]:
        """The keys of the mapping at a path."""
        node = self.node(*path)
        return tuple(node.entries) if isinstance(node, Mapping) else ()

    def mark(self, *path: str | int) -> Mark:
        """Where the key that ends a path was written, or the nearest one around it that was."""
        for length in range(len(path), 0, -1):
            try:
                return mark_of_key(self.tree, path[:length])
            except LookupError:
                continue
        return self.tree.mark

    def value_mark(self, *path: str | int) -> Mark:
        """Where the value at a path was written, or the nearest key around it."""
        node = self.node(*path)
        return self.mark(*path) if node is None else node.mark


def marks_of(node: Node | None) -> Iterator[tuple[str, Mark]]:
    """The keys of a mapping with their places; nothing for anything else."""
    if isinstance(node, Mapping):
        yield from node.key_marks.items()


def scalars(node: Node | None) -> Iterator[Scalar]:
    """Every single value at or below a node."""
    for _, scalar in located(node):
        yield scalar


def located(node: Node | None, path: Path = ()) -> Iterator[tuple[Path, Scalar]]:
    """Every single value at or below a node, with its path from there."""
    match node:
        case Scalar():
            yield path, node
        case Sequence(items=items):
            for index, item in enumerate(items):
                yield from located(item, (*path, index))
        case Mapping(entries=entries):
            for key, item in entries.items():
                yield from located(item, (*path, key))
        case None:
            pass
