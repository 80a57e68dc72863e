"""The programs of PostgreSQL that fit a server are found among several versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.runtime.postgres_programs import find_programs
from core.errors import Unavailable


def install(folder: Path, version: str, *, without: str = "", broken: bool = False) -> Path:
    folder.mkdir(parents=True)
    for name in {"pg_dump", "pg_restore", "psql"} - {without}:
        program = folder / name
        program.write_text("#!/bin/sh\n" + ("exit 1\n" if broken else f'echo "{name} (PostgreSQL) {version}"\n'))
        program.chmod(0o755)
    return folder


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    return [
        tmp_path / "nothing",
        install(tmp_path / "half", "15.3", without="psql"),
        install(tmp_path / "broken", "15.3", broken=True),
        install(tmp_path / "new", "18.6"),
        install(tmp_path / "debian", "15.14 (Debian 15.14-0+deb12u1)"),
        install(tmp_path / "second", "15.1"),
        install(tmp_path / "middle", "17beta2"),
    ]


@pytest.mark.parametrize(
    ("server", "found"), [(14, "debian"), (15, "debian"), (16, "middle"), (17, "middle"), (18, "new")]
)
def test_the_same_major_version_wins_else_the_next_newer(folders: list[Path], server: int, found: str) -> None:
    assert find_programs(server, folders).name == found


@pytest.mark.parametrize("server", [19, 30])
def test_a_server_newer_than_every_program_is_told_what_to_install(folders: list[Path], server: int) -> None:
    with pytest.raises(Unavailable, match=f"postgresql-client-{server}"):
        find_programs(server, folders)


def test_the_installed_programs_fit_the_embedded_server() -> None:
    from app.runtime.postgres_account import package_version

    major = int(package_version().split(".")[0])
    folder = find_programs(major)
    assert (folder / "pg_restore").is_file()
