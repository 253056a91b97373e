"""Errors on demand: what a script asks for on the first tries of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.mock_server.fate import job_digest
from imageproof.mock_server.faults.setting import attach, resolved
from imageproof.mock_server.triggers import HEADER, TriggerError, in_header
from imageproof.specs.model import MAKES_IMAGES

if TYPE_CHECKING:
    from imageproof.mock_server.answers import Reply
    from imageproof.mock_server.call import Call
    from imageproof.mock_server.service import Service


def scripted_trouble(service: Service, call: Call) -> Reply | None:
    """The error that a script asks for, for so many tries of this very request; None when it asks for none."""
    if call.operation.does not in MAKES_IMAGES:
        value = call.headers.get(HEADER)
        if value is None:
            return None
        try:
            call.script = resolved(service, in_header(value))
        except TriggerError as error:
            return service.refuse("invalid_param", call, message=f"imageproof: {error}", note=str(error))
        call.job = job_digest(call.path.encode())
    else:
        call.job = call.job or job_digest(call.raw)
    call.attempt = call.account.attempt(call.job)
    attach(service, call)
    script = call.script
    if (script.status is None and script.error is None) or call.attempt > script.times:
        return None
    if script.error is not None:
        return _scripted_error(service, call, script.error)
    known = next((answer for answer in service.spec.errors.values() if answer.status == script.status), None)
    reply = service.refuse(known.name if known else "internal", call)
    reply.status = script.status or reply.status
    return reply


def _scripted_error(service: Service, call: Call, name: str) -> Reply:
    if name in service.spec.errors:
        return service.refuse(name, call)
    known = ", ".join(sorted(service.spec.errors))
    message = f"the spec {service.spec.name} has no error answer {name!r}: known are {known}"
    return service.refuse("invalid_param", call, message=f"imageproof: {message}", note=message)
