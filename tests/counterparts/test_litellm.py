"""A gateway that others wrote: LiteLLM's proxy in front of the mock of APIYI, verified with the contract of APIYI.

Every rule that it breaks was looked at by hand, and stands in docs/field-notes.md with its evidence. A rule more or
less is news: LiteLLM has changed, or one of our judges has.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from imageproof import Mock
from tests.counterparts.watching import until

EXAMPLE = Path(__file__).parents[2] / "examples" / "litellm"
NAME = "IMAGEPROOF_LITELLM"
COMMAND = shutil.which(os.environ.get(NAME) or "litellm")
CLOCK = "600x"
PATIENCE_S = 600
MASTER, UPSTREAM, PASSED_ON = "sk-gateway-3f9c51", "sk-upstream-77ab02", "sk-passed-on-e410d8"
NONE, BROKEN = 0, 1

pytestmark = pytest.mark.skipif(
    COMMAND is None,
    reason="LiteLLM's proxy is not installed: make a virtual environment for it alone, run there "
    f"`pip install 'litellm[proxy]==1.106.2'`, and name its command in {NAME}",
)

# What LiteLLM does itself, whichever way a request goes through it.
ITS_OWN = {
    "apiyi/answers/request-id",
    "apiyi/errors/auth_invalid",
    "apiyi/errors/auth_invalid/status",
    "apiyi/errors/auth_missing",
}
TRANSLATED = ITS_OWN | {
    "apiyi/edit/gpt-image-2/stream/type",
    "apiyi/edit/gpt-image-2/style/forbidden",
    "apiyi/errors/insufficient_funds",
    "apiyi/errors/invalid_image",
    "apiyi/errors/invalid_param",
    "apiyi/errors/moderated_input",
    "apiyi/errors/moderated_output",
    "apiyi/errors/unknown_param",
    "apiyi/errors/unsupported_fidelity",
    "apiyi/errors/upstream_failed",
    "apiyi/generate/gpt-image-2/stream/type",
    "apiyi/stream/edit/completed",
    "apiyi/stream/generate/completed",
}
HANDED_ON = ITS_OWN | {"apiyi/any/any/model/type"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A verification that has ended: its exit code, all that it printed, and the folder of its record."""

    code: int
    printed: str
    folder: Path

    def failed(self) -> set[str]:
        """The rules that failed."""
        lines = [json.loads(line) for line in (self.folder / "run.jsonl").read_text(encoding="utf-8").splitlines()]
        return {line["rule"] for line in lines if line["line"] == "finding" and line["verdict"] == "failed"}


@pytest.fixture(scope="module")
def upstream() -> Iterator[Mock]:
    """The provider behind the gateway, whose time runs fast."""
    with Mock("apiyi", clock=CLOCK) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(upstream: Mock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of LiteLLM's proxy, which runs from the configuration of the example."""
    assert COMMAND is not None
    folder = tmp_path_factory.mktemp("litellm")
    log = folder / "log.txt"
    settings = {
        "UPSTREAM_URL": f"{upstream.url}/v1",
        "UPSTREAM_KEY": UPSTREAM,
        "OPENAI_API_BASE": upstream.url,
        "OPENAI_API_KEY": PASSED_ON,
        "LITELLM_MASTER_KEY": MASTER,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }
    words = [COMMAND, "--config", str(EXAMPLE / "config.yaml"), "--host", "127.0.0.1", "--port", "0"]
    with (
        log.open("wb") as out,
        subprocess.Popen(
            [*words, "--telemetry", "False"], cwd=folder, env=os.environ | settings, stdout=out, stderr=out
        ) as proxy,
    ):
        try:
            yield address(proxy, log)
        finally:
            proxy.terminate()


def address(proxy: subprocess.Popen[bytes], log: Path) -> str:
    """Where the proxy listens, as soon as it says so."""
    found: list[str] = []

    def is_told() -> bool:
        text = log.read_text(encoding="utf-8", errors="replace")
        assert proxy.poll() is None, text
        found.extend(re.findall(r"running on (http://127\.0\.0\.1:\d+)", text))
        return bool(found)

    until(is_told)
    return found[0]


def verify(base_url: str, folder: Path, *options: str) -> Run:
    """Run the command as a person does."""
    words = [sys.executable, "-m", "imageproof", "verify", "gateway", "apiyi", "--base-url", base_url]
    words += ["--clock", CLOCK, "--cards", "on", "--seed", "1", "--concurrency", "8", "--out", str(folder / "run")]
    done = subprocess.run(
        [*words, *options],
        cwd=folder,
        env=os.environ | {"IMAGEPROOF_API_KEY": MASTER},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return Run(code=done.returncode, printed=done.stdout + done.stderr, folder=folder / "run")


def report(run: Run) -> None:
    """Write every report that a run can be told in, next to its record."""
    kinds = {"--html": "report.html", "--junit": "junit.xml", "--sarif": "found.sarif", "--markdown": "summary.md"}
    files = [word for option, name in kinds.items() for word in (option, str(run.folder / name))]
    words = [sys.executable, "-m", "imageproof", "report", str(run.folder), *files]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode in (NONE, BROKEN), done.stdout + done.stderr
    assert all((run.folder / name).stat().st_size for name in kinds.values())


def assert_kept_secret(run: Run) -> None:
    """No key stands in what was printed, or in any file of the run."""
    report(run)
    files = [path for path in run.folder.rglob("*") if path.is_file()]
    texts = [run.printed.encode(), *(path.read_bytes() for path in files)]
    assert len(files) > 1
    assert not [key for key in (MASTER, UPSTREAM, PASSED_ON) for text in texts if key.encode() in text]


def test_the_image_routes_break_the_rules_of_the_field_notes(gateway: str, tmp_path: Path) -> None:
    run = verify(gateway, tmp_path, "--capabilities", str(EXAMPLE / "capabilities.yaml"))
    assert run.code == BROKEN, run.printed
    assert run.failed() == TRANSLATED
    assert_kept_secret(run)


def test_the_pass_through_route_breaks_only_what_is_its_own(gateway: str, tmp_path: Path) -> None:
    run = verify(f"{gateway}/openai", tmp_path)
    assert run.code == BROKEN, run.printed
    assert run.failed() == HANDED_ON
    assert_kept_secret(run)
