"""One request under way, and what its spec's templates will need of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.mock_server.triggers import NOTHING, Script
from imageproof.specs.template import placeholders

if TYPE_CHECKING:
    from aiohttp import web
    from multidict import CIMultiDictProxy

    from imageproof.mock_server.accounts import Account
    from imageproof.mock_server.bodies import Understood
    from imageproof.mock_server.faults.book import JobFaults
    from imageproof.mock_server.heads import Arrived
    from imageproof.mock_server.record import Record
    from imageproof.mock_server.routes import Endpoint
    from imageproof.specs.forms import Uploaded
    from imageproof.specs.model import Model, Operation, Shape, Spec
    from imageproof.specs.outcome import Outcome
    from imageproof.specs.template import Template


class Call:
    """One request under way, and what has been learned of it so far.

    A plain class, as one is made for every request.
    """

    __slots__ = (
        "_host",
        "account",
        "asked",
        "attempt",
        "body",
        "endpoint",
        "entry",
        "faults",
        "headers",
        "is_spoilt",
        "job",
        "job_faults",
        "known",
        "limit_headers",
        "method",
        "model",
        "notes",
        "now",
        "operation",
        "outcome",
        "path",
        "prompt",
        "raw",
        "record",
        "resets",
        "rules",
        "scope",
        "script",
        "shape",
        "skew_s",
        "streamed",
        "task_id",
        "uploaded",
    )

    def __init__(
        self,
        endpoint: Endpoint,
        account: Account,
        request: web.BaseRequest | Arrived,
        now: float,
        task_id: str | None,
        public_url: str | None,
    ) -> None:
        self.endpoint = endpoint
        self.operation: Operation = endpoint.operation
        self.account = account
        self.headers: CIMultiDictProxy[str] = request.headers
        self.method: str = request.method
        self.path: str = request.raw_path
        self.now = now
        self.task_id = task_id
        self._host = public_url
        self.resets = 0
        self.raw = b""
        self.body: dict[str, object] = {}
        self.uploaded: Uploaded | None = None
        self.model: Model | None = None
        self.shape: Shape | None = None
        self.asked: dict[str, object] = self.body
        self.prompt = ""
        self.record: Record | None = None
        self.script: Script = NOTHING
        self.outcome: Outcome | None = None
        self.known: Understood | None = None
        self.attempt = 1
        self.job = b""
        self.rules: tuple[str, ...] = ()
        self.notes: tuple[str, ...] = ()
        self.limit_headers: dict[str, str] | None = None
        self.streamed = b""
        self.scope = b""
        self.faults: list[str] = []
        self.job_faults: JobFaults | None = None
        self.skew_s = 0.0
        self.is_spoilt = False
        self.entry = 0

    def saved(self) -> dict[str, object]:
        """All that has been learned so far, to come back to it."""
        return {name: getattr(self, name) for name in self.__slots__} | {"faults": [*self.faults]}

    def put_back(self, saved: dict[str, object]) -> None:
        """Forget what has been learned since."""
        for name, value in saved.items():
            setattr(self, name, value)
        self.faults = [*self.faults]

    @property
    def host(self) -> str:
        """The root of the mock as the client reached it, for links."""
        if self._host is None:
            self._host = f"http://{self.headers.get('Host', 'localhost')}"
        return self._host

    def note(self, text: str) -> None:
        """Keep something for the journal, once."""
        if text not in self.notes:
            self.notes += (text,)


PLAIN_VALUES = frozenset({"now", "task.id", "model", "state", "task.created"})


def stored_fields(spec: Spec) -> tuple[str, ...]:
    """The request fields that later answers repeat; only these are kept with a task."""
    templates = [template for item in spec.operations.values() for template in item.answer.by_phase.values()]
    templates += [item.answer.body for item in spec.operations.values() if item.answer.body]
    templates += [spec.webhooks.body] if spec.webhooks else []
    names = {name for template in templates for name in placeholders(template.tree) if name.startswith("request.")}
    alias = spec.tasks.alias_field if spec.tasks else None
    hook = spec.webhooks.url_field if spec.webhooks else None
    return tuple(sorted({name.removeprefix("request.") for name in names} | {name for name in (alias, hook) if name}))


def costly_parts(template: Template) -> frozenset[str]:
    """Which costly parts of a context a template reads: `images`, `request`, or only `more` than the plain ones."""
    names = set(placeholders(template.tree))
    return frozenset(_part(name) for name in names - PLAIN_VALUES) | (names & {"image.url"})


def _part(name: str) -> str:
    if name.startswith("image."):
        return "images"
    return "request" if name.startswith("request.") or name == "task.alias" else "more"


def dotted(body: dict[str, object]) -> dict[str, object]:
    """Give nested fields their dotted names, so that `input.prompt` can be read."""
    out: dict[str, object] = {}
    for name, value in body.items():
        out[name] = value
        if type(value) is dict:
            out.update({f"{name}.{inner}": item for inner, item in value.items()})
    return out
