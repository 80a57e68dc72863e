"""What the panel reads of macro series, earnings and news: as published by then, and nothing that came later."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from scipy import stats

from app.bootstrap import Parts
from core.domain.as_of import AsOf
from core.domain.facts import ToolResult
from core.domain.principal import Principal
from core.settings import Settings
from tools.runner import run_tool

NOW = datetime(2022, 11, 29, 21, 30, tzinfo=UTC)
ANN = Principal(id="usr_ann", name="ann", kind="person", scopes=frozenset({"read", "trade"}))
APPLE, MICROSOFT, COKE = 2001, 2002, "KO"
SURPRISES = (
    (date(2021, 10, 28), 0.10),
    (date(2022, 1, 27), -0.10),
    (date(2022, 4, 28), 0.10),
    (date(2022, 7, 28), -0.10),
)
Ask = Callable[..., ToolResult]


@pytest.fixture
def dsn(own_sample_dsn: str) -> str:
    with psycopg.connect(own_sample_dsn) as connection:
        connection.execute("DELETE FROM market_data.macro_observations WHERE series_id = 'DGS10'")
    return own_sample_dsn


@pytest.fixture
def parts(dsn: str, tmp_path: Path) -> Iterator[Parts]:
    made = Parts(Settings(home=tmp_path), dsn)
    yield made
    made.trading.database.close()
    made.database.close()


@pytest.fixture
def ask(parts: Parts) -> Ask:
    def run(known: datetime = NOW, **arguments: Any) -> ToolResult:
        return run_tool(parts.desk, "recommend", arguments, principal=ANN, face="test", as_of=AsOf(known=known))

    return run


def write(dsn: str, *statements: tuple[str, list[tuple[Any, ...]]]) -> None:
    with psycopg.connect(dsn) as connection:
        for statement, rows in statements:
            connection.cursor().executemany(statement.encode(), rows)


def add_earnings(dsn: str, day: date, surprise: float | None, *, told: datetime | None, number: int = APPLE) -> None:
    """Store earnings with an estimate of one dollar; without a surprise they are still to come."""
    actual = None if surprise is None else 1.0 + surprise
    write(
        dsn,
        (
            "INSERT INTO events.security (event_id, instrument_id, event, event_date, eps_estimate, eps_actual, source,"
            " known_at, actual_known_at) VALUES (%s, %s, 'earnings', %s, 1.0, %s, 'test', %s, %s)",
            [(f"evt_{number}_{day}", number, day, actual, datetime(2021, 1, 1, tzinfo=UTC), told)],
        ),
    )


def add_news(
    dsn: str, days: list[date], scores: list[float], *, number: int = APPLE, known: datetime | None = None
) -> None:
    rows = [
        (
            f"art_{number}_{day}_{place}_{known}",
            day,
            score,
            known or datetime(day.year, day.month, day.day, 15, tzinfo=UTC),
        )
        for place, (day, score) in enumerate(zip(days, scores, strict=True))
    ]
    write(
        dsn,
        (
            "INSERT INTO news.articles (article_id, published_date, headline, source, known_at)"
            " VALUES (%s, %s, 'Apple', 'test', %s)",
            [(article, day, at) for article, day, _, at in rows],
        ),
        (
            "INSERT INTO news.article_symbols (article_id, instrument_id) VALUES (%s, %s)",
            [(article, number) for article, _, _, _ in rows],
        ),
        (
            "INSERT INTO news.sentiment (article_id, scorer, score, tone, known_at)"
            " VALUES (%s, 'provider:test', %s, %s, %s)",
            [(article, score, "positive" if score > 0 else "negative", at) for article, _, score, at in rows],
        ),
    )


def add_rate(
    dsn: str, days: list[date], values: list[float], *, known: datetime | None = None, vintage: str = "first"
) -> None:
    write(
        dsn,
        (
            "INSERT INTO market_data.macro_observations (series_id, period, source, vintage, value, known_at,"
            " known_at_method) VALUES ('DGS10', %s, 'test', %s, %s, %s, 'vintage')",
            [
                (day, vintage, value, known or datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1))
                for day, value in zip(days, values, strict=True)
            ],
        ),
    )


def closes(dsn: str, symbol: str, last: date = NOW.date()) -> tuple[list[date], np.ndarray]:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "SELECT session, close FROM market_data.v_return_prices WHERE symbol = %s AND session <= %s"
            " ORDER BY session",
            (symbol, last),
        ).fetchall()
    return [row[0] for row in rows], np.array([row[1] for row in rows])


def values(result: ToolResult, symbol: str = "AAPL") -> dict[str, Any]:
    return {
        fact.name.removeprefix(f"{symbol} "): fact.value for fact in result.facts if fact.name.startswith(f"{symbol} ")
    }


def reasons(result: ToolResult, analyst: str) -> list[tuple[str, str]]:
    (table,) = (part for part in result.tables if part.name == "reasons")
    return [(str(row[2]), str(row[3])) for row in table.rows if row[1] == analyst]


def told(result: ToolResult) -> list[Any]:
    return [(fact.name, fact.value) for fact in result.facts]


# ---- events


def test_earnings_against_their_usual_surprise_are_an_opinion(dsn: str, ask: Ask) -> None:
    for day, surprise in (*SURPRISES, (date(2022, 10, 27), 0.15)):
        add_earnings(dsn, day, surprise, told=datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
    add_earnings(dsn, date(2022, 12, 8), None, told=None)
    result = ask(symbols=["AAPL"])
    found = values(result)
    assert found["last earnings surprise"] == pytest.approx(0.15)
    assert found["usual size of an earnings surprise"] == pytest.approx(0.10)
    # Half again the usual size, two of them are full marks.
    assert found["events score"] == 0.75
    assert found["next earnings"] == "2022-12-08"
    sides = [side for side, _ in reasons(result, "events")]
    assert sides == ["for", "against"]


def test_an_outcome_that_was_told_later_is_not_known_yet(dsn: str, ask: Ask) -> None:
    for day, surprise in SURPRISES:
        add_earnings(dsn, day, surprise, told=datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
    before = ask(symbols=["AAPL"])
    add_earnings(dsn, date(2022, 11, 29), 5.0, told=datetime(2022, 11, 30, 1, tzinfo=UTC))
    after = ask(symbols=["AAPL"])
    assert told(before) == told(after)
    assert reasons(before, "events")[0][0] == "no opinion"
    late = ask(symbols=["AAPL"], known=datetime(2022, 11, 30, 22, tzinfo=UTC))
    assert values(late)["last earnings surprise"] == pytest.approx(5.0) and values(late)["events score"] == 1.0


def test_the_earnings_of_another_company_are_not_its_own(dsn: str, ask: Ask) -> None:
    for day, surprise in (*SURPRISES, (date(2022, 10, 27), 0.2)):
        at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        add_earnings(dsn, day, surprise, told=at, number=MICROSOFT)
    result = ask(symbols=["AAPL", "MSFT"])
    assert values(result, "MSFT")["events score"] == 1.0
    assert "events score" not in values(result, "AAPL")


def days_from(first: date, count: int, step: int = 1) -> list[date]:
    return [first + timedelta(days=step * place) for place in range(count)]


def test_the_tone_of_the_news_is_compared_with_the_year_before(dsn: str, ask: Ask) -> None:
    generator = np.random.default_rng(1)
    before, recent = generator.uniform(-0.5, 0.3, 60), generator.uniform(0.0, 0.8, 9)
    add_news(dsn, days_from(date(2022, 1, 3), 60, 4), before.tolist())
    add_news(dsn, days_from(date(2022, 11, 10), 9), recent.tolist())
    found = values(ask(symbols=["AAPL"]))
    assert found["scored articles of 30 days"] == 9
    assert found["mean sentiment of 30 days"] == pytest.approx(recent.mean(), abs=0.006)
    t = stats.ttest_ind(recent, before, equal_var=False).statistic
    assert found["t-value of the change of sentiment"] == pytest.approx(t, abs=0.006)
    assert found["events score"] == pytest.approx(min(t / 4, 1.0), abs=0.006) and found["events score"] > 0.5


def test_an_article_that_arrived_later_changes_no_tone_of_before(dsn: str, ask: Ask) -> None:
    add_news(dsn, days_from(date(2022, 1, 3), 60, 4), [(-1) ** k * 0.2 for k in range(60)])
    add_news(dsn, days_from(date(2022, 11, 10), 9), [0.1 * k for k in range(9)])
    first = ask(symbols=["AAPL"])
    late = datetime(2022, 11, 30, 2, tzinfo=UTC)
    add_news(dsn, days_from(date(2022, 11, 12), 9), [-1.0] * 9, known=late)
    assert told(ask(symbols=["AAPL"])) == told(first)
    worse = values(ask(symbols=["AAPL"], known=datetime(2022, 11, 30, 21, 30, tzinfo=UTC)))
    assert worse["mean sentiment of 30 days"] < values(first)["mean sentiment of 30 days"]


# ---- macro


def tied_rate(
    dsn: str, symbol: str, *, strength: float = 0.02, last: date = NOW.date()
) -> tuple[list[date], np.ndarray]:
    """Return a yield that rises where a symbol's price does."""
    days, close = closes(dsn, symbol, last)
    days, close = days[-900:], close[-900:]
    noise = np.cumsum(np.random.default_rng(3).normal(0.0, 0.01, len(days)))
    return days, 2.0 + 100.0 * strength * np.log(close / close[0]) + noise


