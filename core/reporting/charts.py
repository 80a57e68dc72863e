"""Draw a chart for the browser: a Plotly figure as a plain dictionary, and what both drawing ways share."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.domain.facts import Chart, ChartSeries, Unit

# Mid-tone colours that keep their contrast on white and on near-black.
PALETTE = ("#3d82c4", "#d08a2e", "#2f9e8f", "#9a6fb8", "#c9604a", "#75869a", "#8c9f3c", "#c47f9b")
RISING = "#2f9e8f"
FALLING = "#c9604a"
INK = "#7c8896"
GRID = "rgba(124,136,150,0.22)"
_DIVERGING = ((0.0, "#c9604a"), (0.5, "#eef1f4"), (1.0, "#3d82c4"))
_SEQUENTIAL = ((0.0, "#eaf1f8"), (1.0, "#2b6aa6"))
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOST_BINS = 60
_MOST_DECIMALS = 12
_ON_A_LINE = frozenset({"line", "candlestick", "scatter", "fan"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bins:
    """Hold a histogram: n + 1 edges and n counts."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    @property
    def centres(self) -> tuple[float, ...]:
        """Return the middle of each bin."""
        return tuple((low + high) / 2 for low, high in zip(self.edges, self.edges[1:], strict=False))


def histogram_bins(values: Sequence[float | None]) -> Bins:
    """Count values in equal bins of the width of Freedman and Diaconis (1981), between 5 and 60 of them."""
    numbers = sorted(value for value in values if value is not None and math.isfinite(value))
    if not numbers:
        return Bins(edges=(0.0, 1.0), counts=(0,))
    low, high = numbers[0], numbers[-1]
    if high == low:
        return Bins(edges=(low - 0.5, low + 0.5), counts=(len(numbers),))
    size = len(numbers)
    quartiles = numbers[(3 * size) // 4 if size > 1 else 0] - numbers[size // 4]
    width = 2 * quartiles / size ** (1 / 3)
    count = _MOST_BINS if width <= 0 else min(_MOST_BINS, max(5, math.ceil((high - low) / width)))
    edges = (*(low + (high - low) * index / count for index in range(count)), high)
    counts = [0] * count
    for number in numbers:
        counts[min(count - 1, int((number - low) / (high - low) * count))] += 1
    return Bins(edges=edges, counts=tuple(counts))


def has_dates(chart: Chart) -> bool:
    """Say whether the horizontal axis is a calendar."""
    names = [x for series in chart.series for x in series.x[:3]]
    return bool(names) and all(isinstance(x, str) and _ISO_DATE.match(x) for x in names)


def is_horizontal(chart: Chart) -> bool:
    """Say whether bars lie: many names read better down the side, on a phone above all."""
    return chart.kind == "bar" and not has_dates(chart) and any(len(series.x) > 6 for series in chart.series)


def is_logarithmic(chart: Chart) -> bool:
    """Say whether the values stand on a logarithmic axis: wanted, and possible because all are above zero."""
    values = plotted_values(chart)
    return chart.scale == "log" and chart.kind in _ON_A_LINE and bool(values) and min(values) > 0


def plotted_values(chart: Chart) -> list[float]:
    """Return every finite number that the value axis has to show."""
    found = (
        value
        for series in chart.series
        for part in (series.y, series.low, series.high, series.open)
        for value in part or ()
    )
    return [value for value in found if value is not None and math.isfinite(value)]


def tick_decimals(values: Sequence[float], unit: Unit) -> int:
    """Return how many decimals tell apart the ticks of an axis over these values, at most 12."""
    reach = max(values, default=1.0) - min(values, default=0.0)
    if reach <= 0:
        reach = abs(values[0]) if values and values[0] else 1.0
    if unit == "ratio":
        reach *= 100
    return min(_MOST_DECIMALS, max(0, 2 - math.floor(math.log10(reach))))


def bar_colours(chart: Chart, series: ChartSeries, index: int) -> list[str]:
    """Return one colour per bar: by sign when a lone series has losses and gains, else by series."""
    signed = len(chart.series) == 1 and any(y is not None and y < 0 for y in series.y)
    if not signed:
        return [PALETTE[index % len(PALETTE)]] * len(series.y)
    return [FALLING if y is not None and y < 0 else RISING for y in series.y]


def colour_range(chart: Chart) -> tuple[float, float, bool]:
    """Return least, greatest and whether a heat map's scale runs through zero (then it is symmetric)."""
    values = [y for series in chart.series for y in series.y if y is not None]
    least, greatest = min(values, default=0.0), max(values, default=1.0)
    if least < 0:
        reach = max(-least, greatest)
        return -reach, reach, True
    return least, greatest if greatest > least else least + 1.0, False


def colour_scale(diverging: bool) -> tuple[tuple[float, str], ...]:
    """Return the stops of the scale of a heat map."""
    return _DIVERGING if diverging else _SEQUENTIAL


def fan_order(chart: Chart) -> list[ChartSeries]:
    """Return the bands of a fan, widest first."""

    def width(series: ChartSeries) -> float:
        pairs = zip(series.low or (), series.high or (), strict=True)
        return max((high - low for low, high in pairs if low is not None and high is not None), default=0.0)

    return sorted(chart.series, key=width, reverse=True)


def fan_opacities(bands: int) -> list[float]:
    """Return the opacity of each band of a fan, widest first: one hue, each band clearly darker than the one around."""
    return [0.15 + 0.35 * index / max(1, bands - 1) for index in range(bands)]


def plotly_figure(chart: Chart) -> dict[str, Any]:
    """Return the chart as a Plotly figure dictionary (`data`, `layout`) with transparent background.

    The numbers are those of the chart, untouched; a histogram is drawn from `histogram_bins`.
    """
    traces = _TRACES[chart.kind](chart)
    layout = _layout(chart)
    layout["showlegend"] = sum(1 for trace in traces if trace.get("showlegend", True)) > 1 and chart.kind != "heatmap"
    return {"data": traces, "layout": layout}


def _lines(chart: Chart) -> list[dict[str, Any]]:
    return [_line(chart, series, index) for index, series in enumerate(chart.series)]


def _line(chart: Chart, series: ChartSeries, index: int) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines" if len(series.x) > 1 else "markers",
        "name": series.name,
        "x": list(series.x),
        "y": list(series.y),
        "line": {"color": PALETTE[index % len(PALETTE)], "width": 1.8},
        "hovertemplate": f"%{{x}}<br>%{{y:{_format(chart)}}}<extra>{_plain(series.name)}</extra>",
    }


