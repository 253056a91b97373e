"""The operations beside the images: balance, uploads, and the list of models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.mock_server.answers import Reply
from imageproof.mock_server.fate import fill_id, job_digest
from imageproof.mock_server.ranges import Validators, fitted
from imageproof.mock_server.results import UPLOADS
from imageproof.mock_server.tasks import MICRO, in_credits
from imageproof.mock_server.upstream import Upload
from imageproof.specs.files import FileFacts

if TYPE_CHECKING:
    from imageproof.mock_server.call import Call
    from imageproof.mock_server.ranges import Request
    from imageproof.mock_server.service import Service

FORMAT_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif"}
UPLOAD_ENDINGS = {"png": "png", "jpeg": "jpg", "webp": "webp", "gif": "gif"}


def balance(service: Service, call: Call) -> Reply:
    """What the account has left and has used."""
    ledger = call.account.ledger
    ledger.settle(call.now)
    rate = service.spec.billing.micro_usd_per_credit or MICRO
    used = ledger.spent
    return _body(
        service,
        call,
        {
            "account.credits": in_credits(ledger.balance, rate),
            "account.usd": ledger.balance / MICRO,
            "account.used_credits": in_credits(used, rate),
            "account.used_usd": used / MICRO,
        },
    )


def models(service: Service, call: Call) -> Reply:
    """The models of the provider; `{$each: T}` repeats T with `{model}` for each."""
    return _body(service, call, {"images": [{"model": model.name} for model in service.models]})


def upload(service: Service, call: Call) -> Reply:
    """Keep an uploaded file and say where it can be fetched."""
    found = next(((name, value) for name, value in call.body.items() if isinstance(value, FileFacts)), None)
    if found is None or call.uploaded is None:
        return service.refuse("invalid_image", call, context={"field": "file", "reason": "is required"})
    name, facts = found
    data = call.uploaded.files[name][0]
    account = call.account
    account.jobs += 1
    digest = job_digest(data) + job_digest(account.key_bytes + b"%d" % account.jobs)
    upload_id = fill_id(call.operation.id_template or "{hex32}", digest)
    kind = FORMAT_TYPES.get(facts.format, "application/octet-stream")
    service.upstream.add_upload(upload_id, Upload(data, kind, account.number))
    url = f"{call.host}{call.endpoint.prefix}{UPLOADS}{upload_id}.{UPLOAD_ENDINGS.get(facts.format, 'bin')}"
    return _body(service, call, {"file.id": upload_id, "file.url": url, "file.type": kind, "file.bytes": len(data)})


def _body(service: Service, call: Call, context: dict[str, object]) -> Reply:
    template = call.operation.answer.body
    if template is None:
        return service.refuse("internal", call)
    return Reply(
        call.operation.answer.status, template.encode({"now": int(call.now + call.skew_s), "request_id": "", **context})
    )


def fetch_upload(service: Service, path: str, request: Request) -> Reply | None:
    """Answer a GET of an upload; None when the path is none."""
    if not path.startswith(UPLOADS):
        return None
    upload_id = path.removeprefix(UPLOADS).partition(".")[0]
    kept = service.upstream.uploads.get(upload_id)
    if kept is None:
        return service.refuse("not_found")
    reply = Reply(200, kept.data, content_type=kept.content_type)
    fitted(reply, request, Validators(tag=f'"{upload_id}"'))  # an upload never changes, and no other has its id
    return reply
