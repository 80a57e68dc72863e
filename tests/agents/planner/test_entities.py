"""Names: symbols, companies, nicknames, typing errors, and the ordinary words that are symbols too."""

from __future__ import annotations

from datetime import date

import pytest

from agents.planner.planner import plan_question
from agents.planner.reading import read
from agents.planner.universe import Universe

TODAY = date(2026, 6, 24)
# Words of everyday questions, most of which are symbols or first words of company names somewhere.
WORDS = """
all it now so on key cat open low real big fast be go can has are any one see an or by for we us me my its out up
well play cost care cars love life live hope man fun nice good best true very when who how why what where then than
ago eat win run car max min net gas ice sun ball bill bond cash cool core corn dash data deck dell east edit ever
fine five fix flow form free fund gain gold half hard have heart help high home host hour idea into keep kind know
land last late lead left less like line link list load loan long look lose loss luck made mail main make many mark
mass math mean meet menu mind mine miss mode moon more most move much must near need news next note only oven over
pack page paid pair part past path pay peak plan plus pool post pull push race rain rate read rest rich ride ring
rise risk road rock role room root rule safe sail sale same sand save seat seed seem self sell send ship shop show
side sign site size slow snap snow soft sold some song soon sort soul spot star stay step stop such sure take talk
tell term test text that them they thin this time tool top tour town tree trip turn type unit upon used vast view
vote wait walk wall want warm wave ways weak wear week were west wide will wind wine wire wish with word work yard
year your zero target match block square hits visa? discover
""".replace("visa? ", "").split()
# Words that are a name of their own on the desk even in lower case.
NAMES = {"gold", "dell", "target", "block", "snap", "bond", "corn", "discover", "gas", "cash", "square", "oven"}


@pytest.mark.parametrize("word", sorted(set(WORDS) - NAMES))
def test_an_ordinary_word_is_no_symbol(word: str, names: Universe) -> None:
    for text in (f"show me the {word} thing", f"is {word} there", word):
        assert read(text, names, TODAY).values("symbol") == (), text


@pytest.mark.parametrize(
    "text",
    [
        "SHOW ME ALL THE PRICES NOW", "IS IT SO LOW", "WHAT CAN IT BE", "GO ON", "ARE WE OPEN", "ALL IN ONE",
        "tell me when it is on", "now and on", "are there any key data", "how big is it", "so what",
        "the real return is low", "open it fast", "a cat and a man", "can you see it", "it was all for fun",
    ],
)  # fmt: skip
def test_sentences_of_ordinary_words_hold_no_symbol(text: str, names: Universe) -> None:
    assert read(text, names, TODAY).values("symbol") == ()


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("NOW price", ("NOW",)),
        ("CAT price", ("CAT",)),
        ("compare CAT and DE", ("CAT", "DE")),
        ("price of LOW", ("LOW",)),
        ("$low price", ("LOW",)),
        ("$cat", ("CAT",)),
        ("$aapl", ("AAPL",)),
        ("aapl price", ("AAPL",)),
        ("Aapl price", ("AAPL",)),
        ("AAPL's price", ("AAPL",)),
        ("AAPL, MSFT; JPM", ("AAPL", "MSFT", "JPM")),
        ("AAPL/MSFT", ("AAPL", "MSFT")),
        ("AAPL vs. MSFT", ("AAPL", "MSFT")),
        ("(AAPL)", ("AAPL",)),
        ("\"AAPL\"", ("AAPL",)),
        ("AAPL AAPL AAPL", ("AAPL",)),
        ("aapl AAPL Apple", ("AAPL",)),
        ("BRK.B price", ("BRK-B",)),
        ("BRK-B price", ("BRK-B",)),
        ("brk.b price", ("BRK-B",)),
        ("berkshire price", ("BRK-B",)),
        ("V price", ("V",)),
        ("$V price", ("V",)),
        ("Visa price", ("V",)),
        ("Coca-Cola and Pepsi", ("KO", "PEP")),
        ("coca cola", ("KO",)),
        ("johnson and johnson", ("JNJ",)),
        ("j&j", ("JNJ",)),
        ("Procter & Gamble price", ("PG",)),
        ("procter and gamble", ("PG",)),
        ("JP Morgan", ("JPM",)),
        ("jpmorgan", ("JPM",)),
        ("J.P. Morgan", ("JPM",)),
        ("Goldman Sachs", ("GS",)),
        ("goldman", ("GS",)),
        ("bank of america", ("BAC",)),
        ("exxon", ("XOM",)),
        ("Exxon Mobil", ("XOM",)),
        ("google", ("GOOGL",)),
        ("Alphabet", ("GOOGL",)),
        ("facebook", ("META",)),
        ("Meta Platforms", ("META",)),
        ("tesla and ford", ("TSLA",)),
        ("Tesla", ("TSLA",)),
        ("home depot", ("HD",)),
        ("mcdonald's", ("MCD",)),
        ("McDonalds", ("MCD",)),
        ("walmart", ("WMT",)),
        ("bitcoin and ethereum", ("BTC-USD", "ETH-USD")),
        ("btc/eth", ("BTC-USD", "ETH-USD")),
        ("BTC-USD", ("BTC-USD",)),
        ("nasdaq 100", None),
        ("the S&P 500", None),
        ("s&p", None),
        ("dow jones", None),
        ("small caps", ("IWM",)),
        ("long bonds", ("TLT",)),
        ("gold etf", ("GLD",)),
        ("emerging markets", ("VWO",)),
        ("eur/usd", None),
        ("QQQM", ("QQQM",)),
        ("qqq and spy", ("QQQ", "SPY")),
    ],
)  # fmt: skip
def test_a_name_is_the_symbol_people_mean(text: str, symbols: tuple[str, ...] | None, names: Universe) -> None:
    found = read(text, names, TODAY).values("symbol")
    if symbols is None:  # an index or pair: which of the listed ones stands for it depends on the stored prices
        assert len(found) == 1, found
    else:
        assert found == symbols


