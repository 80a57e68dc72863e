"""Keep watch lists and groups of your own."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from app.cli_commands.connection import Connection, connect
from app.cli_commands.output import Output
from core.errors import InvalidInput, UnknownName

if TYPE_CHECKING:
    from core.domain.principal import Principal


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("list", help="list your watch lists and groups")
    show = verbs.add_parser("show", help="show the members of one")
    create = verbs.add_parser("create", help="make one")
    add = verbs.add_parser("add", help="add symbols to one")
    remove = verbs.add_parser("remove", help="take symbols out of one")
    delete = verbs.add_parser("delete", help="delete one")
    for verb in (show, create, add, remove, delete):
        verb.add_argument("name", help="name of the list")
    for verb in (create, add, remove):
        verb.add_argument("symbols", nargs="*" if verb is create else "+", metavar="SYMBOL", help="symbols or names")
    create.add_argument("--group", action="store_true", help="make a group instead of a watch list")
    create.add_argument("--note", default="", help="a remark of your own")


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Do what the verb says; a list belongs to whoever made it."""
    with connect(arguments) as connection:
        person = connection.principal
        if arguments.verb == "list":
            _show(connection, output, _lists(connection, person))
        elif arguments.verb == "create":
            _create(connection, output, arguments, person)
        else:
            _change(connection, output, arguments, person)
    return None


def _lists(connection: Connection, person: Principal) -> list[dict[str, Any]]:
    from core.domain.as_of import AsOf
    from core.domain.owned_records import WatchList
    from core.ports.record_store import MOST_ROWS, RecordQuery

    as_of = AsOf(known=connection.desk.clock.now())
    query = RecordQuery(record=WatchList, limit=MOST_ROWS, as_of=as_of, owner=person.id)
    found: list[dict[str, Any]] = json.loads(connection.parts.records.page(query).items)
    return sorted(found, key=lambda entry: entry["name"].lower())


def _show(connection: Connection, output: Output, lists: list[dict[str, Any]]) -> None:
    named = [
        {**entry, "members": [connection.desk.instruments.get(number).symbol for number in entry["members"]]}
        for entry in lists
    ]
    if output.as_json:
        output.document({"lists": named})
    else:
        rows = [(entry["name"], entry["purpose"], ", ".join(entry["members"]), entry["note"]) for entry in named]
        output.table(("name", "kind", "members", "note"), rows)


def _create(connection: Connection, output: Output, arguments: argparse.Namespace, person: Principal) -> None:
    from core.data.owned import create_owned
    from core.domain.owned_records import WatchList

    content = {
        "name": arguments.name,
        "purpose": "group" if arguments.group else "watch",
        "members": arguments.symbols,
        "note": arguments.note,
    }
    made = create_owned(connection.parts.records, WatchList, content, person, connection.desk)
    _show(connection, output, [made.model_dump(mode="json")])


def _change(connection: Connection, output: Output, arguments: argparse.Namespace, person: Principal) -> None:
    from core.data.owned import change_owned, remove_owned
    from core.domain.owned_records import WatchList

    lists = _lists(connection, person)
    found = next((entry for entry in lists if entry["name"].lower() == arguments.name.strip().lower()), None)
    if found is None:
        raise UnknownName("watch list", arguments.name, [entry["name"] for entry in lists][:5])
    store = connection.parts.records
    if arguments.verb == "delete":
        remove_owned(store, WatchList, found["list_id"], person)
        output.text(f"Deleted {found['name']}.")
        return
    if arguments.verb != "show":
        chosen = [connection.desk.instruments.find(symbol).instrument_id for symbol in arguments.symbols]
        if arguments.verb == "remove" and not set(chosen) <= set(found["members"]):
            raise InvalidInput(f"{found['name']} does not hold all of these.", hint="`show` lists its members.")
        kept = [number for number in found["members"] if arguments.verb == "add" or number not in chosen]
        members = kept + chosen if arguments.verb == "add" else kept
        content = {name: found[name] for name in ("name", "purpose", "note")} | {"members": members}
        found = change_owned(store, WatchList, found["list_id"], content, person, connection.desk).model_dump(
            mode="json"
        )
    _show(connection, output, [found])
