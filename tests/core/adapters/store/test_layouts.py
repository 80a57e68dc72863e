"""Every layout of file, whole, broken, empty, compressed and as Parquet, through the import into a real database."""

from __future__ import annotations

import gzip
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from core.adapters.store.database import Database
from core.adapters.store.ingest import import_files
from core.data.importing import FileReport, find_layout
from core.data.table_file import TableFile
from core.domain.identifiers import IdSource
from core.errors import InvalidInput

# (kind, layout, header, good rows, bad rows with their reasons, table)
LAYOUTS: dict[str, tuple[str, str, list[str], list[tuple[str, str]], str]] = {
    "bars": (
        "bars",
        "symbol,date,open,high,low,close,volume,price_basis,source",
        ["KO,2024-01-02,59,60,58,59.5,1000,split_adjusted,{s}", "KO,2024-01-03,59,60,58,59.6,1100,split_adjusted,{s}"],
        [
            ("KO,2024-01-04,59,57,58,59,1000,split_adjusted,{s}", "high_lt_low"),
            ("KO,2024-01-06,59,60,58,59,1000,split_adjusted,{s}", "not_a_session"),
            ("NOSUCH,2024-01-04,59,60,58,59,1000,split_adjusted,{s}", "unknown_symbol"),
            ("KO,2024-01-04,59,60", "malformed_row"),
        ],
        "market_data.bars_daily",
    ),
    "splits": (
        "actions",
        "symbol,ex_date,ratio,source",
        ["KO,2012-08-13,2,{s}", "KO,1996-05-13,2,{s}"],
        [
            ("KO,never,2,{s}", "bad_date"),
            ("KO,2012-08-14,0,{s}", "bad_value"),
            ("NOSUCH,2012-08-13,2,{s}", "unknown_symbol"),
        ],
        "market_data.corporate_actions",
    ),
    "dividends": (
        "actions",
        "symbol,ex_date,amount,source",
        ["KO,2023-11-30,0.46,{s}", "PEP,2023-11-30,1.265,{s}"],
        [("KO,2023-11-31,0.46,{s}", "bad_date"), ("KO,2023-12-01,free,{s}", "bad_value")],
        "market_data.corporate_actions",
    ),
    "macro series": (
        "macro",
        "series_id,date,value,vintage,source",
        ["UNRATE,2010-01-01,9.8,,{s}", "UNRATE,2010-02-01,,,{s}"],
        [
            ("UNRATE,January,9.8,,{s}", "bad_date"),
            (",2010-03-01,9.9,,{s}", "unknown_series"),
            ("UNRATE,2010-03-01,9,2010-Q1,{s}", "bad_vintage"),
        ],
        "market_data.macro_observations",
    ),
    "geopolitical risk index": (
        "macro",
        "date,GPRD,GPRD_ACT,source",
        ["2001-09-12,1045.6,900,{s}", "2001-09-13,500.5,800,{s}"],
        [("soon,1,1,{s}", "bad_date")],
        "market_data.macro_observations WHERE series_id = 'GPRD' AND true",
    ),
    "news": (
        "news",
        "published_at,date,symbols,headline,dataset",
        ["2024-01-02 14:00:00,2024-01-02,KO,Coke sells drinks {s},{s}", ",2024-01-03,,No time {s},{s}"],
        [(",,KO,No date,{s}", "bad_date"), (",2024-01-03,KO,,{s}", "no_headline")],
        "news.articles",
    ),
    "economic calendar": (
        "events",
        "release_time_utc,date,country,event,impact,actual,source",
        ["2024-01-11 13:30:00,2024-01-11,US,CPI m/m,high,0.3,{s}", ",2024-01-12,US,PPI m/m,medium,,{s}"],
        [(",then,US,CPI,high,,{s}", "bad_date"), (",2024-01-11,,CPI,high,,{s}", "bad_value")],
        "events.economic",
    ),
    "central bank texts": (
        "events",
        "meeting_date,release_date,type,text,source",
        ["2024-01-31,2024-01-31,Statement,Decided {s},{s}", "2024-01-31,2024-02-21,Minute,Reviewed {s},{s}"],
        [("2024-01-31,,Minute,Text,{s}", "bad_date"), ("2024-01-31,2024-02-21,,Text,{s}", "bad_value")],
        "events.economic",
    ),
    "earnings results": (
        "events",
        "symbol,earnings_date,eps_estimate,eps_actual,source",
        ["KO,{y}-02-13,0.48,0.49,{s}", "PEP,{y}-02-09,1.72,,{s}"],
        [("KO,Tuesday,1,1,{s}", "bad_date"), ("NOSUCH,2024-02-13,1,1,{s}", "unknown_symbol")],
        "events.security",
    ),
    "earnings dates": (
        "events",
        "symbol,report_date,source",
        ["KO,{y}-10-24,{s}", "PEP,{y}-10-10,{s}"],
        [("KO,autumn,{s}", "bad_date")],
        "events.security",
    ),
    "geopolitical events": (
        "events",
        "date,event_name,description,gpr,source",
        ["2022-02-24,Invasion {s},Text,539,{s}", "2001-09-11,Attacks {s},Text,,{s}"],
        [("2022-02-25,,Text,1,{s}", "bad_value"), (",Nameless day,Text,1,{s}", "bad_date")],
        "events.geopolitical",
    ),
    "labelled risk events": (
        "events",
        "date,event,GPRD,source",
        ["1990-08-02,Invasion of Kuwait {s},400,{s}", "2003-03-20,War in Iraq {s},300,{s}"],
        [("1990-08-03,,400,{s}", "bad_value")],
        "events.geopolitical",
    ),
}


