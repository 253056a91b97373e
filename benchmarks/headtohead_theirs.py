"""Schemathesis on a mock: its best configuration, its command, and what it reports."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from headtohead_report import Failure, Key, Report

from imageproof.specs.library import load
from imageproof.specs.openapi import export

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imageproof import MockAccount
    from imageproof.specs.model import Spec

COMMAND = (sys.executable, "-m", "schemathesis.cli")
HERE = Path(__file__).parent
FORM = "multipart/form-data"
WORDS = re.compile(r"'[^']*'|req_[\w-]+|\d+")  # what differs from one refusal for the same reason to the next
MOST = 300  # characters of an answer that Schemathesis prints with a failure
LONG = 1_000  # characters of a pattern that lists sizes
EXAMPLES = 100  # the default of Schemathesis
LIMIT_S = 300  # after which a run is ended; what it had reported by then counts

OPTIONS = (
    "--checks=all",
    "--phases=examples,coverage,fuzzing,stateful",
    "--continue-on-failure",
    "--generation-database=none",
    "--max-response-time=60",
    f"--max-examples={EXAMPLES}",
)


def document(spec: Spec, server: str) -> object:
    """Our exported OpenAPI, with the names of formats and media types for which the hooks know a short cut."""
    tree = _with_formats(export(spec, server=server))
    for path in tree["paths"].values():
        for operation in path.values():
            form = operation.get("requestBody", {}).get("content", {}).get(FORM)
            if form:
                parts = form["schema"].get("anyOf", [form["schema"]])
                fields = {name: kind for part in parts for name, kind in part.get("properties", {}).items()}
                form["encoding"] = {name: {"contentType": "image/png"} for name in fields if _is_file(fields[name])}
    return tree


def _with_formats(tree):  # noqa: ANN001, ANN202  (a tree of JSON)
    if isinstance(tree, list):
        return [_with_formats(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    out = {name: _with_formats(item) for name, item in tree.items()}
    return {**out, "format": "image-size"} if len(str(out.get("pattern", ""))) > LONG else out


def _is_file(schema: dict) -> bool:
    return schema.get("format") == "binary" or ("items" in schema and _is_file(schema["items"]))


def settings(spec: Spec) -> str:
    """Two accounts that must not see each other's tasks, and no coverage phase where it ends with its own mistake.

    For a form whose schema has conditions it says `Unsupported type: 'Binary'`.
    """
    forms = [item.name for item in spec.operations.values() if item.content == "multipart"]
    without = "".join(
        f'[[operations]]\ninclude-operation-id = "{name}"\nphases.coverage.enabled = false\n' for name in forms
    )
    return f'[auth.wfc]\npath = "accounts.json"\npeers = ["own", "other"]\n\n{without}'


def accounts(account: MockAccount) -> str:
    """Both accounts in the form of the Web Fuzzing Commons, which `object_level_authorization` reads."""
    people = {"own": "", "other": "-other"}
    users = [
        {
            "name": who,
            "fixedHeaders": [{"name": name, "value": value + more} for name, value in account.headers.items()],
        }
        for who, more in people.items()
    ]
    return json.dumps({"auth": users})


def run(folder: Path, account: MockAccount, name: str, *, seed: int, command: tuple[str, ...]) -> Report:
    """Run it on one mock, in a folder that is empty."""
    spec = load(name)
    (folder / "openapi.json").write_text(json.dumps(document(spec, account.base_url)), encoding="utf-8")
    (folder / "schemathesis.toml").write_text(settings(spec), encoding="utf-8")
    (folder / "accounts.json").write_text(accounts(account), encoding="utf-8")
    events = folder / "events.ndjson"
    words = [*command, "run", "openapi.json", f"--url={account.base_url}", f"--seed={seed}", *OPTIONS]
    words += ["--report=ndjson", f"--report-ndjson-path={events}"]
    found = {"PYTHONPATH": str(HERE), "SCHEMATHESIS_HOOKS": "headtohead_hooks"}
    try:
        done = subprocess.run(
            words, cwd=folder, env=os.environ | found, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return read(events, was_ended=True)
    if done.returncode not in (0, 1):
        message = f"expected Schemathesis to end with 0 or 1, got {done.returncode}: {done.stdout}{done.stderr}"
        raise RuntimeError(message)
    return read(events, was_ended=False)


def read(events: Path, *, was_ended: bool) -> Report:
    """Read its record of events: every failed check with the number of the request that it failed on."""
    times: list[float] = []
    failed: list[tuple[float, Key, str]] = []
    for event in _events(events):
        match event:
            case {"ScenarioFinished": {"recorder": recorder}}:
                times += [item["timestamp"] for item in recorder.get("interactions", {}).values()]
                failed += _failed(recorder)
            case {"NonFatalError": error}:
                failed.append((error.get("timestamp", 0.0), (str(error.get("label")), "error", ""), json.dumps(error)))
    failures = [
        Failure(key=key, text=text, request=sum(time <= at for time in times)) for at, key, text in sorted(failed)
    ]
    return Report(failures=tuple(failures), requests=len(times), was_ended=was_ended)


def _events(path: Path) -> Iterator[dict]:
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:  # the last line of a run that was ended
            return


def _failed(recorder: dict) -> Iterator[tuple[float, Key, str]]:
    for case_id, checks in recorder.get("checks", {}).items():
        for check in checks:
            if check["status"] == "failure":
                told = check["failure_info"]["failure"]
                found = recorder["interactions"]
                exchange = found.get(told.get("case_id")) or found[case_id]
                answer = _answer(exchange)
                reason = _reason(answer) if check["name"] == "positive_data_acceptance" else ""
                text = f"{told['title']}\n{told['message']}\n{answer[:MOST]}"
                yield exchange["timestamp"], (told["operation"], check["name"], reason), text


def _answer(exchange: dict) -> str:
    content = (exchange.get("response") or {}).get("content") or {}
    return base64.b64decode(content.get("$base64", "")).decode("utf-8", "replace")


def _reason(answer: str) -> str:
    """Why a body was refused, in the same words however the answer is written."""
    try:
        return WORDS.sub("", json.dumps(json.loads(answer), sort_keys=True))
    except json.JSONDecodeError:
        return WORDS.sub("", answer)
