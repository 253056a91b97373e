"""What a client can know when it sends the next request, and what it does when told nothing that can be obeyed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from imageproof.specs.model import Phase
from imageproof.suites.client.judging import judge
from tests.suites.client.wires import BODY, FAILED, Given, Wire


def side_by_side(at: float, *, prompt: str = "another", connection: int = 2, fast: bool = True) -> Wire:
    """One order is refused with a wait of ten seconds at 0.02 s; another one arrives meanwhile, or then."""
    wire = Wire()
    took = 0.0 if fast else 0.1
    wire.create(0.0, sent={**BODY, "prompt": "first"}, connection=3, took=took)
    wire.create(0.01, **wire.refused("rate_limited"), answered=(("Retry-After", "10"),), took=0.01)
    wire.create(at, sent={**BODY, "prompt": prompt} if prompt else BODY, connection=connection)
    return wire


@pytest.mark.parametrize(
    ("at", "more", "ok"),
    [
        pytest.param(0.015, {}, None, id="it arrived before the refusal was answered"),
        pytest.param(0.025, {}, None, id="it was sent before the refusal arrived"),
        pytest.param(0.025, {"connection": 1}, False, id="it was sent after it, on its connection"),
        pytest.param(0.025, {"prompt": ""}, False, id="it is the same order again"),
        pytest.param(0.025, {"prompt": "", "fast": False}, None, id="of a client that orders side by side"),
        pytest.param(0.5, {}, False, id="it was sent half a second later"),
    ],
)
def test_what_was_sent_before_the_refusal_was_known_breaks_no_wait(
    at: float,
    more: dict[str, Given],
    ok: bool | None,  # noqa: FBT001  (a table)
) -> None:
    assert side_by_side(at, **more).verdict("retry-after") is ok


def test_a_client_that_leaves_a_silence_has_left_it() -> None:
    wire = Wire("apiyi")
    wire.create(0.0, status=None, took=60.0, fault="{lost: silent}", note="the client left before the end")
    (remark,) = wire.judged("advice/timeout", FAILED)
    assert not remark.ok
    assert "after 60.0 s" in remark.actual


@pytest.mark.parametrize(
    ("value", "gap", "scale", "ok"),
    [
        ("31536000", 0.01, 1.0, False),
        ("soon", 0.01, 1.0, False),
        ("31536000", 0.01, 10.0, False),
        ("31536000", 1.0, 10.0, True),
        ("soon", 0.6, 1.0, True),
        ("31536000", 0.01, 60.0, None),  # too fast a clock for waits of a second
        ("0", 0.01, 1.0, None),
    ],
)
def test_who_can_not_obey_waits_for_a_while_all_the_same(
    value: str,
    gap: float,
    scale: float,
    ok: bool | None,  # noqa: FBT001  (a table)
) -> None:
    wire = Wire(scale=scale)
    wire.create(0.0, **wire.refused("rate_limited"), answered=(("Retry-After", value),), took=0.0)
    wire.create(gap)
    assert wire.verdict("backoff") is ok


@pytest.mark.parametrize(("held_s", "ok"), [(0.0, False), (0.002, False), (0.2, None)])
def test_waits_that_a_busy_machine_may_have_made_alike_say_nothing(held_s: float, ok: bool | None) -> None:  # noqa: FBT001  (a table)
    wire = Wire(scale=10.0)
    for at in (0.0, 6.0, 12.0):
        wire.create(at, **wire.refused("rate_limited"), took=0.0)
    wire.create(18.0)
    remarks = judge(replace(wire.watch(FAILED), held_s=held_s))
    found = [remark.ok for remark in remarks if remark.rule == "reapi/client/backoff"]
    assert found == ([] if ok is None else [ok])


def test_a_poll_that_the_machine_held_up_is_none_after_the_end() -> None:
    wire = Wire()
    wire.create(0.0)
    wire.poll(30.0, Phase.SUCCEEDED)
    wire.poll(30.4)
    wire.truth()
    told = [judge(replace(wire.watch(), held_s=held_s)) for held_s in (0.0, 0.2)]
    assert [[item.ok for item in remarks if item.rule == "reapi/client/after-end"] for remarks in told] == [
        [False],
        [True],
    ]
