"""Run the stand-ins: one loopback server per vendor, faults on command, every request kept."""

from __future__ import annotations

import importlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from core.testing.vendor_stand_ins.data import MarketData

Fault = Literal[
    "rate_limit", "long_ban", "server_error", "html", "error_body", "truncated", "short_page", "looping_cursor",
    "wrong_key", "slow", "cut", "clock_behind", "clock_ahead", "not_found",
]  # fmt: skip
# What the faults do, in a few words.
FAULTS: Mapping[Fault, str] = {
    "rate_limit": "429 with Retry-After",
    "long_ban": "429 that asks for an hour",
    "server_error": "503",
    "html": "an HTML page with status 200",
    "error_body": "an error body with status 200",
    "truncated": "JSON that ends in the middle",
    "short_page": "fewer rows than promised",
    "looping_cursor": "a next page that leads back",
    "wrong_key": "the key is refused",
    "slow": "no answer in time",
    "cut": "the connection breaks in the body",
    "clock_behind": "the vendor's clock is a day behind",
    "clock_ahead": "the vendor's clock is a day ahead",
    "not_found": "nothing under the address",
}
_BY_SERVER = frozenset({"rate_limit", "long_ban", "server_error", "html", "truncated", "slow", "cut", "clock_behind",
                        "clock_ahead"})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Hold a request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """Hold an answer: an object that is sent as JSON, or bytes of a given type."""

    content: Any
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        """Return the body."""
        return self.content if isinstance(self.content, bytes) else json.dumps(self.content).encode()


@dataclass(slots=True)
class _Planned:
    fault: Fault
    after: int
    times: int
    matching: str


@dataclass(slots=True)
class StandIn:
    """Serve one vendor; `asked` holds every request, `now` is the time on its clock (None: the machine's).

    `speak` answers requests over HTTP; a vendor with another protocol has a server of its own (`open_server`).
    """

    vendor: str
    data: MarketData
    now: datetime | None
    speak: Callable[[StandIn, Asked, Fault | None], Spoken] | None = None
    url: str = ""
    page_rows: int | None = None
    asked: list[Asked] = field(default_factory=list)
    _planned: list[_Planned] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _released: threading.Event = field(default_factory=threading.Event)

    def fail(self, fault: Fault, *, after: int = 0, times: int = 1_000_000, matching: str = "") -> None:
        """Show a fault from the (after + 1)-th request on whose path and query contain `matching`, so many times."""
        with self._lock:
            self._released.clear()
            self._planned.append(_Planned(fault, after, times, matching))

    def heal(self) -> None:
        """Answer well from now on."""
        with self._lock:
            self._planned.clear()
            self._released.set()

    def clock(self) -> datetime:
        """Return the time on the vendor's clock."""
        return self.now or datetime.now(UTC)  # noqa: TID251

    def next_fault(self, asked: Asked) -> Fault | None:
        """Keep a request and return the fault that it meets."""
        text = f"{asked.path}?{'&'.join(f'{name}={value}' for name, value in asked.query.items())}"
        with self._lock:
            self.asked.append(asked)
            for plan in self._planned:
                if plan.matching in text and plan.times > 0:
                    if plan.after > 0:
                        plan.after -= 1
                        continue
                    plan.times -= 1
                    return plan.fault
        return None

    @property
    def planned(self) -> set[Fault]:
        """Return the faults that requests will meet."""
        with self._lock:
            return {plan.fault for plan in self._planned if plan.times > 0}

    def hang(self) -> None:
        """Wait until it is healed (or, at the latest, a minute)."""
        self._released.wait(60.0)

    def release(self) -> None:
        """Let everything that hangs go."""
        self._released.set()

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment variables that point the product here."""
        protocol = importlib.import_module(f"core.testing.vendor_stand_ins.{self.vendor}")
        if hasattr(protocol, "environment"):
            own: dict[str, str] = protocol.environment(self)
            return own
        stem = f"QUANTDESK_{self.vendor.upper()}"
        keys: dict[str, str] = protocol.KEYS
        return {f"{stem}_URL": self.url, f"{stem}_REQUESTS_PER_MINUTE": "100000", **keys}


@dataclass(slots=True)
class StandIns:
    """Hold the running stand-ins by vendor."""

    running: dict[str, StandIn]

    def __getitem__(self, vendor: str) -> StandIn:
        return self.running[vendor]

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment variables that point the product at all of them."""
        return {name: value for stand_in in self.running.values() for name, value in stand_in.environment.items()}


@contextmanager
def serve(*vendors: str, data: MarketData, now: datetime | None = None) -> Iterator[StandIns]:
    """Run a server per vendor on free loopback ports; `now` sets their clocks (and what is unfinished)."""
    running: dict[str, StandIn] = {}
    others: list[Any] = []
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []
    try:
        for vendor in vendors:
            protocol = importlib.import_module(f"core.testing.vendor_stand_ins.{vendor}")
            if hasattr(protocol, "open_server"):
                running[vendor] = StandIn(vendor, data, now)
                others.append(protocol.open_server(running[vendor]))
                continue
            stand_in = StandIn(vendor, data, now, protocol.answer)
            handler = type("Handler", (_Handler,), {"stand_in": stand_in})
            server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
            server.daemon_threads = True
            stand_in.url = f"http://127.0.0.1:{server.server_address[1]}"
            thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
            thread.start()
            servers.append((server, thread))
            running[vendor] = stand_in
        yield StandIns(running)
    finally:
        for stand_in in running.values():
            stand_in.release()
        for other in others:
            other.close()
        for server, thread in servers:
            server.shutdown()
            server.server_close()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    stand_in: StandIn
    protocol_version = "HTTP/1.1"
    # One packet an answer: a small second one would wait for the first to be acknowledged.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("content-length", 0))))

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""

    def _answer(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(
            method=self.command, path=parts.path, query=dict(parse_qsl(parts.query)), headers=headers, body=body
        )
        fault = self.stand_in.next_fault(asked)
        if fault == "slow":
            self.stand_in.hang()
            self.close_connection = True
            return
        if fault in ("rate_limit", "long_ban"):
            pause = "3600" if fault == "long_ban" else "1"
            self._send(
                Spoken(status=429, content={"status": "ERROR", "error": "slow down"}, headers={"Retry-After": pause})
            )
        elif fault == "server_error":
            self._send(Spoken(status=503, content=b"upstream connect error", content_type="text/plain"))
        elif fault == "html":
            self._send(Spoken(content=b"<!DOCTYPE html><html><body>Welcome</body></html>", content_type="text/html"))
        else:
            assert self.stand_in.speak is not None
            spoken = self.stand_in.speak(self.stand_in, asked, None if fault in _BY_SERVER else fault)
            self._send(spoken, fault=fault)

    def _send(self, spoken: Spoken, fault: Fault | None = None) -> None:
        body = spoken.encoded()
        if fault == "truncated":
            body = body[: max(1, len(body) // 2)]
        skew = {"clock_behind": timedelta(days=-1), "clock_ahead": timedelta(days=1)}.get(fault or "", timedelta(0))
        self.send_response_only(spoken.status)
        self.send_header("date", format_datetime(self.stand_in.clock() + skew, usegmt=True))
        self.send_header("content-type", spoken.content_type)
        for name, value in spoken.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if fault == "cut":
            self.wfile.write(body[: max(1, len(body) // 2)])
            self.wfile.flush()
            self.close_connection = True
            self.connection.close()
            return
        self.wfile.write(body)
