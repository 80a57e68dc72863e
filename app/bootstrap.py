"""Join ports to adapters: the only place that names an adapter."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.version import code_version
from core.domain.principal import Principal
from core.errors import InvalidInput
from core.settings import Settings, VendorAccess

if TYPE_CHECKING:
    from temporalio.client import Client

    from agents.graph import Assistant
    from core.adapters.brokers.lines import VenueLines
    from core.adapters.store.clock import DeskClock
    from core.adapters.store.database import Database
    from core.adapters.store.outbox import Outbox
    from core.adapters.store.reports import ReportStore
    from core.adapters.store.trading import PostgresTradingStore
    from core.adapters.store.users import StoredKeys, StoredSessions, StoredUsers
    from core.data.gap_ledger import GapLedger
    from core.data.importing import ImportReport, Kind
    from core.data.ingest import Vendors
    from core.data.ingest_service import IngestService
    from core.data.news_monitor import NewsReader
    from core.data.notices import Delivery
    from core.data.pipeline import IngestReport, Pipeline
    from core.data.record_gaps import RecordGapLedger
    from core.data.review import ReviewDesk
    from core.domain.books import Order
    from core.domain.identifiers import IdSource
    from core.domain.trading_rules import VenueRules
    from core.execution.accounts import AccountDesk
    from core.execution.audit import AuditLog
    from core.execution.flatten import Flattened
    from core.execution.gateway import Gateway
    from core.execution.kill_switch import KillSwitch
    from core.execution.marks import Marks
    from core.execution.reconciliation import Reconciliation
    from core.execution.reject_rules import RejectRuleDesk
    from core.execution.settlement import Settlement
    from core.ports.backup import Backups
    from core.ports.broker import Broker
    from core.ports.clock import Clock
    from core.ports.data_store import Counts
    from core.ports.derived_store import DerivedStore
    from core.ports.jobs import Jobs
    from core.ports.market_data import Bars
    from core.ports.notifier import Notice, Notifier
    from core.ports.query import QueryRunner
    from core.ports.record_store import RecordStore
    from core.ports.tracker import Tracker
    from core.ports.vendor import VendorTerms
    from core.reporting.document import ReportKind
    from core.reporting.report import Report
    from tools.context import Desk

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStores:
    """Join the stores that sign-in needs."""

    users: StoredUsers
    sessions: StoredSessions
    keys: StoredKeys
    ids: IdSource


class Parts:
    """Make each part of a desk on one database when it is first asked for, and share it.

    `wall` replaces the machine's clock.
    """

    def __init__(self, settings: Settings, dsn: str, *, wall: Clock | None = None) -> None:
        self.settings = settings
        self.dsn = dsn
        self._wall = wall

    @cached_property
    def database(self) -> Database:
        """The connections of the product's own role."""
        from core.adapters.store.database import Database

        return Database(self.dsn)

    @cached_property
    def clock(self) -> DeskClock:
        """The desk's clock."""
        from core.adapters.store.clock import DeskClock

        return DeskClock(self.database, self._wall)

    @cached_property
    def ids(self) -> IdSource:
        """The source of identifiers."""
        from core.adapters.store.clock import WallClock
        from core.domain.identifiers import Uuid7Source

        return Uuid7Source(WallClock(), secrets.SystemRandom())

    @cached_property
    def desk(self) -> Desk:
        """Everything the tools work on."""
        from core.adapters.store.bars import PostgresBars
        from core.adapters.store.calls import CallStore
        from core.adapters.store.comparison import PostgresComparison
        from core.adapters.store.coverage import PostgresCoverage
        from core.adapters.store.event_calendar import PostgresEvents
        from core.adapters.store.instruments import PostgresInstruments
        from core.adapters.store.macro import PostgresMacro
        from core.adapters.store.panel_files import PanelFiles
        from core.adapters.store.queries import PostgresQueryRunner
        from core.adapters.store.strategies import PostgresStrategies
        from core.adapters.store.verdicts import PostgresVerdicts
        from core.execution.books import Books
        from core.execution.proposals import ProposalDesk
        from tools.context import Desk

        bars: Bars = PostgresBars(self.database, PanelFiles(self.settings.home / "cache" / "panels"))
        query: QueryRunner = PostgresQueryRunner(self.dsn, reader_password=_reader_password(self.settings))
        if self.settings.redis_url:
            from core.adapters.cache.answers import Answers, CachedBars, CachedQueries

            answers = Answers(self.settings.redis_url.get_secret_value(), self.database)
            bars, query = CachedBars(bars, answers), CachedQueries(query, answers)
        return Desk(
            settings=self.settings,
            clock=self.clock,
            ids=self.ids,
            instruments=PostgresInstruments(self.database),
            bars=bars,
            macro=PostgresMacro(self.database),
            events=PostgresEvents(self.database),
            query=query,
            calls=CallStore(self.database),
            coverage=PostgresCoverage(self.database),
            comparison=PostgresComparison(self.database),
            books=Books(self.trading, self.marks, self.clock),
            proposals=ProposalDesk(
                self.trading,
                self.marks,
                PostgresInstruments(self.database),
                self.kill_switch,
                self.clock,
                self.ids,
                expiry_minutes=self.settings.approval_expiry_minutes,
                stops_rest_at={name for name, broker in self.brokers.items() if broker.rests_stops},
                venue_rules=self._venue_rules,
            ),
            strategies=PostgresStrategies(self.database),
            verdicts=PostgresVerdicts(self.database),
            reports=self.reports,
            tracker=self.tracker,
            code_version=code_version(),
        )

    @cached_property
    def tracker(self) -> Tracker:
        """Where trained models are recorded: an MLflow store, the desk's own database unless one is set."""
        from core.adapters.tracker.mlflow import MlflowTracker, desk_store

        store = self.settings.mlflow_tracking_uri
        return MlflowTracker(lambda: store or desk_store(self.dsn), self.settings.home / "models")

    @cached_property
    def trading(self) -> PostgresTradingStore:
        """The store of the money path."""
        from core.adapters.store.trading import PostgresTradingStore

        return PostgresTradingStore(self.database)

    @cached_property
    def marks(self) -> Marks:
        """The prices that books are marked to."""
        from core.adapters.store.bars import PostgresBars
        from core.adapters.store.instruments import PostgresInstruments
        from core.execution.marks import Marks

        return Marks(PostgresBars(self.database), PostgresInstruments(self.database))

    @cached_property
    def kill_switch(self) -> KillSwitch:
        """The kill switch: its file stands in the home folder."""
        from core.execution.kill_switch import KillSwitch

        return KillSwitch(self.trading, self.settings.home)

    @cached_property
    def brokers(self) -> Mapping[str, Broker]:
        """The venues by name."""
        return self.lines.brokers(
            self.database,
            self.marks,
            self.clock,
            may_trade_live=lambda name: self.desk.books.account(name).is_live,
        )

    def _venue_rules(self, broker: str, symbol: str) -> VenueRules | None:
        """Return what a venue takes of an instrument, None where it has no rules of its own."""
        from core.ports.broker import RuledBroker

        venue = self.brokers.get(broker)
        return venue.rules(symbol) if isinstance(venue, RuledBroker) else None

    @cached_property
    def lines(self) -> VenueLines:
        """The lines to the venues that the settings name."""
        from core.adapters.brokers.lines import VenueLines

        return VenueLines(self.settings)

    @cached_property
    def settlement(self) -> Settlement:
        """What books executions and marks accounts."""
        from core.adapters.store.actions import PostgresActions
        from core.execution.settlement import Settlement

        return Settlement(
            *(self.trading, self.brokers, self.marks, self.clock),
            actions=PostgresActions(self.database),
            withholding_ratio=self.settings.dividend_withholding_ratio,
        )

    @cached_property
    def gateway(self) -> Gateway:
        """The one thing that sends orders; handed to the approval workflow's worker only."""
        from core.execution.gateway import Gateway

        return Gateway(self.trading, self.brokers, self.marks, self.kill_switch, self.clock, self.reconciliation)

    @cached_property
    def reconciliation(self) -> Reconciliation:
        """What compares the books with the venues."""
        from core.execution.reconciliation import Reconciliation

        return Reconciliation(self.trading, self.brokers, self.settlement, self.clock, self.ids)

    def stop_and_cancel(self, principal: Principal, reason: str) -> Flattened:
        """Halt trading and cancel every order at work; needs neither Temporal nor the web."""
        from core.execution.flatten import stop_and_cancel

        return stop_and_cancel(self.kill_switch, self.gateway, principal, reason)

    def flatten(self, person: Principal, reason: str) -> Flattened:
        """Halt trading to reduce-only, cancel every order and close every position, as a signed-in person."""
        from core.execution.flatten import flatten

        return flatten(self.trading, self.desk.proposals, self.kill_switch, self.gateway, person, reason)

    def end_unknown(self, order_id: str, person: Principal, evidence: str) -> Order:
        """End an order whose outcome the venue does not tell, on a signed-in person's word with evidence."""
        from core.execution.evidence import end_unknown

        return end_unknown(self.trading, self.brokers, self.clock, order_id, person, evidence)

    @cached_property
    def accounts(self) -> AccountDesk:
        """What opens accounts and switches them to live."""
        from core.execution.accounts import AccountDesk

        return AccountDesk(self.trading, self.brokers, self.reconciliation, self.clock, self.marks)

    @cached_property
    def reject_rules(self) -> RejectRuleDesk:
        """The standing rules that reject proposals."""
        from core.execution.reject_rules import RejectRuleDesk

        return RejectRuleDesk(self.trading, self.clock, self.ids)

    @cached_property
    def audit(self) -> AuditLog:
        """The audit log, which the database writes."""
        from core.adapters.store.audit import StoredAuditLog

        return StoredAuditLog(self.database)

    @cached_property
    def records(self) -> RecordStore:
        """Every kind of record, page by page."""
        from core.adapters.store.record_pages import PostgresRecords

        return PostgresRecords(self.database)

    @cached_property
    def derived(self) -> DerivedStore:
        """The rows that the desk infers from what is stored."""
        from core.adapters.store.derived import PostgresDerivedStore

        return PostgresDerivedStore(self.database)

    @cached_property
    def backups(self) -> Backups:
        """What backs up, restores and checks the database."""
        import psycopg

        from app.runtime.postgres_programs import find_programs
        from core.adapters.store.backup import PostgresBackups

        with psycopg.connect(self.dsn) as connection:
            programs = find_programs(connection.info.server_version // 10_000)
        return PostgresBackups(self.dsn, programs, reader_password=_reader_password(self.settings))

    @cached_property
    def outbox(self) -> Outbox:
        """The events that wait to be told."""
        from core.adapters.store.outbox import Outbox

        return Outbox(self.database)

    @cached_property
    def reports(self) -> ReportStore:
        """The stored reports."""
        from core.adapters.store.reports import ReportStore

        return ReportStore(self.database)

    @cached_property
    def account_stores(self) -> AccountStores:
        """The stores that sign-in needs."""
        from core.adapters.store.users import StoredKeys, StoredSessions, StoredUsers

        return AccountStores(
            users=StoredUsers(self.database),
            sessions=StoredSessions(self.database),
            keys=StoredKeys(self.database),
            ids=self.ids,
        )

    def open_assistant(self, desk: Desk | None = None) -> Assistant:
        """Return what answers questions on the desk (on `desk` where its clock was stopped); close it after use."""
        from agents.graph import Assistant
        from core.adapters.store.model_calls import ModelCallStore, ModelCaps

        settings = self.desk.settings
        caps = ModelCaps(
            question_usd=settings.model_usd_per_question,
            person_day_usd=settings.model_usd_per_person_day,
            day_usd=settings.model_usd_per_day,
        )
        return Assistant(
            desk or self.desk,
            self.dsn,
            private_values=self._private_values,
            private_terms=self.private_terms,
            ledger=ModelCallStore(self.database, caps),
        )

    def private_terms(self) -> list[str]:
        """Return the names of accounts, saved strategies and watch lists."""
        with self.database.transaction() as connection:
            named = connection.execute("SELECT name FROM strategies.specs UNION SELECT name FROM desk.watch_lists")
            owned = [str(name) for (name,) in named]
        return [
            *owned,
            *(name for account in self.desk.books.accounts() for name in (account.account_id, account.name)),
        ]

    def _private_values(self) -> list[str]:
        """Return what must never be in a request to a cloud: names of accounts and their exact money."""
        found = self.private_terms()
        for account in self.desk.books.accounts():
            held = self.desk.books.holdings(account.account_id)
            money = [
                held.nav,
                held.cash,
                *(value for row in held.positions for value in (row.average_cost, row.market_value)),
            ]
            found += [format(value.quantize(Decimal("0.01")), pattern) for value in money for pattern in ("f", ",f")]
        return found

    def make_report(self, kind: ReportKind, principal: Principal, *, face: str) -> Report:
        """Make a start- or end-of-day report through recorded runs and store it."""
        from tools.runner import run_tool

        named = {"sod": "start", "eod": "end"}[kind]
        made = run_tool(self.desk, "day_report", {"kind": named}, principal=principal, face=face)
        return self.reports.get(made.details["report_id"])

    def advance_clock(self, sessions: int) -> datetime:
        """Move a replaying desk by sessions, one at a time: fills happen and accounts are marked at each."""
        if sessions < 1:
            raise InvalidInput(f"sessions is {sessions}, expected at least 1.", hint="The desk's time only moves on.")
        for _ in range(sessions):
            self.clock.advance(1)
            self.settlement.settle()
        return self.clock.now()

    @cached_property
    def vendors(self) -> Vendors:
        """The vendors that are reached over a network."""
        from core.adapters.transport.client import Timing
        from core.adapters.vendors import NetworkVendors

        random = secrets.SystemRandom().random
        return NetworkVendors(Timing(now=self.clock.wall, monotonic=time.monotonic, sleep=time.sleep, random=random))

    @cached_property
    def ingest(self) -> IngestService:
        """What fetches from the vendors."""
        from core.adapters.store.data_store import PostgresDataStore
        from core.adapters.store.ingest_log import PostgresIngestLog
        from core.adapters.store.payloads import PostgresPayloads
        from core.data.ingest_service import IngestService

        return IngestService(
            open_pipeline=self.open_ingest,
            store=PostgresDataStore(self.database),
            log=PostgresIngestLog(self.database),
            clock=self.clock,
            vendors=self.vendors,
            payloads=PostgresPayloads(self.database),
            gaps=self.gaps,
            record_gaps=self.record_gaps,
            derived=self._update_derived,
            find=self.desk.instruments.find,
            freshness=self.desk.coverage.freshness,
            notify=self.notify,
        )

    @cached_property
    def notifiers(self) -> Sequence[Notifier]:
        """The channels over which people are told, one per channel that is set."""
        from core.adapters.notify import open_notifiers

        return open_notifiers(self.settings, self.clock.wall)

    def notify(self, notice: Notice) -> Sequence[Delivery]:
        """Tell people over every channel that is set; what fails is logged and returned, never raised."""
        from core.data.notices import send_notice

        return send_notice(self.notifiers, notice)

    @cached_property
    def news(self) -> NewsReader:
        """The articles as they became known."""
        from core.adapters.store.news import PostgresNews

        return PostgresNews(self.database)

    @cached_property
    def review(self) -> ReviewDesk:
        """What lets people decide on rows that were held back."""
        from core.adapters.store.quarantine import PostgresQuarantine
        from core.data.review import ReviewDesk

        return ReviewDesk(
            PostgresQuarantine(self.database),
            lambda row: self.open_ingest(mode="review", arguments={"row": row}, history_import=False),
        )

    @cached_property
    def gaps(self) -> GapLedger:
        """The ledger of missing sessions."""
        from core.adapters.store.gap_ledger import PostgresGaps

        return PostgresGaps(self.database, self.clock)

    @cached_property
    def record_gaps(self) -> RecordGapLedger:
        """The ledger of missing macro periods and of missing days of news and events."""
        from core.adapters.store.record_gaps import PostgresRecordGaps

        return PostgresRecordGaps(self.database, self.clock)

    def open_ingest(
        self, *, mode: str, arguments: Mapping[str, Any], history_import: bool, run_id: str | None = None
    ) -> Pipeline:
        """Begin an ingest run, judged with hindsight or not, or work for one that was begun."""
        from core.adapters.store.data_store import PostgresDataStore
        from core.adapters.store.ingest_log import PostgresIngestLog
        from core.data.pipeline import Pipeline

        return Pipeline(
            PostgresDataStore(self.database),
            PostgresIngestLog(self.database),
            self.clock,
            self.ids,
            mode=mode,
            arguments=arguments,
            history_import=history_import,
            run_id=run_id,
        )

    def import_files(self, kind: Kind, paths: Sequence[Path], progress: Progress) -> ImportReport:
        """Import files and bring what is derived of them up to date."""
        from core.adapters.store.ingest import import_files

        return import_files(self.database, self.ids, kind, paths, progress)

    def _update_derived(self) -> Counts:
        from core.adapters.store.ingest import make_derived

        return make_derived(self.database)

    def load_samples(self, progress: Progress) -> IngestReport:
        """Store the sample data and, on a new desk, start its clock in replay."""
        from core.adapters.store.ingest import load_samples

        return load_samples(self.database, self.ids, progress)


@lru_cache(maxsize=8)
def open_parts(settings: Settings, dsn: str) -> Parts:
    """Return the parts of the desk on a database; the same ones for the same settings and address."""
    return Parts(settings, dsn)


def build_desk(settings: Settings, dsn: str) -> Desk:
    """Return everything the tools work on."""
    return open_parts(settings, dsn).desk


def vendor_terms() -> Sequence[VendorTerms]:
    """Return the terms of every vendor that is reached over a network."""
    from core.adapters.vendors import vendor_terms

    return vendor_terms()


def list_vendors() -> list[tuple[VendorTerms, VendorAccess]]:
    """Return the terms of every vendor that is reached over a network, and how the settings reach it."""
    from core.settings import read_vendor_access

    return [(terms, read_vendor_access(terms)) for terms in vendor_terms()]


def send_test(settings: Settings) -> Sequence[Delivery]:
    """Send a test over every channel that is set and return what became of it; needs no database."""
    from core.adapters.notify import open_notifiers
    from core.adapters.store.clock import WallClock
    from core.data.notices import send_notice
    from core.ports.notifier import Notice

    notice = Notice(title="quantdesk: a test", lines=("Failed ingests, late sources and alarms will be told here.",))
    return send_notice(open_notifiers(settings, WallClock().now), notice)


def open_jobs(client: Client, desk_id: str) -> Jobs:
    """Return the durable work of a desk on a Temporal server."""
    from core.adapters.jobs.temporal import TemporalJobs

    return TemporalJobs(client, desk_id)


def prepare_database(settings: Settings, dsn: str) -> str:
    """Bring the database to the schema of this code and return its revision."""
    from core.adapters.store.migrations import migrate

    return migrate(dsn, reader_password=_reader_password(settings))


def _reader_password(settings: Settings) -> str | None:
    password = settings.database_reader_password
    return password.get_secret_value() if password else None


def load_first_data(dsn: str, *, demo: bool, progress: Progress = lambda step, share: None) -> None:
    """Fill a new desk with the sample data and, if wanted, the demo book; harmless when done before."""
    parts = Parts(Settings(), dsn)
    parts.load_samples(progress)
    if demo:
        from core.execution.demo import load_demo

        load_demo(parts.trading, parts.marks, parts.desk.instruments, parts.clock, parts.ids)
        parts.trading.database.close()
    parts.database.close()
