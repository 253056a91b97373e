"""The lock file of the Node clients pins what is installed, not where it was downloaded from."""

import json
from pathlib import Path

NODE = Path(__file__).parents[1] / "node"


def test_every_locked_package_has_a_checksum_and_no_address() -> None:
    lock = json.loads((NODE / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages
    assert [name for name, package in packages.items() if "integrity" not in package or "resolved" in package] == []
