"""Each import contract is broken on purpose once, to see it caught."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ("core", "tools", "agents", "workflows", "prompts", "chat_ui", "app")
BREAKS = {
    "Folders point downward only": ("core/domain/facts.py", "import tools.registry"),
    "Inside core": ("core/risk/__init__.py", "import core.strategies"),
    "Quant code does no input or output": ("core/valuation/__init__.py", "import httpx"),
    "Only bootstrap names an adapter": ("tools/runner.py", "import core.adapters.store.database"),
    "Vendors do not know each other": ("core/adapters/vendors/binance.py", "import core.adapters.vendors.fred"),
    "Orders leave only through the approval workflow": ("agents/__init__.py", "import core.execution.gateway"),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("house")
    for name in OURS:
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", target)
    return target


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    program = (
        "import sys; sys.path.insert(0, '');from importlinter.cli import lint_imports_command; lint_imports_command()"
    )
    return subprocess.run(
        [sys.executable, "-P", "-c", program, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False
    )


def test_the_contracts_hold(copy: Path) -> None:
    outcome = lint(copy)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.slow
@pytest.mark.parametrize("contract", BREAKS)
def test_a_broken_contract_is_caught(copy: Path, contract: str) -> None:
    name, line = BREAKS[contract]
    path = copy / name
    before = path.read_text()
    path.write_text(before + f"\n{line}\n")
    try:
        outcome = lint(copy)
    finally:
        path.write_text(before)
    assert outcome.returncode == 1
    assert f"{contract} BROKEN" in outcome.stdout
