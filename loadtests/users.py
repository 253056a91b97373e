"""One job as a client makes it: submit, wait as advised, poll, fetch. Synchronous calls are in `users_sync`.

A job never raises: whatever happens is written into its books. Nothing is sent again.
"""

from __future__ import annotations

from random import Random
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import gevent

from imageproof.loadtests.books import Call, End, Fault, Job, Kind
from imageproof.loadtests.client import DONE_AGO, HELD, QUEUE, RUN, Answer
from imageproof.loadtests.pairs import Turns
from imageproof.loadtests.reading import ERROR, GOOD, excerpt, image_of, is_image
from imageproof.specs.model import Does, Phase, Polling, PollPhase
from imageproof.specs.stamp import prompt_digest, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from imageproof.loadtests.client import Wire
    from imageproof.loadtests.mix import Ask, Mix
    from imageproof.loadtests.options import Options
    from imageproof.loadtests.reading import Reader, Said
    from imageproof.specs.model import Operation
    from imageproof.specs.stamp import Stamp

USUAL = Polling(first_s=2.0, phases=(PollPhase(until_s=None, every_s=(2.0, 2.0)),))
"""For a provider that advises nothing."""
LOOK_S = 10.0  # far more than any image takes
FAILED_POLLS = 5  # so many in a row, and a task counts as lost
TEXT_KEPT = 200


class Bench:
    """What all jobs of a process share. `told` hears of each call as it ends."""

    __slots__ = ("_turns", "begin", "direct_headers", "headers", "mix", "options", "reader", "told", "wire")

    def __init__(
        self, options: Options, mix: Mix, reader: Reader, wire: Wire, told: Callable[[Call], None] | None = None
    ) -> None:
        self.options = options
        self.mix = mix
        self.reader = reader
        self.wire = wire
        self.told = told
        self.begin = monotonic()
        auth = reader.spec.auth
        self.headers = {auth.header: f"{auth.scheme} {options.key}".strip()}
        self.direct_headers = {auth.header: f"{auth.scheme} {options.direct_key}".strip()}
        self._turns = Turns(duration_s=options.duration_s, warm_up_s=options.warm_up_s) if options.against else None

    def look(self, image: bytes) -> Stamp | None:
        """Read the stamp of an image. Decoding would hold up all other jobs, so a thread does it.

        One that does not come back in time is not waited for: it is read here then, as a job has to end.
        """
        try:
            with gevent.Timeout(LOOK_S):
                return gevent.get_hub().threadpool.apply(read, (image,))
        except gevent.Timeout:
            return read(image)

    def url_at(self, at_s: float) -> str:
        """Which target a job that is due then goes to."""
        if self._turns is not None and self._turns.side_at(at_s):
            return self.options.against
        return self.options.base_url

    def now(self) -> float:
        """Seconds since the start of the run."""
        return monotonic() - self.begin


