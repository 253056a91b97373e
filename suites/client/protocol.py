"""What is said to a client and what it says back: the environment of level 0, the lines of level 1, the result. Pure.

The classes are the protocol; `protocol.schema.json` beside this file is derived from them and published.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import msgspec

from imageproof.specs.model import Does
from imageproof.suites.client.watch import Answer, Told

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from imageproof.specs.model import JsonTree, Spec

VERSION = 1
TITLE = "One line of the protocol between imageproof and a client, and the result file of level 0"
OPENAI_PATH = "/images/generations"  # what every OpenAI SDK appends to its base URL
PLACEHOLDER = re.compile(r"\{(base_url|api_key|prompt|size|n|model|out)\}")
KEPT_FROM_US = ("IMAGEPROOF_", "OPENAI_")
MOST_IMAGE_BYTES = 64 << 20
GAVE_UP = frozenset({"timeout", "gave-up", "gave_up", "deadline"})
OUTCOMES = {"done": Told.DONE, "failed": Told.FAILED, "unsupported": Told.UNSUPPORTED}


class ProtocolError(ValueError):
    """A result or a line that can't be read: one sentence."""


class Image(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One image that was delivered: the digest of its bytes, the path of a file, or the bytes themselves."""

    sha256: str | None = None
    path: str | None = None
    base64: str | None = None


class Error(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went wrong. `kind` is the client's own word for it; `code` the provider's."""

    kind: str | None = None
    code: str | int | None = None
    message: str | None = None


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a client tells its caller of a job. No `images` means that it does not say."""

    outcome: Literal["done", "failed", "unsupported"]
    images: list[Image] | None = None
    error: Error | None = None
    task_id: str | None = None
    request_ids: list[str] = []
    gave_up: bool = False


class _Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """What all lines of level 1 share."""


class Hello(_Message, frozen=True, kw_only=True, tag="hello"):
    """The first line of each side. A client says how many jobs it does at once (`max_parallel`)."""

    protocol: int
    name: str = ""
    provider: str = ""
    max_parallel: int = 1


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """Where the provider calls back when a job has ended, for a client that listens there, and what it signs with."""

    url: str
    secret: str


class Run(_Message, frozen=True, kw_only=True, tag="run"):
    """A job for the client. `out` is a folder where it may put images."""

    id: str
    provider: str
    scenario: str
    base_url: str
    api_key: str
    time_scale: float
    deadline_ms: int
    out: str
    job: dict[str, object]
    openai_base_url: str | None = None
    webhook: Webhook | None = None


class RunResult(_Message, Result, frozen=True, kw_only=True, tag="result"):
    """The end of a job, under the id of its `run`."""

    id: str


class Bye(_Message, frozen=True, kw_only=True, tag="bye"):
    """Nothing more comes: the client ends, with exit code 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One scenario, as a client is told of it. `seconds` are the real ones that it may take.

    `folder` is the client's own: `job.json`, `result.json` and `out/` stand in it.
    """

    provider: str
    scenario: str
    base_url: str
    openai_base_url: str | None
    api_key: str
    time_scale: float
    seconds: float
    folder: Path
    job: Mapping[str, JsonTree]
    prompt: str
    model: str
    size: str | None
    images: int
    webhook: Webhook | None = None

    @property
    def job_path(self) -> Path:
        """Where the job stands."""
        return self.folder / "job.json"

    @property
    def result_path(self) -> Path:
        """Where the client may write what it told its caller."""
        return self.folder / "result.json"

    @property
    def out(self) -> Path:
        """Where the client may put images."""
        return self.folder / "out"


def openai_base_url(spec: Spec, base_url: str) -> str | None:
    """What the SDKs of OpenAI take as base URL, for a provider that answers them at once; else None."""
    for operation in spec.operations.values():
        if operation.does is Does.GENERATE and operation.path.endswith(OPENAI_PATH):
            return base_url + operation.path.removesuffix(OPENAI_PATH)
    return None


def environment(assignment: Assignment, before: Mapping[str, str]) -> dict[str, str]:
    """The environment of a client: the one it would have anyhow, and what it is told."""
    kept = {name: value for name, value in before.items() if not name.startswith(KEPT_FROM_US)}
    told = {
        "IMAGEPROOF_PROTOCOL": str(VERSION),
        "IMAGEPROOF_PROVIDER": assignment.provider,
        "IMAGEPROOF_SCENARIO": assignment.scenario,
        "IMAGEPROOF_BASE_URL": assignment.base_url,
        "IMAGEPROOF_API_KEY": assignment.api_key,
        "IMAGEPROOF_JOB": str(assignment.job_path),
        "IMAGEPROOF_RESULT": str(assignment.result_path),
        "IMAGEPROOF_OUT": str(assignment.out),
        "IMAGEPROOF_TIME_SCALE": f"{assignment.time_scale:g}",
        "IMAGEPROOF_DEADLINE_MS": str(round(assignment.seconds * 1000)),
    }
    if assignment.openai_base_url is not None:
        told |= {"OPENAI_BASE_URL": assignment.openai_base_url, "OPENAI_API_KEY": assignment.api_key}
    if assignment.webhook is not None:
        told |= {
            "IMAGEPROOF_WEBHOOK_URL": assignment.webhook.url,
            "IMAGEPROOF_WEBHOOK_SECRET": assignment.webhook.secret,
        }
    return kept | told


def filled(command: Iterable[str], assignment: Assignment) -> list[str]:
    """The command with `{prompt}` and its like filled in; other braces stay as they are."""
    values = {
        "base_url": assignment.base_url,
        "api_key": assignment.api_key,
        "prompt": assignment.prompt,
        "size": assignment.size or "",
        "n": str(assignment.images),
        "model": assignment.model,
        "out": str(assignment.out),
    }
    return [PLACEHOLDER.sub(lambda match: values[match[1]], word) for word in command]


def run_message(assignment: Assignment, number: str) -> bytes:
    """The line that gives a client of level 1 a job."""
    message = Run(
        id=number,
        provider=assignment.provider,
        scenario=assignment.scenario,
        base_url=assignment.base_url,
        openai_base_url=assignment.openai_base_url,
        api_key=assignment.api_key,
        time_scale=assignment.time_scale,
        deadline_ms=round(assignment.seconds * 1000),
        out=str(assignment.out),
        job=dict(assignment.job),
        webhook=assignment.webhook,
    )
    return line(message)


def line(message: Hello | Run | Bye) -> bytes:
    """A message as its line."""
    return msgspec.json.encode(message) + b"\n"


def read_line(text: bytes) -> Hello | RunResult:
    """What a client of level 1 says. Raises ProtocolError for anything that is not in the protocol."""
    try:
        return msgspec.json.decode(text, type=Hello | RunResult)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ProtocolError(f"expected a hello or a result, got {_shown(text)}: {_said(error)}") from None


def id_in(text: bytes) -> str | None:
    """The id in a line that could not be read otherwise, so that its job need not wait for another one."""
    try:
        tree = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    found = tree.get("id") if isinstance(tree, dict) else None
    return found if isinstance(found, str) else None


def read_result(text: bytes, folder: Path) -> Answer:
    """What a result file says; paths of images are below `folder`, or absolute. Raises ProtocolError."""
    try:
        result = msgspec.json.decode(text, type=Result)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ProtocolError(f"expected a result, got {_shown(text)}: {_said(error)}") from None
    return answer_of(result, folder)


def answer_of(result: Result, folder: Path) -> Answer:
    """A result as a value. Raises ProtocolError for an image that can't be had."""
    error = result.error or Error()
    images = None if result.images is None else tuple(_digest(image, folder) for image in result.images)
    return Answer(
        told=OUTCOMES[result.outcome],
        images=images,
        kind=error.kind,
        code=None if error.code is None else str(error.code),
        message=error.message,
        task=result.task_id,
        request_ids=tuple(result.request_ids),
        gave_up=result.gave_up or error.kind in GAVE_UP,
    )


def files_in(folder: Path) -> tuple[str, ...] | None:
    """The digests of the files that a client left in its folder, by name; None where it left none."""
    if not folder.is_dir():
        return None
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return tuple(_digest_of_file(path) for path in files) or None


def _digest(image: Image, folder: Path) -> str:
    if image.sha256 is not None:
        if re.fullmatch(r"[0-9a-fA-F]{64}", image.sha256) is None:
            raise ProtocolError(f"expected the SHA-256 of an image as 64 hex digits, got {image.sha256[:80]!r}")
        return image.sha256.lower()
    if image.path is not None:
        return _digest_of_file(folder / image.path)
    if image.base64 is not None:
        try:
            data = base64.b64decode(image.base64, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ProtocolError(f"expected an image in base64, got {image.base64[:40]!r}: {error}") from None
        return hashlib.sha256(data).hexdigest()
    raise ProtocolError("expected an image with sha256, path or base64, got one with none of them")


def _digest_of_file(path: Path) -> str:
    try:
        no_waiting = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)  # for the other end of a pipe that somebody put there
        with os.fdopen(os.open(path, no_waiting), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_IMAGE_BYTES:
                raise ProtocolError(f"expected a file of at most 64 MiB for an image, got {path.name!r}")
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ProtocolError(f"expected the file of an image, got {path.name!r}: {error.strerror or error}") from None


def _shown(text: bytes) -> str:
    return repr(text[:120].decode("utf-8", "replace")) + (" ..." if len(text) > 120 else "")  # noqa: PLR2004


def _said(error: Exception) -> str:
    text = str(error)
    return text[:1].lower() + text[1:]


def schema() -> dict[str, object]:
    """The JSON Schema (2020-12) of everything that is said."""
    kinds: Sequence[type[msgspec.Struct]] = (Hello, Run, RunResult, Bye, Result)
    schemas, parts = msgspec.json.schema_components(
        kinds,
        ref_template="#/$defs/{name}",
        schema_hook=lambda _: {"description": "as in job.json; what a request holds depends on the provider"},
    )
    return cast(
        "dict[str, object]",
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": TITLE,
            "anyOf": list(schemas),
            "$defs": parts,
        },
    )
