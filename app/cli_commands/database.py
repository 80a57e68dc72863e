"""Back up the database, restore a back-up, or check either."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli_commands.connection import connect, database, read_settings
from app.cli_commands.output import Output

if TYPE_CHECKING:
    from core.ports.backup import Manifest


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    backup = actions.add_parser("backup", help="write everything to a new file, while the desk goes on")
    backup.add_argument("file", nargs="?", help="default: a file named by the time in the desk's folder `backups`")
    restore = actions.add_parser("restore", help="restore a back-up and compare every table with it")
    restore.add_argument("file", help="the back-up; its .json must lie beside it")
    restore.add_argument(
        "--into", metavar="NAME", help="restore into a new database of this name and leave the desk's own as it is"
    )
    check = actions.add_parser("check", help="check the database, or that a back-up is what was written")
    check.add_argument("file", nargs="?", help="a back-up")


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Do it and tell revision, tables and rows; a check that finds a fault returns 1."""
    file = Path(arguments.file).expanduser().absolute() if arguments.file else None
    if arguments.action == "check":
        return _check(arguments, output, file)
    if file is not None and arguments.action == "restore":
        _restore(arguments, output, file)
    else:
        _back_up(arguments, output, file)
    return None


def _back_up(arguments: argparse.Namespace, output: Output, file: Path | None) -> None:
    with connect(arguments) as connection:
        stamp = f"{connection.parts.clock.wall():%Y%m%dT%H%M%S}"
        target = file or connection.settings.home / "backups" / f"quantdesk-{stamp}.dump"
        manifest = connection.parts.backups.back_up(target)
    _tell(output, "backed up", target, manifest)


def _restore(arguments: argparse.Namespace, output: Output, file: Path) -> None:
    from app.bootstrap import Parts

    settings = read_settings(arguments)
    # The desk's own database is not looked into: it may be damaged, empty or newer than this code.
    with database(settings) as dsn:
        parts = Parts(settings, dsn)
        stamp = f"{parts.clock.wall():%Y%m%dt%H%M%S}"
        name = arguments.into or f"restored_{stamp}"
        manifest = parts.backups.restore(file, name)
        if not arguments.into:
            parts.backups.put_in_place(name, f"before_{stamp}")
            output.remark(f"What the desk had until now is kept in the database before_{stamp}.")
    _tell(output, f"restored into {arguments.into}" if arguments.into else "restored", file, manifest)


def _check(arguments: argparse.Namespace, output: Output, file: Path | None) -> int | None:
    with connect(arguments) as connection:
        if file is not None:
            _tell(output, "as it was written", file, connection.parts.backups.read_manifest(file))
            return None
        faults = connection.parts.backups.find_faults()
    if output.as_json:
        output.document({"faults": faults})
    else:
        output.text("\n".join(faults) or "The database is sound.")
    return 1 if faults else None


def _tell(output: Output, what: str, file: Path, manifest: Manifest) -> None:
    if output.as_json:
        output.document(
            {
                "done": what,
                "file": str(file),
                "revision": manifest.revision,
                "server": manifest.server,
                "sha256": manifest.sha256,
                "tables": len(manifest.tables),
                "rows": manifest.rows,
            }
        )
    else:
        output.text(
            f"{file}: {what}; {len(manifest.tables)} tables, {manifest.rows:,} rows, schema {manifest.revision}"
        )
