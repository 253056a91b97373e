"""What a gateway declares it lacks: such rules are not applicable, and the report says why."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from imageproof.specs.pairs import shape_of
from imageproof.specs.problems import Mark, Problem, SpecError, nearest
from imageproof.suites.yaml_files import entries_of, read_document, text_at, unknown_keys

if TYPE_CHECKING:
    from pathlib import Path

    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Spec
    from imageproof.specs.nodes import Mapping

VERSION = "imageproof-capabilities"
What = Literal["rule", "operation", "model", "field"]
WHATS: tuple[What, ...] = ("rule", "operation", "model", "field")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """One thing that the gateway lacks, and why."""

    what: What
    name: str
    reason: str
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a gateway declares about itself, against one contract."""

    spec: Spec
    gateway: str
    lacks: tuple[Lack, ...]

    def missing(self, rule: Rule) -> str | None:
        """Why a rule does not apply; None when it does."""
        return next((lack.reason for lack in self.lacks if self._concerns(lack, rule)), None)

    def lacks_operation(self, name: str) -> bool:
        """Whether an operation is declared to be missing."""
        return self._has("operation", name)

    def lacks_model(self, name: str) -> bool:
        """Whether a model is declared to be missing."""
        return self._has("model", name)

    def lacks_field(self, name: str) -> bool:
        """Whether a field is declared to be missing."""
        return self._has("field", name)

    def _has(self, what: What, name: str) -> bool:
        return any(lack.what == what and lack.name == name for lack in self.lacks)

    def _concerns(self, lack: Lack, rule: Rule) -> bool:
        if lack.what == "rule":
            return fnmatchcase(rule.id, lack.name)
        shape = shape_of(self.spec, rule)
        parts = rule.id.removeprefix(f"{self.spec.name}/").split("/")
        if shape is not None:
            own = {"operation": shape.operation, "model": shape.model, "field": (rule.field or "").partition(".")[0]}
            return own[lack.what] == lack.name
        return lack.name in parts[1:]


def load_capabilities(path: Path, spec: Spec) -> Capabilities:
    """Read a file of capabilities. Raises SpecError with every mistake of the file."""
    tree = read_document(path, VERSION, ("gateway", "lacks"))
    nodes, problems = entries_of(tree, "lacks")
    lacks = []
    for node in nodes:
        lack, wrong = _lack(node, spec)
        problems += wrong
        if lack is not None:
            lacks.append(lack)
    if problems:
        raise SpecError(problems)
    return Capabilities(spec=spec, gateway=text_at(tree, "gateway") or "", lacks=tuple(lacks))


def _lack(node: Mapping, spec: Spec) -> tuple[Lack | None, list[Problem]]:
    problems = unknown_keys(node, (*WHATS, "reason"))
    named: list[tuple[What, str]] = [(what, text) for what in WHATS if (text := text_at(node, what))]
    reason = text_at(node, "reason")
    if len(named) != 1:
        problems.append(
            Problem(node.mark, f"expected one of {', '.join(WHATS)} in this entry, got {len(named)} of them")
        )
    if reason is None:
        problems.append(Problem(node.mark, "expected a reason in this entry, got none"))
    if problems:
        return None, problems
    what, name = named[0]
    unknown = _unknown(what, name, spec, node.mark)
    if unknown is not None:
        return None, [unknown]
    return Lack(what=what, name=name, reason=reason or "", mark=node.mark), []


def _unknown(what: What, name: str, spec: Spec, mark: Mark) -> Problem | None:
    known = _known(what, spec)
    if any(fnmatchcase(item, name) for item in known) if what == "rule" else name in known:
        return None
    near = nearest(name, known)
    hint = f"did you mean {near!r}?" if near else None
    return Problem(mark, f"{spec.name} has no {what} {name!r}", hint=hint)


def _known(what: What, spec: Spec) -> tuple[str, ...]:
    match what:
        case "rule":
            return tuple(rule.id for rule in spec.rules)
        case "operation":
            return tuple(spec.operations)
        case "model":
            return tuple(spec.models)
        case "field":
            shapes = [shape for model in spec.models.values() for shape in model.shapes.values()]
            return tuple({name.partition(".")[0] for shape in shapes for name in shape.fields})
