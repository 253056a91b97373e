"""What the pytest plugin costs: loading it, and a fresh account for each test after the first; medians over rounds."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from imageproof.testing.servers import Servers
from imageproof.testing.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 7
TESTS = 500
LINE = re.compile(r"import time:\s+\d+ \|\s+(\d+) \| imageproof\.pytest_plugin$", re.MULTILINE)


def load_ms() -> float:
    """What importing the plugin adds to a pytest, in milliseconds."""
    command = [sys.executable, "-X", "importtime", "-c", "import pytest, imageproof.pytest_plugin"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    found = LINE.search(told)
    if found is None:
        sys.exit("python told no import time of the plugin")
    return int(found[1]) / 1000


def accounts_ms() -> Iterator[float]:
    """Set-up and end of one account after another, in milliseconds each, the first one with the start of its mock."""
    servers = Servers()
    settings = Settings(provider="reapi", clock="manual", scenario="slow: 90s")
    for number in range(TESTS):
        began = time.perf_counter()
        mock = servers.account(settings, f"tests/test_it.py::test_it[{number}]")
        mock.story()
        mock.unexplained()
        mock.close()
        yield (time.perf_counter() - began) * 1000
    servers.stop()


def main() -> None:
    """Print medians, and the worst of the accounts."""
    loads = [load_ms() for _ in range(ROUNDS)]
    first, *others = accounts_ms()
    print(f"loading the plugin: {statistics.median(loads):.1f} ms (least {min(loads):.1f})")
    print(f"first account: {first:.1f} ms, with the start of the mock")
    print(f"each further account, set-up to end: {statistics.median(others):.2f} ms (worst {max(others):.2f})")


if __name__ == "__main__":
    main()