@pytest.mark.parametrize(
    ("wrong", "symbol"),
    [
        ("microsft", "MSFT"), ("mircosoft", "MSFT"), ("micorsoft", "MSFT"), ("amazn", "AMZN"), ("amzon", "AMZN"),
        ("nvdia", "NVDA"), ("nvida", "NVDA"), ("nvidea", "NVDA"), ("tesal", "TSLA"), ("telsa", "TSLA"),
        ("googel", "GOOGL"), ("gogle", "GOOGL"), ("appel", "AAPL"), ("aplle", "AAPL"), ("netflx", "NFLX"),
        ("netfilx", "NFLX"), ("wallmart", "WMT"), ("walmrt", "WMT"), ("palantr", "PLTR"), ("pfzier", "PFE"),
        ("disny", "DIS"), ("chevrn", "CVX"), ("bitcion", "BTC-USD"), ("bitcon", "BTC-USD"), ("etherium", "ETH-USD"),
        ("brodcom", "AVGO"), ("costoc", "COST"), ("facebok", "META"),
    ],
)  # fmt: skip
def test_a_misspelt_name_is_found_and_the_reading_is_said(wrong: str, symbol: str, names: Universe) -> None:
    plan = plan_question(f"price of {wrong}", names, TODAY)
    assert plan.calls and plan.calls[0].args["symbols"] == [symbol], plan
    assert any(wrong in note for note in plan.notes)


@pytest.mark.parametrize("word", ["xqzt", "zzzz", "flibber", "qwerty", "blorp", "asdf", "wug"])
def test_nonsense_is_never_corrected_into_a_name(word: str, names: Universe) -> None:
    assert read(f"price of {word}", names, TODAY).values("symbol") == ()


@pytest.mark.parametrize("text", ["volatilty of SPY", "corelation of SPY and QQQ", "drawdwn of SPY", "bakctest SPY"])
def test_a_typing_error_in_a_desk_word_does_not_become_a_name(text: str, names: Universe) -> None:
    assert set(read(text, names, TODAY).values("symbol")) <= {"SPY", "QQQ"}


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("bank stocks", "bank"), ("the banks", "bank"), ("big banks", "bank"), ("chip stocks", "semiconductor"),
        ("semis stocks", None), ("reit funds", "reit_etf"), ("reits", "reit"), ("sector etfs", "sector"),
        ("bond funds", "bond"), ("ai infra", "ai_infrastructure"), ("mega caps", "megacap"), ("stocks", "equity"),
        ("etfs", "etf"), ("coins", None), ("energy stocks", "energy"), ("oil stocks", "oil"), ("tech names", "tech"),
    ],
)  # fmt: skip
def test_groups(text: str, group: str | None, names: Universe) -> None:
    found = read(text, names, TODAY).values("group")
    assert found == ((group,) if group else found)


@pytest.mark.parametrize(
    ("text", "series"),
    [
        ("unemployment", "unemployment"), ("jobless rate", "unemployment"), ("cpi", "cpi"), ("inflation rate", "cpi"),
        ("fed funds", "fed_funds"), ("interest rates", "fed_funds"), ("10 year treasury yield", "ten_year"),
        ("10y yield", "ten_year"), ("t-bills", "three_month"), ("real gdp", "real_gdp"), ("payrolls", "payrolls"),
        ("core pce", "core_pce"), ("mortgage rate", "mortgage_rate"), ("m2", "m2"),
    ],
)  # fmt: skip
def test_macro_series(text: str, series: str, names: Universe) -> None:
    assert read(text, names, TODAY).values("macro") == (series,)
