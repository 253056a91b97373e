"""From method and path to an operation of a contract, whatever stands before the provider's own paths. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from imageproof.specs.model import ASKS_FOR_TASK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imageproof.specs.model import Content, Operation, Spec

FORM = "multipart/form-data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a request is for. `task` and `model` are set where the path names them."""

    operation: Operation
    task: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    operation: Operation
    path: re.Pattern[str]
    query: str | None


class Places:
    """Where the operations of a contract are."""

    def __init__(self, spec: Spec) -> None:
        self._places = [_place(spec, operation) for operation in spec.operations.values()]

    def find(self, method: str, target: str, content_type: str) -> Found | None:
        """What a request asks for; None when it is nothing that the contract names.

        A base URL may have a path of its own, so only the end of a path counts.
        """
        fitting = list(self._fitting(method, target))
        if not fitting:
            return None
        wanted: Content = "multipart" if content_type.partition(";")[0].strip().lower() == FORM else "json"
        same = [found for found in fitting if found.operation.content == wanted]
        return (same or fitting)[0]

    def _fitting(self, method: str, target: str) -> Iterator[Found]:
        path, _, query = target.partition("?")
        for place in self._places:
            match = place.path.fullmatch(path) if place.operation.method == method else None
            if match is None:
                continue
            named = match.groupdict()
            task = named.get("task")
            if place.query is not None:
                task = next((part.partition("=")[2] for part in query.split("&") if part.startswith(place.query)), None)
            if task is None and place.operation.does in ASKS_FOR_TASK:
                continue
            yield Found(operation=place.operation, task=unquote(task) if task else None, model=named.get("model"))


def _place(spec: Spec, operation: Operation) -> _Place:
    path, _, query = operation.path.partition("?")
    models = "|".join(re.escape(name) for name in sorted(spec.models, key=len, reverse=True))
    pattern = re.escape(path)
    pattern = pattern.replace(re.escape("{task_id}"), "(?P<task>[^/]+)")
    pattern = pattern.replace(re.escape("{model}"), f"(?P<model>{models})")
    named = next((part.partition("=")[0] for part in query.split("&") if part.endswith("={task_id}")), None)
    return _Place(operation=operation, path=re.compile(f".*?{pattern}/?"), query=f"{named}=" if named else None)
