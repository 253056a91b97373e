"""What a store says an account is: read back as it was, and nothing else is made of it, whatever bytes it holds."""

from __future__ import annotations

import os
import pickle
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imageproof import Mock, MockAccount
from imageproof.mock_server.account_state import ForeignStateError, packed_state, read_values, restore_state
from imageproof.mock_server.accounts import Account
from imageproof.mock_server.clock import Clock, ClockMode

FIELDS = 10


def account(key: str = "rk_live_packed") -> Account:
    mode = ClockMode(rate=0.0)
    return Account(key=key, number=7, provider="reapi", clock=Clock(mode, start=1_795_000_000.0), journal_size=10)


class Runs:
    """Says to whoever unpickles it: call this with that."""

    def __init__(self, call: Callable[..., object], *words: object) -> None:
        self.call, self.words = call, words

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call, self.words


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("call", [os.system, subprocess.check_call, eval, getattr, __import__, open])
def test_nothing_is_called_that_the_bytes_name(call: Callable[..., object], protocol: int, tmp_path: Path) -> None:
    mark = tmp_path / "was-here"
    packed = pickle.dumps((Runs(call, f"touch {mark}"),) * FIELDS, protocol)
    with pytest.raises(ForeignStateError, match="names"):
        restore_state(account(), packed)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("imageproof.mock_server.accounts", "heappush"),  # a function that a known module has
        ("imageproof.mock_server.faults.book", "Account.__init__.__globals__"),
        ("imageproof.specs.faults", "absent"),
        ("imageproof.mock_server.accounts", "deque"),  # a class that is only used there
        ("imageproof.mock_server.server", "Mock"),
        ("builtins", "eval"),
        ("builtins", "type"),
        ("collections", "namedtuple"),
        ("os", "system"),
    ],
)
def test_only_value_classes_of_the_mock_are_found(module: str, name: str) -> None:
    packed = f"c{module}\n{name}\n.".encode()
    with pytest.raises(ForeignStateError):
        read_values(packed, 1)


@pytest.mark.parametrize("packed", [b"", b"{}", b"\x80", b"not a pickle", pickle.dumps("text"), pickle.dumps((1, 2))])
def test_garbage_is_refused_in_one_sentence(packed: bytes) -> None:
    with pytest.raises(ForeignStateError) as told:
        restore_state(account(), packed)
    assert str(told.value).startswith("expected ")


@given(cut=st.integers(1, 400))
def test_a_part_of_a_state_is_refused(cut: int) -> None:
    packed = packed_state(account())
    with pytest.raises(ForeignStateError):
        read_values(packed[: -min(cut, len(packed))], FIELDS)


# `p` and `r` put a value at any place of a table, for which Python takes as much memory as it needs
@given(packed=st.binary(max_size=200).filter(lambda data: not {*b"pr"} & {*data}))
def test_any_bytes_give_values_or_the_one_error(packed: bytes) -> None:
    try:
        values = read_values(packed, FIELDS)
    except ForeignStateError:
        return
    assert len(values) == FIELDS


def used(mock: Mock, key: str) -> MockAccount:
    """An account with something of everything that is kept of it."""
    made = mock.account("toapis", key)
    made.set(balance_usd=3, limits="documented", scenario="slow: 90s", webhook={"url": "http://127.0.0.1:1/"})
    made.fault("{status: 502, on: poll, times: 2}")
    made.fault("{status: 503, on: submit, share: 0.5}")
    made.advance(10)
    return made


def test_a_state_is_read_back_as_it_was() -> None:
    with Mock("toapis", clock="manual", start=1_795_000_000.0) as mock:
        used(mock, "sk-packed")
        original = mock.handler.upstream.by_key["toapis", "sk-packed"]
        packed = packed_state(original)
    other = Mock("toapis", clock="manual").handler.upstream.account("toapis", "sk-packed")

    restore_state(other, packed)

    assert packed_state(other) == packed
    assert (other.ledger.balance, other.limited, other.webhook) == (3_000_000, True, ("http://127.0.0.1:1/", ""))
    assert (other.clock.now(), other.script) == (1_795_000_010.0, original.script)
    assert other.faults is not None
    assert original.faults is not None
    assert other.faults.struck() == original.faults.struck()