def test_a_rate_that_a_price_goes_with_is_named_with_its_beta(dsn: str, ask: Ask) -> None:
    days, rate = tied_rate(dsn, COKE)
    add_rate(dsn, days[:-1], rate[:-1].tolist())
    found = values(ask(symbols=[COKE]), COKE)
    # The yield moves by 2 % of the log price: a beta of 50 on changes written as ratios.
    assert found["beta to DGS10"] == pytest.approx(50.0, rel=0.15)
    assert found["t-value of the beta to DGS10"] > 10
    assert found["change of DGS10 in 63 sessions"] == pytest.approx((rate[-2] - rate[-64]) / 100.0, abs=2e-4)


def test_a_revision_published_later_is_not_seen_before(dsn: str, ask: Ask) -> None:
    days, rate = tied_rate(dsn, COKE)
    add_rate(dsn, days[:-1], rate[:-1].tolist())
    first = ask(symbols=[COKE])
    later = datetime(2022, 11, 30, 3, tzinfo=UTC)
    add_rate(dsn, days[-400:-1], (9.0 - rate[-400:-1]).tolist(), known=later, vintage="second")
    assert told(ask(symbols=[COKE])) == told(first)
    revised = values(ask(symbols=[COKE], known=datetime(2022, 11, 30, 21, 30, tzinfo=UTC)), COKE)
    assert revised.get("beta to DGS10") != values(first, COKE)["beta to DGS10"]


