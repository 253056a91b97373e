"""A process that makes load: reads its options from one line of standard input, and says what happens on its output.

Run as `python -m imageproof.loadtests.worker`. Locust patches this process, so nothing else is done in it. When it has
said that it is ready, the second line tells when to begin, on the machine's monotonic clock. A line `stop` begins no
more jobs and lets those in flight end; `cut`, or the end of the input, ends them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from time import monotonic

import gevent
import locust  # noqa: F401  (it patches sockets)
import msgspec
from gevent.fileobject import FileObject
from locust.env import Environment

from imageproof.loadtests.lines import Line, Over, Ready
from imageproof.loadtests.locust_user import bench_for, user_class
from imageproof.loadtests.options import Options
from imageproof.loadtests.pacing import Pacer


class Output:
    """Writes lines to standard output. A reader that has gone ends the process."""

    __slots__ = ("_encode",)

    def __init__(self) -> None:
        self._encode = msgspec.json.Encoder().encode

    def say(self, line: Line) -> None:
        """Write one line."""
        try:
            sys.stdout.buffer.write(self._encode(line) + b"\n")
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            os._exit(1)


def main() -> None:
    """Make the load that the first line of the input asks for."""
    given = FileObject(sys.stdin.fileno(), "rb", closefd=False)
    options = msgspec.json.decode(given.readline(), type=Options)
    output = Output()
    bench = bench_for(options)
    pacer = Pacer(bench, output.say)
    environment = Environment(user_classes=[user_class(bench, pacer)], host=options.base_url, catch_exceptions=False)
    runner = environment.create_local_runner()
    output.say(Ready(worker=options.worker))
    bench.begin = float(given.readline() or monotonic())
    gevent.spawn(_obey, given, pacer)
    gevent.spawn(pacer.watch)
    gevent.sleep(max(0.0, -bench.now()))
    pacer.begin_direct()
    count = pacer.users()
    if count:
        runner.start(count, spawn_rate=count)
        pacer.wait(count)
    pacer.drain()
    output.say(Over(worker=options.worker, began=pacer.began, why=pacer.why))
    sys.stdout.buffer.flush()
    os._exit(0)  # Locust's own greenlets have nothing left to say


def _obey(given: Iterable[bytes], pacer: Pacer) -> None:
    """Do what the parent says; without a parent, end."""
    for line in given:
        if line.strip() == b"stop":
            pacer.stop()
        else:
            break
    pacer.cut()


if __name__ == "__main__":
    main()
