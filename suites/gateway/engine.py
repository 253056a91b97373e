"""Start pytest from Python with a run that has been decided already, and nothing of the caller's own set-up."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from imageproof.suites.gateway.plugin import CONFIG, RUN, rules_chosen, suite_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imageproof.suites.gateway.run import GatewayRun

NO_PLUGINS = "PYTEST_DISABLE_PLUGIN_AUTOLOAD"
NO_OPTIONS = "PYTEST_ADDOPTS"


class _Started:
    """Hands the run to the suite's plugin."""

    def __init__(self, run: GatewayRun) -> None:
        self._run = run

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Leave the run where the plugin looks for it."""
        config.stash[CONFIG] = self._run.config
        config.stash[RUN] = self._run

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Begin to send what all tests need."""
        self._run.prefetch(rules_chosen(session.items))


def run_suite(run: GatewayRun) -> int:
    """Run the tests of the suite; pytest's own exit code. The run holds the findings."""
    path = suite_path()
    arguments = [
        str(path),
        f"--rootdir={path.parent}",
        f"--config-file={os.devnull}",
        "--import-mode=importlib",
        "-p", "no:cacheprovider",
        "-p", "no:terminal",
        "-W", "ignore",
        "--capture=no",
    ]  # fmt: skip
    with _own_environment():
        return int(pytest.main(arguments, plugins=[_Started(run)]))


@contextmanager
def _own_environment() -> Iterator[None]:
    """Keep other people's plugins and options out while the suite runs."""
    before = {name: os.environ.get(name) for name in (NO_PLUGINS, NO_OPTIONS)}
    os.environ[NO_PLUGINS] = "1"
    os.environ.pop(NO_OPTIONS, None)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
