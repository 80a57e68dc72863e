"""Ask for figures in plain words, each with the truth that `execution_truth.py` computes from the drawn arrays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any, TypeAlias

import numpy as np
from execution_truth import Floats, Line, Named, Question, Rows, Truth, common, drawdown, wilder_rsi


def make_questions(world: Any) -> list[Question]:
    """Return the questions of a world with their truths; days and levels in them are drawn as the world is."""
    truth, random = Truth(world), np.random.default_rng(world.seed + 1_000)
    found: list[Question] = []
    for part in (_prices, _returns, _risk, _technicals, _rankings, _macro, _dividends, _events, _news, _book, _tools):
        category = part.__name__.strip("_")
        found += [Question(category=category, text=text, truth=tuple(wanted)) for text, wanted in part(truth, random)]
    return found


Asked: TypeAlias = "list[tuple[str, Sequence[Any]]]"
Drawn: TypeAlias = np.random.Generator


def _day(truth: Truth, random: Drawn, symbol: str, year: int) -> date:
    days = truth.price(symbol).inside(f"{year}-01-01", f"{year}-12-31").days
    return days[int(random.integers(len(days)))].astype(date)  # type: ignore[no-any-return]


def _extreme(line: Line, pick: Callable[[Floats], Any], name: str) -> list[Any]:
    at = int(pick(line.close))
    return [float(line.close[at]), Named(str(line.days[at]), name)]


def _prices(truth: Truth, random: Drawn) -> Asked:
    early, late = _day(truth, random, "AAPL", 2020), _day(truth, random, "NVDA", 2022)
    jpm, xom, ko, msft = (truth.price(symbol) for symbol in ("JPM", "XOM", "KO", "MSFT"))
    y2022 = ("2022-01-01", "2022-12-31")
    level = round(float(np.median(xom.inside(*y2022).close)), 1)
    under = round(float(np.quantile(ko.close, 0.3)), 1)
    over = round(float(np.quantile(msft.close, 0.7)), 1)
    at_first = int(np.argmax(msft.close > over))
    at_last = int(np.flatnonzero(ko.close < under)[-1])
    spy, gld = truth.price("SPY"), truth.price("GLD")
    year = truth.price("GLD", "high").inside(truth.today - timedelta(weeks=52), truth.today)
    return [
        (f"AAPL close on {early}", [float(truth.price("AAPL").inside(early, early).close[0])]),
        (f"opening price of NVDA on {late}", [float(truth.price("NVDA", "open").inside(late, late).close[0])]),
        ("what is the price of JPM?", [float(jpm.close[-1]), Named(str(jpm.days[-1]), "JPM")]),
        ("highest close of KO in 2022", _extreme(ko.inside(*y2022), np.argmax, "KO")),
        ("lowest low of TLT in 2021", _extreme(truth.price("TLT", "low").inside("2021-01-01", "2021-12-31"),
                                               np.argmin, "TLT")),
        ("average close of MSFT in 2021", [float(msft.inside("2021-01-01", "2021-12-31").close.mean())]),
        ("average daily volume of NVDA in 2020",
         [float(truth.price("NVDA", "volume").inside("2020-01-01", "2020-12-31").close.mean())]),
        (f"on how many days in 2022 did XOM close above {level}?",
         [Named(int((xom.inside(*y2022).close > level).sum()), "XOM")]),
        (f"when did KO last close below {under}?",
         [Named(str(ko.days[at_last]), "last"), Named(float(ko.close[at_last]), "last")]),
        (f"when did MSFT first close above {over}?",
         [Named(str(msft.days[at_first]), "first"), Named(float(msft.close[at_first]), "first")]),
        ("52 week high of GLD", _extreme(year, np.argmax, "GLD")),
        ("ratio of GLD to SPY", [float(gld.close[-1] / spy.close[-1])]),
        ("total volume of KO in 2022", [float(truth.price("KO", "volume").inside(*y2022).close.sum())]),
        ("highest volume day of XOM in 2022", _extreme(truth.price("XOM", "volume").inside(*y2022), np.argmax, "XOM")),
        ("median close of GLD in 2021", [float(np.median(gld.inside("2021-01-01", "2021-12-31").close))]),
        ("when did AAPL hit its all time high?", _extreme(truth.price("AAPL"), np.argmax, "highest")[1:]),
        ("price of bitcoin", [float(truth.price("BTC-USD").close[-1])]),
    ]  # fmt: skip


def _returns(truth: Truth, random: Drawn) -> Asked:
    y2021, y2022 = ("2021-01-01", "2021-12-31"), ("2022-01-01", "2022-12-31")
    start, end = _day(truth, random, "XOM", 2021), _day(truth, random, "XOM", 2022)
    today = truth.today
    nvda, jpm = truth.total("NVDA").over(*y2022), truth.total("JPM").over("2021-01-01", today)
    best, worst = int(np.argmax(nvda.returns)), int(np.argmin(jpm.returns))
    falls = truth.total("AAPL").over(*y2022).returns
    btc = truth.total("BTC-USD")
    rises = np.flatnonzero(btc.returns > 0.05)
    nvda_days = truth.total("NVDA").days
    drops = np.flatnonzero(truth.total("NVDA").returns < -0.05)
    months = truth.total("SPY").over(*y2022).by("M")
    years = truth.total("MSFT").by("Y")
    xom_months = truth.total("XOM").by("M")
    low = int(np.argmin(xom_months.returns))
    month_start = today.replace(day=1)
    last_month = (month_start - timedelta(days=1)).replace(day=1)
    qqq, spy = truth.total("QQQ"), truth.total("SPY")
    fall = 2
    fell = np.flatnonzero(spy.returns < -fall / 100)
    march = truth.total("KO").over("2022-02-28", "2022-03-31")
    fridays = np.append(np.diff((march.days.astype(int) + 3) // 7) != 0, True)
    ends = Line(march.days[fridays], march.close[fridays])
    weeks = tuple((str(day), float(value)) for day, value in zip(ends.days[1:], ends.returns, strict=True))
    return [
        ("How did AAPL do in 2022?", [truth.total("AAPL").over(*y2022).total]),
        ("return of KO in 2021", [truth.total("KO").over(*y2021).total]),
        ("price change of KO in 2021", [truth.price("KO").over(*y2021).total]),
        ("return of PG in 2022", [truth.price("PG").over(*y2022).total]),
        ("bitcoin return in 2022", [truth.total("BTC-USD").over(*y2022).total]),
        (f"return of XOM from {start} to {end}", [truth.total("XOM").over(start, end).total]),
        ("ytd return of QQQ", [truth.total("QQQ").over(f"{today.year}-01-01", today).total]),
        ("return of TLT this month", [truth.total("TLT").over(month_start, today).total]),
        ("best day of NVDA in 2022", [float(nvda.returns[best]), Named(str(nvda.days[best + 1]), "NVDA")]),
        ("worst day for JPM since 2021", [float(jpm.returns[worst]), Named(str(jpm.days[worst + 1]), "JPM")]),
        ("how many days in 2022 did AAPL fall more than 2%?", [Named(int((falls < -0.02).sum()), "AAPL days")]),
        ("when did bitcoin last rise more than 5% in a day?",
         [Named(str(btc.days[rises[-1] + 1]), "last"), Named(float(btc.returns[rises[-1]]), "last")]),
        ("when did NVDA first fall more than 5% in a day?",
         [Named(str(nvda_days[drops[0] + 1]), "first"), Named(float(truth.total("NVDA").returns[drops[0]]), "first")]),
        ("monthly returns of SPY in 2022",
         [Rows(tuple((str(day), float(value)) for day, value in zip(months.days[1:], months.returns, strict=True)),
               (1, 2))]),
        ("yearly returns of MSFT since 2021",
         [Rows(tuple((str(day), float(value)) for day, value in zip(years.days[1:], years.returns, strict=True)),
               (1, 2))]),
        ("average monthly return of SPY in 2022", [float(months.returns.mean())]),
        ("worst month of XOM since 2020-02-01",
         [float(xom_months.returns[low]), Named(str(xom_months.days[low + 1]), "XOM")]),
        ("return of QQQ over the last 10 sessions", [float(qqq.close[-1] / qqq.close[-11] - 1)]),
        ("SPY return last month", [truth.total("SPY").over(last_month, month_start - timedelta(days=1)).total]),
        ("weekly returns of KO in March 2022", [Rows(weeks, (1, 2))]),
        ("best 3 days of NVDA in 2022",
         [Rows(tuple((str(nvda.days[at + 1]), float(nvda.returns[at])) for at in np.argsort(-nvda.returns)[:3]),
               (1, 2))]),
        ("how many days in 2022 did SPY rise?",
         [Named(int((truth.total("SPY").over(*y2022).returns > 0).sum()), "SPY days")]),
        (f"last time SPY fell {fall}% in a day", [Named(str(spy.days[fell[-1] + 1]), "last")]),
        ("how many months of 2022 was SPY up?", [Named(int((months.returns > 0).sum()), "SPY months")]),
    ]  # fmt: skip


def _risk(truth: Truth, _: Drawn) -> Asked:
    y2022 = ("2022-01-01", "2022-12-31")
    today = truth.today
    spy, ko = truth.total("SPY"), truth.total("KO").over(*y2022)
    since = spy.over("2021-01-01", today)
    downside = np.sqrt((np.minimum(since.returns, 0) ** 2).mean() * 252)
    aapl = truth.total("AAPL").over("2021-01-01", today)
    btc = truth.total("BTC-USD")
    market, nvda = common(spy.over(*y2022), truth.total("NVDA").over(*y2022))
    pair = common(spy.over(*y2022), truth.total("TLT").over(*y2022))
    mixed = common(btc.over("2022-01-01", today), truth.total("QQQ").over("2022-01-01", today))
    jpm = truth.total("JPM")
    return [
        ("volatility of KO in 2022", [float(ko.returns.std(ddof=1) * np.sqrt(252))]),
        ("bitcoin volatility in 2022", [float(btc.over(*y2022).returns.std(ddof=1) * np.sqrt(365))]),
        ("60 day realised volatility of JPM", [float(np.diff(np.log(jpm.close))[-60:].std(ddof=1) * np.sqrt(252))]),
        ("Sharpe ratio of SPY since 2021", [float(since.returns.mean() / since.returns.std(ddof=1) * np.sqrt(252))]),
        ("Sortino ratio of SPY since 2021", [float(since.returns.mean() * 252 / downside)]),
        ("annualised return of AAPL since 2021", [float((1 + aapl.total) ** (252 / len(aapl.returns)) - 1)]),
        ("max drawdown of MSFT in 2022", [drawdown(truth.total("MSFT").over(*y2022))]),
        ("correlation of SPY and TLT in 2022", [float(np.corrcoef(*pair)[0, 1])]),
        ("correlation of bitcoin and QQQ since 2022", [float(np.corrcoef(*mixed)[0, 1])]),
        ("beta of NVDA to SPY in 2022", [float(np.cov(nvda, market)[0, 1] / market.var(ddof=1))]),
    ]


def _technicals(truth: Truth, _: Drawn) -> Asked:
    ko, jpm, aapl, qqq = (truth.price(symbol).close for symbol in ("KO", "JPM", "AAPL", "QQQ"))
    ema = aapl[:20].mean()
    for close in aapl[20:]:
        ema += (close - ema) * 2 / 21
    return [
        ("50 day moving average of KO", [float(ko[-50:].mean())]),
        ("how far is JPM from its 200 day moving average?", [float(jpm[-1] / jpm[-200:].mean() - 1)]),
        ("RSI of AAPL", [wilder_rsi(aapl)]),
        ("20 day exponential moving average of AAPL", [float(ema)]),
        ("14 day RSI of QQQ", [wilder_rsi(qqq)]),
    ]


def _ranked(values: dict[str, float], best: int = 1) -> tuple[tuple[Any, ...], ...]:
    ordered = sorted(values.items(), key=lambda part: -best * part[1])
    return tuple(ordered)


def _rankings(truth: Truth, _: Drawn) -> Asked:
    y2021, y2022 = ("2021-01-01", "2021-12-31"), ("2022-01-01", "2022-12-31")
    three = {symbol: truth.total(symbol).over(*y2021).total for symbol in ("AAPL", "MSFT", "JPM")}
    funds = {symbol: truth.total(symbol).over(*y2022).total for symbol in ("SPY", "QQQ", "TLT", "GLD")}
    stocks = ("AAPL", "MSFT", "NVDA", "JPM", "KO", "XOM", "PG")
    gains = {symbol: truth.total(symbol).over(*y2022).total for symbol in stocks}
    risk = {
        symbol: float(truth.total(symbol).over(*y2022).returns.std(ddof=1) * np.sqrt(252))
        for symbol in ("AAPL", "MSFT", "KO")
    }
    calm = {
        symbol: float(truth.total(symbol).over(*y2022).returns.std(ddof=1) * np.sqrt(252))
        for symbol in ("SPY", "QQQ", "TLT", "GLD")
    }
    bad = {symbol: float(truth.total(symbol).over(*y2022).returns.min()) for symbol in stocks}
    worst = min(bad, key=lambda symbol: bad[symbol])
    strength = {symbol: wilder_rsi(truth.price(symbol).close) for symbol in stocks}
    return [
        ("which of AAPL, MSFT and JPM gained the most in 2021?", [Rows(_ranked(three)[:1], (0, 3))]),
        ("best performing ETF in 2022", [Rows(_ranked(funds)[:1], (0, 3))]),
        ("top 3 stocks by return in 2022", [Rows(_ranked(gains)[:3], (0, 3))]),
        ("worst stock of 2022", [Rows(_ranked(gains, -1)[:1], (0, 3))]),
        ("ETF with the lowest volatility in 2022", [Rows(_ranked(calm, -1)[:1], (0, -1))]),
        ("which stock had the worst single day in 2022?", [Rows(((worst, bad[worst]),), (0, 2))]),
        ("which stock has the highest RSI?", [Rows(_ranked(strength)[:1], (0, 2))]),
        ("which of AAPL, MSFT and KO was the most volatile in 2022?", [Rows(_ranked(risk)[:1], (0, -1))]),
        ("rank AAPL, MSFT and KO by volatility in 2022", [Rows(_ranked(risk), (0, -1))]),
    ]


def _macro(truth: Truth, random: Drawn) -> Asked:
    jobless, prices, funds = (truth.macro(series) for series in ("UNRATE", "CPIAUCSL", "FEDFUNDS"))
    output, ten = truth.macro("GDPC1"), truth.macro("DGS10")
    month = list(jobless)[-1]
    cpi_month = list(prices)[-1]
    in_2021 = [value for period, value in jobless.items() if period.year == 2021]
    level = sorted(in_2021)[6]
    high = max(sorted(part for part in jobless.items() if part[0].year >= 2020), key=lambda part: part[1])
    above = round(float(np.median(list(funds.values()))), 1)
    last = max(period for period, value in funds.items() if value > above)
    years = {year: np.mean([v for p, v in output.items() if p.year == year]) for year in (2020, 2021, 2022)}
    day = list(ten)[int(random.integers(200, len(ten)))]
    yoy = {p: v / prices[p.replace(year=p.year - 1)] - 1 for p, v in prices.items() if p.year > 2018}
    march, quarter = date(2021, 3, 1), date(2022, 4, 1)
    bill = truth.macro("TB3MS")
    by_month: dict[date, list[float]] = defaultdict(list)
    for period, value in ten.items():
        by_month[period.replace(day=1)].append(value)
    spread = {p: float(np.mean(by_month[p])) - bill[p] for p in by_month if p in bill and p.year == 2022}
    widest = max(spread.items(), key=lambda part: part[1])
    early = truth.macro("UNRATE", date(2022, 8, 31))
    first = {one.period: one.value for one in sorted(truth.world.macro, key=lambda one: one.vintage, reverse=True)
             if one.series == "GDPC1"}  # fmt: skip
    return [
        ("unemployment rate", [jobless[month], Named(month.isoformat(), "period")]),
        ("unemployment rate in March 2021", [jobless[march], Named(march.isoformat(), "period")]),
        ("highest unemployment rate since 2020", [high[1], Named(high[0].isoformat(), "date")]),
        (f"how many months in 2021 was the unemployment rate above {level}%?",
         [Named(sum(value > level for value in in_2021), "periods")]),
        ("inflation rate year over year", [yoy[cpi_month], Named(cpi_month.isoformat(), "period")]),
        ("average fed funds rate in 2022", [float(np.mean([v for p, v in funds.items() if p.year == 2022]))]),
        (f"when was the fed funds rate last above {above}%?", [funds[last], Named(last.isoformat(), "period")]),
        ("GDP growth in 2022", [float(years[2022] / years[2021] - 1)]),
        (f"10 year yield on {day}", [ten[day]]),
        ("how many days in 2022 was the 10 year yield above 2%?",
         [Named(sum(value > 2 for period, value in ten.items() if period.year == 2022), "periods")]),
        ("average 10 year yield in 2022 by quarter",
         [Rows(tuple((f"2022-{3 * n + 1:02d}-01", float(np.mean([v for p, v in ten.items()
                                                                if p.year == 2022 and (p.month - 1) // 3 == n])))
                     for n in range(4)), (0, 1))]),
        ("10 year yield minus 3 month yield by month in 2022",
         [float(widest[1]), Named(widest[0].isoformat(), "highest")]),
        ("what was the unemployment rate as known on 2022-08-31?", [early[max(early)]]),
        (f"real GDP of Q2 {quarter.year} as first published", [first[quarter]]),
        ("change of the unemployment rate in 2022 by month",
         [Rows(tuple((p.isoformat(), jobless[p] - jobless[(p - timedelta(days=1)).replace(day=1)])
                     for p in jobless if p.year == 2022), (0, 1))]),
    ]  # fmt: skip


def _dividends(truth: Truth, _: Drawn) -> Asked:
    def paid(symbol: str, year: int | None = None) -> list[tuple[date, float]]:
        return [part for part in truth.world.prices[symbol].dividends if year is None or part[0].year == year]

    by_year: dict[int, float] = defaultdict(float)
    for day, amount in paid("JPM"):
        by_year[day.year] += amount
    last = paid("XOM")[-1]
    sums = {one: sum(amount for _, amount in paid(one, 2022)) for one in ("AAPL", "MSFT", "JPM", "KO", "XOM", "PG")}
    most = max(sums.items(), key=lambda part: part[1])
    split = truth.world.prices["AAPL"].splits[0]
    splits = truth.world.prices["NVDA"].splits
    crossing = sum(amount / float(split[1] if day < split[0] else 1) for day, amount in paid("AAPL"))
    return [
        ("dividends of KO in 2022", [sum(amount for _, amount in paid("KO", 2022))]),
        (
            "dividends of JPM by year",
            [Rows(tuple((f"{year}-01-01", total) for year, total in by_year.items()), (1, 2))],
        ),
        ("which stock paid the most dividends in 2022?", [Named(most[1], most[0])]),
        ("last dividend of XOM", [last[1], Named(last[0].isoformat(), "XOM")]),
        ("how many dividends did TLT pay in 2022?", [Named(len(paid("TLT", 2022)), "number of")]),
        ("total dividends per share of AAPL since 2020", [crossing]),
        ("when did AAPL split?", [Named(split[1], split[0].isoformat())]),
        ("splits of NVDA", [Rows(tuple((day.isoformat(), ratio) for day, ratio in reversed(splits)), (1, 2))]),
    ]


def _events(truth: Truth, _: Drawn) -> Asked:
    world, today = truth.world, truth.today
    reports = [one for one in world.reports if one[3] is not None]
    jpm = [one for one in reports if one[0] == "JPM"]
    ko = [one for one in reports if one[0] == "KO" and one[1].year == 2022]
    scheduled = [one for one in world.reports if one[1] <= today + timedelta(days=14)]
    known = [one for one in scheduled if one[0] == "MSFT" and one[1] >= today]
    beats = sum(round(one[3] - one[2], 2) > 0 for one in reports)
    misses = sum(round(one[3] - one[2], 2) < 0 for one in reports if one[0] == "AAPL")
    upcoming = next(one for one in world.releases if one.name.startswith("CPI") and one.at.date() > today)
    past = [one for one in world.releases if one.actual is not None]
    cpi = [one for one in past if one.name.startswith("CPI") and one.at.year == 2022]
    jobs = next(one for one in past if one.name.startswith("Non-Farm") and (one.at.year, one.at.month) == (2022, 6))
    important = [one for one in past if one.importance == "high" and one.at.year == 2022]
    severe = [one for one in world.tensions if one[2] >= 200 and one[0].year >= 2021]
    by_surprise = sorted(reports, key=lambda one: (round(one[3] - one[2], 2), -one[1].toordinal(), one[0]))
    quarters: dict[str, int] = defaultdict(int)
    for day, _name, _index in world.tensions:
        if day.year == 2022:
            quarters[f"2022-{(day.month - 1) // 3 * 3 + 1:02d}-01"] += 1
    newest = max(part for part in world.tensions if part[0] < today)
    found: Asked = [
        ("latest earnings surprise of JPM", [jpm[-1][3] - jpm[-1][2]]),
        ("EPS surprises of KO in 2022",
         [Rows(tuple((one[1].isoformat(), one[3], one[2], one[3] - one[2]) for one in reversed(ko)), (1, 2, 3, 4))]),
        ("how many times did AAPL miss earnings estimates since 2020?", [Named(misses, "number of")]),
        ("how many earnings beats were there since 2020?", [Named(beats, "number of")]),
        ("how many earnings dates since 2020?", [Named(len(scheduled), "number of")]),
        ("how many CPI releases in 2022?", [Named(len(cpi), "number")]),
        ("worst 2 earnings surprises",
         [Rows(tuple((one[0], one[1].isoformat()) for one in by_surprise[:2]), (0, 1))]),
        ("geopolitical events in 2022 by quarter", [Rows(tuple(sorted(quarters.items())), (1, 2))]),
        ("CPI releases in 2022 with actual and forecast",
         [Rows(tuple((one.at.date().isoformat(), one.actual, one.forecast) for one in cpi), (1, 5, 6))]),
        ("nonfarm payrolls release in June 2022, actual and forecast",
         [Named(jobs.actual, "actual"), Named(jobs.forecast, "forecast")]),
        ("how many high importance economic releases were there in 2022?", [Named(len(important), "number of")]),
        ("how many high severity geopolitical events since 2021?", [Named(len(severe), "number of")]),
        ("latest geopolitical event", [Named(newest[1], "newest"), Named(newest[0].isoformat(), "date")]),
    ]  # fmt: skip
    if upcoming.at.date() <= today + timedelta(days=6):
        found.append(("when is the next CPI release?", [Named(upcoming.at.date().isoformat(), "CPI")]))
    if known:
        found.append(("when does MSFT report next?", [Named(known[0][1].isoformat(), "MSFT")]))
    return found


def _news(truth: Truth, _: Drawn) -> Asked:
    month = (truth.today.replace(day=1) - timedelta(days=1)).replace(day=1)
    name = f"{month:%B %Y}"
    inside = [one for one in truth.stories if one[0].replace(day=1) == month]
    counts, scores = defaultdict(int), defaultdict(list)
    for _day_of, symbol, score in inside:
        counts[symbol] += 1
        scores[symbol].append(score)
    most = max(counts.values())
    top = min(symbol for symbol, count in counts.items() if count == most)
    by_month: dict[str, list[float]] = defaultdict(list)
    for day, symbol, score in truth.stories:
        if symbol == "JPM" and day.year == truth.today.year:
            by_month[day.replace(day=1).isoformat()].append(score)
    return [
        (f"how many articles about AAPL in {name}?", [Named(counts["AAPL"], "articles")]),
        (f"average sentiment of MSFT in {name}", [float(np.mean(scores["MSFT"]))]),
        (f"which stock had the most articles in {name}?", [Rows(((top, most),), (0, 1))]),
        ("sentiment of JPM by month this year",
         [Rows(tuple((key, float(np.mean(part))) for key, part in sorted(by_month.items())), (1, 2))]),
    ]  # fmt: skip


def _book(truth: Truth, _: Drawn) -> Asked:
    held, cash, nav, today = truth.held(), truth.cash(), truth.nav(), truth.today
    values = {symbol: truth.value(symbol) for symbol in held}
    fees = float(sum(row[4] for row in truth.world.fills))
    realised = float(sum(part[2] for part in held.values()))
    month_before = today.replace(day=1) - timedelta(days=1)
    biggest = max(values.items(), key=lambda part: part[1])
    xom = truth.value("XOM") - float(held["XOM"][1])
    spent_on_xom = float(sum(row[4] for row in truth.world.fills if row[0] == "XOM"))

    def made_before(symbol: str) -> float:
        before = truth.held(month_before)
        if symbol not in before:
            return 0.0
        paid = float(sum(row[4] for row in truth.world.fills if row[0] == symbol and row[5] <= month_before))
        return truth.value(symbol, month_before) - float(before[symbol][1]) + float(before[symbol][2]) - paid

    return [
        ("how much cash do I have?", [Named(cash, "cash")]),
        ("what is my net asset value?", [Named(nav, "net asset value")]),
        ("how many shares of XOM do I hold?", [Named(float(held["XOM"][0]), "XOM")]),
        ("average cost of my MSFT", [float(held["MSFT"][1] / held["MSFT"][0])]),
        ("weight of AAPL in my portfolio", [values["AAPL"] / nav]),
        ("what is my biggest position?", [Named(biggest[1], biggest[0])]),
        ("my total profit and loss", [nav - 1_000_000]),
        ("my realised profit", [realised]),
        ("unrealised P&L of XOM", [xom]),
        ("how much did I pay in fees?", [fees]),
        ("what did I pay in fees for XOM?", [float(sum(row[4] for row in truth.world.fills if row[0] == "XOM"))]),
        ("how many orders were rejected?", [Named(1, "number of orders")]),
        ("how much did I make on XOM this month?", [xom + float(held["XOM"][2]) - spent_on_xom - made_before("XOM")]),
        ("how many fills do I have?", [Named(len(truth.world.fills), "number of fills")]),
        ("my P&L this month", [nav - truth.nav(month_before)]),
    ]


def _tools(truth: Truth, _: Drawn) -> Asked:
    aapl = truth.total("AAPL")
    three_years = aapl.over(truth.today.replace(year=truth.today.year - 3), truth.today)
    tail = np.quantile(three_years.returns, 0.05)
    close = truth.price("KO").close[-1]
    spy, qqq = truth.total("SPY"), truth.price("QQQ")
    first = int(np.searchsorted(spy.days, np.datetime64("2021-01-01")))
    # Decided at the close before; filled at the next open, or the next close where there are closes only, 2 bps dearer
    # and with a fee of 1 bps, as the answer states its terms.
    filled = {"SPY": spy.close[first], "QQQ": truth.price("QQQ", "open").close[first]}
    grown = {symbol: float(line.close[-1] / (filled[symbol] * 1.0002 * 1.0001) - 1)
             for symbol, line in (("SPY", spy), ("QQQ", qqq))}  # fmt: skip
    both = common(
        spy.over(three_years.days[0] + 1, truth.today), truth.total("TLT").over(three_years.days[0] + 1, truth.today)
    )
    mixed = 0.6 * both[0] + 0.4 * both[1]
    y2022 = aapl.over("2022-01-01", "2022-12-31").returns
    return [
        ("backtest buy and hold of SPY since 2021", [Named(grown["SPY"], "total return")]),
        ("backtest buy and hold on QQQ since 2021", [Named(grown["QQQ"], "total return")]),
        ("backtest buy and hold of QQQ since 2021 without costs",
         [Named(float(qqq.close[-1] / filled["QQQ"] - 1), "total return")]),
        ("historical 99% value at risk of 60% SPY and 40% TLT",
         [Named(float(-np.quantile(mixed, 0.01)), "share of value")]),
        ("95% VaR of AAPL in 2022", [Named(float(-np.quantile(y2022, 0.05)), "share of value")]),
        ("how did KO perform in 2022?", [truth.total("KO").over("2022-01-01", "2022-12-31").total]),
        ("historical 95% value at risk of AAPL", [Named(float(-tail), "share of value")]),
        ("how many shares of KO should I buy with 100000 dollars risking 1% with a stop 5% below?",
         [Named(float(np.floor(min(1_000 / (0.05 * close), 25_000 / close))), "shares")]),
    ]  # fmt: skip
