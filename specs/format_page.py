"""The reference page of the spec format, made from its JSON Schema, so that it says what editors show."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.specs.build_answers import FALLBACKS, NEEDED
from imageproof.specs.format_wording import JsonSchema, dereferenced, expected, literal
from imageproof.specs.lint_format import format_schema
from imageproof.specs.template import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

QUOTED = re.compile(r"'([^']*)'")
NAME = "NAME"
ANYWHERE = ("source", "note", "level", "contradicts", "error", "message")
PROFILES = "profiles"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A part of the format that stands in several places and has a section of its own.

    `needed` is the path of what is needed in it, in the definition `complete`.
    """

    definition: str
    prefix: str
    heading: str
    needed: tuple[str, ...]


SHARED = {
    "params": Shared(definition="param", prefix="params.NAME", heading="Parameters", needed=()),
    "rules": Shared(
        definition="rule", prefix="rules.NAME", heading="Rules between fields", needed=("models", NAME, "rules", NAME)
    ),
    "results": Shared(definition="results", prefix="results", heading="Results", needed=("results",)),
    "advice": Shared(definition="advice", prefix="advice", heading="Advice", needed=("advice",)),
}
"""Those parts by the key under which they stand."""

HEAD = """# The spec format

<!-- Generated from specs/format.schema.json by `make docs`; change it there. -->

Every key of a spec file. How to write one, step by step, stands in [add a provider](../how-to/add-a-provider.md).
For completion and checks in an editor, begin a file with the path of the schema that comes with the package:
`# yaml-language-server: $schema=.../imageproof/specs/format.schema.json`.

`NAME` stands for a name of your own, `[]` for each entry of a list. A key that is marked *needed* must be there once
the file is merged with what it extends and with its profile. A type marked *long form* can be written plain, or as a
mapping with `is`:

```yaml
length: [1, 4000]
length: {is: [1, 4000], source: api > prompt, note: counted in code points, level: SHOULD}
```
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One key of the format."""

    key: str
    type: str
    is_needed: bool
    default: str
    says: str


def format_page() -> str:
    """The page as Markdown, with a line break at its end."""
    root = format_schema()
    needed = _mapping(_definitions(root).get("complete"))
    parts = [HEAD, "## The top of a file\n", _table(_rows_of_top(root, needed))]
    for key, schema in _properties(root).items():
        target = _inner(schema, root)
        if key not in SHARED and key != PROFILES and (_properties(target) or _entry(target)):
            parts += _section(key, key, schema, _below(needed, key), root)
    for shared in SHARED.values():
        wanted = needed
        for key in shared.needed:
            wanted = _below(wanted, key)
        parts += _section(shared.heading, shared.prefix, {"$ref": f"#/$defs/{shared.definition}"}, wanted, root)
    parts += ["## Keys that stand anywhere\n", _table(_anywhere(root)), _placeholders(), _refusals()]
    return "\n".join(parts)


def _section(heading: str, prefix: str, schema: object, needed: JsonSchema, root: JsonSchema) -> list[str]:
    return [f"## {heading}\n", f"{_says(schema, root)}\n", _table(_rows(prefix, schema, needed, root))]


def _rows_of_top(root: JsonSchema, needed: JsonSchema) -> Iterator[Row]:
    for key, schema in _properties(root).items():
        yield _row(key, schema, root, is_needed=key in _required(root, needed))


def _rows(prefix: str, schema: object, needed: JsonSchema, root: JsonSchema) -> Iterator[Row]:
    """The keys inside a part of the format, depth first."""
    target = _inner(schema, root)
    for key, inner in _properties(target).items():
        if key in ANYWHERE and not _own_words(inner):
            continue
        yield _row(f"{prefix}.{key}", inner, root, is_needed=key in _required(target, needed))
        if key not in SHARED:
            yield from _rows(f"{prefix}.{key}{_list_mark(inner, root)}", inner, _below(needed, key), root)
    entry = _entry(target)
    if entry is not None:
        inner = _inner(entry, root)
        name = f"{prefix}.{NAME}"
        if _properties(inner):
            yield from _rows(name, entry, _below(needed, NAME), root)


def _row(key: str, schema: object, root: JsonSchema, *, is_needed: bool) -> Row:
    last = key.rpartition(".")[2]
    target = _mapping(dereferenced(schema, root))
    default = _mapping(schema).get("default", target.get("default"))
    kind = _type(schema, root)
    if last in SHARED:
        heading = SHARED[last].heading.lower()
        kind = f"[{heading}](#{heading.replace(' ', '-')})"
    shown = "" if default is None else f"`{_shown(default)}`"
    return Row(key=key, type=kind, is_needed=is_needed, default=shown, says=_says(schema, root))


