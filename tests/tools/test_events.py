"""Event studies and injected events through the tools, on the sample prices with events of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm

from app.bootstrap import build_desk
from core.adapters.store.data_store import PostgresDataStore
from core.adapters.store.database import Database
from core.domain.event_records import EconomicEvent, GeopoliticalEvent, SecurityEvent
from core.domain.facts import ToolResult
from core.domain.principal import Principal
from core.errors import InvalidInput, NoData, UnknownName
from core.ports.vendor import RecordRows
from core.settings import Settings
from tools.context import Desk
from tools.runner import run_tool

ANN = Principal(id="usr_ann", name="ann", kind="person", scopes=frozenset({"read", "trade", "approve"}))
# Apple's reports of fiscal years 2018 to 2022, after the close of these days.
REPORTS = (
    "2018-02-01", "2018-05-01", "2018-07-31", "2018-11-01", "2019-01-29", "2019-04-30", "2019-07-30", "2019-10-30",
    "2020-01-28", "2020-04-30", "2020-07-30", "2020-10-29", "2021-01-27", "2021-04-28", "2021-07-27", "2021-10-28",
    "2022-01-27", "2022-04-28", "2022-07-28", "2022-10-27",
)  # fmt: skip
CPI = tuple(f"{year}-{month:02d}-13" for year in (2019, 2020, 2021, 2022) for month in range(1, 12))


def merged(store: PostgresDataStore, records: list[Any]) -> None:
    kind = type(records[0])
    rows = [tuple(getattr(record, name) for name in kind.model_fields) for record in records]
    store.merge(RecordRows(record=kind, source="made", rows=rows), delivered_at=datetime(2022, 11, 29, tzinfo=UTC))


def security(number: int, instrument: int, day: str, surprise: float) -> SecurityEvent:
    at = datetime.fromisoformat(f"{day}T20:30:00+00:00")
    return SecurityEvent(
        event_id=f"evt_s{instrument}_{number}",
        instrument_id=instrument,
        event="earnings",
        event_at=at.replace(hour=21) if at.month in (11, 12, 1, 2) else at,
        event_date=date.fromisoformat(day),
        eps_estimate=1.0,
        eps_actual=1.0 + surprise,
        source="made",
        known_at=at,
        actual_known_at=at,
    )


def release(number: int, day: str, actual: float) -> EconomicEvent:
    at = datetime.fromisoformat(f"{day}T13:30:00+00:00")
    return EconomicEvent(
        event_id=f"evt_e{number}",
        event_at=at,
        event_date=at.date(),
        country="US",
        name="CPI (YoY)",
        importance="high",
        actual=actual,
        forecast=2.0,
        source="made",
        known_at=at,
        actual_known_at=at,
    )


def conflict(number: int, day: str, severity: str) -> GeopoliticalEvent:
    at = datetime.fromisoformat(f"{day}T06:00:00+00:00")
    return GeopoliticalEvent(
        event_id=f"evt_g{number}",
        event_at=at,
        event_date=at.date(),
        name=f"Conflict {number}",
        description="an armed conflict",
        severity=severity,  # type: ignore[arg-type]
        source="made",
        known_at=at,
    )


@pytest.fixture
def eventful(own_sample_dsn: str, tmp_path: Path) -> tuple[Desk, Callable[..., ToolResult]]:
    """Give a desk with Apple's and Microsoft's reports, consumer price releases and conflicts."""
    desk = build_desk(Settings(home=tmp_path), own_sample_dsn)
    store = PostgresDataStore(Database(own_sample_dsn))
    apple, microsoft = (desk.instruments.find(name).instrument_id for name in ("AAPL", "MSFT"))
    surprises = np.random.default_rng(1).normal(0.05, 0.1, (2, len(REPORTS)))
    merged(store, [security(k, apple, day, float(surprises[0, k])) for k, day in enumerate(REPORTS)])
    merged(store, [security(k, microsoft, day, float(surprises[1, k])) for k, day in enumerate(REPORTS[:8])])
    merged(store, [release(k, day, 2.0 + 0.1 * (-1) ** k) for k, day in enumerate(CPI)])
    days = ("2020-01-03", "2021-08-16", "2022-02-24", "2022-03-04", "2022-10-10", "2019-09-16")
    merged(store, [conflict(k, day, "high" if k < 5 else "low") for k, day in enumerate(days)])

    def ask(tool: str, /, **arguments: Any) -> ToolResult:
        return run_tool(desk, tool, arguments, principal=ANN, face="test")

    return desk, ask


def by_hand(desk: Desk) -> np.ndarray:
    """Compute the market-model abnormal returns of Apple's reports with statsmodels, window -1 to +3."""
    from core.domain.as_of import AsOf

    ids = [desk.instruments.find(name).instrument_id for name in ("AAPL", "^GSPC")]
    panel = desk.bars.panel(ids, purpose="return", as_of=AsOf(known=desk.clock.now()), start=date(2016, 6, 1))
    close = np.asarray(panel.close, dtype=float)
    both = np.isfinite(close).all(axis=1)
    sessions, close = panel.sessions[both], close[both]
    apple, market = np.diff(np.log(close), axis=0).T
    totals = []
    for day in REPORTS:
        row = int(np.searchsorted(sessions[1:], np.datetime64(day), side="right"))
        past = slice(row - 11 - 250 + 1, row - 11 + 1)
        fit = sm.OLS(apple[past], sm.add_constant(market[past])).fit()
        window = slice(row - 1, row + 4)
        totals.append((apple[window] - fit.predict(sm.add_constant(market[window]))).sum())
    return np.array(totals)


