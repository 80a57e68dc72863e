"""Charts against their facts: the same numbers in Plotly, SVG and table; axes that a person can read."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.facts import Chart, ChartSeries
from core.reporting.chart_images import _draw, chart_svg
from core.reporting.charts import (
    bar_colours,
    colour_range,
    fan_order,
    has_dates,
    histogram_bins,
    is_horizontal,
    is_logarithmic,
    plotly_figure,
    tick_decimals,
)

DATES = ("2022-11-25", "2022-11-28", "2022-11-29")
UNITS = ["ratio", "percent", "bps", "money", "shares", "days", "count", "number"]
KINDS = ["line", "candlestick", "bar", "scatter", "heatmap", "fan", "histogram"]


def made(
    kind: Any, *ys: tuple[float | None, ...], unit: Any = "number", scale: Any = "linear", x: Any = DATES
) -> Chart:
    series = []
    for number, y in enumerate(ys):
        extra = {}
        if kind in {"candlestick", "fan"}:
            extra = {"low": tuple(v and v * 0.9 for v in y), "high": tuple(v and v * 1.1 for v in y)}
        if kind == "candlestick":
            extra["open"] = y
        series.append(ChartSeries(name=f"S{number}", x=tuple(x)[: len(y)], y=y, **extra))
    return Chart(kind=kind, title="t", series=tuple(series), unit=unit, scale=scale)


def every_axis(chart: Chart) -> list[dict[str, Any]]:
    layout = plotly_figure(chart)["layout"]
    return [layout["xaxis"], layout["yaxis"]]


# Logarithmic axes


@pytest.mark.parametrize("kind", ["line", "candlestick", "scatter", "fan"])
def test_a_logarithmic_chart_has_a_logarithmic_value_axis_in_both_pictures(kind):
    chart = made(kind, (100.0, 900.0, 5000.0), scale="log")
    assert is_logarithmic(chart)
    names, values = every_axis(chart)
    assert values["type"] == "log"
    assert names.get("type") != "log"
    assert _draw(chart).axes[0].get_yscale() == "log"


@pytest.mark.parametrize("kind", KINDS)
def test_charts_are_linear_unless_asked(kind):
    chart = made(kind, (100.0, 900.0, 5000.0))
    assert not is_logarithmic(chart)
    assert all(axis.get("type") != "log" for axis in every_axis(chart))
    assert _draw(chart).axes[0].get_yscale() == "linear"


@pytest.mark.parametrize("kind", ["bar", "heatmap", "histogram"])
def test_areas_that_begin_at_zero_are_never_logarithmic(kind):
    assert not is_logarithmic(made(kind, (1.0, 10.0, 100.0), scale="log"))


@pytest.mark.parametrize("values", [(1.0, 0.0, 5.0), (1.0, -2.0, 5.0), (None, None), ()])
def test_what_has_no_logarithm_is_drawn_linear(values):
    chart = made("line", values, scale="log")
    assert not is_logarithmic(chart)
    assert plotly_figure(chart)["layout"]["yaxis"].get("type") != "log"
    assert _draw(chart).axes[0].get_yscale() == "linear"


def test_a_band_below_zero_makes_the_fan_linear():
    series = ChartSeries(name="95 %", x=DATES, y=(1.0, 2.0, 3.0), low=(0.5, -1.0, 1.0), high=(2.0, 4.0, 9.0))
    assert not is_logarithmic(Chart(kind="fan", title="t", series=(series,), scale="log"))


def test_gaps_do_not_make_a_chart_linear():
    assert is_logarithmic(made("line", (1.0, None, 100.0), scale="log"))


def test_a_logarithmic_chart_is_accepted_and_carries_the_numbers_untouched():
    go = pytest.importorskip("plotly.graph_objects")
    chart = made("line", (100.0, 900.0, 5000.0), scale="log")
    figure = go.Figure(plotly_figure(chart))
    assert figure.layout.yaxis.type == "log"
    assert list(figure.data[0].y) == [100.0, 900.0, 5000.0]
    line = _draw(chart).axes[0].get_lines()[0]
    assert list(line.get_ydata()) == [100.0, 900.0, 5000.0]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((100.0, 60000.0), {"100", "1,000", "10,000"}),
        ((0.0002, 3.0), {"0.001", "0.01", "0.1", "1"}),
        ((1.0, 20.0), {"1", "2", "5", "10", "20"}),
    ],
)
def test_logarithmic_ticks_of_a_picture_are_plain_numbers(values, expected):
    figure = _draw(made("line", values, scale="log"))
    axis = figure.axes[0].yaxis
    low, high = axis.get_view_interval()
    places = [place for place in axis.get_majorticklocs() if low <= place <= high]
    texts = axis.get_major_formatter().format_ticks(places)
    assert expected <= set(texts)
    for place, text in zip(places, texts, strict=True):
        assert math.isclose(float(text.replace(",", "")), place, rel_tol=1e-9)


# Ticks in the browser


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1e-7, 1.0, 6e4, 3e9])
def test_no_axis_of_a_browser_chart_may_write_an_exponent(kind, unit, size):
    chart = made(kind, (size, 2 * size, 3 * size), unit=unit)
    for axis in every_axis(chart):
        assert axis["exponentformat"] == "none"
        assert axis["separatethousands"] is True
        pattern = axis.get("tickformat", ",.0~f")
        assert re.fullmatch(r",\.\d+~[f%]|,d", pattern), pattern


def test_hover_texts_never_use_general_or_si_formats():
    for kind in KINDS:
        for unit in UNITS:
            for trace in plotly_figure(made(kind, (6e4, 7e4, 8e4), unit=unit))["data"]:
                found = re.findall(r":([^}]*)}", trace.get("hovertemplate", ""))
                assert all(re.fullmatch(r",(\.\d+~?[f%])?", pattern) for pattern in found), found


@given(st.floats(1e-9, 1e9), st.sampled_from(["money", "ratio", "number"]), st.integers(3, 9))
def test_the_decimals_tell_neighbouring_ticks_apart(reach, unit, ticks):
    decimals = tick_decimals([0.0, reach], unit)
    step = reach / ticks * (100 if unit == "ratio" else 1)
    assert decimals == 12 or round(step, decimals) > 0


@pytest.mark.parametrize(
    ("values", "unit", "decimals"),
    [
        ([240_000, 262_000], "money", 0),
        ([0, 7], "number", 2),
        ([1.0, 1.03], "money", 4),
        ([0.0, 0.31], "ratio", 1),
        ([0.0, 0.012], "ratio", 2),
        ([5.0], "money", 2),
        ([0.0], "money", 2),
        ([], "number", 2),
        ([2e-8, 7e-8], "money", 10),
    ],
)
def test_tick_decimals(values, unit, decimals):
    assert tick_decimals(values, unit) == decimals


@pytest.mark.parametrize(
    ("values", "unit", "pattern"),
    [
        ((0.00001234, 0.00002), "money", ",.8~f"),
        ((0.5, 0.9), "money", ",.4~f"),
        ((0.5, 1.5), "money", ",.2f"),
        ((60000.0, 61000.0), "money", ",.2f"),
        ((0.0, 0.0), "money", ",.2f"),
        ((0.01, 0.02), "ratio", ",.2%"),
        ((1.0, 2.0), "shares", ",.2~f"),
    ],
)
def test_pointing_at_a_small_price_shows_its_digits(values, unit, pattern):
    assert f"%{{y:{pattern}}}" in plotly_figure(made("line", values, unit=unit))["data"][0]["hovertemplate"]


# The numbers are the facts


@given(st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9)), min_size=1, max_size=3))
def test_plotly_gets_the_numbers_of_the_chart_as_they_are(values):
    for kind in ("line", "bar", "scatter"):
        assert plotly_figure(made(kind, tuple(values)))["data"][0]["y"] == values


def test_a_heat_map_gives_each_cell_its_value_in_both_pictures():
    chart = made("heatmap", (1.0, 0.25, -0.5), (0.25, 1.0, None), unit="number", x=("A", "B", "C"))
    trace = plotly_figure(chart)["data"][0]
    assert trace["z"] == [[1.0, 0.25, -0.5], [0.25, 1.0, None]]
    assert trace["x"] == ["A", "B", "C"] and trace["y"] == ["S0", "S1"]
    written = {text.get_text() for text in _draw(chart).axes[0].texts}
    assert written == {"1.00", "0.25", "-0.50"}


def test_lying_bars_have_the_same_lengths_in_both_pictures():
    values = tuple(float(number - 3) for number in range(8))
    chart = made("bar", values, x=[f"N{number}" for number in range(8)])
    assert is_horizontal(chart)
    assert plotly_figure(chart)["data"][0]["x"] == list(values)
    assert [bar.get_width() for bar in _draw(chart).axes[0].patches] == list(values)


def test_a_histogram_counts_the_same_in_both_pictures():
    values = tuple(math.sin(number) for number in range(200))
    chart = Chart(kind="histogram", title="t", series=(ChartSeries(name="s", x=(), y=values),), unit="ratio")
    bins = histogram_bins(values)
    assert plotly_figure(chart)["data"][0]["y"] == list(bins.counts)
    assert [bar.get_height() for bar in _draw(chart).axes[0].patches] == list(bins.counts)


def test_candles_of_a_picture_span_open_to_close():
    series = ChartSeries(
        name="A", x=DATES, y=(11.0, 9.0, 10.0), open=(10.0, 10.0, 10.0), low=(9.0,) * 3, high=(12.0,) * 3
    )
    bodies = _draw(Chart(kind="candlestick", title="t", series=(series,))).axes[0].patches
    assert [(body.get_y(), body.get_height()) for body in bodies] == [(10.0, 1.0), (10.0, -1.0), (10.0, 0.0)]


def test_the_svg_says_title_names_and_axis_in_text():
    chart = made("line", (1.0, 2.0, 3.0), (3.0, 2.0, 1.0)).model_copy(
        update={"title": "Two lines", "y_title": "start = 100"}
    )
    text = chart_svg(chart)
    for word in ("Two lines", "start = 100", "S0", "S1"):
        assert f">{word}<" in text


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", '"><img src=x>', "a & b", "$x^2$", "%{y}", "{{x}}"])
def test_names_cannot_break_out_of_a_chart(hostile):
    series = ChartSeries(name=hostile, x=("A", "B"), y=(1.0, 2.0))
    other = ChartSeries(name="other", x=("A", "B"), y=(2.0, 1.0))
    chart = Chart(kind="line", title=hostile, series=(series, other), x_title=hostile, y_title=hostile)
    svg = chart_svg(chart)
    assert "<script" not in svg and "<img" not in svg
    figure = plotly_figure(chart)
    assert "<" not in figure["layout"]["title"]["text"]
    assert "<" not in figure["layout"]["xaxis"]["title"]["text"]
    assert "%{y}" not in figure["data"][0]["hovertemplate"].partition("<extra>")[2]


# Small decisions of a picture


@pytest.mark.parametrize(
    ("names", "dated"),
    [
        (("2022-11-25", "2022-11-28"), True),
        (("2022-11-25T21:00", "2022-11-28T21:00"), True),
        (("A", "B"), False),
        ((1.0, 2.0), False),
        ((), False),
        (("2022-11-25", "B"), False),
    ],
)
def test_a_calendar_axis_is_recognised_by_its_dates(names, dated):
    chart = Chart(kind="line", title="t", series=(ChartSeries(name="s", x=names, y=(1.0,) * len(names)),))
    assert has_dates(chart) is dated


def test_bars_are_coloured_by_sign_only_when_alone_and_mixed():
    mixed, gains = made("bar", (1.0, -1.0)), made("bar", (1.0, 2.0))
    assert len(set(bar_colours(mixed, mixed.series[0], 0))) == 2
    assert len(set(bar_colours(gains, gains.series[0], 0))) == 1
    pair = made("bar", (1.0, -1.0), (2.0, 3.0))
    assert bar_colours(pair, pair.series[0], 0) != bar_colours(pair, pair.series[1], 1)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((0.2, 0.8), (0.2, 0.8, False)),
        ((-0.2, 0.8), (-0.8, 0.8, True)),
        ((-0.9, 0.1), (-0.9, 0.9, True)),
        ((0.5, 0.5), (0.5, 1.5, False)),
        ((None, None), (0.0, 1.0, False)),
    ],
)
def test_colours_are_symmetric_around_zero_when_signs_differ(values, expected):
    assert colour_range(made("heatmap", values, x=("A", "B"))) == expected


def test_bands_are_ordered_by_width_whatever_their_order():
    narrow = ChartSeries(name="50 %", x=DATES, y=(1.0,) * 3, low=(0.9,) * 3, high=(1.1,) * 3)
    wide = ChartSeries(name="90 %", x=DATES, y=(1.0,) * 3, low=(0.5,) * 3, high=(1.5,) * 3)
    chart = Chart(kind="fan", title="t", series=(narrow, wide))
    assert [series.name for series in fan_order(chart)] == ["90 %", "50 %"]


@pytest.mark.parametrize(
    ("values", "edges", "counts"),
    [((), (0.0, 1.0), (0,)), ((None, math.nan), (0.0, 1.0), (0,)), ((3.0, 3.0), (2.5, 3.5), (2,))],
)
def test_histograms_of_nothing_and_of_one_value(values, edges, counts):
    bins = histogram_bins(values)
    assert (bins.edges, bins.counts) == (edges, counts)
