"""`imageproof load`: measure a gateway, or the mock alone, under load."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from random import randrange
from typing import TYPE_CHECKING, TypedDict, Unpack

import click
from click.core import ParameterSource

from imageproof.cli.load_faults import faults_of, require_mock, require_only_books
from imageproof.cli.load_values import read_clock, read_money, read_percent, read_rate, read_rungs, read_span
from imageproof.cli.refusal import Refusal, spec_named
from imageproof.cli.values import read_seed, read_url, reading

if TYPE_CHECKING:
    from imageproof.load_config import LoadConfig
    from imageproof.loadtests.options import Share
    from imageproof.specs.model import Spec

KEY = "IMAGEPROOF_API_KEY"
USUAL_RATE = 5.0
OWN_CLOCK = "60x"
MOST_WORKERS = 64
MIX_HELP = "A kind of jobs, as in model=NAME,resolution=2k,references=1,weight=3; all is every kind. May be repeated."
GOAL_HELP = "What must hold, as in 'submit.p99<200ms'. May be given again."
CLOCK_HELP = "How fast the provider's time passes. (default: 60x without --base-url, else real)"
FAULT_HELP = "Make the mock behind the target fail, as in '{status: 502, share: 1%}'. May be repeated."
BOOKS_HELP = "Send nothing: judge the books.jsonl of a run, or of the plain locust command."
DIRECT_HELP = "Send no jobs past the target, straight to its mock: the overhead is only told gross then."
UPSTREAM_HELP = "The root of imageproof's mock behind the gateway, to join both sides' books."


SENDING = ("base_url", "rate", "users", "against", "capacity", "ladder", "faults", "scenario")


def read_shape_name(text: str) -> str:
    """Read a shape. Raises ValueError."""
    from imageproof.loadtests.pace import read_shape

    return str(read_shape(text))


class Asked(TypedDict):
    """The options of the command, as click reads them."""

    base_url: str | None
    rate: float | None
    users: int | None
    arrivals: str
    shape: str
    duration: float
    warm_up: float
    clock: str | None
    mix: tuple[str, ...]
    poll: float | None
    goals: tuple[str, ...]
    workers: int
    seed: int | None
    api_key_env: str | None
    upstream: str | None
    upstream_key_env: str | None
    out: Path | None
    csv: Path | None
    melt: float
    i_own_this_target: bool
    max_cost: int | None
    against: str | None
    capacity: bool
    faults: tuple[str, ...]
    scenario: str | None
    no_direct: bool
    books: Path | None
    ladder: str | None
    rungs: tuple[float, ...] | None
    dry_run: bool
    quiet: bool


@click.command("load", context_settings={"show_default": True})
@click.argument("spec")
@click.option("--base-url", metavar="URL", callback=reading(read_url), help="The target. (default: a mock of its own)")
@click.option("--rate", metavar="50/s", callback=reading(read_rate), help="Jobs that arrive, whatever is answered.")
@click.option("--users", type=click.IntRange(1, 100_000), help="Users that each wait for their job, instead of a rate.")
@click.option("--arrivals", type=click.Choice(["poisson", "constant"]), default="poisson", help="How a rate arrives.")
@click.option(
    "--shape",
    metavar="flat|ramp|step:5|spike:5x|soak",
    callback=reading(read_shape_name),
    default="flat",
    help="How rate or users go over time.",
)
@click.option("--duration", metavar="TIME", callback=reading(read_span), default="30s", help="How long jobs begin.")
@click.option("--warm-up", metavar="TIME", callback=reading(read_span), default="5s", help="Before that; not counted.")
@click.option("--clock", metavar="real|60x", callback=reading(read_clock), help=CLOCK_HELP)
@click.option("--mix", metavar="KIND", multiple=True, help=MIX_HELP)
@click.option("--poll", metavar="TIME", callback=reading(read_span), help="Poll so often, and not as is advised.")
@click.option("--goal", "goals", metavar="TEXT", multiple=True, help=GOAL_HELP)
@click.option("--workers", type=click.IntRange(1, MOST_WORKERS), default=1, help="Processes that make the load.")
@click.option("--seed", metavar="N", callback=reading(read_seed), help="Of every choice. (default: a new one)")
@click.option("--api-key-env", metavar="VAR", help=f"The variable with the key. (default: {KEY})")
@click.option("--upstream", metavar="URL", callback=reading(read_url), help=UPSTREAM_HELP)
@click.option("--upstream-key-env", metavar="VAR", help="The variable with the key there. (default: the same key)")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="The folder of the record.")
@click.option("--csv", type=click.Path(path_type=Path, dir_okay=False), help="Write the numbers as CSV, too.")
@click.option("--melt", metavar="50%", callback=reading(read_percent), default="50%", help="End at so many failures.")
@click.option("--i-own-this-target", is_flag=True, help="It is yours, and you may load it: needed off this machine.")
@click.option("--max-cost", metavar="USD", callback=reading(read_money), help="The most it may cost at the provider.")
@click.option("--against", metavar="URL", callback=reading(read_url), help="A second target, measured in turn.")
@click.option("--capacity", is_flag=True, help="Search the highest rate that meets the goals.")
@click.option("--ladder", type=click.Choice(["hold", "payload"]), help="Ever longer holds, or ever larger files.")
@click.option("--rungs", metavar="30s,60s|1MB,10MB", callback=reading(read_rungs), help="Of the ladder.")
@click.option("--fault", "faults", metavar="TEXT", multiple=True, help=FAULT_HELP)
@click.option("--scenario", metavar="NAME", help="A scenario that the mock behind the target plays during the run.")
@click.option("--no-direct", is_flag=True, help=DIRECT_HELP)
@click.option("--books", type=click.Path(path_type=Path), help=BOOKS_HELP)
@click.option("--dry-run", is_flag=True, help="Send nothing: say what would be sent, and what it would cost.")
@click.option("--quiet", "-q", is_flag=True, help="Only the last line.")
@click.pass_context
def load(ctx: click.Context, /, spec: str, **asked: Unpack[Asked]) -> None:
    """Load the target at --base-url with jobs of the contract SPEC, and say what it adds and where it breaks.

    Exit codes: 0 all goals met, 1 a goal missed or a job lost, 2 usage, 3 unreachable, 4 nothing judged or the run is
    no valid measurement, 5 the budget ended, or Ctrl-C.
    """
    _require_locust()
    found = spec_named(spec)
    if asked["books"] is not None and ctx.get_parameter_source("warm_up") is ParameterSource.DEFAULT:
        asked["warm_up"] = 0.0  # those of a run know what was warm-up
    config = config_of(spec, found, asked)
    from imageproof.cli.load_telling import estimate, run_and_tell

    if asked["dry_run"]:
        click.echo(estimate(config, found))
        return
    ctx.exit(run_and_tell(config, found, quiet=asked["quiet"]))


def _require_locust() -> None:
    """Refuse without the libraries of the `load` extra. Locust itself is not imported: it patches its process."""
    missing = [name for name in ("locust", "hdrh") if find_spec(name) is None]
    if missing:
        raise Refusal(f"load tests need more libraries ({', '.join(missing)}): pip install 'imageproof[load]'")


def config_of(name: str, spec: Spec, asked: Asked) -> LoadConfig:
    """The run that options ask for. Raises Refusal for what makes no sense, or is not allowed."""
    from imageproof.load_config import LoadConfig

    if asked["rate"] is not None and asked["users"] is not None:
        raise Refusal("expected --rate or --users, got both: jobs arrive by themselves, or users wait for them")
    if not asked["duration"]:
        raise Refusal("--duration: expected a time above zero, got 0")
    seed = asked["seed"] if asked["seed"] is not None else randrange(1, 1_000_000)
    url = asked["base_url"]
    _require_one_way(asked)
    require_mock(asked["faults"], asked["scenario"], knows_mock=url is None or asked["upstream"] is not None)
    for target in filter(None, (url, asked["against"])):
        _require_allowed(target, asked)
    key = _key(spec, url, asked["api_key_env"], seed)
    other = asked["upstream_key_env"]
    config = LoadConfig(
        spec=name,
        base_url=url,
        key=key,
        upstream=asked["upstream"],
        upstream_key=_variable(other) if other else None,
        rate=asked["rate"] if asked["rate"] or asked["users"] else USUAL_RATE,
        users=asked["users"],
        arrivals="constant" if asked["arrivals"] == "constant" else "poisson",
        shape=asked["shape"],
        duration_s=asked["duration"],
        warm_up_s=asked["warm_up"],
        clock=asked["clock"] or (OWN_CLOCK if url is None else "real"),
        mix=_mix(spec, asked["mix"]),
        goals=_goals(asked["goals"]),
        workers=asked["workers"],
        seed=seed,
        poll_s=asked["poll"],
        melt=asked["melt"],
        against=asked["against"],
        capacity=asked["capacity"],
        max_micro_usd=asked["max_cost"],
        faults=faults_of(spec, asked["faults"], asked["scenario"]),
        scenario=asked["scenario"],
        direct=not asked["no_direct"],
        books=asked["books"],
        out=asked["out"] or _folder(spec),
        csv=asked["csv"],
        shown=_shown(asked),
    )
    if asked["ladder"] is not None:
        config = _with_ladder(config, asked)
    _require_mix(config, spec)
    return config


def _require_one_way(asked: Asked) -> None:
    """Refuse what can't be measured together, or lacks what it needs."""
    if asked["books"] is not None:
        require_only_books({name: asked[name] for name in SENDING})  # type: ignore[literal-required]  # each is a key
    ways = [name for name in ("against", "capacity", "ladder") if asked[name]]
    if len(ways) > 1:
        raise Refusal(f"expected one of --{' and --'.join(ways)}, got {len(ways)}: each is a run of its own")
    if asked["against"] and asked["base_url"] is None:
        raise Refusal("expected --base-url with --against: there are two targets to compare")
    if asked["capacity"] and not asked["goals"]:
        raise Refusal("expected --goal with --capacity, such as --goal 'e2e.p90<45s': it is what the rate has to meet")
    if asked["capacity"] and asked["users"]:
        raise Refusal("expected --rate with --capacity, or nothing, got --users: a rate is what is searched")
    if asked["rungs"] and not asked["ladder"]:
        raise Refusal("expected --ladder hold or --ladder payload with --rungs")


