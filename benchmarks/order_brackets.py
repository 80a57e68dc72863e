"""Trade a strategy with its stop at rest on the paper broker, and compare every fill with the simulator's.

The simulator's decisions go through the whole money path as brackets: proposed, approved, released, filled, settled,
session by session. What stops a position is never sent: it rests, or it does not.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from benchmarks.order_desk import clear
from benchmarks.order_parity import FEE_BPS, SETTINGS, SLIPPAGE_BPS, Parity, PathMarks, market
from benchmarks.prove import table
from core.adapters.brokers.paper import PaperBroker
from core.adapters.store.clock import DeskClock, WallClock
from core.adapters.store.database import Database
from core.adapters.store.trading import PostgresTradingStore
from core.data.calendar import closes_of
from core.domain.as_of import AsOf
from core.domain.books import Fill
from core.domain.identifiers import Uuid7Source
from core.domain.market_path import MarketPath
from core.domain.market_records import Instrument
from core.execution.gateway import Gateway
from core.execution.kill_switch import KillSwitch
from core.execution.marks import SessionPrice
from core.execution.proposals import ProposalDesk
from core.execution.reconciliation import Reconciliation
from core.execution.requests import LegRequest, TradeRequest
from core.execution.settlement import Settlement
from core.strategies.loader import load
from core.testing.small_market import PETER
from core.valuation.backtest import run
from core.valuation.terms import Costs, FillTerms, Stops
from core.valuation.trades import REASONS

STOPPED = ("sma_crossover", "rsi_threshold", "breakout", "mean_reversion")
SESSIONS, STOP_LOSS, SEED = 250, 0.01, 4
ACCOUNT = "main"
_TICK = Decimal("0.01")
"""Stops stand on the venue's grid of prices, the simulator's do not."""
_CENT = Decimal("0.01")


class _Marks(PathMarks):
    """Give the bars of a path, and the last of them."""

    def last(self, instrument_ids: Any, as_of: AsOf) -> dict[int, SessionPrice]:
        """Return the last prices known then."""
        return {key: prices[-1] for key, prices in self.history(instrument_ids, as_of).items() if prices}


class _Instruments:
    """Know the one stock."""

    def __init__(self, marks: PathMarks) -> None:
        self._stock = marks.instrument(1)

    def find(self, name: str) -> Instrument:
        """Return it."""
        return self._stock

    def get(self, instrument_id: int) -> Instrument:
        """Return it."""
        return self._stock

    def list(
        self, *, group: str | None = None, asset_class: str | None = None, on: date | None = None
    ) -> Sequence[Instrument]:
        """Return it alone."""
        return [self._stock]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """Join what walks a proposal through."""

    clock: DeskClock
    proposals: ProposalDesk
    gateway: Gateway
    settlement: Settlement

    def send(self, request: TradeRequest) -> str:
        """Propose, approve and release."""
        proposal = self.proposals.propose(request, PETER)
        self.proposals.decide(proposal.proposal_id, "approved", proposal.digest, PETER, face="cli")
        self.gateway.release(proposal.proposal_id)
        return proposal.proposal_id


def compare(dsn: str, home: Path, name: str, *, sessions: int, seed: int, stop_loss: float) -> Parity:
    """Run a single-name strategy with a stop in the simulator and on the paper broker and compare fill by fill.

    The stop is counted from the close of the decision and lives from the session after the entry, on both sides.
    Session, side and size must be equal, prices to the tick of a stop's price, fees to the cent.
    """
    drawn = market(1, sessions=sessions, seed=seed)
    # After the account was opened, which the small market dates.
    days = np.busday_offset(np.datetime64("2023-03-15"), np.arange(sessions), roll="forward")
    path = replace(drawn, times=days)
    strategy: Any = load(name, dict(SETTINGS.get(name, {})))
    result = run(
        strategy,
        path,
        costs=Costs(fee_bps=FEE_BPS, slippage_bps=SLIPPAGE_BPS),
        terms=FillTerms(lot=1.0),
        stops=Stops(loss=stop_loss, on_entry_bar=False, reference="decision"),
    )
    assert result.fills is not None
    wanted = _rows(result.fills, path)
    database = Database(dsn)
    store = PostgresTradingStore(database)
    try:
        _prepare(dsn, path)
        _trade(_open(database, store, home, path), path, wanted, stop_loss)
        with store.transaction() as transaction:
            fills = transaction.books.fills(ACCOUNT)
    finally:
        store.database.close()
        database.close()
    differences = [f"{name}: {text}" for text in _differences(wanted, fills)]
    return Parity(
        simulated=len(wanted),
        on_paper=len(fills),
        value=float(sum(abs(part.shares) * part.price for part in wanted)),
        differences=tuple(differences),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """Hold one fill of the simulator."""

    session: int
    day: date
    shares: Decimal
    price: Decimal
    fee: Decimal
    is_stop: bool


def _rows(fills: Any, path: MarketPath) -> list[_Row]:
    return [
        _Row(
            session=int(fills.session[row]),
            day=path.times[int(fills.session[row])].astype("datetime64[D]").item(),
            shares=Decimal(int(fills.shares[row])),
            price=Decimal(repr(float(fills.price[row]))),
            fee=Decimal(repr(float(fills.fee[row]))),
            is_stop=REASONS[int(fills.reason[row])] == "stop",
        )
        for row in range(len(fills.session))
    ]


def _prepare(dsn: str, path: MarketPath) -> None:
    clear(dsn)
    with psycopg.connect(dsn) as connection:
        connection.execute(
            'UPDATE execution.accounts SET four_eyes_above = NULL, limits = \'{"allow_short": true, "min_cash": null}\''
        )
        connection.execute(
            "INSERT INTO market_data.instruments (instrument_id, symbol, name, asset_class, calendar, currency, source,"
            " known_at) VALUES (1, %s, '', 'equity', '24x5', 'USD', 'parity', '2000-01-01Z') ON CONFLICT DO NOTHING",
            (path.assets[0],),
        )


def _open(database: Database, store: PostgresTradingStore, home: Path, path: MarketPath) -> _Desk:
    marks, clock = _Marks(path), DeskClock(database)
    broker = PaperBroker(*(database, marks, clock), fee_bps=Decimal(FEE_BPS), slippage_bps=Decimal(SLIPPAGE_BPS))
    brokers, ids = {"paper": broker}, Uuid7Source(WallClock(), random.SystemRandom())
    kill_switch = KillSwitch(store, home)
    settlement = Settlement(store, brokers, marks, clock)
    reconciliation = Reconciliation(store, brokers, settlement, clock, ids)
    return _Desk(
        clock=clock,
        proposals=ProposalDesk(
            *(store, marks, _Instruments(marks), kill_switch, clock, ids),
            stops_rest_at={"paper"},
        ),
        gateway=Gateway(store, brokers, marks, kill_switch, clock, reconciliation),
        settlement=settlement,
    )


def _trade(desk: _Desk, path: MarketPath, wanted: list[_Row], stop_loss: float) -> None:
    """Send the decisions of the simulator at the closes at which they were taken, as the scan would."""
    decided = {row.session - 1: row for row in wanted if not row.is_stop}
    stopped = {row.session: row for row in wanted if row.is_stop}
    held, stop = Decimal(0), Decimal(0)
    known: list[str] = []
    for session in range(len(path.times)):
        desk.clock.set_replay(_close(path, session))
        desk.settlement.settle(ACCOUNT)
        for proposal_id in known:
            desk.gateway.release(proposal_id)
        if session in stopped:
            held += stopped[session].shares
        row = decided.get(session)
        if row is None:
            continue
        after = held + row.shares
        if held * after <= 0 and after:
            close = Decimal(repr(float(path.close[0, session, 0])))
            stop = close * (1 - (1 if after > 0 else -1) * Decimal(repr(stop_loss)))
        known.append(desk.send(_request(path.assets[0], row.shares, after, stop)))
        held = after


def _request(symbol: str, shares: Decimal, after: Decimal, stop: Decimal) -> TradeRequest:
    entry = LegRequest(symbol=symbol, side="buy" if shares > 0 else "sell", quantity=abs(shares))
    if not after:
        return TradeRequest(legs=(entry,), account_id=ACCOUNT)
    side: Any = "sell" if after > 0 else "buy"
    rests = LegRequest(symbol=symbol, side=side, quantity=abs(after), order_type="stop", stop_price=stop)
    return TradeRequest(legs=(entry, rests), account_id=ACCOUNT, legging="bracket")


def _differences(wanted: list[_Row], fills: Sequence[Fill]) -> list[str]:
    if len(wanted) != len(fills):
        return [f"{len(wanted)} fills, on paper {len(fills)}"]
    found = []
    for row, fill in zip(wanted, fills, strict=True):
        shares = fill.quantity if fill.side == "buy" else -fill.quantity
        # The slippage of a price moved to its tick is less than a hundredth of the tick itself.
        near = _TICK * Decimal("1.01") if row.is_stop else _TICK / 100
        same = (row.day, row.shares) == (fill.session, shares)
        if not same or abs(row.price - fill.price) > near or abs(row.fee - fill.fee) > _CENT:
            found.append(
                f"{row.shares} at {row.price} on {row.day}, on paper {shares} at {fill.price} on {fill.session}"
            )
    return found


def _close(path: MarketPath, session: int) -> datetime:
    moment: datetime = closes_of("24x5", path.times[session : session + 1].astype("datetime64[D]"))[0].item()
    return moment.replace(tzinfo=UTC)


def measure(dsn: str, home: Path) -> list[list[Any]]:
    """Return rows (strategy, fills in the simulator, on paper, traded value, differences) of the comparison."""
    rows = []
    for name in STOPPED:
        found = compare(dsn, home, name, sessions=SESSIONS, seed=SEED, stop_loss=STOP_LOSS)
        rows.append([name, found.simulated, found.on_paper, found.value, list(found.differences)])
    return rows


def section(rows: list[list[Any]]) -> str:
    """Return the comparison as a table."""
    different = [text for row in rows for text in row[4]]
    lines = [(name, simulated, paper, f"{value:,.0f}", len(found)) for name, simulated, paper, value, found in rows]
    return "\n".join(
        [
            "### Stops at rest",
            "",
            f"The decisions of {len(rows)} strategies go through the money path as brackets with a stop of"
            f" {STOP_LOSS:.0%} that rests at the paper broker ({SESSIONS} sessions); nothing else stops a position."
            f" Session, side, size, price (a stop's to its tick) and fee of every fill against the simulator's:"
            f" **{len(different)} differences.**",
            *(f"- {text}" for text in different[:5]),
            "",
            table(("strategy", "fills simulated", "on paper", "traded value", "differ"), lines),
        ]
    )
