"""Serve the pages of a made-up desk to a real browser."""

from __future__ import annotations

import importlib.util
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from core.data.coverage import HeldCoverage, IngestRun, SeriesCoverage, YearCoverage
from core.data.freshness import SourceFreshness
from core.data.news_monitor import NewsItem
from core.data.review import Case, HeldEntry, NearBar
from core.domain.as_of import AsOf
from core.domain.books import Leg, Order, Proposal, ProposalDecision
from core.domain.facts import ToolResult
from core.domain.market_records import Instrument
from core.domain.principal import SCOPES, Principal
from core.errors import ApprovalRefused, NotSignedIn, UnknownName
from core.execution.impact import Impact, LegImpact
from core.execution.marks import SessionPrice
from core.execution.proposals import ProposalView
from core.ports.calls import CallRecord, ToolCall
from core.reporting.report import Report, make_report

PERSON = Principal(id="usr_1", name="owner", kind="person", scopes=SCOPES)
READER = Principal(id="usr_2", name="reader", kind="person", scopes=frozenset({"read"}))
NOW = datetime(2022, 11, 29, 21, 0, tzinfo=UTC)
DIGEST = "ab" * 32


def _reporting_conftest() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "core" / "reporting" / "conftest.py"
    spec = importlib.util.spec_from_file_location("made_up_results", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass
class MadeUpCalls:
    """Find recorded results again."""

    desk: Any

    def call(self, run_id: str) -> CallRecord:
        for result in self.desk.results:
            if result.run == run_id:
                # Runs are numbered by call; calls that were refused have no result.
                tool, arguments = self.desk.calls[int(run_id.removeprefix("run_"), 16) - 1]
                call = ToolCall(
                    run_id=run_id,
                    tool=tool,
                    arguments=arguments,
                    label="private",
                    effect="read",
                    principal=PERSON.id,
                    face="web",
                    thread_id=None,
                    as_of=AsOf(known=NOW),
                    code_version="0.1.0-test",
                    seed=None,
                    started_at=NOW,
                )
                return CallRecord(
                    call=call, state="done", duration_ms=12.5, error=None, result=result, result_digest="cd" * 32
                )
        raise UnknownName("run", run_id)

    def fact(self, fact_id: str) -> Any:
        for result in self.desk.results:
            for fact in result.facts:
                if fact.id == fact_id:
                    return fact
        raise UnknownName("fact", fact_id)


def _proposal(number: int, symbol: str, **changes: Any) -> Proposal:
    leg = Leg(
        instrument_id=number,
        symbol=symbol,
        side="buy",
        quantity=Decimal(10),
        limit_price=Decimal("242.5"),
        band_low=Decimal("235.52"),
        band_high=Decimal("245.14"),
    )
    values: dict[str, Any] = {
        "proposal_id": f"prp_{number:032x}",
        "account_id": "paper",
        "legs": (leg,),
        "order_type": "limit",
        "time_in_force": "day",
        "notional": Decimal("2425.00"),
        "reason": "Trend is up <script>alert(1)</script>; please approve quickly.",
        "evidence": ("fct_00000000000000000000000000000001_0",),
        "author": "agent:usr_1",
        "author_kind": "agent",
        "requested_by": PERSON.id,
        "digest": DIGEST,
        "desk_time": NOW,
        "created_at": NOW,
        "expires_at": NOW + timedelta(hours=24),
        "is_demo": number > 1,
    }
    return Proposal(**{**values, **changes})


@dataclass
class MadeUpProposals:
    """Keep two proposals and take decisions on them."""

    decided: dict[str, ProposalDecision] = field(default_factory=dict)
    faces: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stored = {part.proposal_id: part for part in (_proposal(1, "MSFT"), _proposal(2, "GE"))}

    def get(self, proposal_id: str) -> ProposalView:
        if proposal_id not in self.stored:
            raise UnknownName("proposal", proposal_id)
        decision = self.decided.get(proposal_id)
        orders: tuple[Order, ...] = ()
        return ProposalView(
            proposal=self.stored[proposal_id],
            state=decision.decision if decision else "pending",
            decision=decision,
            orders=orders,
            progress="Approved: the worker will send it." if decision else "Waits for a person's decision.",
            seconds_left=86_000.0,
        )

    def list(self, *, state: str | None = None, limit: int = 200) -> list[ProposalView]:
        views = [self.get(key) for key in self.stored]
        return [view for view in views if state is None or view.state == state]

    def impact(self, proposal_id: str) -> Impact:
        leg = self.stored[proposal_id].legs[0]
        price = SessionPrice(
            session=NOW.date(),
            open=None,
            high=None,
            low=None,
            close=Decimal("240.33"),
            price_basis="raw",
            source="samples",
        )
        return Impact(
            legs=(
                LegImpact(
                    symbol=leg.symbol,
                    side="buy",
                    quantity=leg.quantity,
                    price=Decimal("242.5"),
                    notional=Decimal("2425"),
                    last_close=price,
                    position_before=Decimal(60),
                    position_after=Decimal(70),
                    weight_after=Decimal("0.298"),
                ),
            ),
            notional=Decimal("2425"),
            fee=Decimal("0.24"),
            cash_before=Decimal(14000),
            cash_after=Decimal("11574.76"),
            nav=Decimal("56235.4"),
            verdicts=(SimpleNamespace(rule="largest weight", allowed=True, reason="29.80% of at most 40%."),),  # type: ignore[arg-type]
            notes=(),
        )

    def decide(
        self, proposal_id: str, decision: Any, digest: str, principal: Principal, *, face: str, reason: str = ""
    ) -> ProposalDecision:
        if proposal_id in self.decided:
            raise ApprovalRefused("The proposal was decided already.", rule="decided")
        self.faces.append(face)
        self.decided[proposal_id] = ProposalDecision(
            proposal_id=proposal_id,
            decision=decision,
            digest=digest,
            decided_by=principal.id,
            decided_by_kind="person",
            face=face,
            reason=reason,
            decided_at=NOW,
            desk_time=NOW,
        )
        return self.decided[proposal_id]


def instrument(number: int, symbol: str, name: str, *groups: str, **changes: Any) -> Instrument:
    told = {"asset_class": "equity", "calendar": "XNYS", "source": "universe", "known_at": NOW, **changes}
    return Instrument(instrument_id=number, symbol=symbol, name=name, groups=groups, **told)


class MadeUpInstruments:
    """Know two stocks and a coin with prices and a stock without; a name would be a script."""

    def __init__(self) -> None:
        self.known = [
            instrument(1, "AAPL", "Apple", "stock", "megacap", aliases=("the fruit company",)),
            instrument(3, "BTC", "Bitcoin", "crypto", asset_class="crypto", calendar="24x7"),
            instrument(2, "GE", 'General "Electric" <script>alert(1)</script>', "stock", "us_industrials"),
            instrument(4, "TSLA", "Tesla", "stock", "megacap"),
        ]

    def list(self) -> list[Instrument]:
        return self.known

    def find(self, name: str) -> Instrument:
        for entry in self.known:
            if name.lower() in {word.lower() for word in (entry.symbol, entry.name, *entry.aliases)}:
                return entry
        raise UnknownName("symbol", name, ("AAPL",))


class MadeUpCoverage:
    """Say what is stored of two stocks, one of them with a gap, and of a coin."""

    def series(self, instrument_ids: Any, *, as_of: Any) -> list[SeriesCoverage]:
        common = {"calendar": "XNYS", "source": "samples", "price_basis": "raw", "first": date(2015, 1, 2)}
        common |= {"last": date(2022, 11, 29), "behind": 0, "expected": 1992}
        whole = SeriesCoverage(instrument_id=1, symbol="AAPL", asset_class="equity", stored=1992, **common)
        short = SeriesCoverage(instrument_id=2, symbol="GE", asset_class="equity", stored=1990, **common)
        coin = {**common, "calendar": "24x7", "last": date(2022, 11, 20), "behind": 8}
        last = SeriesCoverage(instrument_id=3, symbol="BTC", asset_class="crypto", stored=2, **coin)
        return [entry for entry in (whole, short, last) if entry.instrument_id in instrument_ids]

    def gaps(self, series: list[SeriesCoverage], *, as_of: Any) -> list[list[date]]:
        return [[date(2022, 6, 1), date(2022, 6, 2)] if entry.symbol == "GE" else [] for entry in series]

    def years(self) -> list[YearCoverage]:
        return [
            YearCoverage(asset_class="equity", year=year, stored=504 - (year == 2020) * 80, expected=504)
            for year in range(1990, 2023)
        ]

    def freshness(self, *, as_of: AsOf) -> list[SourceFreshness]:
        return [
            SourceFreshness(topic="news", source="a_source_with_a_long_name_of_its", last_known_at=NOW, silent_days=9,
                            cadence_days=1.0, late=True),
            SourceFreshness(topic="bars of stocks", source="samples", last_known_at=NOW, silent_days=0,
                            cadence_days=1.0, late=False),
            SourceFreshness(topic="macro series", source="file", last_known_at=NOW, silent_days=1, cadence_days=None,
                            late=None),
        ]  # fmt: skip

    def held(self) -> list[HeldCoverage]:
        return [HeldCoverage(record_kind="bar", verdict="suspicious", reason="high_below_low", rows=3)]

    def runs(self, *, limit: int = 12) -> list[IngestRun]:
        counts = {"rows_read": 5000, "rows_new": 4321, "rows_held": 3}
        return [IngestRun(run_id="igr_1", mode="import", state="done", started_at=NOW, finished_at=NOW, **counts)]


@dataclass
class MadeUpReports:
    """Keep reports in memory."""

    kept: dict[str, Report] = field(default_factory=dict)

    def save(self, report: Report) -> str:
        self.kept[report.report_id] = report
        return report.report_id

    def list(self, *, limit: int = 100) -> list[Report]:
        return list(self.kept.values())

    def get(self, report_id: str) -> Report:
        if report_id not in self.kept:
            raise UnknownName("report", report_id)
        return self.kept[report_id]


@dataclass
class MadeUpSwitch:
    """Turn trading off and on."""

    reason: str | None = None

    def status(self) -> str | None:
        return self.reason

    def halt(self, principal: Principal, reason: str) -> str:
        self.reason = f"halted by {principal.name}: {reason}"
        return "Trading is halted."

    def resume(self, principal: Principal, reason: str) -> str:
        self.reason = None
        return "Trading is on."


@dataclass
class Stage:
    """Hold the made-up desk behind the served pages; tests change who is signed in and what tools answer."""

    services: Any
    results: Any
    proposals: MadeUpProposals
    switch: MadeUpSwitch
    principal: Principal | None = PERSON
    advanced: int = 0
    fail: Exception | None = None
    gate: threading.Event = field(default_factory=threading.Event)
    address: str = ""


class MadeUpNews:
    """Know two articles, one of them with a long headline that would be a script and no symbol."""

    def newest(self, *, as_of: AsOf, symbol: str | None = None, limit: int = 50) -> list[NewsItem]:
        common = {"publisher": "The Wire", "source": "wire", "known_at": NOW}
        scored = NewsItem(
            article_id="a", headline="AAPL rises", symbols=("AAPL",), sentiment="positive", sentiment_score=0.6,
            sentiment_method="lexicon", **common,  # type: ignore[arg-type]
        )  # fmt: skip
        plain = NewsItem(
            article_id="b", headline="<script>alert(1)</script> " + "unbreakable" * 40, symbols=(), sentiment=None,
            sentiment_score=None, sentiment_method=None, **common,  # type: ignore[arg-type]
        )  # fmt: skip
        return [entry for entry in (scored, plain) if symbol is None or symbol in entry.symbols]


class MadeUpReview:
    """Hold one row for review and keep what was decided."""

    def __init__(self) -> None:
        self.entry = HeldEntry(
            quarantine_id=7, record_kind="bar", source="vendor", symbol="AAPL", about=NOW.date(), verdict="quarantine",
            reason="spike_unexplained", detail="line 3", origin="", state="held", recorded_at=NOW,
            row={"close": 300.0, "bar": {"instrument_id": 1, "session": NOW.date().isoformat(), "price_basis": "raw",
                                         "open": 100.0, "high": 301.0, "low": 99.0, "close": 300.0, "volume": 1000.0}},
        )  # fmt: skip
        self.decided: list[tuple[str, int, str]] = []

    def list(self, **_: Any) -> list[HeldEntry]:
        return [self.entry]

    def show(self, row: int) -> Case:
        near = [
            NearBar(source=source, price_basis="raw", session=NOW.date() - timedelta(days=1), open=100.0, high=101.0,
                    low=99.0, close=100.5, volume=900.0)
            for source in ("vendor", "other")
        ]  # fmt: skip
        return Case(entry=self.entry, neighbours=near[:1], elsewhere=near[1:], reviews=())

    def release(self, row: int, principal: Principal, *, face: str, reason: str = "") -> str:
        self.decided.append(("release", row, principal.id))
        return "Released: stored AAPL."

    def discard(self, row: int, principal: Principal, *, face: str, reason: str = "") -> str:
        self.decided.append(("discard", row, principal.id))
        return "Discarded: bar AAPL."


def build_stage() -> Stage:
    """Make the desk."""
    from app.web.services import Services

    made_up = _reporting_conftest()
    results = made_up.MadeUpDesk()
    clock, ids = made_up.StillClock(), made_up.CountedIds()
    proposals, switch, reports = MadeUpProposals(), MadeUpSwitch(), MadeUpReports()
    desk = SimpleNamespace(
        clock=clock,
        ids=ids,
        calls=MadeUpCalls(results),
        proposals=proposals,
        books=SimpleNamespace(
            account=lambda name: SimpleNamespace(account_id=name, currency="USD", is_real_money=False),
            accounts=lambda: [],
        ),
        instruments=MadeUpInstruments(),
        coverage=MadeUpCoverage(),
        code_version="0.1.0-test",
    )
    stage = Stage(services=None, results=results, proposals=proposals, switch=switch)
    stage.gate.set()
    one_at_a_time = threading.Lock()

    class MadeUpServices(Services):
        def run(self, tool: str, arguments: dict[str, Any], principal: Principal) -> ToolResult:
            stage.gate.wait()
            if stage.fail is not None:
                raise stage.fail
            with one_at_a_time:
                return results(tool, arguments)

    async def current_principal(request: Any) -> Principal:
        if stage.principal is None:
            raise NotSignedIn("You are not signed in.")
        return stage.principal

    def report(kind: Any, principal: Principal) -> Report:
        made = make_report(kind, results, clock, ids)
        reports.save(made)
        return made

    def advance(sessions: int) -> datetime:
        stage.advanced += sessions
        return NOW + timedelta(days=sessions)

    stage.services = MadeUpServices(
        desk=desk,  # type: ignore[arg-type]
        current_principal=current_principal,
        reports=reports,
        trading=switch,
        make_report=report,
        advance_clock=advance,
        names=lambda: {PERSON.id: PERSON.name, READER.id: READER.name},
        review=MadeUpReview(),  # type: ignore[arg-type]
        news=MadeUpNews(),
    )
    return stage


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """Serve the pages on a free port of loopback."""
    import uvicorn
    from fastapi import FastAPI

    from app.web.mounting import mount

    made = build_stage()
    app = FastAPI()

    @app.get("/login")
    async def login() -> dict[str, str]:
        return {"page": "login"}

    mount(app, made.services, storage_secret="a secret for tests only")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert thread.is_alive() and time.monotonic() < deadline, "the pages did not start"
        threading.Event().wait(0.05)
    made.address = f"http://127.0.0.1:{port}"
    yield made
    server.should_exit = True
    thread.join(timeout=10)
