"""Schemathesis, on what a spec exports as OpenAPI, finds nothing at the mock: no failure and no 5xx."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from imageproof import Mock
from imageproof.specs.library import load, shipped
from imageproof.specs.openapi import export

EXAMPLES = "3"
SECONDS = 300


@pytest.fixture(scope="module")
def mock() -> Iterator[Mock]:
    with Mock(clock="jump") as running:
        yield running


def run(mock: Mock, name: str, tmp_path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    account = mock.account(name)
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(export(load(name), server=account.base_url)), encoding="utf-8")
    (header,) = (f"{key}: {value}" for key, value in account.headers.items())
    program = Path(sys.executable).with_name("schemathesis")
    command = [
        str(program), "run", str(document), "--url", account.base_url, "--header", header, "--max-examples", EXAMPLES,
        "--seed", "1", "--no-color", "--suppress-health-check", "all", *options,
    ]  # fmt: skip
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS, check=False)


def exclusions(name: str) -> list[str]:
    """What a spec can't satisfy, with the reason."""
    spec = load(name)
    out = []
    if not any(rule.id == f"{name}/auth/key" for rule in spec.rules):
        # the form of a key is on no page, so the mock takes any: no key is wrong
        out += ["--exclude-checks", "ignored_auth"]
    forms = [item.name for item in spec.operations.values() if item.content == "multipart"]
    for form in forms:
        # what a file must be can't be said in a schema, and Schemathesis' coverage phase can't judge binary values
        out += ["--exclude-operation-id", form]
    return out


@pytest.mark.parametrize("name", shipped())
def test_schemathesis_finds_nothing(mock: Mock, name: str, tmp_path: Path) -> None:
    done = run(mock, name, tmp_path, *exclusions(name))
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "No issues found" in done.stdout


FORMS = [
    pytest.param(name, item.name, id=f"{name}-{item.name}")
    for name in shipped()
    for item in load(name).operations.values()
    if item.content == "multipart"
]


@pytest.mark.parametrize(("name", "operation"), FORMS)
def test_schemathesis_finds_nothing_in_forms(mock: Mock, name: str, operation: str, tmp_path: Path) -> None:
    done = run(
        mock, name, tmp_path, "--include-operation-id", operation, "--phases", "fuzzing",
        # a schema can't say what an image is, so random bytes are refused though the schema allows them
        "--exclude-checks", "positive_data_acceptance",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "No issues found" in done.stdout
