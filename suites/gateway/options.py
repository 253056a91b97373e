"""The options of a verification, stated once for the command line and for pytest, and read into a `Config`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import randrange
from urllib.parse import urlsplit

from imageproof.specs.library import UnknownSpecError, load
from imageproof.specs.problems import SpecError
from imageproof.specs.reading import seconds
from imageproof.suites.gateway.config import Config, Keys, Mode, is_loopback
from imageproof.suites.wire import Pace

DEFAULT_KEY = "IMAGEPROOF_API_KEY"
DEFAULT_OTHER_KEY = "IMAGEPROOF_OTHER_API_KEY"
MICRO = 1_000_000
LOCAL_CONCURRENCY, POLITE_CONCURRENCY = 16, 4
LOCAL_JOBS, POLITE_JOBS = 24, 4


class OptionError(ValueError):
    """An option that can't be used: one sentence for the person who gave it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option: its flag, its help, whether it is a switch, whether it may be given several times.

    `in_pytest` is its flag there, where pytest has one of the same name already.
    """

    flag: str
    help: str
    is_flag: bool = False
    many: bool = False
    in_pytest: str | None = None

    @property
    def name(self) -> str:
        """The name under which its value is found."""
        return self.flag.removeprefix("--").replace("-", "_")


OPTIONS = (
    Option(flag="--spec", help="the contract: a shipped name or the path of a YAML file"),
    Option(flag="--base-url", help="where the gateway is: what stands before the provider's own paths"),
    Option(flag="--api-key-env", help=f"the environment variable that holds the key (default {DEFAULT_KEY})"),
    Option(
        flag="--other-key-env",
        help=f"the variable that holds a second account's key (default {DEFAULT_OTHER_KEY}): for tasks of others",
    ),
    Option(flag="--mode", help="free: only what costs nothing; paid: all (default: paid on loopback, else free)"),
    Option(flag="--max-cost", help="the most that a run may cost, in USD, such as 0.50; needed off loopback"),
    Option(flag="--rule", help="judge only rules whose id matches this glob; may be given several times", many=True),
    Option(flag="--strict", help="let broken SHOULD rules fail", is_flag=True, in_pytest="--strict-should"),
    Option(flag="--baseline", help="a YAML file of known failures"),
    Option(flag="--capabilities", help="a YAML file that says what the gateway lacks"),
    Option(flag="--cards", help="auto, on or off: whether imageproof's mock is upstream, so that its test cards work"),
    Option(flag="--clock", help="how fast the target's time runs: real, or a scale such as 60x (default real)"),
    Option(flag="--seed", help="the seed of every random choice (default: a new one, which the report prints)"),
    Option(flag="--examples", help="bodies that Hypothesis makes for each rule besides its edges (default 4)"),
    Option(flag="--concurrency", help="requests under way at once (default 16 on loopback, 4 elsewhere)"),
    Option(flag="--per-second", help="the most requests in a second (default: no limit on loopback, 5 elsewhere)"),
    Option(flag="--patience", help="how long one answer may take, such as 60s"),
    Option(flag="--total-time", help="how long the whole run may take, such as 10m"),
    Option(flag="--out", help="the folder of the record (default imageproof-runs/TIME-gateway-SPEC)"),
    Option(flag="--resume", help="go on with the run in --out: what was paid for is not sent again", is_flag=True),
)  # fmt: skip


def config_from(values: Mapping[str, object], environ: Mapping[str, str] | None = None) -> Config:
    """Read the values of `OPTIONS` by name. Raises OptionError for the first that can't be used."""
    env = os.environ if environ is None else environ
    spec = _spec(_text(values, "spec") or "")
    url = base_url(_text(values, "base_url") or "")
    local = is_loopback(url)
    mode = _mode(_text(values, "mode"), local=local)
    scale = _scale(_text(values, "clock") or "real")
    most = _money(_text(values, "max_cost"))
    if mode == "paid" and not local and most is None:
        raise OptionError(
            "--mode paid spends money at a target that is not on this machine: say how much with --max-cost 0.50"
        )
    given = _number(values, "seed", default=None)
    seed = given if given is not None else randrange(1, 1_000_000)
    return Config(
        spec=_text(values, "spec") or "",
        base_url=url,
        keys=_keys(values, env, local=local, example=spec, seed=seed),
        mode=mode,
        max_micro_usd=most,
        seed=seed,
        scale=scale,
        cards=_cards(_text(values, "cards") or "auto"),
        patient=not local,
        examples=_number(values, "examples", default=4) or 0,
        jobs_at_once=LOCAL_JOBS if local else POLITE_JOBS,
        strict=bool(values.get("strict")),
        rules=tuple(str(item) for item in _many(values.get("rule"))),
        pace=_pace(values, local=local),
        out=_out(values, spec),
        baseline=_file(values, "baseline"),
        capabilities=_file(values, "capabilities"),
        resume=bool(values.get("resume")),
        shown=_shown(values),
    )


def _text(values: Mapping[str, object], name: str) -> str | None:
    value = values.get(name)
    return str(value) if value not in (None, "") else None


