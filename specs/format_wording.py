"""What a JSON Schema expects and what a value is, in the words of somebody who writes YAML.

A `title` in a schema is a noun phrase, such as "a duration such as 30s", and takes the place of anything derived.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from imageproof.specs.problems import nearest
from imageproof.specs.yaml_scalars import resolve

JsonSchema: TypeAlias = Mapping[str, object]
"""A schema that says something; `true` and `false` are schemas too."""

_TYPES = {
    "string": "text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
    "array": "a list",
    "object": "a mapping",
}
_PLAIN_TYPES = frozenset({"string", "number", "boolean"})
_NUMBERS = frozenset({"integer", "number"})
_SWITCHES = frozenset({"yes", "no", "on", "off", "y", "n", "true", "false"})
_KEYWORDS_OF_TYPE = {
    "object": {"properties", "required", "additionalProperties", "patternProperties", "propertyNames"},
    "array": {"items", "prefixItems", "minItems", "maxItems"},
    "string": {"pattern", "minLength", "maxLength"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
}
_LIMITS = {
    "exclusiveMinimum": "a number above {}",
    "exclusiveMaximum": "a number below {}",
    "multipleOf": "a multiple of {}",
    "minLength": "text with at least {} characters",
    "maxLength": "text with at most {} characters",
    "minItems": "a list with at least {} items",
    "maxItems": "a list with at most {} items",
    "minProperties": "a mapping with at least {} keys",
    "maxProperties": "a mapping with at most {} keys",
}
_SEVERAL = ("anyOf", "oneOf", "allOf")
_BESIDE = ("if", "then", "else")
_MOST_NAMED = 8
_LONGEST_VALUE = 40
_DEEPEST = 8


def expected(schema: object, root: JsonSchema, *, depth: int = 0) -> str:
    """A noun phrase for the values that a schema allows. Its references lead into `root`."""
    schema = dereferenced(schema, root)
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return "nothing" if schema is False else "anything"
    if isinstance(title := schema.get("title"), str):
        return title
    if "const" in schema:
        return literal(schema["const"])
    if isinstance(values := schema.get("enum"), list):
        return _one_of(values)
    for keyword in ("anyOf", "oneOf"):
        if isinstance(branches := schema.get(keyword), list):
            return joined(_phrases(branches, root, depth + 1), "or")
    return _expected_type(schema)


def limit_of(keyword: str, schema: JsonSchema, root: JsonSchema) -> str | None:
    """A noun phrase for the values that one keyword of a schema allows, for keywords that set a limit."""
    limit = schema.get(keyword)
    if keyword == "contains":
        return f"a list with an item that is {expected(limit, root)}"
    if keyword == "items":  # as a keyword that fails itself, it is `false`: nothing may follow the items before
        first = schema.get("prefixItems")
        keyword, limit = "maxItems", len(first) if isinstance(first, list) else 0
    if keyword not in _LIMITS:
        return None
    phrase = _LIMITS[keyword].format(limit)
    return phrase.removesuffix("s") if limit == 1 else phrase


def dereferenced(schema: object, root: JsonSchema) -> object:
    """The schema that a chain of local references (`#/$defs/...`) leads to."""
    for _ in range(_DEEPEST):
        pointer = schema.get("$ref") if isinstance(schema, Mapping) else None
        if not isinstance(pointer, str) or not pointer.startswith("#"):
            break
        schema = root
        for step in pointer.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            schema = schema.get(name, True) if isinstance(schema, Mapping) else True
    return schema


def choices_in(schema: object, root: JsonSchema) -> list[object]:
    """Every single value that a schema names, in any branch of it."""
    found: list[object] = []
    for part in _parts(schema, root):
        if "const" in part:
            found.append(part["const"])
        elif isinstance(values := part.get("enum"), list):
            found += values
    return found


def types_in(schema: object, root: JsonSchema) -> frozenset[str]:
    """The JSON types of which a schema allows any value, in any branch of it."""
    free = (part for part in _parts(schema, root) if not part.keys() & {"const", "enum", "pattern"})
    return frozenset(name for part in free for name in _types_of(part))


def keys_in(schema: object, root: JsonSchema) -> list[str]:
    """The keys that a schema knows for a mapping; those of its branches too, unless it is closed without them."""
    schema = dereferenced(schema, root)
    is_closed = isinstance(schema, Mapping) and schema.get("additionalProperties") is False
    parts = [schema] if is_closed else _parts(schema, root)
    properties = (part.get("properties") for part in parts if isinstance(part, Mapping))
    return list(dict.fromkeys(key for known in properties if isinstance(known, Mapping) for key in known))


def got(value: object) -> str:
    """A value with its type, shortened: `'abc' (text)`, `3 (an integer)`, `a list of 3`."""
    match value:
        case None:
            return "nothing (null)"
        case bool():
            return literal(value)
        case str():
            return f"{literal(value)} (text)"
        case int():
            return f"{literal(value)} (an integer)"
        case float():
            return f"{literal(value)} (a number)"
        case Mapping():
            return f"a mapping with {keys(value)}" if value else "an empty mapping"
        case Sequence():
            return f"a list of {len(value)}" if value else "an empty list"
        case _:
            return repr(value)


def literal(value: object) -> str:
    """A value as YAML has it, text in quotes, cut when it is long."""
    text = repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 4]}...{text[-1]}"


def keys(names: Iterable[str]) -> str:
    """Some names in quotes, at most eight of them."""
    quoted = [literal(name) for name in names]
    return f"{', '.join(quoted[:_MOST_NAMED])} ..." if len(quoted) > _MOST_NAMED else joined(quoted, "and")


def joined(phrases: Iterable[str], word: str) -> str:
    """`a`, `a or b`, `a, b or c`: each phrase once."""
    *most, last = dict.fromkeys(phrases)
    return f"{', '.join(most)} {word} {last}" if most else last


def hint_for(schema: object, root: JsonSchema, value: object) -> str | None:
    """What to do about a value that a schema doesn't allow, if that can be told."""
    return _choice_hint(choices_in(schema, root), value) or _type_hint(types_in(schema, root), value)


