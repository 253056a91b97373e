"""`imageproof proxy`: stand between clients and a provider, change nothing, and judge both at the end."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from imageproof.cli.judge import folder_for, record_in, report_on
from imageproof.cli.refusal import Refusal, spec_named
from imageproof.cli.serving import Address, on_signals, why_not
from imageproof.cli.values import read_host, reading
from imageproof.proxy.passive import Passive, Source
from imageproof.proxy.server import ProxyServer
from imageproof.proxy.upstream import Upstream, read_upstream
from imageproof.specs.reading import seconds

if TYPE_CHECKING:
    from imageproof.proxy.passive import Result
    from imageproof.specs.model import Spec


class Asked(TypedDict):
    """The options of the command, as click reads them."""

    upstream: str
    keep_host: bool
    host: str
    port: int
    out: Path | None
    time: float | None
    strict: bool
    ready_json: bool
    quiet: bool


def read_time(text: str) -> float:
    """Read a time such as `60s` or `5m`, in seconds. Raises ValueError for anything else and for nothing."""
    try:
        value = seconds(text)
    except ValueError:
        raise ValueError(f"expected a time such as 60s or 5m, got {text!r}") from None
    if value <= 0:
        raise ValueError(f"expected a time above 0, got {text!r}")
    return value


@click.command()
@click.argument("spec")
@click.option(
    "--upstream", metavar="URL", required=True, help="The provider or gateway that requests are passed on to."
)
@click.option("--host", metavar="ADDRESS", callback=reading(read_host), default="127.0.0.1", help="Where to listen.")
@click.option("-p", "--port", metavar="N", type=click.IntRange(0, 65535), default=0, help="0 takes any free one.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="The folder of the record.")
@click.option("--for", "time", metavar="TIME", callback=reading(read_time), help="End after so long, such as 60s.")
@click.option("--keep-host", is_flag=True, help="Leave the Host header as clients send it.")
@click.option("--strict", is_flag=True, help="A broken SHOULD fails as well.")
@click.option("--ready-json", is_flag=True, help="Print one line of JSON when ready.")
@click.option("--quiet", "-q", is_flag=True, help="Only the last line of the report.")
@click.pass_context
def proxy(ctx: click.Context, /, spec: str, **asked: Unpack[Asked]) -> None:
    """Pass traffic on to --upstream, and judge it by the contract SPEC (a shipped name or the path of a YAML file).

    Point clients at the proxy instead of the provider. Every byte is passed on as it came, both ways; keys are taken
    out before anything is written. Ctrl-C, SIGTERM or --for ends it: then both sides are judged, what the clients sent
    and did, and what the provider answered.

    Exit codes: 0 conforms, 1 does not, 2 usage, 3 unreachable or our own mistake, 4 nothing judged.
    """
    contract = spec_named(spec)
    try:
        upstream = read_upstream(asked["upstream"], keep_host=asked["keep_host"])
    except ValueError as error:
        raise Refusal(f"--upstream: {error}") from None
    folder = folder_for(asked["out"], "proxy", contract)
    with record_in(folder) as writer:
        source = Source(
            mode="proxy", target=asked["upstream"], config={"upstream": asked["upstream"], "folder": folder.name}
        )
        passive = Passive(contract, source, writer.write, strict=asked["strict"])
        result = asyncio.run(_serve(passive, upstream, contract, folder, asked))
    report_on(folder, quiet=asked["quiet"])
    ctx.exit(result.exit)


async def _serve(passive: Passive, upstream: Upstream, spec: Spec, folder: Path, asked: Asked) -> Result:
    server = ProxyServer(upstream, passive.take)
    address = Address(host=asked["host"], port=asked["port"])
    try:
        await server.start(address.host, address.port)
    except (OSError, OverflowError, UnicodeError) as error:
        (folder / "run.jsonl").unlink()
        raise Refusal(why_not(address, error)) from None
    passive.begin()
    stop = asyncio.Event()
    on_signals(stop)
    if not address.is_loopback:
        click.echo(f"warning: others can reach {address.host}, and the proxy passes on what they send", err=True)
    click.echo(_ready(server.url, spec, folder) if asked["ready_json"] else _banner(server.url, upstream, asked))
    with suppress(TimeoutError, asyncio.CancelledError):
        async with asyncio.timeout(asked["time"]):
            await stop.wait()
    await server.stop()
    return passive.finish(failed=server.failed, ended_s=server.now())


def _ready(url: str, spec: Spec, folder: Path) -> str:
    return json.dumps({"event": "ready", "url": url, "pid": os.getpid(), "spec": spec.name, "out": str(folder)})


def _banner(url: str, upstream: Upstream, asked: Asked) -> str:
    end = f"after {asked['time']:g} s, or at Ctrl-C" if asked["time"] else "at Ctrl-C"
    return f"imageproof proxy at {url} in front of {upstream.origin}{upstream.prefix}; both sides are judged {end}."
