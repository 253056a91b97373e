"""A gateway that adds a planned time to each request and nothing else: it passes bytes on, and knows what it added.

Run as `python relay.py TARGET_PORT SECONDS`; it prints its port. At the end of its input it prints the median and the
99th hundredth of what it really added before each request, in seconds, as one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from time import monotonic

ADDED: list[float] = []
BITE = 1 << 16


async def passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers go back at once."""
    while data := await reader.read(BITE):
        writer.write(data)
        await writer.drain()
    writer.close()


async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, added_s: float) -> None:
    """Each request, which fits into one bite, waits so long."""
    upstream, up = await asyncio.open_connection("127.0.0.1", port)
    back = asyncio.create_task(passed_on(upstream, writer))
    try:
        while data := await reader.read(BITE):
            came = monotonic()
            await asyncio.sleep(added_s)
            ADDED.append(monotonic() - came)
            up.write(data)
    except ConnectionError:
        pass
    finally:
        up.close()
        back.cancel()


async def main() -> None:
    """Serve until the input ends."""
    port, added_s = int(sys.argv[1]), float(sys.argv[2])
    server = await asyncio.start_server(
        lambda reader, writer: connection(reader, writer, port, added_s), "127.0.0.1", 0
    )
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()
    told = sorted(ADDED)
    sys.stdout.write(json.dumps([told[len(told) // 2], told[len(told) * 99 // 100]] if told else [0, 0]) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
