"""What all faults share: how their values are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from imageproof.specs.reading import seconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imageproof.specs.model import JsonTree


class FaultError(ValueError):
    """A fault that is not understood. The message is one sentence that says what was expected."""


def choice(value: JsonTree, options: Sequence[str], what: str) -> str:
    """The value, when it is one of the options. Raises FaultError."""
    if isinstance(value, str) and value in options:
        return value
    raise FaultError(f"expected {what} to be one of {', '.join(options)}, got {value!r}")


def duration(value: JsonTree, what: str) -> float:
    """A duration such as `30s`, or a number, in seconds. Raises FaultError."""
    try:
        return seconds(value) if isinstance(value, str) else float(value)  # type: ignore[arg-type]  # TypeError follows
    except (TypeError, ValueError):
        raise FaultError(f"expected a duration such as 30s for {what}, got {value!r}") from None


def known_parts(value: JsonTree, what: str, *names: str) -> Mapping[str, JsonTree]:
    """A mapping with no other keys than these."""
    if not isinstance(value, dict):
        raise FaultError(f"expected {what} to hold {', '.join(names)}, got {value!r}")
    for name in value:
        if name not in names:
            raise FaultError(f"expected {what} to hold {', '.join(names)}, got {name!r}")
    return value


class What:
    """One way to go wrong. `KEY` is its name in YAML, `WRITE` an example, `DOES` a sentence for the docs.

    `PLACE` is where it strikes unless `on` says otherwise; None for faults of a whole task, account or process.
    """

    KEY: ClassVar[str]
    WRITE: ClassVar[str]
    DOES: ClassVar[str]
    PLACE: ClassVar[str | None] = "any"

    @classmethod
    def read(cls, value: JsonTree) -> Self:
        """Read the value of the key. Raises FaultError."""
        if value not in (True, None):
            raise FaultError(f"expected `{cls.KEY}: true`, got {value!r}")
        return cls()


class OneOf(What):
    """A fault with a few variants. `HOWS` are their names, with a sentence each."""

    HOWS: ClassVar[dict[str, str]]
    how: str

    @classmethod
    def read(cls, value: JsonTree) -> Self:
        """Read the name of the variant. Raises FaultError."""
        return cls(choice(value, tuple(cls.HOWS), cls.KEY))  # type: ignore[call-arg]  # each variant is a dataclass


class Lasting(What):
    """A fault that is told by a duration."""

    seconds: float

    @classmethod
    def read(cls, value: JsonTree) -> Self:
        """Read the duration, in the account's own time. Raises FaultError."""
        return cls(duration(value, cls.KEY))  # type: ignore[call-arg]  # each variant is a dataclass
