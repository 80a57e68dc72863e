"""Files are read as they are: every cell, every line number, every row that does not fit."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from core.data.table_file import TableFile, day_number, number, to_days
from core.errors import InvalidInput

Write = Callable[..., TableFile]


@pytest.fixture
def write(tmp_path: Path) -> Iterator[Write]:
    made: list[TableFile] = []

    def run(text: str | bytes, name: str = "file.csv") -> TableFile:
        path = tmp_path / name
        data = text.encode() if isinstance(text, str) else text
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        made.append(TableFile(path))
        return made[-1]

    yield run
    for file in made:
        file.close()


def parquet(path: Path, select: str) -> Path:
    import duckdb

    with duckdb.connect(":memory:") as database:
        database.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
    return path


@pytest.mark.parametrize("name", ["file.csv", "file.csv.gz"])
def test_cells_stay_text(write: Write, name: str) -> None:
    file = write("a,b\n007,1e3\n,2024-01-02\n", name)
    assert file.columns == ("a", "b")
    assert len(file) == 2
    assert file.rows(["a", "b"]) == [(0, "007", "1e3"), (1, None, "2024-01-02")]
    assert file.has("a") and file.has("a", "b") and not file.has("a", "c")


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a,b\r\n1,2\r\n3,4\r\n", [(0, "1", "2"), (1, "3", "4")]),
        ('a,b\n"x, y","say ""hello"""\n', [(0, "x, y", 'say "hello"')]),
        ("a,b\n1,2", [(0, "1", "2")]),
        ("\ufeffa,b\n1,2\n", [(0, "1", "2")]),
        ("a,b\nä,日本\n", [(0, "ä", "日本")]),
        ("a,b\n 1 , 2\n", [(0, " 1 ", " 2")]),
    ],
)
def test_the_ways_csv_is_written(write: Write, text: str, rows: list[tuple[object, ...]]) -> None:
    assert write(text).rows(["a", "b"]) == rows


def test_a_header_alone_is_an_empty_table(write: Write) -> None:
    file = write("symbol,date,close\n")
    assert len(file) == 0
    assert file.columns == ("symbol", "date", "close")
    assert file.rows(["symbol"]) == []
    assert len(file.arrays({"close": number("close")})["close"]) == 0


def test_rows_of_the_wrong_width_are_kept_apart(write: Write) -> None:
    file = write("a,b,c\n1,2,3\n4,5\n6,7,8\n9,10,11,12\n13,14,15\n")
    assert [row[1] for row in file.rows(["a"])] == ["1", "6", "13"]
    assert [(line, reason) for line, reason, _ in file.malformed] == [(3, "missing columns"), (5, "too many columns")]
    assert file.malformed[0][2] == "4,5"
    # The good rows keep the numbers of their lines.
    assert file.line_of(np.arange(3)).tolist() == [2, 4, 6]


@pytest.mark.parametrize("bad_lines", [[2], [3, 4, 5], [2, 11], [11], [2, 3, 9, 10, 11]])
def test_line_numbers_survive_any_pattern_of_bad_rows(write: Write, bad_lines: list[int]) -> None:
    lines = ["n,x"] + [f"{line}" if line in bad_lines else f"{line},1" for line in range(2, 12)]
    file = write("\n".join(lines) + "\n")
    rows = file.rows(["n"])
    found = file.line_of(np.array([record for record, _ in rows], dtype=np.int64))
    assert found.tolist() == [int(value) for _, value in rows]
    assert [line for line, _, _ in file.malformed] == bad_lines


def test_whole_rows_come_back_in_the_order_asked(write: Write) -> None:
    file = write("a,b\n1,x\n2,y\n3,\n")
    assert file.raw(np.array([2, 0])) == [{"a": "3", "b": None}, {"a": "1", "b": "x"}]


def test_numbers_that_are_none_are_missing(write: Write) -> None:
    file = write("v,x\n1.5,1\n,1\nabc,1\n-2e3,1\ninf,1\n1.234,5\n12%,1\n")
    values = file.arrays({"v": number("v")})["v"]
    assert np.array_equal(values, [1.5, np.nan, np.nan, -2000.0, np.inf, 1.234, np.nan], equal_nan=True)


def test_days_that_are_none_are_not_a_time(write: Write) -> None:
    file = write("d,x\n2024-02-29,1\n2023-02-29,1\n,1\n1969-12-31,1\nsoon,1\n2024-01-02 00:00:00,1\n")
    days = to_days(file.arrays({"d": day_number("d")})["d"])
    assert [str(day) for day in days] == ["2024-02-29", "NaT", "NaT", "1969-12-31", "NaT", "2024-01-02"]


def test_groups_are_the_distinct_values(write: Write) -> None:
    file = write("a,b\nx,1\ny,1\nx,1\nx,2\n")
    assert file.groups(["a", "b"]) == [("x", "1"), ("x", "2"), ("y", "1")]


def test_arrays_are_filtered_in_the_order_of_the_file(write: Write) -> None:
    file = write("a,v\nx,3\ny,2\nx,1\n")
    assert file.arrays({"v": number("v")}, "a = ?", ["x"])["v"].tolist() == [3.0, 1.0]


def test_parquet_keeps_its_types_and_has_no_malformed_rows(tmp_path: Path) -> None:
    path = parquet(tmp_path / "p.parquet", "SELECT 'AAPL' AS symbol, DATE '2024-01-02' AS date, 1.5::DOUBLE AS close")
    with closing(TableFile(path)) as file:
        assert file.columns == ("symbol", "date", "close")
        assert file.malformed == []
        assert file.arrays({"c": number("close"), "d": day_number("date")}) == {"c": [1.5], "d": [19724]}


@pytest.mark.parametrize(
    ("name", "content"), [("bad.parquet", b"no parquet"), ("bad.csv.gz", b"no gzip"), ("empty.parquet", b"")]
)
def test_a_file_that_is_not_what_its_ending_says_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=name):
        TableFile(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"no file .*gone\.csv"):
        TableFile(tmp_path / "gone.csv")
    with pytest.raises(InvalidInput):
        TableFile(tmp_path)


def test_a_very_long_text_fits(write: Write) -> None:
    text = "word " * 100_000
    file = write(f'a,b\n1,"{text}"\n2,x\n')
    rows = file.rows(["b"])
    assert len(rows[0][1]) == len(text)
    assert rows[1][1] == "x"
