"""The fetching of finished images by their URLs, which need no key: the journal of the task's owner tells of it."""

from __future__ import annotations

from time import monotonic, time
from typing import TYPE_CHECKING

from imageproof.mock_server.answers import Reply
from imageproof.mock_server.faults.book import Asked, Stage
from imageproof.mock_server.faults.jobs import is_over, is_unreadable
from imageproof.mock_server.faults.strike import instead, spoil
from imageproof.mock_server.faults.way import Way
from imageproof.mock_server.journal import BODY_KEPT
from imageproof.mock_server.packet import NOT_MODIFIED
from imageproof.mock_server.ranges import Validators, fitted
from imageproof.mock_server.record import FORMATS, completed_at
from imageproof.mock_server.side import FORMAT_TYPES
from imageproof.specs.fault_answers import Skew
from imageproof.specs.fault_tasks import BrokenResult, ShortLived, Unreadable
from imageproof.specs.model import Phase

if TYPE_CHECKING:
    from aiohttp import web

    from imageproof.mock_server.accounts import Account
    from imageproof.mock_server.faults.book import FaultBook
    from imageproof.mock_server.record import Record
    from imageproof.mock_server.results import File
    from imageproof.mock_server.service import Service

PLACE = "download"
IMAGE_KEPT = 64  # of the bytes of an image, for the journal: enough to see what it is
NO_IMAGE = 300  # the first status with which no part of an image is sent
PAGE = b"<!DOCTYPE html>\n<html><head><title>Please wait</title></head><body>Please wait ...</body></html>\n"


class Download:
    """One request for an image of a task. `texts` are the faults that struck it."""

    __slots__ = ("account", "began", "index", "now", "record", "request", "service", "task_id", "texts")

    def __init__(self, service: Service, task_id: str, index: int, record: Record, *, request: web.BaseRequest) -> None:
        self.service = service
        self.account: Account = service.upstream.accounts[record.account]
        self.task_id = task_id
        self.index = index
        self.record = record
        self.request = request
        self.began = monotonic()
        self.now = self.account.clock.now()
        self.texts: list[str] = []

    async def answer(self) -> Reply:
        """The image, or why it is not to be had."""
        book = self.account.faults
        if book is None:
            return await self._honest()
        job = book.job_of.get(self.task_id)
        asked = Asked(PLACE, self.now, self.service.models[self.record.model].name, (job,) if job else ())
        struck = book.strike(Stage.ARRIVING, asked, only_one=True) or book.strike(Stage.BEFORE, asked, only_one=True)
        if struck:
            self.texts.append(struck[0].text)
            reply = instead(self.service, struck[0].what, None)
        else:
            reply = await self._of_job(book, asked)
        for active in book.strike(Stage.SHOWN, asked, fits=lambda what: isinstance(what, Skew)):
            if isinstance(active.what, Skew) and reply.way is None:
                self.texts.append(active.text)
                reply.way = Way(skew_s=active.what.seconds)
        if reply.way is None or reply.way.is_answer:
            spoil(book, asked, reply, self.texts)
        return reply

    async def _of_job(self, book: FaultBook, asked: Asked) -> Reply:
        """The answer where the job itself, or its results, may go wrong."""
        faults = book.jobs.get(self.task_id)
        if faults is not None and is_unreadable(faults, self.record, self.now):
            self.texts.append(faults.texts[Unreadable])
            return self.service.refuse("not_found", note="the result can't be read yet")
        if faults is not None and is_over(faults, self.record, self.now):
            self.texts.append(faults.texts[ShortLived])
            return self.service.refuse("result_expired", note="the lifetime of the result is over")
        reply = await self._honest()
        if reply.status >= NO_IMAGE:
            return reply
        for active in book.strike(Stage.RESULT, asked, only_one=True):
            if isinstance(active.what, BrokenResult):
                self.texts.append(active.text)
                return await self._broken(active.what.how, reply)
        return reply

    async def _honest(self) -> Reply:
        service, record = self.service, self.record
        if self.index >= record.images:
            return service.refuse("not_found")
        if service.phase(record, self.now) is not Phase.SUCCEEDED:
            return service.refuse("not_found", note="the task has not succeeded, so there is no result")
        if service.gallery.is_expired(self.task_id, record, self.now):
            return service.refuse("result_expired", note="the lifetime of the result is over")
        if service.deviation is not None and service.deviation.hides_results:
            return service.refuse("not_found")
        return self._image(await service.gallery.file(self.task_id, record, self.index))

    def _image(self, file: File) -> Reply:
        """As much of an image as the request asks for."""
        kind = FORMAT_TYPES[self.service.format_of(self.record)]
        reply = Reply(200, file.data, {"Cache-Control": "public, max-age=3600"}, content_type=kind)
        fitted(reply, self.request, Validators(tag=f'"{file.digest}"', modified=self._modified()))
        return reply

    def _modified(self) -> int:
        """When the image is said to have been made: never later than now, and always the same.

        A clock that runs fast is ahead of the time that answers are dated with. All its images are as old as the mock.
        """
        now, done = time(), completed_at(self.record)
        is_real = self.account.clock.mode.rate == 1 and done <= now
        return int(done if is_real else min(now, self.service.upstream.started))

    async def _broken(self, how: str, reply: Reply) -> Reply:
        """What comes in place of an image that could be fetched."""
        service, record, draw = self.service, self.record, self.service.gallery.other
        match how:
            case "missing":
                return service.refuse("not_found")
            case "forbidden":
                refused = service.refuse("not_found")
                refused.status = 403
                return refused
            case "expired":
                return service.refuse("result_expired")
            case "truncated":
                reply.way = Way(length="half")
                return reply
            case "html":
                return Reply(200, PAGE, content_type="text/html")
            case "format":
                other = (record.format + 1) % len(FORMATS)
                return self._image(await draw(self.task_id, record._replace(format=other), self.index))
            case "size":
                small = record._replace(width=max(1, record.width // 2), height=max(1, record.height // 2))
                return self._image(await draw(self.task_id, small, self.index))
            case _:
                return self._image(await draw(f"{self.task_id[:-1]}_", record, self.index))

    def keep(self, request: web.BaseRequest, reply: Reply, connection: int) -> int:
        """Put the exchange into the journal of the task's owner; its number there."""
        account = self.account
        number = account.journal.count + 1
        body = reply.body if request.method != "HEAD" and reply.status != NOT_MODIFIED else b""
        account.journal.append(
            (
                number,
                self.began,
                monotonic(),
                self.now,
                request.method,
                request.raw_path,
                PLACE,
                request.raw_headers,
                b"",
                0,
                reply.status,
                reply.content_type,
                reply.headers,
                body[: IMAGE_KEPT if reply.content_type.startswith("image/") else BODY_KEPT],
                len(body),
                (),
                self.task_id,
                reply.note,
                connection,
                "; ".join(self.texts) or None,
            )
        )
        return number


def find(service: Service, path: str, request: web.BaseRequest) -> Download | None:
    """The image that a path below the provider's prefix stands for; None when it stands for none of a known task."""
    found = service.gallery.read_url(path)
    if found is None:
        return None
    task_id, index = found
    record = service.upstream.find_task(service.provider, task_id) or service.upstream.twins.get(task_id)
    return Download(service, task_id, index, record, request=request) if record is not None else None
