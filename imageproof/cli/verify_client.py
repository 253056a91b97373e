"""`imageproof verify client`: run anyone's client against the mock, and judge what it does."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from random import randrange
from time import monotonic
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from imageproof.cli.refusal import BrokenSpec, Refusal, spec_named
from imageproof.cli.values import read_seed, reading

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from imageproof.client_config import ClientConfig, Level
    from imageproof.client_run import ClientRun, Played, State
    from imageproof.reports.progress import Progress

CLOCK_HELP = "How fast time passes: real, or a scale such as 60x. (default: 60x; real with --watch)"
MOST_WORDS = 3  # of the rules that a scenario shows to be broken, in a line of progress


class Asked(TypedDict):
    """The options of the command, as click reads them."""

    scenario: tuple[str, ...]
    scenarios: tuple[Path, ...]
    clock: str | None
    jobs: int | None
    level: str
    timeout: str | None
    seed: int
    strict: bool
    out: Path | None
    quiet: bool
    watch: bool
    watch_for: str | None
    port: int


@click.command()
@click.argument("spec")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option("--scenario", multiple=True, metavar="GLOB", help="Play only the scenarios whose names fit.")
@click.option(
    "--scenarios",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Take the scenarios in this folder too.",
)
@click.option("--clock", help=CLOCK_HELP)
@click.option("--jobs", type=click.IntRange(1), help="Scenarios side by side. (default: by the machine; all if real)")
@click.option(
    "--level",
    type=click.Choice(["0", "1"]),
    default="0",
    show_default=True,
    help="0: one process for each scenario; 1: one process that talks in lines of JSON.",
)
@click.option("--timeout", metavar="TIME", help="Real time for each scenario. (default: what the scenario says)")
@click.option(
    "--seed", callback=reading(read_seed), default="1", show_default=True, help="What order and jobs come by."
)
@click.option("--strict", is_flag=True, help="Let what is only advised fail too.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the record. (default: below imageproof-runs)")
@click.option("--quiet", "-q", is_flag=True, help="Only the last line.")
@click.option("--watch", is_flag=True, help="Run no command: serve, and judge whoever comes.")
@click.option("--for", "watch_for", metavar="TIME", help="With --watch: for so long. (default: until Ctrl-C)")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="With --watch: the port. (default: a free one)")
@click.pass_context
def client(ctx: click.Context, /, spec: str, command: tuple[str, ...], **asked: Unpack[Asked]) -> None:
    """Verify a client of the provider SPEC: run COMMAND (after --) once for each scenario.

    Exit codes: 0 conforms, 1 does not, 2 usage, 3 not started or our own mistake, 4 nothing judged.
    """
    spec_named(spec)
    config = config_from(spec, command, asked)
    ctx.exit(run_and_report(config, quiet=asked["quiet"]))


def config_from(spec: str, command: tuple[str, ...], asked: Asked) -> ClientConfig:
    """The configuration that options ask for. Raises Refusal for the first one that can't be used."""
    from imageproof.client_config import REAL, SCALED, ClientConfig, ConfigError, chosen, read_clock
    from imageproof.specs.problems import SpecError
    from imageproof.specs.scenario_reading import scenarios

    watch = asked["watch"]
    _require_command(command, watch=watch, watch_for=asked["watch_for"], port=asked["port"])
    level: Level = 1 if asked["level"] == "1" else 0
    for folder in asked["scenarios"]:
        if not folder.is_dir():
            raise Refusal(f"expected a folder of scenarios for --scenarios, got {str(folder)!r}: there is none")
    try:
        picked = chosen(scenarios(asked["scenarios"]), asked["scenario"])
        return ClientConfig(
            spec=spec,
            command=command,
            scenarios=picked if asked["scenario"] or not watch else (),
            clock=read_clock(asked["clock"] or (REAL if watch else SCALED)),
            jobs=asked["jobs"],
            level=level,
            timeout_s=_time("--timeout", asked["timeout"]),
            seed=asked["seed"],
            strict=asked["strict"],
            out=asked["out"] or _out(spec),
            watch=watch,
            watch_s=_time("--for", asked["watch_for"]),
            port=asked["port"],
            shown=_shown(asked),
        )
    except ConfigError as error:
        raise Refusal(str(error)) from None
    except SpecError as error:
        raise BrokenSpec(error.render()) from None


def _require_command(command: tuple[str, ...], *, watch: bool, watch_for: str | None, port: int) -> None:
    if watch and command:
        raise Refusal(
            f"expected no command with --watch, which judges a client that runs by itself, got {command[0]!r}"
        )
    if not watch and not command:
        raise Refusal(
            "expected the command of a client after --, as in `imageproof verify client reapi -- python3 x.py`"
        )
    if not watch and (watch_for is not None or port):
        raise Refusal("expected --watch with --for or --port: without it the run ends with its last scenario")


