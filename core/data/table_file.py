"""Read CSV and Parquet files row by row, as they are: every cell as text, every row with its line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidInput

_NO_DAY = -(2**31)


class TableFile:
    """Hold one file in memory, in an embedded analytical database; close it after use.

    Rows that cannot be split into the header's columns are kept apart in `malformed` as (line, reason, text).
    """

    def __init__(self, path: Path) -> None:
        import duckdb

        if not path.is_file():
            raise InvalidInput(f"There is no file {path}.", hint="Check the path.")
        self.path = path
        self._database = duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false"})
        try:
            if path.suffix == ".parquet":
                self._load("read_parquet(?)")
            else:
                # Wide enough for news texts; every cell stays text, so that the desk can say what was wrong with it.
                options = "header = true, all_varchar = true, strict_mode = true, ignore_errors = true"
                self._load(
                    f"read_csv(?, {options}, store_rejects = true, sample_size = 2048, max_line_size = 16777216)"
                )
        except duckdb.Error as error:
            raise InvalidInput(
                f"{path.name} cannot be read: {str(error).splitlines()[0]}",
                hint="Expected CSV (also .gz) with a header line, or Parquet.",
            ) from error
        described = self._database.execute("SELECT column_name FROM (DESCRIBE rows)").fetchall()
        self.columns = tuple(name for (name,) in described if name != "record")
        self.malformed = self._rejects() if path.suffix != ".parquet" else []
        self._reject_lines = np.array(sorted(line for line, _, _ in self.malformed), dtype=np.int64)

    def _load(self, source: str) -> None:
        self._database.execute(
            f"CREATE TABLE rows AS SELECT row_number() OVER () - 1 AS record, * FROM {source}", [str(self.path)]
        )

    def _rejects(self) -> list[tuple[int, str, str]]:
        found = self._database.execute(
            "SELECT DISTINCT ON (line) line, error_type::varchar, csv_line FROM reject_errors ORDER BY line"
        ).fetchall()
        return [(int(line), str(kind).lower().replace("_", " "), str(text)) for line, kind, text in found]

    def __len__(self) -> int:
        return int(self._database.execute("SELECT count(*) FROM rows").fetchall()[0][0])

    def has(self, *names: str) -> bool:
        """Say whether the file has all these columns."""
        return set(names) <= set(self.columns)

    def line_of(self, records: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the line in the file of each record (exact where no cell spans several lines)."""
        lines = records + 2
        for rejected in self._reject_lines:
            lines = lines + (lines >= rejected)
        return lines

    def groups(self, expressions: Sequence[str]) -> list[tuple[Any, ...]]:
        """Return the distinct values of SQL expressions over the columns."""
        listed = ", ".join(expressions)
        return self._database.execute(f"SELECT DISTINCT {listed} FROM rows ORDER BY ALL").fetchall()

    def arrays(self, expressions: dict[str, str], where: str = "true", values: Sequence[Any] = ()) -> dict[str, Any]:
        """Return SQL expressions over the columns as numpy arrays, in the order of the file."""
        listed = ", ".join(f"{expression} AS {name}" for name, expression in expressions.items())
        found = self._database.execute(f"SELECT {listed} FROM rows WHERE {where} ORDER BY record", list(values))
        return dict(found.fetchnumpy())

    def rows(self, expressions: Sequence[str], where: str = "true") -> list[tuple[Any, ...]]:
        """Return SQL expressions over the columns as rows, in the order of the file, after their record number."""
        listed = ", ".join(("record", *expressions))
        return self._database.execute(f"SELECT {listed} FROM rows WHERE {where} ORDER BY record").fetchall()

    def raw(self, records: NDArray[np.int64]) -> list[dict[str, Any]]:
        """Return whole rows as they stand in the file, in the order asked."""
        found = self._database.execute(
            "SELECT * FROM rows WHERE record IN (SELECT unnest(?))", [records.tolist()]
        ).fetchall()
        by_record = {row[0]: dict(zip(self.columns, row[1:], strict=True)) for row in found}
        return [by_record[int(record)] for record in records]

    def close(self) -> None:
        """Free the memory."""
        self._database.close()


def number(name: str) -> str:
    """Return the SQL for a column as a number, NaN where it is missing or no number."""
    return f"coalesce(try_cast({name} AS DOUBLE), 'nan'::DOUBLE)"


def day_number(name: str) -> str:
    """Return the SQL for a column as days since 1970, a sentinel where it is no date."""
    return f"coalesce(try_cast({name} AS DATE) - DATE '1970-01-01', {_NO_DAY})::INTEGER"


def as_day(name: str) -> str:
    """Return the SQL for a column as a date, null where it is none or beyond the years that calendars reckon with."""
    cast = f"try_cast({name} AS DATE)"
    return f"CASE WHEN {cast} BETWEEN DATE '1000-01-01' AND DATE '2999-12-31' THEN {cast} END"


def as_seconds(name: str) -> str:
    """Return the SQL for a column of UTC times as seconds since 1970, null where it is none."""
    cast = f"try_cast({name} AS TIMESTAMP)"
    return f"CASE WHEN {cast} BETWEEN TIMESTAMP '1000-01-01' AND TIMESTAMP '2999-12-31' THEN epoch({cast}) END"


def to_days(numbers: NDArray[np.int32]) -> NDArray[np.datetime64]:
    """Return day numbers as datetime64[D], NaT for the sentinel."""
    days = numbers.astype(np.int64).astype("datetime64[D]")
    days[numbers == _NO_DAY] = np.datetime64("NaT")
    return days
