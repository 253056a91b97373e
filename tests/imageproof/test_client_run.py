"""A run against a client, from inside: which scenarios on which clock, and what the client finds there."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from imageproof.client_config import ClientConfig, ConfigError, chosen, fitting, read_clock
from imageproof.client_jitter import LEAST_S, Jitter, quantile
from imageproof.client_run import ClientRun, State
from imageproof.specs.faults import read_fault
from imageproof.specs.library import load
from imageproof.specs.scenario import Scenario
from imageproof.specs.scenario_reading import scenarios
from imageproof.suites.client.process import PROC
from imageproof.suites.client.watch import End, Told

KNOWN = {item.name: item for item in scenarios()}
TELL = """
import json, os, pathlib
def tell(**told):
    pathlib.Path(os.environ["IMAGEPROOF_RESULT"]).write_text(json.dumps({"outcome": "failed", "error": told}))
    raise SystemExit(2)
job = json.loads(pathlib.Path(os.environ["IMAGEPROOF_JOB"]).read_text())
"""


def config(code: str, *some: Scenario, spec: str = "reapi", **more: object) -> ClientConfig:
    return ClientConfig(spec=spec, command=(sys.executable, "-c", code), scenarios=some, **more)  # type: ignore[arg-type]


def told(state: State) -> list[str | None]:
    assert state.mistakes == []
    return [played.watch.answer.message for played in state.played]


def test_a_client_gets_the_whole_request_of_its_provider() -> None:
    code = f"{TELL}\ntell(message=' '.join([job['method'], job['path'], job['request']['model']]))"
    assert told(ClientRun(config(code, KNOWN["plain"])).run()) == ["POST /api/v1/images/generations gpt-image-2"]


def test_a_client_gets_the_files_of_its_form() -> None:
    code = f"""{TELL}
paths = [path for paths in job["files"].values() for path in paths]
tell(message=" ".join(pathlib.Path(path).read_bytes()[1:4].decode() for path in paths))
"""
    assert told(ClientRun(config(code, KNOWN["with-files"], spec="openai")).run()) == ["PNG PNG"]


def test_the_sdks_of_openai_are_told_where_to_go() -> None:
    code = f"{TELL}\ntell(message=os.environ.get('OPENAI_BASE_URL', 'nowhere').rpartition('/')[2])"
    assert told(ClientRun(config(code, KNOWN["plain"], spec="openai")).run()) == ["v1"]
    assert told(ClientRun(config(code, KNOWN["plain"], spec="reapi")).run()) == ["nowhere"]


def test_connections_are_refused_until_the_time_has_come() -> None:
    refused = replace(KNOWN["plain"], name="closed", faults=(read_fault({"refused": "2s"}),), real_time=True)
    code = f"""{TELL}
import time, urllib.error, urllib.request
seen, until = [], time.monotonic() + 20
while time.monotonic() < until and "taken" not in seen:
    try:
        urllib.request.urlopen(os.environ["IMAGEPROOF_BASE_URL"])
    except urllib.error.HTTPError:
        seen.append("taken")
    except urllib.error.URLError as error:
        seen.append(type(error.reason).__name__)
    time.sleep(0.05)
