"""Every kind of record keeps what it is given, refuses what it does not know, and cannot be changed."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from core.domain.books import (
    CashEntry,
    Fill,
    Leg,
    Order,
    OrderState,
    Position,
    Proposal,
    ProposalDecision,
    RejectCondition,
)
from core.domain.derived_records import DailyFeatures
from core.domain.event_records import EconomicEvent, GeopoliticalEvent, SecurityEvent
from core.domain.market_records import Bar, CorporateAction, Instrument, MacroObservation, MacroSeries, SymbolHistory
from core.domain.news_records import Article, ArticleSymbol, Sentiment
from core.domain.records import Record, record_kind, record_kinds
from core.errors import UnknownName

KINDS = tuple(record_kinds())
NAMES = tuple(kind.kind for kind in KINDS)
NOW = "2024-01-02T21:00:00Z"
# The least that each kind needs, written as a vendor or a file would.
LEAST: dict[str, dict[str, Any]] = {
    "account": {"account_id": "main", "name": "Main", "broker": "paper", "opened_at": NOW},
    "article": {"article_id": "art_1", "published_date": "2024-01-02", "headline": "H", "source": "s", "known_at": NOW},
    "article_symbol": {"article_id": "art_1", "instrument_id": 1},
    "bar": {
        "instrument_id": 1,
        "source": "s",
        "price_basis": "raw",
        "session": "2024-01-02",
        "close": 1.5,
        "known_at": NOW,
    },
    "cash_entry": {"account_id": "main", "movement": "deposit", "amount": "100.00", "booked_at": NOW},
    "corporate_action": {
        "instrument_id": 1,
        "action": "split",
        "ex_date": "2024-01-02",
        "source": "s",
        "known_at": NOW,
    },
    "decision": {
        "proposal_id": "prp_1",
        "decision": "approved",
        "digest": "d",
        "decided_by": "usr_1",
        "decided_by_kind": "person",
        "face": "cli",
        "decided_at": NOW,
        "desk_time": NOW,
    },
    "economic_event": {
        "event_id": "evt_1",
        "event_date": "2024-01-02",
        "country": "US",
        "name": "CPI",
        "source": "s",
        "known_at": NOW,
    },
    "feature": {
        "instrument_id": 1,
        "session": "2024-01-02",
        "code_version": "1",
        "known_at": NOW,
    },
    "correlation": {
        "instrument_id": 1,
        "other_id": 2,
        "session": "2024-03-28",
        "correlation": 0.5,
        "observations": 252,
        "code_version": "1",
        "known_at": NOW,
    },
    "event_group": {
        "event_id": "evt_1",
        "subject": "economic",
        "group_key": "k",
        "title": "CPI y/y",
        "code_version": "1",
        "known_at": NOW,
    },
    "event_surprise": {
        "group_key": "k",
        "subject": "economic",
        "about": "US CPI y/y",
        "event_date": "2024-01-11",
        "actual": 3.4,
        "expected": 3.2,
        "surprise": 0.2,
        "history": 0,
        "code_version": "1",
        "known_at": NOW,
    },
    "article_link": {
        "article_id": "art_1",
        "instrument_id": 1,
        "matched": "apple",
        "code_version": "1",
        "known_at": NOW,
    },
    "article_score": {"article_id": "art_1", "score": 0.5, "tone": "positive", "code_version": "1", "known_at": NOW},
    "article_story": {"article_id": "art_1", "story_id": "art_1", "code_version": "1", "known_at": NOW},
    "sentiment_day": {
        "instrument_id": 1,
        "day": "2024-01-02",
        "method": "vendor",
        "articles": 1,
        "stories": 1,
        "score": 0.5,
        "positive": 1,
        "negative": 0,
        "code_version": "1",
        "known_at": NOW,
    },
    "watch_list": {"list_id": "lst_1", "owner": "usr_1", "name": "Chips", "changed_by": "usr_1", "updated_at": NOW},
    "own_event": {
        "event_id": "evt_1",
        "owner": "usr_1",
        "event_date": "2024-01-02",
        "name": "Visit",
        "changed_by": "usr_1",
        "updated_at": NOW,
    },
    "strategy": {
        "strategy_id": "stg_1",
        "name": "Cross",
        "spec": {},
        "created_by": "usr_1",
        "created_at": NOW,
        "changed_by": "usr_1",
    },
    "recommendation": {
        "recommendation_id": "rec_1",
        "strategy_id": "stg_1",
        "account_id": "main",
        "requested_by": "usr_1",
        "proposal_id": "prp_1",
        "session": "2024-01-02",
        "action": "entry",
        "change": {"AAA": 0.1},
        "cases": 0,
        "horizon_sessions": 20,
        "recommended_at": NOW,
    },
    "reject_rule": {
        "rule_id": "rul_1",
        "name": "no sales",
        "condition": {"sides": ["sell"]},
        "declared_by": "usr_1",
        "declared_at": NOW,
    },
    "applied_split": {
        "account_id": "main",
        "instrument_id": 1,
        "ex_date": "2024-01-02",
        "ratio": "4.0",
        "effective_at": NOW,
        "known_at": NOW,
    },
    "group_membership": {
        "instrument_id": 1,
        "group_name": "sp500",
        "valid_from": "2020-01-02",
        "source": "test",
        "known_at": NOW,
    },
    "difference": {
        "difference_id": "dif_1",
        "account_id": "main",
        "subject": "cash",
        "name": "USD",
        "ours": "1",
        "theirs": "2",
        "found_at": NOW,
    },
    "external_order": {
        "account_id": "main",
        "venue_order_id": "1",
        "symbol": "AAPL",
        "side": "buy",
        "quantity": "1",
        "first_seen_at": NOW,
        "last_seen_at": NOW,
    },
    "fill": {
        "fill_id": "fil_1",
        "execution_id": "e",
        "order_id": "ord_1",
        "account_id": "main",
        "instrument_id": 1,
        "side": "buy",
        "quantity": "1",
        "price": "150.25",
        "session": "2024-01-02",
        "filled_at": NOW,
    },
    "geopolitical_event": {
        "event_id": "evt_2",
        "event_date": "2024-01-02",
        "name": "N",
        "severity": "low",
        "source": "s",
        "known_at": NOW,
    },
    "instrument": {
        "instrument_id": 1,
        "symbol": "AAA",
        "name": "A",
        "asset_class": "etf",
        "calendar": "XNYS",
        "source": "s",
        "known_at": NOW,
    },
    "macro_observation": {
        "series_id": "DGS10",
        "period": "2024-01-02",
        "source": "s",
        "vintage": "1",
        "value": None,
        "known_at": NOW,
        "known_at_method": "release_lag",
    },
    "macro_series": {
        "series_id": "DGS10",
        "name": "N",
        "unit": "Percent",
        "frequency": "daily",
        "source": "s",
        "known_at": NOW,
    },
    "opening_position": {
        "account_id": "main",
        "instrument_id": 1,
        "quantity": "40",
        "price": "150.25",
        "entered_by": "usr_1",
        "opened_at": NOW,
    },
    "order": {
        "order_id": "ord_1",
        "client_order_id": "qd1",
        "proposal_id": "prp_1",
        "leg": 0,
        "attempt": 1,
        "account_id": "main",
        "instrument_id": 1,
        "side": "sell",
        "quantity": "3",
        "order_type": "market",
        "time_in_force": "day",
        "state": "intended",
        "desk_time": NOW,
        "created_at": NOW,
        "updated_at": NOW,
    },
    "position": {
        "account_id": "main",
        "instrument_id": 1,
        "quantity": "-2",
        "average_cost": "10.10",
        "updated_at": NOW,
    },
    "panel_verdict": {
        "verdict_id": "vdt_1",
        "requested_by": "usr_1",
        "run_id": "run_1",
        "instrument_id": 1,
        "symbol": "AAPL",
        "session": "2024-01-02",
        "verdict": "lean buy",
        "horizon_sessions": 21,
        "decided_at": NOW,
    },
    "proposal": {
        "proposal_id": "prp_1",
        "account_id": "main",
        "legs": [{"instrument_id": 1, "symbol": "AAA", "side": "buy", "quantity": "2"}],
        "order_type": "market",
        "time_in_force": "day",
        "notional": "300.00",
        "author": "usr_1",
        "author_kind": "person",
        "requested_by": "usr_1",
        "digest": "d",
        "desk_time": NOW,
        "created_at": NOW,
        "expires_at": NOW,
    },
    "security_event": {
        "event_id": "evt_3",
        "instrument_id": 1,
        "event": "earnings",
        "event_date": "2024-01-02",
        "source": "s",
        "known_at": NOW,
    },
    "sentiment": {"article_id": "art_1", "scorer": "vader", "score": 0.5, "tone": "positive", "known_at": NOW},
    "symbol_history": {
        "instrument_id": 1,
        "symbol": "AAA",
        "valid_from": "2024-01-02",
        "source": "s",
        "known_at": NOW,
    },
}
each_kind = pytest.mark.parametrize("name", NAMES)
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def build(kind: type[BaseModel]) -> st.SearchStrategy[Any]:
    """Generate instances from the fields alone."""
    fixed = {
        float: st.floats(-1, 1, allow_nan=False),
        Decimal: st.decimals(1, 10**9, places=4),
        datetime: MOMENTS,
        date: st.dates(),
        dict[str, Any]: st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=2),
        dict[str, float]: st.dictionaries(st.text(max_size=5), st.floats(-1, 1), max_size=2),
    }
    bounded = {"weight": st.floats(0.01, 1), "stop_loss": st.floats(0, 0.99), "take_profit": st.floats(0, 9)}
    bounded["horizon_sessions"] = st.integers(1, 260)
    bounded["condition"] = st.builds(
        RejectCondition,
        symbols=st.lists(st.text(max_size=5), max_size=3).map(tuple),
        notional_above=st.none() | st.decimals(0, 10**9, places=2),
        quantity_above=st.none() | st.decimals(0, 10**9, places=8),
    )
    parts: dict[str, Any] = {}
    for name, field in kind.model_fields.items():
        found = field.annotation
        optional = type(None) in getattr(found, "__args__", ())
        inner = next((part for part in found.__args__ if part is not type(None)), found) if optional else found
        if inner == tuple[Leg, ...]:
            made: Any = st.lists(build(Leg), min_size=1, max_size=2).map(tuple)
        elif name in bounded:
            made = bounded[name]
        elif inner is str and field.metadata:  # a name: not empty, not too long
            made = st.text("abcXYZ019-ÄÖ", min_size=1, max_size=20)
        else:
            made = fixed[inner] if inner in fixed else st.from_type(inner)
        parts[name] = st.none() | made if optional else made
    return st.builds(kind, **parts)


def test_the_least_of_every_kind_is_written_down_here() -> None:
    assert set(LEAST) == set(NAMES)


def test_kinds_come_in_alphabetical_order_and_each_once() -> None:
    assert list(NAMES) == sorted(set(NAMES))


@pytest.mark.parametrize("field", ["kind", "table"])
def test_no_two_kinds_share_a_name_or_a_table(field: str) -> None:
    assert max(Counter(getattr(kind, field) for kind in KINDS).values()) == 1


@each_kind
def test_a_kind_has_a_snake_case_name_a_table_in_a_schema_and_a_docstring(name: str) -> None:
    kind = record_kind(name)
    assert issubclass(kind, Record)
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.kind)
    assert re.fullmatch(r"(market_data|derived|events|news|execution|desk|strategies)\.[a-z_]+", kind.table)
    assert kind.__doc__
    assert kind.__doc__ != Record.__doc__


@each_kind
def test_keys_are_fields_named_once(name: str) -> None:
    kind = record_kind(name)
    assert kind.key
    assert len(set(kind.key)) == len(kind.key)
    assert set(kind.key) <= set(kind.model_fields)


@each_kind
def test_the_least_is_enough_and_no_part_of_it_can_be_left_out(name: str) -> None:
    kind = record_kind(name)
    kind.model_validate(LEAST[name])
    assert {field for field, described in kind.model_fields.items() if described.is_required()} == set(LEAST[name])
    for field in LEAST[name]:
        with pytest.raises(ValidationError, match=field):
            kind.model_validate({key: value for key, value in LEAST[name].items() if key != field})


@each_kind
def test_an_unknown_field_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        record_kind(name).model_validate({**LEAST[name], "colour": "red"})


@each_kind
def test_no_field_can_be_set_after_the_fact(name: str) -> None:
    record = record_kind(name).model_validate(LEAST[name])
    for field in type(record).model_fields:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(record, field, getattr(record, field))


@each_kind
def test_the_schema_lists_every_field_and_allows_no_other(name: str) -> None:
    kind = record_kind(name)
    schema = kind.model_json_schema()
    assert set(schema["properties"]) == set(kind.model_fields)
    assert set(schema["required"]) == set(LEAST[name])
    assert schema["additionalProperties"] is False
    json.dumps(schema)


@each_kind
def test_every_moment_keeps_its_time_zone(name: str) -> None:
    record = record_kind(name).model_validate(LEAST[name])
    moments = [value for value in record.model_dump().values() if isinstance(value, datetime)]
    assert all(moment == datetime(2024, 1, 2, 21, tzinfo=UTC) for moment in moments)


@each_kind
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_any_record_survives_json_and_a_dictionary(name: str, data: st.DataObject) -> None:
    kind = record_kind(name)
    record = data.draw(build(kind))
    assert kind.model_validate(record.model_dump()) == record
    assert kind.model_validate_json(record.model_dump_json()) == record
    assert kind.model_validate(record.model_dump(mode="json")) == record


def test_an_unknown_kind_names_those_there_are() -> None:
    with pytest.raises(UnknownName) as raised:
        record_kind("bars")
    assert raised.value.closest == NAMES


def test_a_subclass_without_a_kind_is_no_new_kind() -> None:
    class Special(Bar):
        pass

    assert record_kind("bar") is Bar
    assert Special not in tuple(record_kinds())


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (Instrument, "asset_class", "bond"),
        (Instrument, "calendar", "XLON"),
        (Bar, "price_basis", "adjusted"),
        (Bar, "close", "a lot"),
        (Bar, "session", "2024-02-30"),
        (SymbolHistory, "valid_from", None),
        (CorporateAction, "action", "merger"),
        (MacroSeries, "frequency", "hourly"),
        (MacroObservation, "known_at_method", "guess"),
        (DailyFeatures, "session", None),
        (EconomicEvent, "importance", "huge"),
        (SecurityEvent, "instrument_id", "AAA"),
        (GeopoliticalEvent, "severity", "extreme"),
        (Article, "published_date", "yesterday"),
        (ArticleSymbol, "instrument_id", 1.5),
        (Sentiment, "tone", "angry"),
        (Sentiment, "score", 1.01),
        (Sentiment, "score", -1.01),
        (Order, "state", "sent"),
        (Order, "side", "short"),
        (Order, "order_type", "iceberg"),
        (Order, "time_in_force", "opg"),
        (Fill, "quantity", "one"),
        (CashEntry, "movement", "gift"),
        (Position, "quantity", None),
        (Proposal, "legs", []),
        (Proposal, "author_kind", "robot"),
        (ProposalDecision, "decision", "maybe"),
        (ProposalDecision, "decided_by_kind", "agent"),
    ],
)
def test_what_a_field_cannot_hold_is_refused_by_name(kind: type[Record], field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        kind.model_validate({**LEAST[kind.kind], field: value})


@pytest.mark.parametrize("quantity", ["0", "-1", "nan"])
def test_a_leg_has_a_quantity_above_zero(quantity: str) -> None:
    with pytest.raises(ValidationError, match="quantity"):
        Leg(instrument_id=1, symbol="AAA", side="buy", quantity=quantity)  # type: ignore[arg-type]


def test_a_leg_keeps_its_decimals_exactly() -> None:
    leg = Leg(instrument_id=1, symbol="AAA", side="sell", quantity=Decimal("0.10"), limit_price=Decimal("150.10"))
    again = Leg.model_validate_json(leg.model_dump_json())
    assert (str(again.quantity), str(again.limit_price)) == ("0.10", "150.10")
    assert leg.model_dump(mode="json")["limit_price"] == "150.10"


def test_money_does_not_pass_through_floats() -> None:
    fill = Fill.model_validate({**LEAST["fill"], "price": "0.1", "fee": "0.2"})
    assert fill.price + fill.fee == Decimal("0.3")


def test_a_new_order_has_filled_nothing() -> None:
    order = Order.model_validate(LEAST["order"])
    assert (order.filled_quantity, order.venue_order_id, order.reason) == (Decimal(0), None, "")


def test_the_states_of_an_order_are_those_the_ledger_knows() -> None:
    assert set(OrderState.__args__) == {  # type: ignore[attr-defined]
        "intended",
        "denied",
        "submitting",
        "unknown",
        "accepted",
        "partially_filled",
        "filled",
        "cancelled",
        "rejected",
        "expired",
    }


def test_defaults_are_not_shared_between_records() -> None:
    one, two = (Instrument.model_validate(LEAST["instrument"]) for _ in range(2))
    one.vendor_symbols["x"] = "y"
    assert two.vendor_symbols == {}
