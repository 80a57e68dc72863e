"""Ask in the words of people who do not know the desk's, each kind in several voices, and what must be asked back."""

from datetime import date
from typing import Any

import pytest

from agents.planner.plan import Plan
from agents.planner.planner import plan_conversation
from agents.planner.universe import Universe, build_universe
from core.data.universe import universe

TODAY = date(2026, 6, 24)


@pytest.fixture(scope="module")
def names() -> Universe:
    return build_universe(universe())


def plan(names: Universe, *turns: str) -> Plan:
    return plan_conversation(turns, names, TODAY)


def asked(names: Universe, *turns: str) -> list[dict[str, Any]]:
    found = plan(names, *turns)
    assert found.calls, (found.outcome, found.say)
    return [call.args for call in found.calls]


def holds(part: dict[str, Any], whole: dict[str, Any]) -> bool:
    return all(whole.get(key) == value for key, value in part.items())


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("How have the dividend fund VIG and the plain S&P 500 fund VOO done over five years?", ["VIG", "VOO"]),
        ("Where did the Vanguard total market fund, VTI, finish at the last close?", ["VTI"]),
        ("close of BND, the Vanguard bond fund", ["BND"]),
        ("volatility of the minimum volatility fund USMV since 2020", ["USMV"]),
        ("the Nasdaq fund QQQ: what was its return in 2024?", ["QQQ"]),
        ("what did the utilities fund return in 2024", ["XLU"]),
        ("how is the gold miners etf doing this year", ["GDX"]),
        ("price of the bitcoin etf IBIT", ["IBIT"]),
        ("My wife asks how the Vanguard total stock market fund did in 2024.", ["VTI"]),
        ("whats robinhood stock at", ["HOOD"]),
        ("best performing etf SPY or QQQ this year", ["SPY", "QQQ"]),
        ("returns of uber, snow and net this year", ["UBER", "SNOW", "NET"]),
        ("correlation of btc, eth and link", ["BTC-USD", "ETH-USD", "LINK-USD"]),
    ],
)
def test_a_description_beside_a_symbol_is_that_symbol(names: Universe, text: str, symbols: list[str]) -> None:
    assert [args["symbols"] for args in asked(names, text)] == [symbols]


@pytest.mark.parametrize(
    "text",
    [
        "Would you kindly compare the two funds for me?",
        "how did the fund do",
        "what's the stock at",
        "is the coin up today",
        "Beta of the stock over that window, please.",
        "Trim the position a little, would you.",
        "compare those two stocks",
        "how has the dividend fund done",
    ],
)
def test_what_nobody_named_is_asked_back(names: Universe, text: str) -> None:
    found = plan(names, text)
    assert (found.outcome, found.calls) == ("clarify", ())


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("any us data tmrw", {"country": "US", "period": {"name": "tomorrow"}}),
        ("us numbers tmrw?", {"country": "US", "period": {"name": "tomorrow"}}),
        ("what data is out this week", {"period": {"name": "this_week"}}),
        ("which figures come out on friday", {"period": {"start": "2026-06-26", "end": "2026-06-26"}}),
        ("On what date does the Federal Reserve announce its next interest rate decision?", {"topic": "FOMC"}),
        ("On which day will the Federal Reserve next announce what it does with rates?", {"topic": "FOMC"}),
        ("when does the fed meet", {"topic": "FOMC", "period": {"name": "upcoming"}}),
        ("did the fed cut last week", {"topic": "FOMC", "period": {"name": "last_week"}}),
        ("did cpi come in hotter than expected last time?", {"topic": "CPI", "limit": 1, "order": "desc"}),
        ("was the last jobs report stronger than forecast", {"topic": "payrolls", "limit": 1, "order": "desc"}),
        ("nfp actual vs consensus last 3 prints", {"topic": "payrolls", "limit": 3, "order": "desc"}),
        ("Actual versus forecast for the six most recent nonfarm payroll releases.", {"topic": "payrolls", "limit": 6}),
        (
            "the ECB rate meetings still to come this year, so I can plan around them",
            {"topic": "ECB", "period": {"start": "2026-06-24", "end": "2026-12-31"}},
        ),
        (
            "I need the remaining ECB decision dates for 2026.",
            {"topic": "ECB", "period": {"start": "2026-06-24", "end": "2026-12-31"}},
        ),
    ],
)
def test_releases_that_are_due_or_set_against_their_forecast(names: Universe, text: str, part: dict[str, Any]) -> None:
    (args,) = asked(names, text)
    assert args["metric"] == "economic_events"
    assert holds(part, args), args


