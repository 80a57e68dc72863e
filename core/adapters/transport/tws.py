"""Speak with Trader Workstation or IB Gateway: requests and their answers, nothing of an order's state.

The library's client frames, paces and decodes; what it would make of orders (`ib_async.IB`) is left out, because a
stale status moves its orders backwards and a warning ends them.
"""

# ruff: noqa: N802, N803  (the library calls the mailbox by the names of the vendor's protocol)

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

import structlog

from core.errors import OutcomeUnknown, Unavailable, VendorRefused

_log = structlog.get_logger(__name__)
Answer = TypeVar("Answer")
_LINK_LOST, _LINK_BACK = (1100, 2110), (1101, 1102)
_CLIENT_ID_IN_USE = 326
_NOTICES = range(2100, 2200)
_QUARTER = timedelta(minutes=15)
_RETRY_S = 0.1


class TwsRefusal(VendorRefused):
    """Carry the vendor's error to one request, by its number."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(f"Interactive Brokers answers {number}: {text}")
        self.number = number


@dataclass(slots=True)
class Said:
    """Hold what came on one order sent or cancelled here, newest last; `changed` is set at every word."""

    order_ref: str
    quantity: Any
    statuses: list[str] = field(default_factory=list)
    errors: list[tuple[int, str]] = field(default_factory=list)
    perm_id: int = 0
    is_executed: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class TwsOrder:
    """Hold one order of an open or completed list: the library's contract, order and order state."""

    contract: Any
    order: Any
    state: Any


class _Mailbox:
    """Take what the library decodes, by the names it calls."""

    def __init__(self) -> None:
        self.ib = self
        self.TimezoneTWS = ""
        self.defaultTimezone = UTC
        self.waiting: dict[Any, tuple[asyncio.Future[Any], list[Any]]] = {}
        self.said: dict[int, Said] = {}
        self.executions: dict[str, tuple[Any, Any]] = {}
        self.commissions: dict[str, Any] = {}
        self.is_linked = True
        self.client_id = 0
        self.refusal = ""

    def expect(self, key: Any) -> asyncio.Future[Any]:
        """Return the future of a request's whole answer."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.waiting[key] = (future, [])
        return future

    def _part(self, key: Any, part: Any) -> None:
        if key in self.waiting:
            self.waiting[key][1].append(part)

    def _end(self, key: Any) -> None:
        future, parts = self.waiting.pop(key, (None, []))
        if future is not None and not future.done():
            future.set_result(parts)

    def connectAck(self) -> None:
        """Be told that the versions were agreed."""

    def setEventsDone(self) -> None:
        """Be told that the connection is going."""

    def connectionClosed(self) -> None:
        """Fail everything that waits for an answer."""
        for future, _ in self.waiting.values():
            if not future.done():
                future.set_exception(ConnectionError("The connection closed before the answer."))
        self.waiting.clear()
        for said in self.said.values():
            said.changed.set()

    def error(self, reqId: int, errorCode: int, errorString: str, _advanced: str = "") -> None:
        """Sort an error or notice to the request, the order or the connection that it is about."""
        if errorCode in _LINK_LOST:
            self.is_linked = False
        elif errorCode in _LINK_BACK:
            self.is_linked = True
        elif errorCode == _CLIENT_ID_IN_USE:
            self.refusal = errorString
        if reqId in self.waiting and errorCode not in _NOTICES:
            future, _ = self.waiting.pop(reqId)
            if not future.done():
                future.set_exception(TwsRefusal(errorCode, errorString))
        elif reqId in self.said:
            self.said[reqId].errors.append((errorCode, errorString))
            self.said[reqId].changed.set()
        elif errorCode not in _NOTICES:
            _log.warning("tws.notice", code=errorCode, text=errorString)

    def currentTime(self, seconds: int) -> None:
        """Take the server's time."""
        self._part("time", datetime.fromtimestamp(seconds, UTC))
        self._end("time")

    def contractDetails(self, reqId: int, details: Any) -> None:
        """Take one contract."""
        self._part(reqId, details)

    def contractDetailsEnd(self, reqId: int) -> None:
        """Take the end of the contracts."""
        self._end(reqId)

    def openOrder(self, orderId: int, contract: Any, order: Any, state: Any) -> None:
        """Take an order at work, as part of a list or by itself."""
        self._part("open", TwsOrder(contract, order, state))
        if order.clientId == self.client_id:
            self._word(orderId, state.status, order.permId)

    def openOrderEnd(self) -> None:
        """Take the end of the open orders."""
        self._end("open")

    def orderStatus(self, orderId: int, status: str, *rest: Any) -> None:
        """Take an order's status."""
        perm_id, client_id = rest[3], rest[6]
        if client_id == self.client_id:
            self._word(orderId, status, perm_id)

    def completedOrder(self, contract: Any, order: Any, state: Any) -> None:
        """Take an order that has ended."""
        self._part("completed", TwsOrder(contract, order, state))

    def completedOrdersEnd(self) -> None:
        """Take the end of the completed orders."""
        self._end("completed")

    def execDetails(self, reqId: int, contract: Any, execution: Any) -> None:
        """Keep an execution; a correction repeats the id with another last part and replaces what it corrects."""
        name, _, version = execution.execId.rpartition(".")
        known = self.executions.get(name)
        if known is None or known[1].execId.rpartition(".")[2] <= version:
            self.executions[name] = (contract, execution)
        if reqId == -1 and execution.clientId == self.client_id and execution.orderId in self.said:
            self.said[execution.orderId].is_executed = True
            self.said[execution.orderId].changed.set()

    def execDetailsEnd(self, reqId: int) -> None:
        """Take the end of the executions."""
        self._end(reqId)

    def commissionReport(self, report: Any) -> None:
        """Keep the commission of an execution."""
        self.commissions[report.execId.rpartition(".")[0]] = report

    def position(self, account: str, contract: Any, quantity: float, _average_cost: float) -> None:
        """Take one position."""
        self._part("positions", (account, contract, quantity))

    def positionEnd(self) -> None:
        """Take the end of the positions."""
        self._end("positions")

    def accountUpdateMulti(self, reqId: int, account: str, _model: str, tag: str, value: str, currency: str) -> None:
        """Take one value of an account."""
        self._part(reqId, (account, tag, value, currency))

    def accountUpdateMultiEnd(self, reqId: int) -> None:
        """Take the end of an account's values."""
        self._end(reqId)

    def historicalData(self, reqId: int, bar: Any) -> None:
        """Take one historical bar."""
        self._part(reqId, bar)

    def historicalDataEnd(self, reqId: int, _start: str, _end: str) -> None:
        """Take the end of the historical bars."""
        self._end(reqId)

    def _word(self, order_id: int, status: str, perm_id: int) -> None:
        said = self.said.get(order_id)
        if said is not None:
            said.statuses.append(status)
            said.perm_id = perm_id or said.perm_id
            said.changed.set()


