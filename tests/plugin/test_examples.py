"""The examples for people who test with pytest: they pass, they catch a client that is wrong, the page shows them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples" / "pytest").glob("test_*.py"))
PAGE = ROOT / "docs" / "how-to" / "test-with-pytest.md"
INI = "[pytest]\naddopts = -p no:cacheprovider\nfilterwarnings = error\n"


def run(pytester: pytest.Pytester, name: str, *changes: tuple[str, str]) -> pytest.RunResult:
    """Run an example, with something in its client made wrong."""
    code = next(file for file in EXAMPLES if file.stem == name).read_text(encoding="utf-8")
    for right, wrong in changes:
        assert right in code
        code = code.replace(right, wrong)
    pytester.makeini(INI)
    pytester.makepyfile(**{name: code})
    return pytester.runpytest_subprocess("--strict-markers")


def test_there_are_three() -> None:
    assert [file.stem for file in EXAMPLES] == ["test_async_client", "test_openai_sdk", "test_polling_client"]


@pytest.mark.parametrize("name", [file.stem for file in EXAMPLES])
def test_an_example_passes(pytester: pytest.Pytester, name: str) -> None:
    run(pytester, name).assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("name", "right", "wrong", "says"),
    [
        (
            "test_polling_client",
            "30 if waited == 0 else",
            "1 if waited == 0 else",
            "a poll came 1.00 s after the submit: early",
        ),
        ("test_polling_client", '"model": "gpt-image-2",', '"modell": "gpt-image-2",', "breaks reapi/"),
        ("test_async_client", "await self.sleep(float(told or pause))", "pass", "assert (0.0 - 0.0) >= 7"),
        ("test_async_client", "!= TOO_MANY", "!= 418", "429"),
        ("test_openai_sdk", "return None", "return b''", "is None"),
    ],
)
def test_an_example_catches_a_wrong_client(
    pytester: pytest.Pytester, name: str, right: str, wrong: str, says: str
) -> None:
    result = run(pytester, name, (right, wrong))
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert says in result.stdout.str()


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_the_page_shows_the_example_as_it_is(file: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert file.read_text(encoding="utf-8") in blocks, f"copy {file.relative_to(ROOT)} into {PAGE.relative_to(ROOT)}"
