"""Read the small YAML files of a user (baselines, capabilities): every mistake at once, each with its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imageproof.specs.nodes import Mapping, Node, Scalar, Sequence, read_file
from imageproof.specs.problems import Mark, Problem, SpecError, did_you_mean
from imageproof.specs.reading import child, text_of

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

FORMAT = "1"


@dataclass(slots=True)
class UserFile:
    """Collects what is wrong with a file while it is read; whoever reads it ends with `require_sound`."""

    problems: list[Problem] = field(default_factory=list)

    def problem(self, mark: Mark, message: str, hint: str | None = None) -> None:
        """Note a mistake; reading goes on."""
        self.problems.append(Problem(mark, message, hint=hint))

    def require_sound(self) -> None:
        """Raise SpecError with every mistake that was noted."""
        if self.problems:
            raise SpecError(self.problems)

    def document(self, path: Path, version_key: str, keys: Collection[str]) -> Mapping:
        """The mapping at the top of a file of format 1. Raises SpecError for a file that holds something else."""
        tree = read_file(path)
        if not isinstance(tree, Mapping):
            got = "an empty file" if isinstance(tree, Scalar) and tree.value is None else "something else"
            raise SpecError(
                [Problem(tree.mark, f"expected a file that begins with `{version_key}: {FORMAT}`, got {got}")]
            )
        self.known_keys(tree, (version_key, *keys))
        version = child(tree, version_key)
        if version is None:
            hint = f"write `{version_key}: {FORMAT}` as the first line"
            self.problem(tree.mark, f"expected `{version_key}: {FORMAT}` at the top of the file, got no such key", hint)
        elif not isinstance(version, Scalar) or text_of(version) != FORMAT:
            got = repr(text_of(version)) if isinstance(version, Scalar) else "no number"
            self.problem(
                version.mark, f"expected format {FORMAT}, got {got}", "a newer format needs a newer imageproof"
            )
        return tree

    def known_keys(self, node: Mapping, known: Collection[str]) -> None:
        """Note each key that nothing reads."""
        for key in node.entries:
            if key not in known:
                hint = did_you_mean(key, known) or f"known are {', '.join(known)}"
                self.problem(node.key_marks[key], f"unknown key {key!r}", hint)

    def entries(self, tree: Mapping, key: str) -> list[Mapping]:
        """The mappings of a list, which may be empty; notes everything in it that is none."""
        node = child(tree, key)
        if node is None:
            self.problem(tree.mark, f"expected a list under `{key}`, got no such key", f"an empty one is `{key}: []`")
            return []
        if isinstance(node, Scalar) and node.value is None:
            return []
        if not isinstance(node, Sequence):
            self.problem(node.mark, f"expected a list under `{key}`, got {_kind(node)}", "begin each entry with '- '")
            return []
        for item in node.items:
            if not isinstance(item, Mapping):
                self.problem(item.mark, f"expected keys and values as an entry of `{key}`, got {_kind(item)}")
        return [item for item in node.items if isinstance(item, Mapping)]

    def texts(self, node: Mapping, known: Collection[str], required: Collection[str]) -> dict[str, str]:
        """The texts of an entry by key; notes unknown keys, required ones that lack, and values that are no text."""
        self.known_keys(node, known)
        found = {key: text for key in known if (text := self.text(node, key)) is not None}
        for key in required:
            if key not in node.entries:
                self.problem(node.mark, f"expected a `{key}` in this entry, got none")
        return found

    def text(self, node: Mapping, key: str) -> str | None:
        """The text under a key without blanks around it; None where there is no such key, or, noted, no text in it."""
        value = child(node, key)
        if value is None:
            return None
        text = text_of(value).strip() if isinstance(value, Scalar) and value.value is not None else ""
        if not text:
            self.problem(value.mark, f"expected a text for `{key}`, got {_kind(value)}")
        return text or None


def _kind(node: Node) -> str:
    match node:
        case Mapping():
            return "keys and values"
        case Sequence():
            return "a list"
        case Scalar(value=None | ""):
            return "nothing"
        case _:
            return repr(text_of(node))
