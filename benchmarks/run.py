"""All benchmarks, one after the other: `make bench`, or `make bench ARGS=throughput`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ALL = (
    "throughput",
    "million",
    "startup",
    "bench_pictures",
    "bench_generation",
    "bench_plugin",
    "bench_journal",
    "bench_latency_truth",
    "bench_holds",
    "bench_soak",
    "bench_locust",
    "bench_litellm",
    "peers",
)


def main() -> int:
    """Run those that are named, or all; the first exit code that is not 0."""
    chosen = sys.argv[1:] or [name for name in ALL if (HERE / f"{name}.py").exists()]
    unknown = [name for name in chosen if not (HERE / f"{name}.py").exists()]
    if unknown:
        print(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(ALL)}", file=sys.stderr)
        return 2
    codes = []
    for name in chosen:
        print(f"## {name}\n", flush=True)
        codes.append(subprocess.run([sys.executable, str(HERE / f"{name}.py")], check=False).returncode)
        print(flush=True)
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(main())
