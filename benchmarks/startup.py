"""How long until the mock serves all shipped specs, and how long `imageproof --help` takes; medians over rounds."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

ROUNDS = 11


def ready_s() -> float:
    """Seconds from the command to its line of readiness."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "imageproof", "mock", "--port", "0", "--ready-json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline() if process.stdout else ""
        took = time.perf_counter() - began
        process.terminate()
    if '"ready"' not in line:
        sys.exit(f"the mock did not become ready: {line!r}")
    return took


def help_s() -> float:
    """Seconds of `imageproof --help`."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "imageproof", "--help"], check=True, capture_output=True)
    return time.perf_counter() - began


def python_s() -> float:
    """Seconds of a Python that does nothing, to compare with."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.perf_counter() - began


def main() -> None:
    """Alternate the three and print medians."""
    times = [(ready_s(), help_s(), python_s()) for _ in range(ROUNDS)]
    for name, column in zip(("ready to serve", "--help", "python alone"), zip(*times, strict=True), strict=True):
        print(f"{name}: {statistics.median(column) * 1000:.0f} ms (least {min(column) * 1000:.0f})")


if __name__ == "__main__":
    main()
