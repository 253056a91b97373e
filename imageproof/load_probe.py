"""Knock before a load run: is anybody there, and is the key taken? Sends one request that costs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from imageproof.loadtests.reading import excerpt
from imageproof.specs.model import Does

if TYPE_CHECKING:
    from imageproof.specs.model import Operation, Spec

KNOCK_S = 15.0
DENIED = (401, 403)
FREE = (Does.BALANCE, Does.MODELS, Does.POLL)
NOBODY = "imageproof-load-knocks"


class DeadError(Exception):
    """Nobody answers at the target. The message is a sentence for a person."""


class DeniedError(Exception):
    """The target does not take the key. The message is a sentence for a person."""


def knock(spec: Spec, base_url: str, key: str) -> None:
    """Send one free request. Raises DeadError or DeniedError; any other answer will do."""
    operation = _free(spec)
    path = operation.path.replace("{task_id}", NOBODY) if operation else "/"
    headers = {spec.auth.header: f"{spec.auth.scheme} {key}".strip()}
    request = Request(base_url + path, headers=headers)  # noqa: S310  (the command line takes http and https only)
    try:
        with urlopen(request, timeout=KNOCK_S):  # noqa: S310  (as above)
            return
    except HTTPError as error:
        status, said = error.code, excerpt(error.read())
        error.close()
    except (URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise DeadError(f"expected an answer of {base_url}, got none: {reason}") from None
    if status in DENIED and operation is not None:
        raise DeniedError(f"expected {base_url} to take the key, got status {status}: {said}")


def _free(spec: Spec) -> Operation | None:
    """The first operation that is asked for without a body and costs nothing."""
    found = (spec.operation_for(does) for does in FREE)
    return next((item for item in found if item is not None and item.method == "GET"), None)