@pytest.mark.parametrize("text", ["what data do you have for oil", "what data is stored for AAPL"])
def test_stored_data_are_no_releases(names: Universe, text: str) -> None:
    assert [call.name for call in plan(names, text).calls] == ["data_coverage"]


@pytest.mark.parametrize(
    ("text", "series", "metric"),
    [
        ("is unemployment going up or down lately", ["unemployment"], "macro_value"),
        ("What is the current rate on a thirty-year mortgage?", ["mortgage_rate"], "macro_value"),
        ("when was the last time the fed rate was under 3%", ["fed_funds"], "macro_value"),
        ("what is the fed rate", ["fed_funds"], "macro_value"),
        ("is inflation still coming down", ["cpi"], "macro_yoy"),
        ("Core PCE inflation year over year at monthly frequency, 2023 to 2024.", ["core_pce"], "macro_yoy"),
    ],
)
def test_macro_series_in_plain_words(names: Universe, text: str, series: list[str], metric: str) -> None:
    (args,) = asked(names, text)
    assert (args["series"], args["metric"]) == (series, metric)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("anything going on with taiwan i should know about?", "Taiwan"),
        ("Has anything serious happened around the Strait of Hormuz in the past month?", "Strait of Hormuz"),
        ("what's the situation in the middle east", "Middle East"),
        ("red sea attacks this month", "Red Sea"),
        (
            "Has anything happened with Iran in the last seven days that somebody with savings should know about?",
            "Iran",
        ),
        ("anything going on with taiwan lately? i've got tsm so kinda nervous", "Taiwan"),
        ("any new sanctions on russia", "Russia"),
    ],
)
def test_what_happens_somewhere_is_an_event_there(names: Universe, text: str, place: str) -> None:
    (args,) = asked(names, text)
    assert (args["metric"], args["topic"]) == ("geopolitical_events", place)


def test_a_place_that_no_call_would_hold_is_asked_about(names: Universe) -> None:
    found = plan(names, "price of oil in iran")
    assert (found.outcome, found.calls) == ("clarify", ())


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("MACD of JPM with 12, 26 and 9, latest values.", {"macd": {"fast": 12, "slow": 26, "signal": 9}}),
        ("macd msft 12-26-9", {"macd": {"fast": 12, "slow": 26, "signal": 9}}),
        ("MSFT MACD with its standard 12-26-9 settings", {"macd": {"fast": 12, "slow": 26, "signal": 9}}),
        ("spy atr, 20 period", {"atr": {"period": 20}}),
    ],
)
def test_figures_beside_an_indicator_are_its_parameters(names: Universe, text: str, parameters: dict[str, Any]) -> None:
    (args,) = asked(names, text)
    assert args["parameters"] == parameters


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("nvda mtd", "2026-06-01"),
        ("qqq qtd", "2026-04-01"),
        ("nvda, ytd", "2026-01-01"),
        ("btc 7d", "2026-06-17"),
        ("spy 3m", "2026-03-24"),
    ],
)
def test_a_symbol_and_a_stretch_of_time_is_its_return(names: Universe, text: str, start: str) -> None:
    (found,) = plan(names, text).calls
    assert (found.name, found.args["start"]) == ("performance", start)


@pytest.mark.parametrize(
    ("text", "metric", "symbol"),
    [
        ("lam open on monday?", "open", "LRCX"),
        ("tsla open yesterday", "open", "TSLA"),
        ("vix last", "close", "^VIX"),
        ("xle 50d", "sma", "XLE"),
        ("200d on spy", "sma", "SPY"),
    ],
)
def test_a_symbol_and_one_word_of_a_trader(names: Universe, text: str, metric: str, symbol: str) -> None:
    (args,) = asked(names, text)
    assert (args["metric"], args["symbols"]) == (metric, [symbol])


@pytest.mark.parametrize("text", ["is aapl open for trading", "aapl 2023", "nvda"])
def test_a_symbol_with_too_little_is_asked_back(names: Universe, text: str) -> None:
    assert plan(names, text).outcome == "clarify"


