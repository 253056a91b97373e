"""A client as many are written in a hurry, to be verified: it works, and it costs its owner money.

It polls each second, sends a job again when the connection breaks, and takes the first image only. What
`imageproof verify client reapi -- python examples/clients/hasty.py` says of it is shown by `make demo`.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
import urllib.request
from http.client import HTTPException
from pathlib import Path

BASE_URL = os.environ["IMAGEPROOF_BASE_URL"]
KEY = os.environ["IMAGEPROOF_API_KEY"]
SCALE = float(os.environ.get("IMAGEPROOF_TIME_SCALE", "1"))
TRIES = 3


def call(path: str, body: dict[str, object] | None = None) -> dict[str, object]:
    """Send a request and read the JSON of its answer."""
    data = json.dumps(body).encode() if body is not None else None
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    request = urllib.request.Request(BASE_URL + path, data, headers)  # noqa: S310  (the address that it was given)
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  (as above)
        tree: dict[str, object] = json.load(answer)
    return tree


def submit(path: str, request: dict[str, object]) -> dict[str, object]:
    """Order the job; when that goes wrong, order it again."""
    for attempt in range(TRIES):
        try:
            return call(path, request)
        except (OSError, HTTPException):
            if attempt == TRIES - 1:
                raise
    raise AssertionError("not reached")


def main() -> int:
    """Do the job: 0 done, 2 failed."""
    job = json.loads(Path(os.environ["IMAGEPROOF_JOB"]).read_text(encoding="utf-8"))
    try:
        task = submit(job["path"], job["request"])
        while task["status"] not in ("completed", "failed"):
            time.sleep(1 / SCALE)
            task = call(f"/api/v1/tasks/{task['id']}")
        if task["status"] == "failed":
            return 2
        url = task["output"]["image_urls"][0]  # type: ignore[index]
        with urllib.request.urlopen(url, timeout=60) as image:  # noqa: S310  (as above)
            digest = hashlib.sha256(image.read()).hexdigest()
    except (OSError, HTTPException):
        return 2
    told = {"outcome": "done", "images": [{"sha256": digest}]}
    Path(os.environ["IMAGEPROOF_RESULT"]).write_text(json.dumps(told), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
