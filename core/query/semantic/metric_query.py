"""Define the one typed question that the semantic layer answers."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from core.domain.facts import Frozen
from core.query.semantic.period import Period

Grain = Literal["day", "week", "month", "quarter", "year"]
Aggregation = Literal["latest", "list", "average", "median", "minimum", "maximum", "sum", "count", "total"]
Operator = Literal[">", ">=", "<", "<=", "=", "!="]
Name = Annotated[str, StringConstraints(min_length=1, max_length=80, strip_whitespace=True)]


class ValueFilter(Frozen):
    """Keep the rows whose value compares so; returns and volatilities are ratios (5 % is 0.05), RSI is 0 to 100."""

    operator: Operator
    value: float = Field(allow_inf_nan=False)


class MetricQuery(Frozen):
    """Ask for one metric: of what, over which time, at which grain, filtered, ordered and cut.

    What is left out is chosen by the metric (see `core.query.catalog`) and stated in the answer.
    """

    metric: Name = Field(description="Name of a metric of the catalogue, for example close, return, sharpe_ratio.")
    symbols: tuple[Name, ...] = Field(default=(), max_length=60, description="Symbols, names or aliases.")
    group: Name | None = Field(default=None, description="Instead of symbols: a group or asset class of the catalogue.")
    series: tuple[Name, ...] = Field(default=(), max_length=10, description="Macro series ids, names or aliases.")
    vintage: Literal["first"] | date | None = Field(
        default=None,
        description="Of macro series: first, each value as first published; a date, as known at its end. Left out: "
        "the newest known.",
    )
    topic: Name | None = Field(default=None, description="Kind of event (CPI, FOMC ...) or words of a headline.")
    country: Name | None = Field(default=None, description="Country of an economic event, two letters.")
    severity: Literal["low", "medium", "high"] | None = Field(default=None, description="Least severity of an event.")
    state: Name | None = Field(default=None, description="State of orders or proposals: pending, rejected, filled ...")
    account: Name | None = Field(default=None, description="Account of the books; left out: every account.")
    period: Period = Field(default=Period(), description="When; left out: what the metric usually means.")
    versus: Period | None = Field(default=None, description="A second period to compare with.")
    grain: Grain | None = Field(default=None, description="One value per day, week, month, quarter or year.")
    aggregation: Aggregation | None = Field(
        default=None, description="How values become one; left out: see the metric."
    )
    frequency: Literal["day", "week", "month"] | None = Field(
        default=None,
        description="Of volatility, Sharpe and Sortino ratios, drawdowns, correlation and beta: the returns they are "
        "measured on, between the last closes of each week or month; left out: daily.",
    )
    window: int | None = Field(
        default=None, ge=1, le=2520, description="Sessions of a rolling window (RSI 14, SMA 100)."
    )
    benchmark: Name | None = Field(
        default=None, description="Symbol that beta is measured against, or that the account is compared with (pnl)."
    )
    filter: ValueFilter | None = Field(default=None, description="Keep only values that compare so, such as below 30.")
    order: Literal["asc", "desc"] | None = Field(default=None, description="By value for rankings, by date for lists.")
    limit: int | None = Field(default=None, ge=1, le=5000, description="Most rows to return.")

    @field_validator("symbols", "series")
    @classmethod
    def _unique(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(names))
