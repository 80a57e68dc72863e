"""Headlines written for this table are linked to the companies that a reader finds in them, and to no others."""

from __future__ import annotations

from datetime import date

import pytest

from core.data.news_linking import Linker
from core.data.universe import symbol_history, universe

TODAY = date(2025, 6, 2)
# Names in every form that headlines use.
NAMED = (
    ("Apple unveils a thinner phone", {"AAPL"}),
    ("Apple's chief visits Brussels", {"AAPL"}),
    ("APPLE SHARES RISE", {"AAPL"}),
    ("Amazon.com opens a warehouse", {"AMZN"}),
    ("Amazon opens a warehouse", {"AMZN"}),
    ("Nvidia and Microsoft sign a deal", {"NVDA", "MSFT"}),
    ("NVIDIA, AMD: two chips compared", {"NVDA", "AMD"}),
    ("Advanced Micro Devices gains", {"AMD"}),
    ("Facebook parent Meta Platforms cuts costs", {"META"}),
    ("Google wins on appeal", {"GOOGL"}),
    ("Alphabet to spend more", {"GOOGL"}),
    ("Tesla’s margins", {"TSLA"}),
    ("Exxon and Chevron drill deeper", {"XOM", "CVX"}),
    ("Goldman raises its view of JPMorgan", {"GS", "JPM"}),
    ("Morgan Stanley downgrades Coca-Cola", {"MS", "KO"}),
    ("Bank of America's traders", {"BAC"}),
    ("Wells Fargo settles", {"WFC"}),
    ("Berkshire Hathaway buys more", {"BRK-B"}),
    ("Johnson & Johnson splits off a unit", {"JNJ"}),
    ("Procter & Gamble lifts prices", {"PG"}),
    ("Home Depot and Lowe's report", {"HD", "LOW"}),
    ("Walmart tests drones", {"WMT"}),
    ("McDonald's sells more burgers", {"MCD"}),
    ("Starbucks closes cafes", {"SBUX"}),
    ("Disney raises prices", {"DIS"}),
    ("Netflix adds subscribers", {"NFLX"}),
    ("Boeing delivers fewer jets", {"BA"}),
    ("Lockheed Martin wins an order", {"LMT"}),
    ("Northrop tests a bomber", {"NOC"}),
    ("Rigetti and IonQ jump", {"RGTI", "IONQ"}),
    ("D-Wave sells a system", {"QBTS"}),
    ("Palantir wins a contract", {"PLTR"}),
    ("Coinbase adds a token", {"COIN"}),
    ("Taiwan Semiconductor builds in Arizona", {"TSM"}),
    ("TSMC's sales", {"TSM"}),
    ("Super Micro Computer files late", {"SMCI"}),
    ("Eli Lilly's pill works", {"LLY"}),
    ("Pfizer and Merck cut staff", {"PFE", "MRK"}),
    ("UnitedHealth's chief leaves", {"UNH"}),
    ("Verizon and AT&T raise prices", {"VZ", "T"}),
    ("Bitcoin and ethereum fall", {"BTC-USD", "ETH-USD"}),
    ("Dogecoin doubles", {"DOGE-USD"}),
    ("Solana's network halts", {"SOL-USD"}),
    ("Barrick finds gold", {"ABX"}),
    ("Caterpillar digs in", {"CAT"}),
    ("GameStop's fans return", {"GME"}),
    ("SolarEdge warns", {"SEDG"}),
    ("Rocket Lab launches", {"RKLB"}),
)
MARKED = (
    ("Shares of the lender (NYSE: C) slip", {"C"}),
    ("Shares of the lender (C) slip", {"C"}),
    ("$TSLA to the moon", {"TSLA"}),
    ("Buy $AI, sell $T.", {"AI", "T"}),
    ("NASDAQ: MSFT at a high", {"MSFT"}),
    ("AAPL vs MSFT: which is cheaper", {"AAPL", "MSFT"}),
    ("Why NVDA, AVGO and MU fell", {"NVDA", "AVGO", "MU"}),
    ("SPY and QQQ end lower", {"SPY", "QQQ"}),
    ("Option alert: (XOM) calls", {"XOM"}),
    ("BTC-USD slides", {"BTC-USD"}),
)
# Words that look like names or tickers and are neither.
PLAIN = (
    "An apple pie for the oracle of the bank",
    "A target of zero by 2050",
    "Visa rules change",
    "Meet the block party",
    "ALL FOR ONE AND ONE FOR ALL",
    "The CEO of the SEC on the FDA",
    "IT IS NOW OR NEVER",
    "US GDP, CPI and PPI this week",
    "The gap in pay is wide",
    "A match made in heaven",
    "GM for breakfast",
    "He was on the key committee",
    "Energy ministers meet",
    "General motors of growth",
    "American workers earn more",
    "Southern states vote",
    "First solar eclipse of the year",
    "Strategy for the year",
    "Washington debates the debt",
    "Charles and Philip at the palace",
    "Micro plastics found",
    "The meta question of method",
    "snowflake season begins",
    "The amazon burns",
    "An intel officer testifies",
    "",
    "()",
    "$",
    "::",
)
DATED = (
    ("(FB) rises", date(2013, 5, 2), {"META"}),
    ("(FB) rises", date(2023, 5, 2), set()),
    ("$QQQQ rises", date(2008, 5, 2), {"QQQ"}),
    ("$QQQQ rises", date(2018, 5, 2), set()),
    ("$QQQ rises", date(2018, 5, 2), {"QQQ"}),
    ("$QQQ rises", date(2008, 5, 2), set()),
    ("(GOOG) rises", date(2012, 5, 2), {"GOOGL"}),
    ("(GOOG) rises", date(2018, 5, 2), {"GOOG"}),
)


