"""Join store, log, clock and vendors for ingest runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.adapters.store.clock import DeskClock
from core.adapters.store.data_store import PostgresDataStore
from core.adapters.store.database import Database
from core.adapters.store.derived import PostgresDerivedStore
from core.adapters.store.ingest_log import PostgresIngestLog
from core.adapters.vendors.samples import Samples
from core.data.derived import update_derived
from core.data.importing import ImportReport, Kind
from core.data.importing import import_files as run_import
from core.data.pipeline import IngestReport, Pipeline, Progress, no_progress
from core.data.samples import load_samples as load
from core.domain.identifiers import IdSource
from core.ports.data_store import Counts


def open_pipeline(database: Database, ids: IdSource, *, mode: str, arguments: Mapping[str, Any]) -> Pipeline:
    """Begin an ingest run on the database."""
    return Pipeline(
        PostgresDataStore(database),
        PostgresIngestLog(database),
        DeskClock(database),
        ids,
        mode=mode,
        arguments=arguments,
    )


def load_samples(database: Database, ids: IdSource, progress: Progress = no_progress) -> IngestReport:
    """Fill the desk with the sample data (harmless when done before) and start its clock in replay if never set."""
    pipeline = open_pipeline(database, ids, mode="samples", arguments={})
    return load(pipeline, Samples(), DeskClock(database), progress)


def import_files(
    database: Database, ids: IdSource, kind: Kind, paths: Sequence[Path], progress: Progress = no_progress
) -> ImportReport:
    """Import files of one kind, bring what is derived up to date, and report the fate of every row."""
    arguments = {"kind": kind, "files": [path.name for path in paths]}
    pipeline = open_pipeline(database, ids, mode="import", arguments=arguments)
    return run_import(pipeline, kind, paths, lambda: make_derived(database), progress)


def make_derived(database: Database) -> Counts:
    """Bring what is derived up to date; read are the items that were out of date, changed the rows written."""
    report = update_derived(PostgresDerivedStore(database))
    return Counts(read=sum(report.items.values()), changed=sum(report.rows.values()))
