"""Begin jobs when they are due, by a rate that waits for nobody or by users that wait for their answers.

The pacer looks at itself while it does so: how late its loop is, how late jobs begin, how much of a core it takes.
"""

from __future__ import annotations

from time import monotonic, process_time
from typing import TYPE_CHECKING

import gevent
from gevent.event import Event
from gevent.pool import Group

from imageproof.loadtests.lines import Beat, Made
from imageproof.loadtests.pace import arrivals, most_of, pieces, read_shape, waits_until
from imageproof.loadtests.users import play

if TYPE_CHECKING:
    from collections.abc import Callable

    from imageproof.loadtests.lines import Line
    from imageproof.loadtests.users import Bench

BEAT_S = 1.0
TICK_S = 0.02
NAP_S = 0.001  # shorter waits than that are over before a loop has turned
GRACE_S = 1.0


class Pacer:
    """Makes the load of one process. `say` gets what is to be told of it."""

    def __init__(self, bench: Bench, say: Callable[[Line], None]) -> None:
        options = bench.options
        self._bench = bench
        self._say = say
        self._profile = pieces(read_shape(options.shape), options.duration_s, options.warm_up_s)
        self._stopping = Event()
        self._jobs = Group()
        self._direct = Group()
        self._late_s = self._lag_s = 0.0
        self._began = self._left = self._spent = 0
        self.why = ""
        self._all_left = Event()

    @property
    def began(self) -> int:
        """The number of jobs begun."""
        return self._began

    @property
    def open(self) -> int:
        """The number of jobs in flight."""
        return len(self._jobs)

    def users(self) -> int:
        """How many users of Locust this process needs: one for a rate, else its part of them all."""
        options = self._bench.options
        if options.users is None:
            return 1
        most = round(options.users * most_of(self._profile))
        return len(range(options.worker, most, options.workers))

    def work(self, number: int) -> None:
        """Be user `number` (from 0) of this process until the end."""
        if self._bench.options.users is None:
            self._dispatch()
        else:
            self._use(number)
        self._left += 1
        self._all_left.set()

    def begin_direct(self) -> None:
        """Let jobs begin that go to the upstream past the target, beside the others; none where nobody wants them."""
        options = self._bench.options
        if not options.direct:
            return
        if options.users is None:
            self._direct.spawn(self._dispatch_direct, options.rate or 0.0)
            return
        most = max(1, round(options.users * options.direct_share))
        for user in range(options.worker, most, options.workers):
            self._direct.spawn(self._use_direct, user, most)

    def wait(self, users: int) -> None:
        """Return when so many users have ended their work."""
        while self._left < users:
            self._all_left.wait()
            self._all_left.clear()

    def stop(self) -> None:
        """Begin no more jobs."""
        self._stopping.set()

    def cut(self) -> None:
        """End the jobs that are open; their books say so."""
        self.stop()
        self._jobs.kill(block=False)
        self._direct.kill(block=False)

    def drain(self) -> None:
        """Wait for the jobs that are open, as long as a job may take."""
        options = self._bench.options
        self._direct.join()
        if not self._jobs.join(options.patience_s + options.network_s):
            self._jobs.kill(timeout=GRACE_S)

    def _dispatch(self) -> None:
        """Begin each job of this process when it arrives, however the others do."""
        options = self._bench.options
        if options.rate is None:
            return
        due = arrivals(self._profile, options.rate, how=options.arrivals, seed=options.seed)
        for index, at in enumerate(due):
            if index % options.workers == options.worker:
                if self._rests_until(at):
                    return
                self._jobs.spawn(self._make, options.first_mark + index, at)
        self._rests_until(options.warm_up_s + options.duration_s)

    def _dispatch_direct(self, rate: float) -> None:
        """Begin the jobs past the target when they arrive, half a step before others where these are evenly spaced."""
        options = self._bench.options
        early = 0.5 / rate if options.arrivals == "constant" and rate else 0.0
        due = arrivals(self._profile, rate * options.direct_share, how=options.arrivals, seed=~options.seed)
        for index, at in enumerate(due):
            if index % options.workers == options.worker:
                if self._rests_until(at - early):
                    return
                self._jobs.spawn(self._make_direct, options.first_mark + index, at - early)

    def _use_direct(self, user: int, users: int) -> None:
        """Make one job past the target after another, while so many users are wanted."""
        job = 0
        while not self._stopping.is_set():
            at = waits_until(self._profile, user / users, self._bench.now())
            if at is None or self._rests_until(at):
                return
            mark = self._bench.options.first_mark + user + job * users
            self._jobs.spawn(self._make_direct, mark, self._bench.now()).join()
            job += 1

    def _use(self, number: int) -> None:
        """Make one job after another, while so many users are wanted."""
        options = self._bench.options
        user = options.worker + number * options.workers
        users = options.users or 1
        job = 0
        while not self._stopping.is_set():
            at = waits_until(self._profile, user / users, self._bench.now())
            if at is None or self._rests_until(at):
                return
            made = self._jobs.spawn(self._make, options.first_mark + user + job * users * 1000, self._bench.now())
            made.join()
            job += 1

    def _rests_until(self, at_s: float) -> bool:
        """Wait until then; whether the run is to end instead."""
        left = at_s - self._bench.now()
        if left > NAP_S:
            self._stopping.wait(left)
        return self._stopping.is_set()

    def _affords(self, mark: int) -> bool:
        """Take the cost of a job from the budget; one that is too small for it ends the run."""
        budget = self._bench.options.budget_micro_usd
        if budget is None:
            return True
        self._spent += self._bench.mix.cost(mark)
        if self._spent > budget:
            self.why = "budget"
            self.stop()
            return False
        return True

    def _make(self, mark: int, at_s: float) -> None:
        if not self._affords(mark):
            return
        self._began += 1
        self._late_s = max(self._late_s, self._bench.now() - at_s)
        self._say(Made(job=play(self._bench, mark, at_s)))

    def _make_direct(self, mark: int, at_s: float) -> None:
        self._say(Made(job=play(self._bench, mark, at_s, direct=True)))

    def watch(self) -> None:
        """Measure the loop for ever, and tell of it each second."""
        wall, cpu = monotonic(), process_time()
        while True:
            before = monotonic()
            gevent.sleep(TICK_S)
            now = monotonic()
            self._lag_s = max(self._lag_s, now - before - TICK_S)
            if now - wall >= BEAT_S:
                used = process_time()
                self._say(self._beat((used - cpu) / (now - wall)))
                wall, cpu = now, used

    def _beat(self, cpu: float) -> Beat:
        beat = Beat(
            worker=self._bench.options.worker,
            at_s=self._bench.now(),
            lag_s=self._lag_s,
            cpu=cpu,
            late_s=self._late_s,
            open=len(self._jobs),
            began=self._began,
        )
        self._lag_s = self._late_s = 0.0
        return beat
