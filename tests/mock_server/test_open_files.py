"""The limit of open files is raised as far as the machine lets it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from imageproof.mock_server.open_files import FEW, MOST, USUAL_MOST, raised, too_few

resource = pytest.importorskip("resource", reason="a limit that this system does not have")
NO_LIMIT = -1


@pytest.mark.parametrize(
    ("soft", "hard", "tries"),
    [
        (1024, 4096, [4096]),
        (1024, 524_288, [524_288, USUAL_MOST]),
        (1024, 10 * MOST, [MOST, USUAL_MOST]),
        (256, NO_LIMIT, [MOST, USUAL_MOST]),
        (4096, 4096, []),
        (NO_LIMIT, NO_LIMIT, []),
        (20_000, 524_288, [524_288]),
    ],
)
def test_the_best_limit_is_tried_first_and_none_that_is_there(soft: int, hard: int, tries: list[int]) -> None:
    assert raised(soft, hard, NO_LIMIT) == tries


@pytest.mark.parametrize(("limit", "warns"), [(None, False), (FEW, False), (FEW - 1, True), (256, True)])
def test_few_open_files_are_told_with_what_to_do(limit: int | None, warns: bool) -> None:  # noqa: FBT001  (a parameter)
    warning = too_few(limit)
    assert (warning is not None) is warns
    assert not warns or (f"at most {limit} files" in str(warning) and "ulimit -Hn" in str(warning))


@pytest.mark.parametrize(("hard", "warns"), [(FEW, False), (512, True)])
def test_the_mock_raises_its_own_limit_when_it_starts(hard: int, warns: bool) -> None:  # noqa: FBT001  (a parameter)
    command = [sys.executable, "-m", "imageproof", "mock", "reapi", "--port", "0", "--ready-json"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard)),  # noqa: PLW1509  (no threads there)
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        ready = json.loads(process.stdout.readline())
        limits = resource.prlimit(process.pid, resource.RLIMIT_NOFILE) if hasattr(resource, "prlimit") else (hard, hard)
        process.terminate()
        told = process.stderr.read()
    assert ready["event"] == "ready"
    assert limits == (hard, hard)
    assert ("files may be open" in told) is warns
