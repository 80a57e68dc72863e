"""Levels, returns, statistics and pairs on a few made-up bars, so that every figure is known by hand."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest

from core.domain.as_of import AsOf
from core.domain.market_records import Instrument
from core.domain.panel import Panel, SeriesSource
from core.errors import InvalidInput, NoData, UnknownName
from core.query.semantic.answer import Sources
from core.query.semantic.evaluate import evaluate
from core.query.semantic.metric_query import MetricQuery

NOW = datetime(2024, 4, 2, 21, tzinfo=UTC)
# Two weeks over a month's, a quarter's end; AAA did not trade on 2024-03-27.
DAYS = ["2024-03-21", "2024-03-22", "2024-03-25", "2024-03-26", "2024-03-28", "2024-04-01", "2024-04-02"]
A = {"close": [100, 110, 99, 108.9, 108.9, 87.12, 130.68], "open": [99, 101, 108, 100, 110, 105, 90],
     "high": [102, 112, 109, 111, 115, 106, 131], "low": [98, 100, 97, 99, 107, 86, 89],
     "volume": [10, 20, 30, 40, 50, 60, 70]}  # fmt: skip
B_DAYS = ["2024-03-21", "2024-03-22", "2024-03-25", "2024-03-27", "2024-03-28", "2024-04-01", "2024-04-02"]
B = [50, 55, 49.5, 60, 54.45, 43.56, 65.34]  # On common days half of AAA.
MADE = {
    "AAA": (DAYS, A, {}),
    "BBB": (B_DAYS, {"close": B}, {}),
    "TIE": (DAYS, {**A, "volume": [5, 5, 5, 5, 5, 5, 70]}, {}),
    "INV": (DAYS, {"close": [100, 90, 99, 89.1, 89.1, 106.92, 53.46]}, {}),
    "IDX": (DAYS, {"close": A["close"]}, {"asset_class": "index"}),
    "OLD": (["2024-01-02", "2024-01-03"], {"close": [10, 12]}, {}),
    "ONE": (["2024-04-02"], {"close": [7]}, {}),
    "NIL": ([], {"close": []}, {}),
}
GROUP = ("AAA", "BBB", "TIE", "INV", "OLD", "NIL")


class Shelf:
    """Stand in for instruments, bars and the coverage query over made-up series."""

    def __init__(self):
        self.parts = {
            symbol: Instrument(
                **{"instrument_id": key, "symbol": symbol, "name": symbol, "asset_class": "equity", "calendar": "XNYS",
                   "source": "made", "known_at": NOW, "groups": ("made_group",) if symbol in GROUP else ()} | more
            )
            for key, (symbol, (_, _, more)) in enumerate(MADE.items(), start=1)
        }  # fmt: skip
        self.needs = []

    def find(self, name):
        if name.upper() not in self.parts:
            raise UnknownName("symbol", name, list(self.parts))
        return self.parts[name.upper()]

    def list(self, *, group=None, asset_class=None, on=None):
        return [
            part for _, part in sorted(self.parts.items())
            if (group is None or group in part.groups) and asset_class in (None, part.asset_class)
        ]  # fmt: skip

    def _bars(self, key):
        (symbol,) = (symbol for symbol, part in self.parts.items() if part.instrument_id == key)
        days, fields, _ = MADE[symbol]
        return symbol, np.array(days, dtype="datetime64[D]"), fields

    def last_session(self, instrument_ids, *, as_of):
        known = np.datetime64(as_of.known.date())
        days = [day for key in instrument_ids for day in self._bars(key)[1] if day <= known]
        return max(days).astype(object) if days else None

    def panel(self, instrument_ids, *, purpose, as_of, start=None, end=None, needs="close"):
        self.needs.append(needs)
        parts = []
        for key in instrument_ids:
            symbol, days, fields = self._bars(key)
            inside = np.array(
                [(start is None or d >= np.datetime64(start)) and d <= np.datetime64(end) for d in days], bool
            )
            if not inside.any():
                raise NoData(f"No bars of {symbol} in the window.")
            parts.append((symbol, days[inside], {n: np.array(v, float)[inside] for n, v in fields.items()}))
        sessions = np.unique(np.concatenate([days for _, days, _ in parts]))

        def grid(name):
            if not all(name in fields for _, _, fields in parts):
                return None
            out = np.full((len(sessions), len(parts)), np.nan)
            for column, (_, days, fields) in enumerate(parts):
                out[np.searchsorted(sessions, days), column] = fields[name]
            return out

        return Panel(
            sessions=sessions, symbols=tuple(p[0] for p in parts), as_of=as_of, sql=f"SELECT {purpose}",
            series=tuple(SeriesSource(instrument_id=k, symbol=p[0], source="made", price_basis="raw")
                         for k, p in zip(instrument_ids, parts, strict=True)),
            **{name: grid(name) for name in ("close", "open", "high", "low", "volume")},
        )  # fmt: skip

    def run(self, statement, parameters=None, *, as_of, max_rows=1000):
        found = tuple((key,) for key in parameters["p1"] if len(self._bars(key)[1]))
        return SimpleNamespace(rows=found, sql=statement.text)


SHELF = Shelf()


def ask(metric, *symbols, known=NOW, **arguments):
    desk = Sources(
        instruments=SHELF, bars=SHELF, macro=None, query=SHELF, books=None, as_of=AsOf(known=known), wall=known
    )
    return evaluate(MetricQuery(metric=metric, symbols=symbols, **arguments), desk)


def facts(answer):
    return {fact.name: fact.value for fact in answer.facts}


def rows(answer):
    return list(answer.tables[0].rows)


ALL = {"name": "all"}
MARCH = {"start": "2024-03-01", "end": "2024-03-31"}


# Levels ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "newest", "lowest", "highest"),
    [
        ("close", 130.68, (87.12, "2024-04-01"), (130.68, "2024-04-02")),
        ("open", 90, (90, "2024-04-02"), (110, "2024-03-28")),
        ("high", 131, (102, "2024-03-21"), (131, "2024-04-02")),
        ("low", 89, (86, "2024-04-01"), (107, "2024-03-28")),
        ("volume", 70, (10, "2024-03-21"), (70, "2024-04-02")),
    ],
)
def test_newest_and_extreme_levels_carry_their_dates(metric, newest, lowest, highest):
    assert rows(ask(metric, "AAA")) == [("AAA", "2024-04-02", newest)]
    for aggregation, word, (value, day) in (("minimum", "lowest", lowest), ("maximum", "highest", highest)):
        found = facts(ask(metric, "AAA", aggregation=aggregation, period=ALL))
        assert found == {f"AAA {word} {metric}": value, f"AAA date of the {word} {metric}": day}


@pytest.mark.parametrize("metric", ["close", "open", "high", "low", "volume"])
@pytest.mark.parametrize(("aggregation", "reduce"), [("average", np.mean), ("median", np.median)])
def test_averages_state_their_span(metric, aggregation, reduce):
    answer = ask(metric, "AAA", aggregation=aggregation, period=MARCH)
    found = facts(answer)
    assert found[f"AAA {aggregation} {metric}"] == pytest.approx(reduce(A[metric][:5]))
    assert (found["AAA first session"], found["AAA last session"], found["AAA sessions"]) == (DAYS[0], DAYS[4], 5)
    assert rows(answer)[0][:4] == ("AAA", DAYS[0], DAYS[4], 5)


def test_volume_of_a_stretch_is_summed():
    assert facts(ask("volume", "AAA", aggregation="sum", period=ALL))["AAA total volume"] == 280


@pytest.mark.parametrize(
    ("grain", "ends"),
    [
        ("day", list(range(7))),
        ("week", [1, 4, 6]),
        ("month", [4, 6]),
        ("quarter", [4, 6]),
        ("year", [6]),
    ],
)
@pytest.mark.parametrize(
    ("metric", "reduce"),
    [("close", lambda v: v[-1]), ("open", lambda v: v[0]), ("high", max), ("low", min), ("volume", sum)],
)
def test_a_grain_makes_one_bar_of_several(metric, reduce, grain, ends):
    answer = ask(metric, "AAA", grain=grain, period=ALL, order="asc")
    cuts = [0, *(end + 1 for end in ends)]
    wanted = [reduce(A[metric][a:b]) for a, b in itertools.pairwise(cuts)]
    assert rows(answer) == [("AAA", DAYS[end], pytest.approx(value)) for end, value in zip(ends, wanted, strict=True)]


def test_a_grain_can_be_averaged():
    answer = ask("volume", "AAA", grain="month", aggregation="average", period=ALL, order="asc")
    assert rows(answer) == [("AAA", "2024-03-28", 30.0), ("AAA", "2024-04-02", 65.0)]


def test_the_average_day_is_one_figure():
    answer = ask("volume", "AAA", grain="day", aggregation="average", period=ALL)
    assert facts(answer)["AAA average volume"] == pytest.approx(sum(A["volume"]) / 7)
    assert facts(answer)["AAA sessions"] == 7 and len(rows(answer)) == 1


@pytest.mark.parametrize(("order", "word", "day", "close"), [("asc", "first", 1, 110), ("desc", "last", 6, 130.68)])
def test_the_first_and_the_last_time_are_stated(order, word, day, close):
    answer = ask("close", "AAA", period=ALL, filter={"operator": ">", "value": 108.9}, order=order, limit=1)
    assert facts(answer)[f"AAA {word} session"] == DAYS[day] == rows(answer)[0][1]
    assert facts(answer)[f"AAA {word} close"] == close and facts(answer)["AAA sessions found"] == 2


@pytest.mark.parametrize(
    ("operator", "limit", "days"),
    [
        (">", 108.9, [1, 6]),
        (">=", 108.9, [1, 3, 4, 6]),
        ("<", 99, [5]),
        ("<=", 99, [2, 5]),
        ("=", 100, [0]),
        (">", 999, []),
    ],
)
def test_filters_list_and_count_the_sessions(operator, limit, days):
    answer = ask("close", "AAA", period=ALL, filter={"operator": operator, "value": limit}, order="asc")
    assert [row[1] for row in rows(answer)] == [DAYS[day] for day in days]
    assert facts(answer)["AAA sessions found"] == len(days)


@pytest.mark.parametrize(("order", "shown"), [(None, [6, 5]), ("desc", [6, 5]), ("asc", [0, 1])])
def test_a_limited_list_starts_where_its_order_says(order, shown):
    assert [row[1] for row in rows(ask("close", "AAA", period=ALL, limit=2, order=order))] == [DAYS[i] for i in shown]


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        ({"start": "2024-03-22", "end": "2024-03-26"}, 1, 3),
        ({"start": "2024-03-23", "end": "2024-03-27"}, 2, 3),
        ({"start": "2024-03-27"}, 4, 6),
        ({"end": "2024-03-22"}, 0, 1),
        ({"name": "this_week"}, 5, 6),
        ({"name": "last_week"}, 2, 4),
        ({"name": "last_month"}, 0, 4),
        ({"last": 3, "unit": "sessions"}, 4, 6),
    ],
    ids=str,
)
def test_window_edges_are_inside(period, first, last):
    answer = ask("close", "AAA", period=period, order="asc")
    assert [row[1] for row in rows(answer)] == DAYS[first : last + 1]
    change = facts(answer)["AAA change over the list"]
    assert change == pytest.approx(A["close"][last] / A["close"][first] - 1)


@pytest.mark.parametrize("metric", ["open", "high", "low", "volume"])
@pytest.mark.parametrize("symbols", [("BBB",), ("AAA", "BBB")])
def test_closes_only_have_nothing_else(metric, symbols):
    with pytest.raises(NoData, match=f"closes only: its source gives no {metric}"):
        ask(metric, *symbols)


@pytest.mark.parametrize("metric", ["close", "return", "volatility", "sma"])
def test_a_period_without_sessions(metric):
    with pytest.raises(NoData):
        ask(metric, "AAA", period={"start": "2024-03-30", "end": "2024-03-31"})
    with pytest.raises(NoData, match="after the desk's date"):
        ask(metric, "AAA", period={"start": "2025-01-01"})


@pytest.mark.parametrize(
    ("metric", "needs"), [("close", "close"), ("open", "ohlc"), ("low", "ohlc"), ("volume", "volume")]
)
def test_a_question_says_which_fields_it_needs(metric, needs):
    SHELF.needs.clear()
    ask(metric, "AAA")
    assert SHELF.needs == [needs]


def test_units_follow_the_instrument():
    money, number = ask("close", "AAA").facts[0], ask("close", "IDX").facts[0]
    assert (money.unit, money.currency, number.unit, number.currency) == ("money", "USD", "number", None)
    mixed = ask("close", "AAA", "IDX").tables[0].columns[2]
    assert (mixed.unit, mixed.currency) == ("number", None)


def test_the_past_does_not_know_the_future():
    then = datetime(2024, 3, 26, 21, tzinfo=UTC)
    assert rows(ask("close", "AAA", known=then)) == [("AAA", "2024-03-26", 108.9)]
    assert facts(ask("close", "AAA", known=then, aggregation="maximum", period=ALL))["AAA highest close"] == 110


def test_an_old_value_is_said_to_be_old():
    assert "The newest known value is of 2024-01-03; the desk's date is 2024-04-02." in ask("close", "OLD").notes
    assert not any("newest known" in note for note in ask("close", "AAA").notes)


def test_a_group_leaves_out_what_is_stale_or_absent():
    answer = ask("close", group="made_group")
    assert [row[0] for row in rows(answer)] == ["TIE", "AAA", "BBB", "INV"]
    assert "2 of 6 have no prices in the period and are left out." in answer.notes
    assert [row[0] for row in rows(ask("close", group="made_group", order="asc", limit=2))] == ["INV", "BBB"]


# Returns --------------------------------------------------------------------------------------------------------------

DAILY = [0.1, -0.1, 0.1, 0.0, -0.2, 0.5]


@pytest.mark.parametrize("metric", ["return", "price_change"])
@pytest.mark.parametrize(
    ("period", "value", "start"),
    [
        ({"last": 1, "unit": "sessions"}, 0.5, 5),
        ({"last": 2, "unit": "sessions"}, 0.2, 4),
        ({"name": "today"}, 0.5, 5),
        ({"name": "latest"}, 0.5, 5),
        ({"name": "this_week"}, 0.2, 4),
        ({"name": "this_month"}, 0.2, 4),
        ({"start": "2024-03-22"}, 0.3068, 0),
        ({"start": "2024-03-25"}, 0.188, 1),
    ],
    ids=str,
)
def test_a_return_starts_at_the_close_before(metric, period, value, start):
    answer = ask(metric, "AAA", period=period)
    assert rows(answer) == [("AAA", DAYS[start], DAYS[6], pytest.approx(value))]


@pytest.mark.parametrize(
    ("grain", "ends", "values"),
    [
        ("day", DAYS[1:], DAILY),
        ("week", [DAYS[4], DAYS[6]], [-0.01, 0.2]),
        ("month", [DAYS[6]], [0.2]),
        ("year", [], []),
    ],
)
def test_returns_by_grain(grain, ends, values):
    answer = ask("return", "AAA", grain=grain, period=ALL)
    assert rows(answer) == [("AAA", day, pytest.approx(v)) for day, v in zip(ends, values, strict=True)]


@pytest.mark.parametrize(
    ("aggregation", "word", "value", "day"),
    [("minimum", "worst", -0.2, DAYS[5]), ("maximum", "best", 0.5, DAYS[6]), ("average", "average", 0.4 / 6, None),
     ("median", "median", 0.05, None)],
)  # fmt: skip
def test_daily_returns_are_reduced(aggregation, word, value, day):
    answer = ask("return", "AAA", aggregation=aggregation, period=ALL)
    assert rows(answer) == [("AAA", day, pytest.approx(value))]
    assert facts(answer)[f"AAA {word} day"] == pytest.approx(value)


@pytest.mark.parametrize(
    ("aggregation", "word", "days", "values"),
    [("maximum", "best", [6, 1, 3], [0.5, 0.1, 0.1]), ("minimum", "worst", [5, 2, 4], [-0.2, -0.1, 0.0])],
)
def test_several_best_or_worst_days_of_one(aggregation, word, days, values):
    answer = ask("return", "AAA", grain="day", aggregation=aggregation, limit=3, period=ALL)
    assert [row[1] for row in rows(answer)] == [DAYS[day] for day in days]
    assert [row[2] for row in rows(answer)] == pytest.approx(values)
    assert facts(answer)[f"AAA {word} day, number 2 ends"] == DAYS[days[1]]


@pytest.mark.parametrize(("order", "first"), [("asc", "INV"), ("desc", "AAA")])
def test_the_worst_days_of_several_are_ranked(order, first):
    answer = ask("return", "AAA", "INV", grain="day", aggregation="minimum", order=order, limit=1, period=ALL)
    # AAA fell by 20 % at worst, INV by half.
    assert [row[0] for row in rows(answer)] == [first] and f"{first} worst day" in facts(answer)


@pytest.mark.parametrize(("operator", "count"), [("<", 2), (">", 3), (">=", 4), ("=", 1), ("!=", 5)])
def test_days_up_and_down_are_counted(operator, count):
    answer = ask(
        "return", "AAA", grain="day", aggregation="count", period=ALL, filter={"operator": operator, "value": 0}
    )
    assert rows(answer) == [("AAA", None, count)]


@pytest.mark.parametrize("order", [None, "asc", "desc"])
def test_the_days_found_state_the_first_and_the_last(order):
    stated = facts(ask("return", "AAA", grain="day", filter={"operator": "<", "value": -0.05}, order=order))
    assert (stated["AAA first day ends"], stated["AAA last day ends"]) == (DAYS[2], DAYS[5])
    assert stated["AAA first day's return"] == pytest.approx(-0.1)
    assert stated["AAA last day's return"] == pytest.approx(-0.2)
    assert stated["AAA days found"] == 2


def test_days_are_found_in_the_whole_history():
    later = datetime(2026, 4, 2, 21, tzinfo=UTC)
    found = ask("return", "AAA", grain="day", filter={"operator": "<", "value": -0.05}, known=later)
    assert facts(found)["AAA days found"] == 2


def test_a_comparison_is_the_difference():
    answer = ask("return", "AAA", period={"name": "this_week"}, versus={"name": "last_week"})
    assert rows(answer) == [("AAA", pytest.approx(0.2), pytest.approx(-0.01), pytest.approx(0.21))]


def test_ties_are_ranked_by_symbol():
    period = {"last": 1, "unit": "sessions"}
    down = ask("price_change", "INV", "TIE", "AAA", order="desc", period=period)
    up = ask("price_change", "INV", "TIE", "AAA", order="asc", period=period)
    assert [row[0] for row in rows(down)] == ["TIE", "AAA", "INV"]
    assert [row[0] for row in rows(up)] == ["INV", "AAA", "TIE"]
    assert rows(down)[0][3] == rows(down)[1][3] == pytest.approx(0.5)


def test_one_close_has_no_return():
    with pytest.raises(NoData, match="ONE has fewer than two closes"):
        ask("return", "ONE", period=ALL)


# Statistics and pairs -------------------------------------------------------------------------------------------------


def test_volatility_sharpe_and_drawdown_by_hand():
    deviation = np.std(DAILY, ddof=1)
    assert rows(ask("volatility", "AAA", period=ALL))[0][3:] == (6, pytest.approx(deviation * 252**0.5))
    assert rows(ask("sharpe", "AAA", period=ALL))[0][4] == pytest.approx(np.mean(DAILY) / deviation * 252**0.5)
    found = facts(ask("max_drawdown", "AAA", period=ALL))
    assert found["AAA Maximum drawdown"] == pytest.approx(87.12 / 110 - 1)
    assert (found["AAA drawdown peak"], found["AAA drawdown trough"]) == (DAYS[1], DAYS[5])


def test_a_series_and_itself_and_its_mirror():
    matrix = rows(ask("correlation", "AAA", "TIE", "INV", period=ALL))
    assert matrix[0][1:] == pytest.approx((1.0, 1.0, -1.0)) and matrix[2][1:] == pytest.approx((-1.0, -1.0, 1.0))
    assert facts(ask("beta", "AAA", benchmark="AAA", period=ALL))["AAA beta to AAA"] == pytest.approx(1.0)
    assert facts(ask("beta", "INV", benchmark="AAA", period=ALL))["INV beta to AAA"] == pytest.approx(-1.0)


def test_common_sessions_only():
    found = facts(ask("correlation", "AAA", "BBB", period=ALL))
    assert found["correlation of AAA and BBB"] == pytest.approx(1.0) and found["sessions"] == 5
    with pytest.raises(NoData, match="share fewer than 3 returns"):
        ask("correlation", "AAA", "BBB", period={"last": 2, "unit": "sessions"})


def test_spread_and_ratio_on_common_days():
    spread = ask("spread", "AAA", "BBB", period={"start": "2024-03-21"})
    assert [row[0] for row in rows(spread)] == [DAYS[0], DAYS[1], DAYS[2], DAYS[4], DAYS[5], DAYS[6]]
    assert [row[1] for row in rows(spread)] == pytest.approx([50, 55, 49.5, 54.45, 43.56, 65.34])
    other = ask("spread", "BBB", "AAA", period={"start": "2024-03-21"})
    assert [row[1] for row in rows(other)] == pytest.approx([-row[1] for row in rows(spread)])
    ratio = ask("price_ratio", "AAA", "BBB", period={"start": "2024-03-21"})
    assert {round(row[1], 9) for row in rows(ratio)} == {2.0}
    assert (spread.facts[0].unit, ratio.facts[0].unit) == ("money", "number")


def test_a_pair_is_two():
    for symbols in (("AAA",), ("AAA", "BBB", "TIE")):
        with pytest.raises(InvalidInput, match="needs"):
            ask("spread", *symbols)


@pytest.mark.parametrize(("window", "value"), [(1, 130.68), (2, 108.9), (3, 108.9), (7, 744.6 / 7)])
def test_the_average_of_the_last_closes(window, value):
    assert rows(ask("sma", "AAA", window=window)) == [("AAA", DAYS[6], pytest.approx(value))]
    (row,) = rows(ask("price_vs_sma", "AAA", window=window))
    assert row[2:] == pytest.approx((130.68 / value - 1, 130.68, value))


def test_too_few_sessions_for_an_indicator():
    with pytest.raises(NoData, match="AAA has too few sessions for 8"):
        ask("sma", "AAA", window=8)
