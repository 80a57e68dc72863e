"""Facts, tables and charts are strict and frozen; paths, panels and principals keep their shape."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from core.domain.as_of import AsOf
from core.domain.facts import (
    Cell,
    Chart,
    ChartSeries,
    Column,
    Fact,
    Frozen,
    Table,
    ToolResult,
    Unit,
    highest,
    to_cell,
)
from core.domain.identifiers import PREFIXES, client_order_id, content_id
from core.domain.market_path import MarketPath
from core.domain.panel import Panel, SeriesSource
from core.domain.principal import SCOPES, Principal, agent_for
from core.errors import InvalidInput

NOON = datetime(2024, 1, 2, 12, tzinfo=UTC)
FACT: dict[str, Any] = {
    "id": "fct_1",
    "run": "run_1",
    "name": "price",
    "value": 1.5,
    "unit": "money",
    "as_of": NOON,
    "label": "public",
}
SERIES: dict[str, Any] = {"name": "s", "x": ("2024-01-02",), "y": (1.0,)}
LEAST: tuple[tuple[type[Frozen], dict[str, Any]], ...] = (
    (Fact, FACT),
    (Column, {"name": "c", "unit": "ratio"}),
    (Table, {"name": "t", "columns": (), "rows": ()}),
    (ChartSeries, SERIES),
    (Chart, {"kind": "line", "title": "T", "series": ()}),
    (ToolResult, {"run": "run_1", "tool": "t", "label": "public", "as_of": NOON}),
)
each_kind = pytest.mark.parametrize(("kind", "least"), LEAST, ids=lambda part: getattr(part, "__name__", ""))
CELLS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)


# ----------------------------------------------------------------------------------------------- facts


@each_kind
def test_what_a_person_reads_needs_all_of_its_parts(kind: type[BaseModel], least: dict[str, Any]) -> None:
    kind.model_validate(least)
    for name in least:
        with pytest.raises(ValidationError, match=name):
            kind.model_validate({key: value for key, value in least.items() if key != name})


@each_kind
def test_it_refuses_other_parts_and_cannot_be_changed(kind: type[BaseModel], least: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        kind.model_validate({**least, "colour": "red"})
    made = kind.model_validate(least)
    for name in kind.model_fields:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(made, name, None)


@each_kind
def test_its_schema_is_closed_and_lists_every_part(kind: type[BaseModel], least: dict[str, Any]) -> None:
    schema = kind.model_json_schema()
    assert set(schema["properties"]) == set(kind.model_fields)
    assert set(schema["required"]) == set(least)
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize("unit", ["usd", "%", "", "Ratio"])
def test_a_unit_is_one_of_those_that_can_be_printed(unit: str) -> None:
    with pytest.raises(ValidationError, match="unit"):
        Fact.model_validate({**FACT, "unit": unit})


@pytest.mark.parametrize("unit", Unit.__args__)  # type: ignore[attr-defined]
def test_every_unit_is_taken(unit: str) -> None:
    assert Fact.model_validate({**FACT, "unit": unit}).unit == unit


@pytest.mark.parametrize("label", ["secret", "", None])
def test_a_label_is_public_or_private(label: object) -> None:
    with pytest.raises(ValidationError, match="label"):
        Fact.model_validate({**FACT, "label": label})


@pytest.mark.parametrize("kind", ["pie", "LINE", None])
def test_a_chart_is_of_a_kind_that_can_be_drawn(kind: object) -> None:
    with pytest.raises(ValidationError, match="kind"):
        Chart.model_validate({"kind": kind, "title": "T", "series": ()})


@pytest.mark.parametrize("value", [[1], {"a": 1}, object()])
def test_a_cell_is_a_scalar(value: object) -> None:
    with pytest.raises(ValidationError, match="value"):
        Fact.model_validate({**FACT, "value": value})


@given(CELLS | st.text(st.characters(codec="utf-8")))
def test_a_cell_keeps_value_and_type_through_json(value: Cell) -> None:
    fact = Fact.model_validate({**FACT, "value": value})
    again = Fact.model_validate_json(fact.model_dump_json())
    assert again == fact
    assert type(again.value) is type(value)


def test_text_that_looks_like_a_number_or_a_date_stays_text() -> None:
    for value in ("1", "1.5", "true", "2024-01-02", "null", ""):
        assert Fact.model_validate({**FACT, "value": value}).value == value


@given(st.lists(st.tuples(CELLS, CELLS), max_size=5))
def test_a_table_keeps_its_rows_through_json(rows: list[tuple[Cell, Cell]]) -> None:
    columns = (Column(name="a", unit="number"), Column(name="b", unit="number"))
    table = Table(name="t", columns=columns, rows=tuple(rows))
    assert Table.model_validate_json(table.model_dump_json()) == table


@given(st.lists(st.none() | st.floats(-1e9, 1e9), max_size=6))
def test_a_series_keeps_its_gaps_through_json(values: list[float | None]) -> None:
    days = tuple(f"2024-01-{number + 1:02d}" for number in range(len(values)))
    series = ChartSeries(name="s", x=days, y=tuple(values))
    again = ChartSeries.model_validate_json(series.model_dump_json())
    assert again == series
    assert again.x == days


def test_a_list_becomes_a_tuple_that_cannot_grow() -> None:
    table = Table.model_validate({"name": "t", "columns": [{"name": "a", "unit": "text"}], "rows": [["x"], [None]]})
    assert table.rows == (("x",), (None,))
    assert hash(table.rows)


def test_results_do_not_share_their_details() -> None:
    one, two = (ToolResult(run=run, tool="t", label="public", as_of=NOON) for run in ("run_1", "run_2"))
    one.details["x"] = 1
    assert two.details == {}


def test_the_first_fact_of_a_name_is_found() -> None:
    facts = tuple(Fact.model_validate({**FACT, "id": f"fct_{number}", "value": number}) for number in range(2))
    result = ToolResult(run="run_1", tool="t", label="public", as_of=NOON, facts=facts)
    assert result.fact("price").value == 0


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (np.int64(3), 3.0),
        (Decimal("-0.10"), -0.1),
        (Decimal("NaN"), None),
        (Decimal("-Infinity"), None),
        (np.float64("inf"), None),
        (float("-inf"), None),
        (0, 0),
        (False, False),
        ("", ""),
        (datetime(2024, 1, 2, 23, tzinfo=timezone(timedelta(hours=-5))), "2024-01-02T23:00:00-05:00"),
        (date.min, "0001-01-01"),
    ],
)
def test_cells_of_other_types(value: object, cell: Cell) -> None:
    assert to_cell(value) == cell
    assert type(to_cell(value)) is type(cell)


@given(CELLS)
def test_what_is_a_cell_already_stays_as_it_is(value: Cell) -> None:
    assert to_cell(value) == value
    json.dumps(to_cell(value), allow_nan=False)


@pytest.mark.parametrize("value", [[1, 2], {}, b"x"])
def test_what_is_no_scalar_is_no_cell(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        to_cell(value)


@given(st.lists(st.sampled_from(["public", "private"]), min_size=1), st.randoms())
def test_the_highest_label_does_not_depend_on_the_order(labels: list[Any], random: Any) -> None:
    shuffled = list(labels)
    random.shuffle(shuffled)
    assert highest(*labels) == highest(*shuffled) == highest(highest(*labels), *labels)


# ----------------------------------------------------------------------------------- paths and panels


def path(sessions: int = 4, assets: tuple[str, ...] = ("A", "B"), **changes: Any) -> MarketPath:
    shape = (2, sessions, len(assets))
    fields: dict[str, Any] = {
        "close": np.arange(float(np.prod(shape))).reshape(shape),
        "times": np.datetime64("2024-01-01") + np.arange(sessions),
        "assets": assets,
        "as_of": NOON,
        "source": "test",
    }
    return MarketPath(**(fields | changes))


@pytest.mark.parametrize("shape", [(4, 2), (2, 3, 2), (2, 4, 3), (2, 4, 2, 1), (0,)])
def test_closes_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput, match=r"expected \(paths, 4 times, 2 assets\)"):
        path(close=np.ones(shape))


@pytest.mark.parametrize("name", ["open", "high", "low", "volume"])
def test_every_other_field_has_the_shape_of_the_close(name: str) -> None:
    assert getattr(path(**{name: np.ones((2, 4, 2))}), name).shape == (2, 4, 2)
    with pytest.raises(InvalidInput, match=f"{name} has shape"):
        path(**{name: np.ones((1, 4, 2))})


@given(st.integers(0, 4), st.integers(0, 4))
def test_a_cut_is_the_slice_of_every_field(begin: int, end: int) -> None:
    whole = path(volume=np.ones((2, 4, 2)))
    cut = whole.cut(begin, end)
    assert cut.times.tolist() == whole.times[begin:end].tolist()
    assert cut.close.tolist() == whole.close[:, begin:end].tolist()
    assert cut.volume is not None
    assert cut.volume.shape == cut.close.shape
    assert (cut.assets, cut.source, cut.paths) == (whole.assets, whole.source, 2)


def test_a_cut_copies_nothing_and_without_an_end_keeps_the_rest() -> None:
    whole = path()
    assert np.shares_memory(whole.cut(1).close, whole.close)
    assert len(whole.cut(1).times) == 3


def test_a_path_cannot_be_pointed_elsewhere() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        path().close = np.ones((2, 4, 2))  # type: ignore[misc]


def panel(*bases: Any, **changes: Any) -> Panel:
    symbols = tuple(f"S{number}" for number in range(len(bases)))
    series = tuple(
        SeriesSource(instrument_id=number, symbol=symbol, source="v", price_basis=basis)
        for number, (symbol, basis) in enumerate(zip(symbols, bases, strict=True))
    )
    fields: dict[str, Any] = dict.fromkeys(("open", "high", "low", "volume"))
    fields |= {"close": np.ones((3, len(bases))), "sessions": np.datetime64("2024-01-01") + np.arange(3)}
    fields |= {"symbols": symbols, "series": series, "as_of": AsOf(known=NOON), "sql": "SELECT 1"}
    return Panel(**(fields | changes))


@pytest.mark.parametrize(
    ("bases", "basis"),
    [
        (("raw",), "raw"),
        (("split_adjusted", "split_adjusted"), "split_adjusted"),
        (("raw", "total_return"), "total_return"),
    ],
)
def test_a_path_of_a_panel_keeps_a_shared_basis(bases: tuple[str, ...], basis: str) -> None:
    made = panel(*bases).to_market_path(sessions_per_year=365)
    assert (made.price_basis, made.sessions_per_year, made.paths) == (basis, 365, 1)
    assert (made.as_of, made.source) == (NOON, "historical")


def test_gaps_of_a_panel_stay_gaps() -> None:
    close = np.array([[1.0], [np.nan], [3.0]])
    made = panel("raw", close=close).to_market_path()
    assert np.isnan(made.close[0, 1, 0])
    assert made.close[0, [0, 2], 0].tolist() == [1.0, 3.0]


# -------------------------------------------------------------------------------- principals and names


@pytest.mark.parametrize("scopes", [set(), {"read"}, {"read", "trade"}, {"admin"}])
@pytest.mark.parametrize("kind", ["person", "agent", "service"])
def test_whoever_does_not_approve_may_be_anyone(kind: Any, scopes: set[str]) -> None:
    assert Principal(id="x", name="x", kind=kind, scopes=frozenset(scopes)).requested_by is None


def test_a_principal_cannot_gain_a_scope() -> None:
    agent = agent_for(Principal(id="usr_1", name="ann", kind="person", scopes=SCOPES))
    assert agent.scopes == {"read", "trade"}
    with pytest.raises(dataclasses.FrozenInstanceError):
        agent.scopes = SCOPES  # type: ignore[misc]
    with pytest.raises(ValueError, match="cannot hold the scope 'approve'"):
        dataclasses.replace(agent, scopes=SCOPES)


def test_agents_of_two_persons_are_two_principals() -> None:
    one, two = (
        agent_for(Principal(id=name, name="ann", kind="person", scopes=frozenset({"read"}))) for name in ("a", "b")
    )
    assert one != two
    assert one.id != two.id


@pytest.mark.parametrize("prefix", sorted(PREFIXES))
def test_a_content_id_keeps_its_prefix_and_length(prefix: str) -> None:
    made = content_id(prefix, "a", "b")
    assert made.startswith(f"{prefix}_")
    assert len(made) == len(prefix) + 33
    int(made.removeprefix(f"{prefix}_"), 16)


def test_client_order_ids_of_a_hundred_legs_and_attempts_are_all_different() -> None:
    made = {client_order_id("prp_1", leg, attempt) for leg in range(10) for attempt in range(10)}
    assert len(made) == 100


@pytest.mark.parametrize("moment", ["known", "recorded"])
def test_both_moments_of_an_as_of_need_a_zone(moment: str) -> None:
    with pytest.raises(ValueError, match="time zone"):
        AsOf(**{"known": NOON, moment: NOON.replace(tzinfo=None)})
