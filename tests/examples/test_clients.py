"""The clients that people copy pass every scenario of every provider that they know, without a warning."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from shutil import which

import pytest

from imageproof.client_config import ClientConfig
from imageproof.client_run import ClientRun
from imageproof.records.lines import Verdict
from imageproof.specs.library import load
from imageproof.specs.scenario_reading import fits, scenarios

FOLDER = Path(__file__).parents[2] / "examples" / "clients"
POLLED, AT_ONCE = ("reapi", "toapis", "xingchaoyiqing"), ("openai", "apiyi")
COMMANDS = {
    "poll_async.py": (sys.executable,),
    "poll_sync.py": (sys.executable,),
    "poll.mjs": ("node",),
    "poll.pl": ("perl",),
    "poll.sh": ("bash",),
    "images_sync.py": (sys.executable,),
    "images.mjs": ("node",),
    "called_back.py": (sys.executable,),
    "lines.py": (sys.executable,),
}
KNOWN = {name: AT_ONCE if name.startswith("images") else POLLED for name in COMMANDS} | {
    "lines.py": POLLED + AT_ONCE,
    "called_back.py": ("toapis",),
}
WHOLE = os.environ.get("IMAGEPROOF_WHOLE") == "1"
"""Each client through all scenarios of each of its providers: four minutes. Without it the one that stays, which does
the jobs of two others, and a few scenarios for the rest."""
ALL = {("lines.py", "reapi"), ("lines.py", "apiyi")}
FEW = {
    ("poll_async.py", "toapis"),
    ("poll_sync.py", "xingchaoyiqing"),
    ("poll.mjs", "toapis"),
    ("poll.pl", "xingchaoyiqing"),
    ("images_sync.py", "openai"),
    ("called_back.py", "toapis"),
    ("images.mjs", "apiyi"),
    ("poll.sh", "reapi"),
}
MEANEST = frozenset({
    "error-in-200", "fails", "hidden-at-first", "lost-submit-reset", "moderated", "no-result", "plain",
    "poll-bad-gateway", "poll-odd-json", "rate-limited-date", "result-truncated", "stormy", "stream-cut", "streamed",
    "submit-unavailable", "unknown-state", "webhook-forged", "webhook-late", "webhook-never", "webhook-reordered",
    "webhook-twice", "webhook-unsigned", "with-files",
})  # fmt: skip


def cases() -> list[tuple[str, str]]:
    """The client and the provider of each case."""
    pairs = [(name, spec) for name, known in KNOWN.items() for spec in known]
    return [pair for pair in pairs if WHOLE or pair in ALL | FEW]


def played(name: str, spec: str, *, clock: str = "60x", only: frozenset[str] | None = None) -> ClientRun:
    """Run a client through all scenarios that fit its provider."""
    program = COMMANDS[name][0]
    if which(program) is None:
        pytest.skip(f"{program} is not installed")
    some = tuple(item for item in scenarios() if only is None or item.name in only)
    command = (*COMMANDS[name], str(FOLDER / name))
    run = ClientRun(
        ClientConfig(spec=spec, command=command, scenarios=some, clock=clock, level=1 if name == "lines.py" else 0)
    )
    run.run()
    return run


def complaints(run: ClientRun) -> dict[str, list[str]]:
    """What the judges say against a client, by scenario."""
    said = {
        item.name: [f"{remark.rule}: {remark.actual}" for remark in item.remarks if not remark.ok]
        for item in run.state.played
    }
    unplayed = [item.name for item in run.state.played if item.is_unsupported]
    troubles = {"run": run.state.mistakes} | {"unsupported": unplayed}
    return {name: words for name, words in {**said, **troubles}.items() if words}


@pytest.mark.parametrize(("name", "spec"), cases(), ids=str)
def test_it_passes_everything_without_a_warning(name: str, spec: str) -> None:
    only = None if WHOLE or (name, spec) in ALL else MEANEST
    run = played(name, spec, only=only)
    fitting = {item.name for item in scenarios() if fits(load(spec), item) is None}
    assert complaints(run) == {}
    assert {item.name for item in run.state.played} == (fitting if only is None else fitting & only)


def test_call_backs_are_taken_and_count_only_for_who_listens() -> None:
    only = frozenset({"webhook-forged", "webhook-twice"})
    taken, polled = (played(name, "toapis", only=only) for name in ("called_back.py", "poll_async.py"))
    rule = "toapis/client/call-backs"
    assert {item.rule: item.judged for item in taken.state.findings}[rule] == 2
    assert {item.rule: item.verdict for item in polled.state.findings}[rule] is Verdict.NOT_APPLICABLE


def test_each_client_can_be_read_in_one_go() -> None:
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in FOLDER.glob("*.*")}
    assert set(COMMANDS) <= set(lengths)
    assert max(lengths.values()) <= 330
