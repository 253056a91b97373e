"""Level 1: whatever one long-lived client says or does, each job gets its ending, and no result is lost."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import jsonschema
import pytest

from imageproof.suites.client import level1, protocol
from imageproof.suites.client.level1 import Level1
from imageproof.suites.client.process import NotStartedError
from imageproof.suites.client.watch import Answer, End, Ending, Told
from tests.suites.client.assigned import assignment

CLIENT = """
import json, os, pathlib, sys, time
def say(**message): print(json.dumps(message), flush=True)
def done(job, **more): say(type="result", id=job["id"], outcome="done", **more)
kept = {}
for text in sys.stdin:
    message = json.loads(text)
    if message["type"] == "hello":
        say(type="hello", protocol=1, name="tiny", max_parallel=PARALLEL)
    elif message["type"] == "bye":
        pathlib.Path(FOLDER, "bye").touch()
        break
    else:
        does(message["scenario"], message)
"""
Outcomes = dict[str, tuple[Answer, Ending]]


def talk(
    folder: Path, does: str, *scenarios: str, parallel: int = 1, at_once: int = 9, seconds: float = 20.0
) -> tuple[Outcomes, Level1]:
    """Play scenarios with a client whose function `does(name, job)` has this body; `seconds` for the stuck ones."""
    body = "\n".join(f"    {row}" for row in does.strip().splitlines())
    code = CLIENT.replace("PARALLEL", str(parallel)).replace("FOLDER", repr(str(folder)))
    program = f"def does(name, job):\n{body}\n{code}"

    async def run() -> tuple[Outcomes, Level1]:
        level = Level1([sys.executable, "-S", "-c", program], os.environ, "reapi")
        await level.begin()
        slots = asyncio.Semaphore(min(level.slots or 1, at_once))

        async def one(name: str) -> tuple[str, tuple[Answer, Ending]]:
            async with slots:
                patience = seconds if name.startswith("stuck") else 20.0
                return name, await level.do(assignment(folder, scenario=name, seconds=patience))

        try:
            return dict(await asyncio.gather(*(one(name) for name in scenarios))), level
        finally:
            await level.end()

    return asyncio.run(run())


def ends(outcomes: Outcomes) -> dict[str, End]:
    return {name: ending.end for name, (_, ending) in outcomes.items()}


def test_jobs_are_done_by_one_process_that_is_told_when_to_end(tmp_path: Path) -> None:
    does = 'done(job, images=[{"sha256": "a" * 64}], task_id=str(os.getpid()))'
    outcomes, level = talk(tmp_path, does, "a", "b", "c")
    assert {answer.told for answer, _ in outcomes.values()} == {Told.DONE}
    assert {answer.images for answer, _ in outcomes.values()} == {("a" * 64,)}
    assert len({answer.task for answer, _ in outcomes.values()}) == 1
    assert set(ends(outcomes).values()) == {End.EXITED}
    assert (tmp_path / "bye").exists()
    assert level.notes == []


def test_a_client_says_how_many_jobs_it_does_at_once(tmp_path: Path) -> None:
    does = """
kept[name] = job
if len(kept) == 3:
    for name in ("c", "a", "b"):
        done(kept[name], task_id=name)
"""
    outcomes, level = talk(tmp_path, does, "a", "b", "c", parallel=3)
    assert level.slots == 3
    assert {name: answer.task for name, (answer, _) in outcomes.items()} == {"a": "a", "b": "b", "c": "c"}


def test_a_bad_line_is_reported_and_costs_nothing(tmp_path: Path) -> None:
    does = """
print("this is a log", flush=True)
say(type="result", id="99", outcome="done")
done(job)
"""
    outcomes, level = talk(tmp_path, does, "a")
    assert outcomes["a"][0].told is Told.DONE
    assert "expected a hello or a result, got 'this is a log'" in level.notes[0]
    assert level.notes[1] == "a result for '99' came for no job that is under way"


def test_a_result_that_is_none_costs_its_own_job_only(tmp_path: Path) -> None:
    does = """
if name == "bad":
    say(type="result", id=job["id"], outcome="perhaps")
else:
    done(job, images=[{"path": "gone.png"}] if name == "gone" else [])
