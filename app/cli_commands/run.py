"""Start the desk: database, Temporal, worker and web, until Ctrl-C."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from app.cli_commands.connection import read_settings
from app.cli_commands.output import Output
from app.cli_commands.progress import Progress
from core.errors import InvalidInput

if TYPE_CHECKING:
    from core.settings import Settings

QUESTIONS = (
    "How did AAPL do in 2008?",
    "Compare MSFT and JPM volatility since 2015",
    "Backtest a 50/200 SMA crossover on AAPL",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--empty", action="store_true", help="do not load the sample data and the demo book")
    parser.add_argument("--port", type=int, help="port of the web process (default: QUANTDESK_PORT)")


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Supervise the parts of the desk."""
    from app.runtime.supervisor import Supervisor, desk_parts

    settings = read_settings(arguments)
    port = settings.web_port if arguments.port is None else arguments.port
    if not 1 <= port <= 65535:
        raise InvalidInput(f"--port must be from 1 to 65535, not {port}.")
    password: list[str] = []

    def prepare(dsn: str) -> None:
        password.extend(_prepare(settings, dsn, empty=arguments.empty, output=output))

    supervisor = Supervisor(
        settings.home,
        parts=desk_parts(settings.web_host, port),
        migrate=prepare,
        web_host=settings.web_host,
        web_port=port,
        database_url=settings.database_url.get_secret_value() if settings.database_url else None,
        temporal_address=settings.temporal_address,
        announce=output.remark,
        on_ready=lambda: _say_ready(settings, port, password, output),
    )
    supervisor.run()
    return None


def _prepare(settings: Settings, dsn: str, *, empty: bool, output: Output) -> list[str]:
    """Bring the database up to date, fill a new one, and return the owner's password when it was just made."""
    from app.auth.opening import open_accounts
    from app.auth.owner import ensure_owner
    from app.bootstrap import load_first_data, open_parts, prepare_database

    prepare_database(settings, dsn)
    parts = open_parts(settings, dsn)
    if not empty and not parts.clock.is_set():
        output.remark("Loading the sample data (once).")
        load_first_data(dsn, demo=True, progress=Progress())
    made = ensure_owner(open_accounts(parts.account_stores), settings.home)
    parts.database.close()
    return [made] if made else []


def _say_ready(settings: Settings, port: int, password: list[str], output: Output) -> None:
    from app.auth.owner import password_file
    from app.bootstrap import vendor_terms
    from app.cli_commands.vendors import offer

    address = f"http://{settings.web_host}:{port}"
    kept = password_file(settings.home)
    if output.as_json:
        output.document({"address": address, "chat": f"{address}/chat/", "user": "owner", "password_file": str(kept)})
        return
    known = password[0] if password else (f"see {kept}" if kept.exists() else "the one you set")
    lines = [
        "",
        f"quantdesk is ready:  chat {address}/chat/   pages {address}/   REST {address}/api/openapi.json",
        f"Sign in as owner, password: {known}",
        "Three questions to try:",
        *(f"  {question}" for question in QUESTIONS),
        f"More data, from vendors that need no key (asked only when you run it):\n  {offer(vendor_terms())}",
        "Ctrl-C stops everything.",
    ]
    output.text("\n".join(lines))
    sys.stdout.flush()
