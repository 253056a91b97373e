"""The images of finished jobs: drawn when asked for, kept while there is room, fetched by URL as long as documented."""

from __future__ import annotations

import asyncio
import base64
import re
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from imageproof.mock_server.faults import jobs
from imageproof.mock_server.padding import padded, photo_bytes
from imageproof.mock_server.picture import Picture
from imageproof.mock_server.picture_bits import bits, name_in_stamp
from imageproof.mock_server.record import (
    AS_BASE64,
    FORMATS,
    NO_COMPRESSION,
    TRANSPARENT,
    completed_at,
    phase_at,
    unpack,
)
from imageproof.specs.model import Phase
from imageproof.specs.stamp import payload_of
from imageproof.specs.template import URL_PART

if TYPE_CHECKING:
    from imageproof.mock_server.call import Call
    from imageproof.mock_server.record import Record
    from imageproof.mock_server.service import Service
    from imageproof.mock_server.shared import Shared
    from imageproof.mock_server.upstream import Upload

WANTED_BYTES = b'"$bytes"'
KEPT_BYTES = 64 * 1024 * 1024
ENTRY_BYTES = 700  # what an image that is kept takes beside its own bytes, roughly
EXTENSIONS = {"png": "png", "jpeg": "jpg", "webp": "webp"}
UPLOADS = "/__uploads__/"


@dataclass(frozen=True, slots=True)
class Sources:
    """What a picture is made from besides its record: bytes of references and mask, and references by name."""

    references: tuple[bytes, ...] = ()
    names: tuple[str, ...] = ()
    mask: bytes | None = None


NO_SOURCES = Sources()


class File(NamedTuple):
    """An image as it is delivered, and the digest that tells it from any other."""

    data: bytes
    digest: str