def _candles(chart: Chart) -> list[dict[str, Any]]:
    traces: list[dict[str, Any]] = []
    for index, series in enumerate(chart.series):
        if series.open is None or series.high is None or series.low is None:
            traces.append(_line(chart, series, index))
            continue
        traces.append(
            {
                "type": "candlestick",
                "name": series.name,
                "x": list(series.x),
                "open": list(series.open),
                "high": list(series.high),
                "low": list(series.low),
                "close": list(series.y),
                "increasing": {"line": {"color": RISING, "width": 1}},
                "decreasing": {"line": {"color": FALLING, "width": 1}},
            }
        )
    return traces


def _bars(chart: Chart) -> list[dict[str, Any]]:
    traces = []
    lying = is_horizontal(chart)
    for index, series in enumerate(chart.series):
        names, sizes = list(series.x), list(series.y)
        traces.append(
            {
                "type": "bar",
                "name": series.name,
                "orientation": "h" if lying else "v",
                "x": sizes if lying else names,
                "y": names if lying else sizes,
                "marker": {"color": bar_colours(chart, series, index)},
                "hovertemplate": f"%{{{'y' if lying else 'x'}}}<br>%{{{'x' if lying else 'y'}:{_format(chart)}}}"
                f"<extra>{_plain(series.name)}</extra>",
            }
        )
    return traces


def _points(chart: Chart) -> list[dict[str, Any]]:
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": series.name,
            "x": list(series.x),
            "y": list(series.y),
            "marker": {"color": PALETTE[index % len(PALETTE)], "size": 7, "opacity": 0.8},
        }
        for index, series in enumerate(chart.series)
    ]


def _heatmap(chart: Chart) -> list[dict[str, Any]]:
    least, greatest, diverging = colour_range(chart)
    return [
        {
            "type": "heatmap",
            "x": list(chart.series[0].x) if chart.series else [],
            "y": [series.name for series in chart.series],
            "z": [list(series.y) for series in chart.series],
            "zmin": least,
            "zmax": greatest,
            "colorscale": [list(stop) for stop in colour_scale(diverging)],
            "colorbar": {"thickness": 10, "outlinewidth": 0, "tickformat": _format(chart)},
            "hovertemplate": f"%{{y}} · %{{x}}<br>%{{z:{_format(chart)}}}<extra></extra>",
            "xgap": 1,
            "ygap": 1,
        }
    ]


