"""Decide where a desk's PostgreSQL lives: folders, account, binaries and socket."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from app.runtime.postgres_account import (
    EVERYONE_ENTERS,
    SYSTEM_FOLDER,
    Account,
    current_account,
    make_system_folder,
    service_account,
    shared_binaries,
    wheel_folder,
)
from app.runtime.processes import make_private_folder, write_whole
from core.errors import InvalidInput

SOCKET_NAME = ".s.PGSQL.5432"
# sun_path holds 104 bytes on macOS and 108 on Linux, with a closing zero byte; libpq adds nothing to it.
SOCKET_PATH_BYTES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Name the places of one desk's server."""

    home: Path
    folder: Path
    binaries: Path
    account: Account
    socket_dir: Path

    @property
    def data(self) -> Path:
        """The server's data directory."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """The server's log file, in a folder that its account may write."""
        return self.folder / "log" / "postgres.log"

    @property
    def as_root(self) -> bool:
        """Whether root starts it for another account."""
        return self.account.uid != os.geteuid()


def marker(home: Path) -> Path:
    """Return the file in which root's homes note where their server's folder is."""
    return home / "postgres" / "cluster"


def locate_cluster(home: Path, *, create: bool = True) -> Cluster | None:
    """Return the places of the server of a resolved `home`, or None when there is none and `create` is false.

    An ordinary user's data lies in the home. Root's lies below /var/lib/quantdesk in folders of an unprivileged
    account, found through a note in the home: so a home that is moved keeps its data, and a new home never meets the
    data of a deleted one.
    Raises InvalidInput when the note names a folder that is gone or that belongs to another home.
    """
    if os.geteuid() == 0:
        return _root_cluster(home, create=create)
    folder = home / "postgres"
    if not (folder / "data").is_dir() and not create:
        return None
    account = current_account()
    make_private_folder(folder)
    make_private_folder(folder / "log")
    return Cluster(
        home=home, folder=folder, binaries=_programs(wheel_folder()), account=account, socket_dir=_short_socket(folder)
    )


def _root_cluster(home: Path, *, create: bool) -> Cluster | None:
    note = marker(home)
    if note.is_file():
        folder = Path(note.read_text(encoding="utf-8").strip())
        _check_note(home, note, folder)
    elif not create:
        return None
    else:
        root = make_system_folder(make_system_folder(SYSTEM_FOLDER) / "postgres")
        folder = Path(tempfile.mkdtemp(prefix="", dir=root))
        write_whole(folder / "home", f"{home}\n")
        os.chmod(folder, EVERYONE_ENTERS)
        write_whole(note, f"{folder}\n")
    account = service_account()
    for name in ("log", "socket"):
        make_system_folder(folder / name, mode=0o700, account=account)
    return Cluster(
        home=home,
        folder=folder,
        binaries=_programs(shared_binaries()),
        account=account,
        socket_dir=_checked(folder / "socket"),
    )


def _check_note(home: Path, note: Path, folder: Path) -> None:
    if SYSTEM_FOLDER not in folder.parents or not folder.is_dir():
        raise InvalidInput(
            f"The database of {home} should be in {folder}, but it is not there.",
            hint=f"Restore that folder, or remove {note} to start with an empty database.",
        )
    owner = Path((folder / "home").read_text(encoding="utf-8").strip())
    if owner == home:
        return
    other = marker(owner)
    if other.is_file() and other.read_text(encoding="utf-8").strip() == str(folder):
        raise InvalidInput(
            f"{home} is a copy of {owner}, and the database in {folder} belongs to the original.",
            hint=f"Remove {note} to give the copy an empty database of its own.",
        )
    write_whole(folder / "home", f"{home}\n")


def _programs(package: Path) -> Path:
    return package / "pginstall" / "bin"


def _checked(folder: Path) -> Path:
    length = len(os.fsencode(folder / SOCKET_NAME))
    if length > SOCKET_PATH_BYTES:
        raise InvalidInput(
            f"The path of the database's socket, {folder}, has {length} bytes; at most {SOCKET_PATH_BYTES} work.",
            hint="Choose a shorter folder with QUANTDESK_HOME.",
        )
    return folder


def _short_socket(folder: Path) -> Path:
    direct = folder / "socket"
    if len(os.fsencode(direct / SOCKET_NAME)) <= SOCKET_PATH_BYTES:
        return make_private_folder(direct)
    name = f"quantdesk-{os.geteuid()}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:10]}"
    short = make_private_folder(_checked(Path(tempfile.gettempdir()) / name))
    if short.stat().st_mode & 0o077:
        raise InvalidInput(f"Other users may enter {short}.", hint=f"Run `chmod 700 {short}` or remove it.")
    return short