@pytest.mark.parametrize(
    ("text", "metrics"),
    [
        ("xom px and rsi", ["close", "rsi"]),
        ("close and volume of MSFT yesterday", ["close", "volume"]),
        ("tsla price and latest news", ["close", "news"]),
        ("btc price + 30d vol", ["close", "realized_volatility"]),
        ("give me the close and the 200-day average of IWM", ["close", "sma"]),
        ("vix last + next nfp date", ["close", "economic_events"]),
        ("wti spot + 50d on xle", ["macro_value", "sma"]),
        ("whats ethereum at and how much am i up overall", ["close", "pnl"]),
        ("Report the vol of TLT in 2023, and its correlation with SPY that year.", ["volatility", "correlation"]),
        ("Drawdown of TQQQ since 2020-02-03, and its beta to QQQ over the same span.", ["max_drawdown", "beta"]),
        (
            "Drawdown of SMH over 60 days and its correlation with QQQ in the same window.",
            ["max_drawdown", "correlation"],
        ),
    ],
)
def test_two_measures_are_a_call_each(names: Universe, text: str, metrics: list[str]) -> None:
    assert [args["metric"] for args in asked(names, text)] == metrics


def test_its_beta_is_that_of_what_was_talked_about(names: Universe) -> None:
    last = asked(names, "Drawdown of TQQQ since 2020-02-03, and its beta to QQQ over the same span.")[-1]
    assert (last["symbols"], last["benchmark"], last["period"]) == (["TQQQ"], "QQQ", {"start": "2020-02-03"})


def test_the_same_window_keeps_the_dates(names: Universe) -> None:
    turns = ("Volatility of HYG from 2 January 2020 to 30 December 2022.", "Same window for LQD and IEF.")
    (args,) = asked(names, *turns)
    assert args["symbols"] == ["LQD", "IEF"]
    assert args["period"] == {"start": "2020-01-02", "end": "2022-12-30"}


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("if i bought robinhood stock at the beginning of 2025 how much would i be up by now", "2025-01-01"),
        ("what would i have made if i had bought nvidia in march 2020", "2020-03-01"),
    ],
)
def test_what_was_bought_then_is_held_since(names: Universe, text: str, start: str) -> None:
    (args,) = asked(names, text)
    assert args["start"] == start
    assert "end" not in args


def test_years_of_a_range_are_no_crisis(names: Universe) -> None:
    (args,) = asked(names, "Monthly total returns of QUAL and MTUM, January 2024 through December 2025")
    assert (args["metric"], args["grain"]) == ("return", "month")
    assert args["period"] == {"start": "2024-01-01", "end": "2025-12-31"}


def test_dates_of_a_range_are_no_crisis(names: Universe) -> None:
    text = "Annualised return and maximum drawdown of QQQ, 2010-01-01 through 2019-12-31."
    assert [args["metric"] for args in asked(names, text)] == ["annualized_return", "max_drawdown"]


@pytest.mark.parametrize("text", ["btc dom", "xyq spy"])
def test_a_short_word_is_no_slip_for_another(names: Universe, text: str) -> None:
    assert plan(names, text).outcome == "clarify"


def test_last_year_in_the_past_tense_is_the_calendar_year(names: Universe) -> None:
    (args,) = asked(names, "What did XLE return last year?")
    assert (args["start"], args["end"]) == ("2025-01-01", "2025-12-31")


@pytest.mark.parametrize(
    "text",
    [
        "book me a table for 2 tonight 8pm",
        "Which law firm should we use to renew our fund licence?",
        "Could you draft a job advertisement for a junior compliance officer?",
        "Would you proofread the introduction to my dissertation's second chapter?",
        "can you find me a plumber",
        "good gym near the office?",
        "Please book the chairman on a morning flight to Geneva for Monday.",
    ],
)
def test_other_worlds_are_declined(names: Universe, text: str) -> None:
    assert plan(names, text).outcome == "decline"


