"""From method and path to an operation. Exact paths are one look-up; a path with one id in it is two."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from imageproof.specs.model import ASKS_FOR_TASK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imageproof.mock_server.service import Service
    from imageproof.mock_server.upstream import Tally
    from imageproof.specs.model import Operation, Spec

LONGEST_PATH = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One operation at one place.

    `model` is set where the path names it; `id_query` is the query field that holds the id.
    """

    service: Service
    operation: Operation
    number: int
    prefix: str
    tally: Tally
    model: str | None = None
    id_query: str | None = None


class Found(NamedTuple):
    """What a path leads to: endpoints by (method, content), and the id that stood in the path."""

    endpoints: dict[tuple[str, str], Endpoint]
    task_id: str | None
    query: str


class Place(NamedTuple):
    """A path pattern: what stands before and after the id; `after` is None where the path has no id."""

    before: str
    after: str | None
    id_query: str | None


def _place(path: str) -> Place:
    path, _, query = path.partition("?")
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if value == "{task_id}":
            return Place(path, None, name)
    before, marker, after = path.partition("{task_id}")
    return Place(before, after if marker else None, None)


def expanded(spec: Spec, operation: Operation) -> Iterable[tuple[str, str | None]]:
    """The paths of an operation, one for each model where the path names it."""
    if "{model}" not in operation.path:
        yield operation.path, None
        return
    for model in spec.models:
        yield operation.path.replace("{model}", model), model


@dataclass(slots=True)
class Routes:
    """The table of all paths of all services. `prefixes` are the heads of path patterns that hold an id."""

    exact: dict[str, dict[tuple[str, str], Endpoint]] = field(default_factory=dict)
    with_id: dict[tuple[str, str], dict[tuple[str, str], Endpoint]] = field(default_factory=dict)
    tails: tuple[int, ...] = ()

    def add(self, service: Service, prefix: str) -> None:
        """Add every operation of a service below a prefix."""
        for number, operation in enumerate(service.spec.operations.values()):
            for path, model in expanded(service.spec, operation):
                place = _place(path)
                endpoint = Endpoint(
                    service=service,
                    operation=operation,
                    number=number,
                    prefix=prefix,
                    tally=service.upstream.counts.tally(service.provider, operation.name),
                    model=model,
                    id_query=place.id_query,
                )
                where = (
                    self.exact.setdefault(prefix + place.before, {})
                    if place.after is None
                    else self.with_id.setdefault((prefix + place.before, place.after), {})
                )
                where[operation.method, operation.content if operation.does not in ASKS_FOR_TASK else "none"] = endpoint
        self.tails = tuple(sorted({after.count("/") for _, after in self.with_id}))

    def find(self, raw_path: str) -> Found | None:
        """Look a path up; None when nothing is there."""
        path, _, query = raw_path.partition("?")
        exact = self.exact.get(path)
        if exact is not None:
            return Found(exact, None, query)
        for depth in self.tails:
            parts = path.rsplit("/", depth + 1)
            if len(parts) != depth + 2:
                continue
            head = f"{parts[0]}/"
            after = "/" + "/".join(parts[2:]) if depth else ""
            known = self.with_id.get((head, after))
            if known is not None and parts[1]:
                return Found(known, unquote(parts[1]) if "%" in parts[1] else parts[1], query)
        return None
