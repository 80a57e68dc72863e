"""Values refuse what does not fit and keep what they are given."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.as_of import AsOf
from core.domain.facts import highest, to_cell
from core.domain.market_path import MarketPath
from core.domain.panel import Panel, SeriesSource
from core.domain.principal import Principal, agent_for
from core.domain.records import record_kind, record_kinds
from core.errors import InvalidInput, UnknownName

NOON = datetime(2024, 1, 2, 12, tzinfo=UTC)
DAYS = np.array(["2024-01-02", "2024-01-03", "2024-01-04"], dtype="datetime64[D]")
LABELS = st.sampled_from(["public", "private"])


def path(**changes: object) -> MarketPath:
    fields: dict[str, object] = {
        "close": np.arange(1.0, 7.0).reshape(1, 3, 2),
        "times": DAYS,
        "assets": ("A", "B"),
        "as_of": NOON,
        "source": "test",
    }
    return MarketPath(**(fields | changes))  # type: ignore[arg-type]


@given(st.lists(LABELS, min_size=1))
def test_the_highest_label_is_private_as_soon_as_one_is(labels: list[str]) -> None:
    assert (highest(*labels) == "private") == ("private" in labels)


def test_nothing_labelled_means_private() -> None:
    assert highest() == "private"


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, None),
        (date(2024, 1, 2), "2024-01-02"),
        (NOON, "2024-01-02T12:00:00+00:00"),
        (Decimal("1.25"), 1.25),
        (np.float64(2.5), 2.5),
        (float("nan"), None),
        (np.float32("nan"), None),
        (True, True),
        ("AAPL", "AAPL"),
    ],
)
def test_values_become_cells(value: object, cell: object) -> None:
    assert to_cell(value) == cell


def test_a_market_path_refuses_shapes_that_disagree() -> None:
    with pytest.raises(InvalidInput, match="2 assets"):
        path(close=np.ones((1, 3, 5)))
    with pytest.raises(InvalidInput, match="volume has shape"):
        path(volume=np.ones((1, 3, 1)))


def test_cutting_a_market_path_keeps_fields_together() -> None:
    whole = path(open=np.arange(11.0, 17.0).reshape(1, 3, 2))
    cut = whole.cut(1, 3)
    assert cut.times.tolist() == DAYS[1:].tolist()
    assert cut.close.tolist() == whole.close[:, 1:].tolist()
    assert cut.open is not None
    assert cut.open.tolist() == [[[13.0, 14.0], [15.0, 16.0]]]
    assert cut.high is None


def test_a_panel_is_one_historical_path() -> None:
    series = tuple(
        SeriesSource(instrument_id=number, symbol=symbol, source="v", price_basis="raw")
        for number, symbol in enumerate(("A", "B"))
    )
    panel = Panel(
        sessions=DAYS,
        symbols=("A", "B"),
        series=series,
        close=np.ones((3, 2)),
        open=None,
        high=None,
        low=None,
        volume=np.full((3, 2), 5.0),
        as_of=AsOf(known=NOON),
        sql="",
    )
    made = panel.to_market_path()
    assert made.close.shape == (1, 3, 2)
    assert made.price_basis == "raw"
    assert made.volume is not None
    assert made.volume[0, 2, 1] == 5.0
    assert made.open is None


def test_an_as_of_time_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        AsOf(known=NOON.replace(tzinfo=None))


@pytest.mark.parametrize("kind", ["agent", "service"])
def test_only_a_person_can_hold_the_scope_approve(kind: str) -> None:
    with pytest.raises(ValueError, match="only a person"):
        Principal(id="x", name="x", kind=kind, scopes=frozenset({"approve"}))  # type: ignore[arg-type]


@given(st.frozensets(st.sampled_from(["read", "trade", "approve", "admin"])))
def test_the_agent_of_a_person_never_gains_scopes_and_never_approves(scopes: frozenset[str]) -> None:
    person = Principal(id="usr_1", name="ann", kind="person", scopes=scopes)
    agent = agent_for(person)
    assert agent.kind == "agent"
    assert agent.scopes <= scopes
    assert not agent.scopes & {"approve", "admin"}
    assert agent.requested_by == "usr_1"


def test_every_record_kind_is_found_by_its_name() -> None:
    for record in record_kinds():
        assert record_kind(record.kind) is record
        assert set(record.key) <= set(record.model_fields)
        assert record.model_json_schema()["additionalProperties"] is False
    with pytest.raises(UnknownName, match="record kind 'candle'"):
        record_kind("candle")


def test_books_and_what_people_own_are_private_and_the_rest_public() -> None:
    for record in record_kinds():
        assert (record.label == "private") == record.table.startswith(("execution.", "desk.", "strategies.")), (
            record.kind
        )
