"""List the words of groups, economic events and macro series."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Describe a set of instruments: every instrument of an asset class or with this name among its groups."""

    name: str
    title: str
    synonyms: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MacroName:
    """Describe a macro concept.

    `series` are ids in order of preference, the first one stored answers; `usual` is the metric that people
    mean when they name the series alone with a period (inflation: the year-over-year change).
    """

    name: str
    title: str
    series: tuple[str, ...]
    synonyms: tuple[str, ...]
    usual: str = "macro_value"


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """Describe a kind of economic event by words its name contains (any of them)."""

    name: str
    title: str
    patterns: tuple[str, ...]
    synonyms: tuple[str, ...]


def words(text: str) -> tuple[str, ...]:
    """Split words at commas."""
    return tuple(part.strip() for part in text.split(","))


def _group(name: str, title: str, synonyms: str) -> Group:
    return Group(name=name, title=title, synonyms=words(synonyms))


def _topic(name: str, title: str, patterns: str, synonyms: str) -> Topic:
    return Topic(name=name, title=title, patterns=words(patterns), synonyms=words(synonyms))


def _macro(name: str, title: str, series: str, synonyms: str, usual: str = "macro_value") -> MacroName:
    return MacroName(name=name, title=title, series=words(series), synonyms=words(synonyms), usual=usual)


GROUPS: tuple[Group, ...] = (
    _group("equity", "Stocks", "stock, stocks, equities, shares, companies, single names"),
    _group("etf", "ETFs", "etf, etfs, funds"),
    _group(
        "crypto", "Cryptocurrencies", "crypto, cryptos, cryptocurrency, cryptocurrencies, coins, tokens, crypto names"
    ),
    _group("index", "Indices", "index, indices, indexes"),
    _group("fx", "Currencies", "fx, forex, currencies, currency pairs"),
    _group("commodity", "Commodities", "commodity, commodities"),
)

TOPICS: tuple[Topic, ...] = (
    _topic(
        "CPI",
        "Consumer price index",
        "CPI, Consumer Price Index",
        "cpi, inflation, consumer prices, consumer price index",
    ),
    _topic("PCE", "PCE prices", "PCE, Personal Consumption, Personal Income and Outlays", "pce, core pce"),
    _topic("PPI", "Producer prices", "PPI, Producer Price", "ppi, producer prices"),
    _topic(
        "payrolls",
        "Nonfarm payrolls",
        "Nonfarm Payrolls, Non-Farm Employment, Employment Situation",
        "nfp, payroll, payroll report, jobs number, jobs numbers, employment report, employment situation, "
        "payrolls, jobs report, nonfarm payrolls, non-farm payrolls",
    ),
    _topic("unemployment", "Unemployment rate", "Unemployment Rate", "unemployment, unemployment rate, jobless rate"),
    _topic(
        "jobless claims",
        "Jobless claims",
        "Jobless Claims, Unemployment Claims",
        "jobless claims, claims, initial claims",
    ),
    _topic(
        "FOMC",
        "Fed decision",
        "Fed Interest Rate Decision, Federal Funds Rate, FOMC Statement, FOMC Economic, FOMC meeting",
        "fomc, fed meeting, fed decision, rate decision, fomc meeting, the fed decision, the fed meeting, "
        "fed rate decision, the fed rate decision, fomc decision, fomc rate decision, federal reserve decision, "
        "federal reserve meeting, interest rate decision, fed announcement",
    ),
    _topic("FOMC minutes", "FOMC minutes", "FOMC Minutes, FOMC Meeting Minutes", "fomc minutes, fed minutes, minutes"),
    _topic("GDP", "Gross domestic product", "GDP, Gross Domestic Product", "gdp, gross domestic product"),
    _topic("retail sales", "Retail sales", "Retail Sales", "retail sales"),
    _topic("ISM", "ISM purchasing managers", "ISM", "ism, ism manufacturing, ism services"),
    _topic("PMI", "Purchasing managers", "PMI", "pmi, purchasing managers"),
    _topic("durable goods", "Durable goods orders", "Durable Goods", "durable goods, durables"),
    _topic("ECB", "ECB decision", "ECB, Main Refinancing Rate", "ecb, ecb meeting, ecb decision"),
)

