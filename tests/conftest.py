"""What holds for every test: a plain terminal, no deadlines, and skips that fail where nothing may be skipped."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

NO_SKIPS = "IMAGEPROOF_NO_SKIPS"


def pytest_configure() -> None:
    """Judge by results, not by the speed of the machine; a failing example prints how to see it again.

    Where the variable CI is set, Hypothesis also tries the same examples in each run.
    """
    settings.register_profile(
        "imageproof", deadline=None, print_blob=True, suppress_health_check=(HealthCheck.too_slow,)
    )
    settings.load_profile("imageproof")


@pytest.fixture(scope="session", autouse=True)
def _plain_terminal() -> Iterator[None]:
    """Make output that is compared with a snapshot the same on every machine."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("COLUMNS", "80")
        environment.setenv("NO_COLOR", "1")
        environment.delenv("FORCE_COLOR", raising=False)
        yield


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn a session that skipped something into a failed one, if IMAGEPROOF_NO_SKIPS=1."""
    if session.exitstatus == pytest.ExitCode.OK and _forbidden_skips(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say why the session failed; the summary that follows names each skip and its reason."""
    if skips := _forbidden_skips(config):
        terminalreporter.section(f"failed: {NO_SKIPS}=1, but {skips} skipped", red=True)


def _forbidden_skips(config: pytest.Config) -> int:
    """Count what was skipped, if nothing may be; workers of pytest-xdist report to their controller."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get(NO_SKIPS) != "1" or reporter is None:
        return 0
    return len(reporter.stats.get("skipped", ()))
