"""Hold the universe to what everybody can look up: which company, fund or coin a symbol is, and where it trades."""

from __future__ import annotations

from collections import Counter

import pytest

from core.data.universe import universe
from core.domain.market_records import Instrument

KNOWN = (
    ("AAPL", "Apple", "equity"),
    ("MSFT", "Microsoft", "equity"),
    ("NVDA", "Nvidia", "equity"),
    ("GOOGL", "Alphabet", "equity"),
    ("GOOG", "Alphabet", "equity"),
    ("AMZN", "Amazon", "equity"),
    ("META", "Meta", "equity"),
    ("AVGO", "Broadcom", "equity"),
    ("TSLA", "Tesla", "equity"),
    ("ORCL", "Oracle", "equity"),
    ("NFLX", "Netflix", "equity"),
    ("AMD", "Advanced Micro", "equity"),
    ("INTC", "Intel", "equity"),
    ("QCOM", "Qualcomm", "equity"),
    ("TXN", "Texas Instruments", "equity"),
    ("MU", "Micron", "equity"),
    ("AMAT", "Applied Materials", "equity"),
    ("LRCX", "Lam Research", "equity"),
    ("ASML", "ASML", "equity"),
    ("TSM", "Taiwan Semiconductor", "equity"),
    ("ARM", "Arm", "equity"),
    ("SMCI", "Super Micro", "equity"),
    ("DELL", "Dell", "equity"),
    ("JPM", "JPMorgan", "equity"),
    ("BAC", "Bank of America", "equity"),
    ("WFC", "Wells Fargo", "equity"),
    ("GS", "Goldman", "equity"),
    ("MS", "Morgan Stanley", "equity"),
    ("C", "Citi", "equity"),
    ("V", "Visa", "equity"),
    ("MA", "Mastercard", "equity"),
    ("AXP", "American Express", "equity"),
    ("BLK", "BlackRock", "equity"),
    ("JNJ", "Johnson", "equity"),
    ("PFE", "Pfizer", "equity"),
    ("MRK", "Merck", "equity"),
    ("LLY", "Lilly", "equity"),
    ("ABBV", "AbbVie", "equity"),
    ("UNH", "UnitedHealth", "equity"),
    ("TMO", "Thermo Fisher", "equity"),
    ("ABT", "Abbott", "equity"),
    ("AMGN", "Amgen", "equity"),
    ("GILD", "Gilead", "equity"),
    ("KO", "Coca-Cola", "equity"),
    ("PEP", "Pepsi", "equity"),
    ("PG", "Procter", "equity"),
    ("COST", "Costco", "equity"),
    ("WMT", "Walmart", "equity"),
    ("MCD", "McDonald", "equity"),
    ("SBUX", "Starbucks", "equity"),
    ("NKE", "Nike", "equity"),
    ("HD", "Home Depot", "equity"),
    ("LOW", "Lowe", "equity"),
    ("DIS", "Disney", "equity"),
    ("XOM", "Exxon", "equity"),
    ("CVX", "Chevron", "equity"),
    ("COP", "ConocoPhillips", "equity"),
    ("CAT", "Caterpillar", "equity"),
    ("DE", "Deere", "equity"),
    ("BA", "Boeing", "equity"),
    ("GE", "General Electric", "equity"),
    ("RTX", "RTX", "equity"),
    ("LMT", "Lockheed", "equity"),
    ("NOC", "Northrop", "equity"),
    ("GD", "General Dynamics", "equity"),
    ("LHX", "L3Harris", "equity"),
    ("HON", "Honeywell", "equity"),
    ("UNP", "Union Pacific", "equity"),
    ("IBM", "IBM", "equity"),
    ("CSCO", "Cisco", "equity"),
    ("CRM", "Salesforce", "equity"),
    ("ADBE", "Adobe", "equity"),
    ("NOW", "ServiceNow", "equity"),
    ("INTU", "Intuit", "equity"),
    ("PLTR", "Palantir", "equity"),
    ("SNOW", "Snowflake", "equity"),
    ("CRWD", "CrowdStrike", "equity"),
    ("PANW", "Palo Alto", "equity"),
    ("UBER", "Uber", "equity"),
    ("ABNB", "Airbnb", "equity"),
    ("SHOP", "Shopify", "equity"),
    ("COIN", "Coinbase", "equity"),
    ("MSTR", "Strategy", "equity"),
    ("IONQ", "IonQ", "equity"),
    ("RGTI", "Rigetti", "equity"),
    ("QBTS", "D-Wave", "equity"),
    ("QUBT", "Quantum Computing", "equity"),
    ("NEE", "NextEra", "equity"),
    ("LIN", "Linde", "equity"),
    ("VZ", "Verizon", "equity"),
    ("PM", "Philip Morris", "equity"),
    ("EQIX", "Equinix", "equity"),
    ("DLR", "Digital Realty", "equity"),
    ("PLD", "Prologis", "equity"),
    ("O", "Realty Income", "equity"),
    ("AMT", "American Tower", "equity"),
    ("VRT", "Vertiv", "equity"),
    ("ETN", "Eaton", "equity"),
    ("CEG", "Constellation", "equity"),
    ("VST", "Vistra", "equity"),
    ("ANET", "Arista", "equity"),
    ("KTOS", "Kratos", "equity"),
    ("AVAV", "AeroVironment", "equity"),
    ("SPY", "S&P 500", "etf"),
    ("VOO", "S&P 500", "etf"),
    ("IVV", "S&P 500", "etf"),
    ("VTI", "Total", "etf"),
    ("QQQ", "QQQ", "etf"),
    ("DIA", "Dow", "etf"),
    ("IWM", "Russell 2000", "etf"),
    ("EFA", "EAFE", "etf"),
    ("EEM", "Emerging", "etf"),
    ("VEA", "Developed", "etf"),
    ("VWO", "Emerging", "etf"),
    ("AGG", "Aggregate", "etf"),
    ("BND", "Bond", "etf"),
    ("TLT", "20", "etf"),
    ("IEF", "7-10", "etf"),
    ("SHY", "1-3", "etf"),
    ("LQD", "Corporate", "etf"),
    ("HYG", "High Yield", "etf"),
    ("GLD", "Gold", "etf"),
    ("SLV", "Silver", "etf"),
    ("USO", "Oil", "etf"),
    ("VNQ", "Real Estate", "etf"),
    ("XLK", "Technology", "etf"),
    ("XLF", "Financial", "etf"),
    ("XLE", "Energy", "etf"),
    ("XLV", "Health", "etf"),
    ("XLI", "Industrial", "etf"),
    ("XLY", "Discretionary", "etf"),
    ("XLP", "Staples", "etf"),
    ("XLU", "Utilities", "etf"),
    ("XLB", "Materials", "etf"),
    ("XLRE", "Real Estate", "etf"),
    ("XLC", "Communication", "etf"),
    ("SMH", "Semiconductor", "etf"),
    ("SOXX", "Semiconductor", "etf"),
    ("ARKK", "Innovation", "etf"),
    ("QTUM", "Quantum", "etf"),
    ("SRVR", "Data", "etf"),
    ("INDS", "Industrial", "etf"),
    ("NLR", "Nuclear", "etf"),
    ("URA", "Uranium", "etf"),
    ("ICLN", "Clean", "etf"),
    ("TAN", "Solar", "etf"),
    ("VUG", "Growth", "etf"),
    ("VTV", "Value", "etf"),
    ("IJH", "Mid", "etf"),
    ("IJR", "Small", "etf"),
    ("VIG", "Dividend", "etf"),
    ("SCHD", "Dividend", "etf"),
    ("ITA", "Aerospace", "etf"),
    ("BTC-USD", "Bitcoin", "crypto"),
    ("ETH-USD", "Ether", "crypto"),
    ("SOL-USD", "Solana", "crypto"),
    ("XRP-USD", "XRP", "crypto"),
    ("ADA-USD", "Cardano", "crypto"),
    ("DOGE-USD", "Dogecoin", "crypto"),
    ("BNB-USD", "BNB", "crypto"),
    ("LTC-USD", "Litecoin", "crypto"),
    ("AVAX-USD", "Avalanche", "crypto"),
    ("LINK-USD", "Chainlink", "crypto"),
)
CALENDARS = {"equity": "XNYS", "etf": "XNYS", "crypto": "24x7"}
BY_SYMBOL: dict[str, Instrument] = {instrument.symbol: instrument for instrument in universe()}


@pytest.mark.parametrize(("symbol", "name", "asset_class"), KNOWN)
def test_a_symbol_is_what_it_is_known_as(symbol: str, name: str, asset_class: str) -> None:
    instrument = BY_SYMBOL[symbol]
    assert name.lower() in " ".join((instrument.name, *instrument.aliases)).lower()
    assert instrument.asset_class == asset_class


@pytest.mark.parametrize(("symbol", "name", "asset_class"), KNOWN)
def test_a_symbol_trades_in_dollars_on_its_calendar(symbol: str, name: str, asset_class: str) -> None:
    instrument = BY_SYMBOL[symbol]
    assert instrument.currency == "USD"
    assert instrument.calendar == CALENDARS[asset_class]


def test_no_id_and_no_symbol_stands_twice() -> None:
    instruments = universe()
    assert max(Counter(instrument.instrument_id for instrument in instruments).values()) == 1
    assert max(Counter(instrument.symbol for instrument in instruments).values()) == 1


@pytest.mark.parametrize("symbol", [row[0] for row in KNOWN if row[2] == "crypto"])
def test_a_coin_is_quoted_against_the_dollar(symbol: str) -> None:
    assert symbol.endswith("-USD")
