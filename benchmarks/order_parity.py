"""Compare the fills of the historical simulator with those of the paper broker, order by order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from benchmarks.prove import table
from core.adapters.brokers.paper import PaperBroker
from core.adapters.store.database import Database
from core.domain.market_path import MarketPath
from core.domain.market_records import Instrument
from core.execution.marks import Marks, SessionPrice
from core.ports.broker import Execution, OrderTicket
from core.strategies.loader import available, load
from core.testing.clock import FixedClock
from core.valuation.backtest import BacktestResult, run
from core.valuation.terms import Costs, FillTerms, Stops
from core.valuation.trades import REASONS

FEE_BPS, SLIPPAGE_BPS = 1, 2
SESSIONS, STOP_LOSS = 500, 0.01
STOPPED = ("sma_crossover", "rsi_threshold", "momentum")
PARTICIPATION = 0.001
"""Share of a bar's volume that fills of one order at most, where fills in parts are compared."""
IN_PARTS = ("sma_crossover", "rsi_threshold", "momentum", "breakout", "mean_reversion")
"""Single names: the legs of a spread fill in proportion, which orders that do not know of each other cannot."""
ACCOUNT = "parity"
_CENT, _TICK, _FLOAT = Decimal("0.01"), Decimal("0.0001"), Decimal("1e-9")
# Short windows, so that every strategy trades within the sessions of the comparison.
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "breakout": {"entry_period": 20, "exit_period": 10, "allow_short": True},
    "momentum": {"lookback": 40, "skip": 5, "allow_short": True},
    "sma_crossover": {"fast": 5, "slow": 20, "allow_short": True},
    "switch": {"lookback": 30},
    "rsi_threshold": {"period": 5, "entry_below": 35, "exit_above": 60},
    "mean_reversion": {"period": 15, "entry_z": 1.5, "allow_short": True},
    "pair": {"window": 30, "entry_z": 1.5},
    "fly": {"window": 30, "entry_z": 1.5},
    "volatility_target": {"target": 0.15},
    "buy_and_hold": {"rebalance": "monthly"},
    "rotation": {"lookback": 20, "top": 2, "weighting": "inverse_volatility"},
    "timed": {"buy": "close > sma(10)", "sell": "close < sma(10)", "short": "rsi(5) > 70"},
    "timed_spread": {
        "window": 20,
        "buy": "zscore(spread, 20) < -1",
        "sell": "zscore(spread, 20) > 0",
        "short": "",
        "cover": "",
    },
}
VARIANTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "sma_crossover, slow": ("sma_crossover", {"fast": 10, "slow": 40}),
    "momentum, long only": ("momentum", {"lookback": 60, "skip": 5}),
    "breakout, long only": ("breakout", {"entry_period": 40, "exit_period": 15}),
    "rotation, top 1": ("rotation", {"lookback": 40, "top": 1}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """Count the fills of both sides and what differs; `differences` names each."""

    simulated: int
    on_paper: int
    value: float
    differences: tuple[str, ...]


class PathMarks(Marks):
    """Give the bars of one path as stored prices; the first asset has the number 1."""

    def __init__(self, path: MarketPath, asset_class: Any = "equity") -> None:
        self._path = path
        self._days = [day.astype("datetime64[D]").astype(object) for day in path.times]
        self._asset_class = asset_class

    def history(self, instrument_ids: Any, as_of: Any, *, start: date | None = None) -> dict[int, list[SessionPrice]]:
        """Return the bars known then."""
        found: dict[int, list[SessionPrice]] = {}
        for key in instrument_ids:
            found[key] = [
                self._price(row, key - 1)
                for row, day in enumerate(self._days)
                if (start is None or day >= start) and _close(day) <= as_of.known
                if np.isfinite(self._path.close[0, row, key - 1])
            ]
        return found

    def instrument(self, instrument_id: int) -> Instrument:
        """Return a stock."""
        return Instrument(
            instrument_id=instrument_id,
            symbol=self._path.assets[instrument_id - 1],
            name="",
            asset_class=self._asset_class,
            calendar="24x5",
            source="parity",
            known_at=datetime(2000, 1, 1, tzinfo=UTC),
        )

    def _price(self, row: int, column: int) -> SessionPrice:
        def of(part: Any) -> Decimal | None:
            return None if part is None else Decimal(repr(float(part[0, row, column])))

        path = self._path
        close = of(path.close)
        assert close is not None
        return SessionPrice(
            session=self._days[row],
            open=of(path.open),
            high=of(path.high),
            low=of(path.low),
            close=close,
            price_basis="raw",
            source="parity",
            volume=of(path.volume),
        )


def names() -> tuple[str, ...]:
    """Return the 20 strategies compared: every one that trades on prices alone, and four variants."""
    return tuple(name for name in available() if name != "event_drift") + tuple(VARIANTS)


def compare(
    database: Database, name: str, *, sessions: int, seed: int, stop_loss: float = 0.0, participation: float = 0.0
) -> Parity:
    """Run a strategy in the simulator, send the same orders to the paper broker and compare fill by fill.

    An order is sent at the close at which it was decided, with the side and the whole shares that the simulator
    traded, in one session or in parts over several; a protective stop comes with the order that opened its position.
    Prices must be equal to the paper venue's tick, sessions and sizes exactly, fees to the cent.
    """
    file, settings = VARIANTS.get(name, (name, SETTINGS.get(name, {})))
    if file == "model_prediction":
        draw = np.random.default_rng(3)
        settings = {
            "days": [float(day) for day in range(14_000, 21_000)],
            "scores": draw.normal(0, 0.01, 21_000).tolist(),
        }
    strategy: Any = load(file, dict(settings))
    path = market(strategy.legs or 3, sessions=sessions, seed=seed)
    result = run(
        strategy,
        path,
        costs=Costs(fee_bps=FEE_BPS, slippage_bps=SLIPPAGE_BPS),
        terms=FillTerms(lot=1.0, participation=participation),
        stops=Stops(loss=stop_loss) if stop_loss else None,
    )
    fills = result.fills
    assert fills is not None
    chains = _chains(result, path, participation)
    tickets = _tickets(result, path, stop_loss, chains)
    clock = FixedClock(_close(_day(path, 0)))
    broker = PaperBroker(
        *(database, PathMarks(path), clock),
        fee_bps=Decimal(FEE_BPS),
        slippage_bps=Decimal(SLIPPAGE_BPS),
        participation=Decimal(repr(participation)),
    )
    for ticket in tickets:
        broker.submit(ticket)
    clock.moment = _close(_day(path, sessions - 1))
    found: dict[str, list[Execution]] = {}
    for part in broker.executions(ACCOUNT, [part.client_order_id for part in tickets]):
        found.setdefault(part.client_order_id, []).append(part)
    differences = []
    for rows, ticket in zip(chains, tickets, strict=True):
        parts = sorted(found.get(ticket.client_order_id, []), key=lambda part: part.session)
        if len(parts) != len(rows):
            differences.append(f"{name}: {ticket.side} {ticket.quantity}: {len(rows)} fills, on paper {len(parts)}")
            continue
        for row, part in zip(rows, parts, strict=True):
            differences += [f"{name}: {text}" for text in _differences(fills, row, part, path)]
    return Parity(
        simulated=len(fills.session),
        on_paper=sum(map(len, found.values())),
        value=float(np.abs(fills.shares * fills.price).sum()),
        differences=tuple(differences),
    )


def _differences(fills: Any, row: int, part: Execution, path: MarketPath) -> list[str]:
    price = Decimal(repr(float(fills.price[row])))
    session, size = _day(path, int(fills.session[row])), Decimal(int(abs(fills.shares[row])))
    if (part.session, part.quantity) != (session, size) or abs(part.price - price) > _TICK / 2 + _FLOAT:
        return [f"{size} at {price} on {session}, on paper {part.quantity} at {part.price} on {part.session}"]
    if abs(part.fee - Decimal(repr(float(fills.fee[row])))) > _CENT / 2 + _TICK:
        return [f"fee {fills.fee[row]:.4f}, on paper {part.fee}"]
    return []


def _chains(result: BacktestResult, path: MarketPath, participation: float) -> list[list[int]]:
    """Return the fills that one order made: those of following sessions, each but the last as much as its bar had."""
    fills = result.fills
    assert fills is not None
    open_: dict[int, list[int]] = {}
    chains = []
    for row in range(len(fills.session)):
        asset, session, shares = int(fills.asset[row]), int(fills.session[row]), float(fills.shares[row])
        chain = open_.get(asset)
        goes_on = (
            chain is not None
            and int(fills.session[chain[-1]]) == session - 1
            and float(fills.shares[chain[-1]]) * shares > 0
            and participation > 0
            and abs(float(fills.shares[chain[-1]])) == _most(path, session - 1, asset, participation)
        )
        if chain is not None and goes_on:
            chain.append(row)
        else:
            open_[asset] = [row]
            chains.append(open_[asset])
    return chains


def _most(path: MarketPath, session: int, asset: int, participation: float) -> int:
    assert path.volume is not None
    return int(float(path.volume[0, session, asset]) * participation)


def market(assets: int, *, sessions: int, seed: int) -> MarketPath:
    """Draw bars of correlated assets in cents, each within its high and low."""
    draw = np.random.default_rng(seed)
    common = draw.normal(0.0, 0.008, (sessions, 1))
    close = 50.0 * np.exp(np.cumsum(common + draw.normal(0.0002, 0.008, (sessions, assets)), axis=0))
    opened = close * (1.0 + draw.normal(0.0, 0.003, close.shape))
    reach = np.abs(draw.normal(0.0, 0.006, (2, sessions, assets)))
    high, low = np.maximum(close, opened) * (1.0 + reach[0]), np.minimum(close, opened) * (1.0 - reach[1])
    times = np.busday_offset(np.datetime64("2012-03-15"), np.arange(sessions), roll="forward")
    close, opened, high, low = (np.round(part, 2)[None] for part in (close, opened, high, low))
    return MarketPath(
        close=close,
        open=opened,
        high=high,
        low=low,
        volume=draw.uniform(1e5, 1e6, close.shape),
        times=times,
        assets=tuple(f"ASSET{number}" for number in range(assets)),
        as_of=datetime(2030, 1, 1, tzinfo=UTC),
        source="drawn",
    )


def _tickets(result: BacktestResult, path: MarketPath, stop_loss: float, chains: list[list[int]]) -> list[OrderTicket]:
    fills = result.fills
    assert fills is not None
    held: dict[int, float] = {}
    opening: dict[int, tuple[int, float]] = {}
    tickets = []
    for chain in chains:
        row = chain[0]
        asset, session = int(fills.asset[row]), int(fills.session[row])
        shares = float(sum(fills.shares[part] for part in chain))
        before = held.get(asset, 0.0)
        decided, stop = session - 1, None
        if REASONS[int(fills.reason[row])] == "stop":
            # It came with the order that opened the position, and is live in the bar that filled that one.
            opened, price = opening[asset]
            decided = opened - 1
            stop = Decimal(repr(price * (1.0 - (1.0 if before > 0.0 else -1.0) * stop_loss)))
        held[asset] = before + shares
        if before * held[asset] <= 0.0 and held[asset] != 0.0:
            opening[asset] = (session, float(fills.price[row]))
        tickets.append(
            OrderTicket(
                client_order_id=f"qd{row:030x}",
                account_id=ACCOUNT,
                instrument_id=asset + 1,
                symbol=path.assets[asset],
                side="buy" if shares > 0 else "sell",
                quantity=Decimal(int(abs(shares))),
                order_type="market" if stop is None else "stop",
                limit_price=None,
                stop_price=stop,
                time_in_force="day" if stop is None and len(chain) == 1 else "gtc",
                desk_time=_close(_day(path, decided)),
            )
        )
    return tickets


def _day(path: MarketPath, row: int) -> date:
    found: date = path.times[row].astype("datetime64[D]").item()
    return found


def _close(day: date) -> datetime:
    return datetime.combine(day, time(), UTC) + timedelta(days=1)


def measure(dsn: str) -> list[list[Any]]:
    """Return rows (strategy, stop, fills in the simulator, on paper, traded value, differences) of the comparison."""
    database, rows = Database(dsn), []
    try:
        runs = [(name, 0.0, 0.0) for name in names()] + [(name, STOP_LOSS, 0.0) for name in STOPPED]
        runs += [(name, 0.0, PARTICIPATION) for name in IN_PARTS]
        for name, stop_loss, participation in runs:
            with database.transaction() as connection:
                connection.execute("DELETE FROM execution.paper_executions")
                connection.execute("DELETE FROM execution.paper_orders")
            found = compare(
                database, name, sessions=SESSIONS, seed=11, stop_loss=stop_loss, participation=participation
            )
            label = f"{name}, in parts" if participation else name
            rows.append([label, stop_loss, found.simulated, found.on_paper, found.value, list(found.differences)])
    finally:
        database.close()
    return rows


def section(rows: list[list[Any]]) -> str:
    """Return the comparison as a table."""
    differences = [text for row in rows for text in row[5]]
    lines = [
        (name, f"{stop:.0%}" if stop else "none", simulated, paper, f"{value:,.0f}", len(different))
        for name, stop, simulated, paper, value, different in rows
    ]
    heads = ("strategy", "stop", "fills simulated", "on paper", "traded value", "differ")
    return "\n".join(
        [
            "### The simulator and the paper broker",
            "",
            f"{len(names())} strategies, the same bars ({SESSIONS} sessions), whole shares,"
            f" {FEE_BPS} bp fee, {SLIPPAGE_BPS} bps slippage: session, size, price (to the venue's tick) and fee (to"
            f" the cent) of every fill compared. In parts: a bar fills at most {PARTICIPATION:.1%} of its volume."
            f" **{len(differences)} differences.**",
            *(f"- {text}" for text in differences[:5]),
            "",
            table(heads, lines),
        ]
    )
