"""The pytest plugin: `imageproof_mock` plays a provider for one test, and fails it for requests that no rule explains.

Loaded into every pytest of an environment, so it imports nothing of imageproof until a test asks for a fixture.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from imageproof.testing import AsyncImageproofMock, ImageproofMock
    from imageproof.testing.servers import Servers
    from imageproof.testing.settings import Settings

MARKER = "imageproof"
OPTIONS = {
    "provider": "the provider that imageproof_mock plays, a shipped name or the path of a YAML file",
    "clock": "its clock: jump (the default), manual, real or a scale such as 60x",
    "limits": "off (the default), or documented: keep the provider's rate limits",
    "seed": "a whole number; another one draws other durations, ids and pictures",
    "violations": "fail (the default) a test that sends a request which no rule explains, or allow it",
}
MOCK: pytest.StashKey[ImageproofMock] = pytest.StashKey()
STORY: pytest.StashKey[str] = pytest.StashKey()
SECTION = "requests to imageproof_mock"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what a configuration file may say; there is no option on the command line."""
    for name, says in OPTIONS.items():
        parser.addini(f"imageproof_{name}", says, default="")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        f'{MARKER}(provider, clock="jump", limits="off", seed=1, violations="fail", scenario="..."): '
        "how imageproof_mock plays a provider for this test",
    )


@pytest.fixture(scope="session")
def _imageproof_servers() -> Iterator[Servers]:
    """The mocks of this process; none is started before a test needs it."""
    from imageproof.testing.servers import Servers  # noqa: PLC0415  (heavy: only for tests that use it)

    servers = Servers()
    yield servers
    servers.stop()


@pytest.fixture
def imageproof_mock(request: pytest.FixtureRequest, _imageproof_servers: Servers) -> Iterator[ImageproofMock]:
    """A provider with a fresh account, for this test alone."""
    item = request.node
    mock = item.stash[MOCK] = _account(item, _imageproof_servers)
    yield mock
    item.stash[STORY] = mock.story()
    said = mock.unexplained()  # what was sent after the test itself, while other fixtures ended
    mock.close()
    del item.stash[MOCK]
    if said:
        pytest.fail(said, pytrace=False)


@pytest.fixture
def imageproof_mock_async(imageproof_mock: ImageproofMock) -> AsyncImageproofMock:
    """The same for a test that is a coroutine: its methods are awaited."""
    from imageproof.testing import AsyncImageproofMock  # noqa: PLC0415  (as above)

    return AsyncImageproofMock(imageproof_mock)


def _account(item: pytest.Item, servers: Servers) -> ImageproofMock:
    """The account of a test; what its marker or the configuration says wrongly is told without a traceback."""
    from imageproof.testing.settings import SettingError  # noqa: PLC0415  (as above)

    try:
        return servers.account(_settings(item), item.nodeid)
    except SettingError as error:
        says = str(error)
    pytest.fail(says, pytrace=False)


def _settings(item: pytest.Item) -> Settings:
    """What the configuration and the markers of a test say. Raises SettingError."""
    from imageproof.testing.settings import read_markers, read_options  # noqa: PLC0415  (as above)

    base = read_options({name: str(item.config.getini(f"imageproof_{name}")) for name in OPTIONS})
    markers = [*item.iter_markers(MARKER)]
    found = read_markers(base, [(marker.args, marker.kwargs) for marker in reversed(markers)])
    file = item.config.rootpath / found.provider
    return replace(found, provider=str(file)) if file.is_file() else found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that has passed, when it sent what no rule explains."""
    try:
        result = yield
    except BaseException:
        _forgive(item)
        raise
    mock = item.stash.get(MOCK, None)
    said = mock.unexplained() if mock is not None else ""
    if said:
        pytest.fail(said, pytrace=False)
    return result


def _forgive(item: pytest.Item) -> None:
    """A test that has failed, or was skipped, says so itself: once is enough."""
    mock = item.stash.get(MOCK, None)
    if mock is not None:
        mock.allow_violations()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the client sent when a test has failed."""
    report = yield
    if report.failed:
        mock = item.stash.get(MOCK, None)
        story = mock.story() if mock is not None else item.stash.get(STORY, "")
        unsaid = [line for line in story.splitlines() if line.strip() not in report.longreprtext]
        if unsaid:
            report.sections.append((SECTION, "\n".join(unsaid)))
    return report
