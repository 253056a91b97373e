"""One run: every request is sent once, every rule is judged once, and what rests on something broken says so.

Checks are coroutines that ask the session for what they need (a refusal, a story, another rule); the session remembers
the answers, so that rules share requests and a billable one is never repeated.
"""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING

from imageproof.specs.files import FileFacts
from imageproof.specs.generate import Maker
from imageproof.specs.library import load
from imageproof.specs.pairwise import cover
from imageproof.specs.problems import nearest
from imageproof.suites.gateway.ambient import Ambient
from imageproof.suites.gateway.bench import Bench, LostError, Seen
from imageproof.suites.gateway.histories import judge_history
from imageproof.suites.gateway.jobs import Job, first_shape_of, image_shapes, is_heavy, job_for, makes_tasks
from imageproof.suites.gateway.lives import Lives
from imageproof.suites.gateway.names import RuleBook
from imageproof.suites.gateway.probes import MOST, probes_for, selector_of
from imageproof.suites.gateway.quiet import Quiet
from imageproof.suites.gateway.verdicts import (
    BlockedError,
    BudgetEndedError,
    InconclusiveError,
    Judgement,
    NotApplicableError,
    NotJudgedError,
)
from imageproof.suites.ledger import AlreadySpentError, BudgetError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable

    from imageproof.records.lines import Line
    from imageproof.records.redact import Redactor
    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Shape, Spec
    from imageproof.specs.pairwise import Cover
    from imageproof.suites.capabilities import Capabilities
    from imageproof.suites.gateway.config import Config
    from imageproof.suites.gateway.probes import Probe
    from imageproof.suites.gateway.stories import Story
    from imageproof.suites.ledger import Ledger
    from imageproof.suites.wire import Sender

    Check = Callable[["Session", Rule], Awaitable[Judgement]]

FREE_ACCIDENTS = 3  # requests that had to be refused and were accepted: after so many, free mode stops to send more
BIG = 4_000_000  # bytes
HEAVY_AT_ONCE = 4  # answers with many megabytes of base64, so that a run stays small


