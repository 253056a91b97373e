"""One mock of every shipped contract for the whole session, whose clock jumps to whatever a client waits for.

Every test gets accounts of its own, so they never meet.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from imageproof import Mock


@pytest.fixture(scope="session")
def mock() -> Iterator[Mock]:
    """A mock that never keeps a client waiting."""
    with Mock(clock="jump", start=1_795_000_000.0) as running:
        yield running
