"""The fixture: a fresh account for each test, set up as markers and configuration say, on servers that start late."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from imageproof.specs.library import PROVIDERS
from imageproof.testing.settings import SettingError, Settings, read_markers, read_options

ROOT = Path(__file__).parents[2]
HEAVY = {"aiohttp", "yaml", "hypothesis", "PIL", "jsonschema", "orjson", "click", "rich", "imageproof.mock"}


def ran(run: pytest.RunResult, **outcomes: int) -> str:
    """What a run has written, when it came out as it should."""
    run.assert_outcomes(**outcomes)
    return run.stdout.str()


def test_each_test_has_an_account_of_its_own(inside: pytest.Pytester) -> None:
    inside.makepyfile(
        """
        import pytest
        from sending import submit

        keys = set()

        @pytest.mark.imageproof("reapi")
        @pytest.mark.parametrize("number", range(3))
        def test_it(imageproof_mock, number):
            assert imageproof_mock.calls() == []
            assert imageproof_mock.tasks() == []
            assert imageproof_mock.spent_usd == 0
            assert submit(imageproof_mock)[0] == 200
            assert imageproof_mock.key not in keys
            keys.add(imageproof_mock.key)
        """
    )
    ran(inside.runpytest(), passed=3)


def ids_of(inside: pytest.Pytester, *arguments: str) -> dict[str, str]:
    for file in inside.path.glob("seen-*"):
        file.unlink()
    ran(inside.runpytest(*arguments), passed=2)
    return {file.name: file.read_text() for file in inside.path.glob("seen-*")}


def test_what_a_test_sees_follows_from_its_name_and_the_seed(inside: pytest.Pytester) -> None:
    inside.makepyfile(
        test_two="""
        import pathlib, pytest
        from sending import submit

        @pytest.mark.imageproof("reapi")
        @pytest.mark.parametrize("name", ["one", "two"])
        def test_it(imageproof_mock, name):
            pathlib.Path(f"seen-{name}").write_text(submit(imageproof_mock)[1]["id"])
        """
    )
    first = ids_of(inside)
    assert len(set(first.values())) == 2
    assert ids_of(inside, "test_two.py::test_it[two]", "test_two.py::test_it[one]") == first
    other = ids_of(inside, "-o", "imageproof_seed=2")
    assert not set(other.values()) & set(first.values())


def test_both_fixtures_are_the_same_account_and_markers_add_up(inside: pytest.Pytester) -> None:
    inside.makepyfile(
        """
        import pytest

        @pytest.mark.imageproof("reapi", clock="manual", limits="documented")
        class TestIt:
            @pytest.mark.imageproof(clock="60x")
            def test_it(self, imageproof_mock, imageproof_mock_async):
                assert imageproof_mock_async.key == imageproof_mock.key
                about = imageproof_mock.account.describe()
                assert (about["provider"], about["limits"]) == ("reapi", "documented")
                assert about["clock"]["mode"] == "60x"

            def test_other(self, imageproof_mock):
                assert imageproof_mock.account.describe()["clock"]["mode"] == "manual"
        """
    )
    ran(inside.runpytest(), passed=2)


def test_the_configuration_speaks_for_all_tests(inside: pytest.Pytester) -> None:
    inside.mkdir("contracts")
    (inside.path / "contracts" / "mine.yaml").write_text((PROVIDERS / "toapis.yaml").read_text("utf-8"), "utf-8")
    inside.makeini("[pytest]\nimageproof_provider = contracts/mine.yaml\nimageproof_clock = manual\n")
    inside.mkdir("deep").joinpath("test_it.py").write_text(
        "def test_it(imageproof_mock):\n"
        "    assert imageproof_mock.provider == 'toapis'\n"
        "    assert imageproof_mock.account.describe()['clock']['mode'] == 'manual'\n"
    )
    ran(inside.runpytest("deep"), passed=1)


def test_a_scenario_can_stand_in_the_marker(inside: pytest.Pytester) -> None:
    inside.makepyfile(
        """
        import pytest
        from sending import submit

        @pytest.mark.imageproof("reapi", scenario="status: 502 x1")
        def test_it(imageproof_mock):
            assert [submit(imageproof_mock)[0] for _ in range(2)] == [502, 200]
        """
    )
    ran(inside.runpytest(), passed=1)


def test_nothing_starts_before_a_test_needs_it_and_one_mock_serves_all(inside: pytest.Pytester) -> None:
    inside.makepyfile(
        """
        import threading, pytest

        def mocks():
            return sum(thread.name == "imageproof-mock" for thread in threading.enumerate())

        before = mocks()

        def test_a_plain_one():
            assert mocks() == before

        @pytest.mark.imageproof("reapi")
        @pytest.mark.parametrize("number", range(3))
        def test_reapi(imageproof_mock, number):
            assert mocks() == before + 1

        @pytest.mark.imageproof("toapis")
        def test_toapis(imageproof_mock):
            assert mocks() == before + 2
        """
    )
    ran(inside.runpytest(), passed=5)


@pytest.mark.parametrize(
    ("marker", "says"),
    [
        ("", "expected to be told which provider to play"),
        ("'reapy'", "did you mean 'reapi'?"),
        ("'reapi', clok='60x'", "unknown word 'clok' in the marker imageproof: did you mean 'clock'?"),
        ("'reapi', clock='fast'", "expected a clock: real, manual, jump or a scale such as 60x, got 'fast'"),
        ("'reapi', limits='some'", "expected limits to be off or documented, got 'some'"),
        ("'reapi', seed='x'", "expected seed to be a whole number, got 'x'"),
        ("'reapi', scenario='slwo: 3s'", "slwo"),
    ],
)
def test_a_setting_that_makes_no_sense_is_told_in_one_sentence(inside: pytest.Pytester, marker: str, says: str) -> None:
    inside.makepyfile(
        f"""
        import pytest

        @pytest.mark.imageproof({marker})
        def test_it(imageproof_mock):
            pass
        """
    )
    said = ran(inside.runpytest("--tb=short"), errors=1)
    assert says in said
    assert "Traceback" not in said
    assert "pytest_plugin.py" not in said


def test_markers_are_read_from_the_outermost_inwards() -> None:
    base = read_options({"provider": "reapi", "clock": "", "seed": "-3"})
    assert base == Settings(provider="reapi", seed=-3)
    assert read_markers(base, [((), {"clock": "60x"}), (("toapis",), {})]) == Settings(
        provider="toapis", clock="60x", seed=-3
    )


@pytest.mark.parametrize(
    ("args", "kwargs", "says"),
    [
        (("reapi", "60x"), {}, "got 2 values without a name"),
        (("reapi",), {"provider": "toapis"}, "to name one provider, got two"),
        ((3,), {}, "expected provider to be a text, got 3"),
        (("reapi",), {"seed": True}, "expected seed to be a whole number, got True"),
        (("reapi",), {"violations": "ignore"}, "expected violations to be fail or allow, got 'ignore'"),
    ],
)
def test_a_marker_that_makes_no_sense_is_refused(
    args: tuple[object, ...], kwargs: dict[str, object], says: str
) -> None:
    with pytest.raises(SettingError, match=says):
        read_markers(Settings(), [(args, kwargs)])


@pytest.mark.parametrize(
    ("options", "says"),
    [({"seed": "two"}, "imageproof_seed"), ({"limits": "some"}, "expected imageproof_limits to be off or documented")],
)
def test_an_option_that_makes_no_sense_is_refused(options: dict[str, str], says: str) -> None:
    with pytest.raises(SettingError, match=says):
        read_options(options)


def test_it_works_with_classes_of_unittest(inside: pytest.Pytester) -> None:
    inside.makepyfile(
        """
        import unittest, pytest
        from sending import submit

        @pytest.mark.imageproof("reapi")
        class TestIt(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def _mock(self, imageproof_mock):
                self.mock = imageproof_mock

            def test_good(self):
                self.assertEqual(submit(self.mock)[0], 200)

            def test_bad(self):
                self.assertEqual(submit(self.mock, size="7:1")[0], 400)
        """
    )
    said = ran(inside.runpytest(), passed=1, failed=1)
    assert "reapi/submit/gpt-image-2/size/one-of" in said


def test_it_works_in_several_processes(inside: pytest.Pytester) -> None:
    inside.makepyfile(
        """
        import os, pytest
        from sending import submit

        @pytest.mark.imageproof("reapi")
        @pytest.mark.parametrize("number", range(8))
        def test_it(imageproof_mock, number):
            assert "PYTEST_XDIST_WORKER" in os.environ
            assert submit(imageproof_mock, size="7:1" if number == 5 else "1:1")[0] == (400 if number == 5 else 200)
        """
    )
    said = ran(inside.runpytest_subprocess("-n", "2"), passed=7, failed=1)
    assert "requests to imageproof_mock" in said
    assert "test_it[5]" in said


def test_it_can_be_switched_off(inside: pytest.Pytester) -> None:
    inside.makepyfile("def test_plain():\n    pass\n\ndef test_it(imageproof_mock):\n    pass\n")
    said = ran(inside.runpytest_subprocess("-p", "no:imageproof"), passed=1, errors=1)
    assert "fixture 'imageproof_mock' not found" in said


def test_the_plugin_is_found_and_names_its_marker_and_options(inside: pytest.Pytester) -> None:
    found = [point.value for point in entry_points(group="pytest11") if point.name == "imageproof"]
    assert found == ["imageproof.pytest_plugin"]
    assert "@pytest.mark.imageproof(provider" in inside.runpytest("--markers").stdout.str()
    assert "imageproof_provider (string)" in inside.runpytest("--help").stdout.str()


def test_it_does_not_meet_the_suite_for_gateways() -> None:
    command = [sys.executable, "-m", "pytest", "suites/gateway", "--collect-only", "-q", "--spec", "reapi"]
    run = subprocess.run(
        [*command, "--base-url", "http://127.0.0.1:9", "-p", "no:cacheprovider"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert "reapi/submit/" in run.stdout


def test_loading_the_plugin_imports_nothing_heavy() -> None:
    script = "import json, sys, pytest, imageproof.pytest_plugin; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    loaded = set(json.loads(run.stdout))
    assert loaded & HEAVY == set()
    assert {name for name in loaded if name.startswith("imageproof")} == {"imageproof", "imageproof.pytest_plugin"}
