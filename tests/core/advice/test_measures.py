"""What the analysts measure, against independent libraries, sums done by hand and processes with known answers."""

from __future__ import annotations

import re
from datetime import date

import numpy as np
import pytest
from scipy import stats

from core.advice.events import Tone, judge_events
from core.advice.macro import LEAST_T, Series, judge_macro, measure_sensitivity
from core.advice.opinion import ANALYSTS, Figure, Opinion, Vote, no_opinion, opinion_of
from core.advice.relative_value import CLOSES_BELOW, basket_level, judge_gap, measure_gap
from core.advice.risk import judge_risk, measure_risk
from core.advice.trend import judge_trend, measure_trend
from core.domain.event_calendar import EventCalendar

DAYS = np.arange("2018-01-01", "2023-06-24", dtype="datetime64[D]")


def walk(seed: int, count: int = 1_400, *, drift: float = 0.0003, size: float = 0.015) -> np.ndarray:
    return 100.0 * np.exp(np.cumsum(np.random.default_rng(seed).normal(drift, size, count)))


def figures(opinion: Opinion) -> dict[str, float | int | str]:
    return {figure.name: figure.value for figure in opinion.figures}


def spread(seed: int, count: int, pull: float) -> np.ndarray:
    """Return an autoregression that loses `pull` of its distance from zero each session."""
    noise = np.random.default_rng(seed).normal(0.0, 0.01, count)
    out = np.zeros(count)
    for t in range(1, count):
        out[t] = (1.0 - pull) * out[t - 1] + noise[t]
    return out


# ---- trend


def test_the_trend_is_what_scipy_and_plain_sums_say() -> None:
    close = walk(1)
    trend = measure_trend(close)
    returns = close[1:] / close[:-1] - 1.0
    for t in (252, 700, 1_399):
        assert trend.gap[t] == pytest.approx(close[t] / np.mean(close[t - 199 : t + 1]) - 1.0, rel=1e-12)
        assert trend.momentum[t] == pytest.approx(close[t - 21] / close[t - 252] - 1.0, rel=1e-12)
        assert trend.drift_t[t] == pytest.approx(stats.ttest_1samp(returns[t - 126 : t], 0.0).statistic, rel=1e-9)
        assert trend.volatility[t] == pytest.approx(np.std(returns[t - 252 : t], ddof=1) * 252**0.5, rel=1e-9)
    assert np.isnan(trend.votes[:252]).any(axis=1).all() and np.isfinite(trend.votes[252:]).all()


def test_a_steady_rise_is_wholly_for_and_a_steady_fall_wholly_against() -> None:
    noise = np.random.default_rng(3).normal(0.0, 0.002, 400)
    rising = 100.0 * np.exp(np.cumsum(0.004 + noise))
    up, down = judge_trend(measure_trend(rising)), judge_trend(measure_trend(1e4 / rising))
    assert up.score == 1.0 and len(up.reasons_for) == 3 and up.reasons_against == ()
    assert down.score == -1.0 and down.reasons_for == () and len(down.reasons_against) == 3


@pytest.mark.parametrize("close", [walk(1, 252), np.full(400, 50.0), np.empty(0)])
def test_without_a_year_of_moving_prices_there_is_no_trend(close: np.ndarray) -> None:
    opinion = judge_trend(measure_trend(close))
    assert opinion.score is None and "year of prices" in opinion.lacking


def test_a_price_in_another_currency_has_the_same_trend_and_risk() -> None:
    close = walk(5)
    assert measure_trend(7.5 * close).votes == pytest.approx(measure_trend(close).votes, nan_ok=True, abs=1e-9)
    assert measure_risk(7.5 * close).votes == pytest.approx(measure_risk(close).votes, nan_ok=True, abs=1e-9)


# ---- relative value


def test_the_closing_of_a_gap_is_tested_as_arch_tests_it() -> None:
    unit_root = pytest.importorskip("arch.unitroot")
    basket = walk(7)
    gap = spread(8, len(basket), 0.05)
    close = basket * np.exp(gap)
    found = measure_gap(close, basket)
    for t in (400, 900, 1_399):
        window = gap[t - 252 : t + 1]
        test = unit_root.ADF(window, lags=0, trend="c")
        assert found.closing_t[t] == pytest.approx(test.stat, rel=1e-6)
        level = gap[t - 251 : t + 1]
        assert found.z[t] == pytest.approx((gap[t] - level.mean()) / level.std(ddof=1), rel=1e-9)
    # Half of the distance is lost in ln 2 / -ln(0.95) = 13.5 sessions; a year of data estimates that roughly.
    assert np.median(found.half_life[252:]) == pytest.approx(13.5, rel=0.35)


