"""One scenario at the mock: an account of its own is made for it before, and read when it is over."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import socket
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imageproof.mock_server import powers
from imageproof.specs.fault_answers import Refused
from imageproof.specs.scenario import Needs
from imageproof.specs.scenario_orders import order_as_json, order_for, picture_files
from imageproof.suites.client.protocol import Assignment, Webhook, openai_base_url

if TYPE_CHECKING:
    from pathlib import Path

    from imageproof.client_config import ClientConfig
    from imageproof.door import Door
    from imageproof.mock import Mock, MockAccount
    from imageproof.mock_server.accounts import Account
    from imageproof.mock_server.journal import Entry
    from imageproof.mock_server.service import Service
    from imageproof.specs.model import JsonTree, Spec
    from imageproof.specs.scenario import Order, Scenario

MOST_HELD = 200  # calls of a client that has left, which the provider still works on
TURN_S = 0.005
LOOPBACK, PORTS, MOST_PORTS = "127.0.0.1", range(20_000, 32_000), 50
CLOSED_LEAST_S = 1.5  # so that a client has started and met the closed door, however fast time passes


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A scenario that is set up: its account, the order, and where the client finds it all.

    `door` is the way in where connections are refused at first, for `closed_s` real seconds.
    """

    scenario: Scenario
    order: Order
    account: MockAccount
    assignment: Assignment
    scale: float
    door: Door | None = None
    closed_s: float = 0.0

    async def open_in_time(self) -> None:
        """Open the door when its time has come; nothing is to be done for a scenario without one."""
        if self.door is not None:
            await asyncio.sleep(self.closed_s)
            await asyncio.to_thread(self.door.open)


def set_up(mock: Mock, spec: Spec, scenario: Scenario, config: ClientConfig, folder: Path) -> Stage:
    """An account with its own clock, on which the scenario plays; the files of its order stand in the folder."""
    account = mock.account(spec.provider)
    scale = config.scale_of(scenario)
    account.set(clock="real" if scale == 1 else f"{scale:g}x")
    account.play(scenario)
    refused_s = sum(fault.what.seconds for fault in scenario.faults if isinstance(fault.what, Refused))
    closed_s = max(refused_s / scale, CLOSED_LEAST_S) if refused_s else 0.0
    door = mock.door() if closed_s else None
    base_url = f"{door.url}/{spec.provider}" if door else account.base_url
    order = order_for(spec, scenario, config.seed)
    assignment = Assignment(
        provider=spec.name,
        scenario=scenario.name,
        base_url=base_url,
        openai_base_url=openai_base_url(spec, base_url),
        api_key=account.key,
        time_scale=scale,
        seconds=config.seconds_for(scenario),
        folder=folder,
        job=order_as_json(replace(order, files=_files(order, folder / "in"))),
        prompt=order.prompt,
        model=order.model,
        size=order.size,
        images=order.images,
        webhook=_call_back(spec, scenario, account),
    )
    return Stage(
        scenario=scenario,
        order=order,
        account=account,
        assignment=assignment,
        scale=scale,
        door=door,
        closed_s=closed_s,
    )


def _call_back(spec: Spec, scenario: Scenario, account: MockAccount) -> Webhook | None:
    """A URL on which the client may listen for call backs; None where the scenario is about none."""
    if spec.webhooks is None or Needs.WEBHOOKS not in scenario.needs:
        return None
    port = _free_port(account.key)
    hook = Webhook(
        url=f"http://{LOOPBACK}:{port}/call-back",
        secret=f"whsec_{hashlib.sha256(account.key.encode()).hexdigest()[:32]}",
    )
    account.set(webhook={"url": hook.url, "secret": hook.secret})
    return hook


def _free_port(name: str) -> int:
    """A port on which nobody listens, and which no system gives to a connection that goes out. Raises OSError."""
    *ports, last = random.Random(f"{os.getpid()} {name}").sample(PORTS, MOST_PORTS)
    for port in ports:
        with suppress(OSError), socket.socket() as held:
            held.bind((LOOPBACK, port))
            return port
    with socket.socket() as held:
        held.bind((LOOPBACK, last))
    return last


def call_backs(stage: Stage) -> int:
    """How many call backs of a scenario were answered by anybody."""
    hook = stage.assignment.webhook
    if hook is None:
        return 0
    service, _ = _account(stage.account)
    return stage.account.mock.run(lambda: service.upstream.counts.called[hook.url])


def _files(order: Order, folder: Path) -> dict[str, tuple[str, ...]]:
    """Write the files of an order, and give their paths."""
    for name, data in picture_files(order).items():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return {part: tuple(str(folder / name) for name in names) for part, names in order.files.items()}


async def settled(account: MockAccount) -> tuple[tuple[Entry, ...], list[dict[str, JsonTree]]]:
    """The journal and the truths of an account whose client is gone; calls that are still held come to their end."""
    for _ in range(MOST_HELD):
        if not await asyncio.to_thread(_end_next, account):
            break
        await asyncio.sleep(TURN_S)
    return await asyncio.to_thread(_read, account)


def _account(account: MockAccount) -> tuple[Service, Account]:
    service = powers.service_named(account.mock.handler, account.provider)
    return service, powers.account_of(service, account.key)


def _end_next(account: MockAccount) -> bool:
    """Move the account's clock to the next moment that a held call waits for; whether there was any."""

    def work() -> bool:
        _, inner = _account(account)
        when = inner.clock.next_wait()
        if when is None:
            return False
        inner.clock.advance_to(when)
        return True

    return account.mock.run(work)


def _read(account: MockAccount) -> tuple[tuple[Entry, ...], list[dict[str, JsonTree]]]:
    entries = account.mock.run(lambda: tuple(_account(account)[1].journal))
    return entries, account.truths()