MACRO: tuple[MacroName, ...] = (
    _macro(
        "fed_funds",
        "Federal funds rate",
        "FEDFUNDS, DFF",
        "fed funds, federal funds, federal funds rate, fed funds rate, fed rate, policy rate",
    ),
    _macro("fed_funds_daily", "Federal funds rate, daily", "DFF", "daily fed funds, effective fed funds"),
    _macro(
        "cpi",
        "Consumer price index",
        "CPIAUCSL, CPIAUCNS, US_CPI_Q",
        "cpi, consumer prices, consumer price index, inflation, headline cpi",
        "macro_yoy",
    ),
    _macro(
        "core_cpi",
        "Core consumer price index",
        "CPILFESL",
        "core cpi, core inflation, cpi ex food and energy",
        "macro_yoy",
    ),
    _macro("pce", "PCE price index", "PCEPI", "pce, pce inflation, pce prices", "macro_yoy"),
    _macro("core_pce", "Core PCE price index", "PCEPILFE", "core pce, core pce inflation", "macro_yoy"),
    _macro(
        "unemployment",
        "Unemployment rate",
        "UNRATE, US_UNEMPLOYMENT_Q",
        "unemployment, unemployment rate, jobless rate",
    ),
    _macro(
        "payrolls", "Nonfarm payrolls", "PAYEMS", "payrolls, nonfarm payrolls, non-farm payrolls, jobs", "macro_change"
    ),
    _macro(
        "jobless_claims",
        "Initial jobless claims",
        "ICSA",
        "jobless claims, initial claims, initial jobless claims, claims",
    ),
    _macro(
        "real_gdp",
        "Real gross domestic product",
        "GDPC1, US_REAL_GDP_Q",
        "gdp, real gdp, gross domestic product, economic growth",
        "macro_growth",
    ),
    _macro("nominal_gdp", "Nominal gross domestic product", "GDP", "nominal gdp", "macro_growth"),
    _macro(
        "ten_year",
        "10-year Treasury yield",
        "DGS10, GS10",
        "10y, 10 year, ten year, 10-year yield, 10 year yield, ten year yield, 10y yield, "
        "10 year treasury, ten year treasury",
    ),
    _macro(
        "two_year",
        "2-year Treasury yield",
        "DGS2, GS2",
        "2y, 2 year, two year, 2-year yield, 2 year treasury, two year treasury",
    ),
    _macro(
        "three_month",
        "3-month Treasury yield",
        "DGS3MO, TB3MS, DTB3, US_TBILL_Q",
        "3m, 3 month, three month, 3-month bill, t-bill, 3 month treasury, three month treasury, treasury bill, tbill",
    ),
    _macro(
        "term_spread", "10-year minus 2-year Treasury yield", "T10Y2Y", "2s10s, yield curve, 10y2y, term spread, curve"
    ),
    _macro("mortgage_rate", "30-year mortgage rate", "MORTGAGE30US", "mortgage rate, mortgage rates, 30 year mortgage"),
    _macro("vix", "CBOE volatility index", "VIXCLS", "vix index, vixcls"),
    _macro("m2", "Money supply M2", "M2", "m2, money supply"),
    _macro("m1", "Money supply M1", "M1, US_M1_Q", "m1"),
    _macro("retail_sales", "Retail sales", "RETAILSMNSA, RSAFS", "retail sales", "macro_yoy"),
    _macro(
        "consumer_sentiment",
        "Consumer sentiment (Michigan)",
        "UMCSENT",
        "consumer sentiment, michigan sentiment, consumer confidence",
    ),
    _macro("fed_balance_sheet", "Fed balance sheet", "WALCL", "fed balance sheet, balance sheet"),
    _macro("wti", "WTI crude oil, spot", "WTI_SPOT_DAILY, DCOILWTICO, OILPRICE", "wti spot, crude spot, oil spot"),
    _macro("brent", "Brent crude oil, spot", "BRENT_SPOT_DAILY", "brent, brent oil"),
    _macro("housing_starts", "Building permits", "PERMIT", "building permits, permits"),
    _macro("home_sales", "New home sales", "HSN1F", "new home sales, home sales"),
    _macro("debt", "Federal debt", "GFDEBTN", "federal debt, national debt, government debt"),
    _macro("savings_rate", "Personal savings rate", "PSAVERT", "savings rate, saving rate"),
    _macro("aaa_yield", "Aaa corporate bond yield", "AAA", "aaa yield, aaa corporate yield"),
    _macro("baa_yield", "Baa corporate bond yield", "BAA", "baa yield, baa corporate yield"),
    _macro(
        "shiller_pe", "Cyclically adjusted P/E (Shiller)", "SHILLER_PE10", "cape, shiller pe, cape ratio, shiller p/e"
    ),
    _macro("eurusd_macro", "US dollars per euro", "DEXUSEU", "dexuseu"),
    _macro("durable_goods", "Durable goods orders", "DGORDER", "durable goods, durable goods orders"),
    _macro(
        "consumption",
        "Personal consumption",
        "PCE, US_REAL_CONSUMPTION_Q",
        "personal consumption, consumer spending",
        "macro_yoy",
    ),
    _macro(
        "personal_income", "Personal income", "PI, US_REAL_INCOME_Q", "personal income, disposable income", "macro_yoy"
    ),
)
