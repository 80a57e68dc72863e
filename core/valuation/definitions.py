"""Define every statistic of a return series, of its comparison with a benchmark and of what a strategy held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Unit = Literal["ratio", "number", "count"]
Group = Literal["series", "benchmark", "activity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """Say what a statistic is: its title, unit, formula in words, and where the formula comes from."""

    name: str
    title: str
    unit: Unit
    group: Group
    formula: str
    source: str


_SERIES = """
sessions|sessions|count|returns that are not missing, n|
total_return|total return|ratio|product of (1 + r) - 1|
cagr|annual growth (CAGR)|ratio|(product of (1 + r)) ** (sessions per year / n) - 1|
mean_return|mean annual return|ratio|mean of r x sessions per year|
volatility|annualised volatility|ratio|standard deviation of r (divisor n - 1) x sqrt(sessions per year)|
sharpe|Sharpe ratio|number|(mean of r - rate) / standard deviation x sqrt(sessions per year)|Sharpe (1994)
sharpe_standard_error|standard error of the Sharpe ratio|number|sqrt((1 + S^2 / 2) / n) of the per-session ratio S, annualised|Lo (2002)
probabilistic_sharpe|probability of a positive Sharpe ratio|ratio|normal law of S sqrt(n - 1) / sqrt(1 - skew S + (kurtosis + 2) / 4 S^2)|Bailey and Lopez de Prado (2012)
sortino|Sortino ratio|number|(mean of r - rate) x sessions per year / downside risk|Sortino and Price (1994)
downside_risk|downside risk|ratio|sqrt(mean of min(r - rate, 0)^2 x sessions per year), over all sessions|Sortino and Price (1994)
max_drawdown|maximum drawdown|ratio|least value of wealth / its highest so far - 1, the start counted|
drawdown_peak|session of the peak before the maximum drawdown|count|index; -1 is the start|
drawdown_trough|session of the trough of the maximum drawdown|count|index; -1 when there is none|
drawdown_recovery|session of the recovery from the maximum drawdown|count|index; -1 when not yet|
longest_drawdown_sessions|longest time under water|count|most sessions from a peak to the last one below it|
calmar|Calmar ratio|number|annual growth / -maximum drawdown|Young (1991)
omega|Omega ratio|number|sum of max(r - rate, 0) / sum of max(rate - r, 0)|Keating and Shadwick (2002)
skew|skewness|number|third central moment / second ** 1.5 (divisors n)|
kurtosis|excess kurtosis|number|fourth central moment / second ** 2 - 3 (divisors n)|
var_95|daily VaR 95 %|ratio|5 % quantile of r, linear between order statistics|
es_95|daily ES 95 %|ratio|mean of the int(0.05 (n - 1)) + 1 smallest r|Acerbi and Tasche (2002)
tail_ratio|tail ratio|number|absolute 95 % quantile / absolute 5 % quantile|
best|best day|ratio|largest r|
worst|worst day|ratio|smallest r|
hit_rate|share of days up|ratio|sessions with r > 0 / sessions with r other than 0|
average_gain|average gain|ratio|mean of the r above 0|
average_loss|average loss|ratio|mean of the r below 0|
stability|stability|number|R squared of cumulative log returns on time|
profit_factor|profit factor|number|sum of r above 0 / -sum of r below 0|
upside_potential|upside potential ratio|number|mean of max(r - rate, 0) / sqrt(mean of min(r - rate, 0)^2)|Sortino, van der Meer and Plantinga (1999)
ulcer_index|ulcer index|ratio|sqrt(mean of squared drawdowns)|Martin and McCann (1989)
pain_index|pain index|ratio|mean of absolute drawdowns|Becker (2006)
time_under_water|share of time under water|ratio|sessions below the highest wealth so far / n|
drawdown_count|drawdowns|count|separate spells below the highest wealth so far|
average_drawdown|average drawdown|ratio|mean over spells of their deepest point|
average_drawdown_sessions|average length of a drawdown|count|mean over spells of their sessions|
longest_gain_sessions|longest run of gains|count|most sessions in a row with r above 0|
longest_loss_sessions|longest run of losses|count|most sessions in a row with r below 0|
autocorrelation|autocorrelation|number|of r with the r before it, around the mean of all|
var_99|daily VaR 99 %|ratio|1 % quantile of r, linear between order statistics|
es_99|daily ES 99 %|ratio|mean of the int(0.01 (n - 1)) + 1 smallest r|Acerbi and Tasche (2002)
payoff_ratio|payoff ratio|number|average gain / -average loss|
martin_ratio|Martin ratio|number|annual growth / ulcer index|Martin and McCann (1989)
recovery_factor|recovery factor|number|total return / -maximum drawdown|
adjusted_sharpe|adjusted Sharpe ratio|number|S (1 + skew / 6 S - kurtosis / 24 S^2) of the per-session ratio S, annualised|Pezier and White (2006)
kelly_weight|Kelly weight|number|(mean of r - rate) / variance of r|Thorp (2006)
mean_to_es|return over ES|number|(mean of r - rate) / -ES 95 %, per session|Martin, Rachev and Siboulet (2003)
modified_var_95|modified VaR 95 %|ratio|mean + standard deviation x Cornish-Fisher 5 % quantile|Zangari (1996)
common_sense_ratio|common sense ratio|number|profit factor x tail ratio|
"""
_BENCHMARK = """
alpha|annual alpha|ratio|(1 + mean excess return - beta x mean excess of the benchmark) ** sessions per year - 1|Jensen (1968)
beta|beta|number|slope of r on the benchmark's, ordinary least squares|Sharpe (1964)
correlation|correlation with the benchmark|number|Pearson|
tracking_error|tracking error|ratio|standard deviation of r - benchmark (divisor n - 1) x sqrt(sessions per year)|
information_ratio|information ratio|number|mean of r - benchmark / its standard deviation x sqrt(sessions per year)|Goodwin (1998)
excess_return|excess annual growth|ratio|annual growth - that of the benchmark|
treynor|Treynor ratio|ratio|mean excess return x sessions per year / beta|Treynor (1965)
modigliani|M2|ratio|Sharpe ratio x volatility of the benchmark + annual rate|Modigliani and Modigliani (1997)
up_capture|up capture|number|annual growth / the benchmark's, over sessions on which it rose|
down_capture|down capture|number|annual growth / the benchmark's, over sessions on which it fell|
capture_ratio|capture ratio|number|up capture / down capture|
up_beta|up beta|number|beta over sessions on which the benchmark rose|
down_beta|down beta|number|beta over sessions on which the benchmark fell|Ang, Chen and Xing (2006)
batting_average|batting average|ratio|share of sessions ahead of the benchmark|
"""
_ACTIVITY = """
turnover|annual turnover|number|half the sum of absolute changes of weight x sessions per year / sessions|
exposure|share of time invested|ratio|sessions with any weight / sessions|
gross_exposure|average gross exposure|ratio|mean of the sum of absolute weights|
net_exposure|average net exposure|ratio|mean of the sum of weights|
largest_weight|largest weight|ratio|largest absolute weight held|
effective_positions|effective number of positions|number|mean of (sum of absolute w)^2 / sum of w^2 while invested|Herfindahl
holding_sessions|average holding period|number|mean gross exposure x sessions / half the sum of absolute changes of weight|
capacity|capacity|number|largest money for which the stated share of trades stays within the stated share of daily volume|
"""


def _read(text: str, group: Group) -> dict[str, Definition]:
    rows = (line.split("|") for line in text.strip().splitlines())
    return {
        name: Definition(name=name, title=title, unit=unit, group=group, formula=formula, source=source)  # type: ignore[arg-type]
        for name, title, unit, formula, source in rows
    }


DEFINITIONS: Mapping[str, Definition] = {
    **_read(_SERIES, "series"), **_read(_BENCHMARK, "benchmark"), **_read(_ACTIVITY, "activity")
}  # fmt: skip