class Gallery:
    """The rendered images of a service, the latest ones kept.

    Drawing happens in a thread, the event loop never waits for it.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._kept: OrderedDict[tuple[str, int, int | None], File] = OrderedDict()
        self._size = 0
        self._sources: OrderedDict[str, Sources] = OrderedDict()
        results = service.spec.results
        self._url = results.url if results else ""
        self._pattern = re.compile(_url_pattern(self._url)) if results else None

    def url(self, base: str, task_id: str, record: Record, index: int) -> str:
        """Where an image of a task is fetched."""
        match = self._service.task_pattern.fullmatch(task_id) if self._service.task_pattern else None
        parts = {
            "hex": match["random"] if match else task_id,
            "task": task_id,
            "index": str(index),
            "ext": EXTENSIONS[FORMATS[record.format]],
        }
        return base + URL_PART.sub(lambda part: parts[part[1]], self._url)

    def read_url(self, path: str) -> tuple[str, int] | None:
        """The task and the index that a path below the provider's prefix stands for."""
        match = self._pattern.fullmatch(path) if self._pattern else None
        if match is None:
            return None
        found = match.groupdict()
        tasks = self._service.spec.tasks
        task_id = found.get("task") or re.sub(
            r"\{[^}]*\}", lambda _: found["hex"], tasks.id_template if tasks else "{uuid}", count=1
        )
        return task_id, int(found.get("index") or 0)

    def set_sources(self, task_id: str, sources: Sources) -> None:
        """Remember what a job was given, for as long as its picture may be drawn.

        The last thousand jobs are remembered.
        """
        shared = self._service.upstream.shared
        if sources != NO_SOURCES or shared is not None:
            self.put_sources(task_id, sources)
        if shared is not None:
            shared.keep_sources(task_id, sources)

    def sources(self) -> list[tuple[str, tuple[tuple[bytes, ...], bytes | None]]]:
        """What jobs were given, as far as it is remembered: references and mask by task."""
        return [(name, (kept.references, kept.mask)) for name, kept in self._sources.items() if kept != NO_SOURCES]

    def put_sources(self, task_id: str, sources: Sources) -> None:
        """Remember them here."""
        self._sources[task_id] = sources
        if len(self._sources) > 1000:  # noqa: PLR2004
            self._sources.popitem(last=False)

    def picture(self, task_id: str, record: Record, index: int, stage: int | None = None) -> Picture:
        """What is to be drawn."""
        prompt, names, asked = record.extra()
        known = self._sources.get(task_id, NO_SOURCES)
        uploads = {name: upload for name in (*names, str(asked.get("$mask", ""))) if (upload := self._uploaded(name))}
        mask = uploads.get(str(asked.get("$mask", "")))
        return Picture(
            width=record.width,
            height=record.height,
            format=FORMATS[record.format],
            compression=record.compression if record.compression != NO_COMPRESSION and record.format else None,
            transparent=bool(record.flags & TRANSPARENT) and record.format != FORMATS.index("jpeg"),
            task_id=task_id,
            prompt=prompt,
            index=index,
            stage=stage,
            references=known.references or tuple(uploads[name].data for name in names if name in uploads),
            reference_names=tuple(name for name in names if name not in uploads),
            mask=known.mask or (mask.data if mask else None),
        )

    def _uploaded(self, url: str) -> Upload | None:
        """The file that a URL of the mock's own upload operation stands for. No URL is ever fetched."""
        place = url.partition("://")[2].partition("?")[0].partition("#")[0]  # any text may come, so it isn't parsed
        _, marker, upload_id = place.partition(UPLOADS)
        return self._service.upstream.uploads.get(upload_id.partition(".")[0]) if marker else None

    async def image(self, task_id: str, record: Record, index: int, stage: int | None = None) -> bytes:
        """The bytes of one image; `stage` is the number of a partial preview."""
        drawn = await self._drawn(task_id, record, index, stage)
        return self._sized(drawn.data, record, stage)

    async def _know(self, shared: Shared, task_id: str, record: Record) -> None:
        """Bring here what a picture is made from, which another worker may have been given."""
        _, names, asked = record.extra()
        await shared.know_uploads([*names, str(asked.get("$mask", ""))])
        if task_id not in self._sources:
            self.put_sources(task_id, await shared.sources_of(task_id))

    async def shown(self, task_id: str, record: Record, index: int) -> bytes:
        """The bytes of one image as they are delivered."""
        data = await self.image(task_id, record, index)
        deviation = self._service.deviation
        return deviation.image(data, task_id, index) if deviation and deviation.image else data

    async def file(self, task_id: str, record: Record, index: int) -> File:
        """One image as it is delivered, with its digest."""
        deviation = self._service.deviation
        if deviation and deviation.image:
            return _file(await self.shown(task_id, record, index))
        drawn = await self._drawn(task_id, record, index, None)
        data = self._sized(drawn.data, record, None)
        return File(data, drawn.digest if data is drawn.data else f"{drawn.digest}-{len(data):x}")

    async def other(self, task_id: str, record: Record, index: int) -> File:
        """An image that is drawn in place of the right one, and not kept."""
        picture = self.picture(task_id, record, index)
        data = await asyncio.get_running_loop().run_in_executor(None, self._service.upstream.render, picture)
        return _file(self._sized(data, record, None))

    async def _drawn(self, task_id: str, record: Record, index: int, stage: int | None) -> File:
        """One image as it was drawn, before it is made as large as a photograph."""
        key = (task_id, index, stage)
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept
        upstream = self._service.upstream
        if upstream.shared is not None:
            await self._know(upstream.shared, task_id, record)
        picture = self.picture(task_id, record, index, stage)
        render = upstream.render
        if (
            upstream.options.pictures == "plain" and picture.is_bits
        ):  # quicker than to have a thread do it, or to keep it
            file = _file(render(picture))
            self._count(file.data)
            return file
        file = await asyncio.get_running_loop().run_in_executor(None, lambda: _file(render(picture)))
        self._keep(key, file)
        return file

    def drawn_now(self, task_id: str, record: Record, index: int, digest: bytes) -> bytes:
        """The bytes of one plain image of bits, drawn where it is asked for; `digest` is that of its prompt."""
        data = bits(record.width, record.height, payload_of(name_in_stamp(task_id), index, digest))
        self._count(data)
        return data

    def _count(self, data: bytes) -> None:
        counts = self._service.upstream.counts
        counts.images += 1
        counts.image_bytes += len(data)

    def _sized(self, data: bytes, record: Record, stage: int | None) -> bytes:
        """An image as large as the mock is to send it: copied from what is kept, so it costs little each time."""
        form = FORMATS[record.format]
        if WANTED_BYTES in record.tail:  # a test card says how many
            return padded(data, form, int(str(record.extra()[2].get("$bytes", 0))))
        if self._service.upstream.options.payload == "drawn":
            return data
        quality = record.compression if record.compression != NO_COMPRESSION else None
        return padded(data, form, photo_bytes(record.width, record.height, form, quality=quality, stage=stage))

    def _keep(self, key: tuple[str, int, int | None], file: File) -> None:
        self._count(file.data)
        if key in self._kept:
            return
        self._kept[key] = file
        self._size += len(file.data) + ENTRY_BYTES
        while self._size > KEPT_BYTES and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._size -= len(dropped.data) + ENTRY_BYTES

    async def prepare_poll(self, call: Call) -> None:
        """Draw what the answer of a poll will hold as base64, before it is put together."""
        for task_id, record in await self._service.upstream.do(call, lambda: self._to_draw(call)):
            await self.prepare(task_id, record, call.now)

    def _to_draw(self, call: Call) -> list[tuple[str, Record]]:
        """The tasks whose images the answer of a poll may hold."""
        service = self._service
        task_id = call.account.aliases.get(call.task_id or "", call.task_id or "")
        packed = service.upstream.tasks[service.provider].get(task_id)
        if packed is None:
            return []
        record = unpack(packed)
        if record.account != call.account.number:
            return []
        flips = call.account.faults is not None and jobs.will_flip(call, task_id)
        return [(task_id, record), *([jobs.twin_of(service, task_id, record)] if flips else [])]

    async def prepare(self, task_id: str, record: Record, now: float) -> None:
        """Draw the images that the next answer about a task will hold as base64."""
        if record.flags & AS_BASE64 and phase_at(record, now) is Phase.SUCCEEDED:
            for index in range(record.images):
                await self.image(task_id, record, index)

    def base64(self, task_id: str, record: Record, index: int) -> str:
        """The base64 text of an image that has been prepared, with the dialect's prefix."""
        model = self._service.models[record.model]
        kept = self._kept.get((task_id, index, None))
        drawn = kept.data if kept is not None else self._service.upstream.render(self.picture(task_id, record, index))
        return model.images.prefix + base64.b64encode(self._sized(drawn, record, None)).decode()

    def is_expired(self, task_id: str, record: Record, now: float) -> bool:
        """Whether the lifetime of a result is over."""
        results = self._service.spec.results
        if task_id in self._service.upstream.expired:
            return True
        return results is not None and results.expires_s is not None and now >= completed_at(record) + results.expires_s


def _file(data: bytes) -> File:
    return File(data, blake2b(data, digest_size=12).hexdigest())


def _url_pattern(template: str) -> str:
    kinds = {"hex": "[0-9a-z-]+", "task": "[^/]+?", "index": "[0-9]{1,3}", "ext": "(?:png|jpg|webp)"}
    out, end = "", 0
    for match in URL_PART.finditer(template):
        out += re.escape(template[end : match.start()]) + f"(?P<{match[1]}>{kinds[match[1]]})"
        end = match.end()
    return out + re.escape(template[end:])
