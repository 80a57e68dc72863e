"""Attack the approval in every way we can think of, and say what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil
import psycopg

from benchmarks.order_desk import BrokerDesk, clear
from core.adapters.store.clock import DeskClock
from core.domain.books import Proposal
from core.domain.principal import Principal
from core.errors import QuantdeskError, Refused
from core.execution.requests import LegRequest, TradeRequest
from core.testing.fault_venue import FaultBroker, FaultVenue
from core.testing.small_market import AGENT, ANNA, CLERK, PETER

Outcome = tuple[str, str, int, int]
"""What was tried, what came of it, decisions stored and orders at the venue."""


class ShiftedClock(DeskClock):
    """Be a machine whose clock is wrong by some minutes."""

    shift = timedelta(0)

    def wall(self) -> datetime:
        """Return the wrong time."""
        return super().wall() + self.shift


class AttackedDesk(BrokerDesk):
    """Be a desk whose machine's clock may be wrong."""

    shift = timedelta(0)

    @cached_property
    def clock(self) -> DeskClock:
        """The wrong clock."""
        clock = ShiftedClock(self.database)
        clock.shift = self.shift
        return clock


class Attacks:
    """Run each attack on a desk of its own state."""

    def __init__(self, dsn: str, home: Path) -> None:
        self._dsn = dsn
        self._home = home

    def all(
        self, *, deciders: int = 1000, server: Callable[[], int] | None = None, temporal: bool = True
    ) -> list[Outcome]:
        """Run every attack; `server` kills and heals the database server, None leaves that attack out."""
        tried: list[tuple[str, Callable[[], str]]] = [
            (
                "content changed in the database",
                lambda: self._changed("legs = jsonb_set(legs, '{0,quantity}', '\"999\"')"),
            ),
            ("content changed with a digest that fits it", self._changed_with_digest),
            ("content changed as the product's own role", self._changed_by_role),
            ("approved with another digest", self._other_digest),
            ("approved after its expiry", self._expired),
            ("sent after its expiry", self._sent_late),
            ("approved again, sent again", self._replayed),
            ("approval row forged for nobody", lambda: self._forged("'usr_nobody', 'person'")),
            ("approval row forged for a person without the scope", lambda: self._forged("'usr_clerk', 'person'")),
            ("approval row forged for a service", lambda: self._forged("'worker', 'service'")),
            ("order row forged without an approval", self._forged_order),
            ("requester approves above the four-eyes limit", self._alone),
            ("an agent approves", lambda: self._by(AGENT)),
            ("a person without the scope approves", lambda: self._by(CLERK)),
            ("an agent's key with the scope approve", self._agent_key),
            ("machine's clock 10 minutes back, proposal expired", lambda: self._skewed(-10, expired=True)),
            ("machine's clock 10 minutes ahead, proposal valid", lambda: self._skewed(10, expired=False)),
            (f"{deciders:,} decisions at once", lambda: self._at_once(deciders)),
        ]
        if temporal:
            tried.append(("workflow started and told without an approval row", self._told_without_approval))
        if server is not None:
            tried.append(("database killed between approval and send", lambda: self._restarted(server)))
        return [self._run(name, attack) for name, attack in tried]

    def _run(self, name: str, attack: Callable[[], str]) -> Outcome:
        clear(self._dsn)
        self.venue = FaultVenue(
            deduplicates=False, session=date(2022, 11, 30), opened_at=datetime(2022, 11, 30, 14, 30, tzinfo=UTC)
        )
        self.venue.deposits["main"] = Decimal(100_000)
        self.desk = self._open()
        try:
            said = attack()
        finally:
            self.desk.close()
        with psycopg.connect(self._dsn) as connection:
            (decisions,) = connection.execute("SELECT count(*) FROM execution.decisions").fetchone() or (0,)
        return name, said, decisions, len(self.venue.orders)

    def _open(self, shift: timedelta = timedelta(0)) -> AttackedDesk:
        desk = AttackedDesk(self._home, self._dsn, FaultBroker(self.venue))
        desk.shift = shift
        return desk

    def _propose(self, quantity: int = 10, by: Principal = ANNA) -> Proposal:
        leg = LegRequest(symbol="AAA", side="buy", quantity=Decimal(quantity))
        return self.desk.desk.proposals.propose(TradeRequest(legs=(leg,)), by)

    def _approve(self, proposal: Proposal, by: Principal = PETER, desk: AttackedDesk | None = None) -> None:
        (desk or self.desk).desk.proposals.decide(proposal.proposal_id, "approved", proposal.digest, by, face="proof")

    def _sql(self, statement: str, *, around_rules: bool = False) -> None:
        with psycopg.connect(self._dsn) as connection:
            if around_rules:
                connection.execute("SET LOCAL session_replication_role = replica")
            connection.execute(statement.encode())

    def _refused(self, work: Callable[[], Any]) -> str:
        try:
            work()
        except Refused as error:
            return f"refused: {error.rule}"
        except QuantdeskError as error:
            return f"refused: {error.code}"
        except psycopg.Error as error:
            return f"refused by the database: {error.diag.message_primary}"
        return "done"

    def _release(self, proposal: Proposal) -> str:
        return self._refused(lambda: self.desk.gateway.release(proposal.proposal_id))

    def _changed(self, change: str) -> str:
        proposal = self._propose()
        self._approve(proposal)
        self._sql(f"UPDATE execution.proposals SET {change}", around_rules=True)
        return self._release(proposal)

    def _changed_with_digest(self) -> str:
        proposal = self._propose()
        self._approve(proposal)
        for change in ("legs = jsonb_set(legs, '{0,quantity}', '\"999\"')", "digest = execution.proposal_digest(p)"):
            self._sql(f"UPDATE execution.proposals p SET {change}", around_rules=True)
        return self._release(proposal)

    def _changed_by_role(self) -> str:
        self._propose()
        return self._refused(lambda: self._sql("UPDATE execution.proposals SET notional = 1"))

    def _other_digest(self) -> str:
        proposal = self._propose()
        return self._refused(lambda: self._approve(proposal.model_copy(update={"digest": "0" * 64})))

    def _expire(self) -> None:
        for change in ("expires_at = clock_timestamp()", "digest = execution.proposal_digest(p)"):
            self._sql(f"UPDATE execution.proposals p SET {change}", around_rules=True)
        self._sql("UPDATE execution.decisions d SET digest = p.digest FROM execution.proposals p", around_rules=True)

    def _expired(self) -> str:
        proposal = self._propose()
        self._expire()
        return self._refused(lambda: self._approve(self.desk.desk.proposals.get(proposal.proposal_id).proposal))

    def _sent_late(self) -> str:
        proposal = self._propose()
        self._approve(proposal)
        self._expire()
        return self._release(proposal)

    def _replayed(self) -> str:
        proposal = self._propose()
        self._approve(proposal)
        said = self._refused(lambda: self._approve(proposal))
        for _ in range(5):
            self._release(proposal)
        return f"second decision {said}; sent five times more without effect"

    def _forged(self, who: str) -> str:
        proposal = self._propose()
        statement = (
            "INSERT INTO execution.decisions"
            " (proposal_id, decision, digest, decided_by, decided_by_kind, face, desk_time)"
            f" SELECT proposal_id, 'approved', digest, {who}, 'forged', now() FROM execution.proposals"
        )
        said = self._refused(lambda: self._sql(statement))
        self._release(proposal)
        return said

    def _forged_order(self) -> str:
        self._propose()
        statement = (
            "INSERT INTO execution.orders"
            " (order_id, client_order_id, proposal_id, leg, attempt, account_id, instrument_id, side,"
            " quantity, order_type, time_in_force, state, desk_time) SELECT 'ord_x', 'qdx', proposal_id, 0, 1,"
            " account_id, 1, 'buy', 10, 'market', 'day', 'intended', now() FROM execution.proposals"
        )
        said = self._refused(lambda: self._sql(statement))
        self.desk.gateway.recover()
        return said

    def _alone(self) -> str:
        # 350 shares at 150 dollars are 52,500, above the limit of 50,000.
        proposal = self._propose(350, PETER)
        said = self._refused(lambda: self._approve(proposal, PETER))
        self._release(proposal)
        return said

    def _by(self, principal: Principal) -> str:
        proposal = self._propose()
        said = self._refused(lambda: self._approve(proposal, principal))
        self._release(proposal)
        return said

    def _agent_key(self) -> str:
        return self._refused(
            lambda: self._sql(
                "INSERT INTO desk.keys (key_id, name, owner, owner_kind, scopes, key_hash)"
                " VALUES ('key_x', 'x', 'agent', 'agent', ARRAY['approve'], 'x')"
            )
        )

    def _skewed(self, minutes: int, *, expired: bool) -> str:
        proposal = self._propose()
        if expired:
            self._expire()
        other = self._open(timedelta(minutes=minutes))
        view = other.desk.proposals.get(proposal.proposal_id)
        said = self._refused(lambda: self._approve(view.proposal, desk=other))
        with contextlib.suppress(QuantdeskError):
            other.gateway.release(proposal.proposal_id)
        other.close()
        return said

    def _at_once(self, deciders: int, threads: int = 50) -> str:
        proposal = self._propose()
        desks = [self._open() for _ in range(3)]
        start = threading.Barrier(threads)
        results: list[str] = []

        def work(number: int) -> None:
            start.wait()
            for turn in range(deciders // threads):
                person = (PETER, ANNA)[(number + turn) % 2]
                results.append(self._refused(lambda who=person: self._approve(proposal, who, desks[number % 3])))  # type: ignore[misc]

        workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        for desk in desks:
            self._refused(lambda one=desk: one.gateway.release(proposal.proposal_id))  # type: ignore[misc]
            desk.close()
        counts = {name: results.count(name) for name in sorted(set(results))}
        return ", ".join(f"{count:,} {name}" for name, count in counts.items())

    def _told_without_approval(self) -> str:
        proposal = self._propose()
        return asyncio.run(self._tell(proposal))

    async def _tell(self, proposal: Proposal) -> str:
        from temporalio.client import Client

        from app import worker as worker_module
        from app.runtime.temporal import ensure_temporal
        from core.ports.jobs import task_queue_of

        with ensure_temporal(self._home) as server:
            client, desk_id = await Client.connect(server.address), self.desk.clock.desk_id()
            async with worker_module.build_worker(client, self.desk, desk_id):
                handle = await client.start_workflow(
                    "TradeApprovalWorkflow",
                    proposal.proposal_id,
                    id=f"proposal-{proposal.proposal_id}",
                    task_queue=task_queue_of(desk_id),
                )
                states = [await handle.execute_update("look", proposal.proposal_id) for _ in range(3)]
                # The activity that sends, called by itself, looks for the approval too.
                said = self._release(proposal)
                await handle.terminate()
        return f"workflow stays {states[-1]}; sending {said}"

    def _restarted(self, kill: Callable[[], int]) -> str:
        proposal = self._propose()
        self._approve(proposal)
        old = kill()
        self._release(proposal)
        for _ in range(3):
            self._release(proposal)
        return "the approval survived and was sent once" if old else "the server was not killed"


@contextlib.contextmanager
def killable(home: Path) -> Iterator[Callable[[], int]]:
    """Give a function that kills the database server of a home with SIGKILL and heals it."""
    from app.runtime import postgres

    def kill() -> int:
        server = postgres.status(home).server
        assert server is not None, "the server runs while it is attacked"
        pid = server.pid
        process = psutil.Process(pid)
        process.kill()
        # Until it is gone it looks alive to whoever heals.
        with contextlib.suppress(psutil.NoSuchProcess):
            while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.01)
        postgres.heal(home)
        return pid

    yield kill
