"""What a load run is to do: plain values, decided before it starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from dataclasses import replace as with_changes
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from imageproof.loadtests.goals import read_goal
from imageproof.loadtests.mix import Mix, MixError
from imageproof.loadtests.options import Options, Share
from imageproof.loadtests.pace import arrivals, expected, pieces, read_shape
from imageproof.loadtests.payloads import Way, of_size, ways_of
from imageproof.specs.library import load

if TYPE_CHECKING:
    from imageproof.specs.model import JsonTree, Spec

SYNC_PATIENCE_S = 660.0  # what a held call of minutes may take, and then some
POLLED_PATIENCE_S = 1800.0  # of the provider's time, for one that says not when to give up
LEAST_PATIENCE_S = 30.0  # real: a fast clock makes no machine faster
COUNTED = 200_000  # jobs, which takes a fifth of a second
Ladder = Literal["hold", "payload"]
HOLDS_S = (30.0, 60.0, 90.0, 120.0, 180.0, 300.0)
PAYLOADS = (100_000.0, 500_000.0, 1_000_000.0, 5_000_000.0, 10_000_000.0, 20_000_000.0)
JOBS_EACH = 3  # of a rung
PAYLOADS_PER_S = 2.5  # one after the other, rather than all at once: they share the machine
DIRECT_SHARE = 0.25  # so many jobs as go to the target go past it
LADDER_S = 3.0  # in which all jobs of a ladder begin
PROMPT = "a red fox in the snow"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadConfig:
    """One run. `base_url` None measures a mock of our own, with nothing before it; money is micro-dollars.

    `melt` is the share of failed jobs in ten seconds at which the run ends, `upstream` the mock behind the target.
    `against` is a second target, measured in turn; `capacity` searches the highest rate that meets the goals, in so
    many `trials` at most; a `ladder` has `rungs` of real seconds, or of bytes in so many `ways`. `faults` and
    `scenario` are put on the account at the mock, `direct` jobs go there past the target. `books` of an earlier run
    are judged, and nothing is sent.
    """

    spec: str
    base_url: str | None = None
    key: str
    upstream: str | None = None
    upstream_key: str | None = None
    rate: float | None = None
    users: int | None = None
    arrivals: Literal["poisson", "constant"] = "poisson"
    shape: str = "flat"
    duration_s: float = 30.0
    warm_up_s: float = 5.0
    clock: str = "60x"
    mix: tuple[Share, ...] = (Share(),)
    goals: tuple[str, ...] = ()
    workers: int = 1
    seed: int = 1
    poll_s: float | None = None
    pixels: float = 1.0
    melt: float = 0.5
    max_micro_usd: int | None = None
    against: str | None = None
    capacity: bool = False
    trials: int = 40
    ladder: Ladder | None = None
    rungs: tuple[float, ...] = ()
    ways: tuple[str, ...] = ()
    out: Path | None = None
    csv: Path | None = None
    faults: tuple[str, ...] = ()
    scenario: str | None = None
    direct: bool = True
    books: Path | None = None
    shown: dict[str, str] = field(default_factory=dict)

    @property
    def scale(self) -> float:
        """How many seconds of the provider pass in a real one."""
        return 1.0 if self.clock == "real" else float(self.clock.removesuffix("x"))

    @property
    def is_own(self) -> bool:
        """Whether a mock of our own is measured."""
        return self.base_url is None

    @property
    def settings(self) -> dict[str, JsonTree]:
        """What is set on the account at the mock while the run lasts."""
        out: dict[str, JsonTree] = {}
        if self.scenario is not None:
            out["scenario"] = self.scenario
        if self.faults:
            out["faults"] = [*self.faults]
        return out

    @property
    def goes_direct(self) -> bool:
        """Whether jobs go past the target. A search of the capacity needs no more load on the mock, nor do others."""
        is_plain = not self.capacity and self.against is None and self.ladder != "hold"
        return self.direct and (is_plain or any(read_goal(text).is_net for text in self.goals))

    def expected_jobs(self) -> int | None:
        """How many jobs there will be on average; None where that depends on the answers."""
        if self.rate is None:
            return None
        return round(expected(pieces(read_shape(self.shape), self.duration_s, self.warm_up_s), self.rate))

    def known_jobs(self) -> int | None:
        """How many jobs there will be, exactly, as the seed decides it; None where nobody knows, or it is not soon."""
        if self.rate is None or (self.expected_jobs() or 0) > COUNTED:
            return None
        profile = pieces(read_shape(self.shape), self.duration_s, self.warm_up_s)
        return sum(1 for _ in arrivals(profile, self.rate, how=self.arrivals, seed=self.seed))

    def expected_micro_usd(self, spec: Spec) -> int | None:
        """What the run would cost at the provider; None where nobody knows how many jobs there will be."""
        jobs = self.expected_jobs()
        return None if jobs is None else round(jobs * self.mix_of(spec).mean_micro_usd)

    def mix_of(self, spec: Spec) -> Mix:
        """The jobs of the run. Raises MixError."""
        return Mix(spec, self.mix, seed=self.seed, prompt=PROMPT, in_turn=self.ladder is not None)

    def options(self, base_url: str, *, direct: str = "") -> Options:
        """What the processes that make the load are told; `direct` is the mock behind the target, if it is known."""
        spec = load(self.spec)
        polling = spec.tasks.polling if spec.tasks else None
        give_up_s = (polling.give_up_s if polling else None) or POLLED_PATIENCE_S
        longest_s = 2 * max(self.rungs, default=0.0) if self.ladder == "hold" else 0.0
        budget = None if self.max_micro_usd is None else self.max_micro_usd // self.workers
        return Options(
            spec=self.spec,
            base_url=base_url,
            against=self.against or "",
            direct=direct if self.goes_direct else "",
            direct_key=f"{spec.auth.key_example}-direct-{self.seed:x}",
            direct_share=1.0 if self.ladder else DIRECT_SHARE,
            key=self.key,
            seed=self.seed,
            mix=self.mix,
            in_turn=self.ladder is not None,
            rate=self.rate,
            users=self.users,
            arrivals=self.arrivals,
            shape=self.shape,
            duration_s=self.duration_s,
            warm_up_s=self.warm_up_s,
            scale=self.scale,
            poll_s=self.poll_s,
            pixels=self.pixels,
            prompt=PROMPT,
            patience_s=max(LEAST_PATIENCE_S, longest_s, give_up_s / self.scale),
            network_s=max(LEAST_PATIENCE_S, longest_s, SYNC_PATIENCE_S / self.scale),
            workers=self.workers,
            budget_micro_usd=budget,
        )


def on_ladder(config: LoadConfig, ladder: Ladder, rungs: tuple[float, ...] = ()) -> LoadConfig:
    """The same run as a ladder: a few jobs of each rung, in turn, all begun within seconds. Raises MixError."""
    values = rungs or (HOLDS_S if ladder == "hold" else PAYLOADS)
    base = config.mix[0]
    ways: dict[Way, Share] = {}
    rate = JOBS_EACH * len(values) / LADDER_S
    if ladder == "hold":
        mix = tuple(replace(base, words=f"[[slow: {value * config.scale:g}s]]") for value in values)
    else:
        ways = ways_of(load(config.spec), base)
        mix = tuple(of_size(way, share, int(value)) for way, share in ways.items() for value in values)
        rate = PAYLOADS_PER_S
    if not mix:
        raise MixError(f"expected a way to send or to get large pictures with {config.spec}, got none")
    return with_changes(
        config,
        ladder=ladder,
        rungs=values,
        ways=tuple(way.value for way in ways),
        mix=mix,
        rate=rate,
        users=None,
        arrivals="constant",
        shape="flat",
        warm_up_s=0.0,
        duration_s=(JOBS_EACH * len(mix) + 0.5) / rate,
        melt=1.1,
    )
