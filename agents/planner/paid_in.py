"""Recognise money that is paid in: once at a past date, or at intervals."""

from __future__ import annotations

import re

from agents.planner.reading import Reading
from agents.planner.rules_book import had_held
from agents.planner.shocks import titles_crisis
from agents.planner.slots import money_of

_LUMP_SUM = re.compile(
    r"\b(?:dollars|bucks|usd|grand|thousand|sum of \S+|\d+k)\b(?: \w+)? (?:in|into|of|on)\b|\b(?:had (?:i |we |one "
    r"|you )?|i |we |i'd |id |if )?(?:put|invested|bought|placed|dropped|stuck|parked)\b",
    re.I,
)
_THEN = re.compile(r"\b(?:if|had|suppose|supposing|imagine|say|would|today|now)\b", re.I)


def lump_sum(reading: Reading) -> bool:
    """Say whether money put in once, at a past date, is asked after: "if I had put 1,000 into NVDA in 2015"."""
    once = not reading.has("weekly", "monthly", "quarterly", "yearly") and not _EVERY.search(reading.text)
    past = any(one.period.start is not None and one.period.start < reading.today for one in reading.periods)
    supposed = _LUMP_SUM.search(reading.text) is not None and _THEN.search(reading.text) is not None
    other = reading.has("portfolio", "orders", "fills", "pnl", "simulate", "propose", "size") or titles_crisis(reading)
    return once and past and supposed and money_of(reading) is not None and not other


_EVERY = re.compile(
    r"\b(?:a|per|each|every|once a|first (?:trading )?day of (?:the|each|every)) (?:week|month|quarter|year)\b|/ "
    r"?(?:week|wk|month|mo|"
    r"quarter|year|yr)\b|\b(?:weekly|monthly|quarterly|yearly|annually)\b",
    re.I,
)


# "Put 200 bucks into SCHD every month".
_PUT_EVERY = re.compile(
    r"\b(?:put(?:ting)?|invest(?:ed|ing)?|sav(?:e|ed|ing)|pay(?:ing)?|stuck|placed)\b(?: just| only| about)? "
    r"[$€£]?\d[\d,.]*k?\b(?! ?(?:%|percent|pct))[^.?!;%]{0,15}?\b(?:in|into|to|on)\b[^.?!;]{0,30}?"
    r"\b(?:(?:a|per|each|every) (?:single )?(?:week|month|quarter|year)|weekly|monthly|quarterly|yearly)\b",
    re.I,
)
_PUT_IN = re.compile(r"\b(?:put|invested|stuck|parked|placed)\b", re.I)


def put_in_once(reading: Reading) -> bool:
    """Say whether money of no stated sum is imagined to have been put in at one past date: "say I put money in"."""
    once = not reading.has("weekly", "monthly", "quarterly", "yearly") and not _EVERY.search(reading.text)
    past = any(one.period.start is not None and one.period.start < reading.today for one in reading.periods)
    put_in = _PUT_IN.search(reading.text) is not None and had_held(reading) and not titles_crisis(reading)
    return once and past and put_in and not reading.numbers and bool(reading.values("symbol"))


def pays_in(reading: Reading) -> bool:
    """Say whether money that is paid in at intervals is asked after: "200 a month in BTC since 2018"."""
    interval = _EVERY.search(reading.text) is not None
    paid = re.search(
        r"\d[\d,.]*k?(?: (?:dollars|bucks|usd|euros))?,? (?:(?:a|per|each|every|weekly|monthly|quarterly)\b|/)",
        reading.text,
        re.I,
    ) or _PUT_EVERY.search(reading.text)
    past = any(one.period.start is not None and one.period.start < reading.today for one in reading.periods)
    other = reading.has("portfolio", "simulate", "buy", "sell", "dividend", "news", "pnl", "volume", "crossover", "rsi")
    return interval and paid is not None and past and not other
