"""Charts: both drawing ways show the numbers of the chart; Plotly accepts the figures; pictures are reproducible."""

from __future__ import annotations

import io
import math
import random
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.facts import Chart, ChartSeries
from core.reporting.chart_images import chart_png, chart_svg
from core.reporting.charts import PALETTE, histogram_bins, plotly_figure

DATES = tuple(f"2022-{month:02d}-{day:02d}" for month in (10, 11, 12) for day in (3, 10, 17, 24))
VALUES = tuple(100.0 + 7 * math.sin(index) for index in range(12))


def series(name: str, y=VALUES, x=DATES, **extra) -> ChartSeries:
    return ChartSeries(name=name, x=tuple(x), y=tuple(y), **extra)


def charts() -> dict[str, Chart]:
    shifted = tuple(value - 5 for value in VALUES)
    low, high = tuple(value - 9 for value in VALUES), tuple(value + 9 for value in VALUES)
    wider = {"low": tuple(value - 20 for value in VALUES), "high": tuple(value + 20 for value in VALUES)}
    draws = random.Random(1)
    names = ("AAPL", "MSFT", "JPM")
    return {
        "line": Chart(
            kind="line", title="NAV <script>", unit="money", series=(series("NAV"), series("SPY", (None, *VALUES[1:])))
        ),
        "candlestick": Chart(
            kind="candlestick",
            title="AAPL",
            unit="money",
            series=(series("AAPL", open=shifted, low=low, high=high), series("SMA 3")),
        ),
        "bar": Chart(kind="bar", title="P&L", unit="money", series=(series("P&L", (1.0, -2.0, None), names),)),
        "lying": Chart(
            kind="bar", title="Weights", unit="ratio", series=(series("w", [0.1] * 8, [f"S{i}" for i in range(8)]),)
        ),
        "scatter": Chart(
            kind="scatter", title="x y", series=(series("points", VALUES, [float(i) for i in range(12)]),)
        ),
        "heatmap": Chart(
            kind="heatmap",
            title="Correlation",
            series=tuple(series(name, [1.0 if name == other else -0.4 for other in names], names) for name in names),
        ),
        "fan": Chart(
            kind="fan",
            title="Paths",
            unit="money",
            series=(series("50 %", low=low, high=high), series("90 %", **wider)),
        ),
        "histogram": Chart(
            kind="histogram",
            title="Returns",
            unit="ratio",
            series=(series("daily", [draws.gauss(0, 0.01) for _ in range(500)], ()),),
        ),
    }


KINDS = sorted(charts())


@pytest.mark.parametrize("kind", KINDS)
def test_plotly_accepts_the_figure(kind):
    go = pytest.importorskip("plotly.graph_objects")
    figure = go.Figure(plotly_figure(charts()[kind]))
    assert len(figure.data) >= 1


@pytest.mark.parametrize("kind", KINDS)
def test_png_decodes_and_is_reproducible(kind):
    from matplotlib.image import imread

    first = chart_png(charts()[kind], scale=1)
    picture = imread(io.BytesIO(first))
    assert picture.shape[1] == 540
    assert picture.std() > 0.01
    assert chart_png(charts()[kind], scale=1) == first


@pytest.mark.parametrize("kind", KINDS)
def test_svg_is_one_element_reproducible_and_safe_to_inline(kind):
    text = chart_svg(charts()[kind])
    assert chart_svg(charts()[kind]) == text
    root = ElementTree.fromstring(text)
    assert root.tag.endswith("svg")
    assert "viewBox" in root.attrib and "width" not in root.attrib
    assert "<script" not in text
    assert "http://" not in text.replace("http://www.w3.org/", "")


def test_both_ways_draw_the_same_numbers():
    chart = charts()["line"]
    figure = plotly_figure(chart)
    from core.reporting.chart_images import _draw

    lines = _draw(chart).axes[0].get_lines()
    for trace, line in zip(figure["data"], lines, strict=True):
        drawn = [None if value != value else value for value in line.get_ydata()]
        assert drawn == trace["y"]


def test_candles_carry_open_high_low_close():
    candle, overlay = plotly_figure(charts()["candlestick"])["data"]
    assert candle["type"] == "candlestick"
    assert candle["close"] == list(VALUES)
    assert candle["low"][0] == VALUES[0] - 9
    assert overlay["type"] == "scatter"


def test_the_widest_band_of_a_fan_lies_below():
    traces = plotly_figure(charts()["fan"])["data"]
    assert [trace["name"] for trace in traces if trace.get("fill")] == ["90 %", "50 %"]
    assert traces[-1]["name"] == "median"
    shades = [trace["fillcolor"].rsplit(",", 1) for trace in traces if trace.get("fill")]
    assert shades[0][0] == shades[1][0], "one hue"
    outer, inner = (float(opacity.rstrip(")")) for _, opacity in shades)
    assert inner >= 2 * outer, "the inner band is clearly darker"


def test_losses_and_gains_have_different_colours():
    colours = plotly_figure(charts()["bar"])["data"][0]["marker"]["color"]
    assert colours[0] != colours[1]


def test_a_title_cannot_carry_markup():
    assert "<script" not in plotly_figure(charts()["line"])["layout"]["title"]["text"]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300))
def test_bins_hold_every_value(values):
    bins = histogram_bins(values)
    assert sum(bins.counts) == len(values)
    assert len(bins.edges) == len(bins.counts) + 1
    assert bins.edges[0] <= min(values) and bins.edges[-1] >= max(values)


def test_bins_agree_with_numpy():
    values = np.random.default_rng(3).normal(size=1000)
    bins = histogram_bins(list(values))
    counts, edges = np.histogram(values, bins=len(bins.counts))
    assert np.allclose(edges, bins.edges)
    assert list(counts) == list(bins.counts)


def test_empty_charts_are_drawn_not_refused():
    for kind in ("line", "bar", "heatmap", "histogram", "fan", "candlestick", "scatter"):
        empty = Chart(kind=kind, title="Empty", series=())
        assert plotly_figure(empty)["layout"]
        assert chart_png(empty, scale=1).startswith(b"\x89PNG")


def test_the_palette_keeps_its_contrast_on_white_and_on_black():
    def luminance(colour: str) -> float:
        channels = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for colour in PALETTE:
        assert 1.05 / (luminance(colour) + 0.05) >= 2.5
        assert (luminance(colour) + 0.05) / 0.06 >= 3


@pytest.mark.parametrize(
    ("unit", "low", "high"),
    [("money", 240_000, 262_000), ("money", 1.0, 1.03), ("ratio", -0.0125, 0.0), ("number", 0, 7)],
)
def test_ticks_read_back_as_where_they_stand(unit, low, high):
    from core.reporting.chart_images import _draw

    chart = Chart(kind="line", title="t", unit=unit, series=(series("s", [low, high], DATES[:2]),))
    axis = _draw(chart).axes[0].yaxis
    places = list(axis.get_majorticklocs())
    texts = axis.get_major_formatter().format_ticks(places)
    for place, text in zip(places, texts, strict=True):
        number = float(text.replace(",", "").rstrip("k%"))
        scale = 1000 if text.endswith("k") else 0.01 if text.endswith("%") else 1
        assert math.isclose(number * scale, place, rel_tol=1e-6, abs_tol=1e-9), text
    assert len(set(texts)) == len(texts)
