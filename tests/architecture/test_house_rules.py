"""Rules of the house that a linter does not know."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ("core", "tools", "agents", "workflows", "prompts", "chat_ui", "app")
SOURCES = sorted(path for name in OURS for path in (ROOT / name).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
# Where everything may be caught, and why.
EDGES = {
    "app/cli.py": "a person gets a sentence, a file the traceback",
    "app/server.py": "the edge of the web process",
    "app/worker.py": "the edge of the worker",
    "app/web/components.py": "the edge of a page: a sentence instead of an area that waits forever",
    "app/mcp.py": "the edge of the MCP server",
    "tools/runner.py": "a failed call is recorded, then raised again",
    "core/query/guard.py": "whatever goes wrong while judging a statement, it does not run",
    "agents/models/sending.py": "the vendors' error classes have no common base",
    "agents/steps.py": "a defect of one tool must not lose the person's turn",
}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_no_installed_distribution_claims_one_of_our_top_level_names() -> None:
    claimed = importlib.metadata.packages_distributions()
    for name in (*OURS,):
        assert set(claimed.get(name, [])) <= {"quantdesk"}, name


@pytest.mark.parametrize("path", SOURCES + TESTS, ids=relative)
def test_files_have_at_most_600_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 600


def test_the_median_source_file_is_under_200_lines() -> None:
    lengths = sorted(len(path.read_text().splitlines()) for path in SOURCES)
    assert lengths[len(lengths) // 2] < 200


def test_tests_are_at_least_as_long_as_the_code() -> None:
    # Conformance suites and stand-ins are shipped, and are what tests stand on: neither side counts them.
    product = [path for path in SOURCES if not relative(path).startswith("core/testing/")]
    source = sum(len(path.read_text().splitlines()) for path in product)
    tests = sum(len(path.read_text().splitlines()) for path in TESTS)
    assert tests >= source, f"{tests} lines of tests for {source} lines of code"


def test_only_edges_catch_everything() -> None:
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler):
                caught = node.type.id if isinstance(node.type, ast.Name) else None
                if (node.type is None or caught in {"Exception", "BaseException"}) and relative(path) not in EDGES:
                    found.append(f"{relative(path)}:{node.lineno}")
    assert found == []


def test_only_settings_reads_the_environment() -> None:
    reader = re.compile(r"\bos\.(environ|getenv)\b")
    allowed = {"core/settings.py"}
    found = [relative(path) for path in SOURCES if reader.search(path.read_text()) and relative(path) not in allowed]
    # Child processes get their environment from their parent: these hand it on without reading settings from it.
    handed_on = {"app/runtime/processes.py", "app/runtime/supervisor.py", "app/runtime/postgres.py"}
    assert set(found) <= handed_on, found


def test_nothing_names_this_machine_or_a_package_host() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    names = ("py" + r"pi\.org", "python" + r"hosted\.org", "npm" + r"js\.(org|com)", r"deb\.deb" + r"ian\.org")
    hosts = re.compile("|".join(names))
    machine = re.compile(r"(^|[^A-Za-z0-9_.])/(work|farm)/")
    for name in filter(None, tracked.split("\0")):
        path = ROOT / name
        if not path.is_file():
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        assert not hosts.search(text), name
        assert not machine.search(text), name


def test_every_vendor_inherits_the_conformance_suite() -> None:
    for path in sorted((ROOT / "core/adapters/vendors").glob("[a-z]*.py")):
        if not re.search(r"^    base_url=\"https", path.read_text(), re.MULTILINE):
            continue  # Not reached over HTTP.
        test = ROOT / "tests/core/adapters/vendors" / f"test_{path.name}"
        assert test.is_file(), f"{path.name} has no test"
        suites = [
            node
            for node in ast.parse(test.read_text()).body
            if isinstance(node, ast.ClassDef) and node.name.startswith("Test")
            and any(isinstance(base, ast.Name) and base.id == "VendorContract" for base in node.bases)
        ]  # fmt: skip
        assert suites, f"{test.name} does not inherit VendorContract"
        assert f'vendor = "{path.stem}"' in test.read_text(), f"{test.name} does not test {path.stem}"
        stand_in = ROOT / "core/testing/vendor_stand_ins" / path.name
        assert stand_in.is_file(), f"{path.name} has no stand-in"


def test_every_vendor_broker_and_strategy_has_a_test() -> None:
    names = {path.name for path in TESTS}
    for folder in ("core/adapters/vendors", "core/adapters/brokers", "core/strategies", "tools"):
        for path in (ROOT / folder).glob("*.py"):
            text = path.read_text()
            declares = "@tool(" in text or "class " in text
            if path.name != "__init__.py" and declares:
                tested = any(path.stem in test.read_text() for test in TESTS)
                assert f"test_{path.name}" in names or tested, f"{folder}/{path.name} has no test"
