"""The first line of a record: what was asked for, with which versions, against which advice."""

from __future__ import annotations

import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, TypeVar

from imageproof.records.lines import FORMAT, CadenceBand, Header

if TYPE_CHECKING:
    from imageproof.specs.model import Spec
    from imageproof.suites.gateway.config import Config

STRANGERS = frozenset({"no key", "a wrong key", "wrong key", "malformed key", "two mistakes"})
DENIED, MISSING = (401, 403, 407), (404, 405)
LEDGER = "ledger.jsonl"
T = TypeVar("T")
WAIT_S = 10.0


def header_of(config: Config, spec: Spec, rules: int) -> Header:
    """The first line of the record."""
    return Header(
        format=FORMAT,
        what="gateway",
        spec=spec.name,
        title=spec.title,
        target=config.base_url,
        version=version("imageproof"),
        started=datetime.now(tz=UTC).isoformat(timespec="seconds"),
        seed=config.seed,
        mode=config.mode,
        strict=config.strict,
        rules=rules,
        config=config.shown,
        versions={"python": platform.python_version(), "platform": sys.platform, "hypothesis": version("hypothesis")},
        max_micro_usd=config.max_micro_usd,
        micro_usd_per_credit=spec.billing.micro_usd_per_credit,
        cadence=cadence_of(spec, config.scale),
    )


def cadence_of(spec: Spec, scale: float) -> tuple[CadenceBand, ...]:
    """The advised polling as bands on the run's own clock."""
    polling = spec.tasks.polling if spec.tasks else None
    if polling is None:
        return ()
    bands, start = [], polling.first_s
    for phase in polling.phases:
        until = phase.until_s
        least, most = phase.every_s
        bands.append(
            CadenceBand(
                from_s=start / scale,
                until_s=until / scale if until is not None else None,
                least_s=least / scale,
                most_s=most / scale,
            )
        )
        start = until or start
    return tuple(bands)