def test_a_study_of_earnings_is_that_of_statsmodels(eventful: Any) -> None:
    desk, ask = eventful
    found = ask("event_study", symbols=["AAPL"], event="earnings", before=1, after=3)
    totals = by_hand(desk)
    assert found.fact("events").value == len(REPORTS)
    assert found.fact("mean cumulative abnormal return").value == pytest.approx(totals.mean(), rel=1e-6)
    assert found.fact("standard error").value == pytest.approx(totals.std(ddof=1) / np.sqrt(20), rel=1e-6)
    assert found.fact("share of positive impacts").value == pytest.approx((totals > 0).mean())
    low, high = found.fact("lower 95 %").value, found.fact("upper 95 %").value
    assert low < found.fact("mean cumulative abnormal return").value < high
    table = next(part for part in found.tables if part.name == "abnormal_returns")
    assert [row[0] for row in table.rows] == [-1, 0, 1, 2, 3]
    newest = next(part for part in found.tables if part.name == "events").rows[0]
    assert (newest[0], newest[1]) == ("2022-10-27", "AAPL")
    assert newest[-1] == pytest.approx(totals[-1], rel=1e-6)
    assert found.charts[0].kind == "fan"
    assert "market model on ^GSPC" in found.notes[0]
    assert found.fact("impact per unit of surprise standard error").value > 0


def test_matches_are_by_surprise_name_severity_and_group(eventful: Any) -> None:
    _, ask = eventful
    rising, falling, every = (
        ask("event_study", symbols=["AAPL"], surprise=which).fact("events").value
        for which in ("positive", "negative", "any")
    )
    assert rising + falling == every == 20
    both = ask("event_study", symbols=["AAPL"], group="megacap", after=1)
    assert both.fact("events").value == 28
    assert both.fact("event dates").value == 20
    prices = ask("event_study", symbols=["JPM", "MSFT"], event="economic", name="CPI", before=0, after=0)
    assert prices.fact("events").value == 2 * prices.fact("event dates").value
    assert prices.fact("event dates").value > 30
    assert "their mean" in prices.notes[0]
    hot = ask("event_study", symbols=["JPM"], event="economic", name="CPI", surprise="positive", after=0)
    assert hot.fact("events").value == pytest.approx(len(CPI) / 2, abs=4)
    wars = ask("event_study", symbols=["JPM"], event="geopolitical", severity="high", before=0, after=1)
    assert wars.fact("events").value == 5
    factors = ask("event_study", symbols=["AAPL"], benchmark=["^GSPC", "JPM"])
    assert "factor model on ^GSPC, JPM" in factors.notes[0]


def test_an_event_that_nothing_matches_is_no_data(eventful: Any) -> None:
    _, ask = eventful
    with pytest.raises(NoData, match="No stored earnings event matches"):
        ask("event_study", symbols=["XOM"])
    with pytest.raises(NoData, match="“Martian landing”"):
        ask("event_study", symbols=["JPM"], event="economic", name="Martian landing")


def test_an_injected_event_moves_the_book_by_its_impact(eventful: Any) -> None:
    _, ask = eventful
    how = {
        "symbols": ["AAPL", "JPM"],
        "weights": [0.5, 0.5],
        "hits": ["AAPL"],
        "model": "gbm",
        "paths": 4000,
        "sessions": 10,
        "session": 2,
        "horizon": 3,
        "seed": 5,
    }
    found = ask("inject_event", **how)
    mean = found.fact("AAPL mean impact").value
    table = next(part for part in found.tables if part.name == "impacts")
    assert [row[0] for row in table.rows] == ["AAPL"]
    assert table.rows[0][1] == 20
    share = found.fact("mean effect, share of value").value
    error = found.fact("AAPL mean impact standard error").value
    # Half the book moves by exp(impact) - 1, whose mean is near the mean impact plus half its spread squared.
    assert share == pytest.approx(0.5 * mean, abs=0.5 * (4 * error / np.sqrt(4000) + 0.004))
    assert found.fact("expected shortfall").value > 0
    again = ask("inject_event", **how)
    assert [fact.value for fact in again.facts] == [fact.value for fact in found.facts]
    assert [series.name for series in found.charts[0].series] == ["with the event", "without"]
    larger = ask("inject_event", **how, surprise_size=2.0)
    assert larger.fact("AAPL mean impact").value != pytest.approx(mean, abs=1e-9)


def test_an_event_of_the_whole_market_hits_every_holding(eventful: Any) -> None:
    _, ask = eventful
    found = ask(
        "inject_event", symbols=["JPM", "MSFT"], event="economic", name="CPI", surprise="positive", model="bootstrap",
        paths=1000, sessions=5, before=0, after=0, half_life=0, horizon=1, seed=1,
    )  # fmt: skip
    table = next(part for part in found.tables if part.name == "impacts")
    assert [row[0] for row in table.rows] == ["JPM", "MSFT"]
    assert 0.0 <= table.rows[0][-1] <= 1.0


def test_what_cannot_be_injected_is_refused(eventful: Any) -> None:
    _, ask = eventful
    with pytest.raises(InvalidInput, match="lies after"):
        ask("inject_event", symbols=["AAPL"], session=9, sessions=5, paths=200)
    with pytest.raises(InvalidInput, match="not in the book"):
        ask("inject_event", symbols=["AAPL"], hits=["MSFT"], sessions=5, paths=200)
    with pytest.raises(UnknownName):
        ask("inject_event", symbols=["AAPL"], hits=["NOSUCH"], sessions=5, paths=200)
