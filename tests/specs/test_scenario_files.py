"""Scenario files: what they say is read, and every mistake is told with its place and the nearest word."""

from __future__ import annotations

from pathlib import Path

import pytest

from imageproof.specs.fault_answers import ErrorAnswer, StatusAnswer
from imageproof.specs.library import load
from imageproof.specs.problems import SpecError
from imageproof.specs.scenario import Expected, Needs, Outcome, Scenario
from imageproof.specs.scenario_reading import NULL_HINT, fits, read_scenario, scenarios

WHOLE = """scenario: 1
teaches: a whole file is read
needs: [tasks, urls]
only: [reapi]
plan: "slow: 40s; queue: 0s"
faults:
  - {error: rate_limited, retry_after: 2, on: submit}
  - {status: 502, body: html, on: poll, times: always, after: 1, share: 0.5}
job: {operation: edit, prompt: a boat, images: 3, references: 2, stream: true, fields: {quality: low}}
expect: {outcome: failed, rule: submits-once, submits: any, images: 2, kinds: [timeout, network]}
limits: true
real_time: true
within: 10m
"""
LEAST = "scenario: 1\nteaches: next to nothing\nexpect: {outcome: done}\n"


def written(folder: Path, text: str, name: str = "mine") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def read(folder: Path, text: str) -> Scenario:
    return read_scenario(written(folder, text))


def problems(folder: Path, text: str) -> list[str]:
    """Each mistake as line, message and hint."""
    with pytest.raises(SpecError) as caught:
        read(folder, text)
    return [f"{item.mark.line}: {item.message} | {item.hint or ''}" for item in caught.value.problems]


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    found = read(tmp_path, WHOLE)
    assert (found.name, found.teaches, found.plan) == ("mine", "a whole file is read", "slow: 40s; queue: 0s")
    assert (found.needs, found.only) == (frozenset({Needs.TASKS, Needs.URLS}), ("reapi",))
    assert [fault.what for fault in found.faults] == [ErrorAnswer("rate_limited", "2"), StatusAnswer(502, "html")]
    assert [(fault.on, fault.times, fault.after, fault.share) for fault in found.faults] == [
        ("submit", 1, 0, 1.0),
        ("poll", 0, 1, 0.5),
    ]
    job = found.job
    assert (job.operation, job.prompt, job.images, job.references) == ("edit", "a boat", 3, 2)
    assert (job.stream, job.fields) == (True, {"quality": "low"})
    assert found.expected == Expected(
        outcome=Outcome.FAILED, rule="submits-once", images=2, submits=None, kinds=("timeout", "network")
    )
    assert (found.limits, found.real_time, found.within_s) == (True, True, 600.0)


def test_what_is_left_out_is_as_usual(tmp_path: Path) -> None:
    found = read(tmp_path, LEAST)
    assert found.expected == Expected(outcome=Outcome.DONE)
    assert (found.needs, found.only, found.plan, found.faults) == (frozenset(), (), "", ())
    assert (found.job.operation, found.job.images, found.job.references, found.job.stream) == ("generate", 1, 0, False)
    assert (found.limits, found.real_time) == (False, False)
    assert found.within_s > 60


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ("needs: [task]\n", "4: expected a known word for `needs`, got 'task' | did you mean 'tasks'?"),
        ("needs: tasks\n", "4: expected a list under `needs`, got 'tasks' | "),
        ("only: reapi\n", "4: expected a list of names under `only`, got 'reapi' | "),
        ("plans: slow\n", "4: unknown key 'plans' | did you mean 'plan'?"),
        ("plan: []\n", "4: expected a text for `plan`, got a list | "),
        ("limits: yes please\n", "4: expected true or false for `limits`, got 'yes please' | "),
        (
            "within: 5 minutes\n",
            "4: expected a duration such as 30s, 3m, 24h or 7d, got '5 minutes', for `within` | ",
        ),
        ("within: 0s\n", "4: expected `within` to be more than 0 seconds, got '0s' | "),
        ("job: 3\n", "4: expected keys and values under `job`, got 3 | "),
        ("job: {image: 3}\n", "4: unknown key 'image' | did you mean 'images'?"),
        ("job: {images: 30}\n", "4: expected a number from 0 to 10 for `images`, got 30 | "),
        ("job: {operation: edits}\n", "4: expected a known word for `operation`, got 'edits' | did you mean 'edit'?"),
        ("job: {fields: low}\n", "4: expected keys and values under `fields`, got 'low' | "),
        (
            "faults: {lost: reset}\n",
            "4: expected a list under `faults`, got keys and values | begin each entry with '- '",
        ),
        ("faults:\n  - lost\n", "5: expected keys and values as an entry of `faults`, got 'lost' | "),
        (
            "faults:\n  - {lost: rest}\n",
            "5: expected lost to be one of reset, silent, gateway, got 'rest' | ",
        ),
        (
            "faults:\n  - {status: 502, onn: poll}\n",
            "5: unknown word 'onn' in a fault: did you mean 'on'? | ",
        ),
        (
            "faults:\n  - {field: {path: id, do: null}}\n",
            f"5: expected do to be one of drop, null, retype, add, got None | {NULL_HINT}",
        ),
    ],
)
def test_a_mistake_is_told_where_it_stands(more: str, problem: str, tmp_path: Path) -> None:
    assert problems(tmp_path, LEAST + more) == [problem]


