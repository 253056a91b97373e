"""The journal keeps exactly the newest exchanges, whatever is packed away; compared with a plain deque."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imageproof.mock_server.exchanges import BLOCK, Exchanges
from imageproof.mock_server.journal import Entry


def entry(number: int, note: str | None = None) -> Entry:
    headers = ((b"Host", b"here"), (b"X-Number", b"%d" % number))
    reply = {"X-Request-Id": f"req-{number}"}
    return Entry(
        number, 1.5, 2.5, 3.5, "GET", f"/{number}", "poll", headers, b"", 0, 200, "application/json", reply, b"{}", 2,
        ("a/b",), f"task-{number}", note, 7, None,
    )  # fmt: skip


orders = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 2 * BLOCK)),
        st.tuples(st.just("amend"), st.integers(1, 6 * BLOCK)),
        st.tuples(st.just("clear"), st.just(0)),
    ),
    max_size=8,
)


@given(maxlen=st.sampled_from([1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5]), orders=orders)
def test_keeps_what_a_deque_keeps(maxlen: int, orders: list[tuple[str, int]]) -> None:
    kept, plain, count = Exchanges(maxlen), deque[Entry](maxlen=maxlen), 0
    for order, number in orders:
        if order == "append":
            for _ in range(number):
                count += 1
                kept.append(entry(count))
                plain.append(entry(count))
        elif order == "amend":
            kept.amend(number, note="changed")
            for index, known in enumerate(plain):
                if known.number == number:
                    plain[index] = known._replace(note="changed")
        else:
            kept.clear()
            plain.clear()
        assert list(kept) == list(plain)
        assert (len(kept), kept.count, kept.dropped) == (len(plain), count, count - len(plain))
        assert kept.first() == (plain[0] if plain else None)


@pytest.mark.parametrize("maxlen", [1, BLOCK + 3])
def test_counts_on_after_it_was_cleared(maxlen: int) -> None:
    kept = Exchanges(maxlen)
    for number in range(1, 200):
        kept.append(entry(number))
    kept.clear()
    kept.append(entry(200))
    assert [item.number for item in kept] == [200]
    assert kept.dropped == 199
