"""Run one client of this folder: `python tests/wrong/run.py polls_too_fast`; `base` is the good one."""

import importlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.remove(str(Path(__file__).resolve().parent))  # its modules are reached by their whole names

from tests.wrong.base import Client, main

if __name__ == "__main__":
    module = importlib.import_module(f"tests.wrong.{sys.argv[1]}")
    sys.exit(main(getattr(module, "Wrong", Client)))
