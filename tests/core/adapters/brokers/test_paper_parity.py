"""The paper broker and the historical simulator fill the same orders at the same prices."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from urllib.parse import urlsplit, urlunsplit

import numpy as np
import psycopg
import pytest

from benchmarks import order_brackets, order_parity
from core.adapters.store.database import Database
from core.domain import fill_rules


@pytest.fixture(scope="module")
def parity_database(postgres_dsn, template_dsn):
    """Give a migrated database of these tests' own."""
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute('CREATE DATABASE qd_parity TEMPLATE "qd_template"')
    database = Database(urlunsplit(urlsplit(postgres_dsn)._replace(path="/qd_parity")))
    yield database
    database.close()
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute("DROP DATABASE qd_parity WITH (FORCE)")


@pytest.fixture
def empty_venue(parity_database):
    with parity_database.transaction() as connection:
        connection.execute("DELETE FROM execution.paper_executions")
        connection.execute("DELETE FROM execution.paper_orders")
    return parity_database


def test_twenty_strategies_are_compared():
    assert len(order_parity.names()) == len(set(order_parity.names())) == 20


@pytest.mark.parametrize("name", order_parity.names())
def test_a_strategy_fills_alike_in_the_simulator_and_on_paper(empty_venue, name):
    found = order_parity.compare(empty_venue, name, sessions=80, seed=11)
    assert found.differences == ()
    assert found.simulated == found.on_paper > 0
    assert found.value > 10_000


@pytest.mark.parametrize("name", ["sma_crossover", "rsi_threshold", "momentum"])
def test_protective_stops_fill_alike_too(empty_venue, name):
    found = order_parity.compare(empty_venue, name, sessions=120, seed=4, stop_loss=0.01)
    assert found.differences == ()
    assert found.simulated == found.on_paper > 5


@pytest.mark.parametrize(("name", "stop_loss"), [(name, 0.0) for name in order_parity.IN_PARTS] + [("momentum", 0.01)])
def test_fills_in_parts_are_alike_too(empty_venue, name, stop_loss):
    whole = order_parity.compare(empty_venue, name, sessions=120, seed=4, stop_loss=stop_loss)
    with empty_venue.transaction() as connection:
        connection.execute("DELETE FROM execution.paper_executions")
        connection.execute("DELETE FROM execution.paper_orders")
    terms = {"sessions": 120, "seed": 4, "stop_loss": stop_loss}
    found = order_parity.compare(empty_venue, name, participation=order_parity.PARTICIPATION, **terms)
    assert found.differences == ()
    assert found.simulated == found.on_paper > whole.simulated


@pytest.fixture(scope="module")
def bracket_dsn(postgres_dsn, template_dsn):
    """Give a migrated database for whole desks."""
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute('CREATE DATABASE qd_brackets TEMPLATE "qd_template"')
    yield urlunsplit(urlsplit(postgres_dsn)._replace(path="/qd_brackets"))
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute("DROP DATABASE qd_brackets WITH (FORCE)")


@pytest.mark.parametrize("name", order_brackets.STOPPED)
def test_a_stop_at_rest_fills_where_the_simulator_stops(bracket_dsn, tmp_path, name):
    """The whole path, with brackets; nothing but the resting order ends a position at its stop."""
    found = order_brackets.compare(bracket_dsn, tmp_path, name, sessions=100, seed=4, stop_loss=0.01)
    assert found.differences == ()
    assert found.simulated == found.on_paper > 5
    with psycopg.connect(bracket_dsn) as connection:
        row = connection.execute(
            "SELECT count(*) FROM execution.orders WHERE order_type = 'stop' AND state = 'filled'"
        ).fetchone()
    assert row is not None and row[0] > 0


def test_a_difference_of_two_ticks_is_seen(empty_venue, monkeypatch):
    """Let the paper venue alone fill two ticks worse: every fill must be named."""
    honest = fill_rules.slipped_price

    def worse(price, direction, ratio):
        found = honest(price, direction, ratio)
        return found + direction * Decimal("0.0002") if isinstance(price, Decimal) else found

    monkeypatch.setattr(fill_rules, "slipped_price", worse)
    found = order_parity.compare(empty_venue, "sma_crossover", sessions=80, seed=11)
    assert len(found.differences) == found.simulated > 0


def test_the_drawn_bars_are_bars():
    path = order_parity.market(3, sessions=300, seed=1)
    for part in (path.open, path.close):
        assert (path.low <= part).all() and (part <= path.high).all()
    assert np.allclose(path.close * 100, np.round(path.close * 100))
    assert replace(path).close.shape == (1, 300, 3)
