"""Each kind says what day it is about and, where people keep it, who owns it and what they fill in."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

import pytest
from pydantic import create_model

from core.data.owned import input_fields
from core.domain.records import day_field, record_kind, record_kinds, scalar_of

DAYS = [
    ("account", "opened_at"),
    ("article", "published_date"),
    ("article_link", None),
    ("article_symbol", None),
    ("bar", "session"),
    ("cash_entry", "booked_at"),
    ("corporate_action", "ex_date"),
    ("correlation", "session"),
    ("decision", "decided_at"),
    ("economic_event", "event_date"),
    ("event_surprise", "event_date"),
    ("feature", "session"),
    ("fill", "session"),
    ("geopolitical_event", "event_date"),
    ("instrument", "listed"),
    ("macro_observation", "period"),
    ("macro_series", None),
    ("order", "desk_time"),
    ("own_event", "event_date"),
    ("position", "updated_at"),
    ("proposal", "desk_time"),
    ("security_event", "event_date"),
    ("sentiment", None),
    ("sentiment_day", "day"),
    ("strategy", "created_at"),
    ("symbol_history", "valid_from"),
    ("watch_list", "updated_at"),
]
OWNED = [
    ("watch_list", "owner", {"name", "purpose", "members", "note"}),
    ("own_event", "owner", {"event_date", "name", "instrument_id", "note"}),
    (
        "strategy",
        "created_by",
        {"name", "spec", "enabled", "account_id", "weight", "stop_loss", "take_profit", "horizon_sessions"},
    ),
]


@pytest.mark.parametrize(("kind", "field"), DAYS)
def test_a_kind_is_about_a_day(kind: str, field: str | None) -> None:
    assert day_field(record_kind(kind)) == field


@pytest.mark.parametrize(
    ("annotation", "scalar"),
    [
        (int, int),
        (int | None, int),
        (date | None, date),
        (datetime, datetime),
        (Decimal | None, Decimal),
        (Literal["a", "b"], str),
        (Literal["a", "b"] | None, str),
        (bool, bool),
    ],
)
def test_a_field_has_a_type_without_none(annotation: Any, scalar: Any) -> None:
    assert scalar_of(annotation) is scalar


@pytest.mark.parametrize(("kind", "owner", "filled_in"), OWNED)
def test_people_fill_in_what_is_not_the_desks(kind: str, owner: str, filled_in: set[str]) -> None:
    record = record_kind(kind)
    assert record.owned_by == owner
    assert record.label == "private"
    assert set(input_fields(record)) == filled_in
    content = create_model("Content", **input_fields(record))
    assert set(content.model_fields) == filled_in


def test_nothing_else_is_kept_by_people() -> None:
    assert {record.kind for record in record_kinds() if record.owned_by} == {kind for kind, _, _ in OWNED}


@pytest.mark.parametrize("name", ["", "x" * 81, "   "])
def test_a_name_is_short_and_not_empty(name: str) -> None:
    content = create_model("Content", **input_fields(record_kind("watch_list")))
    with pytest.raises(ValueError, match="name"):
        content(name=name)