class Play:
    """The books of one job while it goes on."""

    __slots__ = (
        "ask",
        "bench",
        "calls",
        "direct",
        "done_ago_s",
        "end",
        "headers",
        "images",
        "intended",
        "queue_s",
        "run_s",
        "swapped",
        "task",
        "url",
    )

    def __init__(self, bench: Bench, ask: Ask, intended_s: float, *, direct: bool = False) -> None:
        self.bench = bench
        self.direct = direct
        self.headers: Mapping[str, str] = bench.direct_headers if direct else bench.headers
        self.ask = ask
        self.intended = intended_s
        self.url = bench.options.direct if direct else bench.url_at(intended_s)
        self.calls: list[Call] = []
        self.end = End.OPEN
        self.task: str | None = None
        self.images = self.swapped = 0
        self.queue_s: float | None = None
        self.run_s: float | None = None
        self.done_ago_s: float | None = None

    def job(self) -> Job:
        """The job as it stands."""
        options = self.bench.options
        return Job(
            mark=self.ask.mark,
            model=self.ask.model,
            worker=options.worker,
            end=self.end,
            intended_s=self.intended,
            calls=tuple(self.calls),
            task=self.task,
            queue_s=self.queue_s,
            run_s=self.run_s,
            done_ago_s=self.done_ago_s,
            images=self.images,
            swapped=self.swapped,
            micro_usd=self.ask.micro_usd,
            warm_up=self.intended < options.warm_up_s,
            direct=self.direct,
        )

    def send(self, kind: Kind, operation: Operation, path: str, **more: object) -> Answer:
        """Send a request to the target: the order itself, or one without a body."""
        headers = self.headers
        body = b""
        if operation.does in (Does.SUBMIT, Does.GENERATE, Does.EDIT):
            body, headers = self.ask.body, {**headers, "Content-Type": self.ask.content_type}
        on_line = more.get("on_line")
        answer = self.bench.wire.send(
            operation.method,
            self.url + path,
            headers=headers,
            body=body,
            on_line=on_line if callable(on_line) else None,
        )
        self.blame(answer)
        if kind is not Kind.STREAM:
            self.keep_times(answer)
        return answer

    def blame(self, answer: Answer) -> None:
        """Say who made an error, where nothing is said yet."""
        if answer.fault is None and answer.status >= ERROR:
            answer.fault = self.bench.reader.blame(answer.body, is_marked=HELD in answer.headers)
            answer.says = f"{answer.status} {excerpt(answer.body)}".rstrip()

    def keep_times(self, answer: Answer) -> None:
        """Keep what the upstream tells of the task."""
        for name, header in (("queue_s", QUEUE), ("run_s", RUN), ("done_ago_s", DONE_AGO)):
            value = answer.ms(header)
            if value is not None:
                setattr(self, name, value)

    def note(self, kind: Kind, answer: Answer, *, sent: int = 0) -> None:
        """Enter a call into the books."""
        begin = self.bench.begin
        began = answer.began - begin
        call = Call(
            kind=kind,
            intended_s=began if self.calls else self.intended,
            began_s=began,
            ended_s=answer.ended - begin,
            first_byte_s=answer.first_byte - begin if answer.first_byte is not None else None,
            status=answer.status or None,
            fault=answer.fault,
            says=answer.says,
            sent=sent,
            received=answer.received,
            held_s=answer.ms(HELD),
            events_s=tuple(at - begin for at in answer.events),
        )
        self.calls.append(call)
        if self.bench.told is not None and not self.direct:
            self.bench.told(call)

    def broke(self, error: Exception) -> None:
        """Enter a mistake of our own: the job is lost, and the client is to blame."""
        self.end = End.LOST
        now = monotonic()
        kind = self.calls[-1].kind if self.calls else Kind.SUBMIT
        answer = Answer(began=now, ended=now, fault=Fault.CLIENT, says=f"{type(error).__name__}: {error}"[:TEXT_KEPT])
        self.note(kind, answer)

    def took(self, image: bytes) -> None:
        """Count an image that came, and look whether it is this job's."""
        self.images += 1
        share = self.bench.options.pixels
        if share <= 0 or (share < 1 and Random(self.ask.mark).random() >= share):
            return
        stamp = self.bench.look(image)
        if stamp is not None and stamp.prompt_digest != prompt_digest(self.ask.prompt):
            self.swapped += 1


def play(bench: Bench, mark: int, intended_s: float, *, direct: bool = False) -> Job:
    """Make one job from its planned arrival to its images; one that is cut off stays open.

    A mistake of our own ends the job as lost, by a fault of the client: it must neither vanish nor hold up the run.
    """
    from imageproof.loadtests.users_sync import play_sync  # noqa: PLC0415  (each file knows the other's kind)

    book = Play(bench, bench.mix.ask(mark), intended_s, direct=direct)
    try:
        if book.ask.operation.does is Does.SUBMIT:
            _play_polled(book)
        else:
            play_sync(book)
    except gevent.GreenletExit:
        book.end = End.OPEN
    except Exception as error:  # noqa: BLE001  (it is written down, with its name)
        book.broke(error)
    return book.job()


def _play_polled(book: Play) -> None:
    operation, reader = book.ask.operation, book.bench.reader
    answer = book.send(Kind.SUBMIT, operation, book.ask.path)
    said = _accepted(book, answer)
    book.note(Kind.SUBMIT, answer, sent=len(book.ask.body))
    poll = reader.poll
    if said is None or said.task is None or poll is None:
        return
    book.task = said.task
    done = _wait(book, poll, answer.ended)
    if done is None:
        return
    if not done.urls and not done.base64 and reader.result is not None:
        done = _result(book, reader.result) or done
    fetch(book, done)


