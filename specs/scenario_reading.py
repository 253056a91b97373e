"""Scenario files: read with every mistake and its place; the shipped ones, and those of a user's folders."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from imageproof.specs.client import client_slugs
from imageproof.specs.fault_base import FaultError
from imageproof.specs.faults import read_fault
from imageproof.specs.nodes import Mapping, Scalar, Sequence, plain
from imageproof.specs.problems import Problem, SpecError, did_you_mean
from imageproof.specs.reading import child, seconds, text_of
from imageproof.specs.scenario import Expected, Job, Needs, Outcome, Scenario
from imageproof.specs.scenario_fits import fits
from imageproof.specs.user_files import UserFile

if TYPE_CHECKING:
    from imageproof.specs.faults import Fault
    from imageproof.specs.model import JsonTree
    from imageproof.specs.nodes import Node

__all__ = ["fits", "read_scenario", "scenarios"]
SHIPPED = Path(__file__).parent / "scenarios"
VERSION = "scenario"
KEYS = ("teaches", "needs", "only", "plan", "faults", "job", "expect", "limits", "real_time", "within")
JOB_KEYS = ("operation", "prompt", "images", "references", "stream", "fields")
EXPECT_KEYS = ("outcome", "rule", "submits", "images", "kinds")
OPERATIONS = ("generate", "edit")
WITHIN_S = 600.0
MOST_IMAGES = 10
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
NULL_HINT = 'a plain null is no word: write "null" in quotes'
ANY_NUMBER = "any"
KINDS_OF_ERROR = (
    "invalid_request", "auth", "quota", "rate_limited", "moderation", "not_found", "timeout", "upstream", "network",
    "cancelled", "unknown",
)  # fmt: skip
"""What a client may say went wrong, in words that every dialect can be put into."""


class _File(UserFile):
    """A scenario file that is being read."""

    def choices(self, node: Node | None, known: tuple[str, ...], what: str) -> list[str]:
        """A list of known words; notes each other one."""
        if node is None:
            return []
        if not isinstance(node, Sequence):
            self.problem(node.mark, f"expected a list under `{what}`, got {plain(node)!r}")
            return []
        return [word for item in node.items if (word := self.choice(item, known, what)) is not None]

    def choice(self, node: Node, known: tuple[str, ...], what: str) -> str | None:
        """A known word; notes any other value."""
        word = text_of(node) if isinstance(node, Scalar) else ""
        if word in known:
            return word
        hint = did_you_mean(word, known) or f"known are {', '.join(known)}"
        self.problem(node.mark, f"expected a known word for `{what}`, got {plain(node)!r}", hint)
        return None

    def flag(self, tree: Mapping, key: str) -> bool:
        """A yes or no, no where there is no such key."""
        node = child(tree, key)
        value = plain(node) if node is not None else False
        if not isinstance(value, bool):
            self.problem(tree.key_marks[key], f"expected true or false for `{key}`, got {value!r}")
            return False
        return value

    def number(self, tree: Mapping, key: str, default: int, most: int, also: str = "") -> int:
        """A whole number from 0 to `most`; `also` says what else the key may hold."""
        node = child(tree, key)
        value = plain(node) if node is not None else default
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            self.problem(tree.key_marks[key], f"expected a number from 0 to {most} {also}for `{key}`, got {value!r}")
            return default
        return value

    def inner(self, tree: Mapping, key: str, known: tuple[str, ...]) -> Mapping | None:
        """A mapping with known keys only; None where there is none."""
        node = child(tree, key)
        if node is None:
            return None
        if not isinstance(node, Mapping):
            self.problem(node.mark, f"expected keys and values under `{key}`, got {plain(node)!r}")
            return None
        self.known_keys(node, known)
        return node

    def words(self, tree: Mapping, key: str, default: str = "") -> str:
        """The text under a key, or the default."""
        return (self.text(tree, key) or default) if child(tree, key) is not None else default


def read_scenario(path: Path) -> Scenario:
    """Read one file. Raises SpecError with every mistake in it."""
    file = _File()
    tree = file.document(path, VERSION, KEYS)
    if child(tree, "teaches") is None:
        file.problem(tree.mark, "expected `teaches`, one sentence that says what a client learns, got no such key")
    if not NAME.fullmatch(path.stem):
        file.problem(tree.mark, f"expected a file name of small letters, digits and hyphens, got {path.name!r}")
    expected = _expected(file, tree)
    scenario = Scenario(
        name=path.stem,
        teaches=file.words(tree, "teaches"),
        needs=frozenset(
            Needs(word) for word in file.choices(child(tree, "needs"), tuple(need.value for need in Needs), "needs")
        ),
        only=tuple(_texts(file, child(tree, "only"))),
        plan=file.words(tree, "plan"),
        faults=_faults(file, tree),
        job=_job(file, tree),
        expected=expected,
        limits=file.flag(tree, "limits"),
        real_time=file.flag(tree, "real_time"),
        within_s=_within(file, tree),
        mark=tree.mark,
    )
    file.require_sound()
    return scenario


def _texts(file: _File, node: Node | None) -> list[str]:
    if node is None:
        return []
    if not isinstance(node, Sequence):
        file.problem(node.mark, f"expected a list of names under `only`, got {plain(node)!r}")
        return []
    return [text_of(item) for item in node.items]


def _within(file: _File, tree: Mapping) -> float:
    node = child(tree, "within")
    if node is None:
        return WITHIN_S
    try:
        found = seconds(text_of(node))
    except ValueError as error:
        file.problem(node.mark, f"{error}, for `within`")
        return WITHIN_S
    if found <= 0:
        file.problem(node.mark, f"expected `within` to be more than 0 seconds, got {text_of(node)!r}")
    return found


def _faults(file: _File, tree: Mapping) -> tuple[Fault, ...]:
    if child(tree, "faults") is None:
        return ()
    found = []
    for node in file.entries(tree, "faults"):
        tree_of_fault = cast("dict[str, JsonTree]", plain(node))
        try:
            found.append(read_fault(tree_of_fault))
        except FaultError as error:
            file.problem(node.mark, str(error), NULL_HINT if _has_null(tree_of_fault) else None)
    return tuple(found)


def _has_null(tree: JsonTree) -> bool:
    return tree is None or (isinstance(tree, dict) and any(_has_null(value) for value in tree.values()))


def _job(file: _File, tree: Mapping) -> Job:
    node = file.inner(tree, "job", JOB_KEYS)
    if node is None:
        return Job(fields={})
    operation = child(node, "operation")
    fields = child(node, "fields")
    if fields is not None and not isinstance(fields, Mapping):
        file.problem(fields.mark, f"expected keys and values under `fields`, got {plain(fields)!r}")
    return Job(
        operation=(file.choice(operation, OPERATIONS, "operation") if operation is not None else None) or "generate",
        prompt=file.words(node, "prompt", "a lighthouse at dusk"),
        images=file.number(node, "images", 1, MOST_IMAGES),
        references=file.number(node, "references", 0, MOST_IMAGES),
        stream=file.flag(node, "stream"),
        fields=cast("dict[str, JsonTree]", plain(fields)) if isinstance(fields, Mapping) else {},
    )


def _expected(file: _File, tree: Mapping) -> Expected:
    node = file.inner(tree, "expect", EXPECT_KEYS)
    outcome = child(node, "outcome") if node is not None else None
    if node is None or outcome is None:
        file.problem(tree.mark, f"expected `expect: {{outcome: ...}}` with one of {', '.join(Outcome)}, got none")
        return Expected(outcome=Outcome.EITHER)
    submits = child(node, "submits")
    rule = file.words(node, "rule", "outcome")
    if rule not in client_slugs():
        hint = did_you_mean(rule, client_slugs()) or f"known are {', '.join(client_slugs())}"
        file.problem(node.key_marks["rule"], f"expected a rule for clients of every provider, got {rule!r}", hint)
    is_any = submits is not None and plain(submits) == ANY_NUMBER
    return Expected(
        outcome=Outcome(file.choice(outcome, tuple(item.value for item in Outcome), "outcome") or Outcome.EITHER),
        rule=rule,
        images=file.number(node, "images", 0, MOST_IMAGES) if child(node, "images") is not None else None,
        submits=None if is_any else file.number(node, "submits", 1, MOST_IMAGES, "or any, "),
        kinds=tuple(file.choices(child(node, "kinds"), KINDS_OF_ERROR, "kinds")),
    )


@cache
def _in_folder(folder: Path) -> tuple[Scenario, ...]:
    problems: list[Problem] = []
    found = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            found.append(read_scenario(path))
        except SpecError as error:
            problems.extend(error.problems)
    if problems:
        raise SpecError(problems)
    return tuple(found)


def scenarios(folders: tuple[Path, ...] = ()) -> tuple[Scenario, ...]:
    """The shipped scenarios and those in a user's folders, by name. Raises SpecError for any mistake in any file."""
    by_name: dict[str, Scenario] = {}
    for folder in (SHIPPED, *folders):
        for scenario in _in_folder(folder):
            known = by_name.get(scenario.name)
            if known is not None:
                message = f"expected a scenario of another name: {scenario.name!r} is also in {known.mark.file}"
                raise SpecError([Problem(scenario.mark, message, hint="give the file another name")])
            by_name[scenario.name] = scenario
    return tuple(by_name[name] for name in sorted(by_name))
