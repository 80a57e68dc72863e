"""Reach the desk for one command: settings, database, the desk's parts and who is asking."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from core.domain.as_of import AsOf
from core.domain.principal import Principal
from core.errors import InvalidInput, Unavailable
from core.settings import Settings, load_settings

if TYPE_CHECKING:
    from app.auth.accounts import Accounts
    from app.bootstrap import Parts
    from core.domain.facts import ToolResult
    from core.ports.clock import ClockMode
    from tools.context import Desk


class FrozenClock:
    """Stand still at the time of --as-of."""

    mode: ClockMode = "replay"

    def __init__(self, moment: datetime, *, wall: datetime | None = None) -> None:
        self._moment = moment
        self._wall = wall

    def now(self) -> datetime:
        """Return the time of --as-of."""
        return self._moment

    def wall(self) -> datetime:
        """Return the machine's time, or what it is said to be."""
        return self._wall or datetime.now(UTC)  # noqa: TID251  # a clock is where the machine's time is read


class Connection:
    """Hold what a command needs; each part is made when it is first asked for."""

    def __init__(self, settings: Settings, dsn: str, arguments: argparse.Namespace) -> None:
        self.settings = settings
        self.dsn = dsn
        self.as_of = None if arguments.as_of is None else parse_time(arguments.as_of)
        self._token = arguments.token or (settings.token.get_secret_value() if settings.token else None)

    @cached_property
    def parts(self) -> Parts:
        """The parts of the desk."""
        from app.bootstrap import open_parts

        return open_parts(self.settings, self.dsn)

    @cached_property
    def desk(self) -> Desk:
        """What the tools work on; with --as-of its clock stands still at that time."""
        desk = self.parts.desk
        return replace(desk, clock=FrozenClock(self.as_of)) if self.as_of else desk

    @cached_property
    def accounts(self) -> Accounts:
        """The people and keys."""
        from app.auth.opening import open_accounts

        return open_accounts(self.parts.account_stores)

    @cached_property
    def principal(self) -> Principal:
        """Who asks: the person or agent of the token, else whoever may run this program, who may not approve."""
        if self._token:
            return self.accounts.principal_of(self._token)
        name = _login_name()
        return Principal(id=f"local:{name}", name=name, kind="person", scopes=frozenset({"read", "trade", "admin"}))

    def signed_in(self, name: str | None) -> Principal:
        """Return the signed-in person of the token, or of the password typed now.

        Raises NotSignedIn when neither is right, InvalidInput when there is no terminal to ask on.
        """
        if self._token:
            return self.accounts.principal_of(self._token)
        from app.auth.accounts import OWNER

        shown = name or OWNER
        password = ask_password(f"Password of {shown}: ")
        user = self.accounts.check_password(shown, password)
        return Principal(id=user.user_id, name=user.name, kind="person", scopes=user.scopes)

    def call(self, tool: str, arguments: dict[str, object], *, seed: int | None = None) -> ToolResult:
        """Run a tool as this caller."""
        from tools.runner import run_tool

        as_of = AsOf(known=self.as_of) if self.as_of else None
        return run_tool(self.desk, tool, arguments, principal=self.principal, face="cli", as_of=as_of, seed=seed)


def read_settings(arguments: argparse.Namespace) -> Settings:
    """Return the settings with --home applied; raise InvalidInput naming the variable that does not fit."""
    try:
        if arguments.home:
            return Settings(home=Path(arguments.home).expanduser().absolute())
        return load_settings()
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise InvalidInput(f"The settings do not fit: {problems}.", hint="docs/settings.md lists them.") from error


@contextlib.contextmanager
def connect(arguments: argparse.Namespace) -> Iterator[Connection]:
    """Start or attach the database, bring its tables up to date, and give a connection for the length of a block."""
    from app.logs import configure_logging

    settings = read_settings(arguments)
    configure_logging(settings, command=True)
    with database(settings) as dsn:
        from app.bootstrap import prepare_database

        prepare_database(settings, dsn)
        yield Connection(settings, dsn, arguments)


@contextlib.contextmanager
def database(settings: Settings) -> Iterator[str]:
    """Give the address of the database: the one that is set, else the embedded one."""
    if settings.database_url is not None:
        address = settings.database_url.get_secret_value()
        _check_reachable(address)
        yield address
        return
    from app.runtime.postgres import ensure_postgres

    with ensure_postgres(settings.home) as server:
        yield server.dsn


def _check_reachable(address: str) -> None:
    import psycopg

    try:
        psycopg.connect(address, connect_timeout=5).close()
    except psycopg.ProgrammingError as error:
        raise InvalidInput(
            "DATABASE_URL is no address of a database.", hint="Write postgresql://user:password@host:5432/database."
        ) from error
    except psycopg.OperationalError as error:
        raise Unavailable(
            "The database cannot be reached.",
            hint="Check DATABASE_URL and that the server runs; unset it to use our own.",
        ) from error


def parse_time(text: str) -> datetime:
    """Return an ISO date or time in UTC; a date means its end. Raises InvalidInput."""
    try:
        moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
        if len(text.strip()) <= 10:
            moment = moment.replace(hour=23, minute=59, second=59)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(
            f"{text!r} is not a time.",
            hint="Write 2022-11-28 or 2022-11-28T21:00:00+00:00 (UTC when no zone is given).",
        ) from error


def ask_password(prompt: str) -> str:
    """Ask for a password without showing it; raise InvalidInput when there is no terminal."""
    import sys

    if not sys.stdin.isatty():
        raise InvalidInput(
            "A signed-in person is needed, and there is no terminal to ask for the password.",
            hint="Pass a personal key with --token or QUANTDESK_TOKEN (`quantdesk user key create NAME`).",
        )
    try:
        return getpass.getpass(prompt)
    except EOFError as error:
        raise InvalidInput("No password was typed.") from error


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return str(os.getuid())