def _type(schema: object, root: JsonSchema) -> str:
    target = _mapping(dereferenced(schema, root))
    words = QUOTED.sub(r"`\1`", _type_words(schema, target, root))
    return f"{words}; *long form*" if _is_long(target, root) else words


def _type_words(schema: object, target: JsonSchema, root: JsonSchema) -> str:
    entry = _entry(target)
    if _properties(target):
        return "a mapping"
    if entry is not None:
        inner = _inner(entry, root)
        return "a mapping by name" if _properties(inner) or _entry(inner) else f"by name: {expected(entry, root)}"
    if "items" in target and "title" not in target:
        is_flat = not _properties(_inner(target, root))
        return f"a list, each {expected(target['items'], root)}" if is_flat else "a list of mappings"
    return expected(schema, root)


def _is_long(schema: JsonSchema, root: JsonSchema) -> bool:
    return any("is" in _properties(_mapping(dereferenced(branch, root))) for branch in _branches(schema))


def _inner(schema: object, root: JsonSchema) -> JsonSchema:
    """The schema whose keys are those of a part: its own, those of each entry, or those of its longest form."""
    target = _mapping(dereferenced(schema, root))
    if "items" in target:
        return _inner(target["items"], root)
    forms = [_inner(branch, root) for branch in _branches(target)]
    return next((form for form in forms if _properties(form) and "is" not in _properties(form)), target)


def _list_mark(schema: object, root: JsonSchema) -> str:
    target = _mapping(dereferenced(schema, root))
    lists = [target, *(_mapping(dereferenced(branch, root)) for branch in _branches(target))]
    return "[]" if any("items" in each for each in lists) else ""


def _branches(schema: JsonSchema) -> list[object]:
    branches = schema.get("anyOf")
    return branches if isinstance(branches, list) else []


def _properties(schema: JsonSchema) -> JsonSchema:
    return _mapping(schema.get("properties"))


def _entry(schema: JsonSchema) -> object | None:
    """What each entry of a mapping by name is."""
    entry = schema.get("additionalProperties")
    return entry if isinstance(entry, dict) else None


def _below(needed: JsonSchema, key: str) -> JsonSchema:
    """What is needed inside a key."""
    inner = _properties(needed).get(key)
    return _mapping(inner if inner is not None else needed.get("additionalProperties"))


def _required(schema: JsonSchema, needed: JsonSchema) -> set[str]:
    names: set[str] = set()
    for each in (schema, needed):
        required = each.get("required")
        names |= set(required) if isinstance(required, list) else set()
    return names


def _definitions(root: JsonSchema) -> JsonSchema:
    return _mapping(root.get("$defs"))


def _mapping(value: object) -> JsonSchema:
    return value if isinstance(value, dict) else {}


def _own_words(schema: object) -> bool:
    return "description" in _mapping(schema)


def _says(schema: object, root: JsonSchema) -> str:
    own = _mapping(schema).get("description")
    return str(own or _mapping(dereferenced(schema, root)).get("description", ""))


def _shown(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return value if isinstance(value, str) and value else literal(value)


def _table(rows: Iterable[Row]) -> str:
    lines = ["| key | type | needed | default | meaning |", "|---|---|---|---|---|"]
    for row in rows:
        cells = (f"`{row.key}`", row.type, "yes" if row.is_needed else "", row.default, row.says)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _anywhere(root: JsonSchema) -> Iterator[Row]:
    for key in ANYWHERE:
        yield _row(key, {"$ref": f"#/$defs/{key}"}, root, is_needed=False)


def _placeholders() -> str:
    says = "What a template may hold in braces; `{request.FIELD}` is what was asked for in a field."
    lines = ["## Placeholders\n", f"{says}\n"]
    lines += [
        "| placeholder | type |",
        "|---|---|",
        *(f"| `{{{name}}}` | {kind} |" for name, kind in VARIABLES.items()),
    ]
    return "\n".join(lines) + "\n"


def _refusals() -> str:
    needed = ", ".join(f"`{name}`" for name in NEEDED)
    says = f"Needed in `errors.answers`: {needed}. Any other that is left out is answered by another one:"
    lines = ["## Names of refusals\n", f"{says}\n"]
    lines += ["| left out | answered by the first of these that is there |", "|---|---|"]
    lines += [f"| `{name}` | {', '.join(f'`{near}`' for near in nears)} |" for name, nears in FALLBACKS.items()]
    return "\n".join(lines) + "\n"
