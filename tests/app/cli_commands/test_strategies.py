"""Strategies are saved, scanned and scheduled on the command line, on the sample data."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest

from app.cli import main
from core.testing.small_market import open_account

RULE = json.dumps({"buy": "close > 1", "sell": "close < 0.5"})


@pytest.fixture
def run(tmp_path: Path, own_sample_dsn: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("DATABASE_URL", own_sample_dsn)
    with psycopg.connect(own_sample_dsn) as connection:
        connection.execute("DELETE FROM strategies.specs")

    def call(*words: str) -> tuple[int, str]:
        code = main(["--home", str(tmp_path), "strategies", *words])
        said = capsys.readouterr()
        return code, said.out + said.err

    return call


def test_a_strategy_is_saved_listed_scanned_and_disabled(run, own_sample_dsn: str) -> None:
    with psycopg.connect(own_sample_dsn) as connection:
        if not connection.execute("SELECT 1 FROM execution.accounts").fetchone():
            open_account(connection)
    saved = ["enable", "KO", "--name", "Always", "--strategy", "timed", "--parameters", RULE]
    code, said = run(*saved, "--weight", "0.05", "--stop-loss", "0.1", "--horizon-sessions", "10")
    assert code == 0 and "each trade it asks for waits for a person" in said
    code, said = run("list", "--json")
    (kept,) = json.loads(said)
    assert (kept["name"], kept["symbols"], kept["enabled"], kept["weight"]) == ("Always", "KO", "yes", 0.05)
    code, said = run("scan", "--json")
    result = json.loads(said)
    assert code == 0 and result["tables"][0]["rows"][0][1] == "entry", said
    code, said = run("recommendations")
    assert code == 0 and "Always" in said and "KO +" in said and result["proposal_id"] in said
    (made,) = json.loads(run("recommendations", "--json")[1])
    assert made["action"] == "entry" and made["horizon_sessions"] == 10
    code, said = run("disable", "--name", "always")
    assert code == 0 and "leaves it alone" in said
    assert json.loads(run("list", "--json")[1])[0]["enabled"] == "no"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("enable", "--name", "New"), "Name its strategy"),
        (("enable", "KO", "--name", "New", "--strategy", "pairs"), "pair"),
        (("enable", "KO", "--name", "New", "--strategy", "timed", "--parameters", "{buy}"), "not JSON"),
        (("disable", "--name", "Gone"), "You have no strategy Gone"),
        (("scan", "--name", "Gone"), "Gone"),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(run, words: tuple[str, ...], said: str) -> None:
    code, text = run(*words)
    assert code == 1 and said in text and "Traceback" not in text


def test_without_a_desk_running_there_is_no_schedule(run) -> None:
    code, text = run("schedule", "on")
    assert code == 1 and "Temporal" in text