"""
    outcomes, level = talk(tmp_path, does, "bad", "gone", "good")
    assert {name: answer.told for name, (answer, _) in outcomes.items()} == {
        "bad": Told.SILENT,
        "gone": Told.SILENT,
        "good": Told.DONE,
    }
    assert "invalid enum value 'perhaps'" in str(outcomes["bad"][0].message)
    assert len(level.notes) == 2


def test_a_crash_costs_its_job_and_the_client_is_started_again(tmp_path: Path) -> None:
    does = """
if name == "crash":
    print("oh no", file=sys.stderr, flush=True)
    os._exit(3)
done(job)
"""
    outcomes, _ = talk(tmp_path, does, "a", "crash", "b", "c")
    assert ends(outcomes) == {"a": End.EXITED, "crash": End.CRASHED, "b": End.EXITED, "c": End.EXITED}
    assert outcomes["crash"][1].code == 3
    assert outcomes["crash"][1].output == "oh no\n"


def test_a_client_that_crashes_again_is_not_started_a_third_time(tmp_path: Path) -> None:
    outcomes, _ = talk(tmp_path, "os._exit(3)", "a", "b", "c", "d")
    assert ends(outcomes) == {"a": End.CRASHED, "b": End.CRASHED, "c": End.UNANSWERED, "d": End.UNANSWERED}
    assert outcomes["d"][1].output == "the client crashed 2 times and was not started again"


def test_an_unanswered_job_is_marked_and_does_not_stop_the_rest(tmp_path: Path) -> None:
    outcomes, _ = talk(tmp_path, "time.sleep(600) if name == 'stuck' else done(job)", "a", "stuck", "b", seconds=0.5)
    assert ends(outcomes) == {"a": End.EXITED, "stuck": End.UNANSWERED, "b": End.EXITED}


def test_a_parallel_client_that_forgets_one_job_is_left_running(tmp_path: Path) -> None:
    does = "done(job, task_id=str(os.getpid())) if name != 'stuck' else None"
    outcomes, _ = talk(tmp_path, does, "a", "stuck", "b", "c", "d", parallel=2, seconds=0.3)
    assert ends(outcomes)["stuck"] is End.UNANSWERED
    assert len({answer.task for answer, _ in outcomes.values()} - {None}) == 1


def test_a_late_result_is_reported(tmp_path: Path) -> None:
    does = """
if name == "stuck":
    kept["late"] = job
else:
    done(kept["late"])
    done(job)
"""
    outcomes, level = talk(tmp_path, does, "stuck", "b", parallel=2, at_once=1, seconds=0.3)
    assert outcomes["b"][0].told is Told.DONE
    assert level.notes == ["a result for '1' came too late"]


def test_a_log_that_floods_ends_the_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(level1, "LONGEST_LINE", 1 << 20)
    does = """
while name == "flood":
    sys.stderr.write("x" * 65536)
done(job)
"""
    outcomes, _ = talk(tmp_path, does, "flood", "b")
    assert ends(outcomes) == {"flood": End.FLOODED, "b": End.EXITED}


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import sys; sys.exit('no such module: x')", 'ended with code 1; it last said "no such module: x"'),
        ('print(\'{"type": "hello", "protocol": 7}\', flush=True); input()', "protocol 1, got one of 7"),
    ],
)
def test_a_client_without_a_hello_is_not_started(code: str, says: str) -> None:
    async def run() -> None:
        await Level1([sys.executable, "-S", "-c", code], os.environ, "reapi").begin()

    with pytest.raises(NotStartedError) as caught:
        asyncio.run(run())
    assert says in str(caught.value)


def test_the_published_schema_is_that_of_the_classes(tmp_path: Path) -> None:
    published = json.loads(Path(protocol.__file__).with_suffix(".schema.json").read_text(encoding="utf-8"))
    assert published == protocol.schema()
    run = json.loads(protocol.run_message(assignment(tmp_path), "1"))
    jsonschema.validate(run, published)
    jsonschema.validate(json.loads(protocol.line(protocol.Hello(protocol=1))), published)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"type": "result", "id": "1", "outcome": "perhaps"}, published)
