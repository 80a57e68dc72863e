"""A vendor that fails in the middle of a run costs only what it had not delivered; the next run makes up for it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from benchmarks.vendor_faults import fault_desks
from core.adapters.vendors import vendor_terms
from core.testing.vendor_faults import VENDORS, OpenDesk, Snapshot, can_show, clean_store, show_fault
from core.testing.vendor_stand_ins import Fault

_numbers = itertools.count()
# A few here; `make prove-data` shows every vendor every fault.
CASES: dict[str, Fault] = {
    "binance": "server_error",
    "coingecko": "rate_limit",
    "fred": "truncated",
    "interactive_brokers": "cut",
    "newsapi": "wrong_key",
    "polygon": "looping_cursor",
    "world_bank": "html",
}


@pytest.fixture(scope="module")
def open_desk(postgres_dsn: str, template_dsn: str) -> OpenDesk:
    @contextmanager
    def new_database() -> Iterator[str]:
        name = f"qd_faults_{next(_numbers)}"
        with psycopg.connect(postgres_dsn, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "qd_template"'.encode())
        try:
            yield urlunsplit(urlsplit(postgres_dsn)._replace(path=f"/{name}"))
        finally:
            with psycopg.connect(postgres_dsn, autocommit=True) as connection:
                connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())

    return fault_desks(new_database)


@pytest.fixture(scope="module")
def clean(open_desk: OpenDesk) -> Callable[[str], Snapshot]:
    return cache(lambda vendor: clean_store(vendor, open_desk))


def test_the_matrix_knows_every_vendor_and_what_each_can_show() -> None:
    assert tuple(terms.name for terms in vendor_terms()) == VENDORS
    for vendor in VENDORS:
        terms = next(terms for terms in vendor_terms() if terms.name == vendor)
        # A gateway asks for no key: its variable is an address.
        assert can_show(vendor, "wrong_key") == bool(terms.keys and terms.base_url)
        assert can_show(vendor, "server_error")
    assert not can_show("fred", "looping_cursor")
    assert can_show("reddit", "looping_cursor")


@pytest.mark.parametrize("vendor", CASES)
def test_after_healing_the_store_equals_that_of_a_clean_run(
    vendor: str, open_desk: OpenDesk, clean: Callable[[str], Snapshot]
) -> None:
    row = show_fault(vendor, CASES[vendor], open_desk, clean(vendor))
    assert row.state in ("partial", "failed")
    assert row.told, "the run says what happened"
    assert row.state_after == "done"
    assert row.equals_clean
    whole = sum(map(len, clean(vendor).values()))
    assert row.rows_stored < whole
    assert row.rows_new_after > 0
