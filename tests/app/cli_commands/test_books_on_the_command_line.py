"""What the commands on books, orders and rows print, on a made-up desk: every figure is there and adds up."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.cli_commands import halt, orders, positions, quarantine, user
from app.cli_commands.output import Output
from core.domain.books import Account, Difference, ExternalOrder
from core.errors import InvalidInput, NotSignedIn, Unavailable, UnknownName
from core.execution.books import Holdings, PositionLine
from core.execution.flatten import Flattened
from core.execution.kill_switch import HALT_FILE
from core.execution.profit import ProfitLine
from core.execution.reconciliation import Reconciled

D = Decimal
NOON = datetime(2022, 11, 30, 17, tzinfo=UTC)
ACCOUNT = Account(account_id="main", name="Main book", broker="paper", opened_at=NOON)
Run = Callable[..., tuple[int | None, Any]]


def line(symbol: str, quantity: str, cost: str, price: str, **values: Any) -> PositionLine:
    worth = D(quantity) * D(price)
    told: dict[str, Any] = {
        "instrument_id": 1,
        "symbol": symbol,
        "name": "",
        "quantity": D(quantity),
        "average_cost": D(cost),
        "price": D(price),
        "price_session": "2022-11-30",
        "market_value": worth,
        "weight": worth / 1000,
        "unrealized_pnl": worth - D(quantity) * D(cost),
        "realized_pnl": D(0),
        "pnl_today": D(0),
        "remark": "",
    }
    return PositionLine(**told | values)


def held(
    *lines: PositionLine, realized: str = "0", fees: str = "0", income: str = "0", notes: tuple[str, ...] = ()
) -> Holdings:
    unrealized = sum((part.unrealized_pnl for part in lines), D(0))
    total = unrealized + D(realized) - D(fees) + D(income)
    return Holdings(
        account=ACCOUNT,
        as_of=NOON,
        cash=D(500),
        nav=D(1000),
        positions=lines,
        deposits=D(1000) - total,
        unrealized_pnl=unrealized,
        realized_pnl=D(realized),
        fees=D(fees),
        total_pnl=total,
        pnl_today=D(0),
        nav_before=None,
        gross_exposure=D(0),
        net_exposure=D(0),
        drawdown=None,
        notes=notes,
    )


def money(text: str) -> Decimal:
    return D(text.replace("$", "").replace(",", ""))


def books(found: Holdings, profit: list[ProfitLine] | None = None) -> Any:
    return SimpleNamespace(
        holdings=lambda account, as_of: found, profit=lambda account, as_of, *, method, by: profit or []
    )


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(-500, 500).filter(bool),
            st.decimals("0.01", "900", places=2),
            st.decimals("0.01", "900", places=2),
        ),
        min_size=1,
        max_size=4,
    ),
    st.decimals("-5000", "5000", places=2),
    st.decimals("0", "99", places=2),
    st.decimals("-50", "99", places=2),
)
def test_the_printed_profit_is_the_sum_of_its_printed_parts(
    made: list[tuple[int, Decimal, Decimal]], realized: Decimal, fees: Decimal, income: Decimal
) -> None:
    lines = [line(f"S{number}", str(count), str(cost), str(price)) for number, (count, cost, price) in enumerate(made)]
    said: list[str] = []
    output = SimpleNamespace(as_json=False, text=said.append, table=lambda headings, rows: None)
    found = held(*lines, realized=str(realized), fees=str(fees), income=str(income))
    with pytest.MonkeyPatch.context() as patch:

        @contextmanager
        def connect(_: Any) -> Iterator[Any]:
            yield SimpleNamespace(as_of=None, desk=SimpleNamespace(books=books(found)))

        patch.setattr(positions, "connect", connect)
        positions.run(argparse.Namespace(account=None, profit=None, method="fifo"), output)  # type: ignore[arg-type]
    (sentence,) = [text for text in said if text.startswith("total P&L")]
    total, *parts = (money(part) for part in re.findall(r"-?\$[\d,.]+", sentence))
    assert total == parts[0] + parts[1] - parts[2] + parts[3]
    assert parts[1:] == [realized, fees, income]


def test_a_position_is_a_row_with_its_value_and_weight(run: Run) -> None:
    found = held(line("AAPL", "10", "90.10", "100.50"), line("BTC-USD", "0.5", "20000", "17000"), notes=("Made up.",))
    code, printed = run("positions", [], books=books(found))
    assert code is None
    rows = {row.split()[0]: row for row in printed.splitlines() if row.startswith(("AAPL", "BTC"))}
    assert "$100.50" in rows["AAPL"] and "$1,005.00" in rows["AAPL"] and "100.50%" in rows["AAPL"]
    assert "0.5" in rows["BTC-USD"] and "-$1,500.00" in rows["BTC-USD"]
    assert printed.splitlines()[0] == "Main book (main) as of 2022-11-30 17:00 UTC"
    assert printed.splitlines()[-1] == "Made up."


def test_as_json_money_keeps_every_digit(run: Run) -> None:
    _, document = run("positions", [], as_json=True, books=books(held(line("AAPL", "10", "90.123456", "100.50"))))
    assert document["positions"][0]["average_cost"] == "90.123456"
    assert document["nav"] == "1000"


@pytest.mark.parametrize("as_json", [False, True])
def test_realised_profit_comes_with_what_is_left_after_fees(run: Run, as_json: bool) -> None:
    lines = [ProfitLine(name="AAPL", fills=3, realized=D("1234.50"), fees=D("4.25"))]
    _, printed = run("positions", ["--profit", "symbol"], as_json=as_json, books=books(held(), lines))
    if as_json:
        assert printed == [{"name": "AAPL", "fills": 3, "realized": "1234.50", "fees": "4.25", "net": "1230.25"}]
    else:
        assert printed.split() == [
            "symbol",
            "fills",
            "realised",
            "fees",
            "net",
            "AAPL",
            "3",
            "1,234.50",
            "4.25",
            "1,230.25",
        ]


@pytest.mark.parametrize("words", [["--profit", "colour"], ["--method", "lifo"], ["--profit"]])
def test_an_unknown_grouping_names_those_there_are(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    positions.configure(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(words)
    told = capsys.readouterr().err
    assert "symbol" in told or "average" in told or "expected one argument" in told


def test_no_orders_is_one_sentence(run: Run) -> None:
    nothing = SimpleNamespace(orders=lambda account, *, states: [], fills=lambda account, *, limit: [])
    assert run("orders", [], books=nothing) == (None, "There are no orders.\n")
    assert run("orders", [], as_json=True, books=nothing) == (None, [])


def test_ending_an_order_needs_a_person_and_hands_on_the_evidence(run: Run) -> None:
    asked: list[Any] = []

    def end_unknown(order_id: str, person: str, evidence: str) -> Any:
        asked.append((order_id, person, evidence))
        return SimpleNamespace(order_id=order_id, state="rejected", reason="ended by Anna: the broker's desk said so")

    code, printed = run("orders", ["--end", "ord_1", "--evidence", "called", "--user", "anna"], end_unknown=end_unknown)
    assert asked == [("ord_1", "person anna", "called")]
    assert printed == "ord_1 is rejected: ended by Anna: the broker's desk said so.\n" and code is None


def test_a_state_that_no_order_has_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    orders.configure(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["--state", "lost"])
    assert "unknown" in capsys.readouterr().err
    assert parser.parse_args(["--state", "filled", "--state", "unknown"]).state == ["filled", "unknown"]


def done(*problems: str) -> Flattened:
    return Flattened(cancelled=(), closing=(), problems=problems)


@pytest.mark.parametrize(
    ("words", "problems", "code", "said"),
    [
        ([], (), None, "Trading is halted."),
        (["--cancel"], (), None, "0 order(s) cancelled"),
        (["--cancel"], ("ord_1 cannot be reached.",), 1, "Not done: ord_1 cannot be reached."),
        (["--flatten"], (), None, "Trading is reduce-only."),
        (["--flatten", "--cancel"], ("AAPL of main: no price.",), 1, "Not done: AAPL of main: no price."),
    ],
)
def test_a_halt_says_what_was_done_and_fails_when_something_was_not(
    run: Run, tmp_path: Path, words: list[str], problems: tuple[str, ...], code: int | None, said: str
) -> None:
    found, printed = run(
        "halt",
        ["--reason", "too fast", *words],
        kill_switch=SimpleNamespace(halt=lambda principal, reason: "Trading is halted."),
        flatten=lambda person, reason: done(*problems),
        stop_and_cancel=lambda principal, reason: done(*problems),
    )
    assert found == code and said in printed
    assert (tmp_path / HALT_FILE).read_text() == "command line: too fast\n"


def test_a_halt_stands_by_its_file_when_the_database_is_dead(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    @contextmanager
    def connect(_: Any) -> Iterator[Any]:
        raise Unavailable("The database cannot be reached.")
        yield

    monkeypatch.setattr(halt, "connect", connect)
    words = argparse.Namespace(home=str(tmp_path), reason="fire", cancel=False, flatten=False, user=None)
    with pytest.raises(Unavailable, match="halted by its file") as told:
        halt.run(words, Output(as_json=False))
    assert "The database cannot be reached." in str(told.value.hint)
    assert (tmp_path / HALT_FILE).exists()


def test_resuming_asks_for_a_person(run: Run) -> None:
    def refused(person: str, reason: str) -> str:
        raise NotSignedIn(f"{person} may not resume trading.")

    with pytest.raises(NotSignedIn, match="person anna"):
        run("resume", ["--user", "anna"], kill_switch=SimpleNamespace(resume=refused))
    _, document = run(
        "resume", [], as_json=True, kill_switch=SimpleNamespace(resume=lambda person, reason: f"on, by {person}")
    )
    assert document == {"halted": False, "message": "on, by person owner"}


def difference() -> Difference:
    return Difference(
        difference_id="dif_1", account_id="main", subject="position", name="7", ours="10", theirs="12", found_at=NOON
    )


def foreign(is_open: bool) -> ExternalOrder:
    return ExternalOrder(
        account_id="main", venue_order_id="v9", symbol="AAPL", side="buy", quantity=D(3), is_open=is_open,
        first_seen_at=NOON, last_seen_at=NOON,
    )  # fmt: skip


@pytest.mark.parametrize(("outcome", "code"), [("agrees", None), ("differs", 1), ("unanswered", 1)])
def test_books_that_do_not_agree_are_a_failure_that_names_both_sides(run: Run, outcome: str, code: int | None) -> None:
    found = Reconciled(
        account_id="main",
        outcome=outcome,  # type: ignore[arg-type]
        adopted=(),
        differences=(difference(),) if outcome == "differs" else (),
        detail="",
    )
    explained: list[tuple[str, ...]] = []
    desk = SimpleNamespace(
        run=lambda account: (found,),
        external_orders=lambda account: (foreign(True), foreign(False)),
        explain=lambda *words: explained.append(words),
    )
    got, printed = run("reconcile", [], reconciliation=desk)
    assert got == code and not explained
    assert ("dif_1: position 7 of main is 10 here and 12 at the venue." in printed) == (outcome == "differs")
    assert "Foreign order v9 (open): buy 3 AAPL, not sent by this desk." in printed and "v9 (ended)" in printed
    run("reconcile", ["--explain", "dif_1", "--reason", "a gift"], reconciliation=desk)
    assert explained == [("dif_1", "a gift", "person owner")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show"], "Name the report to show."),
        (["sod", "rpt_1"], "`report sod` takes no report."),
        (["list", "rpt_1"], "`report list` takes no report."),
    ],
)
def test_a_report_is_named_where_one_is_shown_and_nowhere_else(run: Run, words: list[str], said: str) -> None:
    with pytest.raises(InvalidInput) as told:
        run("report", words)
    assert told.value.message == said and "quantdesk report" in told.value.hint


def made_report() -> Any:
    return SimpleNamespace(
        report_id="rpt_1", kind="eod", session=date(2022, 11, 30), title="End of day", html="<p>Ä</p>"
    )


def test_a_report_is_written_where_it_was_asked_for_or_into_the_home(run: Run, tmp_path: Path) -> None:
    made = {"make_report": lambda kind, principal, *, face: made_report()}
    _, printed = run("report", ["eod"], **made)
    file = tmp_path / "reports" / "eod-2022-11-30-rpt_1.html"
    assert printed == f"End of day: rpt_1\n{file}\n"
    assert file.read_text(encoding="utf-8") == "<p>Ä</p>"
    other = tmp_path / "deep" / "er" / "page.html"
    run("report", ["eod", "--output", str(other)], **made)
    assert other.read_text(encoding="utf-8") == "<p>Ä</p>"
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match=r"page\.html cannot be written"):
        run("report", ["eod", "--output", str(tmp_path / "file" / "page.html")], **made)


@pytest.mark.parametrize("action", ["release", "discard"])
def test_each_held_row_is_decided_on_by_itself_with_who_and_why(run: Run, action: str) -> None:
    asked: list[Any] = []

    def decide(row: int, principal: str, *, face: str, reason: str) -> str:
        asked.append((row, principal, face, reason))
        return f"{action} {row}"

    _, printed = run("quarantine", [action, "3", "5", "--why", "seen"], review=SimpleNamespace(**{action: decide}))
    assert asked == [(3, "anyone", "cli", "seen"), (5, "anyone", "cli", "seen")]
    assert printed == f"{action} 3\n{action} 5\n"


@pytest.mark.parametrize("words", [["release"], ["discard", "many"], ["show"], ["--state", "lost"], ["forget", "3"]])
def test_rows_are_named_by_number(words: list[str]) -> None:
    parser = argparse.ArgumentParser()
    quarantine.configure(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(words)


def test_no_held_row_is_one_sentence(run: Run) -> None:
    nothing = SimpleNamespace(list=lambda **asked: [])
    assert run("quarantine", [], review=nothing)[1] == "No row is held.\n"
    assert run("quarantine", ["list", "--state", "discarded"], review=nothing)[1] == "No row is discarded.\n"
    assert run("quarantine", [], as_json=True, review=nothing)[1] == []


@pytest.mark.parametrize("days", ["0", "-1", "3651", "100000"])
def test_a_key_lives_a_day_to_ten_years(run: Run, monkeypatch: pytest.MonkeyPatch, days: str) -> None:
    monkeypatch.setattr("app.auth.owner.ensure_owner", lambda accounts, home: None)
    with pytest.raises(InvalidInput, match=r"--days must be from 1 to 3650"):
        run("user", ["key", "create", "laptop", "--days", days], accounts=SimpleNamespace())


def test_a_key_is_shown_once_and_belongs_to_whom_it_was_made_for(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.auth.owner.ensure_owner", lambda accounts, home: None)
    asked: list[Any] = []

    def create_key(owner: str, name: str, **how: Any) -> Any:
        asked.append((owner, name, how["kind"], how["scopes"], how["lifetime"]))
        return SimpleNamespace(key_id="key_1", scopes={"read"}, owner_kind=how["kind"]), "qd_secret"

    accounts = SimpleNamespace(create_key=create_key)
    words = ["key", "create", "bot", "--for", "anna", "--kind", "agent", "--scopes", "read, trade,"]
    assert run("user", words, accounts=accounts)[1] == "qd_secret\n"
    assert asked == [("anna", "bot", "agent", ["read", "trade"], None)]
    assert run("user", words, as_json=True, accounts=accounts)[1]["key"] == "qd_secret"


@pytest.mark.parametrize("scopes", ["root", "read,everything", "READ"])
def test_an_unknown_scope_names_those_there_are(run: Run, monkeypatch: pytest.MonkeyPatch, scopes: str) -> None:
    monkeypatch.setattr("app.auth.owner.ensure_owner", lambda accounts, home: None)
    with pytest.raises(UnknownName) as told:
        run("user", ["key", "create", "laptop", "--scopes", scopes], accounts=SimpleNamespace(create_key=None))
    assert "approve" in str(told.value) and "trade" in str(told.value)


def test_two_passwords_that_differ_change_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.auth.owner.ensure_owner", lambda accounts, home: None)
    typed = iter(["one", "other"])
    monkeypatch.setattr(user, "ask_password", lambda prompt: next(typed))
    with pytest.raises(InvalidInput, match="differ; nothing was changed"):
        run("user", ["password", "anna"], accounts=SimpleNamespace(user=lambda name: None))
