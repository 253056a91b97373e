"""Faults of one request and its answer: another answer in place of the work, or the right one spoilt."""

from __future__ import annotations

from dataclasses import replace
from time import time
from typing import TYPE_CHECKING
from wsgiref.handlers import format_date_time

from imageproof.mock_server.answers import JSON, Reply
from imageproof.mock_server.faults.book import Asked, Stage
from imageproof.mock_server.faults.changes import changed, compressed, garbled, object_in
from imageproof.mock_server.faults.way import Finish, Way
from imageproof.specs.fault_answers import (
    ContentLength,
    ContentType,
    Drip,
    ErrorAnswer,
    FieldChange,
    Garbled,
    Gzip,
    HalfClosed,
    Lost,
    OtherState,
    Reset,
    Silent,
    Skew,
    Slow,
    Stall,
    StatusAnswer,
)
from imageproof.specs.fault_tasks import ErrorInSuccess
from imageproof.specs.model import ASKS_FOR_TASK, MAKES_IMAGES

if TYPE_CHECKING:
    from imageproof.mock_server.call import Call
    from imageproof.mock_server.faults.book import Active, FaultBook
    from imageproof.mock_server.service import Service
    from imageproof.specs.fault_base import What

RETRY_AFTER = "Retry-After"
DATE_AFTER_S = 10.0
ABSURD = "31536000"  # a year
WORKED = 400
GOOD = 200
GATEWAY = 504
PAGE = (
    "<!DOCTYPE html>\n<html><head><title>{status} {reason}</title></head>\n"
    "<body><center><h1>{status} {reason}</h1></center><hr><center>imageproof gateway</center></body></html>\n"
)
REASONS = {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}
FIRST = (Lost, FieldChange, Garbled, ContentType, Gzip)  # the order in which an answer is spoilt


def asked_by(service: Service, call: Call, book: FaultBook) -> Asked:
    """What the faults need to know of a request."""
    task_id = call.account.aliases.get(call.task_id or "", call.task_id or "")
    job = book.job_of.get(task_id) if call.operation.does in ASKS_FOR_TASK else None
    model = _model(service, call, task_id) if book.reads_models else None
    jobs = tuple(item for item in (call.scope, job) if item)
    return Asked(call.operation.does.value, call.now, model, jobs)


def _model(service: Service, call: Call, task_id: str) -> str | None:
    """The model that a request is about, as far as it can be told before the rules have been checked."""
    if call.model is not None or call.endpoint.model is not None:
        return call.model.name if call.model else call.endpoint.model
    if call.operation.does in ASKS_FOR_TASK:
        record = service.upstream.find_task(service.provider, task_id)
        return service.models[record.model].name if record else None
    if call.operation.does not in MAKES_IMAGES:
        return None
    body = call.body or object_in(call.raw) or {}
    named = body.get(service.spec.selector.field or "", service.spec.selector.default)
    return named if isinstance(named, str) else None


def arriving(service: Service, call: Call) -> Reply | None:
    """Called before the body is read: whether the request gets no further; learns how skewed the clock is."""
    book = call.account.faults
    if book is None:
        return None
    asked = asked_by(service, call, book)
    _skew(call, book, asked, of_jobs=False)
    return _struck(service, call, book.strike(Stage.ARRIVING, asked, of_jobs=False, only_one=True))


def _skew(call: Call, book: FaultBook, asked: Asked, *, of_jobs: bool) -> None:
    for active in book.strike(Stage.SHOWN, asked, of_jobs=of_jobs, fits=lambda what: isinstance(what, Skew)):
        if isinstance(active.what, Skew):
            call.skew_s += active.what.seconds
            call.faults.append(active.text)


def before(service: Service, call: Call) -> Reply | None:
    """What is answered in place of the work by a fault of the account; None when nothing strikes here."""
    book = call.account.faults
    if book is None:
        return None
    struck = book.strike(Stage.BEFORE, asked_by(service, call, book), of_jobs=False, only_one=True)
    return _struck(service, call, struck)


def before_job(service: Service, call: Call) -> Reply | None:
    """The same for the faults of one job, once it is known which one it is."""
    book = call.account.faults
    if book is None:
        return None
    asked = asked_by(service, call, book)
    _skew(call, book, asked, of_jobs=True)
    return _struck(service, call, book.strike(Stage.ARRIVING, asked, of_jobs=True, only_one=True)) or _struck(
        service, call, book.strike(Stage.BEFORE, asked, of_jobs=True, only_one=True)
    )


def _struck(service: Service, call: Call, struck: list[Active]) -> Reply | None:
    if not struck:
        return None
    call.faults.append(struck[0].text)
    return instead(service, struck[0].what, call)


def instead(service: Service, what: What, call: Call | None) -> Reply:
    """The answer that a fault gives in place of the work."""
    match what:
        case ErrorAnswer(name=name, retry_after=wait):
            return _refusal(service, name, wait, call)
        case StatusAnswer(status=status, body=body):
            return _status(service, status, body, call)
        case ErrorInSuccess(name=name):
            reply = service.refuse(name, call)
            reply.status = GOOD
            return reply
        case Silent(seconds=seconds):
            return unanswered(Way(instead=Finish.CLOSE, silent_s=seconds))
        case HalfClosed():
            return unanswered(Way(instead=Finish.HALF))
        case _:
            return unanswered(Way(instead=Finish.RESET))


def unanswered(way: Way) -> Reply:
    """No answer at all; its status is 0 in the journal."""
    return Reply(0, b"", stay=False, way=way)


