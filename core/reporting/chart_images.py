"""Draw a chart as a picture (PNG, SVG) for reports, mail and bots; the numbers are those of the chart."""

from __future__ import annotations

import io
import math
import re
from datetime import date
from typing import TYPE_CHECKING, Any

from core.domain.facts import Chart, ChartSeries
from core.reporting.charts import (
    FALLING,
    PALETTE,
    RISING,
    bar_colours,
    colour_range,
    colour_scale,
    fan_opacities,
    fan_order,
    has_dates,
    histogram_bins,
    is_horizontal,
    is_logarithmic,
)
from core.reporting.rendering import render_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH, _HEIGHT = 5.4, 3.0
_INK, _GRID = "#5b6673", "#9aa5b1"
_STYLE: Any = {
    "font.size": 9,
    "font.family": "DejaVu Sans",
    "axes.edgecolor": _GRID,
    "axes.labelcolor": _INK,
    "axes.titlecolor": _INK,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "svg.hashsalt": "quantdesk",
    "svg.fonttype": "none",
    "path.simplify": True,
}


def chart_png(chart: Chart, *, scale: float = 2.0) -> bytes:
    """Return the chart as PNG on white, 540 x 300 points times `scale`; equal charts give equal bytes."""
    buffer = io.BytesIO()
    with _style():
        _draw(chart).savefig(buffer, format="png", dpi=100 * scale, metadata={"Software": None})
    return buffer.getvalue()


def chart_svg(chart: Chart) -> str:
    """Return the chart as an `<svg>` element to be put inline; its ink follows the CSS variables of the page.

    The variables are `--chart-ink` and `--chart-grid`. Equal charts give equal text.
    """
    buffer = io.BytesIO()
    with _style():
        _draw(chart).savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue().decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' width="[\d.]+pt" height="[\d.]+pt"', ' role="img"', text, count=1)
    text = text.replace("'DejaVu Sans'", "system-ui, sans-serif")
    text = text.replace(_INK, f"var(--chart-ink, {_INK})").replace(_GRID, f"var(--chart-grid, {_GRID})")
    return text.strip()


def _style() -> Any:
    from matplotlib import rc_context

    return rc_context(_STYLE)


def _draw(chart: Chart) -> Figure:
    from matplotlib.figure import Figure

    rows = max((len(series.x) for series in chart.series), default=0) if is_horizontal(chart) else 0
    if chart.kind == "heatmap":
        rows = len(chart.series)
    figure = Figure(figsize=(_WIDTH, max(_HEIGHT, 0.9 + 0.22 * rows)), layout="constrained")
    axes = figure.add_subplot()
    axes.set_facecolor("none")
    _PAINTERS[chart.kind](chart, axes)
    _frame(chart, axes)
    return figure


def _frame(chart: Chart, axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter

    axes.set_title(chart.title, loc="left", fontsize=10, fontweight="bold", parse_math=False)
    axes.set_xlabel(chart.x_title)
    axes.set_ylabel(chart.y_title)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0)
    if chart.kind == "heatmap":
        return
    lying = is_horizontal(chart)
    axes.grid(axis="x" if lying or chart.kind == "scatter" else "y", color=_GRID, alpha=0.35, linewidth=0.6)
    axes.set_axisbelow(True)
    values = axes.xaxis if lying or chart.kind == "histogram" else axes.yaxis
    if is_logarithmic(chart):
        _count_in_powers(chart, axes)
    else:
        ticks = values.get_majorticklocs()
        step = float(ticks[1] - ticks[0]) if len(ticks) > 1 else 1.0
        values.set_major_formatter(FuncFormatter(lambda tick, _: _tick(tick, chart, step)))
    handles, labels = axes.get_legend_handles_labels()
    if len(labels) > 1:
        axes.legend(handles, labels, frameon=False, fontsize=8, ncols=min(3, len(labels)), loc="best")


def _count_in_powers(chart: Chart, axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda tick, _: _tick(tick, chart, tick)))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _tick(value: float, chart: Chart, step: float) -> str:
    """Render a tick with the decimals that tell it from the next one."""
    if chart.unit == "money" and step >= 1000:
        return render_value(value / 1000, "number", digits=_decimals(step / 1000)) + "k"
    digits = _decimals(step * 100 if chart.unit == "ratio" else step)
    return render_value(value, chart.unit if chart.unit != "money" else "number", digits=digits)


def _decimals(step: float) -> int:
    step = float(f"{step:.12g}")
    return next((digits for digits in range(12) if math.isclose(round(step, digits), step, rel_tol=1e-9)), 12)


def _positions(chart: Chart, series: ChartSeries) -> list[Any]:
    if has_dates(chart):
        return [date.fromisoformat(str(x)[:10]) for x in series.x]
    return list(series.x)


def _numbers(values: tuple[float | None, ...]) -> list[float]:
    return [float("nan") if value is None else value for value in values]


def _calendar(axes: Axes) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]  # matplotlib
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]  # matplotlib