def test_the_ten_percent_point_of_a_random_walk_is_the_published_one() -> None:
    # MacKinnon (2010), table 2, constant, no trend, one variable, 10 %: -2.56677 - 1.5384 / T - 2.809 / T^2.
    assert pytest.approx(-2.56677 - 1.5384 / 252 - 2.809 / 252**2, abs=0.005) == CLOSES_BELOW


def test_gaps_of_random_walks_say_nothing_nine_times_in_ten() -> None:
    silent = [measure_gap(walk(seed, 300), walk(1_000 + seed, 300)).votes[-1] == 0.0 for seed in range(300)]
    assert 0.85 < np.mean(silent) < 0.95


def test_a_gap_that_closes_speaks_against_what_stands_above_its_peers() -> None:
    basket, gap = walk(11), spread(12, 1_400, 0.15)
    for place, sign in ((int(np.argmax(gap[300:])) + 301, -1.0), (int(np.argmin(gap[300:])) + 301, 1.0)):
        opinion = judge_gap(measure_gap((basket * np.exp(gap))[:place], basket[:place]), peers="its peers")
        assert opinion.score == sign
        assert "sessions in which half of the gap closes" in figures(opinion)


def test_a_basket_is_the_mean_return_of_those_that_trade() -> None:
    closes = np.array([[100.0, 50.0], [110.0, 45.0], [121.0, np.nan], [121.0, 90.0]])
    # +10 % and -10 % are nothing; then the first alone; then nobody traded twice in a row but the first.
    assert basket_level(closes) == pytest.approx([1.0, 1.0, 1.1, 1.1])


def test_without_peers_there_is_no_relative_value() -> None:
    assert judge_gap(measure_gap(walk(1, 100), walk(2, 100)), peers="its peers").score is None


# ---- risk


def test_risk_is_the_rank_of_volatility_and_the_fall_from_the_top() -> None:
    close = walk(21, 1_700)
    risk = measure_risk(close)
    returns = close[1:] / close[:-1] - 1.0
    own = np.array([np.std(returns[t - 63 : t], ddof=1) * 252**0.5 for t in range(63, 1_700)])
    for t in (400, 1_000, 1_699):
        past = own[max(0, t - 63 - 1_259) : t - 63 + 1]
        assert risk.volatility[t] == pytest.approx(own[t - 63], rel=1e-9)
        assert risk.rank[t] == pytest.approx(stats.percentileofscore(past, own[t - 63], kind="mean") / 100.0, abs=1e-9)
        assert risk.usual[t] == pytest.approx(past.mean(), rel=1e-9)
        assert risk.depth[t] == pytest.approx(close[t] / close[t - 251 : t + 1].max() - 1.0, abs=1e-12)


def test_what_turned_rough_and_fell_speaks_against_and_calm_at_the_top_for() -> None:
    generator = np.random.default_rng(2)
    quiet, loud = generator.normal(0.001, 0.004, 600), generator.normal(-0.004, 0.04, 100)
    fallen = judge_risk(measure_risk(c := 100 * np.exp(np.cumsum(np.concatenate((quiet, loud))))), c)
    calm = judge_risk(measure_risk(d := 100 * np.exp(np.cumsum(np.concatenate((loud, -loud, quiet, quiet / 4))))), d)
    assert fallen.score is not None and fallen.score < -0.8
    assert calm.score is not None and calm.score > 0.3


def test_a_position_that_carries_more_risk_than_weight_speaks_against_itself() -> None:
    close = walk(23)
    free = judge_risk(measure_risk(close), close)
    small = judge_risk(measure_risk(close), close, weight=0.05, share=0.04)
    large = judge_risk(measure_risk(close), close, weight=0.30, share=0.60)
    assert free.score is not None and large.score is not None
    assert small.score == free.score and large.score < free.score
    assert figures(large)["share of the account's risk"] == 0.60 and "weight in the account" not in figures(free)


# ---- macro


def series(values: np.ndarray, *, is_rate: bool = False, name: str = "WTI") -> Series:
    return Series(name=name, is_rate=is_rate, periods=DAYS[: len(values)], values=values)


