"""The command that sends a request again: the key stands in a variable of the shell, uploads in files."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from imageproof.specs.files import FileFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from imageproof.suites.wire import Outgoing

SHOWN = 4_096  # bytes of a body


def curl_command(out: Outgoing, url: str, body: Mapping[str, object], redact: Callable[[str], str]) -> str:
    """The command for a request to a URL that holds no key; `body` are the fields of a form."""
    parts = ["curl -sS -i"]
    if out.method != "GET":
        parts.append(f"-X {out.method}")
    parts.append(shlex.quote(url))
    for name, value in out.headers:
        masked = redact(value).replace("[key]", "$IMAGEPROOF_API_KEY")
        parts.append(f'-H "{name}: {masked}"' if "$" in masked else f"-H {shlex.quote(f'{name}: {masked}')}")
    if out.content_type.startswith("multipart/"):
        parts += [f"-F {shlex.quote(part)}" for part in _form_parts(body)]
    elif out.body is not None:
        parts.append(f"-H {shlex.quote(f'Content-Type: {out.content_type}')}")
        parts.append(f"--data-raw {shlex.quote(redact(out.body[:SHOWN].decode('utf-8', 'replace')))}")
    return " ".join(parts)


def _form_parts(body: Mapping[str, object]) -> Iterator[str]:
    """The parts of a form as curl wants them: `name=text`, `name=@file`."""
    for name, value in body.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, FileFacts):
                yield f"{name}=@{item.name}.{item.format}"
            else:
                yield f"{name}={item if isinstance(item, str) else json.dumps(item)}"
