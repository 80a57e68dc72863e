"""List, show, approve or reject trade proposals."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Literal

from app.cli_commands.connection import Connection, connect
from app.cli_commands.output import Output
from app.documents import proposal_document
from core.domain.books import LEGGING_WORDS

if TYPE_CHECKING:
    from core.execution.proposals import ProposalView

STATES = ("pending", "approved", "rejected", "expired")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    listing = actions.add_parser("list", help="list proposals (the default)")
    for asked in (parser, listing):
        asked.add_argument("--state", choices=STATES, default=None, help="only those of this state")
    show = actions.add_parser("show", help="show one with everything that would be sent")
    show.add_argument("proposal_id")
    for name, done in (("approve", "approve: it will be sent"), ("reject", "reject: it will never be sent")):
        action = actions.add_parser(name, help=done)
        action.add_argument("proposal_id")
        action.add_argument("--digest", help="digest of the proposal as you saw it; refused when it is another")
        action.add_argument("--reason", default="", help="why, for the record")
        action.add_argument("--user", help="who signs in with a password (default: owner)")


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Do the action."""
    with connect(arguments) as connection:
        if arguments.action in {"approve", "reject"}:
            _decide(arguments, connection, output)
        elif arguments.action == "show":
            view = connection.desk.proposals.get(arguments.proposal_id)
            output.document(proposal_document(view)) if output.as_json else _card(view, output.text)
            _warn(view, connection, output)
        else:
            _list(arguments, connection, output)
    return None


def _list(arguments: argparse.Namespace, connection: Connection, output: Output) -> None:
    views = connection.desk.proposals.list(state=arguments.state)
    if output.as_json:
        output.document([proposal_document(view) for view in views])
        return
    if not views:
        output.text("There are no proposals." if arguments.state is None else f"No proposal is {arguments.state}.")
        return
    rows = [
        (
            view.proposal.proposal_id,
            view.state,
            _legs(view),
            f"{view.proposal.notional:,}",
            view.proposal.requested_by,
            view.progress,
        )
        for view in views
    ]
    output.table(("proposal", "state", "trade", "notional", "asked by", "progress"), rows)


def _decide(arguments: argparse.Namespace, connection: Connection, output: Output) -> None:
    view = connection.desk.proposals.get(arguments.proposal_id)
    _card(view, output.remark)
    _warn(view, connection, output)
    person = connection.signed_in(arguments.user)
    decision: Literal["approved", "rejected"] = "approved" if arguments.action == "approve" else "rejected"
    connection.desk.proposals.decide(
        arguments.proposal_id,
        decision,
        arguments.digest or view.proposal.digest,
        person,
        face="cli",
        reason=arguments.reason,
    )
    after = connection.desk.proposals.get(arguments.proposal_id)
    if output.as_json:
        output.document(proposal_document(after))
    else:
        output.text(f"{arguments.proposal_id} is {decision} by {person.name}. {after.progress}")


def _warn(view: ProposalView, connection: Connection, output: Output) -> None:
    account = connection.desk.books.account(view.proposal.account_id)
    if account.is_real_money:
        output.alarm(
            f"REAL MONEY: {account.account_id} is no paper account; switched {'to live' if account.is_live else 'off'}."
        )


def _legs(view: ProposalView) -> str:
    return "; ".join(f"{leg.side} {leg.quantity} {leg.symbol}" for leg in view.proposal.legs)


def _card(view: ProposalView, write: object) -> None:
    assert callable(write), "a method of Output"
    proposal = view.proposal
    write(f"Proposal {proposal.proposal_id}: {view.state}. {view.progress}")
    for leg in proposal.legs:
        prices = [f"{name} {price}" for name, price in (("limit", leg.limit_price), ("stop", leg.stop_price)) if price]
        what = f"{leg.quantity} {leg.symbol} {proposal.order_type_of(leg)}"
        write(f"  {leg.side.upper()} {what} {' '.join(prices)}".rstrip())
    band = f", only between {proposal.band_low} and {proposal.band_high}" if proposal.band_low else ""
    write(f"  account {proposal.account_id}, about {proposal.notional:,}, {proposal.time_in_force}{band}")
    write(f"  asked by {proposal.requested_by}, written by {proposal.author_kind} {proposal.author}")
    write(f"  desk time {proposal.desk_time:%Y-%m-%d %H:%M} UTC, expires {proposal.expires_at:%Y-%m-%d %H:%M} UTC")
    if len(proposal.legs) > 1:
        write(f"  legs {LEGGING_WORDS[proposal.legging]}; when one fails: {proposal.on_failure} the others")
        for leg in proposal.legs:
            if leg.band_low is not None:
                write(f"  only with {leg.symbol} between {leg.band_low} and {leg.band_high}")
    if proposal.reason:
        write(f"  stated reason, not checked: {' '.join(proposal.reason.split())}")
    write(f"  digest {proposal.digest}")
