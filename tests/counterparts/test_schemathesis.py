"""Schemathesis, as it comes, on the OpenAPI document that is exported from each contract, against the running mock.

Document, mock and contract agree when Schemathesis finds nothing: no undocumented status, header, body or content type,
no valid request refused, no invalid one taken, no error of the server.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from imageproof import Mock, MockAccount
from imageproof.specs.library import load
from imageproof.specs.model import Spec
from imageproof.specs.openapi import export
from tests.counterparts.sending import served
from tests.counterparts.watching import exchanges

ROOT = Path(__file__).parents[2]
PATIENCE_S = 300
LONG = 1_000  # characters of a pattern that lists sizes

OPTIONS = (
    "--seed=1",
    "--checks=all",
    "--no-shrink",
    "--continue-on-failure",
    "--max-response-time=60",
    "--generation-database=none",
)
JSON_ONLY = ("--phases=examples,coverage,fuzzing,stateful", "--max-examples=10")
# A form is tested by the fuzzing phase alone: the coverage phase of Schemathesis 4 ends with a mistake of its own,
# "Unsupported type: 'Binary'", where the schema of a form has conditions. And no schema says that bytes are an image,
# so it draws valid forms that hold none, often as a text part without a file name: that they are refused is right.
# Good forms are sent by test_documented_values.py.
FORMS_ONLY = ("--phases=fuzzing", "--max-examples=10", "--exclude-checks=positive_data_acceptance")
# Where no page gives the form of a key the mock takes any, and there is none that it could refuse.
ANY_KEY = [name for name in served() if re.fullmatch(load(name).auth.key_pattern, "any-key-at-all")]


@pytest.fixture(scope="module")
def everything() -> Iterator[Mock]:
    """A mock of every contract and of every profile of it."""
    with Mock(*served(), clock="jump", start=1_795_000_000.0) as running:
        yield running


def with_formats(tree: object) -> object:
    """The document, in which each text with a pattern of all sizes has a format for which a hook knows a short cut."""
    if isinstance(tree, list):
        return [with_formats(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    out = {name: with_formats(item) for name, item in tree.items()}
    return {**out, "format": "image-size"} if len(str(out.get("pattern", ""))) > LONG else out


def operations(spec: Spec, *, forms: bool) -> list[str]:
    return [item.name for item in spec.operations.values() if (item.content == "multipart") == forms]


def run(folder: Path, account: MockAccount, spec: Spec, names: list[str], options: tuple[str, ...]) -> None:
    """Run Schemathesis on some operations; what it finds is the message of the failure."""
    document = folder / "openapi.json"
    document.write_text(json.dumps(with_formats(export(spec, server=account.base_url))), encoding="utf-8")
    words = [sys.executable, "-m", "schemathesis.cli", "run", str(document), f"--url={account.base_url}", *OPTIONS]
    words += [*options, *(f"--include-operation-id={name}" for name in names)]
    words += [f"--header={name}: {value}" for name, value in account.headers.items()]
    found = {"PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.counterparts.schemathesis_hooks"}
    done = subprocess.run(
        words, cwd=folder, env=os.environ | found, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def by_operation(account: MockAccount) -> dict[str, set[int]]:
    """The statuses that each operation has answered with."""
    out: dict[str, set[int]] = {}
    for entry in exchanges(account):
        out.setdefault(entry["operation"], set()).add(entry["response"]["status"])
    return out


@pytest.mark.parametrize("name", served())
def test_nothing_is_found_in_operations_with_json(name: str, everything: Mock, tmp_path: Path) -> None:
    spec = load(name)
    account, names = everything.account(spec.name), operations(spec, forms=False)
    excluded = ("--exclude-checks=ignored_auth",) if name in ANY_KEY else ()
    run(tmp_path, account, spec, names, (*JSON_ONLY, *excluded))
    seen = by_operation(account)
    assert {operation: 200 in statuses for operation, statuses in seen.items()} == dict.fromkeys(names, True)
    assert max(status for statuses in seen.values() for status in statuses) < 500


@pytest.mark.parametrize("name", [name for name in served() if operations(load(name), forms=True)])
def test_nothing_is_found_in_operations_with_forms(name: str, everything: Mock, tmp_path: Path) -> None:
    spec = load(name)
    account, names = everything.account(spec.name), operations(spec, forms=True)
    run(tmp_path, account, spec, names, FORMS_ONLY)
    seen = by_operation(account)
    assert set(seen) == set(names)
    assert all(400 in statuses for statuses in seen.values())
    assert max(status for statuses in seen.values() for status in statuses) < 500


def test_no_key_is_refused_where_any_key_is_taken(everything: Mock) -> None:
    for name in ANY_KEY:
        spec, account = load(name), everything.account(name)
        paths = [item.path.replace("{task_id}", "image_0") for item in spec.operations.values()]
        answers = [httpx.request(method, account.base_url + path) for path in paths for method in ("GET", "POST")]
        assert {answer.status_code for answer in answers} == {401, 405}
