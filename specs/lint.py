"""Every mistake of a spec file at once: what breaks the format, what can't be read, and what can't be meant.

A mistake does not hide others: the part of the file that keeps the format is read and looked at all the same, and
whatever only follows from a part that had to be left out is not told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from imageproof.specs.build import Named, build
from imageproof.specs.library import PROVIDERS, read_tree, shipped
from imageproof.specs.lint_format import format_problems, idle_nulls, parts, readable, taken_out, without_nulls
from imageproof.specs.lint_names import check_names
from imageproof.specs.lint_pixels import check_pixels
from imageproof.specs.lint_routes import check_routes
from imageproof.specs.lint_rules import check_rules
from imageproof.specs.lint_sources import check_sources
from imageproof.specs.lint_subject import Finding, Subject
from imageproof.specs.lint_tables import check_tables
from imageproof.specs.lint_values import check_values
from imageproof.specs.nodes import MOST_PROBLEMS, read_file
from imageproof.specs.problems import Problem, SpecError, lines_of, render
from imageproof.specs.reading import child, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imageproof.specs import lint_subject
    from imageproof.specs.nodes import Mapping

HARMLESS = frozenset(
    {"range", "length", "pattern", "items", "url", "pixels", "file_bytes", "file_format", "file_alpha", "same_as"}
)
"""Rules of a field without which all else can still be judged: more is allowed, and nothing is missing."""

CHECKS = (check_names, check_routes, check_rules, check_tables, check_pixels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is wrong with a file: errors keep it from being used, warnings are most likely not meant."""

    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()

    def render(self) -> str:
        """All of it as text for a person, in the order of the file; empty when there is nothing to say."""
        marked = (replace(problem, message=f"warning: {problem.message}") for problem in self.warnings)
        return render((*self.errors, *marked), lines_of())


def lint(path: Path) -> Report:
    """Look for every mistake of a file, in all its profiles. Never raises, whatever the file holds."""
    try:
        tree = read_tree(path)
        found = [Finding(problem=problem) for problem in _idle_changes(path)]
        found += _findings(tree, str(path))
    except SpecError as broken:
        return Report(errors=broken.problems)
    return _report(found)


def require_format(tree: Mapping) -> None:
    """Raise SpecError with all problems when a tree that is merged with what it extends can't be read safely."""
    found = format_problems(tree)
    for part in parts(tree).values():
        whole, _ = readable(without_nulls(part)[0])
        found += [misfit.problem for misfit in check_values(whole) if not misfit.is_warning] if whole else []
    if found:
        raise SpecError(dict.fromkeys(found))


def _findings(tree: Mapping, file: str) -> Iterator[Finding]:
    problems = format_problems(tree)
    yield from (Finding(problem=problem) for problem in problems)
    if len(problems) > MOST_PROBLEMS:
        return
    names = tuple(parts(tree))
    for name, part in parts(tree).items():
        yield from _in_profile(part, name, names)
    yield from check_sources(tree, file)


def _idle_changes(path: Path) -> Iterator[Problem]:
    """Nulls that find nothing to remove in what the file extends."""
    own = read_file(path)
    parent = child(own, "extends")
    if parent is not None:
        name = text_of(parent)
        base = read_tree(PROVIDERS / f"{name}.yaml" if name in shipped() else path.parent / name)
        yield from idle_nulls(base, own)


def _in_profile(part: Mapping, name: str | None, names: tuple[str | None, ...]) -> Iterator[Finding]:
    """What is wrong in one profile beyond its format."""
    whole, lost = readable(without_nulls(part)[0])
    if whole is None:
        return
    misfits = list(check_values(whole))
    yield from (Finding(problem=misfit.problem, is_warning=misfit.is_warning) for misfit in misfits)
    if misfits:
        cut = {misfit.path for misfit in misfits}
        whole, more = readable(taken_out(whole, cut))
        lost = lost | more | {path for path in cut if "params" not in path}
    if whole is None:
        return
    spec, reader = build(whole, _named(whole, name, names))
    yield from (Finding(problem=problem) for problem in reader.problems if not _follows(problem, lost))
    subject = Subject(tree=whole, spec=spec, lost=frozenset(path for path in lost if not _is_harmless(path)))
    for check in CHECKS:
        yield from check(subject)


def _named(tree: Mapping, name: str | None, names: tuple[str | None, ...]) -> Named:
    provider = text_of(child(tree, "provider") or tree)
    known = tuple(each for each in names if each is not None)
    return Named(provider if name in (None, *known[:1]) else f"{provider}@{name}", provider, name, known)


def _is_harmless(path: lint_subject.Path) -> bool:
    return path[2:3] == ("params",) and path[4:5] != () and path[4] in HARMLESS


def _follows(problem: Problem, lost: frozenset[lint_subject.Path]) -> bool:
    """Whether a problem is about a name that is only missing because its entry had to be left out."""
    return any(isinstance(path[-1], str) and repr(path[-1]) in problem.message for path in lost)


def _report(found: Iterable[Finding]) -> Report:
    """Each mistake once: the same advice at the same place is one, in whichever operation or profile it was found."""
    errors: dict[tuple[object, ...], Problem] = {}
    warnings: dict[tuple[object, ...], Problem] = {}
    for finding in found:
        problem = finding.problem
        key = (problem.mark, problem.hint or problem.message)
        (warnings if finding.is_warning else errors).setdefault(key, problem)
    doubts = [problem for key, problem in warnings.items() if key not in errors]
    return Report(errors=_sorted(errors.values()), warnings=_sorted(doubts))


def _sorted(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """In the order of the file, and no more than anybody reads."""
    ordered = sorted(problems, key=lambda problem: problem.mark)
    rest = ordered[MOST_PROBLEMS:]
    more = [Problem(rest[0].mark, f"{len(rest):,} more like these from here on")] if rest else []
    return (*ordered[:MOST_PROBLEMS], *more)
