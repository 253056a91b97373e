"""What the mock says when it is ready: to a program, or to a person."""

from __future__ import annotations

import json
import os
import shlex
from typing import TYPE_CHECKING

from imageproof import __version__
from imageproof.mock_server.control import PREFIX
from imageproof.specs.check import Checker
from imageproof.specs.generate import Maker
from imageproof.specs.model import MAKES_IMAGES

if TYPE_CHECKING:
    from imageproof.mock_server.server import Mock
    from imageproof.specs.model import Operation, Spec

CARD = " [[instant]]"  # so that a first call to a synchronous provider does not look as if it hung


def ready_line(mock: Mock, url: str) -> str:
    """One line of JSON."""
    options = mock.options
    said = {"event": "ready", "url": reachable(url), "specs": list(mock.services)}
    return json.dumps({**said, "seed": options.seed, "clock": str(options.clock), "pid": os.getpid()})


def banner(mock: Mock, url: str) -> str:
    """Some lines: where each provider is, a key, a call to try, and how it was set up."""
    root, options = reachable(url), mock.options
    specs = [service.spec for service in mock.services.values()]
    widest = max(len(spec.name) for spec in specs)
    count = f"{len(specs)} providers" if len(specs) > 1 else "one provider"
    limits = "the documented rate limits apply" if options.limits == "documented" else "no rate limits"
    return "\n".join([
        f"imageproof {__version__}: a mock of {count} on {root}",
        "",
        *(f"  {spec.name:<{widest}}  {root}/{spec.name}  key {spec.auth.key_example}" for spec in specs),
        "",
        *([f"Try  {call}", ""] if (call := sample_call(specs[0], root)) else []),
        f"Seed {options.seed}, clock {options.clock}, {limits}. Ctrl-C ends it.",
        f"Control API {root}{PREFIX}; `imageproof triggers` lists the test cards.",
    ])  # fmt: skip


def reachable(url: str) -> str:
    """The URL under which this machine itself reaches a server that listens on every address."""
    return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")


def sample_call(spec: Spec, root: str) -> str | None:
    """A curl line that gets an image, or a task; None for a provider that takes only forms."""
    operation = next(
        (item for item in spec.operations.values() if item.does in MAKES_IMAGES and item.content == "json"), None
    )
    if operation is None:
        return None
    auth = spec.auth
    key = f"{auth.scheme} {auth.key_example}".strip()
    path, body = _path_and_body(spec, operation)
    headers = ["-H", f"{auth.header}: {key}", "-H", "Content-Type: application/json"]
    return shlex.join(["curl", "-sS", f"{root}/{spec.name}{path}", *headers, "-d", json.dumps(body)])


def _path_and_body(spec: Spec, operation: Operation) -> tuple[str, dict[str, object]]:
    able = [model for model in spec.models.values() if operation.name in model.shapes]
    model = next((model for model in able if model.name == spec.selector.example), able[0])
    shape = model.shapes[operation.name]
    body = Maker(shape, spec.selector).least()
    carded = with_card(body, model.images.prompt)
    is_valid = not Checker(shape, spec.selector).check(carded)
    return operation.path.replace("{model}", model.name), carded if is_valid else body


def with_card(body: dict[str, object], prompt: str) -> dict[str, object]:
    """The body with a test card in its prompt, whose name may be dotted: the job is done at once."""
    group, dot, inner = prompt.partition(".")
    value = body.get(group)
    if dot and isinstance(value, dict):
        return {**body, group: with_card(value, inner)}
    return {**body, group: f"{value}{CARD}"} if isinstance(value, str) and not dot else body