tell(message=" ".join(dict.fromkeys(seen)))
"""
    assert told(ClientRun(config(code, refused)).run()) == ["ConnectionRefusedError taken"]


def test_each_scenario_has_a_key_of_its_own_and_none_is_told_of_the_others() -> None:
    code = (
        f"{TELL}\ntell(message=os.environ['IMAGEPROOF_API_KEY'] + ' ' + str(len(list(pathlib.Path('.').iterdir())))) "
    )
    some = [KNOWN[name] for name in ("plain", "slow-job", "fails")]
    keys = told(ClientRun(config(code, *some)).run())
    assert len(set(keys)) == 3


def test_a_client_that_hangs_does_not_keep_the_rest_from_their_verdicts() -> None:
    code = f"{TELL}\nimport time\nif os.environ['IMAGEPROOF_SCENARIO'] == 'fails': time.sleep(600)\ntell(message='no')"
    state = ClientRun(config(code, KNOWN["fails"], KNOWN["plain"], timeout_s=3.0)).run()
    ends = {played.name: played.watch.ending.end for played in state.played}
    assert ends == {"fails": End.HUNG, "plain": End.EXITED}
    assert state.exit == 1


def test_a_mistake_of_ours_is_called_one() -> None:
    broken = replace(KNOWN["plain"], name="broken", plan="[[no such words]]")
    state = ClientRun(config("pass", broken, KNOWN["plain"])).run()
    assert state.exit == 3
    assert "imageproof itself failed in broken" in state.says
    assert [played.name for played in state.played] == ["plain"]


def test_what_the_client_can_not_do_is_left_out() -> None:
    code = f"{TELL}\nraise SystemExit(64 if os.environ['IMAGEPROOF_SCENARIO'] == 'fails' else 0)"
    run = ClientRun(config(code, KNOWN["fails"], KNOWN["plain"]))
    state = run.run()
    by_name = {played.name: played for played in state.played}
    assert by_name["fails"].watch.answer.told is Told.UNSUPPORTED
    assert by_name["fails"].remarks == ()
    assert by_name["plain"].broken == ("reapi/client/outcome",), "it said done, and ordered nothing"


def test_nothing_is_left_of_a_key_in_what_is_kept(tmp_path: Path) -> None:
    code = f"{TELL}\nimport sys\nkey = os.environ['IMAGEPROOF_API_KEY']\nprint(key, file=sys.stderr)\ntell(message=key)"
    ClientRun(config(code, KNOWN["plain"], out=tmp_path / "run")).run()
    kept = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert {path.name for path in kept} == {"run.jsonl", "output.txt", "job.json", "result.json"}
    assert not any(load("reapi").auth.key_example in path.read_text(encoding="utf-8") for path in kept)


@pytest.mark.skipif(not PROC.is_dir(), reason="needs /proc to see what is open")
def test_a_run_leaves_no_file_open() -> None:
    def opened() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    ClientRun(config("pass", KNOWN["plain"])).run()
    before = opened()
    ClientRun(config("pass", KNOWN["plain"], KNOWN["fails"])).run()
    assert opened() <= before


# the configuration


def test_undisturbed_scenarios_go_slowly_enough_to_see_the_pace_of_a_client() -> None:
    fast = config("", KNOWN["plain"], clock="60x")
    assert fast.scale_of(KNOWN["plain"]) == 10
    assert fast.scale_of(KNOWN["slow-job"]) == 60
    assert fast.scale_of(replace(KNOWN["slow-job"], real_time=True)) == 1
    assert replace(fast, spec="openai").scale_of(KNOWN["plain"]) == 60
    assert replace(fast, clock="real").scale_of(KNOWN["plain"]) == 1


def test_clients_that_wait_in_real_time_go_on_all_at_once() -> None:
    real = config("", *KNOWN.values(), clock="real")
    assert real.at_once == len(KNOWN)
    assert replace(real, clock="60x").at_once < len(KNOWN)
    assert replace(real, jobs=2).at_once == 2


def test_a_client_has_the_time_of_its_scenario_and_some_to_start() -> None:
    slow = replace(KNOWN["slow-job"], within_s=600.0)
    assert config("", slow).seconds_for(slow) == pytest.approx(20)
    assert config("", slow, timeout_s=3.0).seconds_for(slow) == 3


@pytest.mark.parametrize("text", ["manual", "jump", "0x", "fast", ""])
def test_a_clock_must_go_on(text: str) -> None:
    with pytest.raises(ConfigError, match="expected --clock real or a scale such as 60x"):
        read_clock(text)


def test_scenarios_are_chosen_by_name() -> None:
    assert [item.name for item in chosen(KNOWN.values(), ["plain", "slow-*"])] == [
        name for name in KNOWN if name == "plain" or name.startswith("slow-")
    ]
    assert len(chosen(KNOWN.values(), [])) == len(KNOWN)
    with pytest.raises(ConfigError, match="no scenario is called 'plains': did you mean 'plain'"):
        chosen(KNOWN.values(), ["plains"])


def test_why_a_scenario_is_left_out_is_known() -> None:
    fit, reasons = fitting(load("openai"), [KNOWN["plain"], KNOWN["slow-job"]])
    assert [item.name for item in fit] == ["plain"]
    assert reasons == {"slow-job": "it has no tasks: it answers at once"}


def test_jitter_is_measured_and_never_none() -> None:
    with Jitter() as jitter:
        measured = jitter.during(0.0, float("inf"))
    assert measured >= max(LEAST_S, jitter.usual_s)
    assert quantile([1.0, 2.0, 3.0, 4.0], 0.99) == 4
    assert quantile([], 0.99) == 0