class TwsSession:
    """Hold one connection, opened when it is needed and again after it broke, for callers in any thread.

    Only who sent an order may cancel it, and that is the client id. So all processes of a desk share one id, each
    lets its connection go after `idle_s` without a request, and who finds the id in use waits up to `timeout_s`.

    Every method raises Unavailable when its request certainly did not leave and OutcomeUnknown when it left and
    nothing, or no whole answer, came within `timeout_s`; TwsRefusal carries the vendor's error to a request.
    """

    def __init__(self, host: str, port: int, client_id: int, *, timeout_s: float = 10.0, idle_s: float = 3.0) -> None:
        self._host = host
        self._port = port
        self._client_id = client_id
        self._timeout_s = timeout_s
        self._idle_s = idle_s
        self._busy = 0
        self._idle_timer: asyncio.TimerHandle | None = None
        self._mailbox = _Mailbox()
        self._mailbox.client_id = client_id
        self._client: Any = None
        self._first_bytes = b""
        self._least_id = 1
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turns: dict[str, asyncio.Lock] = {}

    @property
    def mailbox(self) -> _Mailbox:
        """Return what has come so far: words on orders, executions and commissions, over all connections."""
        return self._mailbox

    @property
    def is_linked(self) -> bool:
        """Return whether the gateway has a line to the vendor (false between 1100 and 1101 or 1102)."""
        return self._mailbox.is_linked

    def accounts(self) -> tuple[str, ...]:
        """Return the accounts that this login manages."""

        async def ask() -> tuple[str, ...]:
            await self._ready()
            return tuple(self._client.getAccounts())

        return self._run(ask())

    def server_time(self) -> datetime:
        """Return the server's time, to the second."""

        async def ask() -> datetime:
            parts = await self._whole("time", lambda client: client.reqCurrentTime())
            moment: datetime = parts[0]
            return moment

        return self._run(ask())

    def contracts(self, contract: Any) -> Sequence[Any]:
        """Return the details of every contract that fits; none when the vendor knows none (its error 200)."""

        async def ask() -> Sequence[Any]:
            try:
                return await self._numbered(lambda client, number: client.reqContractDetails(number, contract))
            except TwsRefusal as refusal:
                if refusal.number == 200:
                    return ()
                raise

        return self._run(ask())

    def open_orders(self) -> Sequence[TwsOrder]:
        """Return all orders at work, whoever sent them."""
        return self._run(self._whole("open", lambda client: client.reqAllOpenOrders()))

    def completed_orders(self) -> Sequence[TwsOrder]:
        """Return the orders that ended since the day began."""
        return self._run(self._whole("completed", lambda client: client.reqCompletedOrders(False)))

    def refresh_executions(self) -> None:
        """Ask for the executions of the day; they stand in the mailbox beside those that came by themselves."""
        from ib_async import ExecutionFilter

        wanted = ExecutionFilter()
        self._run(self._numbered(lambda client, number: client.reqExecutions(number, wanted)))

    def positions(self) -> Sequence[tuple[str, Any, float]]:
        """Return (account, contract, signed quantity) of every position."""

        async def ask() -> Sequence[tuple[str, Any, float]]:
            found = await self._whole("positions", lambda client: client.reqPositions())
            self._client.cancelPositions()
            return found

        return self._run(ask())

    def account_values(self, account: str) -> Sequence[tuple[str, str, str, str]]:
        """Return (account, tag, value, currency) of an account."""

        async def ask() -> Sequence[tuple[str, str, str, str]]:
            asked: list[int] = []

            def send(client: Any, number: int) -> None:
                asked.append(number)
                client.reqAccountUpdatesMulti(number, account, "", False)

            found = await self._numbered(send)
            self._client.cancelAccountUpdatesMulti(asked[0])
            return found

        return self._run(ask())

    def bars(self, contract: Any, *, end: str, duration: str) -> Sequence[Any]:
        """Return daily bars of trades in regular hours: unadjusted for dividends, adjusted for splits."""

        def send(client: Any, number: int) -> None:
            client.reqHistoricalData(number, contract, end, duration, "1 day", "TRADES", True, 1, False, [])

        return self._run(self._numbered(send))

    def place(self, contract: Any, order: Any, is_enough: Callable[[Said], bool]) -> Said:
        """Send an order and return what was said on it once that is enough."""

        async def ask() -> Said:
            await self._ready()
            order_id = self._client.getReqId()
            said = Said(order_ref=order.orderRef, quantity=order.totalQuantity)
            self._mailbox.said[order_id] = said
            self._send(lambda client: client.placeOrder(order_id, contract, order))
            return await self._until(said, is_enough)

        return self._run(ask())

    def cancel(self, order_id: int, order_ref: str, quantity: Any, is_enough: Callable[[Said], bool]) -> Said:
        """Ask for a cancel of an order of this client id and return what was said on it once that is enough."""

        async def ask() -> Said:
            await self._ready()
            said = self._mailbox.said.setdefault(order_id, Said(order_ref=order_ref, quantity=quantity))
            heard = (len(said.statuses), len(said.errors))
            self._send(lambda client: client.cancelOrder(order_id))

            def has_answer(said: Said) -> bool:
                return (len(said.statuses), len(said.errors)) != heard and is_enough(said)

            return await self._until(said, has_answer)

        return self._run(ask())

    def close(self) -> None:
        """Close the connection and end its thread."""
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.call_soon_threadsafe(self._disconnect)
            loop.call_soon_threadsafe(loop.stop)

    def _run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="tws", daemon=True).start()
            loop = self._loop
        return asyncio.run_coroutine_threadsafe(self._counted(work), loop).result()

    async def _counted(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Do the work, and let the connection go when none came for a while."""
        self._busy += 1
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        try:
            return await work
        finally:
            self._busy -= 1
            if not self._busy:
                self._idle_timer = asyncio.get_running_loop().call_later(self._idle_s, self._disconnect)

    def _disconnect(self) -> None:
        if self._client is not None and self._client.isConnected():
            self._client.disconnect()

    async def _ready(self) -> None:
        """Connect when there is no connection."""
        async with self._turns.setdefault("connect", asyncio.Lock()):
            if self._client is None or not self._client.isReady():
                try:
                    await self._connect()
                except OutcomeUnknown as error:
                    self._disconnect()
                    # Nothing that a caller wanted has left yet.
                    raise Unavailable(f"{error} The connection is not complete.") from error

    async def _connect(self) -> None:
        from ib_async import ExecutionFilter

        client = self._client = await self._open()
        client.updateReqId(self._least_id)
        stated = self._stated_time()
        moment: datetime = (await self._answer("time", lambda client: client.reqCurrentTime()))[0]
        if stated is not None:
            offset = round((stated - moment.replace(tzinfo=None)) / _QUARTER) * _QUARTER
            client.decoder.handlers[11] = _zoned_executions(client.decoder.execDetails, offset)
        # What happened while nobody listened comes only when it is asked for.
        number, wanted = client.getReqId(), ExecutionFilter()
        await self._answer(number, lambda client: client.reqExecutions(number, wanted))

    async def _open(self) -> Any:
        """Return a client that the gateway has greeted; wait while another process holds the client id."""
        from ib_async.client import Client

        mailbox, make, loop = self._mailbox, Client, asyncio.get_running_loop()
        until = loop.time() + self._timeout_s
        while True:
            mailbox.refusal = ""
            mailbox.is_linked = True
            client: Any = cast(Any, make)(mailbox)
            self._first_bytes = b""
            client.conn.hasData += self._keep_first
            opening = asyncio.ensure_future(
                client.connectAsync(self._host, self._port, self._client_id, self._timeout_s)
            )
            # A gateway that refuses closes the line; without this the library waits for its time limit.
            client.apiError += lambda _text, opening=opening: opening.cancel()
            try:
                await opening
            except (OSError, TimeoutError, asyncio.CancelledError) as error:
                if mailbox.refusal and loop.time() < until:
                    await asyncio.sleep(_RETRY_S)
                    continue
                raise Unavailable(
                    f"Interactive Brokers cannot be reached at {self._host}:{self._port}"
                    f"{': ' + mailbox.refusal if mailbox.refusal else ''}.",
                    hint="Start Trader Workstation or IB Gateway, log in and enable its API.",
                ) from error
            return client

    def _keep_first(self, data: bytes) -> None:
        self._first_bytes = (self._first_bytes + data)[:200]

    def _stated_time(self) -> datetime | None:
        """Return the gateway's wall time of the handshake: its executions may state times without a zone."""
        fields = self._first_bytes[4:].split(b"\0")
        try:
            return datetime.strptime(fields[1].decode()[:17], "%Y%m%d %H:%M:%S")  # noqa: DTZ007 (it has no zone)
        except (IndexError, ValueError):
            return None

    def _send(self, send: Callable[[Any], None]) -> None:
        try:
            send(self._client)
        except ConnectionError as error:
            raise Unavailable("The connection to Interactive Brokers is closed.") from error
        self._least_id = max(self._least_id, self._client._reqIdSeq)

    async def _numbered(self, send: Callable[[Any, int], None]) -> list[Any]:
        await self._ready()
        number = self._client.getReqId()
        return await self._answer(number, lambda client: send(client, number))

    async def _whole(self, key: str, send: Callable[[Any], None]) -> list[Any]:
        """Ask for a list that has no number of its own: one caller at a time."""
        await self._ready()
        async with self._turns.setdefault(key, asyncio.Lock()):
            return await self._answer(key, send)

    async def _answer(self, key: Any, send: Callable[[Any], None]) -> list[Any]:
        future = self._mailbox.expect(key)
        self._send(send)
        found: list[Any] = await self._patiently(future, lambda: self._mailbox.waiting.pop(key, None))
        return found

    async def _until(self, said: Said, is_enough: Callable[[Said], bool]) -> Said:
        async def wait() -> None:
            while not is_enough(said):
                if not self._client.isReady():
                    raise ConnectionError("The connection closed before the answer.")
                said.changed.clear()
                await said.changed.wait()

        await self._patiently(wait(), lambda: None)
        return said

    async def _patiently(self, work: Awaitable[Answer], give_up: Callable[[], Any]) -> Answer:
        try:
            return await asyncio.wait_for(work, self._timeout_s)
        except TimeoutError as error:
            give_up()
            raise OutcomeUnknown(f"Interactive Brokers did not answer within {self._timeout_s:g} s.") from error
        except ConnectionError as error:
            raise OutcomeUnknown("Interactive Brokers closed the line before it answered.") from error


def _zoned_executions(decode: Callable[[list[str]], None], offset: timedelta) -> Callable[[list[str]], None]:
    """Return a decoder of executions that reads times without a zone on the gateway's clock."""
    time_at = 15

    def handle(fields: list[str]) -> None:
        stated = fields[time_at]
        if stated.count(" ") < 2 or "  " in stated:
            local = datetime.strptime(stated.replace(" ", ""), "%Y%m%d%H:%M:%S")  # noqa: DTZ007 (it has no zone)
            fields = [*fields[:time_at], f"{local - offset:%Y%m%d %H:%M:%S} UTC", *fields[time_at + 1 :]]
        decode(fields)

    return handle