def _accepted(book: Play, answer: Answer) -> Said | None:
    """The task that a submit gives; the end of the job where it gives none."""
    if answer.status == 0 or (answer.fault is not None and answer.status < ERROR):
        book.end = End.LOST
        return None
    if answer.fault is not None:
        book.end = End.REFUSED
        return None
    said = book.bench.reader.read(book.ask.operation, answer.body)
    if said is None or said.task is None:
        answer.fault, answer.says = Fault.CONTRACT, f"the answer to a submit names no task: {excerpt(answer.body)}"
        book.end = End.LOST
        return None
    return said


def cadence(polling: Polling, random: Random, *, every_s: float | None = None) -> Iterator[float]:
    """The times of polls since the submit, in seconds of the provider: as advised, or all `every_s`."""
    if every_s is not None:
        now = every_s
        while True:
            yield now
            now += every_s
    now = polling.first_s
    while True:
        yield now
        phase = next((item for item in polling.phases if item.until_s is None or now < item.until_s), None)
        if phase is None:
            return
        now += random.uniform(*phase.every_s)


def _wait(book: Play, poll: Operation, began: float) -> Said | None:
    """Poll until the task is done; None when it ends otherwise."""
    options, tasks = book.bench.options, book.bench.reader.spec.tasks
    path = poll.path.replace("{task_id}", book.task or "")
    polling = tasks.polling if tasks and tasks.polling else USUAL
    failed = 0
    for due in cadence(polling, Random(f"{options.seed}/{book.ask.mark}"), every_s=options.poll_s):
        at = began + due / options.scale
        if at - began > options.patience_s:
            return None
        gevent.sleep(max(0.0, at - monotonic()))
        said = _poll(book, poll, path)
        failed = failed + 1 if said is None else 0
        if failed >= FAILED_POLLS:
            book.end = End.LOST
            return None
        if said is not None and said.phase is Phase.FAILED:
            book.end = End.FAILED
            return None
        if said is not None and said.phase is Phase.SUCCEEDED:
            return said
    return None


def _poll(book: Play, poll: Operation, path: str) -> Said | None:
    """One poll; None when it tells nothing."""
    book.done_ago_s = None  # what an earlier answer told is not what this one tells
    answer = book.send(Kind.POLL, poll, path)
    said = None
    if answer.fault is None:
        said = book.bench.reader.read(poll, answer.body)
        if said is None or said.phase is None:
            said, answer.fault, answer.says = (
                None,
                Fault.CONTRACT,
                f"the answer to a poll tells no known state: {excerpt(answer.body)}",
            )
    book.note(Kind.POLL, answer)
    return said


def _result(book: Play, operation: Operation) -> Said | None:
    """Ask for the result of a finished task."""
    seen = book.done_ago_s
    answer = book.send(Kind.RESULT, operation, operation.path.replace("{task_id}", book.task or ""))
    book.done_ago_s = seen  # the poll saw it, not this
    said = book.bench.reader.read(operation, answer.body) if answer.fault is None else None
    if answer.fault is None and (said is None or not (said.urls or said.base64)):
        answer.fault, answer.says = Fault.CONTRACT, f"the answer with the result names no image: {excerpt(answer.body)}"
    book.note(Kind.RESULT, answer)
    return said


def fetch(book: Play, said: Said) -> None:
    """Take the images of an answer, and end the job."""
    for url in said.urls:
        answer = book.bench.wire.send("GET", urljoin(book.url + "/", url), headers={})
        book.blame(answer)
        if answer.fault is None and not (answer.status == GOOD and is_image(answer.body)):
            answer.fault, answer.says = Fault.CONTRACT, f"status {answer.status}, and no image at {url[:TEXT_KEPT]}"
        book.note(Kind.DOWNLOAD, answer)
        if answer.fault is None:
            book.took(answer.body)
    for text in said.base64:
        data = image_of(text)
        if data is not None and is_image(data):
            book.took(data)
    book.end = End.DONE if book.images and book.images >= len(said.urls) else End.FAILED