def _choice_hint(choices: list[object], value: object) -> str | None:
    texts = [choice for choice in choices if isinstance(choice, str)]
    if not isinstance(value, str):
        return "put it in quotes" if literal(value) in texts else None
    if any(literal(choice) == value for choice in choices if not isinstance(choice, str)):
        return "write it without quotes"
    near = nearest(value, texts)
    return None if near is None else f"did you mean {near!r}?"


def _type_hint(types: frozenset[str], value: object) -> str | None:
    match value:
        case bool() | int() | float() if "string" in types:
            return "put it in quotes"
        case str() if "string" in types:
            return None
        case str() if "boolean" in types and value.casefold() in _SWITCHES:
            return "write true or false"
        case str() if types & _NUMBERS and (number := _number_in(value)) is not None:
            return f"write {literal(number)} without quotes"
        case bool() | int() | float() | str() if "array" in types:
            return "for a list of one, put it in brackets"
        case _:
            return None


def _number_in(text: str) -> int | float | None:
    try:
        number = resolve(text.replace("_", "").replace(",", ""))
    except ValueError:
        return None
    return number if isinstance(number, int | float) and not isinstance(number, bool) else None


def _parts(schema: object, root: JsonSchema, depth: int = 0) -> Iterator[JsonSchema]:
    """A schema, and all the schemas that it applies to the same value."""
    schema = dereferenced(schema, root)
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return
    yield schema
    inner: list[object] = [schema[keyword] for keyword in _BESIDE if keyword in schema]
    for keyword in _SEVERAL:
        if isinstance(branches := schema.get(keyword), list):
            inner += branches
    for part in inner:
        yield from _parts(part, root, depth + 1)


def _types_of(schema: JsonSchema) -> frozenset[str]:
    """The types that a schema names or, when it names none, the one that its keywords are about."""
    named = schema.get("type")
    if isinstance(named, str):
        return frozenset({named})
    if isinstance(named, list):
        return frozenset(str(name) for name in named)
    about = (name for name, keywords in _KEYWORDS_OF_TYPE.items() if schema.keys() & keywords)
    return frozenset({first}) if (first := next(about, None)) else frozenset()


def _phrases(branches: list[object], root: JsonSchema, depth: int) -> Iterator[str]:
    """A noun phrase for each branch of a union and of the unions in it; one for each value where a few are named."""
    for branch in branches:
        schema = dereferenced(branch, root)
        parts = schema if isinstance(schema, Mapping) and "title" not in schema else {}
        values, inner = parts.get("enum"), parts.get("anyOf", parts.get("oneOf"))
        if isinstance(values, list) and len(values) <= _MOST_NAMED:
            yield from map(literal, values)
        elif isinstance(inner, list) and depth <= _DEEPEST:
            yield from _phrases(inner, root, depth + 1)
        else:
            yield expected(schema, root, depth=depth)


def _one_of(values: list[object]) -> str:
    if len(values) > _MOST_NAMED:
        return f"one of {len(values)} values such as {joined(map(literal, values[:3]), 'or')}"
    choices = joined(map(literal, values), "or")
    return f"one of {choices}" if len(values) > 2 else choices  # noqa: PLR2004 - "a or b" needs no "one of"


def _expected_type(schema: JsonSchema) -> str:
    types = _types_of(schema)
    if types >= _PLAIN_TYPES:
        return joined(["a plain value", *(_TYPES[name] for name in ("array", "object") if name in types)], "or")
    if types == {"object"} and isinstance(required := schema.get("required"), list) and required:
        return f"a mapping with {keys(required)}"
    if types == {"string"} and isinstance(pattern := schema.get("pattern"), str):
        return f"text that matches {pattern}"
    if types and types <= _NUMBERS:
        return joined((_TYPES[name] for name in _TYPES if name in types), "or") + _bounds(schema)
    return joined((word for name, word in _TYPES.items() if name in types), "or") if types else "another value"


def _bounds(schema: JsonSchema) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        return f" from {least} to {most}"
    if least is not None:
        return f" of at least {least}"
    return "" if most is None else f" of at most {most}"
