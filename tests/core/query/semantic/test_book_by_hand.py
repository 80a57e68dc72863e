"""Questions on an account of three positions whose every figure is known by hand, without a database."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace

import pytest

from core.domain.as_of import AsOf
from core.domain.books import Account
from core.domain.market_records import Instrument
from core.errors import InvalidInput, NoData, UnknownName
from core.execution.books import Holdings, PositionLine
from core.execution.stores import NavPoint
from core.ports.query import QueryResult
from core.query.semantic.answer import Sources
from core.query.semantic.book import describe_legs
from core.query.semantic.evaluate import evaluate
from core.query.semantic.metric_query import MetricQuery
from core.query.semantic.metrics import METRICS

NOW = datetime(2024, 6, 14, 21, tzinfo=UTC)
DEPOSITS = 96_550
NAVS = {"2024-06-03": 100_000, "2024-06-04": 125_000, "2024-06-05": 110_000, "2024-06-10": 90_000,
        "2024-06-13": 99_500, "2024-06-14": 100_000}  # fmt: skip


def line(key, symbol, quantity, cost, price, today, realized=0):
    value = Decimal(quantity) * Decimal(price)
    return PositionLine(
        instrument_id=key, symbol=symbol, name=f"{symbol} Corp", quantity=Decimal(quantity),
        average_cost=Decimal(cost), price=Decimal(price), price_session="2024-06-14", market_value=value,
        weight=value / 100_000, unrealized_pnl=value - Decimal(quantity) * Decimal(cost),
        realized_pnl=Decimal(realized), pnl_today=Decimal(today), remark="",
    )  # fmt: skip


LINES = (
    line(1, "AAA", 100, 200, 250, 300, 2500),
    line(2, "BBB", 100, 250, 200, -700),
    line(3, "CCC", -50, 120, 100, 900),
)
ACCOUNT = Account(account_id="acc_main", name="main", broker="paper", opened_at=datetime(2024, 6, 1, tzinfo=UTC))
HELD = Holdings(
    account=ACCOUNT, as_of=NOW, cash=Decimal(60_000), nav=Decimal(100_000), positions=LINES, deposits=Decimal(DEPOSITS),
    unrealized_pnl=Decimal(1000), realized_pnl=Decimal(2500), fees=Decimal(50), total_pnl=Decimal(3450),
    pnl_today=Decimal(500), nav_before=Decimal(99_500), gross_exposure=Decimal("0.5"), net_exposure=Decimal("0.4"),
    drawdown=Decimal("-0.2"), notes=("A remark on the book.",),
)  # fmt: skip


class Ledger:
    """Stand in for the books: one account whose total profit is its value less what was paid in."""

    def __init__(self, held=HELD, navs=NAVS):
        self.held, self.navs = held, navs

    def account(self, account_id=None):
        if account_id not in (None, "acc_main"):
            raise UnknownName("account", account_id, ["acc_main"])
        return self.held.account

    def holdings(self, account_id=None, as_of=None):
        self.account(account_id)
        if as_of.known >= NOW:
            return self.held
        points = self.nav_history(account_id, as_of)
        nav = points[-1].nav if points else Decimal(DEPOSITS)
        return replace(self.held, nav=nav, total_pnl=nav - DEPOSITS)

    def profits(self, account_id=None, as_of=None):
        """AAA and BBB are held throughout, CCC since the 5th; DDD was sold with a loss on the 4th."""
        if as_of.known >= NOW:
            return {1: Decimal(7500), 2: Decimal(-5000), 3: Decimal(1000), 4: Decimal(-50)}
        if as_of.known >= datetime(2024, 6, 6, tzinfo=UTC):
            return {1: Decimal(7000), 2: Decimal(-1000), 3: Decimal(1500), 4: Decimal(-50)}
        return {1: Decimal(0), 2: Decimal(500)}

    def symbol(self, key):
        return ["AAA", "BBB", "CCC", "DDD"][key - 1]

    def nav_history(self, account_id=None, as_of=None):
        return [
            NavPoint(session=date.fromisoformat(day), closed_at=close, nav=Decimal(nav), cash=Decimal(60_000))
            for day, nav in self.navs.items()
            if (close := datetime.fromisoformat(day + "T20:00+00:00")) <= as_of.known
        ]


class Names:
    """Stand in for the instruments: four symbols."""

    def find(self, name):
        symbols = ["AAA", "BBB", "CCC", "DDD"]
        if name.upper() not in symbols:
            raise UnknownName("symbol", name, symbols)
        key = symbols.index(name.upper()) + 1
        return Instrument(instrument_id=key, symbol=name.upper(), name=name, asset_class="equity", calendar="XNYS",
                          source="made", known_at=NOW)  # fmt: skip

    def list(self, *, asset_class=None, group=None, on=None):
        """AAA and CCC are of the group `tech`, DDD of `bond`."""
        members = {"tech": ("AAA", "CCC"), "bond": ("DDD",)}
        return [self.find(symbol) for symbol in members.get(group, ())]


class Rows:
    """Stand in for the query runner: gives its rows and remembers what was asked."""

    def __init__(self, rows=()):
        self.rows, self.asked = tuple(rows), []

    def run(self, statement, parameters=None, *, as_of, max_rows=1000):
        self.asked.append(SimpleNamespace(statement=statement, values=parameters, as_of=as_of, max_rows=max_rows))
        return QueryResult(columns=(), types=(), rows=self.rows, truncated=False, sql=statement.text, milliseconds=0.1)


def sources(held=HELD, navs=NAVS, rows=()):
    return Sources(instruments=Names(), bars=None, macro=None, query=Rows(rows), books=Ledger(held, navs),
                   as_of=AsOf(known=NOW), wall=NOW)  # fmt: skip


def ask(metric, desk=None, **arguments):
    return evaluate(MetricQuery(metric=metric, **arguments), desk or sources())


def facts(answer):
    return {fact.name: fact.value for fact in answer.facts}


def rows(answer):
    return list(answer.tables[0].rows)


EMPTY = replace(HELD, positions=(), cash=Decimal(0), nav=Decimal(0), nav_before=None, drawdown=None, notes=())
BOOK = [name for name, metric in METRICS.items() if metric.kind == "book"]


# Positions ---------------------------------------------------------------------------------------------------------


def test_positions_are_ordered_by_size_whatever_the_side():
    answer = ask("positions")
    assert [row[0] for row in rows(answer)] == ["AAA", "BBB", "CCC"]
    assert [row[5] for row in rows(answer)] == [25_000.0, 20_000.0, -5_000.0]
    assert [row[0] for row in rows(ask("positions", order="asc"))] == ["CCC", "BBB", "AAA"]


def test_a_position_row_holds_what_the_book_says():
    first = rows(ask("positions"))[0]
    assert first == ("AAA", 100.0, 200.0, 250.0, "2024-06-14", 25_000.0, 0.25, 5_000.0, 300.0)
    units = [column.unit for column in ask("positions").tables[0].columns]
    assert units == ["text", "shares", "money", "money", "date", "money", "ratio", "money", "money"]
    assert {c.currency for c in ask("positions").tables[0].columns if c.unit == "money"} == {"USD"}


def test_few_positions_state_quantity_and_profit_each():
    found = facts(ask("positions"))
    assert (found["AAA market value"], found["AAA quantity"], found["AAA unrealised P&L"]) == (25_000, 100, 5_000)
    assert (found["CCC market value"], found["CCC quantity"], found["CCC unrealised P&L"]) == (-5_000, -50, 1_000)
    assert found["number of positions"] == 3


def test_many_positions_state_eight_values_only():
    many = tuple(line(i, f"S{i}", 100 - i, 10, 10, 0) for i in range(1, 13))
    answer = ask("positions", sources(replace(HELD, positions=many)))
    found = facts(answer)
    assert len(rows(answer)) == found["number of positions"] == 12
    assert sum(name.endswith("market value") for name in found) == 8
    assert not any("quantity" in name for name in found)


@pytest.mark.parametrize(("limit", "shown"), [(1, ["AAA"]), (2, ["AAA", "BBB"]), (9, ["AAA", "BBB", "CCC"])])
def test_a_limit_cuts_the_rows_but_not_the_count(limit, shown):
    answer = ask("positions", limit=limit)
    assert [row[0] for row in rows(answer)] == shown
    assert facts(answer)["number of positions"] == 3


def test_the_chart_of_weights_needs_two_bars():
    (chart,) = ask("positions").charts
    assert (chart.kind, chart.unit, chart.series[0].y) == ("bar", "ratio", (0.25, 0.2, -0.05))
    assert ask("positions", limit=1).charts == []


@pytest.mark.parametrize(("order", "symbols"), [(None, "ABC"), ("desc", "ABC"), ("asc", "CBA")])
def test_weights_are_signed_shares_of_the_value(order, symbols):
    answer = ask("weight", order=order)
    assert [row[0][0] for row in rows(answer)] == list(symbols)
    found = facts(answer)
    assert (found["AAA weight"], found["BBB weight"], found["CCC weight"]) == (0.25, 0.2, -0.05)
    assert sum(value for name, value in found.items() if name.endswith("weight")) + 0.6 == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("operator", "value", "symbols"),
    [(">", 0.2, ["AAA"]), (">=", 0.2, ["AAA", "BBB"]), ("<", 0.0, ["CCC"]), (">", -1.0, ["AAA", "BBB", "CCC"])],
)
def test_only_the_positions_of_such_a_weight(operator, value, symbols):
    answer = ask("weight", filter={"operator": operator, "value": value})
    assert [row[0] for row in rows(answer)] == symbols
    assert facts(answer)["number of positions"] == len(symbols)


def test_no_position_of_such_a_weight():
    with pytest.raises(NoData, match=r"No position has a weight > 0\.5"):
        ask("weight", filter={"operator": ">", "value": 0.5})


def test_named_positions_only():
    answer = ask("positions", symbols=("ccc", "AAA"))
    assert [row[0] for row in rows(answer)] == ["AAA", "CCC"]
    partly = ask("weight", symbols=("AAA", "DDD"))
    assert [row[0] for row in rows(partly)] == ["AAA"] and "The account holds no DDD." in partly.notes


@pytest.mark.parametrize("metric", ["positions", "weight", "average_cost", "pnl"])
def test_a_symbol_that_is_not_held(metric):
    with pytest.raises(NoData, match=r"The account holds no DDD\."):
        ask(metric, symbols=("DDD",))
    with pytest.raises(UnknownName, match="ZZZ"):
        ask(metric, symbols=("ZZZ",))


@pytest.mark.parametrize("metric", ["positions", "weight", "average_cost"])
def test_an_empty_book_says_what_to_do(metric):
    with pytest.raises(NoData, match="Account 'main' holds no positions") as nothing:
        ask(metric, sources(EMPTY, {}))
    assert "Propose a trade" in nothing.value.hint


# Cost, cash, value ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("symbol", "cost", "price"), [("AAA", 200, 250), ("BBB", 250, 200), ("CCC", 120, 100)])
def test_average_cost_beside_the_close(symbol, cost, price):
    found = facts(ask("average_cost", symbols=(symbol,)))
    assert (found[f"{symbol} average cost"], found[f"{symbol} last close"]) == (cost, price)
    assert found[f"{symbol} close versus average cost"] == pytest.approx(price / cost - 1)
    assert found[f"{symbol} close of"] == "2024-06-14" and len(found) == 4


def test_a_position_that_cost_nothing_has_no_ratio_to_its_cost():
    gift = replace(LINES[0], average_cost=Decimal(0))
    found = facts(ask("average_cost", sources(replace(HELD, positions=(gift,)))))
    assert found["AAA average cost"] == 0 and "AAA close versus average cost" not in found


def test_cash_and_its_share():
    found = facts(ask("cash"))
    assert found == {"cash": 60_000, "net asset value": 100_000, "cash share of net asset value": 0.6}
    assert facts(ask("cash", sources(EMPTY, {}))) == {"cash": 0, "net asset value": 0}


@pytest.mark.parametrize("period", [None, {"name": "latest"}])
def test_value_without_a_period_has_no_history(period):
    answer = ask("nav", **({"period": period} if period else {}))
    assert facts(answer) == {"net asset value": 100_000, "cash": 60_000}
    assert answer.tables == [] and answer.charts == []


@pytest.mark.parametrize(
    ("grain", "days"),
    [
        ("day", list(NAVS)),
        ("week", ["2024-06-05", "2024-06-14"]),  # the 3rd and the 10th are Mondays
        ("month", ["2024-06-14"]),
        ("year", ["2024-06-14"]),
    ],
)
def test_values_at_the_end_of_each_week_or_month(grain, days):
    found = rows(ask("nav", period={"name": "all"}, grain=grain))
    assert [(row[0], row[1]) for row in found] == [(day, NAVS[day]) for day in days]


@pytest.mark.parametrize(
    ("period", "days"),
    [
        ({"name": "all"}, list(NAVS)),
        ({"name": "this_week"}, list(NAVS)[3:]),
        ({"name": "last_week"}, list(NAVS)[:3]),
        ({"name": "yesterday"}, ["2024-06-13"]),
        ({"last": 2, "unit": "sessions"}, list(NAVS)[-2:]),
        ({"last": 50, "unit": "sessions"}, list(NAVS)),
        ({"start": "2024-06-05"}, list(NAVS)[2:]),
        ({"end": "2024-06-04"}, list(NAVS)[:2]),
        ({"start": "2024-06-04", "end": "2024-06-10"}, list(NAVS)[1:4]),
    ],
    ids=str,
)
def test_values_of_a_period_lie_inside_it(period, days):
    answer = ask("nav", period=period)
    assert rows(answer) == [(day, float(NAVS[day]), 60_000.0) for day in days]
    assert len(answer.charts) == (len(days) > 1)


# Profit ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("period", [None, {"name": "today"}, {"name": "latest"}])
def test_profit_of_today(period):
    answer = ask("pnl", **({"period": period} if period else {}))
    found = facts(answer)
    assert (found["P&L today"], found["total P&L"]) == (500, 3_450)
    assert found["P&L today, share of net asset value"] == pytest.approx(500 / 99_500)
    assert [row[0] for row in rows(answer)] == ["CCC", "BBB", "AAA"]
    assert answer.charts[0].series[0].y == (900.0, -700.0, 300.0)


def test_the_positions_add_up_to_the_day():
    assert sum(row[8] for row in rows(ask("pnl"))) == facts(ask("pnl"))["P&L today"]


def test_no_day_before_no_share_of_it():
    found = facts(ask("pnl", sources(replace(HELD, nav_before=None))))
    assert "P&L today, share of net asset value" not in found and found["P&L today"] == 500


def test_symbols_are_ranked_by_what_they_made_in_the_period():
    best = ask("pnl", order="desc", period={"start": "2024-06-07"})
    assert rows(best) == [("AAA", 500.0), ("DDD", 0.0), ("CCC", -500.0), ("BBB", -4000.0)]
    assert rows(ask("pnl", order="asc", limit=1, period={"start": "2024-06-07"})) == [("BBB", -4000.0)]
    assert facts(best)["from"] == "2024-06-07" and facts(best)["to"] == "2024-06-14"


def test_without_a_period_the_ranking_is_of_all_that_was_made():
    assert rows(ask("pnl", order="desc", period={"name": "all"}))[0] == ("AAA", 7500.0)


def test_the_profit_of_a_symbol_in_a_past_period_is_a_difference():
    found = facts(ask("pnl", symbols=["CCC"], period={"start": "2024-06-03", "end": "2024-06-06"}))
    assert found["CCC P&L of the period"] == 1500.0 and "AAA P&L of the period" not in found
    with pytest.raises(NoData, match="traded nothing"):
        ask("pnl", symbols=["DDD"], period={"start": "2024-06-01", "end": "2024-06-03"})


def test_profit_of_an_account_without_positions_is_a_number():
    answer = ask("pnl", sources(replace(HELD, positions=())))
    assert facts(answer)["P&L today"] == 500 and answer.tables == [] and answer.charts == []


def test_total_profit_is_unrealised_and_realised_less_fees():
    found = facts(ask("pnl", period={"name": "all"}))
    assert found == {"total P&L": 3_450, "unrealised P&L": 1_000, "realised P&L": 2_500, "fees": 50}
    assert found["total P&L"] == found["unrealised P&L"] + found["realised P&L"] - found["fees"]


@pytest.mark.parametrize(
    ("period", "profit", "start", "end"),
    [
        ({"name": "this_week"}, 100_000 - 110_000, "2024-06-10", "2024-06-14"),
        ({"name": "last_week"}, 110_000 - DEPOSITS, "2024-06-03", "2024-06-09"),
        ({"name": "this_month"}, 3_450, "2024-06-01", "2024-06-14"),
        ({"name": "last_month"}, 0, "2024-05-01", "2024-05-31"),
        ({"name": "yesterday"}, 99_500 - 90_000, "2024-06-13", "2024-06-13"),
        ({"last": 1, "unit": "sessions"}, 500, "2024-06-14", "2024-06-14"),
        ({"last": 2, "unit": "sessions"}, 10_000, "2024-06-13", "2024-06-14"),
        ({"last": 99, "unit": "sessions"}, 3_450, "2024-06-03", "2024-06-14"),
        ({"last": 10, "unit": "days"}, 100_000 - 100_000, "2024-06-04", "2024-06-14"),
        ({"start": "2024-06-04", "end": "2024-06-04"}, 25_000, "2024-06-04", "2024-06-04"),
        ({"start": "2024-06-05", "end": "2024-06-10"}, -35_000, "2024-06-05", "2024-06-10"),
        ({"start": "2024-06-06"}, -10_000, "2024-06-06", "2024-06-14"),
    ],
    ids=str,
)
def test_profit_of_a_period_is_the_move_of_the_value(period, profit, start, end):
    assert facts(ask("pnl", period=period)) == {"P&L of the period": profit, "from": start, "to": end}


def test_profits_of_adjoining_periods_add_up():
    def profit(start, end):
        return facts(ask("pnl", period={"start": start, "end": end}))["P&L of the period"]

    days = ["2024-06-01", "2024-06-04", "2024-06-07", "2024-06-11", "2024-06-15"]
    parts = [profit(a, f"{b[:8]}{int(b[8:]) - 1:02d}") for a, b in itertools.pairwise(days)]
    assert sum(parts) == profit("2024-06-01", "2024-06-14") == 3_450


def test_sessions_of_an_account_without_history():
    with pytest.raises(NoData, match="no history yet"):
        ask("pnl", sources(EMPTY, {}), period={"last": 5, "unit": "sessions"})


@pytest.mark.parametrize(("symbol", "today", "open_", "closed"), [("AAA", 300, 5_000, 2_500), ("BBB", -700, -5_000, 0)])
def test_profit_of_one_position(symbol, today, open_, closed):
    found = facts(ask("pnl", symbols=(symbol,)))
    assert found == {f"{symbol} P&L today": today, f"{symbol} unrealised P&L": open_, f"{symbol} realised P&L": closed}


# Drawdown -------------------------------------------------------------------------------------------------------------


def test_drawdown_from_the_peak_and_the_deepest():
    answer = ask("account_drawdown")
    found = facts(answer)
    assert found["account drawdown from the peak"] == -0.2
    assert found["net asset value"] / found["peak net asset value"] - 1 == pytest.approx(-0.2)
    assert (found["date of the peak"], found["deepest drawdown"]) == ("2024-06-04", pytest.approx(-0.28))
    assert answer.charts[0].series[0].y == pytest.approx((0.0, 0.0, -0.12, -0.28, -0.204, -0.2))


def test_a_value_above_every_close_is_the_peak_of_today():
    top = replace(HELD, nav=Decimal(130_000), drawdown=Decimal(0))
    found = facts(ask("account_drawdown", sources(top)))
    assert (found["peak net asset value"], found["date of the peak"]) == (130_000, "2024-06-14")


def test_no_history_no_drawdown():
    with pytest.raises(NoData, match="there is no drawdown"):
        ask("account_drawdown", sources(EMPTY, {}))
    with pytest.raises(NoData, match="there is no drawdown"):
        ask("account_drawdown", sources(HELD, {}))


# Fills, orders, proposals ---------------------------------------------------------------------------------------------

FILLS = [
    ("AAA", "buy", 60.0, 199.0, 1.0, "USD", "2024-06-03", "2024-06-03T15:00:00+00:00", "fil_1", "ord_1"),
    ("AAA", "buy", 40.0, 201.5, 1.0, "USD", "2024-06-04", "2024-06-04T15:00:00+00:00", "fil_2", "ord_1"),
]
ORDERS = [("AAA", "buy", 60.0, "limit", 199.0, "filled", 60.0, None, "2024-06-03T14:00:00+00:00", "ord_1")]


def proposal(key, state, expires, legs=(("buy", 10, "AAA"),)):
    text = json.dumps([{"side": side, "quantity": count, "symbol": symbol} for side, count, symbol in legs])
    return (key, text, 2_500.0, state, "ann", "usr_ann", "2024-06-14T12:00:00+00:00", expires)


def asked(metric, result=(), **arguments):
    desk = sources(rows=result)
    answer = ask(metric, desk, **arguments)
    (call,) = desk.query.asked
    return answer, call


def test_fills_are_listed_as_stored():
    answer, call = asked("fills", FILLS)
    assert rows(answer) == FILLS
    quantities = {"AAA buy quantity, fil_1": 60, "AAA buy quantity, fil_2": 40}
    assert facts(answer) == {"number of fills": 2, **quantities, "fees of the fills listed": 2}
    assert "execution.v_fills" in call.statement.text and answer.sql == [call.statement.text]


def test_fees_add_up_to_the_cent_and_only_in_one_currency():
    cents = [(*FILLS[0][:4], 0.1, *FILLS[0][5:]), (*FILLS[1][:4], 0.2, *FILLS[1][5:])]
    assert facts(asked("fills", cents)[0])["fees of the fills listed"] == 0.3
    mixed = [FILLS[0], (*FILLS[1][:5], "EUR", *FILLS[1][6:])]
    assert "fees of the fills listed" not in facts(asked("fills", mixed)[0])


def test_a_limit_cuts_what_is_shown_but_not_the_number():
    answer, _ = asked("fills", FILLS, limit=1)
    assert rows(answer) == FILLS[:1] and facts(answer)["number of fills"] == 2


def test_a_long_list_is_cut_and_its_number_is_not(monkeypatch):
    monkeypatch.setattr("core.query.semantic.book.DEFAULT_ROWS", 3)
    many = [(*FILLS[0][:8], f"fil_{key}", "ord_1") for key in range(7)]
    answer, _ = asked("fills", many)
    assert rows(answer) == many[:3] and facts(answer)["number of fills"] == 7
    assert "The first 3 of 7 are listed." in answer.notes


@pytest.mark.parametrize("metric", ["fills", "orders", "proposals"])
def test_nothing_listed_is_an_answer_of_zero(metric):
    answer, call = asked(metric)
    assert rows(answer) == [] and facts(answer) == {f"number of {metric}": 0}
    assert call.values == {"p1": NOW} and call.statement.label == "private" and call.as_of == AsOf(known=NOW)


@pytest.mark.parametrize(
    ("period", "values"),
    [
        ({"name": "today"}, [date(2024, 6, 14), date(2024, 6, 14)]),
        ({"name": "yesterday"}, [date(2024, 6, 13), date(2024, 6, 13)]),
        ({"name": "this_week"}, [date(2024, 6, 10), date(2024, 6, 16)]),
        ({"name": "last_month"}, [date(2024, 5, 1), date(2024, 5, 31)]),
        ({"start": "2024-06-05"}, [date(2024, 6, 5)]),
        ({"end": "2024-06-05"}, [date(2024, 6, 5)]),
        ({"name": "all"}, []),
        ({"name": "latest"}, []),
    ],
    ids=str,
)
@pytest.mark.parametrize("metric", ["fills", "orders", "proposals"])
def test_a_period_binds_its_days_at_the_exchange(metric, period, values):
    _, call = asked(metric, period=period)
    assert list(call.values.values()) == [NOW, *values]
    assert ("America/New_York" in call.statement.text) == bool(values)


@pytest.mark.parametrize("metric", ["fills", "orders", "proposals"])
def test_an_account_is_looked_up_before_it_is_asked_for(metric):
    _, call = asked(metric, account="acc_main")
    assert list(call.values.values()) == [NOW, "acc_main"] and "account_id = $2" in call.statement.text
    with pytest.raises(UnknownName, match="acc_other"):
        ask(metric, account="acc_other")


@pytest.mark.parametrize("metric", ["fills", "orders"])
@pytest.mark.parametrize(("order", "descending"), [(None, True), ("desc", True), ("asc", False)])
def test_lists_run_newest_first_unless_asked(metric, order, descending):
    _, call = asked(metric, order=order, symbols=("bbb", "AAA"))
    assert ("DESC" in call.statement.text) == descending
    assert list(call.values.values()) == [NOW, ["BBB", "AAA"]]


@pytest.mark.parametrize(
    ("state", "states"),
    [
        ("pending", ["intended", "submitting", "unknown", "accepted", "partially_filled"]),
        ("Open", ["intended", "submitting", "unknown", "accepted", "partially_filled"]),
        ("working", ["accepted", "partially_filled"]),
        ("REJECTED", ["rejected", "denied"]),
        ("canceled", ["cancelled"]),
        ("cancelled", ["cancelled"]),
        ("filled", ["filled"]),
    ],
)
def test_words_for_states_of_orders(state, states):
    answer, call = asked("orders", ORDERS, state=state)
    assert call.values["p2"] == states
    assert facts(answer)["AAA buy order ord_1"] == "filled" and "States of orders are those of now." in answer.notes


@pytest.mark.parametrize(("word", "state"), [("waiting", "pending"), ("open", "pending"), ("Approved", "approved")])
def test_words_for_states_of_proposals(word, state):
    _, call = asked("proposals", state=word)
    assert call.values["p2"] == state
    assert ("desk_time DESC" in call.statement.text) == (state != "pending")


def test_pending_proposals_say_how_long_they_wait():
    answer, _ = asked("proposals", [
        proposal("p1", "pending", "2024-06-16T09:00:00+00:00"),
        proposal("p2", "pending", "2024-06-14T20:00:00+00:00", (("sell", 5, "BBB"), ("buy", 7, "CCC"))),
        proposal("p3", "approved", "2024-06-20T09:00:00+00:00"),
    ])  # fmt: skip
    assert [row[8] for row in rows(answer)] == [1.5, 0.0, None]
    assert [row[1] for row in rows(answer)] == ["buy 10 AAA", "sell 5 BBB, buy 7 CCC", "buy 10 AAA"]
    assert facts(answer) == {"number of proposals": 3, "buy 10 AAA (p1): time to expiry": 1.5,
                             "sell 5 BBB, buy 7 CCC (p2): time to expiry": 0.0}  # fmt: skip


def test_legs_that_cannot_be_read_are_an_error():
    assert describe_legs("[]") == ""
    with pytest.raises(InvalidInput, match="legs of a proposal cannot be read"):
        describe_legs("buy 10 AAA")


# What holds for all ---------------------------------------------------------------------------------------------------


def test_every_question_on_the_book_is_private():
    assert len(BOOK) == 10 and {METRICS[name].label for name in BOOK} == {"private"}


@pytest.mark.parametrize("metric", [name for name in BOOK if name not in ("fills", "orders", "proposals")])
def test_remarks_and_account_travel_with_the_figures(metric):
    answer = ask(metric)
    assert "A remark on the book." in answer.notes and answer.sources == ["account acc_main"]
    with pytest.raises(UnknownName, match="acc_other"):
        ask(metric, account="acc_other")


@pytest.mark.parametrize("metric", BOOK)
def test_the_book_takes_neither_window_nor_second_period(metric):
    with pytest.raises(InvalidInput, match="takes no window"):
        ask(metric, window=5)
    with pytest.raises(InvalidInput, match="cannot be compared"):
        ask(metric, versus={"name": "last_year"})
