"""Rule ids as people write them in files: an id, or a glob in which `*` stands for anything, slashes too."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from imageproof.specs.problems import nearest

if TYPE_CHECKING:
    from collections.abc import Collection

GLOB = frozenset("*?[")


def is_match(pattern: str, rule_id: str) -> bool:
    """Whether a pattern speaks of a rule; an id speaks of itself, whatever characters it holds."""
    return rule_id == pattern or fnmatchcase(rule_id, pattern)


def hint_for(pattern: str, ids: Collection[str]) -> str:
    """What to do about a pattern that matches none of these ids: the nearest one that does, or where to look."""
    specs = sorted({rule_id.partition("/")[0] for rule_id in ids})
    first, _, _ = pattern.partition("/")
    near = _nearest(pattern, ids)
    if near is None and not GLOB & set(first) and first not in specs:
        return f"the ids of this contract begin with {' or '.join(repr(f'{name}/') for name in specs)}"
    return f"did you mean {near!r}?" if near else f"`imageproof explain '{specs[0] if specs else ''}/*'` lists all ids"


def _nearest(pattern: str, ids: Collection[str]) -> str | None:
    """The nearest id; for a pattern whose last segment is a glob, the nearest folder of ids with this glob."""
    folder, slash, last = pattern.rpartition("/")
    if not slash or not GLOB & set(last):
        return nearest(pattern, ids)
    folders = {
        "/".join(parts[:end]) for rule_id in ids for parts in [rule_id.split("/")] for end in range(1, len(parts))
    }
    near = nearest(folder, folders)
    return f"{near}/{last}" if near and any(is_match(f"{near}/{last}", rule_id) for rule_id in ids) else None
