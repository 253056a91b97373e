"""Paths that are no operation: results, uploads, and places where nothing is."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import unquote

from aiohttp import web

from imageproof.mock_server import downloads, side
from imageproof.mock_server.control import PREFIX
from imageproof.mock_server.packet import followed
from imageproof.mock_server.results import UPLOADS
from imageproof.mock_server.stored import StoreUnavailableError, Wanted
from imageproof.mock_server.timing import held

if TYPE_CHECKING:
    from imageproof.mock_server.answers import Reply
    from imageproof.mock_server.server import Mock
    from imageproof.mock_server.service import Service


async def elsewhere(mock: Mock, request: web.BaseRequest, raw_path: str) -> web.StreamResponse:
    """Answer a request for a result, an upload, or nothing that is known."""
    path = unquote(raw_path.partition("?")[0])
    at = mock.service_at(path)
    if at is None:
        known = ", ".join(prefix or "/" for prefix in mock.prefixes())
        text = f"imageproof: nothing is at {path[:200]!r}; providers are at {known}, the control API at {PREFIX}\n"
        return web.Response(status=404, text=text)
    service, rest = at
    if request.method in ("GET", "HEAD"):
        try:
            found = await _image_at(mock, service, rest, request)
        except StoreUnavailableError as error:
            return mock.send(request, service.refuse("unavailable", message=f"imageproof: {error}", note=str(error)))
        if isinstance(found, downloads.Download):
            return await _download(mock, request, found)
        if found is not None:
            return mock.send(request, found)
    reply = service.refuse("not_found", context={"reason": f"nothing is at {rest[:200]}"})
    mock.strays.note(request, service, reply.status, "path")
    return mock.send(request, reply)


async def _image_at(
    mock: Mock, service: Service, rest: str, request: web.BaseRequest
) -> downloads.Download | Reply | None:
    """The image of a task, or the upload, that a path stands for; None when it stands for none."""
    shared, place = mock.upstream.shared, service.gallery.read_url(rest)
    if shared is not None and place is not None:
        owner = await shared.find_owner(service.provider, place[0])
        if owner is None:
            return None
        return await shared.do(owner, lambda: downloads.find(service, rest, request), Wanted(tasks=(place[0],)))
    if shared is not None and rest.startswith(UPLOADS):
        await shared.know_uploads([rest])
    return downloads.find(service, rest, request) or side.fetch_upload(service, rest, request)


async def _download(mock: Mock, request: web.BaseRequest, found: downloads.Download) -> web.StreamResponse:
    """Answer a request for an image of a task, and keep it in the journal of the task's owner."""
    reply = await found.answer()
    if mock.options.timing_header:
        reply.headers.update(held(monotonic() - found.began))
    number = found.keep(request, reply, request.protocol.number)  # type: ignore[attr-defined]  # all are the mock's own
    return followed(mock.send(request, reply), reply, found.account, number)
