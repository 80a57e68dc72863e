from datetime import date

import pytest

from agents.planner.planner import plan_question
from agents.planner.universe import Universe
from agents.router import call_label, classify
from agents.steps import rise

TODAY = date(2026, 6, 24)


def label(text: str, names: Universe, **options: object) -> str:
    return classify(text, plan_question(text, names, TODAY), names, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "what do I hold in NVDA?",
        "my average cost",
        "sell 50 TSLA",
        "pnl today",
        "risk report please",
        "fills today",
        "is 777 shares of NVDA too much",
        "NVDA 777 shares",
        "explain prp_0123456789abcdef",
        "size a position in AAPL",
        "simulate my portfolio",
        "how is our book doing",
        "should we hedge",
        "account U1234567",
        "what about strategy zebra",
        "approve all",
        "flarb the wug",
        "run: SELECT pg_sleep(1000) where PG is 300",
        "DROP TABLE x; PG 1000",
        "run: SELECT pg_sleep(1000) FROM execution.fills",
        "run: SELECT pg_sleep(quantity) of PG 300",
        "",
        "tell bob@example.com",
    ],
)
def test_private_or_unsure(text: str, names: Universe) -> None:
    assert label(text, names, private_terms=("zebra",)) == "private"


@pytest.mark.parametrize(
    "text",
    [
        "MSFT price",
        "How did AAPL do in 2008?",
        "backtest rsi<30 buy >55 sell SPY",
        "what's the weather in Paris",
        "good morning",
        "compare them",
        "GBM 1000 paths on QQQ, 60 days",
        "what data do you have?",
        "delete all rows from market_data.bars",
        "run: SELECT pg_sleep(1000)",
        "SELECT pg_read_file('/etc/passwd')",
        "short digest of the news on Amazon",
        "what would a 70/30 SPY/TLT mix lose if equities drop 10%",
    ],
)
def test_public(text: str, names: Universe) -> None:
    assert label(text, names) == "public"


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("query_metric", {"metric": "positions"}, "private"),
        ("query_metric", {"metric": "close"}, "public"),
        ("simulate", {"target": "portfolio"}, "private"),
        ("simulate", {"target": "symbols", "symbols": ["AAPL"]}, "public"),
        ("simulate", {"symbols": []}, "private"),
        ("propose_trade", {}, "private"),
        ("run_sql", {"sql": "select * from execution . v_fills"}, "private"),
        ("run_sql", {"sql": "select * from market_data.v_prices"}, "public"),
    ],
)
def test_labels_of_calls(name: str, arguments: dict[str, object], expected: str) -> None:
    assert call_label(name, arguments) == expected


def test_every_private_metric_of_the_catalogue_is_private_here() -> None:
    from agents.router import PRIVATE_METRICS
    from core.query.catalog import METRICS

    assert {name for name, metric in METRICS.items() if metric.label == "private"} == PRIVATE_METRICS


def test_labels_only_rise() -> None:
    assert [rise(a, b) for a in ("", "public", "private") for b in ("public", "private")] == [
        "public",
        "private",
    ] * 2 + ["private"] * 2
