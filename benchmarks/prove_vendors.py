"""Prove the fault table for the data part: every vendor meets every fault, is healed, and its store compared."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.prove import Steps, table
from benchmarks.vendor_faults import fault_desks
from core.testing.vendor_faults import VENDORS, OpenDesk, can_show, clean_store, show_fault
from core.testing.vendor_stand_ins import FAULTS

# A hanging answer is given up after this time; the other faults do not wait.
_SLOW_SECONDS = 0.5
_LONGEST_WORDS = 150


def faults(steps: Steps) -> str:
    """Show every vendor every fault that its protocol can show, and tell what each run did."""
    found = [
        row for vendor in VENDORS for row in steps.do(f"faults of {vendor}", lambda vendor=vendor: _vendor(vendor))
    ]
    equal = sum(row["equals_clean"] for row in found)
    lines = [
        "### Every vendor, every fault",
        "",
        f"A backfill of 30 sessions meets a fault that stays, from the third answer with data on; the vendor is healed"
        f" and the same backfill run again. After that the store equals that of a run without faults, bit for bit, in"
        f" **{equal} of {len(found)}** cases. *Rows* are all rows in the store after the run that met the fault (the"
        " desk's own instruments and series included), *new* those that the next run added.",
        "",
        table(
            ("vendor", "fault", "run", "rows", "what it said", "next run", "new", "equal"),
            [
                (
                    row["vendor"],
                    FAULTS[row["fault"]],
                    row["state"],
                    row["rows_stored"],
                    _shortened(row["told"]),
                    row["state_after"],
                    row["rows_new_after"],
                    "yes" if row["equals_clean"] else "**no**",
                )
                for row in found
            ],
        ),
        "",
        "A run that is done in spite of its fault had asked again, or the fault concerns nothing that it stores (a"
        " wrong clock over days that are long over). What a vendor says it does not have is no failure; the days it"
        " should have had stand in the coverage ledger as gaps, and the next run asks again.",
    ]
    return "\n".join(lines)


def _vendor(vendor: str) -> list[dict[str, Any]]:
    with _desks(30.0) as patient, _desks(_SLOW_SECONDS) as hasty:
        clean = clean_store(vendor, patient)
        return [
            asdict(show_fault(vendor, fault, hasty if fault == "slow" else patient, clean))
            for fault in FAULTS
            if can_show(vendor, fault)
        ]


@contextmanager
def _desks(timeout_seconds: float) -> Iterator[OpenDesk]:
    import psycopg
    from psycopg.conninfo import make_conninfo

    from app.runtime.postgres import ensure_postgres, remove
    from core.adapters.store.migrations import migrate

    home = Path(tempfile.mkdtemp(prefix="qdv"))
    numbers = itertools.count()
    try:
        with ensure_postgres(home) as server, psycopg.connect(server.dsn, autocommit=True) as admin:
            admin.execute("CREATE DATABASE qd_fault_template")
            migrate(make_conninfo(server.dsn, dbname="qd_fault_template"))

            @contextmanager
            def new_database() -> Iterator[str]:
                name = f"qd_fault_{next(numbers)}"
                admin.execute(f"CREATE DATABASE {name} TEMPLATE qd_fault_template".encode())
                try:
                    yield make_conninfo(server.dsn, dbname=name)
                finally:
                    admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())

            yield fault_desks(new_database, timeout_seconds=timeout_seconds)
    finally:
        remove(home)
        shutil.rmtree(home, ignore_errors=True)


def _shortened(told: str) -> str:
    words = " ".join(told.split()).replace("|", "\\|").replace("<", "&lt;")
    words = words.split(" What was delivered is stored")[0]
    return words if len(words) <= _LONGEST_WORDS else words[:_LONGEST_WORDS].rsplit(" ", 1)[0] + " ..."
