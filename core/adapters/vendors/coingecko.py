"""Fetch daily prices of crypto assets from CoinGecko through pycoingecko; a key is optional. Closes only.

A point of the daily chart is the price at 00:00 UTC, which closes the day before. The volume beside it is the trailing
day's turnover in dollars, another unit than the coins that other sources count, and is left out. The client would put
the key into the address; the desk's transport sends it as a header.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from core.adapters.transport.client import Transport
from core.adapters.transport.replies import Reply, read_json
from core.adapters.transport.rows import Row, columns_of, finished, milliseconds_of, number
from core.domain.market_records import Instrument
from core.errors import VendorKeyRefused, VendorMalformed, VendorQuotaSpent, VendorRefused, VendorUnavailable
from core.ports.vendor import BarColumns, Payload, RecordRows, SymbolNames, Topic, VendorTerms, Wanted

if TYPE_CHECKING:
    from pycoingecko import CoinGeckoAPI

TERMS = VendorTerms(
    name="coingecko",
    title="CoinGecko",
    delivers={"bars": "daily closes of crypto assets in dollars by UTC day"},
    base_url="https://api.coingecko.com/api/v3",
    requests_per_minute=10,
    limits="Some 10 a minute without a key, 30 a minute and 10,000 a month with a free one; one year of history.",
    keys=("COINGECKO_API_KEY",),
    key_required=False,
    without_key="the same data at a lower rate.",
)
# A daily point is published within this time after midnight.
_MIDNIGHT = timedelta(minutes=30)
# Charts of up to 90 days come by the hour, longer ones by the day.
_DAILY_FROM_DAYS = 91
_KEY_CODES, _PLAN_CODES = (10002, 10010, 10011), (10005, 10006, 10012)


def open_vendor(transport: Transport) -> CoinGecko:
    """Return the vendor over a transport."""
    return CoinGecko(transport)


class _Session:
    """Stand in for the client's HTTP session: the desk's transport sends what the client asks for."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.reply: Reply | None = None

    def get(self, url: str, params: Mapping[str, Any] | None = None, timeout: float | None = None) -> _Answer:
        query = {name: str(value) for name, value in (params or {}).items()}
        key = self._transport.secret()
        # Paid plans have an address and a header of their own.
        header = "x-cg-pro-api-key" if "//pro-" in self._transport.base_url else "x-cg-demo-api-key"
        self.reply = self._transport.get(url, query, headers={} if key is None else {header: key}, judge=_judge)
        return _Answer(self.reply.body)


class _Answer:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def raise_for_status(self) -> None:
        """Do nothing: the transport has judged the status."""


class CoinGecko:
    """Deliver daily closes of crypto assets."""

    terms = TERMS

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def fetch(self, topic: Topic, wanted: Wanted) -> Iterator[Payload]:
        """Yield replies as they arrive; see core.ports.vendor.Vendor."""
        if topic != "bars":
            return
        mine = [entry for entry in wanted.instruments if _coin(entry) is not None]
        if not mine:
            return
        session = _Session(self._transport)
        client = _open_client(session)
        yield from self._transport.deliver_each(
            mine, lambda entry: self._chart(client, session, entry, wanted), lambda entry: entry.symbol
        )

    def _chart(
        self, client: CoinGeckoAPI, session: _Session, instrument: Instrument, wanted: Wanted
    ) -> Iterator[Payload]:
        coin = _coin(instrument)
        # The point of the following midnight closes the last day; a longer chart than wanted comes by the day.
        end = wanted.end + timedelta(days=1)
        start = min(wanted.start, end - timedelta(days=_DAILY_FROM_DAYS))
        window = {"from": str(milliseconds_of(start) // 1000), "to": str(milliseconds_of(end) // 1000 + 1800)}
        client.get_coin_market_chart_range_by_id(coin, "usd", window["from"], window["to"])
        if session.reply is not None:
            path = f"/coins/{coin}/market_chart/range"
            yield self._transport.payload(
                "daily_chart", session.reply, path, {"vs_currency": "usd", **window},
                symbol=instrument.symbol, start=wanted.start.isoformat(), end=wanted.end.isoformat(),
            )  # fmt: skip

    def parse(self, payload: Payload, names: SymbolNames) -> Iterator[BarColumns | RecordRows]:
        """Yield the rows in a payload; see core.ports.vendor.Vendor."""
        start, end = (date.fromisoformat(payload.request[name]) for name in ("start", "end"))
        rows: list[Row] = []
        for point in read_json(payload.body)["prices"]:
            moment = datetime.fromtimestamp(int(point[0]) / 1000.0, UTC)
            midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
            session = midnight.date() - timedelta(days=1)
            # Anything but the first point after midnight is not a daily close; the last point of all is "now".
            if moment - midnight > _MIDNIGHT or not start <= session <= end or (rows and rows[-1][1] == session):
                continue
            close = number(point[1], "a price")
            rows.append((payload.request["symbol"], session, close, close, close, close, 0.0))
        yield from columns_of(
            finished(rows, "24x7", payload.happened_by), source=TERMS.name, origin=f"{TERMS.name}:daily_chart",
            has_ohlc=False, has_volume=False,
        )  # fmt: skip


def _open_client(session: _Session) -> CoinGeckoAPI:
    from pycoingecko import CoinGeckoAPI

    client = CoinGeckoAPI(retries=0)
    client.api_base_url = "/"
    client.session = session
    return client


def _coin(instrument: Instrument) -> str | None:
    return instrument.vendor_symbols.get(TERMS.name)


def _judge(reply: Reply) -> None:
    found = reply.json()
    if isinstance(found, dict) and isinstance(found.get("prices"), list):
        prices, volumes = len(found["prices"]), len(found.get("total_volumes") or ())
        if prices != volumes:
            raise VendorMalformed(f"{TERMS.title} sent {prices} prices for {volumes} points in time.")
        return
    status = found.get("status", found) if isinstance(found, dict) else {}
    code = status.get("error_code") if isinstance(status, dict) else None
    told = str(status.get("error_message") or found.get("error") or found)[:120] if isinstance(status, dict) else ""
    if code in _KEY_CODES:
        raise VendorKeyRefused(f"{TERMS.title}: {told}")
    if code in _PLAN_CODES:
        raise VendorQuotaSpent(f"{TERMS.title}: {told}")
    if code == 429:
        raise VendorUnavailable(f"{TERMS.title}: {told}")
    if isinstance(found, dict) and ("error" in found or code is not None):
        raise VendorRefused(f"{TERMS.title}: {told}")
    raise VendorMalformed(f"{TERMS.title} sent no prices: {str(found)[:80]}.")
