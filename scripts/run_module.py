"""Run a module of this repository by name, or say in one sentence that it does not exist."""

from __future__ import annotations

import importlib.util
import runpy
import sys
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Run the module named by the first argument with the rest as its arguments; return 1 when it is missing."""
    name = arguments[0]
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    try:
        found = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        found = None
    if found is None:
        sys.stderr.write(f"The module {name} does not exist, so this target cannot run.\n")
        return 1
    sys.argv = arguments
    runpy.run_module(name, run_name="__main__", alter_sys=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