def _time(flag: str, text: str | None) -> float | None:
    """A duration above zero. Raises Refusal."""
    from imageproof.specs.reading import seconds

    if text is None:
        return None
    try:
        value = float(text) if text.replace(".", "", 1).isdigit() else seconds(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:  # noqa: PLR2004  (eleven days)
        raise Refusal(f"expected {flag} as a time such as 60s or 5m, got {text!r}")
    return value


def _out(spec: str) -> Path:
    moment = datetime.now(tz=UTC).strftime("%Y%m%dT%H%M%S")
    return Path("imageproof-runs") / f"{moment}-client-{Path(spec).name.removesuffix('.yaml')}-{randrange(16**4):04x}"


def _shown(asked: Asked) -> dict[str, str]:
    """The options as the record shows them."""
    given = {name: value for name, value in asked.items() if value not in (None, False, (), 0)}
    return {
        name.replace("_", "-"): ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
        for name, value in given.items()
    }


def run_and_report(config: ClientConfig, *, quiet: bool) -> int:
    """Play, show what was found, and give the exit code."""
    from imageproof.records.reading import read_run
    from imageproof.reports import terminal

    state = run_client(config, quiet=quiet)
    if config.out is not None:
        terminal.write(read_run(config.out), quiet=quiet)
        if not quiet:
            click.echo(f"\nrecord: {config.out} (as a page: imageproof report {config.out} --html report.html)")
    return state.exit


def run_client(config: ClientConfig, *, quiet: bool) -> State:
    """Play the scenarios. Raises Refusal for a folder that can't be used."""
    if sys.platform == "win32":
        raise Refusal("expected a POSIX system: a client can't be ended with all that it started on Windows")
    shown = _Shown(quiet=quiet)
    try:
        run = _run_of(config, shown)
        shown.begin(run)
        try:
            return run.run()
        finally:
            shown.end()
    except FileExistsError:
        raise Refusal(f"expected no run in {config.out} yet, got one: choose another --out") from None
    except OSError as error:
        raise Refusal(f"expected to serve on port {config.port} and to write into {config.out}, got {error}") from None


def _run_of(config: ClientConfig, shown: _Shown) -> ClientRun:
    if config.watch:
        from imageproof.client_watch import WatchRun

        return WatchRun(config, announce=announce, observe=shown.saw)
    from imageproof.client_run import ClientRun

    return ClientRun(config, observe=shown.saw)


def announce(base_url: str, key: str) -> None:
    """Say where the mock is, at once, also to a program that reads it through a pipe."""
    click.echo(f"base URL: {base_url}\nAPI key:  {key}\nPoint the client there. Ctrl-C ends it, and the verdict comes.")
    sys.stdout.flush()


class _Shown:
    """Progress on standard error: a live line, and a line for each scenario that found something."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._total = 0
        self._progress: Progress | None = None
        self._console: Console | None = None
        self._began = monotonic()
        self._done = self._failed = self._requests = self._billable = self._micro_usd = 0

    def begin(self, run: ClientRun) -> None:
        """Note what is being played, and say in which order."""
        from rich.console import Console

        from imageproof.reports.amounts import counted
        from imageproof.reports.progress import Progress

        self._total = len(run.order)
        self._console = Console(stderr=True)
        watches = run.config.watch
        self._progress = Progress(
            self._console,
            None if watches else self._total,
            quiet=self._quiet or watches,
            things="scenario",
        )
        if self._total:
            names = " ".join(item.name for item in run.order)
            self._say(f"{counted(self._total, 'scenario')} in the order of seed {run.config.seed}: {names}")

    def saw(self, played: Played) -> None:
        """Count a scenario, and show where the run is."""
        self._done += 1
        self._failed += bool(played.broken)
        self._requests += len(played.watch.exchanges)
        self._billable += len(played.watch.truths)
        self._micro_usd += sum(truth.micro_usd for truth in played.watch.truths)
        if played.broken:
            self._say(f"{played.name}: {_in_short(played.broken)}")
        if self._progress is not None:
            left = max(0, self._total - self._done)
            self._progress.update(
                done=self._done,
                failed=self._failed,
                requests=self._requests,
                billable=self._billable,
                micro_usd=self._micro_usd,
                seconds_left=(monotonic() - self._began) / self._done * left,
            )

    def _say(self, text: str) -> None:
        """A line above the live one."""
        if self._console is not None and not self._quiet:
            self._console.print(text, soft_wrap=True, highlight=False, markup=False)

    def end(self) -> None:
        """Take the live line away."""
        if self._progress is not None:
            self._progress.close()


def _in_short(rules: Iterable[str]) -> str:
    rules = list(rules)
    more = f" and {len(rules) - MOST_WORDS} more" if len(rules) > MOST_WORDS else ""
    return ", ".join(rules[:MOST_WORDS]) + more
