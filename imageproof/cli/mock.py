"""`imageproof mock`: flags into values, and then serve."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from imageproof.cli.refusal import Refusal, spec_named
from imageproof.cli.serving import Address, serve
from imageproof.cli.startup import collect_seldom, collector_paused
from imageproof.cli.values import read_host, read_seed, read_size, read_url, reading, size_text
from imageproof.mock_server.clock import clock_mode
from imageproof.mock_server.faults.words import fault_in
from imageproof.mock_server.open_files import raise_open_files, too_few
from imageproof.mock_server.options import Options, read_physics
from imageproof.mock_server.sabotage_kinds import UnknownSabotageError
from imageproof.mock_server.server import Mock
from imageproof.mock_server.triggers import TriggerError
from imageproof.scenario_names import scenario_named
from imageproof.specs.fault_base import FaultError
from imageproof.specs.library import shipped
from imageproof.specs.reading import seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imageproof.mock_server.clock import ClockMode
    from imageproof.mock_server.options import Physics
    from imageproof.specs.faults import Fault
    from imageproof.specs.model import Spec

USUAL = Options()
LATEST = 253_402_300_799  # the last second of the year 9999
COUNT = click.IntRange(min=1)
SIZE = reading(read_size)
LEVELS = ("debug", "info", "warning", "error")
CLOCK_HELP = "How fast time passes; manual stands still, jump goes on by itself to what a call waits for."
KEEP_HELP = "How long a task is kept after its end, if not as documented."
QUEUE_HELP = "A queue with physics, of slots, cold, idle, p50, p99 and slowdown."
PAYLOAD_HELP = "Photo makes results as many bytes as photographs have."
STATE_HELP = "Take accounts and tasks up from this file, if it is there, and keep them in it."
STORE_HELP = "Where accounts and tasks are kept; several mocks share what is in Redis."
SABOTAGE_HELP = "Break this one rule, to see that a suite notices; `imageproof selftest` runs them all."


FAULT_HELP = "Let every account fail so, as in '{status: 502, on: poll, times: 2}'. May be given again."


class FaultText(click.types.StringParamType):
    """A fault as one line of YAML; in an environment variable one on each line."""

    envvar_list_splitter = "\n"


def read_faults(context: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> tuple[Fault, ...]:
    """Read the faults; empty lines of the environment variable are none. Raises Refusal."""
    may_be_empty = context.get_parameter_source(param.name or "") is ParameterSource.ENVIRONMENT
    try:
        return tuple(fault_in(text) for text in texts if text.strip() or not may_be_empty)
    except FaultError as error:
        raise Refusal(f"--fault: {error}") from None


def read_store(text: str) -> str | None:
    """Read where accounts and tasks are kept: None for the memory of the process. Raises ValueError."""
    if text == "memory":
        return None
    if not text.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError(f"expected memory or the URL of a Redis server such as redis://127.0.0.1:6379/0, got {text!r}")
    parts = urlsplit(text)
    if parts.port == 0 or (parts.scheme != "unix" and re.fullmatch(r"/?|/[0-9]{1,9}", parts.path) is None):
        raise ValueError(f"expected a port and a number as in redis://127.0.0.1:6379/0, got {parts.path!r}")
    if find_spec("redis") is None:
        raise ValueError("a store needs the package redis: pip install 'imageproof[redis]'")
    return text


class Asked(TypedDict):
    """The options of the command, as click reads them."""

    host: str
    port: int
    clock: ClockMode
    seed: int
    limits: Literal["off", "documented"]
    queue: Physics | None
    max_tasks: int
    keep_tasks: float | None
    max_accounts: int
    journal: int
    max_body: int
    max_form: int
    max_uploads: int
    public_url: str | None
    timing_header: bool
    pictures: Literal["full", "plain"]
    payload: Literal["drawn", "photo"]
    sabotage: str | None
    faults: tuple[Fault, ...]
    scenario: str | None
    start_time: int | None
    store: str | None
    state: Path | None
    workers: int
    is_worker: bool
    ready_json: bool
    log_level: str


def options_of(asked: Asked) -> Options:
    """How the mock is to be set up."""
    return Options(
        seed=asked["seed"],
        clock=asked["clock"],
        start=asked["start_time"],
        limits=asked["limits"],
        max_tasks=asked["max_tasks"],
        keep_tasks_s=asked["keep_tasks"],
        max_accounts=asked["max_accounts"],
        journal=asked["journal"],
        max_json=asked["max_body"],
        max_form=asked["max_form"],
        max_uploads=asked["max_uploads"],
        public_url=asked["public_url"],
        physics=asked["queue"],
        timing_header=asked["timing_header"],
        pictures=asked["pictures"],
        payload=asked["payload"],
        sabotage=asked["sabotage"],
        faults=asked["faults"],
        scenario=asked["scenario"],
        scenarios=scenario_named,
        store=asked["store"],
        state=asked["state"],
    )


def lying(served: Mock) -> str | None:
    """The warning that a mock breaks a rule on purpose; None for an honest one."""
    lie = served.lie
    return f"warning: THIS MOCK LIES: it {lie} ({served.options.sabotage})" if lie is not None else None


def specs_named(names: Sequence[str]) -> list[Spec]:
    """The contracts to serve; all that are shipped when none is named. Raises Refusal when two have the same name."""
    found: dict[str, Spec] = {}
    for name in dict.fromkeys(names or shipped()):
        spec = spec_named(name)
        if spec.name in found:
            raise Refusal(
                f"expected contracts with names of their own, got two that are called {spec.name!r}: leave one out"
            )
        found[spec.name] = spec
    return list(found.values())


@click.command("mock", context_settings={"auto_envvar_prefix": "IMAGEPROOF", "show_default": True})
@click.argument("specs", metavar="[SPEC]...", nargs=-1)
@click.option("--host", metavar="ADDRESS", callback=reading(read_host), default="127.0.0.1", help="Where to listen.")
@click.option("-p", "--port", metavar="N", type=click.IntRange(0, 65535), default=4010, help="0 takes any free one.")
@click.option("--clock", metavar="real|60x|manual|jump", callback=reading(clock_mode), default="real", help=CLOCK_HELP)
@click.option(
    "--seed",
    metavar="N",
    callback=reading(read_seed),
    default=str(USUAL.seed),
    help="Decides durations, ids and pictures.",
)
@click.option("--limits", type=click.Choice(["off", "documented"]), default=USUAL.limits, help="Which limits apply.")
@click.option("--queue", metavar="slots=4,cold=10s,...", callback=reading(read_physics), help=QUEUE_HELP)
@click.option("--max-tasks", metavar="N", type=COUNT, default=USUAL.max_tasks, help="Tasks held.")
@click.option("--keep-tasks", metavar="DURATION", callback=reading(seconds), help=KEEP_HELP)
@click.option("--max-accounts", metavar="N", type=COUNT, default=USUAL.max_accounts, help="Accounts held.")
@click.option(
    "--journal",
    metavar="N",
    type=click.IntRange(0),
    default=USUAL.journal,
    help="Exchanges kept for each account; 0 keeps none.",
)
@click.option(
    "--max-body", metavar="BYTES", default=size_text(USUAL.max_json), callback=SIZE, help="Largest JSON body."
)
@click.option("--max-form", metavar="BYTES", default=size_text(USUAL.max_form), callback=SIZE, help="Largest form.")
@click.option(
    "--max-uploads", metavar="BYTES", default=size_text(USUAL.max_uploads), callback=SIZE, help="Uploads held."
)
@click.option(
    "--public-url", metavar="URL", callback=reading(read_url), help="The mock's root as links are to name it."
)
@click.option("--timing-header", is_flag=True, help="Tell the upstream's own times in each answer.")
@click.option("--pictures", type=click.Choice(["full", "plain"]), default=USUAL.pictures, help="Plain ones cost less.")
@click.option("--payload", type=click.Choice(["drawn", "photo"]), default=USUAL.payload, help=PAYLOAD_HELP)
@click.option("--sabotage", metavar="ID", help=SABOTAGE_HELP)
@click.option(
    "--fault",
    "faults",
    envvar="IMAGEPROOF_FAULT",
    metavar="YAML",
    type=FaultText(),
    multiple=True,
    callback=read_faults,
    help=FAULT_HELP,
)
@click.option("--scenario", metavar="NAME", help="Play this scenario on every account.")
@click.option("--start-time", metavar="UNIX", type=click.IntRange(0, LATEST), help="When clocks begin, if not now.")
@click.option("--store", metavar="memory|redis://...", callback=reading(read_store), default="memory", help=STORE_HELP)
@click.option("--state", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help=STATE_HELP)
@click.option(
    "--workers", metavar="N", type=click.IntRange(1, 64), default=1, help="Processes on the port; they need a store."
)
@click.option("--is-worker", is_flag=True, hidden=True, help="Be one of several on the port.")
@click.option("--ready-json", is_flag=True, help="Print one line of JSON when ready, and nothing else.")
@click.option("--log-level", type=click.Choice(LEVELS), default="info", help="What goes to standard error.")
def mock(specs: tuple[str, ...], **asked: Unpack[Asked]) -> None:
    """Serve fake providers on this machine, until Ctrl-C.

    Each SPEC (all that are shipped, if none is named) is served below /<its name>/; one alone is at the root too.
    Every option can be set as an environment variable, such as IMAGEPROOF_PORT for --port.
    """
    if asked["workers"] > 1 and asked["store"] is None:
        raise Refusal(
            f"expected a store that {asked['workers']} workers can share, got none: "
            "add --store redis://127.0.0.1:6379/0, or use one worker"
        )
    if asked["state"] is not None and asked["store"] is not None:
        raise Refusal("expected --state or --store, got both: what is in a store is kept there")
    with collector_paused():
        try:
            served = Mock(specs_named(specs), options_of(asked))
        except (UnknownSabotageError, FaultError, TriggerError) as error:
            raise Refusal(str(error)) from None
        collect_seldom()
    if warning := lying(served):
        click.secho(warning, fg="red", bold=True, err=True)
    if warning := too_few(raise_open_files()):
        click.echo(warning, err=True)
    address = Address(host=asked["host"], port=asked["port"], is_worker=asked["is_worker"])
    if asked["workers"] > 1:
        from imageproof.cli.workers import serve_with_workers

        serve_with_workers(
            served, address, asked["workers"], ready_json=asked["ready_json"], log_level=asked["log_level"]
        )
        return
    serve(served, address, ready_json=asked["ready_json"], log_level=asked["log_level"])
