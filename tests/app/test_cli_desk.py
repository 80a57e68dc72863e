"""The commands on a desk with samples and demo book."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.cli import main
from core.settings import load_settings


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def run(desk_dsn, home):
    def call(*words: str, token: str | None = None, code: int = 0) -> Any:
        said, remarks = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(remarks):
            patch.setenv("DATABASE_URL", desk_dsn)
            patch.setenv("QUANTDESK_HOME", str(home))
            patch.setattr("sys.stdin", io.StringIO())
            if token:
                patch.setenv("QUANTDESK_TOKEN", token)
            load_settings.cache_clear()
            returned = main([*words, "--json"])
        load_settings.cache_clear()
        assert returned == code, f"{words}: {returned}\n{said.getvalue()}\n{remarks.getvalue()}"
        assert "Traceback" not in remarks.getvalue()
        assert len(said.getvalue().splitlines()) == 1, "exactly one JSON document"
        return json.loads(said.getvalue())

    return call


@pytest.fixture(scope="module")
def token(run) -> str:
    return run("user", "key", "create", "cli", "--scopes", "read,trade,approve")["key"]


def test_the_first_password_is_kept_for_the_owner_only(run, home):
    assert [user["name"] for user in run("user", "list")["users"]] == ["owner"]
    kept = home / "owner-password"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert len(kept.read_text().strip()) == 19
    made = run("user", "password", "owner", "--generate")
    assert made["password"]
    assert not kept.exists(), "the file goes when its password no longer holds"


def test_tool_verb_why_and_replay(run):
    result = run("performance", "--symbols", "AAPL", "--start", "2008-01-01", "--end", "2008-12-31")
    fact = next(fact for fact in result["facts"] if fact["name"] == "AAPL total return")
    # Unadjusted closes 198.08 and 85.35, no dividend in between.
    assert fact["value"] == pytest.approx(85.35 / 198.08 - 1, abs=2e-4)
    why = run("why", fact["id"])
    assert (why["tool"], why["shown"], why["face"]) == ("performance", "-56.91%", "cli")
    assert run("replay", result["run"])["same"] is True
    same = run("tool", "performance", "--args", json.dumps(why["arguments"]))
    assert next(one["value"] for one in same["facts"] if one["name"] == fact["name"]) == fact["value"]


def test_as_of_cuts_the_data(run):
    result = run("performance", "--symbols", "AAPL", "--as-of", "2009-01-01")
    assert result["as_of"].startswith("2009-01-01")
    assert not [fact for fact in result["facts"] if fact["unit"] == "date" and fact["value"] > "2009-01-01"]


def test_bad_input_is_a_sentence(run):
    assert "AAPL" in run("performance", "--symbols", "AAPLE", code=1)["error"]["message"]
    empty = run("performance", "--symbols", "AAPL", "--start", "1900-01-01", "--end", "1900-02-01", code=1)
    assert empty["error"]["code"] == "no_data"
    assert run("why", "fct_nothing", code=1)["error"]["code"] == "unknown_name"
    assert run("positions", "--as-of", "yesterday", code=1)["error"]["code"] == "invalid_input"
    assert run("clock", "--token", "qd_local_wrong")["mode"] == "replay"
    assert run("positions", "--account", "nobody", code=1)["error"]["code"] == "unknown_name"


def test_approving_needs_a_person_who_signs_in(run, token, desk_dsn):
    proposed = run("propose_trade", "--symbol", "MSFT", "--side", "buy", "--quantity", "1")
    proposal = run("proposals", "show", proposed["proposal_id"])
    approve = ("proposals", "approve", proposal["proposal_id"])
    assert "no terminal" in run(*approve, code=1)["error"]["message"]
    agent = run("user", "key", "create", "bot", "--kind", "agent", "--scopes", "read,trade")["key"]
    assert run(*approve, token=agent, code=1)["error"]["code"] == "approval_refused"
    reader = run("user", "key", "create", "reader", "--scopes", "read")["key"]
    assert run(*approve, token=reader, code=1)["error"]["code"] == "approval_refused"
    assert run(*approve, "--digest", "0" * 64, token=token, code=1)["error"]["code"] == "approval_refused"
    with psycopg.connect(desk_dsn) as connection:
        assert connection.execute(
            "SELECT count(*) FROM execution.decisions WHERE proposal_id = %s", (proposal["proposal_id"],)
        ).fetchone() == (0,)
    decided = run(*approve, "--digest", proposal["digest"], token=token)
    assert (decided["state"], decided["decision"]["face"]) == ("approved", "cli")
    assert run(*approve, token=token, code=1)["error"]["code"] == "approval_refused"


def test_no_key_of_an_agent_may_approve(run):
    refused = run("user", "key", "create", "bot", "--kind", "agent", "--scopes", "read,approve", code=1)
    assert refused["error"]["code"] == "refused"


def test_a_revoked_key_is_refused(run):
    made = run("user", "key", "create", "short", "--scopes", "read,approve")
    run("user", "key", "revoke", made["key_id"])
    assert run("performance", "--symbols", "AAPL", token=made["key"], code=1)["error"]["code"] == "not_signed_in"


def test_halt_and_resume(run, token):
    assert run("halt", "--reason", "test")["halted"] is True
    assert "no terminal" in run("resume", code=1)["error"]["message"]
    assert run("resume", token=token)["halted"] is False


def test_books_clock_and_reports(run, home):
    held = run("positions")
    assert held["positions"]
    assert run("orders")[0]["order_id"].startswith("ord_")
    before = run("clock")
    assert before["mode"] == "replay"
    after = run("clock", "advance", "1")
    assert after["now"] > before["now"]
    report = run("report", "eod")
    assert report["kind"] == "eod"
    assert report["report_id"] in {one["report_id"] for one in run("report", "list")}
    assert list((home / "reports").glob("eod-*.html"))


def test_sql_is_checked_and_run(run):
    good = "SELECT count(*) AS n FROM market_data.v_instruments"
    assert run("sql", "--check", good)["verdict"] == "allow"
    assert run("sql", "--check", "DELETE FROM market_data.bars_daily", code=1)["verdict"] == "refuse"
    assert run("sql", good)["tables"][0]["rows"][0][0] >= 20
    assert run("sql", "SELECT * FROM desk.users", code=1)["error"]["code"] == "sql_refused"


def test_import_keeps_the_good_rows(run, tmp_path):
    file = tmp_path / "bars.csv"
    file.write_text(
        "symbol,date,open,high,low,close,volume\nAAPL,2022-12-01,148,149,146,148.3,1000\nAAPL,nonsense,1,1,1,1,1\n"
    )
    imported = run("import", "bars", str(file))["files"][0]
    assert imported["rows"]["read"] == 2
    assert imported["rows"]["stored"] == 1
    assert imported["rows"]["rejected"] + imported["rows"]["quarantined"] == 1
    assert any("line 3" in example for example in imported["rows"]["examples"])
    missing = run("import", "bars", str(tmp_path / "missing.csv"), code=1)["files"][0]
    assert missing["error"]


def test_the_database_is_backed_up_checked_and_restored_beside_the_desk(run, home, desk_dsn):
    made = run("db", "backup")
    assert Path(made["file"]).parent == home / "backups"
    assert made["rows"] > 10_000
    assert run("db", "check", made["file"])["sha256"] == made["sha256"]
    assert run("db", "check")["faults"] == []
    restored = run("db", "restore", made["file"], "--into", "qd_cli_restored")
    assert (restored["rows"], restored["tables"]) == (made["rows"], made["tables"])
    assert run("db", "restore", made["file"], "--into", "qd_cli_restored", code=1)["error"]["code"] == "refused"
    with psycopg.connect(desk_dsn, autocommit=True) as admin:
        admin.execute("DROP DATABASE qd_cli_restored")
    assert "is not there" in run("db", "check", str(home / "none.dump"), code=1)["error"]["message"]


def test_ask_answers_with_traced_numbers(run):
    answer = run("ask", "How did AAPL do in 2008?")
    assert (answer["outcome"], answer["route"], answer["label"]) == ("answer", "offline", "public")
    assert {call["name"] for call in answer["tool_calls"]} == {"performance"}
    assert any(fact["value"] == pytest.approx(85.35 / 198.08 - 1, abs=2e-4) for fact in answer["facts"]
               if isinstance(fact["value"], float))  # fmt: skip


def test_demo_is_removed_and_loaded_again(run):
    assert run("demo", "remove")["removed"] is True
    assert run("demo", "remove")["removed"] is False
    assert run("demo", "load")["account"]
