"""The reference page of scenarios and faults."""

from __future__ import annotations

from imageproof.cli.markdown import code, page, section, table, text
from imageproof.specs.fault_base import OneOf
from imageproof.specs.faults import KINDS
from imageproof.specs.library import load, shipped
from imageproof.specs.scenario_reading import fits, scenarios

INTRODUCTION = """
A scenario is a job for a client, what its provider does meanwhile, and what a good client makes of it. Each is a file
of its own in `specs/scenarios/`; [write a scenario](../how-to/write-a-scenario.md) says what one holds.
"""
FAULTS = """
A fault is one way to go wrong. It is written the same everywhere: in scenarios, in headers, prompts, on the command
line and in programs ([make it fail](../how-to/make-it-fail.md)). Beside what goes wrong stands when: `on` (submit,
poll, result, generate, edit, upload, balance, models, download, any), `times` (a number or always), `after` (so many
requests are left alone first), `share` (of the requests, drawn by the seed), `from` and `until` (since the account's
first request), `model` and `key` (names, as in a shell). `on: submit` stands for whatever orders an image.
"""


def scenarios_page() -> str:
    """Every shipped scenario, and every kind of fault."""
    specs = [load(name) for name in shipped()]
    rows = [
        [code(item.name), text(item.teaches), ", ".join(spec.name for spec in specs if fits(spec, item) is None)]
        for item in scenarios()
    ]
    faults = [[code(kind.WRITE), text(kind.DOES), _variants(kind)] for kind in KINDS.values()]
    return page(
        "Scenarios and faults",
        INTRODUCTION.splitlines(),
        ["", *table(["scenario", "what it teaches", "fits"], rows)],
        section("Faults", [*FAULTS.strip().splitlines(), "", *table(["write", "what happens", "variants"], faults)]),
    )


def _variants(kind: type) -> str:
    return "; ".join(f"{code(how)} {text(says)}" for how, says in kind.HOWS.items()) if issubclass(kind, OneOf) else ""
