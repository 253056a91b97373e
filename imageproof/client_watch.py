"""Watch a client that somebody else runs: the mock serves, and the verdict comes from the journal alone."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from imageproof.client_run import SIGNALS, ClientRun, Scene
from imageproof.mock import MockAccount
from imageproof.mock_server import powers
from imageproof.reports.amounts import counted
from imageproof.suites.client.watch import Answer, End, Ending, Told, Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imageproof.client_config import ClientConfig
    from imageproof.client_run import Played


class WatchRun(ClientRun):
    """A run without a command. `announce` is told the base URL and a key when the mock is ready."""

    def __init__(
        self,
        config: ClientConfig,
        *,
        announce: Callable[[str, str], None],
        observe: Callable[[Played], None] | None = None,
    ) -> None:
        super().__init__(config, observe=observe)
        self._announce = announce

    async def _act(self, scene: Scene) -> None:
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        for number in SIGNALS:
            with suppress(RuntimeError, ValueError):  # not in the main thread, whose matter signals are
                loop.add_signal_handler(number, over.set)
        account = scene.mock.account(self.spec.provider)
        for scenario in self.order:
            account.play(scenario)
        self._announce(account.base_url, account.key)
        with suppress(TimeoutError):
            async with asyncio.timeout(self.config.watch_s):
                await over.wait()
        ending = Ending(end=End.WATCHED, seconds=self.elapsed)
        for seen in seen_accounts(scene):
            exchanges, truths = await self.recorded(scene, seen, "watched")
            if exchanges:
                self.judged(
                    Watch(
                        spec=self.spec,
                        exchanges=exchanges,
                        truths=truths,
                        answer=Answer(told=Told.SILENT),
                        ending=ending,
                        scale=self.config.scale,
                        jitter_s=scene.jitter.during(0.0, float("inf")),
                        held_s=scene.jitter.held(0.0, float("inf")),
                    )
                )

    def _nothing(self) -> str | None:
        return None if self.state.played else "nobody sent a request to the mock while it was watched"

    def _counts(self) -> Iterator[str]:
        yield f"{counted(len(self.state.played), 'key')} seen, watched for {self.elapsed:.0f} s"


def seen_accounts(scene: Scene) -> list[MockAccount]:
    """Every account that somebody used: a client may have brought a key of its own."""
    mock = scene.mock
    name = next(iter(mock.specs))
    service = powers.service_named(mock.handler, name)
    keys = mock.run(lambda: [account.key for account in service.upstream.accounts.values() if account.journal])
    return [MockAccount(mock, name, key) for key in keys]
