"""The clients that people copy, through every scenario of every provider that they know, with many seeds.

`python benchmarks/good_clients.py --seeds 20` plays them all and prints one row for each client and provider: runs,
warnings, failures, and the median seconds of a run. Raw numbers go to benchmarks/results/good_clients.json. The exit
code is 1 when anybody was told anything. `--client` and `--provider` choose some of them; with `--spread` a client has
its seeds spread over the providers that it knows, which takes 40 minutes in place of hours.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from time import monotonic

from imageproof.client_config import ClientConfig
from imageproof.client_run import STOPPED, ClientRun
from imageproof.records.lines import Verdict
from imageproof.specs.scenario_reading import scenarios

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "examples" / "clients"
RESULT = ROOT / "benchmarks" / "results" / "good_clients.json"
POLLED, AT_ONCE = ("reapi", "toapis", "xingchaoyiqing"), ("apiyi", "openai")
COLUMNS = ("client", "provider", "clock", "runs", "scenarios", "warnings", "failures", "median s")
HEAD = f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|"


@dataclass(frozen=True, slots=True, kw_only=True)
class Good:
    """One client, the program that runs it, and the providers that it knows."""

    name: str
    program: str
    providers: tuple[str, ...]
    clock: str = "60x"
    level: int = 0


GOOD = (
    Good(name="lines.py", program=sys.executable, providers=POLLED + AT_ONCE, level=1),
    Good(name="poll_sync.py", program=sys.executable, providers=POLLED),
    Good(name="poll_async.py", program=sys.executable, providers=POLLED),
    Good(name="called_back.py", program=sys.executable, providers=("toapis",)),
    Good(name="images_sync.py", program=sys.executable, providers=AT_ONCE),
    Good(name="poll.mjs", program="node", providers=POLLED),
    Good(name="images.mjs", program="node", providers=AT_ONCE),
    Good(name="poll.pl", program="perl", providers=POLLED),
    Good(name="poll.sh", program="bash", providers=POLLED),
)


@dataclass(slots=True, kw_only=True)
class Row:
    """What many runs of a client at a provider come to."""

    client: str
    provider: str
    clock: str
    scenarios: int = 0
    warnings: int = 0
    failures: int = 0
    seconds: list[float] = field(default_factory=list)
    said: Counter[str] = field(default_factory=Counter)

    def line(self) -> str:
        """The row of the table."""
        cells = (
            self.client,
            self.provider,
            self.clock,
            len(self.seconds),
            self.scenarios,
            self.warnings,
            self.failures,
        )
        return f"| {' | '.join(map(str, cells))} | {statistics.median(self.seconds):.1f} |"


def play(good: Good, row: Row, seed: int) -> None:
    """One run with one seed, added to its row."""
    config = ClientConfig(
        spec=row.provider,
        command=(good.program, str(FOLDER / good.name)),
        scenarios=tuple(scenarios()),
        clock=good.clock,
        level=1 if good.level else 0,
        seed=seed,
    )
    began = monotonic()
    state = ClientRun(config).run()
    if state.exit == STOPPED:
        raise KeyboardInterrupt
    row.seconds.append(round(monotonic() - began, 2))
    row.scenarios = len(state.played)
    told = Counter(item.verdict for item in state.findings)
    row.warnings += told[Verdict.WARNED]
    row.failures += told[Verdict.FAILED] + told[Verdict.BLOCKED] + len(state.mistakes)
    row.failures += sum(item.is_unsupported for item in state.played) + (state.not_started is not None)
    for played in state.played:
        wrong = [remark for remark in played.remarks if not remark.ok]
        row.said.update(f"seed {seed}, {played.name}, {remark.rule}: {remark.actual}" for remark in wrong)
        if played.is_unsupported:
            row.said[f"seed {seed}, {played.name}: unsupported"] += 1
    row.said.update(f"seed {seed}: {words}" for words in state.mistakes)


def chosen(names: list[str], providers: list[str]) -> list[tuple[Good, Row]]:
    """The clients that were asked for, and whose program is there, with an empty row for each provider."""
    out = []
    for good in GOOD:
        if (names and good.name not in names) or which(good.program) is None:
            continue
        rows = (Row(client=good.name, provider=name, clock=good.clock) for name in good.providers)
        out += [(good, row) for row in rows if not providers or row.provider in providers]
    return out


def main() -> int:
    """Play everything, seed by seed, so that a run that is ended early has seen every client."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="so many runs of each, with seeds from 1")
    parser.add_argument("--client", action="append", default=[], help="only this one; may be given several times")
    parser.add_argument("--provider", action="append", default=[], help="only this one; may be given several times")
    parser.add_argument("--spread", action="store_true", help="each seed at one provider of a client only, in turn")
    parser.add_argument("--out", type=Path, default=RESULT, help="where the raw numbers go")
    args = parser.parse_args()
    pairs = chosen(args.client, args.provider)
    loads = []
    try:
        for seed in range(1, args.seeds + 1):
            for good, row in pairs:
                providers = [other.provider for _, other in pairs if other.client == row.client]
                if args.spread and providers[seed % len(providers)] != row.provider:
                    continue
                before = len(row.said)
                play(good, row, seed)
                loads.append(round(os.getloadavg()[0], 2))
                words = list(row.said)[before:]
                print(
                    f"seed {seed}: {good.name} at {row.provider}, {row.seconds[-1]} s",
                    *words,
                    sep="\n  ",
                    file=sys.stderr,
                )
    except KeyboardInterrupt:
        print("stopped by hand", file=sys.stderr)
    rows = [row for _, row in pairs if row.seconds]
    print(HEAD, *(row.line() for row in rows), sep="\n")
    load = f"{min(loads)} to {max(loads)}, median {statistics.median(loads)}" if loads else "not measured"
    print(f"\nLoad of the machine after each run: {load} on {os.cpu_count()} cores.")
    tree = {"load": load, "rows": [{name: getattr(row, name) for name in Row.__slots__} for row in rows]}
    args.out.write_text(json.dumps(tree, indent=1) + "\n", encoding="utf-8")
    return 1 if any(row.said for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
