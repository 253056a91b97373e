"""Compare two targets that were measured in turn in one run: which is faster, or that nobody can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.loadtests.pairs import Turns, differences
from imageproof.records.lines import Sample

if TYPE_CHECKING:
    from imageproof.load_config import LoadConfig
    from imageproof.load_measure import LoadState


def compare(config: LoadConfig, state: LoadState) -> None:
    """Add to a run how A, at the base URL, and B, the other, differ."""
    turns = Turns(duration_s=config.duration_s, warm_up_s=config.warm_up_s)
    found = list(differences(state.live.jobs, turns, seed=config.seed))
    state.lines += ["", f"A is {config.base_url}, B is {config.against}, in {turns.pairs} blocks each:"]
    state.lines += [f"  {difference.says(name)}" for name, difference in found]
    real = [name for name, difference in found if not difference.is_noise]
    state.says += f"; A and B differ in {', '.join(real)}" if real else "; A and B are not distinguishable"
    for name, difference in found:
        labels = {"number": name, "noise": "yes" if difference.is_noise else "no", "blocks": str(difference.blocks)}
        labels |= {"before": f"{difference.before:.6g}", "after": f"{difference.after:.6g}"}
        if difference.interval is not None:
            labels |= {"low": f"{difference.interval.low:.6g}", "high": f"{difference.interval.high:.6g}"}
        at = state.seconds
        state.samples.append(Sample(at_s=at, name="difference", value=difference.change, labels=labels))
