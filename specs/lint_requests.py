"""What the valid requests of a model ask for, as far as some fields are concerned: every combination once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from imageproof.specs.check import fold
from imageproof.specs.lint_combos import ABSENT, Endless, Search, keeps_own_rules
from imageproof.specs.outcome import effective

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from imageproof.specs.model import Field, Model, Shape

    Asked: TypeAlias = Mapping[str, object]
    Named: TypeAlias = Mapping[str, Collection[object]]


@dataclass(frozen=True, slots=True)
class Requests:
    """The fields as the provider reads them, one mapping for each combination of the values of `names`.

    `own` are the values, as text, that each field's own rules allow, whatever rules between fields say of them.
    `is_complete` is False when there are too many to look at all of them, so that nothing can be said to be missing.
    """

    names: tuple[str, ...]
    asked: tuple[Asked, ...]
    own: Mapping[str, tuple[str, ...]]
    is_complete: bool

    @classmethod
    def of(cls, model: Model, names: Collection[str], named: Named) -> Requests:
        """All combinations that any operation of the model takes; `named` are values to try besides a field's own."""
        found: dict[str, Asked] = {}
        own: dict[str, dict[str, None]] = {name: {} for name in names}
        is_complete = True
        for shape in model.shapes.values():
            search = Search.of(shape, named)
            for name in shape.fields.keys() & own.keys():
                own[name] |= dict.fromkeys(_alone(shape, name, search.domains.of(name)))
            broken = {name for name in names if name in shape.fields and not _keeps_default(shape.fields[name])}
            try:
                for body in search.all(names):
                    if broken - body.keys():
                        continue
                    asked = effective(shape, body)
                    found.setdefault(repr([asked.get(name) for name in names]), asked)
            except Endless:
                is_complete = False
        known = {name: tuple(values) for name, values in own.items()}
        return cls(tuple(names), tuple(found.values()), known, is_complete)

    def example(self, asked: Asked) -> str:
        """One combination in words."""
        said = [f"{name} {asked[name]}" if name in asked else f"no {name}" for name in self.names]
        return ", ".join(said) or "any"


def _keeps_default(item: Field) -> bool:
    """Whether the default keeps the field's own rules; one that does not is told there, and what follows is not."""
    return item.default is None or keeps_own_rules(item)(item.default)


def _alone(shape: Shape, name: str, values: Collection[object]) -> Iterator[str]:
    for value in values:
        asked = effective(shape, {} if value is ABSENT else {name: value})
        if name in asked:
            yield text(asked[name])


def text(value: object) -> str:
    """A value as tables compare it."""
    return str(fold(value))