def _require_allowed(url: str | None, asked: Asked) -> None:
    """Refuse to load a target off this machine without a word that it is allowed, and a limit."""
    from imageproof.suites.gateway.config import is_loopback

    if url is None or is_loopback(url):
        return
    if not asked["i_own_this_target"] or asked["max_cost"] is None:
        raise Refusal(
            f"{url} is not on this machine: load costs money there and may break it, so say --i-own-this-target and"
            " --max-cost USD; --dry-run says what it would cost"
        )
    if asked["rate"] is None and asked["users"] is None:
        raise Refusal("expected --rate or --users for a target that is not on this machine")


def _key(spec: Spec, url: str | None, named: str | None, seed: int) -> str:
    from imageproof.suites.gateway.config import is_loopback

    if named is not None:
        return _variable(named)
    if url is None:
        return f"{spec.auth.key_example}-{seed:x}"
    if os.environ.get(KEY):
        return os.environ[KEY]
    if is_loopback(url):
        return f"{spec.auth.key_example}-{seed:x}"
    raise Refusal(f"expected a key in the environment variable {KEY}, which is not set")


def _variable(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise Refusal(f"expected a key in the environment variable {name}, which is not set")
    return value


def _mix(spec: Spec, texts: tuple[str, ...]) -> tuple[Share, ...]:
    from imageproof.loadtests.mix import all_shares, read_share
    from imageproof.loadtests.options import Share

    try:
        return tuple(
            share for text in texts for share in (all_shares(spec) if text == "all" else (read_share(text),))
        ) or (Share(),)
    except ValueError as error:
        raise Refusal(f"--mix: {error}") from None


def _goals(texts: tuple[str, ...]) -> tuple[str, ...]:
    """The goals, each of which can be read. Raises Refusal for the first that can't."""
    from imageproof.loadtests.goals import GoalError, read_goal

    try:
        return tuple(read_goal(text).text for text in texts)
    except GoalError as error:
        raise Refusal(f"--goal: {error}") from None


def _with_ladder(config: LoadConfig, asked: Asked) -> LoadConfig:
    from imageproof.load_config import on_ladder
    from imageproof.loadtests.mix import MixError

    try:
        return on_ladder(config, "hold" if asked["ladder"] == "hold" else "payload", asked["rungs"] or ())
    except MixError as error:
        raise Refusal(f"--ladder: {error}") from None


def _require_mix(config: LoadConfig, spec: Spec) -> None:
    from imageproof.loadtests.mix import MixError

    try:
        config.mix_of(spec)
    except MixError as error:
        raise Refusal(f"--mix: {error}") from None


def _folder(spec: Spec) -> Path:
    return Path("imageproof-runs") / f"{datetime.now(tz=UTC):%Y-%m-%dT%H-%M-%S}-load-{spec.name.replace('@', '-')}"


def _shown(asked: Asked) -> dict[str, str]:
    """The options as they are recorded; keys are never among them."""
    return {
        name.replace("_", "-"): ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
        for name, value in asked.items()
        if value not in (None, (), False, "")
    }
