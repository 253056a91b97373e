"""Live through one job: submit it once, poll it to its end, fetch its images. A submit is never repeated."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from imageproof.records.lines import Picture
from imageproof.specs.model import Does, Phase
from imageproof.specs.places import read_all
from imageproof.suites.gateway.bench import LostError
from imageproof.suites.gateway.events import read_events
from imageproof.suites.gateway.jobs import makes_tasks
from imageproof.suites.gateway.pictures import Image, look, look_at_text
from imageproof.suites.gateway.reading import names_of_states, polling_operation, read_answer
from imageproof.suites.gateway.stories import Story

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imageproof.records.lines import Line
    from imageproof.specs.model import JsonTree, Operation
    from imageproof.suites.gateway.bench import Bench, Seen
    from imageproof.suites.gateway.events import Event
    from imageproof.suites.gateway.jobs import Job

QUICKEST_S = 0.02
SLOWEST_S = 1.0
GROWTH = 1.5
SSE = "text/event-stream"
LONGEST_KEPT = 4096
EYES = 1
STREAM_PATIENCE_S = 900.0
AFTER_END = 2  # polls after the end, to see that it stays
NOT_YET = 3  # polls that may find nothing right after the submit; the rule found-at-once counts the first


class Lives:
    """Lives jobs on a bench; `write` takes the pictures for the record."""

    def __init__(self, bench: Bench, write: Callable[[Line], None]) -> None:
        self._bench = bench
        self._write = write
        self._spec = bench.spec
        self._config = bench.config
        self._poll = polling_operation(bench.spec)
        self._eyes = ThreadPoolExecutor(EYES, thread_name_prefix="imageproof-eyes")

    async def live(self, job: Job, *, cost: int, closely: bool = False) -> Story:
        """Send a job and follow it to its end. Raises LostError when the submit itself got no answer.

        A job that is looked at `closely` has its first image fetched once more.
        """
        submit = await self._bench.call(
            f"job {job.key}",
            job.operation,
            body=job.sent,
            account=job.account,
            model=job.model.name,
            extra=job.extra,
            micro_usd=cost,
            patience_s=None if makes_tasks(job.operation) else STREAM_PATIENCE_S / min(self._config.scale, 10.0),
        )
        if not submit.is_good:
            return Story(job=job, submit=submit, phase=None)
        if makes_tasks(job.operation):
            return await self._follow(job, submit, closely=closely)
        if submit.content_type == SSE:
            events = tuple(read_events(submit.body))
            images = await self._streamed(job, submit, events)
            short = tuple(replace(event, tree=_cut(event.tree)) for event in events)
            return Story(job=job, submit=slim(submit), phase=Phase.SUCCEEDED, images=images, events=short)
        images, unreachable = await self._images(job, submit, None)
        kept = slim(submit)
        return Story(job=job, submit=kept, phase=Phase.SUCCEEDED, final=kept, images=images, unreachable=unreachable)

    async def _ask(self, job: Job, operation: Operation | None, submit: Seen) -> Seen:
        """Ask how a job stands, or for its result."""
        case = f"job {job.key}"
        return await self._bench.call(case, operation, task_id=submit.task, account=job.account, model=job.model.name)

    def close(self) -> None:
        """Let go of the threads that look at pictures."""
        self._eyes.shutdown(wait=False, cancel_futures=True)

    # tasks

    async def follow(self, job: Job, submit: Seen) -> Story:
        """Follow a job whose submit was answered in an earlier part of the run; nothing is paid for again."""
        return await self._follow(job, submit, closely=False)

    async def _follow(self, job: Job, submit: Seen, *, closely: bool) -> Story:
        if submit.task is None or self._poll is None:
            return Story(job=job, submit=submit, lost="the answer to the submit holds no task id where it should stand")
        polls: list[Seen] = []
        names = names_of_states(self._spec, self._poll)
        missing = 0
        for wait in self._waits():
            await asyncio.sleep(wait)
            try:
                poll = await self._ask(job, self._poll, submit)
            except LostError as error:
                return Story(job=job, submit=submit, polls=tuple(polls), lost=error.reason)
            polls.append(poll)
            if not poll.is_good:
                missing += 1
                if missing > NOT_YET:
                    reason = f"polls of task {submit.task} answer {poll.status}"
                    return Story(job=job, submit=submit, polls=tuple(polls), lost=reason)
                continue
            phase = names.get(poll.state or "")
            if phase is None and (odd := self._odd_end(poll)) is not None:
                return Story(job=job, submit=submit, polls=tuple(polls), phase=odd, final=poll, odd=str(poll.state))
            if phase is not None and phase.is_final:
                return await self._ended(job, submit, polls, phase, closely=closely)
        state = polls[-1].state if polls else None
        reason = f"task {submit.task} was still {state!r} after {self._config.job_s:g} s"
        return Story(job=job, submit=submit, polls=tuple(polls), lost=reason, odd="" if state in names else str(state))

    def _waits(self) -> Iterator[float]:
        """Seconds between polls: the first one at once, then as the provider advises, or as fast as is useful."""
        yield 0.0
        spent, scale = 0.0, self._config.scale
        advice = self._spec.tasks.polling if self._spec.tasks else None
        wait = QUICKEST_S
        while spent < self._config.job_s / min(scale, 10.0):
            if self._config.patient and advice is not None:
                at = spent * scale
                phase = next((item for item in advice.phases if item.until_s is None or at < item.until_s), None)
                every = advice.first_s if spent == 0.0 else (sum(phase.every_s) / 2 if phase else advice.first_s)
                wait = max(QUICKEST_S, every / scale)
            yield wait
            spent += wait
            if not self._config.patient:
                wait = min(SLOWEST_S, wait * GROWTH)

    def _odd_end(self, poll: Seen) -> Phase | None:
        """The end that an answer in an unknown state tells by what it holds: images, or an error."""
        if poll.operation is None:
            return None
        if _texts(read_answer(poll.operation, poll.tree, Phase.SUCCEEDED), "image.url", "image.base64"):
            return Phase.SUCCEEDED
        failed = read_answer(poll.operation, poll.tree, Phase.FAILED)
        return Phase.FAILED if failed.get("failure.code") or failed.get("failure.message") else None

    async def _ended(self, job: Job, submit: Seen, polls: list[Seen], phase: Phase, *, closely: bool) -> Story:
        final = polls[-1]
        for _ in range(AFTER_END):
            try:
                polls.append(await self._ask(job, self._poll, submit))
            except LostError:
                break
        result = self._spec.operation_for(Does.RESULT)
        if phase is Phase.SUCCEEDED and result is not None:
            final = await self._bench.call(
                f"job {job.key}", result, task_id=submit.task, account=job.account, model=job.model.name
            )
        images: tuple[Image, ...] = ()
        unreachable: tuple[tuple[str, int], ...] = ()
        again: tuple[Image, ...] = ()
        if phase is Phase.SUCCEEDED:
            images, unreachable = await self._images(job, final, Phase.SUCCEEDED)
            again = await self._again(job, final, polls[-1], closely=closely)
        return Story(
            job=job,
            submit=submit,
            polls=tuple(slim(poll) for poll in polls),
            phase=phase,
            final=slim(final),
            images=images,
            unreachable=unreachable,
            again=again,
        )

    async def _again(self, job: Job, first: Seen, last: Seen, *, closely: bool) -> tuple[Image, ...]:
        """The first image once more: when asked for, or where the last poll links to another place than before."""
        if first.operation is not last.operation or last.operation is None or not last.is_good:
            return ()
        before = _texts(read_answer(last.operation, first.tree, Phase.SUCCEEDED), "image.url")
        after = _texts(read_answer(last.operation, last.tree, Phase.SUCCEEDED), "image.url")
        if not before or not after:
            return ()
        is_same = before[0].partition("?")[0] == after[0].partition("?")[0]  # a signature may well be another one
        if is_same and not closely:
            return ()
        got = await self._fetch(job, after[0])
        return (got,) if isinstance(got, Image) else ()

    # images

    async def _images(
        self, job: Job, answer: Seen, phase: Phase | None
    ) -> tuple[tuple[Image, ...], tuple[tuple[str, int], ...]]:
        if answer.operation is None:
            return (), ()
        values = read_answer(answer.operation, answer.tree, phase)
        found: list[Image] = []
        unreachable: list[tuple[str, int]] = []
        found += [await self._decoded(job, answer.id, text) for text in _texts(values, "image.base64")]
        for url in _texts(values, "image.url"):
            if url.startswith("data:"):
                found.append(await self._decoded(job, answer.id, url))
                continue
            got = await self._fetch(job, url)
            if isinstance(got, Image):
                found.append(got)
            else:
                unreachable.append(got)
        for image in found:
            self._note(job, image)
        return tuple(found), tuple(unreachable)

    async def _fetch(self, job: Job, url: str) -> Image | tuple[str, int]:
        if "://" not in url:
            return (f"{url[:200]!r} is no URL", 0)
        try:
            got = await self._bench.call(f"job {job.key}", None, path=url, method="GET", headers=())
        except LostError as error:
            return (error.reason, error.exchange)
        if not got.is_good:
            return (f"GET of the result answers {got.status}", got.id)
        return await self._looked(got.body, exchange=got.id, url=url)

    async def _decoded(self, job: Job, exchange: int, text: str) -> Image:
        work = partial(look_at_text, text, exchange=exchange, unread=job.key)
        return await asyncio.get_running_loop().run_in_executor(self._eyes, work)

    async def _looked(self, data: bytes, *, exchange: int, url: str) -> Image:
        """Decode in a thread, one at a time: a picture of 4K takes 50 MB meanwhile."""
        work = partial(look, data, exchange=exchange, url=url)
        return await asyncio.get_running_loop().run_in_executor(self._eyes, work)

    async def _streamed(self, job: Job, submit: Seen, events: tuple[Event, ...]) -> tuple[Image, ...]:
        """The images of the completed events."""
        stream = job.operation.stream
        out: list[Image] = []
        for event in events:
            if stream is not None and event.name == stream.completed_event:
                texts = _texts(read_all(event.tree, stream.completed), "image.base64")
                out += [await self._decoded(job, submit.id, text) for text in texts]
        for image in out:
            self._note(job, image)
        return tuple(out)

    def _note(self, job: Job, image: Image) -> None:
        outcome = job.outcome
        self._write(
            Picture(
                exchange=image.exchange,
                case=f"job {job.key}",
                asked_width=outcome.width,
                asked_height=outcome.height,
                asked_format=outcome.format,
                width=image.width,
                height=image.height,
                format=image.format,
                size=image.size,
                thumbnail=image.thumbnail,
                note=image.broken or "",
            )
        )


def slim(seen: Seen) -> Seen:
    """The answer without its long texts: images in base64 have been decoded, and a run holds many of them."""
    return replace(seen, body=seen.body[:LONGEST_KEPT], tree=_cut(seen.tree))


def _cut(tree: JsonTree) -> JsonTree:
    match tree:
        case str() if len(tree) > LONGEST_KEPT:
            return f"{tree[:64]}... ({len(tree)} characters)"
        case list():
            return [_cut(item) for item in tree]
        case dict():
            return {name: _cut(item) for name, item in tree.items()}
        case _:
            return tree


def _texts(values: dict[str, list[object]], *names: str) -> list[str]:
    return [value for name in names for value in values.get(name, []) if isinstance(value, str)]
