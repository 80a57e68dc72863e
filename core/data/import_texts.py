"""Read files of news and events in the desk's layouts.

| layout | columns |
|---|---|
| news | published_at, date, symbols, headline [, summary, source, url, sentiment, dataset] |
| economic calendar | release_time_utc, date, country, event [, impact, actual, forecast, previous, ..., source] |
| earnings dates | symbol, report_date [, source] |
| earnings results | symbol, earnings_date, eps_estimate, eps_actual [, source] |
| central bank texts | meeting_date, release_date, type, text |
| geopolitical events | date, event_name [, description, locations, event_type, gpr, source] |
| labelled risk events | date, event, GPRD |

When a time of publication is missing, a fact counts as known at the end of its day (UTC). A scheduled release counts
as known a week before it takes place, an earnings date two weeks before: schedules are published earlier than that.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

from core.data.import_records import Parsed, RowHolder, column_or, end_of, stem
from core.data.risk_index import severity_of
from core.data.symbols import SymbolResolver
from core.data.table_file import TableFile, as_day, as_seconds
from core.domain.event_records import EconomicEvent, GeopoliticalEvent, SecurityEvent
from core.domain.identifiers import content_id
from core.domain.news_records import Article, ArticleSymbol, Sentiment
from core.ports.vendor import RecordRows

_SCHEDULE_DAYS = 7
_EARNINGS_SCHEDULE_DAYS = 14
_SCORES = {"positive": 1.0, "neutral": 0.0, "negative": -1.0}
_CATEGORIES = (
    ("inflation", ("cpi", "consumer price", "ppi", "producer price", "inflation", "pce price", "price index")),
    ("labour", ("payroll", "unemployment", "jobless", "employment", "earnings", "adp", "jolts", "labor", "labour")),
    ("monetary policy", ("fomc", "fed ", "fed's", "interest rate", "rate decision", "monetary", "ecb", "boj", "boe")),
    (
        "growth",
        ("gdp", "gross domestic", "industrial production", "durable", "factory", "retail sales", "trade balance"),
    ),
    ("survey", ("pmi", "ism ", "sentiment", "confidence", "climate", "expectations")),
    ("housing", ("home", "housing", "building permits", "mortgage", "construction", "house")),
    ("energy", ("crude", "oil", "gasoline", "natural gas", "distillate", "eia", "refinery", "rig count")),
    ("auction", ("auction",)),
    ("positioning", ("cftc",)),
    ("speech", ("speaks", "speech", "testi")),
)


def read_news(file: TableFile, resolver: SymbolResolver) -> Parsed:
    """Read articles, their instruments and the sentiment that came with them; an unknown symbol gives no link."""
    optional = [column_or(file, name, "") for name in ("symbols", "summary", "source", "url", "sentiment")]
    published = as_seconds("published_at") if file.has("published_at") else "NULL"
    expressions = [published, as_day("date"), "headline", *optional, column_or(file, "dataset", stem(file))]
    holder, unlinked = RowHolder(file, "article", stem(file)), RowHolder(file, "article_symbol", stem(file))
    articles: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    links: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    tones: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for record, seconds, stated, headline, symbols, summary, publisher, url, tone, dataset in file.rows(expressions):
        moment = None if seconds is None else datetime.fromtimestamp(seconds, UTC)
        day = stated or (moment.date() if moment else None)
        if day is None or not headline:
            holder.hold(record, "bad_date" if day is None else "no_headline")
            continue
        article = content_id("art", dataset, headline, day.isoformat())
        known = moment or end_of(day)
        articles[dataset].append((article, moment, day, headline, summary, publisher, url, dataset, known))
        for symbol in symbols.replace(";", " ").replace(",", " ").replace("|", " ").split():
            number = resolver.current(symbol)
            if number is None:
                unlinked.hold(record, "unknown_symbol", symbol, day)
            else:
                links[dataset].append((article, number))
        if tone.lower() in _SCORES:
            tones[dataset].append((article, f"provider:{dataset}", _SCORES[tone.lower()], tone.lower(), known))
    return Parsed(
        records=_grouped(Article, articles),
        held=holder.rows(),
        beside=[*_grouped(ArticleSymbol, links), *_grouped(Sentiment, tones)],
        beside_held=unlinked.rows(),
    )


def read_calendar(file: TableFile) -> Parsed:
    """Read an economic calendar; releases of one name and time are told apart by their order in the file."""
    text = [column_or(file, name, "") for name in ("impact", "actual_raw", "forecast_raw", "previous_raw")]
    numbers = [
        f"try_cast({name} AS DOUBLE)" if file.has(name) else "NULL" for name in ("actual", "forecast", "previous")
    ]
    time_column = "release_time_utc" if file.has("release_time_utc") else "NULL"
    expressions = [
        as_seconds(time_column),
        as_day("date"),
        "country",
        "event",
        column_or(file, "source", stem(file)),
        *numbers,
        *text,
    ]
    holder = RowHolder(file, "economic_event", stem(file))
    seen: dict[tuple[Any, ...], int] = defaultdict(int)
    by_source: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in file.rows(expressions):
        record, seconds, stated, country, name, source, actual, forecast, previous, impact, *raw = row
        moment = None if seconds is None else datetime.fromtimestamp(seconds, UTC)
        day = stated or (moment.date() if moment else None)
        if day is None or not name or not country:
            holder.hold(record, "bad_date" if day is None else "bad_value")
            continue
        key = (source, str(moment), day.isoformat(), country, name)
        seen[key] += 1
        event = content_id("evt", *map(str, key), str(seen[key]))
        importance = impact if impact in ("low", "medium", "high", "holiday") else "unknown"
        details = {label: value for label, value in zip(("actual", "forecast", "previous"), raw, strict=True) if value}
        known = _day_start(day - timedelta(days=_SCHEDULE_DAYS))
        outcome = (moment or end_of(day)) if actual is not None else None
        by_source[source].append(
            (
                event,
                moment,
                day,
                country,
                name.strip(),
                _category(name),
                importance,
                actual,
                forecast,
                previous,
                details,
                source,
                known,
                outcome,
            )
        )
    return Parsed(records=_grouped(EconomicEvent, by_source), held=holder.rows())


def read_central_bank_texts(file: TableFile) -> Parsed:
    """Read statements and minutes of the Federal Open Market Committee as economic events that carry their text."""
    expressions = [as_day("meeting_date"), as_day("release_date"), "type", "text"]
    source = column_or(file, "source", stem(file))
    holder = RowHolder(file, "economic_event", stem(file))
    by_source: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for record, meeting, released, kind, text, origin in file.rows([*expressions, source]):
        if released is None or not kind or not text:
            holder.hold(record, "bad_date" if released is None else "bad_value", about=released)
            continue
        name = {"Minute": "FOMC Minutes", "Statement": "FOMC Statement"}.get(kind, f"FOMC {kind}")
        event = content_id("evt", origin, name, released.isoformat())
        details = {"text": text, "meeting_date": None if meeting is None else meeting.isoformat()}
        known = end_of(released)
        by_source[origin].append(
            (
                event,
                None,
                released,
                "US",
                name,
                "monetary policy",
                "high",
                None,
                None,
                None,
                details,
                origin,
                known,
                None,
            )
        )
    return Parsed(records=_grouped(EconomicEvent, by_source), held=holder.rows())


def read_earnings(file: TableFile, resolver: SymbolResolver) -> Parsed:
    """Read earnings dates, with estimate and result where the file has them, as one event per symbol and day."""
    results = file.has("earnings_date", "eps_actual")
    day_column = "earnings_date" if results else "report_date"
    numbers = ["try_cast(eps_estimate AS DOUBLE)", "try_cast(eps_actual AS DOUBLE)"] if results else ["NULL", "NULL"]
    expressions = ["symbol", as_day(day_column), *numbers, column_or(file, "source", stem(file))]
    holder = RowHolder(file, "security_event", stem(file))
    by_source: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for record, symbol, day, estimate, actual, source in file.rows(expressions):
        number = resolver.current(symbol or "")
        if day is None:
            holder.hold(record, "bad_date", symbol or "")
        elif number is None:
            holder.hold(record, "unknown_symbol", symbol or "", day)
        else:
            event = content_id("evt", "earnings", str(number), day.isoformat())
            known = _day_start(day - timedelta(days=_EARNINGS_SCHEDULE_DAYS))
            outcome = None if actual is None else end_of(day)
            by_source[source].append(
                (event, number, "earnings", None, day, estimate, actual, {}, source, known, outcome)
            )
    # Dates alone never overwrite an event that may carry a result already.
    set_once = () if results else tuple(SecurityEvent.model_fields)
    return Parsed(records=_grouped(SecurityEvent, by_source), held=holder.rows(), set_once=set_once)


def read_geopolitical(file: TableFile) -> Parsed:
    """Read geopolitical events; severity follows the day's risk index: high from 200, medium from 140 (mean 100)."""
    labelled = not file.has("event_name")
    name = "event" if labelled else "event_name"
    index = "try_cast(GPRD AS DOUBLE)" if labelled else "try_cast(gpr AS DOUBLE)"
    text = [column_or(file, part, "") for part in ("description", "event_type", "locations")]
    expressions = [as_day("date"), name, *text, index, column_or(file, "source", stem(file))]
    extra = [
        part for part in ("detection_method", "gpr_diff", "gpr_act", "gpr_threat", "armed_conflict") if file.has(part)
    ]
    holder = RowHolder(file, "geopolitical_event", stem(file))
    by_source: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in file.rows([*expressions, *extra]):
        record, day, title, description, category, locations, risk, source, *rest = row
        if day is None or not title:
            holder.hold(record, "bad_date" if day is None else "bad_value")
            continue
        event = content_id("evt", "geopolitical", source, day.isoformat(), title.strip())
        details = {key: value for key, value in zip(extra, rest, strict=True) if value is not None}
        by_source[source].append(
            (
                event,
                None,
                day,
                title.strip(),
                description,
                category,
                locations,
                severity_of(risk),
                risk,
                details,
                source,
                end_of(day),
            )
        )
    return Parsed(records=_grouped(GeopoliticalEvent, by_source), held=holder.rows())


def _category(name: str) -> str:
    lowered = f"{name.lower()} "
    return next((category for category, words in _CATEGORIES if any(word in lowered for word in words)), "other")


def _day_start(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _grouped(record: type[Any], by_source: dict[str, list[tuple[Any, ...]]]) -> list[RecordRows]:
    return [RecordRows(record=record, source=source, rows=rows) for source, rows in sorted(by_source.items())]
