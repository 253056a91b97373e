"""JSON Schema of answers, derived from the templates of a spec: required keys, types, documented constants.

Further keys are allowed, as a gateway may add some.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imageproof.specs.model import Phase
from imageproof.specs.template import PLACEHOLDER, VARIABLES, sole_placeholder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imageproof.specs.model import ErrorAnswer, JsonTree, Operation, Spec

    Schema = dict[str, object]

ANYTHING: Schema = {}
BY_TYPE: dict[str, Schema] = {
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "string": {"type": "string"},
    "url": {"type": "string", "pattern": "^https?://"},
    "base64": {"type": "string", "minLength": 1},
    "progress": {"type": "integer", "minimum": 0, "maximum": 100},
    "any": ANYTHING,
    "state": {"type": "string"},
}
OPTIONAL = frozenset({"param", "type", "code", "task.alias"})


def tree_schema(tree: JsonTree, known: Mapping[str, Schema], may_omit: frozenset[str] = frozenset()) -> Schema:
    """The schema of what a template makes; `known` has the schemas of some placeholders, VARIABLES of the rest."""
    if isinstance(tree, str):
        return _text_schema(tree, known)
    if isinstance(tree, list):
        items = [tree_schema(item, known) for item in tree]
        return {"type": "array", "items": items[0] if len(items) == 1 else {"anyOf": items}, "minItems": len(tree)}
    if isinstance(tree, dict):
        return _object_schema(tree, known, may_omit)
    return {"const": tree}


def _text_schema(text: str, known: Mapping[str, Schema]) -> Schema:
    name = sole_placeholder(text)
    if name is not None:
        if name in known:
            return known[name]
        plain = BY_TYPE[VARIABLES.get(name, "any")]
        return {"anyOf": [plain, {"type": "null"}]} if name in OPTIONAL and plain else plain
    return {"type": "string"} if PLACEHOLDER.search(text) else {"const": text}


def _object_schema(tree: dict[str, JsonTree], known: Mapping[str, Schema], may_omit: frozenset[str]) -> Schema:
    if "$each" in tree:
        return {"type": "array", "items": tree_schema(tree["$each"], known), "minItems": 1}
    if "$json" in tree:
        inner = tree_schema(tree["$json"], known)
        return {"type": "string", "contentMediaType": "application/json", "contentSchema": inner}
    if "$switch" in tree:
        cases = [tree_schema(item, known) for key, item in tree.items() if key != "$switch"]
        return {"anyOf": cases}
    properties = {key.removesuffix("?"): tree_schema(item, known) for key, item in tree.items()}
    required = [key for key in tree if not key.endswith("?") and not (key in may_omit and tree[key] is None)]
    return {"type": "object", "required": required, "properties": properties}


def _id_schema(spec: Spec) -> Schema:
    if spec.tasks is None:
        return {"type": "string"}
    pattern = re.sub(
        r"\\\{(hex|alnum)([0-9]+)\\\}|\\\{uuid\\\}",
        lambda match: (
            f"{'[0-9a-f]' if match[1] == 'hex' else '[0-9a-z]'}{{{match[2]}}}" if match[1] else "[0-9a-fA-F-]{36}"
        ),
        re.escape(spec.tasks.id_template).replace(r"\-", "-"),
    )
    return {"type": "string", "pattern": f"^{pattern}$"}


def _known(spec: Spec, operation: Operation, phase: Phase | None) -> dict[str, Schema]:
    """What the spec says of single placeholders: ids, state names, models, failure codes."""
    states = operation.states or (spec.tasks.states if spec.tasks else {})
    wanted = [phase] if phase is not None else [item for item in Phase if not item.is_final]
    names = sorted({states[item] for item in wanted if item in states})
    codes = [failure.code for failure in spec.tasks.failures.values()] if spec.tasks else []
    known: dict[str, Schema] = {"task.id": _id_schema(spec), "model": {"enum": [*spec.models]}}
    if names:
        known["state"] = {"enum": names}
    if codes and all(code is not None for code in codes):
        known["failure.code"] = {"enum": sorted(set(codes), key=str)}
    return known


def answer_schema(spec: Spec, operation: Operation, phase: Phase | None = None) -> Schema:
    """The schema of a good answer; for a task's answer, of one phase, or of any when none is given."""
    answer = operation.answer
    if phase is not None and phase in answer.by_phase:
        return tree_schema(answer.by_phase[phase].tree, _known(spec, operation, phase), answer.may_omit_null)
    if answer.by_phase:
        return {"anyOf": [answer_schema(spec, operation, item) for item in answer.by_phase]}
    if answer.body is None:
        return {}
    return tree_schema(answer.body.tree, _known(spec, operation, phase), answer.may_omit_null)


def error_schema(spec: Spec, operation: Operation | None, answer: ErrorAnswer) -> Schema:
    """The schema of one refusal: its code and type are constants."""
    envelope = answer.envelope or (operation.envelope if operation else None) or spec.envelope
    known: dict[str, Schema] = {
        "code": {"const": answer.code},
        "type": {"const": answer.type},
        "message": {"type": "string"},
        "param": {"type": ["string", "null"]},
        "model": {"type": "string"},
    }
    return tree_schema(envelope.tree, known)


def event_schema(spec: Spec, operation: Operation, event: str) -> Schema:
    """The schema of the data of a server-sent event. Raises KeyError for an event that the operation does not send."""
    stream = operation.stream
    trees = {stream.partial_event: stream.partial, stream.completed_event: stream.completed} if stream else {}
    return tree_schema(trees[event].tree, _known(spec, operation, None))
