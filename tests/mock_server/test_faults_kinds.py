"""Every kind of fault is seen by a test over a real socket, and each has its place in the life of a request."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from imageproof.mock_server.faults.book import STAGES, stage_of
from imageproof.mock_server.faults.words import fault_in, written
from imageproof.specs.fault_answers import Reset
from imageproof.specs.fault_base import OneOf
from imageproof.specs.faults import KINDS, PLACES

HERE = Path(__file__).parent


def seen() -> set[str]:
    modules = [import_module(f"tests.mock_server.{path.stem}") for path in HERE.glob("test_faults_*.py")]
    return {kind for module in modules for thing in vars(module).values() for kind in getattr(thing, "shows", ())}


def test_each_kind_is_seen_by_a_test() -> None:
    assert seen() == set(KINDS)


def test_each_kind_is_asked_for_at_one_stage() -> None:
    assert set(STAGES) == set(KINDS.values()) - {Reset}
    assert {stage_of(Reset(how)) for how in Reset.HOWS} == {
        stage_of(Reset("before")),
        stage_of(Reset("during")),
        stage_of(Reset("request")),
    }


def test_each_example_is_read_and_written_alike() -> None:
    for kind in KINDS.values():
        fault = fault_in(kind.WRITE)
        assert isinstance(fault.what, kind)
        assert fault_in(written(fault)) == fault
        for how in kind.HOWS if issubclass(kind, OneOf) else ():
            one = fault_in({kind.KEY: how})
            assert fault_in(written(one)) == one


def test_all_that_says_when_is_written_too() -> None:
    text = (
        '{slow: 250ms, on: poll, times: 3, after: 1, share: 0.25, from: 30s, until: 90s, model: "gpt-*", key: "sk-*"}'
    )
    assert written(fault_in(text)) == text
    assert written(fault_in("status: 502")) == "{status: 502}"
    assert written(fault_in({"stuck": "running", "times": 1})) == "{stuck: running, times: 1}"
    assert written(fault_in({"status": 502, "times": "always"})) == "{status: 502, times: always}"
    for place in PLACES:
        assert fault_in(written(fault_in({"silent": "10m", "on": place}))).on == place
