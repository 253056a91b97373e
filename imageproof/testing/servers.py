"""The mocks of a test session: one for each provider, started when a test first asks for it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from imageproof.mock import Mock
from imageproof.mock_server.powers import PowerError
from imageproof.specs.library import UnknownSpecError
from imageproof.specs.problems import SpecError
from imageproof.testing.account import ImageproofMock
from imageproof.testing.settings import ALLOW, CLOCKS, SettingError

if TYPE_CHECKING:
    from imageproof.testing.settings import Settings


class Servers:
    """The mocks that run. Nothing runs before `account` is called."""

    def __init__(self) -> None:
        self._mocks: dict[str, Mock] = {}

    def account(self, settings: Settings, test: str) -> ImageproofMock:
        """A fresh account for a test. Raises SettingError for a setting that makes no sense.

        Its key follows from the name of the test and the seed, so the test sees the same whatever runs beside it.
        """
        mock = self._mock(settings.provider)
        name = next(iter(mock.specs))
        example = mock.handler.services[name].spec.auth.key_example
        digest = hashlib.sha256(f"{settings.seed} {test}".encode()).hexdigest()[:16]
        try:
            account = mock.account(name, f"{example}-{digest}")
            account.set(clock=settings.clock, limits=settings.limits)
            found = ImageproofMock(account)
            if settings.scenario:
                found.scenario(settings.scenario)
        except PowerError as error:
            hint = f" (clocks are {CLOCKS})" if "clock" in str(error) else ""
            raise SettingError(f"{error}{hint}") from None
        if settings.violations == ALLOW:
            found.allow_violations()
        return found

    def _mock(self, provider: str) -> Mock:
        mock = self._mocks.get(provider)
        if mock is None:
            try:
                mock = Mock(provider, clock="jump")
            except (UnknownSpecError, SpecError, OSError) as error:
                raise SettingError(str(error)) from None
            self._mocks[provider] = mock.start()
        return mock

    def stop(self) -> None:
        """End all of them."""
        while self._mocks:
            self._mocks.popitem()[1].stop()
