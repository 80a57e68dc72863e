"""Review rows that were held back: list them, show one beside its neighbours, release or discard."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from app.cli_commands.connection import connect
from app.cli_commands.output import Output
from app.documents import plain

if TYPE_CHECKING:
    from core.data.review import Case, NearBar


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    listing = actions.add_parser("list", help="list held rows (the default)")
    for asked in (parser, listing):
        asked.add_argument("--state", choices=("held", "released", "discarded"), default="held")
        asked.add_argument("--source", help="of this source only")
        asked.add_argument("--symbol", help="of this symbol only")
        asked.add_argument("--reason", help="held for this reason only, for example spike_unexplained")
        asked.add_argument("--after", type=int, default=0, metavar="ID", help="go on after this row")
        asked.add_argument("--limit", type=int, default=50, help="at most so many (default 50)")
    show = actions.add_parser("show", help="show one with its neighbours and what other sources say")
    show.add_argument("row", type=int, metavar="ID")
    for name, meaning in (("release", "store it: it is true"), ("discard", "never store it: it is wrong")):
        action = actions.add_parser(name, help=meaning)
        action.add_argument("rows", type=int, nargs="+", metavar="ID")
        action.add_argument("--why", default="", help="why, for the record")


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Do the action; each decision is recorded with who made it."""
    with connect(arguments) as connection:
        review = connection.parts.review
        if arguments.action in ("release", "discard"):
            decide = review.release if arguments.action == "release" else review.discard
            said = [decide(row, connection.principal, face="cli", reason=arguments.why) for row in arguments.rows]
            output.document({"done": said}) if output.as_json else output.text("\n".join(said))
        elif arguments.action == "show":
            case = review.show(arguments.row)
            output.document(plain(case)) if output.as_json else _show(case, output)
        else:
            found = review.list(
                state=arguments.state,
                source=arguments.source,
                symbol=arguments.symbol,
                reason=arguments.reason,
                after=arguments.after,
                limit=arguments.limit,
            )
            if output.as_json:
                output.document([plain(entry) for entry in found])
            elif not found:
                output.text(f"No row is {arguments.state}.")
            else:
                rows = [
                    (entry.quarantine_id, entry.record_kind, entry.source, entry.symbol, entry.about, entry.verdict,
                     entry.reason, entry.detail)
                    for entry in found
                ]  # fmt: skip
                output.table(("row", "record", "source", "symbol", "about", "verdict", "reason", "where"), rows)
    return None


def _show(case: Case, output: Output) -> None:
    entry = case.entry
    output.text(f"Row {entry.quarantine_id}: {entry.record_kind} {entry.symbol} {entry.about or ''} of {entry.source}")
    output.text(f"  {entry.verdict}: {entry.reason}; {entry.state}; {entry.detail} {entry.origin}".rstrip())
    for name, value in entry.row.items():
        if name != "bar":
            output.text(f"  {name}: {value}")
    for title, bars in (("Stored bars around it", case.neighbours), ("Other sources", case.elsewhere)):
        if bars:
            output.text(f"{title}:")
            output.table(("session", "source", "basis", "open", "high", "low", "close", "volume"), map(_cells, bars))
    for review in case.reviews:
        output.text(
            f"{review.decision} by {review.decided_by} ({review.face}) on {review.decided_at:%Y-%m-%d %H:%M} UTC:"
            f" {review.outcome} {review.reason}".rstrip()
        )


def _cells(bar: NearBar) -> tuple[object, ...]:
    return (bar.session, bar.source, bar.price_basis, bar.open, bar.high, bar.low, bar.close, bar.volume)
