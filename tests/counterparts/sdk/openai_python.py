"""The Python SDK of OpenAI, unchanged, as the client of `imageproof verify client`.

It hands the job to the SDK with its default settings, and tells what the SDK gave: images that it returned, or an error
of its own classes. Any other exception is a crash, as it is for a user who catches what the SDK documents.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

import openai

DONE, FAILED, UNSUPPORTED = 0, 2, 64


def ask(client: openai.OpenAI, job: dict[str, Any]) -> tuple[list[str], str | None]:
    """The images in base64, and the id of the request where the SDK shows it."""
    request: dict[str, Any] = job["request"]
    if job["operation"] == "edit":
        parts: dict[str, Any] = {
            name.removesuffix("[]"): [Path(path) for path in paths] for name, paths in job["files"].items()
        }
        answer: Any = client.images.edit(**request, **parts)
    else:
        answer = client.images.generate(**request)
    if job["stream"]:
        return [event.b64_json for event in answer if event.type.endswith(".completed")], None
    request_id = answer._request_id  # noqa: SLF001  (its documents call it public)
    return [image.b64_json for image in answer.data or [] if image.b64_json], request_id


def tell(code: int, **result: object) -> int:
    """Write the result; the exit code."""
    Path(os.environ["IMAGEPROOF_RESULT"]).write_text(json.dumps(result), encoding="utf-8")
    return code


def main() -> int:
    """Do the job of the environment."""
    job = json.loads(Path(os.environ["IMAGEPROOF_JOB"]).read_text(encoding="utf-8"))
    if job["request"].get("response_format") == "url":
        return tell(UNSUPPORTED, outcome="unsupported")  # the SDK hands on the URL, and fetches nothing
    try:
        images, request_id = ask(openai.OpenAI(), job)
    except openai.OpenAIError as error:
        code, message = getattr(error, "code", None), f"{type(error).__name__}: {error}"
        gave_up = isinstance(error, openai.APITimeoutError)
        given = [name] if (name := getattr(error, "request_id", None)) else []
        told = {"code": None if code is None else str(code), "message": message}
        return tell(FAILED, outcome="failed", error=told, gave_up=gave_up, request_ids=given)
    paths = [Path(os.environ["IMAGEPROOF_OUT"]) / f"{number}.image" for number in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        path.write_bytes(base64.b64decode(image))
    files = [{"path": str(path)} for path in paths]
    return tell(DONE, outcome="done", images=files, request_ids=[request_id] if request_id else [])


if __name__ == "__main__":
    sys.exit(main())
