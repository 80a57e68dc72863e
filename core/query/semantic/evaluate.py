"""Answer a typed question: find its metric, check that it fits, and let the right part compute."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from core.errors import InvalidInput
from core.query.catalog import find_metric
from core.query.semantic.answer import Answer, Sources
from core.query.semantic.metric_query import MetricQuery
from core.query.semantic.metrics import SAMPLED, Kind

_PACKAGE = "core.query.semantic"
_PARTS: dict[Kind, tuple[str, str]] = {
    "level": ("levels", "answer_level"),
    "return": ("returns", "answer_return"),
    "statistic": ("statistics", "answer_statistic"),
    "indicator": ("statistics", "answer_indicator"),
    "pair": ("statistics", "answer_pair"),
    "macro": ("macro", "answer_macro"),
    "event": ("listings", "answer_event"),
    "news": ("listings", "answer_news"),
    "book": ("book", "answer_book"),
    "coverage": ("listings", "answer_coverage"),
}


def evaluate(query: MetricQuery, sources: Sources) -> Answer:
    """Return facts, table, chart, SQL and remarks that answer a question as of the sources' time.

    Raises UnknownName for a metric, symbol, group or series that does not exist, InvalidInput for a question that
    does not fit its metric, NoData when nothing is stored, and what the query runner raises.
    """
    metric = find_metric(query.metric)
    if query.versus is not None and metric.kind != "return":
        raise InvalidInput(f"{metric.title} cannot be compared between two periods; ask for each.")
    if query.window is not None and metric.window is None:
        raise InvalidInput(f"{metric.title} takes no window of sessions; use period.")
    if query.vintage is not None and metric.kind != "macro":
        raise InvalidInput(f"{metric.title} has no vintages; only macro series are published again.")
    if query.frequency not in (None, "day") and metric.name not in SAMPLED:
        raise InvalidInput(f"{metric.title} is not measured on {query.frequency}ly returns; leave frequency out.")
    answer = Answer(query=query, metric=metric)
    module, name = _PARTS[metric.kind]
    compute: Callable[[Sources, Answer], None] = getattr(import_module(f"{_PACKAGE}.{module}"), name)
    compute(sources, answer)
    return answer