def _many(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []


def _spec(name: str) -> str:
    """The example key of a spec. Raises OptionError for one that is not known or has mistakes."""
    try:
        return load(name).auth.key_example
    except UnknownSpecError as error:
        raise OptionError(str(error)) from None
    except SpecError as error:
        raise OptionError(error.render()) from None


def base_url(text: str) -> str:
    """A base URL without a slash at its end. Raises OptionError for what is none."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise OptionError(f"expected a base URL such as http://127.0.0.1:4010, got {text!r}: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise OptionError(f"expected a base URL with http:// or https:// and a host, got {text!r}")
    if parts.username or parts.password:
        raise OptionError(
            "expected a base URL without a user and password in it: keys come from environment variables only"
        )
    if parts.query or parts.fragment:
        raise OptionError(f"expected a base URL without ? and #, got {text!r}")
    del port
    return text.rstrip("/")


def _mode(text: str | None, *, local: bool) -> Mode:
    if text in (None, "free", "paid"):
        chosen: Mode = "paid" if text == "paid" or (text is None and local) else "free"
        return chosen
    raise OptionError(f"expected --mode free or paid, got {text!r}")


def _money(text: str | None) -> int | None:
    if text is None:
        return None
    if re.fullmatch(r"\$?[0-9]{1,6}(\.[0-9]{1,6})?", text) is None:
        raise OptionError(f"expected --max-cost in USD such as 0.50, got {text!r}")
    return round(float(text.removeprefix("$")) * MICRO)


def _scale(text: str) -> float:
    if text in ("real", "1x"):
        return 1.0
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)x", text)
    if match is None or float(match[1]) <= 0:
        raise OptionError(f"expected --clock real or a scale such as 60x, got {text!r}")
    return float(match[1])


def _cards(text: str) -> bool | None:
    known = {"auto": None, "on": True, "off": False}
    if text not in known:
        raise OptionError(f"expected --cards auto, on or off, got {text!r}")
    return known[text]


def _number(values: Mapping[str, object], name: str, *, default: int | None) -> int | None:
    text = _text(values, name)
    if text is None:
        return default
    if not text.isdigit() or len(text) > 9:  # noqa: PLR2004  (more digits are no count)
        raise OptionError(f"expected a whole number for --{name.replace('_', '-')}, got {text!r}")
    return int(text)


def _duration(values: Mapping[str, object], name: str) -> float | None:
    text = _text(values, name)
    if text is None:
        return None
    try:
        return seconds(text)
    except ValueError as error:
        raise OptionError(f"--{name.replace('_', '-')}: {error}") from None


def _pace(values: Mapping[str, object], *, local: bool) -> Pace:
    at_once = _number(values, "concurrency", default=None)
    if at_once == 0:
        raise OptionError("expected --concurrency of at least 1, got 0")
    rate = _text(values, "per_second")
    if rate is not None and (re.fullmatch(r"[0-9]+(\.[0-9]+)?", rate) is None or float(rate) <= 0):
        raise OptionError(f"expected requests per second such as 5 or 0.5 for --per-second, got {rate!r}")
    return Pace(
        concurrency=at_once or (LOCAL_CONCURRENCY if local else POLITE_CONCURRENCY),
        per_second=float(rate) if rate is not None else None if local else 5.0,
        patience_s=_duration(values, "patience") or 60.0,
        total_s=_duration(values, "total_time"),
    )


def made_up_keys(example: str, seed: int, other: str | None = None) -> Keys:
    """Keys for a mock, which takes any of the provider's form: the same for the same seed, so that a run can go on."""
    own = f"{example}-{seed:x}"
    return Keys(own=own, other=other or f"{own}-other", derived=True)


def _keys(values: Mapping[str, object], env: Mapping[str, str], *, local: bool, example: str, seed: int) -> Keys:
    named = _text(values, "api_key_env")
    own = env.get(named or DEFAULT_KEY)
    other_named = _text(values, "other_key_env")
    other = env.get(other_named or DEFAULT_OTHER_KEY)
    if other_named is not None and not other:
        raise OptionError(f"expected a key in the environment variable {other_named}, which is not set")
    if own:
        return Keys(own=own, other=other)
    if named is not None or not local:
        variable = named or DEFAULT_KEY
        raise OptionError(
            f"expected a key in the environment variable {variable}, which is not set; --api-key-env names another one"
        )
    return made_up_keys(example, seed, other)


def _file(values: Mapping[str, object], name: str) -> Path | None:
    text = _text(values, name)
    if text is None:
        return None
    path = Path(text)
    if not path.is_file():
        raise OptionError(f"expected a file for --{name}, got {text!r}: there is none")
    return path


def _out(values: Mapping[str, object], spec: str) -> Path:
    del spec
    text = _text(values, "out")
    if text is not None:
        return Path(text)
    moment = datetime.now(tz=UTC).strftime("%Y%m%dT%H%M%S")
    name = Path(_text(values, "spec") or "spec").name.removesuffix(".yaml")
    return Path("imageproof-runs") / f"{moment}-gateway-{name}-{randrange(16**4):04x}"


def _shown(values: Mapping[str, object]) -> dict[str, str]:
    """The options as the record shows them: names of variables, never their values."""
    given = {name: value for name, value in values.items() if value not in (None, False, [], ())}
    return {
        name.replace("_", "-"): ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        for name, value in given.items()
    }