def _paint_lines(chart: Chart, axes: Axes) -> None:
    for index, series in enumerate(chart.series):
        marker = "o" if len(series.x) == 1 else None
        colour = PALETTE[index % len(PALETTE)]
        axes.plot(
            _positions(chart, series), _numbers(series.y), color=colour, linewidth=1.4, marker=marker, label=series.name
        )
    if has_dates(chart):
        _calendar(axes)


def _paint_candles(chart: Chart, axes: Axes) -> None:
    labels: list[str] = []
    for index, series in enumerate(chart.series):
        places = range(len(series.x))
        labels = labels or [str(x)[:10] for x in series.x]
        if series.open is None or series.high is None or series.low is None:
            axes.plot(places, _numbers(series.y), color=PALETTE[index % len(PALETTE)], linewidth=1.3, label=series.name)
            continue
        opened, close = _numbers(series.open), _numbers(series.y)
        colours = [RISING if end >= start else FALLING for start, end in zip(opened, close, strict=True)]
        axes.vlines(places, _numbers(series.low), _numbers(series.high), color=colours, linewidth=0.8)
        heights = [end - start for start, end in zip(opened, close, strict=True)]
        axes.bar(places, heights, bottom=opened, width=0.7, color=colours)
    step = max(1, len(labels) // 5)
    axes.set_xticks(range(0, len(labels), step), labels[::step])


def _paint_bars(chart: Chart, axes: Axes) -> None:
    count = len(chart.series)
    thickness = 0.75 / max(1, count)
    names = [str(x) for x in chart.series[0].x] if chart.series else []
    places = range(len(names))
    for index, series in enumerate(chart.series):
        offset = (index - (count - 1) / 2) * thickness
        shifted = [place + offset for place in places]
        colours = bar_colours(chart, series, index)
        draw = axes.barh if is_horizontal(chart) else axes.bar
        draw(shifted, _numbers(series.y), thickness, color=colours, label=series.name)
    if is_horizontal(chart):
        axes.set_yticks(list(places), names)
        axes.invert_yaxis()
        return
    step = max(1, len(names) // 8)
    axes.set_xticks(list(places)[::step], [name[:10] for name in names[::step]])


def _paint_points(chart: Chart, axes: Axes) -> None:
    for index, series in enumerate(chart.series):
        places = _positions(chart, series)
        axes.scatter(
            places, _numbers(series.y), s=16, alpha=0.8, color=PALETTE[index % len(PALETTE)], label=series.name
        )
    if has_dates(chart):
        _calendar(axes)


def _paint_heatmap(chart: Chart, axes: Axes) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    least, greatest, diverging = colour_range(chart)
    colours = LinearSegmentedColormap.from_list("scale", list(colour_scale(diverging)))
    columns = [str(x) for x in chart.series[0].x] if chart.series else []
    rows = [_numbers(series.y) for series in chart.series]
    if rows and columns:
        mesh = axes.pcolormesh(rows, cmap=colours, vmin=least, vmax=greatest, edgecolors="white", linewidth=0.5)
        mesh.set_rasterized(False)
    axes.set_xticks(
        [index + 0.5 for index in range(len(columns))], columns, rotation=45 if len(columns) > 6 else 0, fontsize=8
    )
    axes.set_yticks([index + 0.5 for index in range(len(rows))], [series.name for series in chart.series], fontsize=8)
    axes.invert_yaxis()
    if len(columns) * len(rows) <= 64:
        _write_values(chart, axes)


def _write_values(chart: Chart, axes: Axes) -> None:
    for row, series in enumerate(chart.series):
        for column, value in enumerate(series.y):
            if value is not None:
                text = render_value(value, chart.unit, digits=0 if chart.unit == "ratio" else None)
                axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=7, color="#1f2933")


def _paint_fan(chart: Chart, axes: Axes) -> None:
    ordered = fan_order(chart)
    for series, opacity in zip(ordered, fan_opacities(len(ordered)), strict=True):
        if series.low is not None and series.high is not None:
            low, high = _numbers(series.low), _numbers(series.high)
            axes.fill_between(
                _positions(chart, series), low, high, color=PALETTE[0], alpha=opacity, linewidth=0, label=series.name
            )
    if ordered:
        axes.plot(
            _positions(chart, ordered[-1]), _numbers(ordered[-1].y), color=PALETTE[0], linewidth=1.5, label="median"
        )
    if has_dates(chart):
        _calendar(axes)


def _paint_histogram(chart: Chart, axes: Axes) -> None:
    for index, series in enumerate(chart.series):
        bins = histogram_bins(series.y)
        widths = [high - low for low, high in zip(bins.edges, bins.edges[1:], strict=False)]
        axes.bar(
            bins.centres,
            bins.counts,
            widths,
            alpha=1.0 if len(chart.series) == 1 else 0.6,
            color=PALETTE[index % len(PALETTE)],
            label=series.name,
            edgecolor="none",
        )


_PAINTERS = {
    "line": _paint_lines,
    "candlestick": _paint_candles,
    "bar": _paint_bars,
    "scatter": _paint_points,
    "heatmap": _paint_heatmap,
    "fan": _paint_fan,
    "histogram": _paint_histogram,
}
