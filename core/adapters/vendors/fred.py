"""Fetch macro series with every vintage, and the calendar of releases, from FRED and ALFRED through fredapi.

`Fred.get_series` knows the latest vintage only, and `get_series_as_of_date` gives several rows per period; here every
value is stored with the day it was published, and the as-of read takes the last one. The client's own transport has no
time limit and puts the key into its addresses; the desk's transport takes its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit
from xml.etree.ElementTree import Element, ParseError

from core.adapters.transport.client import Transport
from core.adapters.transport.replies import Reply
from core.domain.event_records import EconomicEvent
from core.domain.identifiers import content_id
from core.domain.market_records import MacroObservation
from core.errors import VendorError, VendorKeyRefused, VendorMalformed, VendorNotFound, VendorRefused, VendorUnavailable
from core.ports.vendor import BarColumns, Payload, RecordRows, SymbolNames, Topic, VendorTerms, Wanted

if TYPE_CHECKING:
    from fredapi import Fred

TERMS = VendorTerms(
    name="fred",
    title="FRED",
    delivers={
        "macro": "macro series with every vintage and the day it was published",
        "events": "the calendar of releases, past and to come",
    },
    base_url="https://api.stlouisfed.org/fred",
    requests_per_minute=100,
    burst=5,
    limits="120 requests a minute.",
    keys=("FRED_API_KEY",),
    without_key="macro series keep the values they have; World Bank series and imported files need no key.",
)
_BEGINNING = date(1776, 7, 4)
# More vintages than this are refused in one request.
_VINTAGES = 1_900
_PAGE = 1_000
# Releases are announced this far ahead.
_AHEAD = timedelta(days=30)
# Series of the desk that are not FRED's under that name.
_OTHER_NAMES = {"WTI_SPOT_DAILY": "DCOILWTICO", "BRENT_SPOT_DAILY": "DCOILBRENTEU"}
_NOT_THEIRS = ("SHILLER_", "GPRD", "FF_", "US_")


def open_vendor(transport: Transport) -> FredVendor:
    """Return the vendor over a transport."""
    return FredVendor(transport)


class FredVendor:
    """Deliver macro vintages and the release calendar."""

    terms = TERMS

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def fetch(self, topic: Topic, wanted: Wanted) -> Iterator[Payload]:
        """Yield replies as they arrive; see core.ports.vendor.Vendor."""
        self._transport.require_key()
        if topic == "macro":
            mine = [name for name in wanted.series if not name.startswith(_NOT_THEIRS)]
            yield from self._transport.deliver_each(
                mine, lambda name: self._vintages(name, wanted.start, wanted.end), lambda name: name
            )
        elif topic == "events":
            yield from self._releases(wanted.start, wanted.end + _AHEAD)

    def _vintages(self, series: str, start: date, end: date) -> Iterator[Payload]:
        """Yield the values published in the window, in portions of as many vintages as one request may have."""
        their_name = _OTHER_NAMES.get(series, series)
        client = _client(self._ask)
        dates = [day.date() for day in client.get_series_vintage_dates(their_name)]
        inside = [day for day in dates if start <= day <= end]
        before = [day for day in dates if day < start]
        # A reply dates everything older than its first day to that day. Each portion therefore begins with a vintage
        # that was taken before, and what carries its date is dropped.
        known = before[-1] if before else _BEGINNING
        for place in range(0, len(inside), _VINTAGES):
            last = inside[min(place + _VINTAGES, len(inside)) - 1]
            kept: list[Reply] = []
            client = _client(lambda url, kept=kept: self._ask(url, kept))  # type: ignore[misc]
            client.get_series_all_releases(their_name, realtime_start=known.isoformat(), realtime_end=last.isoformat())
            query = {"series_id": their_name, "realtime_start": known.isoformat(), "realtime_end": last.isoformat()}
            yield self._transport.payload(
                "vintages", kept[0], "/series/observations", query, series=series,
                taken_before=None if known == _BEGINNING else known.isoformat(),
            )  # fmt: skip
            known = last

    def _releases(self, start: date, end: date) -> Iterator[Payload]:
        offset = 0
        while True:
            query = {
                "realtime_start": start.isoformat(),
                "realtime_end": "9999-12-31",
                "include_release_dates_with_no_data": "true",
                "sort_order": "asc",
                "order_by": "release_date",
                "limit": str(_PAGE),
                "offset": str(offset),
            }
            kept: list[Reply] = []
            text = "&".join(f"{name}={value}" for name, value in query.items())
            root = self._ask(f"/releases/dates?{text}", kept)
            yield self._transport.payload("releases", kept[0], "/releases/dates", query, end=end.isoformat())
            offset += len(root)
            days = [entry.text or "" for entry in root]
            if not len(root) or offset >= int(root.get("count", "0")) or days[-1] > end.isoformat():
                return

    def _ask(self, url: str, kept: list[Reply] | None = None) -> Element:
        parts = urlsplit(url)
        secret = {"api_key": self._transport.secret() or ""}
        reply = self._transport.get(parts.path, dict(parse_qsl(parts.query)), secret_query=secret, judge=_judge)
        root = _root(reply.body)
        if kept is None:
            return root
        kept.append(reply)
        # The client would make a frame of what parsing reads later: it is shown nothing.
        return root if "releases" in parts.path else Element(root.tag)

    def parse(self, payload: Payload, names: SymbolNames) -> Iterator[BarColumns | RecordRows]:
        """Yield the rows in a payload; see core.ports.vendor.Vendor."""
        root = _root(payload.body)
        if payload.kind == "vintages":
            rows = list(_vintage_rows(payload, root))
            if rows:
                yield RecordRows(record=MacroObservation, source=TERMS.name, rows=rows)
        elif payload.kind == "releases":
            rows = list(_release_rows(payload, root))
            if rows:
                yield RecordRows(record=EconomicEvent, source=TERMS.name, rows=rows)


def _client(ask: Callable[[str], Element]) -> Fred:
    """Return fredapi's client with the desk's transport under it; the key stays with the transport."""
    from fredapi import Fred

    client = Fred(api_key="kept by the transport")
    client.root_url = ""
    # The client's only way to the network.
    client._Fred__fetch_data = ask
    return client


def _vintage_rows(payload: Payload, root: Element) -> Iterator[tuple[Any, ...]]:
    frame = _client(lambda url: root).get_series_all_releases(payload.request["query"]["series_id"])
    taken = payload.request["taken_before"]
    if not len(frame):
        return
    for published, period, value in zip(frame["realtime_start"], frame["date"], frame["value"], strict=True):
        day = published.date()
        if taken is None or day.isoformat() > taken:
            # "." is no value: the period exists and was not published (a shutdown, a holiday).
            number = None if value != value else float(value)
            series = payload.request["series"]
            yield (series, period.date(), TERMS.name, day.isoformat(), number, _end_of(day), "vintage")


def _release_rows(payload: Payload, root: Element) -> Iterator[tuple[Any, ...]]:
    end = payload.request["end"]
    start = payload.request["query"]["realtime_start"]
    for entry in root:
        name, release, text = entry.get("release_name"), entry.get("release_id"), entry.text or ""
        if not (start <= text <= end) or not name:
            continue
        day = date.fromisoformat(text)
        # The calendar is published a year ahead; what is stored counts as known a month before.
        known = datetime.combine(day - _AHEAD, time(0, 0), tzinfo=UTC)
        event = content_id("evt", TERMS.name, str(release), text)
        details = {"release_id": int(release or 0)}
        yield (event, None, day, "US", name, "release", "unknown", None, None, None, details, TERMS.name, known, None)


def _root(body: bytes) -> Element:
    from xml.etree.ElementTree import fromstring

    try:
        # Entities, by which a document could blow up, need a document type; theirs have none.
        if b"<!DOCTYPE" in body[:2000].upper() or b"<!ENTITY" in body.upper():
            raise VendorMalformed(f"{TERMS.title} sent a page instead of data.")
        return fromstring(body)  # noqa: S314
    except ParseError as error:
        shown = " ".join(body[:80].decode("utf-8", "replace").split())
        raise VendorMalformed(f"XML was expected from {TERMS.title} and something else came: {shown!r}.") from error


def _judge(reply: Reply) -> None:
    root = _root(reply.body)
    if root.tag == "error":
        raise _error_of(root.get("code", ""), root.get("message", ""))
    if root.tag not in ("observations", "vintage_dates", "release_dates"):
        raise VendorMalformed(f"{TERMS.title} sent <{root.tag}>.")
    promised, limit = root.get("count"), root.get("limit")
    if root.tag != "release_dates" and promised and limit and len(root) < min(int(promised), int(limit)):
        raise VendorMalformed(f"{TERMS.title} promised {promised} rows and sent {len(root)}.")


def _error_of(code: str, told: str) -> VendorError:
    told = f"{TERMS.title} answered {code}: {' '.join(told.split())}"
    if "api_key" in told:
        return VendorKeyRefused(told)
    if "does not exist" in told:
        return VendorNotFound(told)
    if code in ("423", "429") or code.startswith("5"):
        return VendorUnavailable(told)
    return VendorRefused(told)


def _end_of(day: date) -> datetime:
    # The hour of the release is not in the data: what was published on a day is known from its end.
    return datetime.combine(day, time(23, 59, 59), tzinfo=UTC)