def test_a_planted_beta_is_found_as_least_squares_finds_it() -> None:
    oil = walk(31, 1_000, size=0.02)
    own = np.random.default_rng(32).normal(0.0, 0.005, 999)
    close = 100.0 * np.concatenate(([1.0], np.cumprod(1.0 + 0.5 * (oil[1:] / oil[:-1] - 1.0) + own)))
    found = measure_sensitivity(DAYS[:1_000], close, series(oil))
    assert found is not None
    ends = np.arange(999, 999 - 756, -5)[::-1]
    x, y = oil[ends][1:] / oil[ends][:-1] - 1.0, close[ends][1:] / close[ends][:-1] - 1.0
    fit = stats.linregress(x, y)
    assert (found.beta, found.t) == (pytest.approx(fit.slope), pytest.approx(fit.slope / fit.stderr))
    assert found.beta == pytest.approx(0.5, abs=0.1) and found.t > LEAST_T
    assert found.lately == pytest.approx(oil[-1] / oil[-64] - 1.0)


@pytest.mark.parametrize(("beta", "way", "sign"), [(0.8, 1, 1.0), (0.8, -1, -1.0), (-0.8, 1, -1.0), (-0.8, -1, 1.0)])
def test_macro_goes_where_what_the_price_depends_on_went(beta: float, way: int, sign: float) -> None:
    oil = walk(41, 1_000, drift=0.0, size=0.01)
    oil[-63:] *= np.exp(way * np.linspace(0.0, 0.3, 63))
    close = 100.0 * np.concatenate(([1.0], np.cumprod(1.0 + beta * (oil[1:] / oil[:-1] - 1.0))))
    close *= np.exp(np.random.default_rng(42).normal(0.0, 0.001, 1_000))
    opinion = judge_macro([measure_sensitivity(DAYS[:1_000], close, series(oil))])
    assert opinion.score is not None and opinion.score * sign > 0.5


def test_a_rate_moves_in_points() -> None:
    rate = 3.0 + np.cumsum(np.random.default_rng(51).normal(0.0, 0.05, 1_000))
    found = measure_sensitivity(DAYS[:1_000], walk(52, 1_000), series(rate, is_rate=True, name="DGS10"))
    assert found is not None and found.lately == pytest.approx((rate[-1] - rate[-64]) / 100.0)


def test_series_without_a_tie_say_nothing_and_silent_ones_are_not_asked() -> None:
    close, oil = walk(61, 1_000), walk(62, 1_000)
    quiet = judge_macro([measure_sensitivity(DAYS[:1_000], close, series(oil))])
    assert quiet.score == 0.0 and "none" in quiet.reasons_against[0]
    assert measure_sensitivity(DAYS[:1_000], close, series(oil[:970])) is None
    assert judge_macro([None, None]).score is None


def test_unrelated_series_look_tied_to_a_price_at_most_once_in_twenty() -> None:
    # Six series are asked at a time, each by its own t-test.
    seen = []
    for seed in range(120):
        close = walk(2_000 + seed, 760)
        asked = [measure_sensitivity(DAYS[:760], close, series(walk(10_000 + 10 * seed + k, 760))) for k in range(6)]
        seen.append(any(part is not None and abs(part.t) >= LEAST_T for part in asked))
    assert np.mean(seen) < 0.12


# ---- events


def calendar(*rows: tuple[str, float | None]) -> EventCalendar:
    """Return earnings of dates with their surprises; None for those to come."""
    days = np.array([day for day, _ in rows], dtype="datetime64[D]")
    told = np.array([surprise is not None for _, surprise in rows])
    return EventCalendar(
        name=np.array(["EARNINGS"] * len(rows)),
        asset=np.zeros(len(rows), dtype=np.int64),
        day=days,
        scheduled=days - 14,
        known=np.where(told, days + 1, np.datetime64("NaT")),
        surprise=np.array([np.nan if surprise is None else surprise for _, surprise in rows]),
    )


PAST = (("2022-01-27", 0.1), ("2022-04-28", -0.1), ("2022-07-28", 0.1), ("2022-10-27", -0.1))
SILENT = Tone(recent=np.empty(0), before=np.empty(0))
DAY = date(2023, 2, 20)


@pytest.mark.parametrize(("surprise", "score"), [(0.1, 0.5), (0.3, 1.0), (-0.05, -0.25), (-0.9, -1.0)])
def test_a_surprise_counts_against_the_usual_size_of_the_companys_own(surprise: float, score: float) -> None:
    opinion = judge_events(calendar(*PAST, ("2023-02-02", surprise)), SILENT, day=DAY, horizon_days=30)
    assert opinion.score == pytest.approx(score)
    assert figures(opinion)["last earnings"] == "2023-02-02"


