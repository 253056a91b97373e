"""Requests as a test reads them. Made from the journal of an account, so without its key."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imageproof.specs.model import JsonTree


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request that reached the mock, and its answer.

    `number` counts from 1. `operation` is a name of the contract, `download` for a result, empty where the request met
    none. A `status` of 0 means that no answer was sent. `at` is the account's own time in seconds since the test began,
    `began` and `ended` are real monotonic seconds. `headers` are by lower-case name. `text` and `answer_text` are
    bodies as text, empty for pictures and the like, and cut after 16 KiB. `rules` are the ids of the rules that the
    request breaks, `note` says why else it was refused, and `fault` what the mock did wrong on purpose.
    """

    number: int
    operation: str
    method: str
    path: str
    status: int
    at: float
    began: float
    ended: float
    headers: Mapping[str, str]
    text: str = ""
    answer_headers: Mapping[str, str]
    answer_text: str = ""
    task: str | None = None
    rules: tuple[str, ...] = ()
    fault: str = ""
    note: str = ""

    @property
    def json(self) -> JsonTree:
        """The body that was sent, read as JSON; None where it is none."""
        return _parsed(self.text)

    @property
    def answer(self) -> JsonTree:
        """The body that was answered, read as JSON; None where it is none."""
        return _parsed(self.answer_text)


def _parsed(text: str) -> JsonTree:
    try:
        tree: JsonTree = json.loads(text)
    except ValueError:
        return None
    return tree


def call_of(entry: JsonTree, opened_at: float) -> Call:
    """The call that an entry of a journal tells of; `opened_at` is the account's time when the test began."""
    whole = _mapping(entry)
    request, response = _mapping(whole["request"]), _mapping(whole["response"])
    rules = whole["rules"]
    return Call(
        number=int(_number(whole["number"])),
        operation=_text(whole["operation"]),
        method=_text(request["method"]),
        path=_text(request["path"]),
        status=int(_number(response["status"])),
        at=max(0.0, round(_number(whole["at"]) - opened_at, 3)),
        began=_number(whole["began"]),
        ended=_number(whole["ended"]),
        headers=_headers(request["headers"]),
        text=_text(_mapping(request["body"]).get("text")),
        answer_headers=_headers(response["headers"]),
        answer_text=_text(_mapping(response["body"]).get("text")),
        task=_text(whole["task"]) or None,
        rules=tuple(str(rule) for rule in rules) if isinstance(rules, list) else (),
        fault=_text(whole.get("fault")),
        note=_text(whole["note"]),
    )


def _mapping(tree: JsonTree) -> dict[str, JsonTree]:
    if not isinstance(tree, dict):
        raise TypeError(f"expected a mapping in the journal, got {tree!r}")
    return tree


def _number(tree: JsonTree) -> float:
    if not isinstance(tree, int | float):
        raise TypeError(f"expected a number in the journal, got {tree!r}")
    return float(tree)


def _text(tree: JsonTree) -> str:
    return tree if isinstance(tree, str) else ""


def _headers(tree: JsonTree) -> dict[str, str]:
    pairs = tree if isinstance(tree, list) else []
    return {str(pair[0]).lower(): str(pair[1]) for pair in pairs if isinstance(pair, list)}
