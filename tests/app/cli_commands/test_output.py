"""What a command writes, where, and in which form."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli import COMMANDS, _closest, _command_of
from app.cli_commands.connection import parse_time
from app.cli_commands.output import Output
from app.cli_commands.progress import Progress
from app.cli_commands.proposals import _card
from app.cli_commands.showing import MAX_ROWS, name_sources, show_result, show_table
from app.cli_commands.tool_arguments import add_options, parse_object, read_options
from core.domain.facts import Chart, Column, Fact, Table, ToolResult
from core.errors import InvalidInput
from tools.registry import load_tool

NOON = datetime(2022, 11, 28, 12, tzinfo=UTC)


def result(**change: Any) -> ToolResult:
    fact = Fact(id="fct_1", run="run_1", name="total return", value=-0.5691, unit="ratio", as_of=NOON, label="public")
    money = Fact(id="fct_2", run="run_1", name="value", value=1234.5, unit="money", currency="USD", as_of=NOON,
                 label="public")  # fmt: skip
    values: dict[str, Any] = {"run": "run_1", "tool": "performance", "label": "public", "as_of": NOON,
                              "facts": (fact, money), "sources": ("arch",), "sql": ("SELECT 1",), "notes": ("Mind.",),
                              "charts": (Chart(kind="line", title="Growth", series=()),)}  # fmt: skip
    return ToolResult(**values | change)


def table(rows: int, **change: Any) -> Table:
    columns = (Column(name="symbol", unit="text"), Column(name="close", unit="money", currency="USD"))
    return Table(name="t", columns=columns, rows=tuple((f"S{n}", n + 0.5) for n in range(rows)), **change)


def test_a_table_is_aligned(capsys):
    Output(as_json=False).table(("symbol", "n"), [("AAPL", 1), ("T", None), ("BRK.B", 22)])
    assert capsys.readouterr().out.splitlines() == ["symbol  n", "AAPL    1", "T", "BRK.B   22"]


@given(st.lists(st.tuples(st.text(), st.text()), max_size=5))
def test_a_row_is_one_line_whatever_its_cells_hold(rows):
    import contextlib
    import io

    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        Output(as_json=False).table(("one", "two"), rows)
    assert said.getvalue().count("\n") == len(rows) + 1
    assert "\x1b" not in said.getvalue()


def test_errors_go_to_standard_error_and_once_as_json(capsys):
    output = Output(as_json=True)
    output.error("no_data", "Nothing is stored.")
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {"error": {"code": "no_data", "message": "Nothing is stored."}}
    assert shown.err == "Nothing is stored.\n"
    output = Output(as_json=True)
    output.document({"a": 1})
    output.error("no_data", "Later.")
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {"a": 1}, "a second document would break the first"
    assert shown.err == "Later.\n"


def test_nothing_steers_the_terminal(capsys):
    output = Output(as_json=False)
    output.text("reason: \x1b[2K\x1b[1Aapproved")
    output.remark("\u202eevil")
    output.table(("a",), [("x\ny\x07",)])
    shown = capsys.readouterr()
    assert "\x1b" not in shown.out
    assert "\u202e" not in shown.err
    assert "x y\\x07" in shown.out


def test_a_file_name_that_is_no_utf_8_is_told_too(capsys):
    Output(as_json=True).error("invalid_input", "There is no file \udcff.")
    shown = capsys.readouterr()
    assert json.loads(shown.out)["error"]["message"] == "There is no file \udcff."
    assert "\\udcff" in shown.err


def test_a_result_for_a_person_has_values_ids_and_origin(capsys):
    show_result(result(tables=(table(2, title="Closes"),)), Output(as_json=False))
    shown = capsys.readouterr().out
    for part in ("total return           -56.91%  fct_1", "value", "$1,234.50", "SQL: SELECT 1", "Note: Mind.",
                 "Chart: Growth", "Closes", "S1      $1.50", "As of 2022-11-28 12:00 UTC; public; run run_1",
                 "sources: arch"):  # fmt: skip
        assert part in shown, part


def test_a_result_for_a_program_is_the_record(capsys):
    show_result(result(), Output(as_json=True))
    document = json.loads(capsys.readouterr().out)
    assert document["facts"][0] == {"id": "fct_1", "run": "run_1", "name": "total return", "value": -0.5691,
                                    "unit": "ratio", "currency": None, "as_of": "2022-11-28T12:00:00Z",
                                    "label": "public", "source": ""}  # fmt: skip


@pytest.mark.parametrize(("rows", "said"), [(MAX_ROWS, None), (MAX_ROWS + 1, "(1 more rows; --json gives all)")])
def test_long_tables_say_what_is_left_out(rows, said, capsys):
    show_table(table(rows), Output(as_json=False))
    shown = capsys.readouterr().out
    assert f"S{MAX_ROWS - 1} " in shown
    assert f"S{MAX_ROWS} " not in shown
    assert (said in shown) if said else ("more" not in shown)


def test_a_cut_table_says_so(capsys):
    show_table(table(3, truncated=True), Output(as_json=False))
    assert "(cut at the row limit)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("count", "named"), [(0, ""), (1, "s0"), (6, "s0, s1, s2, s3, s4, s5"), (8, "s0, s1, s2, s3, s4, s5 and 2 more")]
)
def test_many_sources_are_counted(count, named):
    assert name_sources([f"s{n}" for n in range(count)]) == named


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2022-11-28", "2022-11-28T23:59:59+00:00"),
        (" 2022-11-28 ", "2022-11-28T23:59:59+00:00"),
        ("2022-11-28T21:00:00Z", "2022-11-28T21:00:00+00:00"),
        ("2022-11-28T21:00:00", "2022-11-28T21:00:00+00:00"),
        ("2022-11-28 21:00", "2022-11-28T21:00:00+00:00"),
        ("2022-11-28T16:00:00-05:00", "2022-11-28T21:00:00+00:00"),
        ("2022-11-28T21:00:00.5Z", "2022-11-28T21:00:00.500000+00:00"),
        ("20221128", "2022-11-28T23:59:59+00:00"),
        ("2024-02-29", "2024-02-29T23:59:59+00:00"),
    ],
)
def test_forms_of_a_time(text, expected):
    assert parse_time(text).isoformat() == expected


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2022-11-31", "2023-02-29", "28.11.2022", "2022-11-28T25:00", "0001-01-01T00:00:00+14:00",
     "9999-12-31T23:59:59-14:00", "1e9", "²022-11-28"],
)  # fmt: skip
def test_what_is_no_time_is_refused_with_an_example(text):
    with pytest.raises(InvalidInput, match="Write 2022-11-28"):
        parse_time(text)


@given(st.datetimes(timezones=st.timezones()))
def test_a_written_time_is_read_back(moment):
    try:
        in_utc = moment.astimezone(UTC)
    except OverflowError:
        return
    assert parse_time(moment.isoformat()) == in_utc


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ([], None),
        (["--json"], None),
        (["--home", "status", "tools"], "tools"),
        (["--as-of", "2022-01-01", "--token", "x", "positions"], "positions"),
        (["--home=x", "run"], "run"),
        (["ask", "status"], "ask"),
    ],
)
def test_the_command_is_found_among_the_options(words, name):
    assert _command_of(words) == name


@given(st.sampled_from(sorted(COMMANDS)), st.integers(0, 3))
def test_a_command_with_a_missing_letter_is_offered(name, place):
    if len(name) < 4:
        return
    typed = name[:place] + name[place + 1 :]
    assert typed in COMMANDS or name in _closest(typed)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", "'a'", '{"a": }', "\udcff"])
def test_arguments_that_are_no_object_are_refused_with_an_example(text):
    with pytest.raises(InvalidInput, match=r"--args '\{"):
        parse_object(text)


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers())))
def test_every_json_object_is_read(value):
    assert parse_object(json.dumps(value)) == value


@given(
    symbols=st.lists(st.from_regex(r"[A-Z]{1,5}", fullmatch=True), min_size=1, max_size=4),
    start=st.dates(min_value=date(1990, 1, 1)),
)
def test_options_and_json_mean_the_same(symbols, start):
    tool = load_tool("performance")
    parser = argparse.ArgumentParser()
    add_options(parser, tool)
    by_option = read_options(parser.parse_args(["--symbols", ",".join(symbols), "--start", start.isoformat()]), tool)
    text = json.dumps({"symbols": symbols, "start": start.isoformat()})
    assert by_option == read_options(parser.parse_args(["--args", text]), tool)
    tool.arguments.model_validate(by_option)


class Terminal:
    def __init__(self) -> None:
        self.said = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> None:
        self.said += text

    def flush(self) -> None: ...


def test_progress_is_one_line_on_a_terminal_and_one_per_step_elsewhere(monkeypatch, capsys):
    steps = [("bars", 0.0), ("bars", 0.5), ("macro", 0.75), ("done", 1.0), ("odd", 1.7)]
    progress = Progress()
    for step in steps:
        progress(*step)
    assert capsys.readouterr().err.splitlines() == ["    0% bars", "   75% macro", "  100% done", "  170% odd"]
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    progress = Progress()
    for step in steps[:4]:
        progress(*step)
    assert terminal.said.count("\n") == 1, "the line is drawn over until the end"
    assert "[###############...............]  50% bars" in terminal.said


def test_the_card_on_the_terminal_names_the_band_of_each_leg():
    from decimal import Decimal

    from core.domain.books import Leg, Proposal
    from core.execution.proposals import ProposalView

    legs = tuple(
        Leg(instrument_id=number, symbol=symbol, side="buy", quantity=Decimal(1), band_low=low, band_high=high)
        for number, (symbol, low, high) in enumerate(
            [("AAPL", Decimal("95.5"), Decimal("105.55")), ("KO", None, None), ("GE", Decimal("9.5"), Decimal("10.5"))]
        )
    )
    proposal = Proposal(
        proposal_id="prp_1", account_id="paper", legs=legs, order_type="market", time_in_force="day",
        notional=Decimal(200), author="agent:1", author_kind="agent", requested_by="usr_1", digest="ab" * 32,
        desk_time=NOON, created_at=NOON, expires_at=NOON,
    )  # fmt: skip
    lines: list[str] = []
    view = ProposalView(proposal=proposal, state="pending", decision=None, orders=(), progress="Waits.", seconds_left=9)
    _card(view, lines.append)
    assert [line for line in lines if "between" in line] == [
        "  only with AAPL between 95.5 and 105.55",
        "  only with GE between 9.5 and 10.5",
    ]


def test_the_card_on_the_terminal_cannot_be_forged_by_its_reason():
    from decimal import Decimal

    from core.domain.books import Leg, Proposal
    from core.execution.proposals import ProposalView

    leg = Leg(instrument_id=1, symbol="MSFT", side="sell", quantity=Decimal("10"), stop_price=Decimal("200"))
    reason = "fine\n  BUY 1 KO market\n  digest 0000"
    proposal = Proposal(
        proposal_id="prp_1", account_id="paper", legs=(leg,), order_type="stop", time_in_force="gtc",
        band_low=Decimal("190"), band_high=Decimal("210"), notional=Decimal("12345.60"), reason=reason,
        author="agent:1", author_kind="agent", requested_by="usr_1", digest="ab" * 32, desk_time=NOON,
        created_at=NOON, expires_at=NOON,
    )  # fmt: skip
    lines: list[str] = []
    view = ProposalView(proposal=proposal, state="pending", decision=None, orders=(), progress="Waits.", seconds_left=9)
    _card(view, lines.append)
    assert "  SELL 10 MSFT stop stop 200" in lines
    assert "  account paper, about 12,345.60, gtc, only between 190 and 210" in lines
    assert lines[-1] == f"  digest {'ab' * 32}"
    assert not [line for line in lines if "\n" in line], "an agent's reason stays on its own line"
    assert sum("BUY" in line for line in lines) == 1
    assert "not checked" in next(line for line in lines if "BUY" in line)
