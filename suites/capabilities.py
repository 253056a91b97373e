"""What a gateway declares it lacks: such rules are not applicable, and the report says why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from imageproof.specs.contract import Statement, Topic
from imageproof.specs.problems import Mark, did_you_mean
from imageproof.specs.user_files import UserFile
from imageproof.suites.rule_patterns import hint_for, is_match
from imageproof.suites.rule_subject import all_shapes, subjects

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Spec
    from imageproof.specs.nodes import Mapping as Tree
    from imageproof.suites.rule_subject import Subject

VERSION = "imageproof-capabilities"
LIST = "lacks"
What = Literal["rule", "operation", "model", "field"]
WHATS: tuple[What, ...] = ("rule", "operation", "model", "field")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """One thing that the gateway lacks, why, and where it says so."""

    what: What
    name: str
    reason: str
    mark: Mark

    def concerns(self, rule: Rule, subject: Subject) -> bool:
        """Whether a rule can't be seen without the thing."""
        match self.what:
            case "rule":
                return is_match(self.name, rule.id)
            case "operation":
                return subject.operation == self.name
            case "model":
                return subject.model == self.name
            case "field":
                return self.name in subject.fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a gateway declares about itself, against one contract. `reasons` has the rules that don't apply, by id."""

    gateway: str
    lacks: tuple[Lack, ...]
    reasons: Mapping[str, str]

    def missing(self, rule: Rule) -> str | None:
        """Why a rule does not apply; None when it does."""
        return self.reasons.get(rule.id)

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


def load_capabilities(path: Path, spec: Spec) -> Capabilities:
    """Read a file of capabilities. Raises SpecError with every mistake of the file."""
    file = UserFile()
    tree = file.document(path, VERSION, ("gateway", LIST))
    gateway = file.text(tree, "gateway")
    if "gateway" not in tree.entries:
        file.problem(tree.mark, "expected a `gateway` at the top of the file, got none", "name it, for the reports")
    lacks: dict[tuple[What, str], Lack] = {}
    for node in file.entries(tree, LIST):
        lack = _lack(file, node, spec)
        if lack is None:
            continue
        same = lacks.setdefault((lack.what, lack.name), lack)
        if same is not lack:
            hint = f"the first is at {same.mark}; keep one of them"
            file.problem(lack.mark, f"expected each {lack.what} once, got {lack.name!r} twice", hint)
    file.require_sound()
    every = tuple(lacks.values())
    return Capabilities(gateway=gateway or "", lacks=every, reasons=_reasons(spec, gateway or "", every))


def _lack(file: UserFile, node: Tree, spec: Spec) -> Lack | None:
    texts = file.texts(node, (*WHATS, "reason"), ("reason",))
    given = [what for what in WHATS if what in node.entries]
    if len(given) != 1:
        got = " and ".join(given) or "none of them"
        file.problem(node.mark, f"expected one of {', '.join(WHATS)} in this entry, got {got}", "one entry for each")
        return None
    what = given[0]
    mark = node.entries[what].mark
    if what not in texts or not _is_known(file, what, texts[what], spec, mark) or "reason" not in texts:
        return None
    return Lack(what=what, name=texts[what], reason=texts["reason"], mark=mark)


def _is_known(file: UserFile, what: What, name: str, spec: Spec, mark: Mark) -> bool:
    """Whether the contract has such a thing; notes when it has not."""
    known = names_of(what, spec)
    if what == "rule":
        if any(is_match(name, rule_id) for rule_id in known):
            return True
        file.problem(
            mark, f"expected a rule of {spec.name} or a pattern that matches one, got {name!r}", hint_for(name, known)
        )
        return False
    if name in known:
        return True
    hint = did_you_mean(name, known) or f"known are {', '.join(known)}"
    file.problem(mark, f"expected one of the {what}s of {spec.name}, got {name!r}", hint)
    return False


def names_of(what: What, spec: Spec) -> tuple[str, ...]:
    """Everything of a sort that a gateway could lack."""
    match what:
        case "rule":
            return tuple(rule.id for rule in spec.rules)
        case "operation":
            return tuple(spec.operations)
        case "model":
            return tuple(spec.models)
        case "field":
            return tuple(sorted({name for shape in all_shapes(spec) for name in shape.fields}))


def _reasons(spec: Spec, gateway: str, lacks: tuple[Lack, ...]) -> dict[str, str]:
    """Why rules don't apply, by rule id."""
    about = subjects(spec)
    found: dict[str, str] = {}
    for rule in spec.rules:
        lack = next((lack for lack in lacks if lack.concerns(rule, about[rule.id])), None)
        if lack is not None:
            found[rule.id] = f"{lack.reason} ({gateway}, {lack.mark})"
    return found | _of_errors(spec, about, found)


def _of_errors(spec: Spec, about: Mapping[str, Subject], found: Mapping[str, str]) -> dict[str, str]:
    """The same for refusals that only rules without application lead to: nothing is left to be refused so."""
    users: dict[str, list[str]] = {}
    for rule in spec.rules:
        if rule.error is not None:
            model = spec.models.get(about[rule.id].model or "")
            users.setdefault(model.errors.get(rule.error, rule.error) if model else rule.error, []).append(rule.id)
    out = {}
    for rule in spec.rules:
        if isinstance(rule.kind, Statement) and rule.kind.topic is Topic.ERRORS:
            leading = users.get(rule.id.split("/")[2], [])
            if leading and all(rule_id in found for rule_id in leading):
                out[rule.id] = found[leading[0]]
    return {rule_id: reason for rule_id, reason in out.items() if rule_id not in found}
