"""The wheel holds what git tracks of the package, and works where nothing else of the project is."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import imageproof

ROOT = Path(__file__).parents[2]
ROOMS = ("loadtests", "mock_server", "reports", "specs", "suites")
DIST_INFO = f"imageproof-{imageproof.__version__}.dist-info"

pytestmark = pytest.mark.xdist_group("wheel")  # one worker builds it, once


def run(*command: str | Path, cwd: Path) -> str:
    """Give the standard output; a failure shows all that the command wrote."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def tracked() -> list[str]:
    return run("git", "-c", "safe.directory=*", "ls-files", "-z", cwd=ROOT).rstrip("\0").split("\0")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build from tracked files only, so that nothing which lies about in the working tree helps."""
    source = tmp_path_factory.mktemp("source")
    for name in tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, source / name, follow_symlinks=False)
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", ".", cwd=source)
    return next((source / "dist").glob("*.whl"))


@pytest.fixture(scope="module")
def command(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel alone in a new environment that borrows the dependencies, but not the editable install."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=False)
    paths = sysconfig.get_paths("venv", vars={"base": str(home), "platbase": str(home)})
    python = Path(paths["scripts"], Path(sys.executable).name)
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel, cwd=home)
    # A .pth file inside a folder that a .pth file names is not read: the editable install's finder stays out.
    Path(paths["purelib"], "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return Path(paths["scripts"], "imageproof")


def packed_name(name: str) -> str | None:
    """Say where a tracked file belongs in the wheel; pages for readers, links and all outside the package do not."""
    room = name.partition("/")[0]
    if name.endswith(".md") or (ROOT / name).is_symlink() or room not in {"imageproof", *ROOMS}:
        return None
    return name if room == "imageproof" else f"imageproof/{name}"


def test_the_wheel_holds_exactly_the_tracked_files_of_the_package(wheel: Path) -> None:
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if not name.startswith(f"{DIST_INFO}/")}
    assert packed == {packed_name(name) for name in tracked()} - {None}


def test_the_wheel_carries_its_licence(wheel: Path) -> None:
    assert f"{DIST_INFO}/licenses/LICENSE" in zipfile.ZipFile(wheel).namelist()


def test_the_command_of_the_wheel_tells_its_version(command: Path, tmp_path: Path) -> None:
    assert imageproof.__version__ in run(command, "--version", cwd=tmp_path)


def test_the_command_of_the_wheel_finds_its_specs_in_an_empty_folder(command: Path, tmp_path: Path) -> None:
    from_wheel = run(command, "spec", "list", cwd=tmp_path)
    assert from_wheel.strip()
    assert from_wheel == run(sys.executable, "-m", "imageproof", "spec", "list", cwd=ROOT)


def test_the_command_of_the_wheel_runs_code_of_the_wheel(command: Path, tmp_path: Path) -> None:
    where = run(command.with_name("python"), "-c", "import imageproof; print(imageproof.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(command.parents[1])