@pytest.fixture(scope="module")
def linker() -> Linker:
    return Linker(universe(), symbol_history())


def linked(linker: Linker, headline: str, day: date = TODAY, summary: str = "") -> set[str]:
    symbols = {entry.instrument_id: entry.symbol for entry in universe()}
    return {symbols[number] for number in linker.link(headline, summary, day)}


@pytest.mark.parametrize(("headline", "symbols"), [*NAMED, *MARKED])
def test_what_a_headline_names_is_linked_and_nothing_else(linker: Linker, headline: str, symbols: set[str]) -> None:
    assert linked(linker, headline) == symbols


@pytest.mark.parametrize(("headline", "symbols"), [*NAMED, *MARKED])
def test_a_summary_is_read_too_and_names_add_up(linker: Linker, headline: str, symbols: set[str]) -> None:
    assert linked(linker, "Markets today", summary=headline) == symbols
    assert linked(linker, "Oklo builds a reactor", summary=headline) == symbols | {"OKLO"}


@pytest.mark.parametrize("headline", PLAIN)
def test_ordinary_words_name_nobody(linker: Linker, headline: str) -> None:
    assert linked(linker, headline) == set()


@pytest.mark.parametrize(("headline", "day", "symbols"), DATED)
def test_a_ticker_is_read_as_of_its_day(linker: Linker, headline: str, day: date, symbols: set[str]) -> None:
    assert linked(linker, headline, day) == symbols


def test_the_text_that_named_an_instrument_is_kept(linker: Linker) -> None:
    found = linker.link("Facebook parent gains", "Shares of (META) rose", TODAY)
    assert list(found.values()) == ["facebook"]
    assert list(linker.link("Shares of (META) rose", "", TODAY).values()) in (["META"], ["meta"])


def test_of_two_share_classes_the_first_carries_the_name(linker: Linker) -> None:
    assert linked(linker, "Alphabet gains") == {"GOOGL"}
    assert linked(linker, "$GOOG gains") == {"GOOG"}
