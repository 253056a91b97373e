"""LiteLLM's proxy as a real gateway in front of the mock, measured with `imageproof load`: what it adds to each image.

The mock speaks as APIYI, its clock runs 60 times as fast, and each answer tells how long the mock itself took. LiteLLM
runs as in examples/litellm, one worker, with core 0 for itself and the mock; the generator has core 1. One run for each
of its two routes: the one that translates and drops the mock's headers, and the one that passes on. What the first
run prints is the example in docs/benchmarks.md; `--publish` writes it there.

    python3 -m venv litellm-venv && litellm-venv/bin/pip install 'litellm[proxy]==1.106.2'
    IMAGEPROOF_LITELLM=litellm-venv/bin/litellm python benchmarks/bench_litellm.py     about 4 minutes
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import throughput

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLE = throughput.HERE.parent / "examples" / "litellm"
VARIABLE = "IMAGEPROOF_LITELLM"
MASTER, UPSTREAM = "sk-gateway-3f9c51", "sk-upstream-77ab02"
CLOCK = "60x"
ROUTES = {"translated": "", "passed on": "/openai"}
PATIENCE_S = 120
RATE, SECONDS, WARM_UP = 10, 60, 10
JUDGED = (0, 1)
COLUMNS = ("route", "images", "overhead p50 ms", "p99", "without the own path p50 ms (95 %)", "p99")
RESULT = throughput.HERE / "results" / "litellm.md"
PAGE = throughput.HERE.parent / "docs" / "benchmarks.md"
BEGIN, END = "<!-- benchmarks/bench_litellm.py writes this -->", "<!-- up to here -->"


@contextmanager
def started(words: list[str], folder: Path, says: str, more: dict[str, str]) -> Iterator[str]:
    """A server on core 0 and its address, which it prints where the pattern `says` finds it."""
    log = folder / f"{Path(words[0]).name}.log"
    with (
        log.open("wb") as out,
        subprocess.Popen(
            ["taskset", "-c", "0", *words], cwd=folder, env=os.environ | more, stdout=out, stderr=out
        ) as process,
    ):
        try:
            until = time.monotonic() + PATIENCE_S
            while (found := re.search(says, log.read_text(errors="replace"))) is None:
                if process.poll() is not None or time.monotonic() > until:
                    sys.exit(f"{words[0]} did not start:\n{log.read_text(errors='replace')[-2000:]}")
                time.sleep(0.1)
            yield found[1]
        finally:
            process.terminate()


@contextmanager
def gateway(command: str, folder: Path) -> Iterator[tuple[str, str]]:
    """The addresses of LiteLLM's proxy and of the mock behind it."""
    words = [sys.executable, "-m", "imageproof", "mock", "apiyi", "--port", "0", "--clock", CLOCK]
    words += ["--timing-header", "--pictures", "plain", "--ready-json"]
    with started(words, folder, r'"url": ?"(http://127\.0\.0\.1:\d+)', {}) as mock:
        settings = {
            "UPSTREAM_URL": f"{mock}/v1",
            "UPSTREAM_KEY": UPSTREAM,
            "OPENAI_API_BASE": mock,
            "OPENAI_API_KEY": UPSTREAM,
            "LITELLM_MASTER_KEY": MASTER,
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        }
        words = [command, "--config", str(EXAMPLE / "config.yaml"), "--host", "127.0.0.1", "--port", "0"]
        with started(
            [*words, "--telemetry", "False"], folder, r"running on (http://127\.0\.0\.1:\d+)", settings
        ) as url:
            yield url, mock


def measure(url: str, mock: str, folder: Path, rate: int, seconds: int) -> tuple[int, str]:
    """A run of `imageproof load`: its exit code and what it printed."""
    words = [sys.executable, "-m", "imageproof", "load", "apiyi", "--base-url", url, "--upstream", mock]
    words += ["--upstream-key-env", "UPSTREAM_KEY", "--clock", CLOCK, "--rate", f"{rate}/s", "--seed", "1"]
    words += ["--duration", f"{seconds}s", "--warm-up", f"{WARM_UP}s", "--out", str(folder)]
    keys = {"IMAGEPROOF_API_KEY": MASTER, "UPSTREAM_KEY": UPSTREAM, "NO_COLOR": "1", "COLUMNS": "120"}
    done = subprocess.run(
        ["taskset", "-c", "1", *words], env=os.environ | keys, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + (done.stderr if done.returncode not in JUDGED else "")


def row(name: str, folder: Path) -> str:
    """The line of the table for a run, out of its record."""
    samples = {}
    for line in (folder / "run.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if entry["line"] == "sample" and entry.get("labels", {}).get("measured") != "naive":
            samples[entry["name"]] = entry
    if "overhead.p99" not in samples:
        return f"| {name} | - | - | - | - | - |"
    seen = [samples[f"overhead.{percent}"] for percent in ("p50", "p99")]
    cells = [name, seen[0]["labels"]["samples"], *(f"{1000 * sample['value']:.1f}" for sample in seen)]
    for net in (samples.get("net.p50"), samples.get("net.p99")):
        if net is None:
            cells.append("-")
        else:
            low, high = (1000 * float(net["labels"][side]) for side in ("low", "high"))
            cells.append(f"{1000 * net['value']:.1f} ({low:.1f} to {high:.1f})")
    return f"| {' | '.join(cells)} |"


def publish(text: str) -> None:
    """Put it into the page, in the place of what stood there."""
    page = PAGE.read_text(encoding="utf-8")
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit(f"{PAGE.name} has no place for it: expected the lines {BEGIN} and {END}")
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}", encoding="utf-8")


def main() -> int:
    """Measure both routes and print what was found; 1 where a run was no valid measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=RATE, help="images each second")
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--publish", action="store_true", help="write it into docs/benchmarks.md, too")
    given = parser.parse_args()
    command = shutil.which(os.environ.get(VARIABLE) or "litellm")
    if command is None:
        print(f"LiteLLM is not installed: see the head of {Path(__file__).name}, and name its command in {VARIABLE}")
        return 0
    lines = [f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
    example, codes = "", []
    for name, route in ROUTES.items():
        with tempfile.TemporaryDirectory(prefix="imageproof-litellm-") as place:
            folder = Path(place)
            with gateway(command, folder) as (url, mock):
                code, printed = measure(url + route, mock, folder / "run", given.rate, given.seconds)
            if not (folder / "run" / "run.jsonl").exists():
                sys.exit(f"{name}: {printed}")
            codes.append(code)
            lines.append(row(name, folder / "run"))
            example = example or printed.partition("\nrecord: ")[0].strip()
    told = f"{given.rate} images a second for {given.seconds} s"
    text = "\n".join(
        [*lines, "", f"The first run, {told}, as `imageproof load` told it:", "", "```text", example, "```"]
    )
    print(text)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(f"{text}\n")
    if given.publish:
        publish(text)
    return 0 if all(code in JUDGED for code in codes) else 1


if __name__ == "__main__":
    sys.exit(main())
