"""What held calls are answered with: all images of a job at once, and the values that its events tell."""

from __future__ import annotations

from binascii import b2a_base64
from typing import TYPE_CHECKING

from imageproof.mock_server.answers import Reply
from imageproof.mock_server.faults.changes import shifted
from imageproof.mock_server.record import FORMATS
from imageproof.specs.template import ALONE

if TYPE_CHECKING:
    from imageproof.mock_server.call import Call
    from imageproof.mock_server.service import Service
    from imageproof.mock_server.sync import Job
    from imageproof.specs.outcome import Outcome


def _usage_context(outcome: Outcome) -> dict[str, object]:
    """The token counts of a request, for templates."""
    usage = outcome.usage
    return {
        "usage.text_tokens": usage.text,
        "usage.image_tokens": usage.image,
        "usage.input_tokens": usage.text + usage.image,
        "usage.output_tokens": usage.output,
        "usage.total_tokens": usage.text + usage.image + usage.output,
    }


def job_context(service: Service, call: Call, job: Job) -> dict[str, object]:
    """The values of the placeholders of an answer about a job."""
    return _own_context(call, job) | _order_context(service, call, job)


def _order_context(service: Service, call: Call, job: Job) -> dict[str, object]:
    """What is the same for each job of an order."""
    record = job.record
    context: dict[str, object] = {
        "model": service.models[record.model].name,
        "image.size": f"{record.width}x{record.height}",
        "image.format": FORMATS[record.format],
        **_usage_context(job.outcome),
    }
    _add_asked(context, service, call)
    return context


def _own_context(call: Call, job: Job) -> dict[str, object]:
    """What is told of a job, and of no other."""
    context: dict[str, object] = {
        "now": int(call.account.clock.now()),
        "task.id": job.task_id,
        "task.created": int(job.record.submitted),
    }
    if call.skew_s:
        shifted(context, call.skew_s)
    return context


def _add_asked(context: dict[str, object], service: Service, call: Call) -> None:
    """Add the fields that answers repeat, as the server decided them."""
    asked = call.asked
    for name in service.stored_fields:
        context[f"request.{name}"] = None
    for name, value in asked.items():
        context[f"request.{name}"] = value
    for field in call.shape.allowed if call.shape else ():
        if field.decided and isinstance(value := asked.get(field.name), str):
            context[f"request.{field.name}"] = field.decided.get(value, value)


def whole(service: Service, call: Call, job: Job, images: list[bytes]) -> Reply:
    """The answer that holds all images of a job."""
    template = call.operation.answer.body
    if template is None:
        return service.refuse("internal", call)
    context, known = _own_context(call, job), call.known
    has_urls = "image.url" in service.needs(template)
    if known is None or len(images) != 1 or call.job_faults is not None or service.deviation is not None:
        context |= _order_context(service, call, job)
        context["images"] = [_told(service, call, job, has_urls, *each) for each in enumerate(images)]
    else:
        if known.answer is None:
            known.answer = template.given(_order_context(service, call, job) | ALONE)
        template = known.answer
        context |= _told(service, call, job, has_urls, 0, images[0])
    return Reply(call.operation.answer.status, template.encode(context))


def _told(service: Service, call: Call, job: Job, has_urls: bool, index: int, data: bytes) -> dict[str, object]:  # noqa: FBT001  (passed on)
    """What is told of one image."""
    return {
        "image.index": index,
        "image.url": service.image_url(call, job.task_id, job.record, index) if has_urls else None,
        "image.base64": told_base64(call, data),
    }


def told_base64(call: Call, data: bytes) -> str:
    """An image as text, with the dialect's prefix."""
    prefix = call.model.images.prefix if call.model else ""
    return prefix + b2a_base64(data, newline=False).decode()
