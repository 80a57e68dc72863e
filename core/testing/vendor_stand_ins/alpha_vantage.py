"""Speak as Alpha Vantage: everything is text, errors come with status 200."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from core.testing.vendor_stand_ins.data import symbol_of, ticker_on
from core.testing.vendor_stand_ins.server import Asked, Fault, Spoken, StandIn

KEYS = {"ALPHAVANTAGE_API_KEY": "AVSTANDINKEY0001"}
_NEW_YORK = ZoneInfo("America/New_York")
_SCORES = {"positive": (0.41, "Bullish"), "neutral": (0.02, "Neutral"), "negative": (-0.38, "Somewhat-Bearish")}


def answer(stand_in: StandIn, asked: Asked, fault: Fault | None) -> Spoken:
    """Return the answer to a request."""
    query = asked.query
    if query.get("apikey") != KEYS["ALPHAVANTAGE_API_KEY"] or fault == "wrong_key":
        return Spoken(content={"Error Message": "the parameter apikey is invalid or missing. Please claim your key."})
    if fault == "not_found":
        return Spoken(content={"Error Message": "Invalid API call. Please retry or visit the documentation."})
    if fault == "error_body":
        return Spoken(content={"Information": "Thank you! Our standard API rate limit is 25 requests per day."})
    if query["function"] == "NEWS_SENTIMENT":
        return _news(stand_in, asked, fault)
    if query["function"] == "EARNINGS":
        return _earnings(stand_in, query["symbol"])
    return _series(stand_in, query["symbol"], fault)


def _series(stand_in: StandIn, ticker: str, fault: Fault | None) -> Spoken:
    today = stand_in.clock().astimezone(_NEW_YORK).date()
    symbol = symbol_of(ticker, today) or ticker
    bars = [
        bar
        for bar in stand_in.data.bars.get(symbol, ())
        if bar.session <= today and ticker_on(symbol, bar.session) == ticker
    ]
    if not bars:
        return Spoken(content={"Error Message": "Invalid API call. Please retry or visit the documentation."})
    head = {"2. Symbol": ticker, "3. Last Refreshed": bars[-1].session.isoformat(), "5. Time Zone": "US/Eastern"}
    if fault == "short_page":
        bars = bars[:-1]
    series = {
        bar.session.isoformat(): {
            "1. open": f"{bar.open:.4f}", "2. high": f"{bar.high:.4f}", "3. low": f"{bar.low:.4f}",
            "4. close": f"{bar.close:.4f}", "5. volume": f"{bar.volume:.0f}",
        }
        for bar in reversed(bars)
    }  # fmt: skip
    return Spoken(content={"Meta Data": head, "Time Series (Daily)": series})


def _news(stand_in: StandIn, asked: Asked, fault: Fault | None) -> Spoken:
    feed: list[dict[str, Any]] = []
    for article in stand_in.data.articles:
        if asked.query["time_from"] <= article.published.strftime("%Y%m%dT%H%M") <= asked.query["time_to"]:
            item: dict[str, Any] = {
                "title": article.headline, "url": article.url, "summary": article.summary, "source": article.publisher,
                "time_published": article.published.strftime("%Y%m%dT%H%M%S"),
                "ticker_sentiment": [{"ticker": name, "relevance_score": "0.9"} for name in article.symbols],
            }  # fmt: skip
            if article.tone:
                item["overall_sentiment_score"], item["overall_sentiment_label"] = _SCORES[article.tone]
            feed.append(item)
    feed = feed[: stand_in.page_rows or int(asked.query["limit"])]
    shown: Sequence[dict[str, Any]] = feed[:-1] if fault == "short_page" else feed
    return Spoken(content={"items": str(len(feed)), "feed": list(shown)})


def _earnings(stand_in: StandIn, symbol: str) -> Spoken:
    rows = [
        {"fiscalDateEnding": day.isoformat(), "reportedDate": day.isoformat(),
         "reportedEPS": "None" if actual is None else str(actual),
         "estimatedEPS": "None" if estimate is None else str(estimate),
         "surprise": "None" if actual is None or estimate is None else f"{actual - estimate:.4f}",
         "surprisePercentage": "None", "reportTime": "post-market"}
        for name, day, estimate, actual in stand_in.data.earnings
        if name == symbol
    ]  # fmt: skip
    return Spoken(content={"symbol": symbol, "annualEarnings": [], "quarterlyEarnings": rows})
