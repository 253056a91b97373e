"""The small parts of the gateway suite: the lock around balances, server-sent events, and reading answers back."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imageproof.specs.library import load
from imageproof.specs.places import places, read_all, templates_of, values_at
from imageproof.specs.template import Template
from imageproof.suites.gateway.events import read_events
from imageproof.suites.gateway.quiet import Quiet

TICKS = 20


async def settle() -> None:
    """Let everything run that can."""
    for _ in range(TICKS):
        await asyncio.sleep(0)


def test_many_share_and_one_waits_until_they_have_ended() -> None:
    async def scene() -> list[str]:
        quiet, told, leave = Quiet(), list[str](), asyncio.Event()

        async def share(name: str) -> None:
            async with quiet.shared():
                told.append(f"{name} in")
                await leave.wait()
                told.append(f"{name} out")

        async def be_alone() -> None:
            async with quiet.alone():
                told.append("alone")

        sharing = [asyncio.create_task(share(name)) for name in "ab"]
        await settle()
        alone = asyncio.create_task(be_alone())
        await settle()
        late = asyncio.create_task(share("c"))
        await settle()
        assert told == ["a in", "b in"]
        leave.set()
        await asyncio.gather(*sharing, alone, late)
        return told

    assert asyncio.run(scene()) == ["a in", "b in", "a out", "b out", "alone", "c in", "c out"]


def test_one_that_gives_up_waiting_to_be_alone_lets_the_others_in() -> None:
    async def scene() -> bool:
        quiet, leave = Quiet(), asyncio.Event()

        async def share() -> None:
            async with quiet.shared():
                await leave.wait()

        async def be_alone() -> None:
            async with quiet.alone():
                pass

        first = asyncio.create_task(share())
        await settle()
        alone = asyncio.create_task(be_alone())
        await settle()
        second = asyncio.create_task(share())
        await settle()
        alone.cancel()
        await settle()
        leave.set()
        done, _ = await asyncio.wait({first, second}, timeout=5)
        return done == {first, second}

    assert asyncio.run(scene())


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_events_are_read_whatever_ends_their_lines(end: str) -> None:
    lines = [": a comment", "event: one", 'data: {"a":', "data: 1}", "", "data: [DONE]", "", "event: cut", "data: {}"]
    events = read_events(end.join(lines).encode())
    assert [(event.name, event.tree) for event in events] == [("one", {"a": 1}), ("message", "[DONE]")]


def test_an_event_that_holds_no_json_says_why() -> None:
    (event,) = read_events(b"event: x\ndata: {oops\n\n")
    assert event.tree is None
    assert event.broken is not None
    assert "not JSON" in event.broken


@given(st.binary(max_size=200))
def test_any_bytes_can_be_read_as_events(body: bytes) -> None:
    assert all(event.name for event in read_events(body))


def test_values_are_found_where_the_template_puts_them() -> None:
    template = Template.of(
        {"data": {"$each": {"url": "{image.url}"}}, "note": "id-{task.id}", "extra?": "{task.alias}"}
    )
    body = {"data": [{"url": "a"}, {"url": None}, {}, {"url": "b"}], "note": "id-7", "extra": "mine"}
    assert read_all(body, template) == {"image.url": ["a", "b"], "task.alias": ["mine"]}


@pytest.mark.parametrize("body", [None, [], "text", {"data": {"url": "a"}}, {"data": [3]}])
def test_nothing_is_found_in_an_answer_of_another_shape(body: object) -> None:
    template = Template.of({"data": {"$each": {"url": "{image.url}"}}})
    assert read_all(body, template) == {}


def test_json_in_a_text_is_read_through() -> None:
    (place,) = places({"resultJson": {"$json": {"urls": ["{image.url}"]}}})
    assert list(values_at({"resultJson": '{"urls": ["a"]}'}, place.path)) == ["a"]
    assert list(values_at({"resultJson": "{cut"}, place.path)) == []


def test_each_phase_of_a_poll_has_its_own_template() -> None:
    spec = load("reapi")
    found = templates_of(spec.operations["poll"])
    assert {str(phase) for phase in found if phase is not None} >= {"running", "succeeded", "failed"}
