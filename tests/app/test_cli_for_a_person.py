"""The commands as a person reads them, on a desk with samples and demo book."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.cli import main
from core.settings import load_settings

MONEY = re.compile(r"-?\$[\d,]+\.\d{2}\b")


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def say(desk_dsn, home) -> Callable[..., tuple[str, str]]:
    def call(*words: str, code: int = 0, token: str | None = None) -> tuple[str, str]:
        said, remarks = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(remarks):
            patch.setenv("DATABASE_URL", desk_dsn)
            patch.setenv("QUANTDESK_HOME", str(home))
            patch.setattr("sys.stdin", io.StringIO())
            if token:
                patch.setenv("QUANTDESK_TOKEN", token)
            load_settings.cache_clear()
            returned = main(words)
        load_settings.cache_clear()
        assert returned == code, f"{words}: {returned}\n{said.getvalue()}\n{remarks.getvalue()}"
        assert "Traceback" not in remarks.getvalue()
        assert "\x1b" not in said.getvalue() + remarks.getvalue()
        return said.getvalue(), remarks.getvalue()

    return call


def read(say: Callable[..., tuple[str, str]], *words: str, **more: Any) -> Any:
    return json.loads(say(*words, "--json", **more)[0])


def test_positions_are_a_table_that_adds_up(say):
    text, _ = say("positions")
    held = read(say, "positions")
    lines = text.splitlines()
    assert re.match(r".+ \(\w+\) as of \d{4}-\d\d-\d\d \d\d:\d\d UTC$", lines[0])
    assert lines[1].split() == ["symbol", "quantity", "cost", "price", "of", "value", "weight", "unrealised", "today"]
    assert [line.split()[0] for line in lines[2 : 2 + len(held["positions"])]] == [
        one["symbol"] for one in held["positions"]
    ]
    cash = next(line for line in lines if line.startswith("cash "))
    shown_cash, shown_value = (Decimal(one.replace("$", "").replace(",", "")) for one in MONEY.findall(cash)[:2])
    values = sum(Decimal(one["market_value"]) for one in held["positions"])
    assert shown_cash + values == pytest.approx(shown_value, abs=Decimal("0.01"))
    pnl = next(line for line in lines if line.startswith("total P&L"))
    total, unrealised, realised, fees, other = (
        Decimal(one.replace("$", "").replace(",", "")) for one in MONEY.findall(pnl)
    )
    assert abs(total - (unrealised + realised - fees + other)) <= Decimal("0.03"), "each is rounded to the cent"
    weights = [line.split()[6] for line in lines[2 : 2 + len(held["positions"])]]
    assert all(re.fullmatch(r"-?\d+\.\d\d%", weight) for weight in weights)


def test_the_past_book_is_smaller(say):
    now = read(say, "positions")
    early = read(say, "positions", "--as-of", "1990-01-01")
    assert early["positions"] == []
    assert Decimal(early["nav"]) < Decimal(now["nav"])


@pytest.mark.parametrize(
    ("words", "headings"),
    [
        (["orders"], ["order", "state", "order", "text", "filled", "fills", "reason"]),
        (["tools"], ["tool", "effect", "data", "what", "it", "does"]),
        (["schema"], ["kind", "table", "key", "data"]),
        (["user", "list"], ["user", "scopes"]),
    ],
)
def test_lists_have_headings(say, words, headings):
    text, _ = say(*words)
    assert text.splitlines()[0].split() == headings
    assert len(text.splitlines()) > 1


def test_an_order_is_told_with_its_fill(say):
    text, _ = say("orders", "--state", "filled")
    row = text.splitlines()[1]
    assert re.search(r"ord_\w+\s+filled\s+(buy|sell) [\d.]+ \S+ \w+\s+[\d.]+\s+[\d.]+ at [\d.]+ on \d{4}-", row), row
    assert say("orders", "--state", "denied")[0] == "There are no orders.\n"


def test_a_tool_is_facts_with_ids_and_their_origin(say):
    text, _ = say("performance", "--symbols", "AAPL", "--start", "2008-01-01", "--end", "2008-12-31")
    row = next(line for line in text.splitlines() if line.startswith("AAPL total return"))
    assert re.search(r"-56\.91%\s+fct_\w+$", row)
    assert re.search(r"As of \d{4}-\d\d-\d\d \d\d:\d\d UTC; public; run run_\w+; sources: ", text)
    why, _ = say("why", row.split()[-1])
    assert why.startswith("AAPL total return = -56.91% (ratio; public)\nComputed by the tool performance with {")
    for part in ("On the data known at ", "Asked by local:", " through cli at ", "quantdesk replay run_"):
        assert part in why
    run = re.search(r"quantdesk replay (run_\w+)", why)
    assert run is not None
    assert say("replay", run.group(1))[0].startswith("The same result, bit for bit: performance, digest ")


def test_a_seed_repeats_a_simulation(say):
    args = ("simulate", "--symbols", "KO", "--paths", "200", "--horizon-days", "5")
    options = read(say, "tools", "simulate")["schema"]["properties"]
    if not {"symbols", "paths", "horizon_days"} <= set(options):
        args = ("simulate", "--symbols", "KO")
    same = [[fact["value"] for fact in read(say, *args, "--seed", "7")["facts"]] for _ in range(2)]
    assert same[0] == same[1]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["performance", "--symbols", "AAPLE"], "Did you mean AAPL"),
        (["performance", "--symbols", "AAPL", "--start", "2010-01-01", "--end", "2009-01-01"], "start"),
        (["performance", "--symbols", "AAPL", "--start", "1900-01-01", "--end", "1900-02-01"], "AAPL"),
        (["tool", "performance", "--args", '{"symbols": ["AAPL\\u0000"]}'], "NUL"),
        (["why", "fct_nothing"], "Unknown"),
        (["why", "nothing"], "is not the id of a number"),
        (["replay", "run_nothing"], "Unknown"),
        (["proposals", "show", "prp_nothing"], "Unknown proposal 'prp_nothing'"),
        (["proposals", "approve", "prp_nothing"], "Unknown proposal 'prp_nothing'"),
        (["report", "show", "rpt_nothing"], "Unknown report 'rpt_nothing'"),
        (["report", "show"], "Name the report to show"),
        (["positions", "--account", "nobody"], "nobody"),
        (["positions", "--as-of", ""], "is not a time"),
        (["orders", "--account", "nobody"], "nobody"),
        (["performance", "--symbols", "AAPL", "--token", "qd_local_wrong"], "unknown, revoked or expired"),
        (["user", "add", "eve", "--generate", "--scopes", "read,root"], "Unknown scope 'root'"),
        (["user", "add", "a b", "--generate"], "A user name has"),
        (["user", "password", "nobody", "--generate"], "Unknown user 'nobody'"),
        (["user", "key", "revoke", "key_nothing"], "Unknown API key 'key_nothing'"),
        (["user", "key", "create", "x", "--days", "0"], "--days must be from 1 to"),
        (["user", "key", "create", "x", "--days", "999999999"], "--days must be from 1 to"),
        (["user", "key", "create", "x", "--for", "nobody"], "Unknown user 'nobody'"),
        (["user", "add", "eve"], "no terminal to ask"),
        (["sql", "SELECT * FROM desk.sessions"], "desk.sessions"),
        (["sql", "SELEC 1"], "SELEC"),
        (["clock", "replay", "2039-01-03"], "future"),
    ],
    ids=lambda value: " ".join(value)[:50] if isinstance(value, list) else "",
)
def test_what_goes_wrong_is_one_sentence(say, words, sentence):
    text, remarks = say(*words, code=1)
    assert text == ""
    assert sentence in remarks
    assert len(remarks.strip().splitlines()) == 1, remarks
    assert "unexpected" not in remarks


def test_a_person_is_added_with_a_password_that_is_shown_once(say, home):
    text, _ = say("user", "add", "eve", "--generate", "--scopes", "read")
    assert text.startswith("Added eve (read).\nPassword (shown this once): ")
    password = text.rsplit(" ", 1)[1].strip()
    assert len(password) == 19
    assert password not in say("user", "list")[0]
    assert "There already is a user 'eve'" in say("user", "add", "eve", "--generate", code=1)[1]
    made, remark = say("user", "key", "create", "mine", "--for", "eve", "--days", "30")
    assert made.startswith("qd_local_")
    assert "shown this once" in remark
    listed, _ = say("user", "list")
    assert made.strip() not in listed
    assert re.search(r"mine\s+eve\s+person\s+read\s+until \d{4}-\d\d-\d\d", listed)
    refused = say("propose_trade", "--symbol", "KO", "--side", "buy", "--quantity", "1", token=made.strip(), code=1)
    assert "eve lacks the scope 'trade'" in refused[1]
    key_id = re.search(r"key_\w+", remark)
    assert key_id is not None
    assert say("user", "key", "revoke", key_id.group())[0] == f"Revoked {key_id.group()}.\n"
    assert "revoked" in say("user", "list")[0]


def test_a_proposal_is_shown_whole_before_anyone_is_asked(say):
    proposed = read(say, "propose_trade", "--symbol", "MSFT", "--side", "buy", "--quantity", "2")["proposal_id"]
    assert re.search(rf"{proposed}\s+pending\s+buy 2 MSFT\s+[\d,]+\.\d\d\s", say("proposals")[0])
    card, _ = say("proposals", "show", proposed)
    assert f"Proposal {proposed}: pending." in card
    assert "  BUY 2 MSFT " in card
    assert re.search(r"digest [0-9a-f]{64}", card)
    text, remarks = say("proposals", "approve", proposed, code=1)
    assert text == ""
    assert "BUY 2 MSFT" in remarks, "the card comes before the question for the password"
    assert "no terminal" in remarks
    key = read(say, "user", "key", "create", "approver", "--scopes", "read,approve")["key"]
    text, _ = say("proposals", "reject", proposed, "--reason", "no", token=key)
    assert text.startswith(f"{proposed} is rejected by owner.")
    assert proposed not in say("proposals", "--state", "pending")[0]
    assert proposed in say("proposals", "list", "--state", "rejected")[0]
    assert "rejected" in say("proposals", "approve", proposed, token=key, code=1)[1]


def test_reports_are_written_where_asked(say, tmp_path):
    page = tmp_path / "sub" / "sod.html"
    text, _ = say("report", "sod", "--output", str(page))
    assert str(page) in text
    assert page.read_text().lstrip().lower().startswith("<!doctype html>")
    report_id = re.search(r"rpt_\w+", text)
    assert report_id is not None
    assert report_id.group() in say("report", "list")[0]
    assert report_id.group() in say("report", "show", report_id.group(), "--output", str(tmp_path / "again.html"))[0]
    assert (tmp_path / "again.html").read_text() == page.read_text()
    (tmp_path / "file").write_text("x")
    assert "cannot be written" in say("report", "sod", "--output", str(tmp_path / "file" / "x.html"), code=1)[1]


def test_the_clock_tells_its_mode(say):
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC \(replay: the desk replays the past\)\n", say("clock")[0])


def test_sql_verdicts_for_a_person(say):
    assert say("sql", "--check", "SELECT 1")[0].startswith("Allowed (")
    assert say("sql", "--check", "DROP TABLE x", code=1)[0].startswith("Refused by the rule ")


def test_an_answer_for_a_person_has_its_thread(say):
    text, remarks = say("ask", "How did AAPL do in 2008?")
    assert "-56.91%" in text
    assert re.search(r"As of .* UTC, replaying the past; route offline; public", text)
    assert re.search(r"Go on with --thread thr_\w+", remarks)
