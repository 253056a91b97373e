"""The mock that stands behind what is measured: one of our own, or one that somebody has put there.

What it knows of each job is asked for over its control API, so that both sides' books can be joined.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Self
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import msgspec
import orjson

from imageproof.loadtests.reading import excerpt

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from imageproof.specs.model import JsonTree, Spec

START_S = 30.0
ASK_S = 60.0
GRACE_S = 5.0
REFUSED = 400
WHY = 300  # characters of what the other side says


class UpstreamError(Exception):
    """A mock could not be started or asked. The message is a sentence for a person."""


class RefusedError(UpstreamError):
    """The mock does not take what was to be set. The message is a sentence for a person."""


class Upstream:
    """A running mock and one account on it."""

    def __init__(self, url: str, spec: Spec, key: str) -> None:
        self.url = url
        self._spec = spec
        self._key = key
        self._known: frozenset[str] = frozenset()

    def mark(self) -> None:
        """Leave what is there now out of what is told later. Raises UpstreamError."""
        self._known = frozenset(str(job["id"]) for job in self._jobs())

    def jobs(self) -> list[dict[str, JsonTree]]:
        """Each job since the mark, as the mock describes it: id, prompt, plan, cost. Raises UpstreamError."""
        return [job for job in self._jobs() if str(job["id"]) not in self._known]

    def set(self, settings: Mapping[str, JsonTree]) -> None:
        """Change the account. Raises UpstreamError with what the mock says of it."""
        self._ask("account", settings=settings)

    def limits(self) -> str:
        """Which rate limits hold for the account, as the mock calls them."""
        found = self._ask("account")
        return str(found.get("limits", "off")) if isinstance(found, dict) else "off"

    def clock_rate(self) -> float:
        """How many seconds pass for the account in a real one; 1 for a clock that stands still."""
        mode = self._ask("clock")
        text = str(mode.get("mode")) if isinstance(mode, dict) else "real"
        return float(text[:-1]) if text.endswith("x") else 1.0

    def _jobs(self) -> list[dict[str, JsonTree]]:
        found = self._ask("jobs")
        return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []

    def _ask(self, what: str, *, settings: Mapping[str, JsonTree] | None = None) -> JsonTree:
        auth = self._spec.auth
        url = f"{self.url}/__imageproof__/{self._spec.name}/{what}"
        headers = {auth.header: f"{auth.scheme} {self._key}".strip()}
        data = None if settings is None else orjson.dumps(settings)
        method = "GET" if settings is None else "PATCH"
        request = Request(url, data, headers, method=method)  # noqa: S310  (the address of a mock)
        try:
            with urlopen(request, timeout=ASK_S) as answer:  # noqa: S310  (as above)
                tree: JsonTree = orjson.loads(answer.read())
                return tree
        except HTTPError as error:
            said = error.read()[:4000]
            if settings is not None and error.code == REFUSED:
                raise RefusedError(f"the mock at {self.url} refuses {', '.join(settings)}: {_why(said)}") from None
            raise UpstreamError(
                f"expected imageproof's mock at {self.url}, got status {error.code}: {_why(said)}"
            ) from None
        except (URLError, OSError) as error:
            reason = getattr(error, "reason", error)
            raise UpstreamError(f"expected imageproof's mock at {self.url}, got no answer: {reason}") from None
        except orjson.JSONDecodeError:
            raise UpstreamError(
                f"expected imageproof's mock at {self.url}, got something that speaks no JSON"
            ) from None


def _why(said: bytes) -> str:
    """The sentence of the control API, out of its JSON."""
    try:
        tree = orjson.loads(said)
    except orjson.JSONDecodeError:  # cut off, or of somebody else
        return excerpt(said)
    return str(tree["error"])[:WHY] if isinstance(tree, dict) and "error" in tree else excerpt(said)


class _Ready(msgspec.Struct):
    url: str


class OwnMock:
    """A mock in a process of its own, which takes nothing of the generator's core."""

    def __init__(self, spec: str, *, clock: str, seed: int, more: tuple[str, ...] = ()) -> None:
        self._command = (
            sys.executable, "-m", "imageproof", "mock", spec, "--port", "0", "--ready-json", "--log-level", "error",
            "--clock", clock, "--seed", str(seed), "--timing-header", "--pictures", "plain", *more,
        )  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.pid = 0

    def __enter__(self) -> Self:
        """Start it. Raises UpstreamError."""
        self._process = subprocess.Popen(  # noqa: S603  (our own command, with this interpreter)
            self._command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
        self.pid = self._process.pid
        line = self._process.stdout.readline() if self._process.stdout else b""
        if not line:
            self._end()
            raise UpstreamError(f"the mock could not begin: {self._last_words()}")
        self.url = msgspec.json.decode(line, type=_Ready).url
        return self

    def _last_words(self) -> str:
        if self._process is None or self._process.stderr is None:
            return "it said nothing"
        lines = self._process.stderr.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self._end()
        for stream in (self._process.stdout, self._process.stderr) if self._process else ():
            if stream is not None:
                stream.close()

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