@pytest.mark.parametrize(
    ("expect", "problem"),
    [
        ("", "1: expected `expect: {outcome: ...}` with one of done, failed, either, got none | "),
        (
            "expect: {rule: outcome}\n",
            "1: expected `expect: {outcome: ...}` with one of done, failed, either, got none | ",
        ),
        ("expect: {outcome: fail}\n", "3: expected a known word for `outcome`, got 'fail' | did you mean 'failed'?"),
        (
            "expect: {outcome: done, rule: submit-once}\n",
            "3: expected a rule for clients of every provider, got 'submit-once' | did you mean 'submits-once'?",
        ),
        (
            "expect: {outcome: done, submits: some}\n",
            "3: expected a number from 0 to 10 or any, for `submits`, got 'some' | ",
        ),
        (
            "expect: {outcome: failed, kinds: [timeouts]}\n",
            "3: expected a known word for `kinds`, got 'timeouts' | did you mean 'timeout'?",
        ),
    ],
)
def test_a_mistake_in_what_is_expected(expect: str, problem: str, tmp_path: Path) -> None:
    assert problems(tmp_path, f"scenario: 1\nteaches: next to nothing\n{expect}") == [problem]


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, "scenario: 2\nneeds: [x]\nfaults:\n  - {lost: rest}\nexpect: {outcome: x}\n")
    assert [item.partition(":")[0] for item in found] == ["1", "1", "5", "2", "4"]


def test_a_file_needs_a_sentence_a_version_and_a_plain_name(tmp_path: Path) -> None:
    assert problems(tmp_path, "scenario: 1\nexpect: {outcome: done}\n") == [
        "1: expected `teaches`, one sentence that says what a client learns, got no such key | "
    ]
    assert problems(tmp_path, "teaches: x\nexpect: {outcome: done}\n") == [
        "1: expected `scenario: 1` at the top of the file, got no such key | write `scenario: 1` as the first line"
    ]
    with pytest.raises(
        SpecError, match=r"expected a file name of small letters, digits and hyphens, got 'My_Own.yaml'"
    ):
        read_scenario(written(tmp_path, LEAST, "My_Own"))


def test_own_folders_add_scenarios_which_fit_like_the_shipped_ones(tmp_path: Path) -> None:
    written(tmp_path, LEAST, "zebra")
    names = [item.name for item in scenarios((tmp_path,))]
    assert names == sorted([*(item.name for item in scenarios()), "zebra"])
    own = next(item for item in scenarios((tmp_path,)) if item.name == "zebra")
    assert fits(load("openai"), own) is None


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    written(tmp_path, LEAST, "plain")
    with pytest.raises(SpecError, match=r"expected a scenario of another name: 'plain' is also in .*plain\.yaml"):
        scenarios((tmp_path,))


def test_mistakes_of_all_files_in_a_folder_are_told_at_once(tmp_path: Path) -> None:
    written(tmp_path, LEAST + "plans: x\n", "one")
    written(tmp_path, LEAST + "needs: x\n", "two")
    with pytest.raises(SpecError) as caught:
        scenarios((tmp_path,))
    assert [Path(item.mark.file).stem for item in caught.value.problems] == ["one", "two"]


@pytest.mark.parametrize(
    ("faults", "why_not"),
    [
        ("{error: teapot}", "it documents no error answer teapot"),
        ("{error_in_200: teapot}", "it documents no error answer teapot"),
        ("{fail: teapot}", "it documents no failure teapot"),
        ("{fail: any}", None),
        ("{field: {path: output.image_urls, do: drop}, on: poll}", None),
        ("{field: {path: data.0.url, do: drop}, on: poll}", "its answers have no field data.0.url"),
        ("{status: 500, on: upload}", "it has no operation for upload"),
        ("{status: 500, on: download}", None),
    ],
)
def test_a_fault_that_a_provider_can_not_have_is_no_scenario_for_it(
    faults: str, why_not: str | None, tmp_path: Path
) -> None:
    assert fits(load("reapi"), read(tmp_path, f"{LEAST}faults:\n  - {faults}\n")) == why_not
