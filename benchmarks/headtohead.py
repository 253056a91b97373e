"""Head to head with Schemathesis: both judge the same mocks, each of which breaks one rule of its contract.

    python benchmarks/headtohead.py --sample 60 --seed 1

It needs Schemathesis 4: `pip install schemathesis` here, or anywhere else and `--st /that/venv/bin/st`. The sample is
drawn by the seed: every family of sabotages once, then every family twice, and so on. Both tools are started as a user
starts them, each on a fresh mock of the same seed. A sabotage is caught by a tool that reports what it does not report
on the honest mock. The requests are those until the one that shows the fault, the seconds those that the whole command
kept a processor busy, as the machine may be shared; the time on the wall stands in the file of `--json`.
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from random import Random
from resource import RUSAGE_CHILDREN, getrusage
from time import monotonic
from typing import TYPE_CHECKING

import headtohead_ours as ours
import headtohead_theirs as theirs
from headtohead_report import Failure, Key, Outcome, Report, Row, is_named_by_them, is_named_by_us, new
from headtohead_table import markdown

from imageproof import Mock
from imageproof.selftest import Case, cases
from imageproof.specs.library import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imageproof import MockAccount

MOST = 200  # characters of a failure
SPECS = ("reapi", "apiyi", "toapis")
Noise = dict[tuple[str, str], tuple[set[Key], set[Key]]]


def main() -> int:
    """Run the sample and print the table; 2 when Schemathesis is not there or an option is wrong."""
    asked = _options()
    command = (str(Path(asked.st).absolute()),) if asked.st else theirs.COMMAND
    version = _version(command)
    if version is None:
        where = asked.st or "this Python"
        print(
            f"expected Schemathesis 4 in {where}, got nothing that starts: pip install schemathesis, "
            "or say with --st where its command st is",
            file=sys.stderr,
        )
        return 2
    if asked.json is not None and not asked.json.absolute().parent.is_dir():
        print(f"expected a folder for {asked.json}, got {asked.json.parent}: there is none", file=sys.stderr)
        return 2
    picked = sample(asked.sample, asked.seed)
    truths = [replace(case, sabotage=None) for case in {(case.spec, case.clock): case for case in picked}.values()]
    with ProcessPoolExecutor(asked.jobs, mp_context=get_context("spawn")) as pool:
        honest = list(pool.map(partial(judge, command=command, noise={}), truths))
        noise = {(case.spec, case.clock): keys for case, (_, keys) in zip(truths, honest, strict=True)}
        rows = []
        for row, _ in pool.map(partial(judge, command=command, noise=noise), picked):
            rows.append(row)
            print(_progress(row), file=sys.stderr, flush=True)
    names = [row for row, _ in honest]
    print(f"{version}, {len(rows)} sabotages, seed {asked.seed}\n\n{markdown(rows, names)}", end="")
    if asked.json is not None:
        told = {
            "schemathesis": version,
            "honest": [asdict(row) for row in names],
            "rows": [asdict(row) for row in rows],
        }
        asked.json.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sample", type=_positive, default=60, help="how many sabotages (default 60)")
    parser.add_argument("--seed", type=int, default=1, help="what the sample is drawn by (default 1)")
    parser.add_argument("--jobs", type=_positive, default=2, help="how many sabotages at once (default 2)")
    parser.add_argument("--st", metavar="PATH", help="the command st, if Schemathesis is installed elsewhere")
    parser.add_argument("--json", type=Path, help="write every result to this file besides")
    return parser.parse_args()


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        message = f"expected a whole number above 0, got {text!r}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _version(command: tuple[str, ...]) -> str | None:
    try:
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return f"Schemathesis {done.stdout.split()[-1]}" if done.returncode == 0 and done.stdout else None


def sample(size: int, seed: int) -> list[Case]:
    """Every family once, then every family twice, and so on, until there are enough."""
    pool = cases(SPECS, everything=True)
    Random(seed).shuffle(pool)
    return list(islice(_in_turn(pool), size))


def _in_turn(pool: list[Case]) -> Iterator[Case]:
    families: dict[str, list[Case]] = {}
    for case in pool:
        families.setdefault(case.family, []).append(case)
    for turn in range(max(map(len, families.values()))):
        yield from (of_family[turn] for of_family in families.values() if turn < len(of_family))


def judge(case: Case, *, command: tuple[str, ...], noise: Noise) -> tuple[Row, tuple[set[Key], set[Key]]]:
    """Both tools on one case, and what each reported."""
    logging.getLogger("imageproof.mock").setLevel(logging.CRITICAL)  # a mock that lies may well stumble over it
    our_noise, their_noise = noise.get((case.spec, case.clock), (set(), set()))
    mine, my_cost = _timed(case, partial(ours.run, case=case))
    other, other_cost = _timed(case, partial(theirs.run, name=case.spec, seed=case.seed, command=command))
    shapes = load(case.spec)
    every = [*shapes.shapes.values(), *(shape for model in shapes.models.values() for shape in model.shapes.values())]
    fields = {name for shape in every for name in shape.fields}
    named = is_named_by_us(case, new(mine, our_noise)), is_named_by_them(case, new(other, their_noise), fields)
    row = Row(
        sabotage=case.sabotage or "",
        says=case.says if case.sabotage else "",
        family=case.family,
        spec=case.spec if case.sabotage else f"{case.spec}, clock {case.clock}",
        ours=_outcome(mine, our_noise, my_cost, is_named=named[0]),
        theirs=_outcome(other, their_noise, other_cost, is_named=named[1]),
    )
    return row, ({failure.key for failure in mine.failures}, {failure.key for failure in other.failures})


def _timed(case: Case, work: Callable[[Path, MockAccount], Report]) -> tuple[Report, tuple[float, float]]:
    """The report of a command on a fresh mock; how long it took, and how much of a processor."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Mock(case.spec, clock=case.clock, seed=case.seed, sabotage=case.sabotage, pictures="plain") as mock,
    ):
        account, began, used = mock.account(), monotonic(), _used_s()
        report = work(Path(folder), account)
        return report, (monotonic() - began, _used_s() - used)


def _used_s() -> float:
    spent = getrusage(RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _outcome(report: Report, noise: set[Key], cost: tuple[float, float], *, is_named: bool) -> Outcome:
    seen = new(report, noise)
    return Outcome(
        is_caught=bool(seen),
        is_named=is_named,
        until=min((failure.request for failure in seen), default=None),
        requests=report.requests,
        seconds=round(cost[0], 1),
        cpu_s=round(cost[1], 1),
        told=_told(seen[0]) if seen else "",
        was_ended=report.was_ended,
    )


def _told(failure: Failure) -> str:
    _, check, _ = failure.key
    return " ".join(f"{check}: {failure.text}".removeprefix(": ").split())[:MOST]


def _progress(row: Row) -> str:
    words = [f"{side.is_caught:d}{side.is_named:d} {side.seconds:4.0f} s" for side in (row.ours, row.theirs)]
    return f"{' | '.join(words)} | {row.sabotage}"


if __name__ == "__main__":
    sys.exit(main())
