"""Users of an image API for the plain `locust` command, with its web page and its own master and workers.

Set up by environment variables: IMAGEPROOF_SPEC (a shipped name or a path), IMAGEPROOF_API_KEY, IMAGEPROOF_CLOCK (60x
for a mock of that speed), IMAGEPROOF_SEED, IMAGEPROOF_MIX (kinds of jobs, separated by semicolons), IMAGEPROOF_OUT (a
folder for the books of all jobs). Locust's own options say where (`--host`), how many users and for how long. With
IMAGEPROOF_RATE jobs arrive at that rate in all, independent of answers: then one user for each worker is enough.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import gevent
import msgspec
from locust import FastHttpUser, events, task
from locust.exception import StopUser
from locust.runners import MasterRunner, WorkerRunner

from imageproof.loadtests.books import Job
from imageproof.loadtests.locust_user import bench_for, reporter
from imageproof.loadtests.mix import all_shares, read_share
from imageproof.loadtests.options import Options, Share
from imageproof.loadtests.pacing import Pacer
from imageproof.loadtests.users import play
from imageproof.specs.library import load

if TYPE_CHECKING:
    from collections.abc import Mapping

    from locust.env import Environment
    from locust.rpc import Message

    from imageproof.loadtests.lines import Line
    from imageproof.loadtests.users import Bench

log = logging.getLogger("imageproof.load")
BOOKS = "books.jsonl"
OURS = "imageproof_jobs"
PLACE, STOP, STOPPED = "imageproof_place", "imageproof_stop", "imageproof_stopped"
STEP_S, GRACE_S = 0.05, 2.0
FOR_EVER_S = 30 * 86_400.0
MARKS = 10**9  # for each worker: no two jobs of a run have the same
POLLED_PATIENCE_S = 1800.0


def options_from(environ: Mapping[str, str], host: str) -> Options:
    """What the variables ask for. Raises KeyError without a spec, ValueError for what can't be read."""
    name = environ["IMAGEPROOF_SPEC"]
    spec = load(name)
    clock = environ.get("IMAGEPROOF_CLOCK", "real")
    scale = 1.0 if clock == "real" else float(clock.removesuffix("x"))
    texts = [text for text in environ.get("IMAGEPROOF_MIX", "").split(";") if text.strip()]
    mix = [share for text in texts for share in (all_shares(spec) if text == "all" else (read_share(text),))]
    rate = environ.get("IMAGEPROOF_RATE", "").removesuffix("/s")
    return Options(
        spec=name,
        base_url=host.rstrip("/"),
        key=environ.get("IMAGEPROOF_API_KEY") or spec.auth.key_example,
        seed=int(environ.get("IMAGEPROOF_SEED", "1")),
        mix=tuple(mix) or (Share(),),
        rate=float(rate) if rate else None,
        users=None if rate else 1,
        scale=scale,
        duration_s=FOR_EVER_S,
        patience_s=max(30.0, POLLED_PATIENCE_S / scale),
    )