def test_a_series_that_went_silent_is_not_asked(dsn: str, ask: Ask) -> None:
    days, rate = tied_rate(dsn, COKE)
    add_rate(dsn, days[:-40], rate[:-40].tolist())
    result = ask(symbols=[COKE])
    assert "beta to DGS10" not in values(result, COKE)
    # The market itself is asked still.
    assert values(result, COKE)["macro series asked"] == 1


def test_the_market_is_not_asked_of_its_own_index(ask: Ask) -> None:
    result = ask(symbols=["^GSPC"])
    assert reasons(result, "macro") == [("no opinion", "no market or macro series reaches to the newest session")]


# ---- peers


def test_peers_are_the_smallest_group_with_prices(ask: Ask, dsn: str) -> None:
    said = {symbol: reasons(ask(symbols=[symbol]), "relative value")[0][1] for symbol in ("MRK", "CVX", "AAPL")}
    assert "its health care peers" in said["MRK"]
    # Apple has too few priced peers in technology here: those of its size stand in.
    assert "its peers" in said["AAPL"]
    for text in said.values():
        assert "deviations" in text


def test_the_gap_to_peers_is_that_of_an_equal_weighted_basket(ask: Ask, dsn: str) -> None:
    found = values(ask(symbols=["MRK"]), "MRK")
    with psycopg.connect(dsn) as connection:
        members = [
            row[0]
            for row in connection.execute(
                "SELECT i.symbol FROM market_data.v_instruments i WHERE 'health_care' = ANY(i.groups)"
                " AND i.symbol <> 'MRK' AND EXISTS (SELECT FROM market_data.v_return_prices p WHERE p.symbol = i.symbol"
                " AND p.session > '2022-11-25')"
            )
        ]
    days, close = closes(dsn, "MRK")
    beside = []
    for member in members:
        own = dict(zip(*closes(dsn, member), strict=True))
        level = np.array([own.get(day, np.nan) for day in days])
        beside.append(level[1:] / level[:-1] - 1.0)
    gap = np.log(close[1:]) - np.log(np.cumprod(1.0 + np.nanmean(beside, axis=0)))
    recent = gap[-252:]
    z = (recent[-1] - recent.mean()) / recent.std(ddof=1)
    assert len(members) >= 3
    assert found["distance from peers in standard deviations"] == pytest.approx(abs(z), abs=0.006)


def test_risk_shares_of_a_book_are_those_of_its_covariance(parts: Parts) -> None:
    result = run_tool(parts.desk, "recommend", {"target": "portfolio"}, principal=ANN, face="test")
    held = parts.desk.books.holdings(parts.desk.books.account(None).account_id, AsOf(known=result.as_of))
    lines = [line for line in held.positions if line.quantity]
    shares = {fact.name: fact.value for fact in result.facts if fact.name.endswith("share of the account's risk")}
    series = {}
    for line in lines:
        days, close = closes(parts.dsn, line.symbol, result.as_of.date())
        series[line.symbol] = dict(zip(days, close, strict=True))
    common = sorted(set.intersection(*(set(one) for one in series.values())))[-1_262:]
    table = np.array([[series[line.symbol][day] for line in lines] for day in common])
    covariance = np.cov((table[1:] / table[:-1] - 1.0)[-252:], rowvar=False)
    money = np.array([float(line.market_value) for line in lines])
    parts_of_risk = money * (covariance @ money) / (money @ covariance @ money)
    for line, share in zip(lines, parts_of_risk, strict=True):
        if (name := f"{line.symbol} share of the account's risk") in shares:
            assert shares[name] == pytest.approx(share, abs=0.01), line.symbol
    assert shares
