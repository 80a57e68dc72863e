"""Keep reports in desk.reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg.rows import dict_row

from core.adapters.store.database import Database
from core.errors import UnknownName
from core.reporting.report import Report, ReportSummary

_SUMMARY = "report_id, kind, session, data_as_of, digest, created_at"


class ReportStore:
    """Implement the Reports port on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, report: Report) -> str:
        """Store a report and, in the same transaction, announce it; return the id of the one kept.

        A report of the same kind and session with the same content is kept as it is: nothing is stored or announced.
        """
        with self._database.transaction() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(hashtext('desk.reports'))")
            kept = connection.execute(
                "SELECT report_id FROM desk.reports WHERE kind = %s AND session = %s AND digest = %s"
                " ORDER BY created_at, report_id LIMIT 1",
                (report.kind, report.session, report.digest),
            ).fetchone()
            if kept is not None:
                return str(kept[0])
            stored = connection.execute(
                "INSERT INTO desk.reports (report_id, kind, session, runs, data_as_of, html, digest, created_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (report_id) DO NOTHING",
                (
                    report.report_id,
                    report.kind,
                    report.session,
                    list(report.runs),
                    report.data_as_of,
                    report.html,
                    report.digest,
                    report.created_at,
                ),
            ).rowcount
            if stored:
                connection.execute(
                    "INSERT INTO desk.outbox (topic, subject_id) VALUES ('report.published', %s)", (report.report_id,)
                )
        return report.report_id

    def list(self, *, limit: int = 100) -> Sequence[ReportSummary]:
        """Return the newest reports without their pages."""
        query = f"SELECT {_SUMMARY} FROM desk.reports ORDER BY created_at DESC, report_id DESC LIMIT %s"
        return [ReportSummary(**row) for row in self._rows(query, limit)]

    def get(self, report_id: str) -> Report:
        """Return a report; raise UnknownName."""
        rows = self._rows(f"SELECT {_SUMMARY}, html, runs FROM desk.reports WHERE report_id = %s", report_id)
        if not rows:
            raise UnknownName("report", report_id, hint="The reports page and `quantdesk report list` name them.")
        return Report(**{**rows[0], "runs": tuple(rows[0]["runs"])})

    def _rows(self, query: str, parameter: Any) -> Sequence[dict[str, Any]]:
        with self._database.transaction() as connection, connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query.encode(), (parameter,)).fetchall()