def _refusal(service: Service, name: str, wait: str | None, call: Call | None) -> Reply:
    context: dict[str, object] = {"retry_after": int(wait)} if wait is not None and wait.isdigit() else {}
    reply = service.refuse(name, call, context=context)
    match wait:
        case None:
            return reply
        case "none":
            reply.headers = {key: value for key, value in reply.headers.items() if key.lower() != "retry-after"}
            return reply
        case "date":
            now = time()
            reply.headers = {**reply.headers, "Date": format_date_time(now)}  # what the other date is counted from
            value = format_date_time(now + DATE_AFTER_S)
        case "absurd":
            value = ABSURD
        case "garbage":
            value = "soon"
        case _:
            value = wait
    reply.headers = {**reply.headers, RETRY_AFTER: value}
    return reply


def _status(service: Service, status: int, body: str, call: Call | None) -> Reply:
    reason = REASONS.get(status, "Error")
    match body:
        case "html":
            return Reply(status, PAGE.format(status=status, reason=reason).encode(), content_type="text/html")
        case "text":
            return Reply(status, f"{status} {reason}\n".encode(), content_type="text/plain")
        case "empty":
            return Reply(status, b"")
        case _:
            known = next((answer for answer in service.spec.errors.values() if answer.status == status), None)
            reply = service.refuse(known.name if known else "internal", call)
            reply.status = status
            return reply


def after(service: Service, call: Call, reply: Reply) -> None:
    """Spoil an answer, in place, once the work is done."""
    book = call.account.faults
    if book is None or call.is_spoilt:
        return
    if call.skew_s and reply.way is None:
        reply.way = Way(skew_s=call.skew_s)
    if reply.way is not None and not reply.way.is_answer:
        return
    is_lost = spoil(book, asked_by(service, call, book), reply, call.faults)
    if is_lost and call.task_id is not None and call.operation.does in MAKES_IMAGES:
        book.lost.add(call.task_id)


def spoil(book: FaultBook, asked: Asked, reply: Reply, texts: list[str]) -> bool:
    """Let the faults of this stage strike an answer; whether it can't be understood any more where it arrives."""
    struck = book.strike(Stage.AFTER, asked, fits=lambda what: _shows(what, reply))
    rank = {kind: number for number, kind in enumerate(FIRST)}
    is_lost = False
    for active in sorted(struck, key=lambda active: rank.get(type(active.what), len(rank))):
        texts.append(active.text)
        is_lost = _spoilt(active.what, reply) or is_lost
        if isinstance(active.what, Lost):
            break
    return is_lost


def _shows(what: What, reply: Reply) -> bool:
    """Whether a fault can be seen on this answer at all."""
    match what:
        case Lost():
            return reply.status < WORKED
        case FieldChange(path=path, do=do):
            return reply.content_type == JSON and changed(reply.body, path, do) is not None
        case Garbled():
            return reply.content_type == JSON and object_in(reply.body) is not None
        case ContentType() | ContentLength() | Gzip():
            return bool(reply.body)
        case _:
            return True


def _spoilt(what: What, reply: Reply) -> bool:
    """Spoil an answer in place; whether the whole of it is lost by that."""
    way = reply.way or Way()
    match what:
        case Lost(how=how):
            lose(reply, how)
            return True
        case FieldChange(path=path, do=do):
            reply.body = changed(reply.body, path, do) or reply.body
        case Garbled(how=how):
            reply.body = garbled(reply.body, how)
            return how not in ("charset", "list")
        case ContentType(kind=kind):
            reply.content_type = kind
        case Gzip(how=how):
            reply.body = compressed(reply.body, how)
            reply.headers = {**reply.headers, "Content-Encoding": "gzip"}
            return how == "broken"
        case _:
            reply.way = travels(what, way)
            return (reply.way.reset == "during", reply.way.length == "more") != (False, False)
    return False


def travels(what: What, way: Way) -> Way:
    """The way of an answer with one more fault on it."""
    match what:
        case Slow(seconds=seconds):
            return replace(way, slow_s=way.slow_s + seconds)
        case Drip(seconds=seconds):
            return replace(way, drip_s=way.drip_s + seconds)
        case Stall(seconds=seconds):
            return replace(way, stall_s=way.stall_s + seconds)
        case Reset(how="during"):
            return replace(way, reset="during")
        case Reset():
            return replace(way, reset=way.reset or "after")
        case ContentLength(how="more"):
            return replace(way, length="more")
        case ContentLength(how="less"):
            return replace(way, length="less")
        case _:
            return replace(way, length="none")


def lose(reply: Reply, how: str) -> None:
    """Lose an answer: nothing of it arrives."""
    if how == "gateway":
        page = PAGE.format(status=GATEWAY, reason=REASONS[GATEWAY]).encode()
        reply.status, reply.body, reply.headers, reply.content_type = GATEWAY, page, {}, "text/html"
        return
    reply.status, reply.body, reply.headers, reply.stay = 0, b"", {}, False
    reply.way = Way(instead=Finish.HANG if how == "silent" else Finish.RESET)


def other_state(service: Service, call: Call) -> str | None:
    """The undocumented state in which a running task is said to be, if a fault wants that."""
    book = call.account.faults
    if book is None:
        return None
    asked = asked_by(service, call, book)
    for active in book.strike(Stage.SHOWN, asked, only_one=True, fits=lambda what: isinstance(what, OtherState)):
        if isinstance(active.what, OtherState):
            call.faults.append(active.text)
            return active.what.word
    return None
