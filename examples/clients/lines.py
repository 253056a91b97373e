"""One client that stays: jobs come as lines of JSON on stdin, results go out on stdout, several at once.

This is what to write around a client that lives in a service or that is slow to start. It does nothing itself: the jobs
are done by the clients beside it. Run it with `imageproof verify client SPEC --level 1 -- python lines.py`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import images_sync
import poll_async

PROTOCOL = 1
AT_ONCE = 16


async def do(order: dict[str, Any]) -> dict[str, Any]:
    """Do one job with the client for its provider; what became of it."""
    job, out, scale = order["job"], Path(order["out"]), order["time_scale"]
    if job["provider"] in images_sync.PROVIDERS:
        client = images_sync.Client(order["base_url"], order["api_key"], scale=scale)
        return await asyncio.to_thread(images_sync.do, job, client, out)
    if job["provider"] in poll_async.DIALECTS and job["content"] == "json":
        return await poll_async.work(job, base_url=order["base_url"], key=order["api_key"], out=out, scale=scale)
    return {"outcome": "unsupported"}


async def answer(order: dict[str, Any]) -> None:
    """Do one job, and say so under its id. A mistake of ours is a failed job, not the end of the others."""
    try:
        result = await do(order)
    except Exception as error:  # noqa: BLE001  (whatever it was, the caller gets an answer)
        result = {"outcome": "failed", "error": {"kind": "unknown", "message": f"{type(error).__name__}: {error}"}}
    say({"type": "result", "id": order["id"], **result})


def say(message: dict[str, Any]) -> None:
    """One line out. Nothing else may go to stdout; use stderr for people."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


async def main() -> int:
    """Greet, do what is asked side by side, and end with `bye` or the end of stdin."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(AT_ONCE + 1))  # one reads
    async with asyncio.TaskGroup() as jobs:
        while line := await asyncio.to_thread(sys.stdin.readline):
            message = json.loads(line)
            match message["type"]:
                case "hello":
                    say({"type": "hello", "protocol": PROTOCOL, "name": "lines.py", "max_parallel": AT_ONCE})
                case "run":
                    jobs.create_task(answer(message))
                case "bye":
                    break
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