def test_the_book_is_no_booking(names: Universe) -> None:
    assert [args["metric"] for args in asked(names, "book pnl today")] == ["pnl"]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("How high did gold get this year, measured by GLD?", {"metric": "high", "aggregation": "maximum"}),
        ("was palantir ever above 200", {"metric": "close", "filter": {"operator": ">", "value": 200.0}}),
        ("amzn vol yday", {"metric": "volume"}),
        ("weekly closes of EURUSD since January", {"metric": "close", "grain": "week"}),
        ("what's link at", {"metric": "close", "symbols": ["LINK-USD"]}),
        ("what's the 100-week moving average of bitcoin", {"metric": "sma", "window": 500}),
        ("how stretched is nvda from its 50dma", {"metric": "price_vs_sma", "window": 50}),
        ("rolling 60 day vol of spy", {"metric": "realized_volatility", "window": 60}),
        ("what did disney earn per share", {"metric": "earnings_surprise", "symbols": ["DIS"]}),
        ("Is the coverage of Intel mostly positive or negative of late?", {"metric": "sentiment"}),
        ("top stories today", {"metric": "news"}),
        ("any war news i should care about", {"metric": "news", "topic": "war"}),
        ("nvda hod yday", {"metric": "high"}),
        ("mu eps next", {"metric": "earnings_dates"}),
        ("whats the vibe on palantir", {"metric": "sentiment"}),
        ("what's everyone saying about rklb", {"metric": "news"}),
        ("RSI(9) of MSFT over the past 40 sessions.", {"metric": "rsi", "window": 9}),
        ("close of the SPDR gold fund", {"symbols": ["GLD"]}),
        ("Has the Dow Jones average made a new high this month?", {"metric": "high", "aggregation": "maximum"}),
        ("How much did the price of silver change in May?", {"metric": "price_change"}),
        ("On how many days last month did QQQ close lower?", {"filter": {"operator": "<", "value": 0.0}}),
        ("Which sector has the highest beta to the S&P?", {"group": "sector", "benchmark": "^GSPC"}),
        ("has doge ever hit a dollar", {"filter": {"operator": ">=", "value": 1.0}}),
        (
            "Which releases of high importance fall between now and month end?",
            {"severity": "high", "period": {"start": "2026-06-24", "end": "2026-06-30"}},
        ),
        ("fomc dates rest of the year", {"period": {"start": "2026-06-24", "end": "2026-12-31"}}),
        ("eurozone data this week", {"metric": "economic_events", "country": "EU"}),
        ("high impact events this week", {"metric": "economic_events", "severity": "high"}),
        ("US releases between 29 June and 3 July 2026", {"period": {"start": "2026-06-29", "end": "2026-07-03"}}),
    ],
)
def test_other_ordinary_ways_to_ask(names: Universe, text: str, part: dict[str, Any]) -> None:
    (args,) = asked(names, text)
    assert holds(part, args), args


def test_open_high_low_and_close_are_four_figures(names: Universe) -> None:
    for text in ("open high low close for jpm yesterday", "OHLC of JPM yesterday"):
        assert [args["metric"] for args in asked(names, text)] == ["open", "high", "low", "close"]


@pytest.mark.parametrize(
    ("turns", "part"),
    [
        (("macd for nvda", "use 8 17 9"), {"parameters": {"macd": {"fast": 8, "slow": 17, "signal": 9}}}),
        (("sharpe of VTI over 5 years", "what about 10"), {"period": {"last": 10, "unit": "years"}}),
        (("return of XLE in 2022", "was it better than XLF?"), {"symbols": ["XLE", "XLF"], "start": "2022-01-01"}),
        (("rsi orcl", "9 period"), {"symbols": ["ORCL"], "window": 9}),
        (("price of oklo", "alright get me 15 shares then"), {"symbol": "OKLO", "side": "buy", "quantity": 15}),
        (
            (
                "Correlation matrix of GLD and TIP, 2020 to 2024.",
                "Now add TLT and use the Ledoit-Wolf estimator instead.",
            ),
            {"symbols": ["GLD", "TIP", "TLT"], "method": "shrunk", "start": "2020-01-01", "end": "2024-12-31"},
        ),
        (
            ("Backtest a 20/100 SMA crossover on QQQ from 2010-01-01.", "Repeat it with 50/200 and fees of 5 bp."),
            {"parameters": {"fast": 50, "slow": 200}, "fee_bps": 5},
        ),
    ],
)
def test_a_short_second_turn_changes_one_part(names: Universe, turns: tuple[str, ...], part: dict[str, Any]) -> None:
    (args,) = asked(names, *turns)
    assert holds(part, args), args


@pytest.mark.parametrize(
    "text",
    ["when do they report", "what happened to the spread", "How did small caps fare against large caps in 2024?"],
)
def test_what_would_be_answered_in_part_is_asked_back(names: Universe, text: str) -> None:
    found = plan(names, text)
    assert (found.outcome, found.calls) == ("clarify", ())


@pytest.mark.parametrize(
    "text", ["is nvda gonna moon tomorrow", "what is the p/e of apple", "what time does the gym close"]
)
def test_what_the_desk_cannot_know_is_declined(names: Universe, text: str) -> None:
    assert plan(names, text).outcome == "decline"