class Stage:
    """The run of this process: made anew at each start, as the web page may start several."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.place = (0, 1)
        self._bench: Bench | None = None
        self._pacer: Pacer | None = None
        self._next = self._playing = 0
        self.is_stopping = False
        self.waited_for: set[str] = set()

    def begin(self) -> None:
        """Forget the run before."""
        self.jobs.clear()
        self._bench = self._pacer = None
        self._next = self._playing = 0
        self.is_stopping = False

    def bench(self, environment: Environment, host: str) -> Bench:
        """What the jobs share, made with the first of them: only then is the host known."""
        if self._bench is None:
            worker, workers = self.place
            options = msgspec.structs.replace(options_from(os.environ, host), worker=worker, workers=workers)
            self._bench = bench_for(options)
            self._bench.told = reporter(environment, host)
        return self._bench

    def use(self, environment: Environment, host: str) -> None:
        """Make one job, or all that arrive where there is a rate."""
        bench = self.bench(environment, host)
        if bench.options.rate is not None:
            self._dispatch(bench)
        else:
            mark = self.place[0] * MARKS + self._next
            self._next += 1
            self._playing += 1
            self.jobs.append(play(bench, mark, bench.now()))
            self._playing -= 1
        if self.is_stopping:
            raise StopUser

    def _dispatch(self, bench: Bench) -> None:
        """Let jobs arrive; the other users of this process have nothing to do."""
        if self._pacer is not None:
            raise StopUser
        self._pacer = Pacer(bench, self._keep)
        try:
            self._pacer.work(0)
            self._pacer.drain()
        except gevent.GreenletExit:  # Locust ends its users: what is open is written down as it stands
            self._pacer.cut()
            self._pacer.drain()

    def _keep(self, line: Line) -> None:
        job = getattr(line, "job", None)
        if isinstance(job, Job):
            self.jobs.append(job)

    def drain(self, limit_s: float) -> None:
        """Wait for the jobs in flight, so long at most."""
        until = monotonic() + limit_s
        while monotonic() < until and (self._playing or (self._pacer is not None and self._pacer.open)):
            gevent.sleep(STEP_S)

    def encoded(self) -> list[bytes]:
        """The jobs that have ended since the last time, for the master."""
        out = [msgspec.json.encode(job) for job in self.jobs]
        self.jobs.clear()
        return out

    def stop(self) -> None:
        """Begin no more jobs."""
        self.is_stopping = True
        if self._pacer is not None:
            self._pacer.stop()


STAGE = Stage()


class ImageUser(FastHttpUser):
    """A user of an image API. It waits for as long as an image takes, and sends nothing again."""

    network_timeout = 660.0
    max_retries = 0
    insecure = False

    @task
    def work(self) -> None:
        """Make a job."""
        STAGE.use(self.environment, self.host or "")


def _on_init(environment: Environment, **_: object) -> None:
    """Join the books of the workers at the master."""
    runner = environment.runner
    if isinstance(runner, WorkerRunner):
        runner.register_message(PLACE, _on_place)
        runner.register_message(STOP, _on_stop, concurrent=True)
    elif isinstance(runner, MasterRunner):
        runner.register_message(STOPPED, _on_stopped)


def _on_place(environment: Environment, msg: Message, **_: object) -> None:  # noqa: ARG001  (Locust names them)
    """A worker learns which part of the arrivals is its own."""
    STAGE.place = (int(msg.data["worker"]), int(msg.data["workers"]))


def _on_test_start(environment: Environment, **_: object) -> None:
    STAGE.begin()
    runner = environment.runner
    if isinstance(runner, MasterRunner):
        ids = sorted(client.id for client in runner.clients.ready)
        for number, client in enumerate(ids):
            runner.send_message(PLACE, {"worker": number, "workers": len(ids)}, client_id=client)


def _on_test_stopping(environment: Environment, **_: object) -> None:
    """Let the jobs in flight end: Locust's own master waits half a second for what its workers have to say."""
    STAGE.stop()
    runner = environment.runner
    if not isinstance(runner, MasterRunner) or not environment.stop_timeout:
        return
    STAGE.waited_for = {client.id for client in runner.clients.all}
    for client in tuple(STAGE.waited_for):
        runner.send_message(STOP, {}, client_id=client)
    until = monotonic() + environment.stop_timeout + GRACE_S
    while STAGE.waited_for and monotonic() < until:
        gevent.sleep(STEP_S)


def _on_stop(environment: Environment, msg: Message, **_: object) -> None:  # noqa: ARG001  (Locust names them)
    """A worker ends its jobs, and sends what is left of its books."""
    STAGE.stop()
    STAGE.drain(environment.stop_timeout)
    if environment.runner is not None:
        environment.runner.send_message(STOPPED, {OURS: STAGE.encoded()})


def _on_stopped(environment: Environment, msg: Message, **_: object) -> None:  # noqa: ARG001  (as above)
    _on_worker_report(msg.node_id, msg.data)
    STAGE.waited_for.discard(msg.node_id)


def _on_report(client_id: str, data: dict[str, object], **_: object) -> None:  # noqa: ARG001  (as above)
    """A worker sends the jobs that have ended since its last report."""
    data[OURS] = STAGE.encoded()


def _on_worker_report(client_id: str, data: dict[str, object], **_: object) -> None:  # noqa: ARG001  (as above)
    lines = data.get(OURS, [])
    if isinstance(lines, list):
        STAGE.jobs.extend(msgspec.json.decode(line, type=Job) for line in lines)


def _on_quit(environment: Environment, **_: object) -> None:
    """Write the books, where somebody wants them."""
    folder = os.environ.get("IMAGEPROOF_OUT")
    if isinstance(environment.runner, WorkerRunner):
        return
    ends: dict[str, int] = {}
    for job in STAGE.jobs:
        ends[job.end.value] = ends.get(job.end.value, 0) + 1
    log.info("jobs: %s", ", ".join(f"{count} {name}" for name, count in sorted(ends.items())) or "none")
    if folder:
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        lines = sorted(STAGE.jobs, key=lambda job: job.intended_s)
        (path / BOOKS).write_bytes(b"".join(msgspec.json.encode(job) + b"\n" for job in lines))


events.init.add_listener(_on_init)  # type: ignore[no-untyped-call]  # Locust's own is untyped, here and below
events.test_start.add_listener(_on_test_start)  # type: ignore[no-untyped-call]
events.test_stopping.add_listener(_on_test_stopping)  # type: ignore[no-untyped-call]
events.report_to_master.add_listener(_on_report)  # type: ignore[no-untyped-call]
events.worker_report.add_listener(_on_worker_report)  # type: ignore[no-untyped-call]
events.quitting.add_listener(_on_quit)  # type: ignore[no-untyped-call]
