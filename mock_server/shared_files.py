"""Uploads and references of a shared mock: any worker may have to draw a picture, and needs what it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.mock_server.redis_link import PREFIX
from imageproof.mock_server.results import UPLOADS, Sources

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imageproof.mock_server.redis_link import Command, RedisLink
    from imageproof.mock_server.upstream import Upload, Upstream


def upload_key(upload_id: str) -> str:
    """The name under which an upload is kept."""
    return f"{PREFIX}upload:{upload_id}"


def sources_key(task_id: str) -> str:
    """The name under which is kept what a job was given."""
    return f"{PREFIX}sources:{task_id}"


def upload_command(upload_id: str, upload: Upload) -> Command:
    """Keep an upload."""
    return ("HSET", upload_key(upload_id), "data", upload.data, "type", upload.content_type, "account", upload.account)


def sources_command(task_id: str, sources: Sources) -> Command | None:
    """Keep what a job was given; None where it was given nothing."""
    words: list[bytes | str | int] = []
    for index, data in enumerate(sources.references):
        words += [str(index), data]
    if sources.mask is not None:
        words += ["mask", sources.mask]
    return ("HSET", sources_key(task_id), *words) if words else None


def upload_id_in(url: str) -> str | None:
    """The id of the upload that a URL or a path stands for; None for any other text."""
    _, marker, rest = url.partition("?")[0].partition("#")[0].partition(UPLOADS)
    return rest.partition(".")[0] or None if marker else None


async def fetch_uploads(link: RedisLink, upstream: Upstream, urls: Iterable[str]) -> None:
    """Bring uploads here that this worker has not seen, and let the oldest ones go when there are too many bytes."""
    from imageproof.mock_server.upstream import Upload  # noqa: PLC0415  (that module names this one's shared state)

    names = {name for url in urls if (name := upload_id_in(url)) is not None and name not in upstream.uploads}
    if not names:
        return
    answers = await link.ask([("HMGET", upload_key(name), "data", "type", "account") for name in names])
    for name, answer in zip(names, answers, strict=True):
        data, kind, account = answer if isinstance(answer, list) else (None, None, None)
        if isinstance(data, bytes) and isinstance(kind, bytes) and isinstance(account, bytes):
            upstream.uploads[name] = Upload(data, kind.decode(), int(account))
            upstream.upload_bytes += len(data)
    while upstream.upload_bytes > upstream.options.max_uploads and len(upstream.uploads) > 1:
        upstream.upload_bytes -= len(upstream.uploads.popitem(last=False)[1].data)


async def fetch_sources(link: RedisLink, task_id: str) -> Sources:
    """What a job was given."""
    (answer,) = await link.ask([("HGETALL", sources_key(task_id))])
    pairs = answer if isinstance(answer, dict) else {}
    mask = pairs.get(b"mask")
    numbered = sorted((int(name), data) for name, data in pairs.items() if name != b"mask")
    return Sources(references=tuple(data for _, data in numbered), mask=mask)
