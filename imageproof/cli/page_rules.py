"""The reference page of one contract: every rule with its source, and its errors, states and prices as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.cli.markdown import code, link, page, section, table, text
from imageproof.cli.spec_list import counted
from imageproof.specs.client import client_rules
from imageproof.specs.contract import Statement
from imageproof.specs.model import ASKS_FOR_TASK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imageproof.specs.facts import Rule, Source
    from imageproof.specs.kinds import Plain
    from imageproof.specs.model import Price, Spec

MICRO = 1_000_000


def rules_page(spec: Spec) -> str:
    """The page as Markdown."""
    return page(
        f"The rules of {spec.title}" + (f", profile {spec.profile}" if spec.profile else ""),
        ["", *_introduction(spec)],
        section("Sources", table(["Tag", "Kind", "Page", "Seen"], _sources(spec))),
        section("Operations", table(["Operation", "Route", "Takes"], _operations(spec))),
        section("Errors", table(["Name", "Status", "Code", "Type", "Message", "Retry"], _errors(spec))),
        section("States", table(["State", *_asking(spec)], _states(spec))),
        section("Failures of tasks", table(["Failure", "Code", "Message", "Retry"], _failures(spec))),
        section("Prices", table(["Model", "When", "Price", "For each", "Place"], _prices(spec))),
        *(section(f"Rules: {title}", _rules(spec, rules)) for title, rules in _groups(spec).items()),
        section("Rules for clients", _for_clients(spec)),
    )


def _introduction(spec: Spec) -> list[str]:
    profiles = ", ".join(code(name) for name in spec.profiles)
    return [
        f"{code(spec.name)} has {len(spec.rules)} rules: {counted(spec)}. The API itself is at {spec.base_url}.",
        *([f"Its profiles are {profiles}; this page is about {code(spec.profile)}."] if spec.profile else []),
        "`imageproof explain RULE` says more about each of them.",
    ]


def _sources(spec: Spec) -> Iterator[list[str]]:
    for item in spec.sources.values():
        yield [code(item.tag), item.kind, link(item.title, item.url), text(item.seen)]


def _operations(spec: Spec) -> Iterator[list[str]]:
    for item in spec.operations.values():
        yield [
            code(item.name),
            code(f"{item.method} {item.path}"),
            item.content if item.content != "none" else "no body",
        ]


def _groups(spec: Spec) -> dict[str, list[Rule]]:
    """The rules by what they are about: requests by operation and model, the rest by topic."""
    groups: dict[str, list[Rule]] = {}
    for rule in spec.rules:
        _, operation, model, *_ = (*rule.id.split("/"), "", "")
        is_request = not isinstance(rule.kind, Statement)
        title = f"{operation} of {model}" if is_request else str(rule.kind.topic)  # type: ignore[union-attr]
        groups.setdefault("the model" if title == "any of any" else title, []).append(rule)
    return groups


def _rules(spec: Spec, rules: list[Rule]) -> list[str]:
    rows = (
        [code(rule.id), rule.level.value, _says(spec, rule), rule.source.how.value, _place(spec, rule.source)]
        for rule in rules
    )
    return table(["Rule", "Level", "Says", "Known", "Place"], rows)


def _for_clients(spec: Spec) -> list[str]:
    rules = list(client_rules(spec))
    return [f"`imageproof verify client {spec.name}` judges these {len(rules)}.", "", *_rules(spec, rules)]


def _says(spec: Spec, rule: Rule) -> str:
    lines = [text(rule.sentence)]
    lines += [f"Note: {text(rule.note)}."] if rule.note else []
    lines += [f"Not in force: {text(item.says)} ({_place(spec, item.source)})." for item in rule.contradicts]
    return "<br>".join(lines)


def _place(spec: Spec, source: Source) -> str:
    found = spec.sources.get(source.tag or "")
    return f"{link(found.tag, found.url)}: {text(source.place)}" if found else text(source.place)


def _errors(spec: Spec) -> Iterator[list[str]]:
    for name, answer in spec.errors.items():
        if name == answer.name:
            unsent = "" if answer.emitted else " (never sent by the mock)"
            yield [code(name), str(answer.status), code(_plain(answer.code)), code(answer.type or ""),
                   text(answer.message) + unsent, answer.retry.replace("_", " ")]  # fmt: skip


def _plain(value: Plain) -> str:
    return "" if value is None else str(value)


def _asking(spec: Spec) -> list[str]:
    """The operations that tell a task's state."""
    return [item.name for item in spec.operations.values() if item.does in ASKS_FOR_TASK and spec.tasks]


def _states(spec: Spec) -> Iterator[list[str]]:
    for phase, name in spec.tasks.states.items() if spec.tasks else ():
        yield [phase.value, *(code(spec.operations[asking].states.get(phase, name)) for asking in _asking(spec))]


def _failures(spec: Spec) -> Iterator[list[str]]:
    for item in spec.tasks.failures.values() if spec.tasks else ():
        yield [code(item.name), code(_plain(item.code)), text(item.message), item.retry.replace("_", " ")]


def _prices(spec: Spec) -> Iterator[list[str]]:
    for model in spec.models.values():
        for price in model.prices:
            yield [code(model.name), _when(price.when), _money(price), price.each, _place(spec, price.rule.source)]
        if model.tokens:
            tokens = model.tokens
            usd = (tokens.text_in_micro_usd, tokens.image_in_micro_usd, tokens.image_out_micro_usd)
            said = "${} text in, ${} image in, ${} image out".format(*usd)
            yield [code(model.name), "always", said, "million tokens", _place(spec, tokens.rule.source)]


def _when(when: Mapping[str, tuple[Plain, ...]]) -> str:
    return (
        ", ".join(f"{code(name)} {' or '.join(code(value) for value in values)}" for name, values in when.items())
        or "always"
    )


def _money(price: Price) -> str:
    return "not published" if price.micro_usd is None else f"${price.micro_usd / MICRO:.6g}"