VARIANTS = ("whole", "broken", "gz", "parquet", "empty")
# An earnings date is one event whoever tells of it, so every variant has a year of its own.
YEARS = dict(zip(VARIANTS, range(2020, 2025), strict=True))


def name_of(layout: str, variant: str) -> str:
    return f"{layout}_{variant}".replace(" ", "_")


def lines_of(layout: str, variant: str) -> tuple[list[str], dict[int, str]]:
    """Return the lines of a file and the reasons for which rows of it are to be held, by line."""
    _, header, good, broken, _ = LAYOUTS[layout]
    if variant == "empty":
        return [header], {}
    bad = variant == "broken"
    rows = [good[0], *(row for row, _ in broken if bad), good[1]]
    reasons = {place + 3: reason for place, (_, reason) in enumerate(broken)} if bad else {}
    return [header, *(row.format(s=name_of(layout, variant), y=YEARS[variant]) for row in rows)], reasons


def write(folder: Path, layout: str, variant: str) -> Path:
    path = folder / f"{name_of(layout, variant)}.csv"
    path.write_text("\n".join(lines_of(layout, variant)[0]) + "\n")
    if variant == "gz":
        packed = path.with_suffix(".csv.gz")
        packed.write_bytes(gzip.compress(path.read_bytes()))
        return packed
    return as_parquet(path) if variant == "parquet" else path


def as_parquet(csv: Path) -> Path:
    import duckdb

    path = csv.with_suffix(".parquet")
    with duckdb.connect(":memory:") as database:
        database.execute(f"COPY (SELECT * FROM read_csv('{csv}', header = true, all_varchar = true)) TO '{path}'")
    return path


@pytest.fixture(scope="module")
def reports(
    seeded: Database, ids: IdSource, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], FileReport]:
    """Import every layout in every variant, the files of one kind at once, then the whole ones again."""
    folder = tmp_path_factory.mktemp("layouts")
    found: dict[tuple[str, str], FileReport] = {}
    for kind in ("bars", "actions", "macro", "news", "events"):
        wanted = [(layout, variant) for layout in LAYOUTS if LAYOUTS[layout][0] == kind for variant in VARIANTS]
        files = import_files(seeded, ids, kind, [write(folder, *entry) for entry in wanted]).files  # type: ignore[arg-type]
        found |= dict(zip(wanted, files, strict=True))
        again = [(layout, "again") for layout, variant in wanted if variant == "whole"]
        paths = [folder / f"{name_of(layout, 'whole')}.csv" for layout, _ in again]
        found |= dict(zip(again, import_files(seeded, ids, kind, paths).files, strict=True))  # type: ignore[arg-type]
    return found


def stored(database: Database, layout: str, variant: str) -> int:
    table = LAYOUTS[layout][4]
    condition = "AND" if "WHERE" in table else "WHERE"
    statement = f"SELECT count(*) FROM {table} {condition} source = %s"
    with database.transaction() as connection:
        row = connection.execute(statement.encode(), (name_of(layout, variant),)).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("variant", ["whole", "gz", "parquet"])
def test_a_good_file_is_stored_whole_in_any_format(
    seeded: Database, reports: dict[tuple[str, str], FileReport], layout: str, variant: str
) -> None:
    report = reports[layout, variant]
    assert (report.error, report.layout) == (None, layout)
    assert (report.counts.read, report.counts.new, report.counts.rejected, report.counts.quarantined) == (2, 2, 0, 0)
    assert stored(seeded, layout, variant) == 2


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_second_time_nothing_is_new(
    seeded: Database, reports: dict[tuple[str, str], FileReport], layout: str
) -> None:
    again = reports[layout, "again"]
    assert (again.counts.new, again.counts.changed, again.counts.same) == (0, 0, 2)
    assert (again.derived.new, again.derived.changed) == (0, 0)
    assert stored(seeded, layout, "whole") == 2


