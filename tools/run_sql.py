"""Run a read-only SQL statement that passes the guard."""

from __future__ import annotations

from pydantic import Field

from core.domain.facts import Column, Frozen, Table, ToolResult, Unit
from tools.context import ToolContext
from tools.registry import tool

_UNITS: dict[str, Unit] = {"int2": "number", "int4": "number", "int8": "number", "float4": "number", "float8": "number",
                           "numeric": "number", "date": "date", "timestamptz": "date", "timestamp": "date"}  # fmt: skip


class SqlQuestion(Frozen):
    """Ask in SQL."""

    sql: str = Field(min_length=1, max_length=20_000, description="One SELECT on the as-of views, named schema.view.")
    max_rows: int = Field(default=500, ge=1, le=5_000, description="Rows to return at most.")


@tool(effect="read", data="public")
def run_sql(context: ToolContext, arguments: SqlQuestion) -> ToolResult:
    """Run one SELECT on the desk's as-of views (PostgreSQL), for what query_metric cannot say.

    Views: market_data.v_instruments, v_prices, v_return_prices, v_corporate_actions, v_macro, v_macro_series;
    events.v_economic, v_security, v_geopolitical; news.v_articles, v_symbol_articles, v_sentiment;
    derived.v_features, v_sentiment_daily, v_correlations;
    ops.v_coverage; private: execution.v_positions, v_orders, v_fills, v_proposals, v_cash, v_nav. Names need their
    schema. Today and now mean the desk's clock.
    """
    from core.query.semantic.statement import product_guard

    checked = product_guard().check(arguments.sql)
    context.raise_label(checked.label)
    found = context.desk.query.run(checked, as_of=context.as_of, max_rows=arguments.max_rows)
    columns = tuple(
        Column(name=name, unit=_UNITS.get(kind, "text"))
        for name, kind in zip(_distinct(found.columns), found.types, strict=True)
    )
    context.fact("rows", len(found.rows), "count")
    if len(found.rows) == 1:
        for column, value in zip(columns, found.rows[0], strict=True):
            context.fact(column.name, value, column.unit)
    notes = list(context.desk.query.notes())
    if found.truncated:
        notes.append(f"Only the first {len(found.rows)} rows are shown; the statement returns more.")
    return context.result(
        tables=(Table(name="result", title="Result", columns=columns, rows=found.rows, truncated=found.truncated),),
        sql=(found.sql,),
        sources=checked.relations,
        notes=notes,
    )


def _distinct(names: tuple[str, ...]) -> list[str]:
    found: list[str] = []
    for name in names:
        found.append(name if name not in found else f"{name} ({sum(part.startswith(name) for part in found) + 1})")
    return found