@pytest.mark.parametrize(
    "rows",
    [(), PAST, (("2023-02-02", 0.1),), (*PAST, ("2023-02-20", 0.5))],
    ids=["none", "older than a quarter", "too few before it", "told after the close"],
)
def test_without_a_surprise_that_can_be_judged_there_is_no_opinion(rows: tuple[tuple[str, float], ...]) -> None:
    opinion = judge_events(calendar(*rows), SILENT, day=DAY, horizon_days=30)
    assert opinion.score is None and opinion.lacking


def test_earnings_ahead_are_a_remark_that_does_not_count() -> None:
    known = calendar(*PAST, ("2023-02-02", 0.1), ("2023-03-01", None))
    opinion = judge_events(known, SILENT, day=DAY, horizon_days=30)
    assert opinion.score == pytest.approx(0.5) and figures(opinion)["next earnings"] == "2023-03-01"
    assert any("either way" in reason for reason in opinion.reasons_against)
    assert "next earnings" not in figures(judge_events(known, SILENT, day=DAY, horizon_days=5))


def test_the_tone_of_news_counts_where_it_changed_as_welch_tests_it() -> None:
    generator = np.random.default_rng(71)
    tone = Tone(recent=generator.normal(0.25, 0.3, 12), before=generator.normal(0.1, 0.3, 200))
    opinion = judge_events(calendar(), tone, day=DAY, horizon_days=30)
    t = stats.ttest_ind(tone.recent, tone.before, equal_var=False).statistic
    assert figures(opinion)["t-value of the change of sentiment"] == pytest.approx(t)
    assert opinion.score == pytest.approx(np.clip(t / 4.0, -1.0, 1.0))
    few = Tone(recent=tone.recent[:4], before=tone.before)
    assert judge_events(calendar(), few, day=DAY, horizon_days=30).score is None


# ---- opinions


def test_an_opinion_is_the_mean_of_what_counts_and_every_reason_stands_on_one_side() -> None:
    votes = [
        Vote(points=0.5, said="a"),
        Vote(points=-1.0, said="b"),
        Vote(points=0.0, said="c"),
        Vote(points=None, said="d"),
    ]
    opinion = opinion_of("trend", votes, [])
    assert opinion.score == pytest.approx(-0.5 / 3)
    assert (opinion.reasons_for, opinion.reasons_against) == (("a",), ("b", "c", "d"))
    assert opinion_of("risk", [Vote(points=None, said="d")], []).score is None
    assert no_opinion("macro", "why") == Opinion(analyst="macro", score=None, lacking="why")


def every_opinion() -> list[Opinion]:
    close, oil = walk(81), walk(82)
    gap = spread(12, 1_400, 0.15)
    place = int(np.argmax(gap[300:])) + 301
    return [
        judge_trend(measure_trend(close)),
        judge_gap(measure_gap(close, oil), peers="its peers"),
        judge_gap(measure_gap((oil * np.exp(gap))[:place], oil[:place]), peers="its peers"),
        judge_macro([measure_sensitivity(DAYS[:1_400], close, series(oil))]),
        judge_macro([measure_sensitivity(DAYS[:1_400], oil * 2.0, series(oil * (1 + 0.001 * np.sin(oil))))]),
        judge_events(calendar(*PAST, ("2023-02-02", 0.1), ("2023-03-01", None)),
                     Tone(recent=gap[:9] * 30, before=gap[9:60] * 30), day=DAY, horizon_days=30),
        judge_risk(measure_risk(close), close, weight=0.3, share=0.6),
    ]  # fmt: skip


def test_every_number_of_a_reason_is_a_figure_and_every_figure_named_is_there() -> None:
    opinions = every_opinion()
    assert {opinion.analyst for opinion in opinions} == set(ANALYSTS)
    for opinion in opinions:
        names = {figure.name for figure in opinion.figures}
        reasons = [*opinion.reasons_for, *opinion.reasons_against]
        assert reasons
        for reason in reasons:
            assert set(re.findall(r"<([^<>]+)>", reason)) <= names, reason
            assert not re.search(r"(?<![A-Za-z])\d", re.sub(r"<[^<>]+>", "", reason)), reason
        assert all(isinstance(figure, Figure) for figure in opinion.figures)
