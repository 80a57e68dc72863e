"""Run the worker: the trade approval workflow, its activities, the outbox and the settlement of working orders."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from app.logs import configure_logging
from core.errors import QuantdeskError, ServiceError, Unavailable
from core.settings import Settings, load_settings

if TYPE_CHECKING:
    from temporalio.client import Client
    from temporalio.worker import Worker

    from app.bootstrap import Parts
    from core.data.notices import Delivery
    from core.execution.stores import OutboxEvent
    from core.ports.jobs import Jobs
    from workflows.outbox import OutboxStarter

RETRY_S = 1.0
OUTBOX_POLL_S = 5.0
SETTLE_POLL_S = 1.0
LIVE_SETTLE_S = 60.0
ACTIVITY_THREADS = 4
"""Each activity may hold two database connections at a time; the pools have eight."""

_log = structlog.get_logger("worker")


def _compile_ahead() -> None:
    """Compile every kernel into the shared cache, so that a person's first simulation does not wait for it."""
    from core.simulators.compilation import compile_kernels
    from core.strategies.loader import available, load

    started = time.perf_counter()
    compile_kernels([load(name) for name in available()])
    _log.info("kernels compiled", seconds=round(time.perf_counter() - started, 1))


class DeskWorker:
    """Hold the running parts of one worker process until it is told to stop."""

    def __init__(self, settings: Settings, parts: Parts, temporal_address: str) -> None:
        self._settings = settings
        self._parts = parts
        self._address = temporal_address
        self._stopping = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._sending: set[asyncio.Task[Sequence[Delivery]]] = set()

    def stop(self) -> None:
        """Ask the worker to finish what it does and end."""
        self._stopping.set()

    async def run(self) -> None:
        """Serve until stopped; retries while Temporal or the database are not there yet."""
        client, desk_id = await self._connect(), await self._identify()
        if client is None or desk_id is None:
            return
        from app.bootstrap import open_jobs
        from workflows.outbox import OutboxStarter

        starter = OutboxStarter(open_jobs(client, desk_id), self._parts.desk.proposals, self._parts.trading)
        async with build_worker(client, self._parts, desk_id):
            _log.info("worker ready", temporal=self._address)
            threading.Thread(target=_compile_ahead, name="compile-ahead", daemon=True).start()
            tasks = [
                asyncio.create_task(self._recover_and_settle()),
                asyncio.create_task(self._tell(starter)),
                asyncio.create_task(self._scan(open_jobs(client, desk_id), desk_id)),
            ]
            stopping = asyncio.create_task(self._stopping.wait())
            await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
            self._stopping.set()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*self._sending, return_exceptions=True)
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, Exception):
                    raise outcome
        _log.info("worker stopped")

    async def _identify(self) -> str | None:
        """Return the name of the desk that the database belongs to."""
        while not self._stopping.is_set():
            try:
                return await asyncio.to_thread(self._parts.clock.desk_id)
            except Unavailable as error:
                _log.warning("the database does not answer", reason=str(error))
                await self._pause(RETRY_S)
        return None

    async def _connect(self) -> Client | None:
        from temporalio.client import Client

        while not self._stopping.is_set():
            try:
                return await Client.connect(self._address, namespace=self._settings.temporal_namespace)
            except RuntimeError as error:
                _log.warning("waiting for Temporal", reason=str(error))
                await self._pause(RETRY_S)
        return None

    async def _tell(self, starter: OutboxStarter) -> None:
        """Tell workflows what the outbox announces, at once and again until it worked."""
        woken = asyncio.Event()
        threading.Thread(target=self._listen, args=(woken,), name="outbox", daemon=True).start()
        resumed = False
        while not self._stopping.is_set():
            woken.clear()
            try:
                if not resumed:
                    _log.info("proposals resumed", count=await starter.resume())
                    resumed = True
                await self._drain(starter)
            except QuantdeskError as error:
                _log.warning("the outbox waits", reason=str(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), OUTBOX_POLL_S)

    async def _drain(self, starter: OutboxStarter) -> None:
        events = await asyncio.to_thread(self._parts.outbox.waiting)
        told = []
        for event in events:
            try:
                await starter.handle(event)
                told.append(event.event_id)
            except ServiceError as error:
                _log.warning("an event waits", topic=event.topic, subject=event.subject_id, reason=str(error))
        if told:
            await asyncio.to_thread(self._parts.outbox.told, told)
        self._tell_people([event for event in events if event.event_id in told])

    def _tell_people(self, events: Sequence[OutboxEvent]) -> None:
        """Send alarms beside the rest: a channel that hangs must not hold up a decision."""
        from workflows.outbox import alarm_notice

        notice = alarm_notice(events)
        if notice is not None:
            sending = asyncio.create_task(asyncio.to_thread(self._parts.notify, notice))
            self._sending.add(sending)
            sending.add_done_callback(self._sending.discard)

    def _listen(self, woken: asyncio.Event) -> None:
        """Wake the outbox task from a thread of its own, as listening blocks."""
        pause = threading.Event()
        while not self._stopping.is_set():
            try:
                for _ in self._parts.outbox.listen(OUTBOX_POLL_S):
                    if self._stopping.is_set():
                        return
                    self._loop.call_soon_threadsafe(woken.set)
            except Unavailable:
                pause.wait(RETRY_S)
            except RuntimeError:
                return  # the loop has closed: the process ends

    async def _recover_and_settle(self) -> None:
        """Compare with the venues, finish what an earlier run left half-sent, and compare whenever time has moved."""
        recovered = False
        settled_at: datetime | None = None
        while not self._stopping.is_set():
            try:
                now = await asyncio.to_thread(self._parts.clock.now)
                if settled_at is None or self._is_due(settled_at, now):
                    for found in await asyncio.to_thread(self._parts.reconciliation.run):
                        if found.outcome != "agrees":
                            _log.warning("reconciliation", account=found.account_id, reason=found.detail)
                    settled_at = now
                if not recovered:
                    await asyncio.to_thread(self._parts.gateway.recover)
                    recovered = True
            except QuantdeskError as error:
                _log.warning("reconciliation waits", reason=str(error))
            await self._pause(SETTLE_POLL_S)

    async def _scan(self, jobs: Jobs, desk_id: str) -> None:
        """Scan the enabled strategies when a replaying clock has moved; a live one has its schedule."""
        from workflows.scan_activities import SCAN

        scanned_at: datetime | None = None
        while not self._stopping.is_set():
            try:
                now = await asyncio.to_thread(self._parts.clock.now)
                owners = await asyncio.to_thread(self._parts.desk.strategies.owners)
                if owners and self._parts.clock.mode == "replay" and now != scanned_at:
                    await jobs.start(SCAN, f"scan-{desk_id}-{now:%Y-%m-%dT%H%M}", {})
                scanned_at = now
            except QuantdeskError as error:
                _log.warning("the scan waits", reason=str(error))
            await self._pause(SETTLE_POLL_S)

    def _is_due(self, settled_at: datetime, now: datetime) -> bool:
        if self._parts.clock.mode == "live":
            return now - settled_at >= timedelta(seconds=LIVE_SETTLE_S)
        return now != settled_at

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)


