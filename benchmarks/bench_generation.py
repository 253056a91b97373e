"""Seconds for 1,000 valid bodies of each model, from a seed and from Hypothesis."""

from __future__ import annotations

import time
from random import Random

from hypothesis import HealthCheck, Phase, given, settings

from imageproof.specs import strategies
from imageproof.specs.choices import Seeded
from imageproof.specs.generate import Maker
from imageproof.specs.library import load, shipped

COUNT = 1_000


def main() -> None:
    """Print a line for each shape."""
    for spec in map(load, shipped()):
        for model in spec.models.values():
            for shape in model.shapes.values():
                maker, choices = Maker(shape, spec.selector), Seeded(Random(1))
                began = time.perf_counter()
                for _ in range(COUNT):
                    maker.valid(choices)
                seeded = time.perf_counter() - began

                @settings(
                    max_examples=COUNT, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
                )
                @given(strategies.valid(shape, spec.selector))
                def draw(_: dict[str, object]) -> None:
                    """Take the body."""

                began = time.perf_counter()
                draw()
                drawn = time.perf_counter() - began
                print(f"{spec.name}/{shape.operation}/{model.name}: {seeded:.2f} s seeded, {drawn:.2f} s by Hypothesis")


if __name__ == "__main__":
    main()
