"""Run tools on the sample data, or on a made-up market held in memory."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import numpy as np
import psycopg
import pytest

from app.bootstrap import Parts, build_desk
from core.data.calendar import close_of
from core.domain.as_of import AsOf
from core.domain.books import Account
from core.domain.event_calendar import EventCalendar
from core.domain.facts import Fact, ToolResult
from core.domain.identifiers import Uuid7Source
from core.domain.market_records import Instrument, MacroSeries
from core.domain.panel import Panel, SeriesSource
from core.domain.principal import Principal
from core.errors import NoData, UnknownName
from core.ports.calls import CallRecord, ToolCall
from core.ports.market_data import Observation
from core.ports.tracker import ModelVersion, TrainingRun
from core.settings import Settings
from core.testing.clock import FixedClock
from core.testing.small_market import START, add_people, fill_market, open_account
from tools.context import Desk, ToolContext
from tools.runner import run_tool

BOOKS = (
    "paper_executions paper_orders nav_daily positions cash_ledger fills order_events orders decisions proposals"
    " accounts trading_state gate_verdicts"
)
OTHERS = ("desk.outbox", "desk.clock", "strategies.specs", "strategies.recommendations", "strategies.panel_verdicts")
ANN = Principal(id="usr_ann", name="ann", kind="person", scopes=frozenset({"read", "trade", "approve"}))
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def desk(sample_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    home: Path = tmp_path_factory.mktemp("home")
    return build_desk(Settings(home=home), sample_dsn)


@pytest.fixture(scope="session")
def ask(desk: Desk) -> Callable[..., ToolResult]:
    def run(tool: str, /, **arguments: Any) -> ToolResult:
        return run_tool(desk, tool, arguments, principal=ANN, face="test")

    return run


class CallsInMemory:
    """Keep calls in a dictionary, as the store does: the label of a call rises with that of its result."""

    def __init__(self) -> None:
        self.records: dict[str, CallRecord] = {}

    def start(self, call: ToolCall) -> None:
        self.records[call.run_id] = CallRecord(
            call=call, state="running", duration_ms=None, error=None, result=None, result_digest=None
        )

    def finish(
        self, run_id: str, *, duration_ms: float, result: ToolResult | None, digest: str | None, error: str | None
    ) -> None:
        record = self.records[run_id]
        self.records[run_id] = CallRecord(
            call=replace(record.call, label=result.label) if result else record.call,
            state="failed" if error else "done",
            duration_ms=duration_ms,
            error=error,
            result=result,
            result_digest=digest,
        )

    def call(self, run_id: str) -> CallRecord:
        if run_id not in self.records:
            raise UnknownName("run", run_id)
        return self.records[run_id]

    def fact(self, fact_id: str) -> Fact:
        for record in self.records.values():
            if record.result is None:
                continue
            for fact in record.result.facts:
                if fact.id == fact_id:
                    return fact
            for table in record.result.tables:
                for row, cells in enumerate(table.rows):
                    for column, cell in zip(table.columns, cells, strict=True):
                        if fact_id == f"{record.result.run}:{table.name}:{row}:{column.name}":
                            return Fact(
                                id=fact_id,
                                run=record.result.run,
                                name=column.name,
                                value=cell,
                                unit=column.unit,
                                as_of=record.result.as_of,
                                label=record.result.label,
                            )
        raise UnknownName("fact", fact_id)

    def done(self, tools: Sequence[str], *, before: datetime | None, limit: int = 5000) -> Sequence[ToolCall]:
        return [
            record.call
            for record in self.records.values()
            if record.state == "done" and record.call.tool in tools and (not before or record.call.started_at < before)
        ]

    def recent(self, *, thread_id: str | None = None, limit: int = 50) -> Sequence[CallRecord]:
        return list(reversed(self.records.values()))[:limit]


class ModelsInMemory:
    """Keep model versions in a list."""

    def __init__(self) -> None:
        self.runs: list[TrainingRun] = []
        self.stages: dict[int, str] = {}

    def record(self, run: TrainingRun) -> ModelVersion:
        self.runs.append(run)
        return self.promote(run.name, len(self.runs), "none")

    def promote(self, name: str, version: int, stage: Any) -> ModelVersion:
        self.stages[version] = stage
        return next(part for part in self.versions(name) if part.version == version)

    def versions(self, name: str) -> list[ModelVersion]:
        return [
            ModelVersion(
                name=run.name,
                version=number,
                stage=self.stages.get(number, "none"),  # type: ignore[arg-type]
                run_id=run.run_id,
                data_as_of=run.data_as_of.isoformat(),
                metrics=run.metrics,
            )
            for number, run in enumerate(self.runs, 1)
        ]

    def load(self, name: str, *, version: int | None = None, stage: Any = None) -> Any:
        return self.runs[-1].document


class SmallMarket:
    """Be the instruments, bars, macro series and books of a desk, filled by a test with numbers known by heart."""

    def __init__(self) -> None:
        self.instruments: dict[str, Instrument] = {}
        self.columns: dict[int, tuple[SeriesSource, dict[date, dict[str, float]]]] = {}
        self.rates: dict[str, tuple[MacroSeries, list[Observation]]] = {}
        self.held: Any = None
        self.events = EventCalendar.none()
        self.asked: list[dict[str, Any]] = []
        self.clock = FixedClock(datetime(2024, 12, 31, 22, tzinfo=UTC))
        self.calls = CallsInMemory()
        self.desk = Desk(
            settings=Settings(home=Path("nowhere")),
            clock=self.clock,
            ids=Uuid7Source(self.clock, random.Random(1)),
            instruments=self,  # type: ignore[arg-type]
            bars=self,  # type: ignore[arg-type]
            macro=SimpleNamespace(find=self.find_rate, observations=self.observations),  # type: ignore[arg-type]
            events=SimpleNamespace(calendar=lambda *_, **__: self.events),  # type: ignore[arg-type]
            query=None,  # type: ignore[arg-type]
            calls=self.calls,
            coverage=None,  # type: ignore[arg-type]
            books=SimpleNamespace(account=self.account, holdings=self.holdings),  # type: ignore[arg-type]
            proposals=SimpleNamespace(halted=lambda: None),  # type: ignore[arg-type]
            reports=None,  # type: ignore[arg-type]
            strategies=None,  # type: ignore[arg-type]
            verdicts=None,  # type: ignore[arg-type]
            tracker=ModelsInMemory(),
            comparison=None,  # type: ignore[arg-type]
            code_version="test",
        )

    @staticmethod
    def days(start: str, count: int, *, every_day: bool = False) -> list[date]:
        """Return weekdays (or all days) from a start on; holidays do not matter here."""
        found: list[date] = []
        day = date.fromisoformat(start)
        while len(found) < count:
            if every_day or day.weekday() < 5:
                found.append(day)
            day += timedelta(days=1)
        return found

    def add(
        self,
        symbol: str,
        closes: Sequence[float] | dict[str, float],
        *,
        start: str = "2024-01-02",
        calendar: str = "XNYS",
        asset_class: str = "equity",
        basis: str = "total_return",
        source: str = "made-up",
        currency: str = "USD",
        aliases: tuple[str, ...] = (),
        **others: Sequence[float],
    ) -> list[date]:
        number = len(self.instruments) + 1
        self.instruments[symbol] = Instrument(
            instrument_id=number,
            symbol=symbol,
            name=f"{symbol} Incorporated",
            asset_class=asset_class,  # type: ignore[arg-type]
            calendar=calendar,  # type: ignore[arg-type]
            currency=currency,
            aliases=aliases,
            source=source,
            known_at=LONG_AGO,
        )
        if isinstance(closes, dict):
            days, closes = [date.fromisoformat(day) for day in closes], list(closes.values())
        else:
            days = self.days(start, len(closes), every_day=calendar == "24x7")
        fields = {"close": closes, **others}
        bars = {day: {name: float(part[index]) for name, part in fields.items()} for index, day in enumerate(days)}
        described = SeriesSource(
            instrument_id=number,
            symbol=symbol,
            source=source,
            price_basis=basis,  # type: ignore[arg-type]
        )
        self.columns[number] = (described, bars)
        return days

    def rate(
        self, name: str, values: dict[date, float | None], *, unit: str = "Percent", frequency: str = "daily"
    ) -> None:
        series = MacroSeries(
            series_id=name,
            name=name,
            unit=unit,
            frequency=frequency,  # type: ignore[arg-type]
            source="made-up",
            known_at=LONG_AGO,
        )
        self.rates[name] = (series, [Observation(period=day, value=v, vintage="1") for day, v in values.items()])

    def hold(self, cash: str, prices: dict[str, str], **quantities: str) -> None:
        """Give the account `main` these shares at these prices."""
        lines = tuple(
            SimpleNamespace(symbol=symbol, quantity=Decimal(count), price=Decimal(prices[symbol]))
            for symbol, count in quantities.items()
        )
        nav = Decimal(cash) + sum((part.quantity * part.price for part in lines), Decimal(0))
        self.held = SimpleNamespace(cash=Decimal(cash), positions=lines, nav=nav)

    def account(self, account_id: str | None = None) -> Account:
        if account_id not in (None, "main"):
            raise UnknownName("account", str(account_id), ["main"])
        return Account(account_id="main", name="Main", broker="paper", currency="USD", opened_at=LONG_AGO)

    def holdings(self, account_id: str, as_of: AsOf) -> Any:
        return self.held

    def find(self, name: str) -> Instrument:
        for part in self.instruments.values():
            if name.upper() == part.symbol or name.lower() in part.aliases:
                return part
        raise UnknownName("symbol", name, sorted(self.instruments)[:1])

    def panel(
        self,
        instrument_ids: Sequence[int],
        *,
        purpose: str,
        as_of: AsOf,
        start: date | None = None,
        end: date | None = None,
        needs: str = "close",
    ) -> Panel:
        self.asked.append({"ids": list(instrument_ids), "purpose": purpose, "start": start, "end": end})
        last = min(end or date.max, as_of.known.date())
        chosen = []
        for number in instrument_ids:
            source, bars = self.columns[number]
            inside = {day: bar for day, bar in bars.items() if (start or date.min) <= day <= last}
            if not inside:
                raise NoData(f"No bars of {source.symbol} from {start} to {last}.")
            chosen.append((source, inside))
        sessions = sorted({day for _, bars in chosen for day in bars})

        def field(name: str) -> Any:
            if not all(name in bar for _, bars in chosen for bar in bars.values()):
                return None
            return np.array([[bars[day][name] if day in bars else np.nan for _, bars in chosen] for day in sessions])

        return Panel(
            sessions=np.array(sessions, dtype="datetime64[D]"),
            symbols=tuple(source.symbol for source, _ in chosen),
            series=tuple(source for source, _ in chosen),
            close=field("close"),
            open=field("open"),
            high=field("high"),
            low=field("low"),
            volume=field("volume"),
            as_of=as_of,
            sql="SELECT made_up",
        )

    def last_session(self, instrument_ids: Sequence[int], *, as_of: AsOf) -> date | None:
        days = [day for number in instrument_ids for day in self.columns[number][1] if day <= as_of.known.date()]
        return max(days, default=None)

    def find_rate(self, name: str) -> MacroSeries:
        if name.upper() not in self.rates:
            raise UnknownName("series", name)
        return self.rates[name.upper()][0]

    def observations(
        self, series_id: str, *, as_of: AsOf, start: date | None = None, end: date | None = None
    ) -> Sequence[Observation]:
        self.find_rate(series_id)
        return [part for part in self.rates[series_id][1] if part.period >= (start or date.min)]

    def context(self, *, seed: int = 0, label: str = "public", known: datetime | None = None) -> ToolContext:
        return ToolContext(
            desk=self.desk,
            principal=ANN,
            run_id="run_0001",
            tool="test",
            as_of=AsOf(known=known or self.clock.now()),
            seed=seed,
            face="test",
            thread_id=None,
            label=label,  # type: ignore[arg-type]
        )

    def ask(self, name: str, /, **arguments: Any) -> ToolResult:
        return run_tool(self.desk, name, arguments, principal=ANN, face="test")


@pytest.fixture
def market() -> SmallMarket:
    """Give an empty made-up market."""
    return SmallMarket()


@pytest.fixture(scope="session")
def opened(postgres_dsn: str, template_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """Give the parts of a desk on the small market; tests take turns in it."""
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute('CREATE DATABASE qd_trading_tools TEMPLATE "qd_template"')
    dsn = urlunsplit(urlsplit(postgres_dsn)._replace(path="/qd_trading_tools"))
    with psycopg.connect(dsn) as connection:
        fill_market(connection)
        add_people(connection)
    made = Parts(Settings(home=tmp_path_factory.mktemp("home")), dsn)
    yield made
    made.trading.database.close()
    made.database.close()
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute("DROP DATABASE qd_trading_tools WITH (FORCE)")


@pytest.fixture
def parts(opened: Parts) -> Parts:
    """Give the desk with nothing traded yet, after the close of START."""
    with psycopg.connect(opened.dsn) as connection:
        # Emptying the books is what their triggers forbid, so the test's own connection goes without them.
        connection.execute("SET LOCAL session_replication_role = replica")
        for table in [*(f"execution.{name}" for name in BOOKS.split()), *OTHERS]:
            connection.execute(f"DELETE FROM {table}".encode())
        connection.execute("INSERT INTO execution.trading_state (halted, changed_by) VALUES (false, 'test')")
        connection.execute(
            "INSERT INTO desk.clock (mode, replay_now) VALUES ('replay', %s)", (close_of(START, "XNYS"),)
        )
        open_account(connection)
    return opened
