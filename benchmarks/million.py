"""A million tasks in flight: bytes each, longest stop of the garbage collector, poll time against a thousand tasks."""

from __future__ import annotations

import asyncio
import gc
import os
import statistics
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import uvloop
from multidict import CIMultiDict, CIMultiDictProxy

from imageproof.mock_server import tasks
from imageproof.mock_server.accounts import Account
from imageproof.mock_server.call import Call
from imageproof.mock_server.options import Options
from imageproof.mock_server.server import Mock
from imageproof.specs.library import load

PAGE = os.sysconf("SC_PAGE_SIZE")
MANY = 1_000_000
FEW = 1_000
PROMPT = "a ginger cat on a windowsill at sunset, watercolor"


def resident() -> int:
    """Resident memory in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


async def main() -> None:
    """Submit a million jobs through the service, then poll."""
    mock = Mock([load("reapi")], Options(max_tasks=2 * MANY))
    service = mock.services["reapi"]
    headers = CIMultiDictProxy(
        CIMultiDict({"Authorization": "Bearer rk_live_bench", "Content-Type": "application/json"})
    )
    account = service.authenticate(headers)
    if not isinstance(account, Account):
        sys.exit(f"the key was refused: {account}")
    submit_at = next(iter(mock.routes.find("/reapi/api/v1/images/generations").endpoints.values()))  # type: ignore[union-attr]
    poll_at = next(iter(mock.routes.find("/reapi/api/v1/tasks/x").endpoints.values()))  # type: ignore[union-attr]

    def submit(number: int) -> str:
        request = SimpleNamespace(headers=headers, method="POST", raw_path="/reapi/api/v1/images/generations")
        call = Call(submit_at, account, request, account.clock.now(), None, None)  # type: ignore[arg-type]
        call.raw = b'{"model":"gpt-image-2","prompt":"%s %07d","size":"16:9","resolution":"2k"}' % (
            PROMPT.encode(),
            number,
        )
        refusal = service.run_steps(call)
        if refusal is not None:
            sys.exit(f"refused: {refusal.body!r}")
        tasks.submit(service, call)
        return str(call.task_id)

    def poll_us(ids: list[str]) -> float:
        request = SimpleNamespace(headers=headers, method="GET", raw_path="/x")
        times = []
        for task_id in ids * (20_000 // len(ids)):
            began = time.perf_counter()
            call = Call(poll_at, account, request, account.clock.now(), task_id, None)  # type: ignore[arg-type]
            service.run_steps(call)
            tasks.poll(service, call)
            times.append(time.perf_counter() - began)
        return statistics.median(times) * 1e6

    stops: list[float] = []
    began = [0.0]

    def watch(phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            began[0] = time.perf_counter()
        else:
            stops.append(time.perf_counter() - began[0])

    gc.collect()
    gc.freeze()
    gc.callbacks.append(watch)
    ids = [submit(number) for number in range(FEW)]
    few = poll_us(ids)
    before, clock = resident(), time.perf_counter()
    for number in range(FEW, MANY + FEW):
        submit(number)
    seconds = time.perf_counter() - clock
    each = (resident() - before) / MANY
    many = poll_us(ids)
    print(f"{MANY:,} tasks in flight: {each:.0f} bytes each, {seconds * 1e6 / MANY:.1f} us to submit one in process")
    print(f"longest stop of the garbage collector {max(stops, default=0.0) * 1000:.2f} ms in {len(stops)} collections")
    print(f"poll in process: {few:.2f} us with {FEW:,} tasks, {many:.2f} us with {MANY:,}")


if __name__ == "__main__":
    uvloop.run(main()) if sys.platform != "win32" else asyncio.run(main())