class Session:
    """A run against one target."""

    def __init__(  # noqa: PLR0913  (the parts of a run, put together in one place)
        self,
        config: Config,
        spec: Spec,
        sender: Sender,
        *,
        write: Callable[[Line], None],
        redact: Redactor,
        find_check: Callable[[Spec, Rule], Check],
        ledger: Ledger | None = None,
        capabilities: Capabilities | None = None,
    ) -> None:
        self.config = config
        self.spec = spec
        self.book = RuleBook(spec)
        self.capabilities = capabilities
        self.ledger = ledger
        self.bench = Bench(config, spec, sender, write, redact)
        self.ambient = Ambient(spec, config.keys.secrets())
        self.bench.observers.append(self.ambient.look)
        self.lives = Lives(self.bench, write)
        self.granted: frozenset[str] | None = None
        self.set_aside_micro_usd = 0
        self.paid_before: dict[str, Seen] = {}
        self.cards: bool | None = config.cards
        self.accidents = 0
        self.facts: dict[str, object] = {}
        self._find_check = find_check
        self._judging: dict[str, asyncio.Task[Judgement]] = {}
        self._refusals: dict[str, asyncio.Task[Seen]] = {}
        self._stories: dict[str, asyncio.Task[Story]] = {}
        self._shared: dict[str, asyncio.Task[object]] = {}
        self._jobs = asyncio.Semaphore(config.jobs_at_once)
        self._heavy = asyncio.Semaphore(min(HEAVY_AT_ONCE, config.jobs_at_once))
        self.quiet = Quiet()
        self._big = asyncio.Lock()

    # rules

    async def judge(self, rule: Rule) -> Judgement:
        """Judge a rule, once. Raises NotJudgedError when it can't be judged, with the reason."""
        task = self._judging.get(rule.id)
        if task is None:
            task = self._judging[rule.id] = asyncio.ensure_future(self._judge(rule))
        return await asyncio.shield(task)

    async def _judge(self, rule: Rule) -> Judgement:
        lacking = self.capabilities.missing(rule) if self.capabilities else None
        if lacking:
            raise NotApplicableError(f"the gateway declares that it lacks this: {lacking}")
        return await self._find_check(self.spec, rule)(self, rule)

    def rule(self, rule_id: str) -> Rule:
        """The rule of an id. Raises KeyError, naming the nearest one."""
        found = self.book.by_id.get(rule_id)
        if found is None:
            raise KeyError(f"no rule {rule_id!r}: the nearest is {nearest(rule_id, self.book.by_id)!r}")
        return found

    async def is_broken(self, rule_id: str) -> bool:
        """Whether a rule was found broken; a rule that the spec does not state is not."""
        rule = self.book.by_id.get(rule_id)
        if rule is None:
            return False
        try:
            return bool((await self.judge(rule)).faults)
        except NotJudgedError:
            return False

    async def need(self, *rule_ids: str) -> None:
        """Require that other rules hold. Raises BlockedError, naming the root cause."""
        for rule_id in rule_ids:
            rule = self.book.by_id.get(rule_id)
            if rule is None:
                continue
            try:
                judgement = await self.judge(rule)
            except BlockedError as error:
                raise BlockedError(error.reason, by=error.by) from None
            except NotJudgedError:
                continue
            if judgement.faults:
                raise BlockedError(f"rests on {rule_id}, which is broken", by=rule_id)

    async def shared(self, name: str, work: Callable[[], Coroutine[object, object, object]]) -> object:
        """The result of some work that several rules need, done once."""
        task = self._shared.get(name)
        if task is None:
            task = self._shared[name] = asyncio.ensure_future(work())
        return await asyncio.shield(task)

    def shared_now(self, name: str) -> object | None:
        """The result of shared work that is done; None where it was never begun, or failed."""
        task = self._shared.get(name)
        return (
            task.result()
            if task is not None and task.done() and not task.cancelled() and not task.exception()
            else None
        )

    # requests that must be refused

    def probes(self, rule: Rule, *, most: int = MOST) -> list[Probe]:
        """The requests that break a rule and no other, computed once."""
        return probes_of(self.config.spec, rule.id, most)

    async def refused(self, probe: Probe) -> Seen:
        """Send a request that must be refused, once. Raises LostError when no answer comes even at a second try."""
        key = f"{probe.operation.name} {sorted(probe.breaks.items(), key=lambda item: item[0])!r}"
        task = self._refusals.get(key)
        if task is None:
            task = self._refusals[key] = asyncio.ensure_future(self._refused(probe))
        return await asyncio.shield(task)

    async def _refused(self, probe: Probe) -> Seen:
        if self.config.mode == "free" and self.accidents >= FREE_ACCIDENTS:
            raise InconclusiveError(
                f"not sent: {self.accidents} requests that must be refused were accepted, and may have been billed; "
                "fix these first, or run with --mode paid"
            )
        try:
            seen = await self._refuse_once(probe)
        except LostError:  # a free request may be sent again: once, to tell an accident from a habit
            seen = await self._refuse_once(probe)
        self.accidents += seen.is_good
        return seen

    async def _refuse_once(self, probe: Probe) -> Seen:
        async with self._big if is_big(probe.breaks) else nullcontext():
            return await self.bench.call("refusal", probe.operation, body=probe.breaks, model=probe.model)

    # billable requests

    @property
    def is_paid(self) -> bool:
        """Whether billable requests may be sent."""
        return self.config.mode == "paid"

    async def story(self, job: Job, *, alone: bool = False) -> Story:
        """Live a job, once. Raises InconclusiveError in free mode, without money, or when no answer came.

        `alone` says that the caller has seen to it that nobody else moves money meanwhile (`quiet.alone`).
        """
        if not self.is_paid:
            raise InconclusiveError("needs a billable request, and free mode sends none: run with --mode paid")
        task = self._stories.get(job.key)
        if task is None:
            work = self._live(job) if alone else self._live_among_others(job)
            task = self._stories[job.key] = asyncio.ensure_future(work)
        return await asyncio.shield(task)

    async def submit_among_others(self, job: Job, *, body: dict[str, object] | None = None) -> Seen:
        """Send a job (or another body in its name) and leave it to the caller to follow. Raises as `story` does."""
        async with self.quiet.shared():
            return await self.submit_only(job, body=body)

    async def submit_only(self, job: Job, *, body: dict[str, object] | None = None) -> Seen:
        """The same for callers who are alone."""
        if not self.is_paid:
            raise InconclusiveError("needs a billable request, and free mode sends none: run with --mode paid")
        self._reserve(job)
        seen = await self.bench.call(
            f"job {job.key}",
            job.operation,
            body=body or job.sent,
            extra=job.extra,
            micro_usd=job.micro_usd,
            model=job.model.name,
        )
        if self.ledger is not None:
            self.ledger.settle(job.key, job.micro_usd if seen.is_good else 0)
        return seen

    async def _live_among_others(self, job: Job) -> Story:
        async with self.quiet.shared():
            return await self._live(job)

    async def _live(self, job: Job) -> Story:
        async with self._heavy if is_heavy(job) else self._jobs:
            paid = self.paid_before.get(job.key)
            if paid is not None and makes_tasks(job.operation) and paid.is_good:
                return await self.lives.follow(job, paid)
            self._reserve(job)
            closely = job.key == self.least(first_shape_of(self.spec)).key
            story = await self.lives.live(job, cost=job.micro_usd, closely=closely)
        if self.ledger is not None:
            self.ledger.settle(job.key, job.micro_usd if story.is_accepted else 0)
        if story.polls:
            judge_history(self.spec, self.ambient, story.submit, story.polls)
        return story

    def grant(self, jobs: Iterable[Job]) -> None:
        """Keep the money for these jobs: others get only what is left over."""
        chosen = list(jobs)
        self.granted = frozenset(job.key for job in chosen)
        self.set_aside_micro_usd = sum(job.micro_usd for job in chosen)

    def _reserve(self, job: Job) -> None:
        if self.ledger is None:
            return
        limit = self.config.max_micro_usd
        if self.granted is not None and limit is not None:
            if job.key in self.granted:
                self.set_aside_micro_usd -= job.micro_usd
            elif self.ledger.spent_micro_usd + self.set_aside_micro_usd + job.micro_usd > limit:
                raise BudgetEndedError("the budget has ended: the money is kept for requests that prove more")
        try:
            self.ledger.reserve(job.key, job.micro_usd, f"{job.operation.name} {job.model.name}")
        except BudgetError as error:
            raise BudgetEndedError(str(error)) from None
        except AlreadySpentError as error:
            raise InconclusiveError(str(error)) from None

    # what requests are made from

    def shapes(self) -> list[Shape]:
        """The shapes that make images, without those of operations and models that the gateway says it lacks."""
        lacks = self.capabilities
        every = image_shapes(self.spec)
        if lacks is None:
            return every
        return [
            item for item in every if not lacks.lacks_operation(item.operation) and not lacks.lacks_model(item.model)
        ]

    def lacks(self, body: dict[str, object]) -> bool:
        """Whether a body holds a field that the gateway says it lacks."""
        return self.capabilities is not None and any(self.capabilities.lacks_field(name) for name in body)

    def least(self, shape: Shape) -> Job:
        """The job of the shortest valid body of a shape."""
        return job_for(self.spec, shape, Maker(shape, selector_of(self.spec, shape)).least())

    def cover(self, shape: Shape) -> Cover:
        """The pairwise rows of a shape, computed once."""
        return cover_of(self.config.spec, shape.operation, shape.model, self.config.seed)

    def judged_now(self, rule: Rule) -> Judgement | BaseException | None:
        """What a rule has come to; None while it is being judged."""
        task = self._judging.get(rule.id)
        if task is None or not task.done() or task.cancelled():
            return None
        return task.exception() or task.result()

    @staticmethod
    def now() -> float:
        """Seconds on a clock that never goes back."""
        return monotonic()


def is_big(body: dict[str, object]) -> bool:
    """Whether a body holds an upload of so many megabytes that one at a time is enough."""
    files = [item for value in body.values() for item in (value if isinstance(value, list) else [value])]
    return any(isinstance(item, FileFacts) and item.size > BIG for item in files)


@cache
def cover_of(name: str, operation: str, model: str, seed: int) -> Cover:
    """The pairwise rows of a shape of a spec; pure, so several runs of one process share them."""
    spec = load(name)
    shape = spec.models[model].shapes[operation]

    def cost(body: dict[str, object]) -> int:
        return job_for(spec, shape, body).micro_usd

    return cover(shape, selector_of(spec, shape), seed=seed, cost=cost)


@cache
def probes_of(name: str, rule_id: str, most: int) -> list[Probe]:
    """The probes of a rule of a spec; shared as the rows are."""
    spec = load(name)
    rule = next(item for item in spec.rules if item.id == rule_id)
    return probes_for(spec, rule, most=most)
