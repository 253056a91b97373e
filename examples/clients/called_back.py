"""A client that listens for call backs, and polls all the same: whichever tells the end first.

A call back is believed when its signature is right, and not otherwise; twice the same is one; an old one that comes
after a newer one tells nothing new; and where none comes, the polls of the client beside it find the end. Signatures
are made as ToAPIs documents them.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import poll_async
from aiohttp import web

HEADER = "X-ToAPIs-Webhook"


@dataclass
class Box:
    """What was called back and is true: the end of each task, by its id. `secret` is what the provider signs with."""

    secret: str
    ends: dict[str, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def end_of(self, task_id: str) -> asyncio.Future[dict[str, Any]]:
        """The end of a task, when it is told."""
        return self.ends.setdefault(task_id, asyncio.get_running_loop().create_future())

    def is_signed(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether the provider itself has sent this. A real service also refuses what is older than some minutes."""
        parts = headers.get(f"{HEADER}-Id", ""), headers.get(f"{HEADER}-Timestamp", "")
        right = hmac.new(self.secret.encode(), f"{parts[0]}.{parts[1]}.".encode() + body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(f"v1={right}".encode(), headers.get(f"{HEADER}-Signature", "").encode())

    async def take(self, request: web.Request) -> web.Response:
        """Answer a call back, and quickly: the provider waits. What comes twice is answered well, and done once."""
        body = await request.read()
        if not self.is_signed(request.headers, body):
            return web.Response(status=401)
        name = request.headers[f"{HEADER}-Id"]
        told = json.loads(body).get("data") or {}
        if name not in self.seen and told.get("status") in (poll_async.DONE, poll_async.FAILED):
            end = self.end_of(str(told.get("task_id")))
            if not end.done():
                end.set_result(told)
        self.seen.add(name)
        return web.Response(status=204)


@dataclass(kw_only=True)
class Client(poll_async.Client):
    """The client that polls, with an ear for call backs."""

    box: Box

    async def poll(self, task_id: str) -> dict[str, Any]:
        """Wait for the end of the task, from whoever tells it first."""
        polled = asyncio.ensure_future(super().poll(task_id))
        told = self.box.end_of(task_id)
        await asyncio.wait((polled, told), return_when=asyncio.FIRST_COMPLETED)
        if polled.done():
            return await polled
        polled.cancel()
        body = told.result()
        if body["status"] == poll_async.FAILED:
            error = poll_async.Reply(200, {}, body, b"").error
            raise error or poll_async.JobError("upstream", "the task has failed")
        if not poll_async.results_in(body, self.dialect.at):
            return await super().poll(task_id)  # the end is known before its result
        return body


async def work(job: dict[str, Any], *, hook: str, secret: str, scale: float) -> dict[str, Any]:
    """Listen, do one job, and say what became of it."""
    box, at = Box(secret), urlsplit(hook)
    app = web.Application()
    app.router.add_post(at.path, box.take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, at.hostname, at.port).start()
        async with aiohttp.ClientSession(middlewares=(poll_async.no_hidden_retry,)) as session:
            client = Client(
                session=session,
                base_url=os.environ["IMAGEPROOF_BASE_URL"],
                key=os.environ["IMAGEPROOF_API_KEY"],
                dialect=poll_async.DIALECTS[job["provider"]],
                scale=scale,
                box=box,
            )
            try:
                images = [{"sha256": digest} for digest in await client.run(job, Path(os.environ["IMAGEPROOF_OUT"]))]
                told: dict[str, Any] = {"outcome": "done", "images": images}
            except poll_async.JobError as error:
                told = {"outcome": "failed", "error": error.told}
            return told | {"task_id": client.task_id, "request_ids": client.request_ids}
    finally:
        await runner.cleanup()


def main() -> int:
    """Do the job of the environment. Without a URL for call backs, or with another provider's, it is done by polls."""
    job = json.loads(Path(os.environ["IMAGEPROOF_JOB"]).read_text(encoding="utf-8"))
    hook = os.environ.get("IMAGEPROOF_WEBHOOK_URL")
    if hook is None or job["provider"] != "toapis":
        return poll_async.main()
    scale = float(os.environ.get("IMAGEPROOF_TIME_SCALE", "1"))
    told = asyncio.run(work(job, hook=hook, secret=os.environ["IMAGEPROOF_WEBHOOK_SECRET"], scale=scale))
    Path(os.environ["IMAGEPROOF_RESULT"]).write_text(json.dumps(told), encoding="utf-8")
    return {"done": 0, "failed": 2}[told["outcome"]]


if __name__ == "__main__":
    sys.exit(main())
