"""`imageproof diff` of two load runs tells which times changed, and which differences are noise."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

from click.testing import CliRunner

from imageproof.cli.diff import diff
from imageproof.loadtests.results import results_of
from imageproof.loadtests.samples import findings_of, samples_of
from imageproof.records.lines import FORMAT, Footer, Header, Sample
from imageproof.records.writing import NAME, Writer
from tests.loadtests.books_made import held, row


def _run(folder: Path, seed: int, *, added: float = 0.0, more: tuple[Sample, ...] = ()) -> str:
    """A load run on disk, of a gateway that adds so much."""
    random = Random(seed)
    jobs = [held(mark, mark / 10, seconds=2.0, added=added + random.expovariate(200)) for mark in range(400)]
    results = results_of(jobs, [row(job) for job in jobs])
    folder.mkdir()
    with Writer(folder / NAME) as writer:
        writer.write(
            Header(
                format=FORMAT, what="load", spec="openai", title="OpenAI", target="http://127.0.0.1:1", version="1",
                started="2026-01-01T00:00:00+00:00", seed=seed,
            )
        )  # fmt: skip
        for finding in findings_of(results, []):
            writer.write(finding)
        for sample in (*samples_of(results), *more):
            writer.write(sample)
        writer.write(Footer(ended_s=1.0, exit=0, says="done", counts={}))
    return str(folder)


def test_a_slower_gateway_is_told_and_noise_is_called_so(tmp_path: Path) -> None:
    before, same, slower = (
        _run(tmp_path / name, seed, added=added) for name, seed, added in (("a", 1, 0.0), ("b", 2, 0.0), ("c", 3, 0.05))
    )
    told = CliRunner().invoke(diff, [before, same])
    assert told.exit_code == 0, told.output
    assert "Times: 0 of " in told.output
    assert "no more than noise" in told.output
    told = CliRunner().invoke(diff, [before, slower])
    assert told.exit_code == 0, told.output
    assert "overhead.p50: " in told.output
    assert ", slower (" in told.output
    assert "load both targets in turn with --against" in told.output


def test_the_times_are_in_the_json(tmp_path: Path) -> None:
    told = CliRunner().invoke(diff, [_run(tmp_path / "a", 1), _run(tmp_path / "b", 2, added=0.05), "--json"])
    times = {item["name"]: item for item in json.loads(told.output)["times"]}
    found = times["overhead.p50"]
    assert found["verdict"] == "slower"
    assert found["difference"][0] < 0.05 < found["difference"][1]
    assert found["samples"] == [400, 400]


def test_a_broken_histogram_is_refused_in_one_sentence(tmp_path: Path) -> None:
    broken = Sample(at_s=0.0, name="block", value=1.0, labels={"phase": "e2e", "histogram": "x"})
    told = CliRunner().invoke(diff, [_run(tmp_path / "a", 1), _run(tmp_path / "b", 2, more=(broken,))])
    assert told.exit_code != 0
    assert "expected the text of a histogram, got 'x'" in str(told.output) + str(told.exception)