@pytest.mark.parametrize("layout", LAYOUTS)
def test_bad_rows_are_held_with_line_and_reason_and_good_ones_kept(
    seeded: Database, reports: dict[tuple[str, str], FileReport], layout: str
) -> None:
    report, (lines, reasons) = reports[layout, "broken"], lines_of(layout, "broken")
    assert report.error is None
    assert report.counts.read == len(lines) - 1
    assert report.counts.new == 2
    assert report.counts.rejected + report.counts.quarantined == len(reasons)
    assert report.counts.read == report.counts.stored + report.counts.rejected + report.counts.quarantined
    assert stored(seeded, layout, "broken") == 2
    with seeded.transaction() as connection:
        held = connection.execute(
            "SELECT detail, reason, state FROM ops.quarantine WHERE origin = %s", (report.path.name,)
        ).fetchall()
    assert {(str(detail).split(" (")[0], reason) for detail, reason, _ in held} == {
        (f"line {line}", reason) for line, reason in reasons.items()
    }
    assert {state for *_, state in held} == {"held"}
    assert all(f"line {line}" in " ".join(report.counts.examples) for line in reasons)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_header_alone_is_a_file_of_nothing(reports: dict[tuple[str, str], FileReport], layout: str) -> None:
    report = reports[layout, "empty"]
    assert (report.error, report.layout, report.counts.read, report.counts.new) == (None, layout, 0, 0)


MISFITS = {
    "": "is empty",
    "symbol,ex_date,ratio\nKO,2012-08-13,2\n": "that is not bars",
    "a,b\n1,2\n": "that is not bars",
    "symbol,ts,close\nKO,2024-01-02T15:00:00Z,1\n": "intraday",
    "symbol,date,close,price_basis\nKO,2024-01-02,1,odd\n": "'odd'",
}


def test_files_that_cannot_be_taken_say_why_and_the_others_go_on(
    seeded: Database, ids: IdSource, tmp_path: Path
) -> None:
    paths = [tmp_path / f"bad_{number}.csv" for number in range(len(MISFITS))]
    for path, content in zip(paths, MISFITS, strict=True):
        path.write_text(content)
    good = tmp_path / "good.csv"
    good.write_text("symbol,date,close\nPEP,2024-01-02,170\n")
    report = import_files(seeded, ids, "bars", [*paths, tmp_path / "gone.csv", good])
    *bad, gone, last = report.files
    for file, message in zip(bad, MISFITS.values(), strict=True):
        assert file.error is not None and message in file.error
    assert gone.error is not None and "no file" in gone.error
    assert (last.error, last.counts.new) == (None, 1)
    with seeded.transaction() as connection:
        state = connection.execute("SELECT state FROM ops.ingest_runs WHERE run_id = %s", (report.run_id,)).fetchone()
        steps = connection.execute(
            "SELECT source FROM ops.ingest_steps WHERE run_id = %s AND state = 'failed' ORDER BY 1", (report.run_id,)
        ).fetchall()
    assert state == ("partial",)
    assert [source for (source,) in steps] == [*(path.name for path in paths), "gone.csv"]


@pytest.mark.parametrize(
    ("kind", "header", "looks_like"),
    [
        ("bars", "symbol,ex_date,ratio", "quantdesk import actions"),
        ("macro", "symbol,date,close", "quantdesk import bars"),
        ("actions", "series_id,date,value", "quantdesk import macro"),
        ("events", "published_at,date,headline", "quantdesk import news"),
        ("news", "symbol,report_date", "quantdesk import events"),
        ("bars", "a,b", "symbol, date"),
        ("actions", "a,b", "symbol, ex_date, ratio"),
    ],
)
def test_a_file_of_another_kind_is_told_where_it_belongs(
    tmp_path: Path, kind: Any, header: str, looks_like: str
) -> None:
    path = tmp_path / "file.csv"
    path.write_text(header + "\n" + ",".join("1" for _ in header.split(",")) + "\n")
    with closing(TableFile(path)) as file, pytest.raises(InvalidInput) as caught:
        find_layout(file, kind)
    assert looks_like in (caught.value.hint or "")


def test_kinds_that_do_not_exist_are_refused_before_anything_is_written(
    seeded: Database, ids: IdSource, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match="'prices' is no kind"):
        import_files(seeded, ids, "prices", [tmp_path / "x.csv"])  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="No file"):
        import_files(seeded, ids, "bars", [])


def test_the_progress_names_the_files(seeded: Database, ids: IdSource, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.csv" for number in range(3)]
    for path in paths:
        path.write_text("symbol,date,close\n")
    said: list[tuple[str, float]] = []
    import_files(seeded, ids, "bars", paths, lambda step, share: said.append((step, share)))
    assert [step for step, _ in said] == ["0.csv", "1.csv", "2.csv", "derived"]
    assert [share for _, share in said] == sorted(share for _, share in said)
