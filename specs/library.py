"""Find and load specs: shipped ones by name, others by path; `@profile` picks a profile."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from imageproof.specs.build import Named, build, require_sound
from imageproof.specs.nodes import Mapping, Node, merge, read_file
from imageproof.specs.problems import Problem, SpecError, nearest
from imageproof.specs.reading import child, entries, text_of

if TYPE_CHECKING:
    from imageproof.specs.model import Spec
    from imageproof.specs.reading import Reader

PROVIDERS = Path(__file__).parent / "providers"
SUFFIXES = (".yaml", ".yml")


class UnknownSpecError(Exception):
    """A name that is no shipped spec, no profile of one and no path of a YAML file."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        near = nearest(name, known)
        self.name = name
        self.nearest = near
        hint = f"did you mean {near!r}?" if near else f"known are {', '.join(known)}"
        super().__init__(f"expected a shipped spec or a path of a YAML file, got {name!r}: {hint}")


def shipped() -> tuple[str, ...]:
    """The names of the specs that come with the package, in alphabetical order."""
    return tuple(sorted(path.stem for path in PROVIDERS.glob("*.yaml")))


def locate(name: str) -> tuple[Path, str | None]:
    """Find the file and the profile of `name`, `name@profile`, a path, or a path followed by `@profile`.

    Raises UnknownSpecError when it is neither a shipped name nor looks like a path.
    """
    stem, at, profile = name.rpartition("@") if "@" in Path(name).name else (name, "", "")
    if stem in shipped():
        return PROVIDERS / f"{stem}.yaml", profile or None
    if not stem.endswith(SUFFIXES) and "/" not in stem and "\\" not in stem:
        raise UnknownSpecError(name, shipped())
    return Path(stem), profile or None if at else None


def _mapping(node: Node) -> Mapping:
    if not isinstance(node, Mapping):
        raise SpecError((Problem(node.mark, "expected a mapping with the keys of a spec at the top of the file"),))
    return node


@cache
def _read_shipped(path: Path) -> Node:
    """A shipped file, read once: several specs may extend it."""
    return read_file(path)


def read_tree(path: Path, seen: tuple[str, ...] = ()) -> Mapping:
    """Read a file and merge it over what it extends. Raises SpecError, also for a circle of `extends`."""
    tree = _mapping(_read_shipped(path) if path.parent == PROVIDERS else read_file(path))
    parent = child(tree, "extends")
    if parent is None:
        return tree
    name = text_of(parent)
    if name in seen:
        raise SpecError((Problem(parent.mark, f"`extends` goes in a circle: {' > '.join((*seen, name))}"),))
    base_path = PROVIDERS / f"{name}.yaml" if name in shipped() else path.parent / name
    if name not in shipped() and not name.endswith(SUFFIXES):
        known = nearest(name, shipped())
        hint = f"did you mean {known!r}?" if known else f"shipped specs: {', '.join(shipped())}"
        raise SpecError(
            (Problem(parent.mark, f"`extends` names no shipped spec and no YAML file: {name!r}", hint=hint),)
        )
    base = read_tree(base_path, (*seen, name))
    kept = {key: node for key, node in base.entries.items() if key not in ("profiles", "extends")}
    return _mapping(merge(Mapping(mark=base.mark, entries=kept, key_marks=base.key_marks), tree))


def profiles_of(tree: Mapping) -> tuple[str, ...]:
    """The names of a tree's profiles; the first is the default."""
    return tuple(name for name, _ in entries(child(tree, "profiles")))


def with_profile(tree: Mapping, profile: str | None) -> tuple[Mapping, str | None]:
    """Merge a profile over the tree. Raises UnknownSpecError for a profile that is not there."""
    known = profiles_of(tree)
    chosen = profile or (known[0] if known else None)
    if chosen is None:
        return tree, None
    over = child(child(tree, "profiles"), chosen)
    if over is None:
        provider = text_of(child(tree, "provider") or tree)
        raise UnknownSpecError(f"{provider}@{profile}", tuple(f"{provider}@{name}" for name in known))
    return _mapping(merge(tree, over)), chosen


def build_tree(tree: Mapping, profile: str | None) -> tuple[Spec, Reader]:
    """Build one profile of a tree; the reader that comes with the spec holds the problems that were found."""
    known = profiles_of(tree)
    merged, chosen = with_profile(tree, profile)
    provider = text_of(child(tree, "provider") or tree)
    is_default = chosen is None or chosen == known[0]
    named = Named(provider if is_default else f"{provider}@{chosen}", provider, chosen, known)
    return build(merged, named)


@cache
def load(name: str) -> Spec:
    """Load a spec by shipped name or path, with an optional `@profile`.

    Raises UnknownSpecError for a name that is not known and SpecError for a file with mistakes. A file that does not
    come with
    the package is checked against the format first, so that every mistake is reported with its place.
    """
    path, profile = locate(name)
    tree = read_tree(path)
    if path.parent != PROVIDERS:
        from imageproof.specs.lint import require_format  # noqa: PLC0415  (jsonschema is heavy, and shipped files are tested)

        require_format(tree)
    spec, reader = build_tree(tree, profile)
    require_sound(reader)
    return spec
