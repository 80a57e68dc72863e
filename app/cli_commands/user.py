"""Manage people, passwords and API keys. Whoever may run this program on the desk's folder is trusted to."""

from __future__ import annotations

import argparse
from datetime import timedelta

from app.cli_commands.connection import Connection, ask_password, connect
from app.cli_commands.output import Output
from core.domain.principal import SCOPES
from core.errors import InvalidInput, UnknownName

LONGEST_DAYS = 3650
_SCOPES = "comma-separated scopes of " + ", ".join(sorted(SCOPES))


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="list people and keys")
    add = actions.add_parser("add", help="add a person")
    add.add_argument("name")
    add.add_argument("--scopes", default="read,trade", help=_SCOPES)
    password = actions.add_parser("password", help="set a new password and end the person's sessions")
    password.add_argument("name", nargs="?", default="owner")
    for asks in (add, password):
        asks.add_argument("--generate", action="store_true", help="make a password and print it once")
    key = actions.add_parser("key", help="create or revoke an API key")
    keys = key.add_subparsers(dest="key_action", required=True, metavar="ACTION")
    create = keys.add_parser("create", help="make a key and print it once")
    create.add_argument("name", help="what the key is for")
    create.add_argument("--for", dest="owner", default="owner", help="person it belongs to or acts for")
    create.add_argument("--kind", choices=("person", "agent", "service"), default="person", help="who will use it")
    create.add_argument("--scopes", default="read", help=_SCOPES)
    create.add_argument("--days", type=int, help="days until it expires")
    revoke = keys.add_parser("revoke", help="revoke a key")
    revoke.add_argument("key_id")


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Do the action."""
    from app.auth.owner import ensure_owner

    actions = {"list": _list, "add": _add, "password": _password, "key": _key}
    with connect(arguments) as connection:
        ensure_owner(connection.accounts, connection.settings.home)
        actions[arguments.action](arguments, connection, output)
    return None


def _list(arguments: argparse.Namespace, connection: Connection, output: Output) -> None:
    users, keys = connection.accounts.users(), connection.accounts.keys()
    names = {user.user_id: user.name for user in users}
    people = [
        {
            "name": user.name,
            "scopes": sorted(user.scopes),
            "created_at": user.created_at,
            "disabled_at": user.disabled_at,
        }
        for user in users
    ]
    listed = [
        {
            "key_id": key.key_id,
            "name": key.name,
            "for": names.get(key.owner, key.owner),
            "kind": key.owner_kind,
            "scopes": sorted(key.scopes),
            "expires_at": key.expires_at,
            "revoked_at": key.revoked_at,
        }
        for key in keys
    ]
    if output.as_json:
        output.document({"users": people, "keys": listed})
        return
    output.table(("user", "scopes"), [(user.name, ", ".join(sorted(user.scopes))) for user in users])
    if keys:
        output.text("")
        output.table(
            ("key", "name", "for", "kind", "scopes", "state"),
            [
                (key.key_id, key.name, names.get(key.owner), key.owner_kind, ", ".join(sorted(key.scopes)), _state(key))
                for key in keys
            ],
        )


def _state(key: object) -> str:
    if getattr(key, "revoked_at", None):
        return "revoked"
    expires = getattr(key, "expires_at", None)
    return f"until {expires:%Y-%m-%d}" if expires else "valid"


def _add(arguments: argparse.Namespace, connection: Connection, output: Output) -> None:
    password, shown = _new_password(arguments)
    user = connection.accounts.add_user(arguments.name, password, _split(arguments.scopes))
    _done(output, f"Added {user.name} ({', '.join(sorted(user.scopes))}).", {"user": user.name}, shown)


def _password(arguments: argparse.Namespace, connection: Connection, output: Output) -> None:
    from app.auth.owner import forget_password

    connection.accounts.user(arguments.name)
    password, shown = _new_password(arguments)
    connection.accounts.set_password(arguments.name, password)
    forget_password(connection.settings.home, arguments.name)
    _done(output, f"{arguments.name} has a new password; open sessions have ended.", {"user": arguments.name}, shown)


def _key(arguments: argparse.Namespace, connection: Connection, output: Output) -> None:
    if arguments.key_action == "revoke":
        connection.accounts.revoke_key(arguments.key_id)
        _done(output, f"Revoked {arguments.key_id}.", {"key_id": arguments.key_id, "revoked": True}, None)
        return
    if arguments.days is not None and not 1 <= arguments.days <= LONGEST_DAYS:
        raise InvalidInput(f"--days must be from 1 to {LONGEST_DAYS}.")
    key, credential = connection.accounts.create_key(
        arguments.owner,
        arguments.name,
        kind=arguments.kind,
        scopes=_split(arguments.scopes),
        lifetime=timedelta(days=arguments.days) if arguments.days else None,
    )
    if output.as_json:
        output.document({"key_id": key.key_id, "key": credential, "scopes": sorted(key.scopes), "kind": key.owner_kind})
    else:
        output.text(credential)
        output.remark(f"This is key {key.key_id}; it is shown this once and cannot be read again.")


def _new_password(arguments: argparse.Namespace) -> tuple[str, str | None]:
    from app.auth.secrets import generate_password

    if arguments.generate:
        made = generate_password()
        return made, made
    password = ask_password(f"New password of {arguments.name}: ")
    if ask_password("Once more: ") != password:
        raise InvalidInput("The two passwords differ; nothing was changed.")
    return password, None


def _done(output: Output, sentence: str, document: dict[str, object], password: str | None) -> None:
    if output.as_json:
        output.document(document | ({"password": password} if password else {}))
        return
    output.text(sentence)
    if password:
        output.text(f"Password (shown this once): {password}")


def _split(scopes: str) -> list[str]:
    wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]
    unknown = [scope for scope in wanted if scope not in SCOPES]
    if unknown:
        raise UnknownName("scope", unknown[0], sorted(SCOPES))
    return wanted