def _fan(chart: Chart) -> list[dict[str, Any]]:
    traces: list[dict[str, Any]] = []
    ordered = fan_order(chart)
    for series, opacity in zip(ordered, fan_opacities(len(ordered)), strict=True):
        if series.low is None or series.high is None:
            continue
        edge = {"type": "scatter", "mode": "lines", "x": list(series.x), "line": {"width": 0}, "hoverinfo": "skip"}
        traces.append({**edge, "y": list(series.low), "showlegend": False})
        fill = {"fill": "tonexty", "fillcolor": f"rgba(61,130,196,{opacity:.2f})"}
        traces.append({**edge, **fill, "y": list(series.high), "name": series.name})
    if ordered:
        traces.append({**_line(chart, ordered[-1], 0), "name": "median"})
    return traces


def _histogram(chart: Chart) -> list[dict[str, Any]]:
    traces = []
    for index, series in enumerate(chart.series):
        bins = histogram_bins(series.y)
        widths = [high - low for low, high in zip(bins.edges, bins.edges[1:], strict=False)]
        traces.append(
            {
                "type": "bar",
                "name": series.name,
                "x": list(bins.centres),
                "y": list(bins.counts),
                "width": widths,
                "opacity": 1.0 if len(chart.series) == 1 else 0.6,
                "marker": {"color": PALETTE[index % len(PALETTE)]},
                "hovertemplate": f"%{{x:{_format(chart)}}}<br>%{{y:,}}<extra>{_plain(series.name)}</extra>",
            }
        )
    return traces


_TRACES = {
    "line": _lines,
    "candlestick": _candles,
    "bar": _bars,
    "scatter": _points,
    "heatmap": _heatmap,
    "fan": _fan,
    "histogram": _histogram,
}


def _layout(chart: Chart) -> dict[str, Any]:
    value_axis = {**_axis(chart.y_title), "tickformat": _tick_format(plotted_values(chart), chart.unit)}
    if is_logarithmic(chart):
        lowest = min(plotted_values(chart))
        value_axis |= {"type": "log", "dtick": "D2", "tickformat": _tick_format([lowest], chart.unit)}
    name_axis = {**_axis(chart.x_title), "showgrid": False}
    if has_dates(chart):
        name_axis["type"] = "date"
        if chart.kind == "candlestick":
            name_axis["rangeslider"] = {"visible": False}
    elif chart.kind in {"bar", "heatmap"}:
        name_axis["type"] = "category"
    if chart.kind == "histogram":
        name_axis["tickformat"], value_axis["tickformat"] = value_axis["tickformat"], ",d"
    if chart.kind == "heatmap":
        value_axis = {**_axis(chart.y_title), "showgrid": False, "autorange": "reversed", "type": "category"}
    if is_horizontal(chart):
        name_axis["autorange"] = "reversed"
        name_axis, value_axis = value_axis, name_axis
    return {
        "title": {"text": _plain(chart.title), "font": {"size": 14}, "x": 0.01, "xref": "container", "xanchor": "left"},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": INK, "size": 11, "family": "system-ui, sans-serif"},
        "margin": {"l": 8, "r": 8, "t": 40, "b": 8},
        "height": 300,
        "xaxis": name_axis,
        "yaxis": value_axis,
        "legend": {"orientation": "h", "x": 0, "y": -0.12, "yanchor": "top"},
        "hovermode": "x unified" if chart.kind in {"line", "fan"} else "closest",
        "barmode": "overlay" if chart.kind == "histogram" else "group",
        "bargap": 0.02 if chart.kind == "histogram" else 0.25,
        "colorway": list(PALETTE),
    }


def _axis(title: str) -> dict[str, Any]:
    axis: dict[str, Any] = {"gridcolor": GRID, "linecolor": GRID, "automargin": True, "zeroline": False}
    axis |= {"exponentformat": "none", "separatethousands": True}
    if title:
        axis["title"] = {"text": _plain(title), "standoff": 6}
    return axis


def _tick_format(values: Sequence[float], unit: Unit) -> str:
    """Return the d3 format of ticks: thousands separators and no exponents, with decimals only where needed."""
    decimals = tick_decimals(values, unit)
    return f",.{decimals}~%" if unit == "ratio" else f",.{decimals}~f"


def _format(chart: Chart) -> str:
    """Return the d3 format of a value that a person points at; prices below one keep four significant digits."""
    if chart.unit == "ratio":
        return ",.2%"
    if chart.unit in {"count", "shares", "days"}:
        return ",.2~f"
    greatest = max((abs(value) for value in plotted_values(chart)), default=1.0)
    if greatest == 0 or greatest >= 1:
        return ",.2f"
    return f",.{min(_MOST_DECIMALS, 3 - math.floor(math.log10(greatest)))}~f"


def _plain(text: str) -> str:
    """Keep names from being read as Plotly's markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("%{", "% {")
