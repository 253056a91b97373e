"""`--fault` and `--scenario` of `imageproof load`: what goes wrong upstream while the load lasts."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from imageproof.cli.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imageproof.specs.model import Spec

SINGLE = {"faults": "fault"}  # what is called otherwise on the command line
SHARE = re.compile(r"(\bshare:\s*)([0-9]+(?:\.[0-9]+)?)%")


def read_load_fault(text: str) -> str:
    """A fault as the mock takes it. `share` may be a percentage, and holds for the whole run unless `times` is said.

    Raises Refusal.
    """
    from imageproof.mock_server.faults.words import fault_in, written
    from imageproof.specs.fault_base import FaultError
    from imageproof.specs.faults import ALWAYS

    plain = SHARE.sub(lambda match: f"{match[1]}{float(match[2]) / 100:g}", text)
    try:
        fault = fault_in(plain)
    except FaultError as error:
        raise Refusal(f"--fault: {error}") from None
    return written(replace(fault, times=ALWAYS) if fault.share < 1 and "times" not in plain else fault)


def faults_of(spec: Spec, texts: tuple[str, ...], scenario: str | None) -> tuple[str, ...]:
    """All faults of a run: those that are named, and those of the scenario, which they would take the place of.

    Raises Refusal for what is no fault, and for a scenario that does not exist or makes no sense for the provider.
    """
    own = tuple(read_load_fault(text) for text in texts)
    if scenario is None:
        return own
    from imageproof.mock_server.faults.words import written
    from imageproof.scenario_names import scenario_named
    from imageproof.specs.scenario_fits import fits

    try:
        found = scenario_named(scenario)
    except ValueError as error:
        raise Refusal(f"--scenario: {error}") from None
    reason = fits(spec, found)
    if reason is not None:
        raise Refusal(f"--scenario: {scenario!r} makes no sense for {spec.name}: {reason}")
    return (*(written(fault) for fault in found.faults), *own) if own else ()


def require_mock(faults: tuple[str, ...], scenario: str | None, *, knows_mock: bool) -> None:
    """Refuse faults where there is no mock to put them on. Raises Refusal."""
    if (faults or scenario) and not knows_mock:
        name = "--fault" if faults else "--scenario"
        raise Refusal(f"expected --upstream with {name}: only imageproof's mock behind the target can be made to fail")


def require_only_books(sending: Mapping[str, object]) -> None:
    """Refuse options of what would be sent where books are judged. Raises Refusal."""
    asked = [f"--{SINGLE.get(name, name).replace('_', '-')}" for name, value in sending.items() if value]
    if asked:
        raise Refusal(f"expected no {asked[0]} with --books: they are judged as they are, and nothing is sent")
