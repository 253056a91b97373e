"""How a test wants its mock: what its markers say, over what the configuration says. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ALLOW, FAIL = "allow", "fail"
CLOCKS = "jump, manual, real or a scale such as 60x"
CHOICES = {"limits": ("off", "documented"), "violations": (FAIL, ALLOW)}


class SettingError(ValueError):
    """A marker or an option that makes no sense; the message is one sentence for the person who wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a test asks for.

    `provider` is a shipped name or the path of a YAML file; `clock` and `limits` are those of the mock; `seed` draws
    other durations, ids and pictures; `violations` is `fail` or `allow`; `scenario` is a name or words of test cards.
    """

    provider: str = ""
    clock: str = "jump"
    limits: str = "off"
    seed: int = 1
    violations: str = FAIL
    scenario: str = ""


NAMES = tuple(item.name for item in fields(Settings))


def read_options(options: Mapping[str, str]) -> Settings:
    """The settings that a configuration file gives for all tests. Raises SettingError."""
    given: dict[str, object] = {name: text for name, text in options.items() if text}
    if "seed" in given:
        text = options["seed"]
        if not text.strip().lstrip("-").isdigit():
            raise SettingError(f"expected imageproof_seed to be a whole number, got {text!r}")
        given["seed"] = int(text)
    return _with(Settings(), given, "imageproof_")


def read_markers(base: Settings, markers: Iterable[tuple[tuple[object, ...], Mapping[str, object]]]) -> Settings:
    """The settings with what markers say over them, the outermost first. Raises SettingError.

    A marker is its arguments, by place and by name.
    """
    for args, kwargs in markers:
        if len(args) > 1:
            raise SettingError(f"expected imageproof(provider, name=value, ...), got {len(args)} values without a name")
        if args and "provider" in kwargs:
            raise SettingError("expected imageproof(provider, ...) to name one provider, got two")
        base = _with(base, {**({"provider": args[0]} if args else {}), **kwargs}, "")
    if not base.provider:
        raise SettingError(
            'expected to be told which provider to play: mark the test with @pytest.mark.imageproof("reapi"), '
            "or set imageproof_provider in the configuration of pytest"
        )
    return base


def _with(base: Settings, given: Mapping[str, object], prefix: str) -> Settings:
    for name, value in given.items():
        if name not in NAMES:
            near = get_close_matches(name, NAMES, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(NAMES)}"
            raise SettingError(f"unknown word {name!r} in the marker imageproof: {hint}")
        _require(f"{prefix}{name}", name, value)
    return replace(base, **given)  # type: ignore[arg-type]  # each has been looked at


def _require(shown: str, name: str, value: object) -> None:
    if name == "seed":
        if isinstance(value, bool) or not isinstance(value, int):
            raise SettingError(f"expected {shown} to be a whole number, got {value!r}")
    elif not isinstance(value, str) or not value:
        raise SettingError(f"expected {shown} to be a text, got {value!r}")
    elif name in CHOICES and value not in CHOICES[name]:
        raise SettingError(f"expected {shown} to be {' or '.join(CHOICES[name])}, got {value!r}")
