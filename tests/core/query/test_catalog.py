"""The catalogue hangs together and names what people say."""

from __future__ import annotations

import subprocess
import sys

import pytest

from core.errors import UnknownName
from core.query.catalog import GROUPS, MACRO, METRICS, TOPICS, find_group, find_macro, find_metric, find_topic
from core.query.semantic.evaluate import _PARTS


def test_every_metric_is_complete_and_answered_by_a_part():
    for name, metric in METRICS.items():
        assert metric.name == name and metric.description.endswith(".") and metric.synonyms
        assert metric.kind in _PARTS
    assert {metric.label for metric in METRICS.values() if metric.subject == "book"} == {"private"}
    assert {metric.label for metric in METRICS.values() if metric.subject != "book"} == {"public"}


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Sharpe", "sharpe_ratio"),
        ("max drawdown", "max_drawdown"),
        ("closing price", "close"),
        ("P&L", "pnl"),
        ("RSI", "rsi"),
    ],
)
def test_finds_metrics_by_synonym(said, meant):
    assert find_metric(said).name == meant


def test_offers_the_closest_metric():
    with pytest.raises(UnknownName, match="volatility"):
        find_metric("volatilty")


def test_finds_macro_topics_and_groups():
    assert find_macro("10 year").series[0] == "DGS10"
    assert find_macro("Inflation").usual == "macro_yoy"
    assert find_macro("unrate").name == "unemployment"
    assert find_topic("nonfarm payrolls").name == "payrolls" and find_topic("weather") is None
    assert find_group("coins").name == "crypto" and find_group("unicorns") is None


def test_no_word_means_two_things_of_one_kind():
    for kind in (GROUPS, TOPICS, MACRO):
        words = [word for entry in kind for word in entry.synonyms]
        assert sorted({word for word in words if words.count(word) > 1}) == []
    assert all(concept.usual in METRICS for concept in MACRO)


def test_the_catalogue_is_light():
    heavy = ("numpy", "pandas", "sqlglot", "postgast", "numba")
    code = f"import sys, core.query.catalog; print([m for m in {heavy} if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
