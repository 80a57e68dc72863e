"""Files of daily prices become columns by source and basis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from core.data.import_bars import is_bars, read_bars
from core.data.table_file import TableFile
from core.errors import InvalidInput
from core.ports.vendor import BarColumns

Open = Callable[..., TableFile]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    made: list[TableFile] = []

    def run(text: str, name: str = "my_prices.csv") -> TableFile:
        path = tmp_path / name
        path.write_text(text)
        made.append(TableFile(path))
        return made[-1]

    yield run
    for file in made:
        file.close()


def blocks(file: TableFile) -> list[BarColumns]:
    return list(read_bars(file))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("symbol,date,close", True),
        ("symbol,date,open,high,low,close,volume", True),
        ("symbol,date,adj_close", True),
        ("symbol,ts,close", True),
        ("symbol,date", False),
        ("date,close", False),
        ("symbol,ex_date,ratio", False),
        ("Symbol,Date,Close", False),
    ],
)
def test_prices_are_known_by_their_columns(opened: Open, header: str, expected: bool) -> None:
    assert is_bars(opened(header + "\n" + ",".join("1" for _ in header.split(",")) + "\n")) == expected


@pytest.mark.parametrize(
    ("stated", "basis", "convention"),
    [
        ("raw", "raw", "current"),
        ("raw_unadjusted", "raw", "as_traded"),
        ("split_adjusted", "split_adjusted", "current"),
        ("dividend_and_split_adjusted", "total_return", "current"),
        ("total_return", "total_return", "current"),
    ],
)
def test_the_stated_basis_decides_what_is_stored(opened: Open, stated: str, basis: str, convention: str) -> None:
    (block,) = blocks(opened(f"symbol,date,close,price_basis,source\nAAPL,2024-01-02,1,{stated},vendor\n"))
    assert (block.price_basis, block.convention, block.source) == (basis, convention, "vendor")
    assert (block.has_ohlc, block.has_volume, block.beside) == (False, False, False)


def test_a_file_that_states_nothing_is_raw_and_named_after_itself(opened: Open) -> None:
    (block,) = blocks(opened("symbol,date,open,high,low,close,volume\nAAPL,2024-01-02,1,2,0.5,1.5,10\n"))
    assert (block.source, block.price_basis, block.origin) == ("my_prices", "raw", "my_prices.csv")
    assert (block.has_ohlc, block.has_volume) == (True, True)
    assert [block.open[0], block.high[0], block.low[0], block.close[0], block.volume[0]] == [1, 2, 0.5, 1.5, 10]


def test_adjusted_closes_alone_are_total_return(opened: Open) -> None:
    (block,) = blocks(opened("symbol,date,adj_close\nAAPL,2024-01-02,1.5\n"))
    assert (block.price_basis, block.has_ohlc, block.beside) == ("total_return", False, False)
    assert block.close.tolist() == [1.5]


@pytest.mark.parametrize(
    ("stated", "count"), [("raw_unadjusted", 2), ("split_adjusted", 2), ("raw", 1), ("total_return", 1)]
)
def test_an_adjusted_close_beside_prices_is_a_second_series(opened: Open, stated: str, count: int) -> None:
    text = "symbol,date,close,adj_close,price_basis\nAAPL,2024-01-02,10,8,{0}\nAAPL,2024-01-03,11,,{0}\n"
    found = blocks(opened(text.format(stated)))
    assert len(found) == count
    assert found[0].close.tolist() == [10, 11]
    if count == 2:
        assert (found[1].price_basis, found[1].beside) == ("total_return", True)
        assert found[1].close.tolist() == [8]  # rows without it are not part of it
        assert found[1].line.tolist() == [2]


def test_sources_and_bases_are_taken_apart(opened: Open) -> None:
    text = (
        "symbol,date,close,price_basis,source\n"
        "AAPL,2024-01-02,1,raw,x\nMSFT,2024-01-02,2,raw,y\nAAPL,2024-01-02,3,split_adjusted,x\nMSFT,2024-01-03,4,raw,x\n"
    )
    found = {(block.source, block.price_basis): block for block in blocks(opened(text))}
    assert set(found) == {("x", "raw"), ("y", "raw"), ("x", "split_adjusted")}
    mine = found["x", "raw"]
    assert [mine.symbols[code] for code in mine.symbol_code] == ["AAPL", "MSFT"]
    assert mine.close.tolist() == [1, 4]
    assert mine.line.tolist() == [2, 5]


def test_unreadable_cells_are_marked_not_guessed(opened: Open) -> None:
    text = (
        "symbol,date,open,high,low,close,volume\n"
        "AAPL,2024-01-02,1,2,1,1,10\n"
        "AAPL,02.01.2024,1,2,1,1,10\n"
        "AAPL,2024-01-03,abc,2,1,1,10\n"
        "AAPL,2024-01-04,1,2,1,1,many\n"
        "AAPL,2024-01-05,1,2,1,1,\n"
        ",2024-01-05,1,2,1,1,10\n"
    )
    (block,) = blocks(opened(text))
    assert np.isnat(block.session).tolist() == [False, True, False, False, False, False]
    assert np.isnan(block.open).tolist() == [False, False, True, False, False, False]
    assert block.bad_volume is not None
    assert block.bad_volume.tolist() == [False, False, False, True, False, False]
    assert np.isnan(block.volume).tolist() == [False, False, False, True, True, False]
    assert block.symbols[block.symbol_code[5]] == ""


def test_a_volume_column_without_a_single_number_is_no_volume(opened: Open) -> None:
    (block,) = blocks(opened("symbol,date,open,high,low,close,volume\n^VIX,2024-01-02,1,2,1,1,\n"))
    assert not block.has_volume


def test_currencies_are_read_as_stated(opened: Open) -> None:
    (block,) = blocks(opened("symbol,date,close,currency\nAAPL,2024-01-02,1,USD\nAAPL,2024-01-03,1,\n"))
    assert block.currency is not None
    assert block.currency.tolist() == ["USD", ""]


def test_rows_come_back_as_they_stand_in_the_file(opened: Open) -> None:
    text = "symbol,date,close,note\nAAPL,2024-01-02,1,a\nAAPL,x,oops,b\n"
    (block,) = blocks(opened(text))
    assert block.raw_rows is not None
    assert block.raw_rows(np.array([1])) == [{"symbol": "AAPL", "date": "x", "close": "oops", "note": "b"}]


def test_an_unknown_basis_is_refused_with_those_there_are(opened: Open) -> None:
    with pytest.raises(InvalidInput, match="'adjusted'") as caught:
        blocks(opened("symbol,date,close,price_basis\nAAPL,2024-01-02,1,adjusted\n"))
    assert "split_adjusted" in str(caught.value.hint)


def test_intraday_prices_are_refused(opened: Open) -> None:
    with pytest.raises(InvalidInput, match="intraday"):
        blocks(opened("symbol,ts,close\nAAPL,2024-01-02T14:30:00Z,1\n"))


def test_a_header_alone_has_no_bars(opened: Open) -> None:
    assert blocks(opened("symbol,date,close\n")) == []


def test_a_quotation_mark_in_the_name_of_the_file_does_no_harm(opened: Open) -> None:
    (block,) = blocks(opened("symbol,date,close\nAAPL,2024-01-02,1\n", name="o'neil.csv"))
    assert block.source == "oneil"
