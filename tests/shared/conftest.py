"""One Redis server for the whole session; every test that shares something gets a database of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.shared.stores import Store, running_store


@pytest.fixture(scope="session")
def store() -> Iterator[Store]:
    """A Redis server that keeps nothing on disk."""
    with running_store() as running:
        yield running


@pytest.fixture
def url(store: Store) -> str:
    """A database that nobody has used."""
    return store.new_url()
