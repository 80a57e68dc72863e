"""One question of each category is answered to the digit on a drawn world, and the comparison itself can fail."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from datetime import date
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def execution() -> ModuleType:
    spec = importlib.util.spec_from_file_location("execution", HERE / "execution.py")
    assert spec is not None and spec.loader is not None
    module = sys.modules["execution"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_question_of_each_category_is_answered_to_the_digit(
    execution: ModuleType, database_dsn: str, tmp_path: Path
) -> None:
    with execution.world_desk(database_dsn, tmp_path, 1) as (parts, world):
        by_category: dict[str, Any] = {}
        for question in execution.questions.make_questions(world):
            by_category.setdefault(question.category, question)
        judged = asyncio.run(execution.ask_all(parts, list(by_category.values())))
    assert len(judged) == 11
    assert [f"{one.text}: {one.missing}" for one in judged if one.verdict != "right"] == []


def test_a_seed_gives_the_same_world_and_another_seed_another(execution: ModuleType) -> None:
    first, again, other = (execution.small_world.make_world(seed) for seed in (1, 1, 2))
    assert first.prices.keys() == again.prices.keys() and first.macro == again.macro
    for symbol, price in first.prices.items():
        assert np.array_equal(price.close, again.prices[symbol].close)
        assert not np.array_equal(price.close[1:50], other.prices[symbol].close[1:50])


def answer(*facts: tuple[str, Any], rows: Any = ()) -> Any:
    table = SimpleNamespace(rows=rows)
    stated = tuple(SimpleNamespace(name=name, value=value) for name, value in facts)
    return SimpleNamespace(facts=stated, tables=(table,) if rows else (), text="said")


@pytest.mark.parametrize(
    ("value", "wanted", "same"),
    [
        (0.1 + 0.2, 0.3, True),
        (100.0 + 5e-8, 100.0, True),
        (100.0 + 5e-7, 100.0, False),
        (0.0, 0.0, True),
        (-0.05, 0.05, False),
        (3, 3.0, True),
        ("2022-01-03", "2022-01-03", True),
        ("2022-01-04", "2022-01-03", False),
        (None, 0.0, False),
        ("3", 3, False),
    ],
)
def test_only_the_truth_is_the_truth(value: Any, wanted: Any, same: bool, execution: ModuleType) -> None:
    assert execution.is_same(value, wanted) is same


def test_an_answer_is_right_wrong_or_none(execution: ModuleType) -> None:
    truths = execution.truths
    asked = truths.Question(category="prices", text="a", truth=(2.5, truths.Named("2022-01-03", "last")))
    right = answer(("AAPL last close", 2.5), ("AAPL last session", "2022-01-03"))
    other_name = answer(("AAPL last close", 2.5), ("AAPL first session", "2022-01-03"))
    assert execution.judge(asked, right).verdict == "right"
    assert execution.judge(asked, other_name).verdict == "wrong"
    assert execution.judge(asked, answer(("AAPL last close", 2.6))).verdict == "wrong"
    assert execution.judge(asked, answer()).verdict == "asked back"


@pytest.mark.parametrize(
    ("rows", "held"),
    [
        ((("AAPL", "x", 1.0), ("KO", "x", 2.0)), True),
        ((("KO", "x", 2.0), ("AAPL", "x", 1.0)), False),
        ((("AAPL", "x", 1.0),), False),
        ((("AAPL", "x", 1.0), ("KO", "x", 2.0), ("PG", "x", 3.0)), False),
        ((("AAPL",), ("KO",)), False),
    ],
)
def test_rows_are_whole_and_in_order(rows: Any, held: bool, execution: ModuleType) -> None:
    wanted = execution.truths.Rows((("AAPL", 1.0), ("KO", 2.0)), (0, 2))
    assert execution.is_stated(answer(rows=rows), wanted) is held


def test_the_table_counts_by_category_and_seed(execution: ModuleType) -> None:
    def one(category: str, verdict: str) -> Any:
        return execution.Judged(category=category, text=f"{category}?", verdict=verdict)

    lines = execution.report({1: [one("prices", "right"), one("macro", "wrong")], 2: [one("prices", "asked back")]})
    assert "| prices | 1 | 1 | 0 | 0 | 0 | 0 | 1 |" in lines
    assert "| all | 2/1 | 1 | 1 | 0 | 0 | 0 | 1 |" in lines
    assert lines[-2:] == ["- asked back: prices? (seed 2)", "- wrong: macro? (seed 1)"]


def test_the_formulas_of_the_truth_are_those_of_other_libraries(execution: ModuleType) -> None:
    import empyrical
    import talib

    truths = execution.truths
    close = 100 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.02, 400)))
    line = truths.Line(np.arange(400).astype("datetime64[D]"), close)
    assert truths.wilder_rsi(close) == pytest.approx(talib.RSI(close, 14)[-1], rel=1e-12)
    assert truths.drawdown(line) == pytest.approx(empyrical.max_drawdown(line.returns), rel=1e-12)
    assert line.over("1970-02-01", "1970-02-28").total == pytest.approx(close[58] / close[30] - 1, rel=1e-12)
    months = line.by("M")
    assert [str(day) for day in months.days[:2]] == ["1970-01-31", "1970-02-28"]


def test_splits_are_taken_out_and_dividends_put_in(execution: ModuleType) -> None:
    part = execution.small_world.Price(
        days=np.array(["2022-01-03", "2022-01-04", "2022-01-05"], dtype="datetime64[D]"),
        open=np.array([100.0, 50.0, 49.0]), high=np.array([100.0, 50.0, 49.0]), low=np.array([100.0, 50.0, 49.0]),
        close=np.array([100.0, 50.0, 49.0]), volume=np.array([10.0, 20.0, 20.0]), adjusted=None,
        splits=((date(2022, 1, 4), 2.0),), dividends=((date(2022, 1, 5), 1.0),),
    )  # fmt: skip
    world = SimpleNamespace(prices={"X": part}, today=date(2022, 1, 5))
    truth = execution.truths.Truth(world)
    assert truth.price("X").close.tolist() == [50.0, 50.0, 49.0]
    assert truth.price("X", "volume").close.tolist() == [20.0, 20.0, 20.0]
    adjusted = execution.small_world._adjusted(part.days, part.close, part.splits, part.dividends)
    # A fall by the dividend alone is no loss.
    assert adjusted == pytest.approx([49.0, 49.0, 49.0])