def build_worker(client: Client, parts: Parts, desk_id: str) -> Worker:
    """Return the Temporal worker with all workflows and activities, not running yet."""
    from temporalio.worker import Worker

    from core.ports.jobs import task_queue_of
    from workflows.activities import ToolActivities, TradeActivities
    from workflows.ingest import IngestWorkflow
    from workflows.ingest_activities import IngestActivities
    from workflows.scan import ScanWorkflow
    from workflows.scan_activities import ScanActivities
    from workflows.trade_approval import TradeApprovalWorkflow

    trade = TradeActivities(parts.desk.proposals, parts.gateway, parts.settlement)
    ingest = IngestActivities(parts.ingest, parts.clock.wall, parts.settings.ingest_time_zone)
    scan = ScanActivities(parts.desk, parts.clock.wall, parts.settings.ingest_time_zone)
    return Worker(
        client,
        task_queue=task_queue_of(desk_id),
        workflows=[TradeApprovalWorkflow, IngestWorkflow, ScanWorkflow],
        activities=[*trade.all(), *ToolActivities(parts.desk).all(), *ingest.all(), *scan.all()],
        activity_executor=ThreadPoolExecutor(ACTIVITY_THREADS, thread_name_prefix="activity"),
        max_concurrent_activities=ACTIVITY_THREADS,
        # The default of 10 s is how long a workflow waits for a worker that was killed.
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
        graceful_shutdown_timeout=timedelta(seconds=5),
    )


def find_temporal(settings: Settings) -> str:
    """Return the address of the Temporal server: the one that is set, else the one of the home folder."""
    if settings.temporal_address is not None:
        return settings.temporal_address
    from app.runtime.temporal import running

    server = running(settings.home)
    if server is None:
        raise Unavailable(
            "No Temporal server runs.", hint="Start the desk with `quantdesk run`, or set TEMPORAL_ADDRESS."
        )
    return server.address


async def serve(settings: Settings, dsn: str) -> None:
    """Run a worker on a database until SIGTERM or SIGINT."""
    from app.bootstrap import open_parts

    worker = DeskWorker(settings, open_parts(settings, dsn), find_temporal(settings))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop)
    await worker.run()


def main() -> int:
    """Run the worker of this desk and return the exit code."""
    from core.execution.crash_points import arm

    settings = load_settings()
    configure_logging(settings)
    try:
        arm(settings.crash_at)
        if settings.database_url is not None:
            asyncio.run(serve(settings, settings.database_url.get_secret_value()))
        else:
            from app.runtime.postgres import ensure_postgres

            with ensure_postgres(settings.home) as server:
                asyncio.run(serve(settings, server.dsn))
    except QuantdeskError as error:
        _log.error("worker ended", reason=str(error))
        return 1
    return 0


if __name__ == "__main__":
    from app.runtime.processes import leave

    leave(main())
