"""The references of the speed benchmark: aiohttp handlers that do nothing but answer the same bytes.

`python benchmarks/bare.py app PORT` uses the application router, `raw` the low-level server. A POST reads and parses
the body.
"""

from __future__ import annotations

import asyncio
import sys

import orjson
import uvloop
from aiohttp import web

SUBMITTED = (
    b'{"id":"task_bba9344c4b6074b06ee454e2623b519f","model":"gpt-image-2",'
    b'"status":"processing","created_at":1795240494}'
)
POLLED = SUBMITTED[:-1] + b',"output":null,"error":null}'


async def poll(_: web.BaseRequest) -> web.Response:
    """Answer the bytes of a poll."""
    return web.Response(body=POLLED, content_type="application/json")


async def submit(request: web.BaseRequest) -> web.Response:
    """Read and parse the body, then answer the bytes of a submit."""
    orjson.loads(await request.read())
    return web.Response(body=SUBMITTED, content_type="application/json")


async def either(request: web.BaseRequest) -> web.Response:
    """The same without a router."""
    return await (submit(request) if request.method == "POST" else poll(request))


async def serve(kind: str, port: int) -> None:
    """Listen until killed."""
    if kind == "app":
        app = web.Application()
        app.router.add_get("/reapi/api/v1/tasks/{id}", poll)
        app.router.add_post("/reapi/api/v1/images/generations", submit)
        runner: web.BaseRunner[web.BaseRequest] = web.AppRunner(app, access_log=None)  # type: ignore[assignment]
    else:
        runner = web.ServerRunner(web.Server(either, access_log=None))  # type: ignore[arg-type]
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], int(sys.argv[2])))
