"""Check the locks and the set-up scripts: what a fresh machine runs before any of our Python."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-boot.lock")
SHELL = "/bin/sh"


def pinned(name: str) -> dict[str, set[str]]:
    """Return the versions of each package in a lock (markers may give a package more than one)."""
    found: dict[str, set[str]] = {}
    for package, version in re.findall(r"^([A-Za-z0-9_.-]+)==([^ ;\\]+)", (ROOT / name).read_text(), flags=re.M):
        found.setdefault(package, set()).add(version)
    return found


class TestLocks:
    @pytest.mark.parametrize("name", LOCKS)
    def test_every_package_is_pinned_with_hashes_and_no_address(self, name):
        text = (ROOT / name).read_text()
        assert "://" not in text
        entries = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.M)[1:]
        assert entries
        for entry in entries:
            assert re.match(r"[A-Za-z0-9_.-]+==\S+", entry), entry.splitlines()[0]
            assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry.splitlines()[0]

    def test_the_small_lock_is_a_part_of_the_large_one(self):
        run, dev = pinned("requirements.lock"), pinned("requirements-dev.lock")
        assert {name: versions for name, versions in run.items() if not versions <= dev.get(name, set())} == {}

    def test_the_installer_is_the_one_of_the_lock(self):
        assert pinned("requirements-boot.lock") == {"uv": pinned("requirements-dev.lock")["uv"]}

    @pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
    def test_heavy_packages_stay_out(self, name):
        assert not {"ray", "mlflow", "pyarrow", "polars", "kaleido"} & set(pinned(name))
        assert "setuptools" in pinned(name), "packages without a wheel and quantdesk itself are built with it"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Give a folder with what the set-up script reads, and with tiny locks."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name in LOCKS:
        (tmp_path / name).write_text("")
    return tmp_path


def fake_python(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!{SHELL}\n{script}\n")
    path.chmod(0o755)
    return path


def set_up(checkout: Path, kind: str = "run", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SHELL, "scripts/setup.sh", kind],
        cwd=checkout,
        env={"PATH": "/usr/bin:/bin", "HOME": str(checkout), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class TestSetUp:
    @pytest.mark.parametrize("script", ["setup.sh", "lock.sh"])
    def test_the_scripts_are_valid_posix_shell(self, script):
        done = subprocess.run(
            [SHELL, "-n", str(ROOT / "scripts" / script)], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        shell = shutil.which("dash")
        if shell:
            assert subprocess.run([shell, "-n", str(ROOT / "scripts" / script)], check=False).returncode == 0

    def test_a_wrong_python_is_refused_with_what_to_do(self, checkout):
        old = fake_python(checkout / "bin", "old-python", "exit 1")
        done = set_up(checkout, PYTHON=str(old))
        assert done.returncode == 1
        assert done.stderr == f"setup: PYTHON={old} is not Python 3.11, 3.12 or 3.13.\n"
        assert not (checkout / ".venv").exists()

    def test_a_machine_without_a_fitting_python_is_told(self, checkout):
        folder = checkout / "bin"
        fake_python(folder, "python3", 'case "$1" in --version) echo "Python 3.14.1";; *) exit 1;; esac')
        for tool in ("dirname", "sed", "grep", "cat", "head", "rm"):
            (folder / tool).symlink_to(shutil.which(tool))
        done = set_up(checkout, PATH=str(folder))
        assert done.returncode == 1
        assert "Python 3.11, 3.12 or 3.13 is needed, and this machine has Python 3.14.1." in done.stderr
        assert "sudo apt-get install python3 python3-venv" in done.stderr
        assert not (checkout / ".venv").exists()

    def test_debian_without_venv_is_told_the_exact_command(self, checkout):
        real = sys.executable
        script = f'case "$*" in *ensurepip*|*"-m pip"*) exit 1;; esac\nexec {real} "$@"'
        python = fake_python(checkout / "bin", "python3.11", script)
        done = set_up(checkout, PYTHON=str(python))
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        assert done.returncode == 1
        assert f"sudo apt-get install python{version}-venv" in done.stderr

    def test_an_unknown_kind_is_a_usage_error(self, checkout):
        done = set_up(checkout, "everything")
        assert done.returncode == 2
        assert "usage" in done.stderr

    @pytest.mark.parametrize("kind", ["run", "dev"])
    def test_a_finished_set_up_is_not_done_again_until_its_lock_changes(self, checkout, kind):
        (checkout / ".venv" / "bin").mkdir(parents=True)
        no_pip = f'[ "$1" != -m ] || exit 1\nexec {sys.executable} "$@"'
        python = fake_python(checkout / ".venv" / "bin", "python", no_pip)
        lock = checkout / ("requirements.lock" if kind == "run" else "requirements-dev.lock")
        digest = subprocess.run(
            ["sh", "-c", f"cat {lock} pyproject.toml | sha256sum"],
            cwd=checkout,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()[0]
        (checkout / ".venv" / f"installed-{kind}").write_text(f"{digest}\n")
        done = set_up(checkout, kind)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        lock.write_text("changed==1\n")
        again = set_up(checkout, kind, PYTHON=str(python))
        assert "[1/4]" in again.stdout
        assert again.returncode != 0
        assert not (checkout / ".venv" / f"installed-{kind}").exists(), "a half-done set-up must not look finished"

    def test_a_package_that_does_not_match_its_hash_is_refused(self, checkout):
        wheels = checkout / "wheels"
        wheels.mkdir()
        (wheels / "uv-1.0-py3-none-any.whl").write_bytes(b"not what was locked")
        (checkout / "requirements-boot.lock").write_text(f"uv==1.0 --hash=sha256:{'0' * 64}\n")
        (checkout / "requirements.lock").write_text(f"uv==1.0 --hash=sha256:{'0' * 64}\n")
        # Without ensurepip, as on Debian, the script uses the pip that this Python has.
        no_ensurepip = f'case "$*" in *"import ensurepip"*) exit 1;; esac\nexec {sys.executable} "$@"'
        python = str(fake_python(checkout / "bin", "python", no_ensurepip))
        if subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode:
            pytest.skip("this environment has no pip of its own")
        done = set_up(checkout, PYTHON=python, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(wheels), PIP_CONFIG_FILE=os.devnull)
        assert done.returncode != 0
        assert "HASH" in done.stderr.upper()
        assert not (checkout / ".venv" / "installed-run").exists()


class TestMake:
    def test_help_lists_every_target(self):
        text = (ROOT / "Makefile").read_text()
        targets = {"help", "run", "test", "check", "bench", "lock", "fmt", "docs"}
        targets |= {"prove", "prove-data", "prove-quant", "prove-orders", "prove-ask"}
        done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
        for target in targets:
            assert re.search(rf"^{target}:.*## ", text, flags=re.M), target
            assert re.search(rf"make {target} ", done.stdout), target

    def test_a_target_without_its_module_says_so(self):
        script = ROOT / "scripts" / "run_module.py"
        done = subprocess.run(
            [sys.executable, str(script), "benchmarks.no_such_thing", "all"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert done.stderr == "The module benchmarks.no_such_thing does not exist, so this target cannot run.\n"

    def test_ci_calls_check_and_test_and_nothing_else(self):
        path = ROOT / ".ci" / "run"
        assert path.stat().st_mode & stat.S_IXUSR
        written = path.read_text()
        assert re.findall(r"\bmake \w+", re.sub(r"#.*", "", written)) == ["make check"] * 2 + ["make test"] * 2

    @pytest.mark.parametrize(("fails", "calls", "code"), [(0, 2, 0), (1, 3, 0), (2, 2, 2)])
    def test_ci_tries_what_failed_once_more_and_only_that(self, tmp_path, fails, calls, code):
        make = tmp_path / "make"
        count = f"[ $(wc -l <{tmp_path}/calls) -gt {fails} ] || exit 2"
        make.write_text(f'#!/bin/sh\necho "$1 $PYTEST_ARGS" >>{tmp_path}/calls\n{count}\n')
        make.chmod(0o755)
        done = subprocess.run(
            [ROOT / ".ci" / "run"], env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}, check=False
        )
        asked = (tmp_path / "calls").read_text().splitlines()
        assert (done.returncode, len(asked)) == (code, calls)
        assert ["--last-failed" in call for call in asked[:2]] == [False, fails > 0]
