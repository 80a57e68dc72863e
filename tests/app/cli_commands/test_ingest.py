"""`quantdesk ingest` and `quantdesk quarantine` against a vendor on loopback and a real database."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.cli import main
from app.cli_commands import ingest
from core.errors import InvalidInput
from core.settings import load_settings
from core.testing.vendor_stand_ins import StandIns, serve, small_data

NOW = datetime(2024, 2, 14, 12, tzinfo=UTC)
Run = Callable[..., tuple[str, str]]


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIns]:
    data = small_data()
    # One bar that is too good to be true, so that something waits in the quarantine.
    bars = data.bars["AAPL"]
    place = next(number for number, bar in enumerate(bars) if bar.session == date(2024, 2, 8))
    bars[place] = bars[place]._replace(close=bars[place].close * 1.6, high=bars[place].high * 1.7)
    with serve("polygon", data=data, now=NOW) as made:
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("QUANTDESK_POLYGON_REQUESTS_PER_MINUTE", "100000")
        yield made


@pytest.fixture
def run(
    database_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    monkeypatch.setenv("DATABASE_URL", database_dsn)
    monkeypatch.setenv("QUANTDESK_HOME", str(tmp_path))
    load_settings.cache_clear()

    def call(*words: str, code: int = 0) -> tuple[str, str]:
        capsys.readouterr()
        assert main(list(words)) == code
        shown = capsys.readouterr()
        return shown.out, shown.err

    yield call
    load_settings.cache_clear()


def backfill(*words: str) -> tuple[str, ...]:
    days = ("--start", "2024-01-02", "--end", "2024-02-13")
    return ("--as-of", NOW.isoformat(), "ingest", "--mode", "backfill", *days, "--vendors", "polygon", *words)


def test_a_backfill_is_summed_up_for_a_person_with_what_to_do(run: Run, stand_ins: StandIns) -> None:
    said, remarks = run(*backfill())
    assert "done, 2024-01-02 to 2024-02-13." in said
    assert any(line.split()[:3] == ["market_data", "2024-01-02..2024-02-13", "polygon"] for line in said.splitlines())
    head = next(line for line in said.splitlines() if line.startswith("step"))
    for column in ("read", "new", "changed", "same", "quarantined", "rejected"):
        assert column in head
    assert "coverage of" in said
    assert "held back or flagged: range_spike 1" in said or "spike" in said
    assert "quantdesk quarantine list" in remarks
    # Progress is told by step where there is no terminal.
    assert "% market_data of polygon" in remarks


def test_a_backfill_is_summed_up_for_a_program_and_a_second_one_writes_nothing(run: Run, stand_ins: StandIns) -> None:
    first = json.loads(run("--json", *backfill())[0])
    assert first["state"] == "done"
    assert first["days"] == ["2024-01-02", "2024-02-13"]
    steps = {entry["step"].split(" ")[0]: entry for entry in first["steps"] if entry["source"] == "polygon"}
    assert set(steps) == {"corporate_actions", "market_data", "news"}
    assert steps["market_data"]["rows"]["new"] > 200
    (coverage,) = first["coverage"]
    assert coverage["source"] == "polygon"
    assert coverage["stored"] + coverage["open"] + coverage["explained"] == coverage["expected"]
    second = json.loads(run("--json", *backfill())[0])
    assert (second["rows"]["new"], second["rows"]["changed"]) == (0, 0)
    assert second["rows"]["same"] > 0


def test_steps_symbols_and_days_narrow_a_run(run: Run, stand_ins: StandIns, database_dsn: str) -> None:
    words = ("--mode", "backfill", "--days", "10", "--symbols", "AAPL", "facebook", "--skip-steps", "news", "events")
    said = json.loads(run("--json", "--as-of", NOW.isoformat(), "ingest", *words, "--vendors", "polygon")[0])
    assert said["days"] == ["2024-02-04", "2024-02-13"]
    assert not [entry for entry in said["steps"] if entry["step"].startswith(("news", "events"))]
    with psycopg.connect(database_dsn) as connection:
        symbols = connection.execute(
            "SELECT DISTINCT i.symbol FROM market_data.bars_daily JOIN market_data.instruments i USING (instrument_id)"
        ).fetchall()
    assert {row[0] for row in symbols} == {"AAPL", "META"}


def test_a_failing_step_gives_exit_code_one_and_the_reason(run: Run, stand_ins: StandIns) -> None:
    stand_ins["polygon"].fail("wrong_key", matching="aggs")
    said, remarks = run(*backfill(), code=1)
    assert "partial" in said
    assert "market_data 2024-01-02..2024-02-13 of polygon failed" in remarks
    assert "the next run asks again" in remarks


def test_kept_replies_are_parsed_again_without_the_vendor(run: Run, stand_ins: StandIns, database_dsn: str) -> None:
    run(*backfill())
    with psycopg.connect(database_dsn) as connection:
        before = connection.execute("SELECT count(*) FROM market_data.bars_daily").fetchone()
        connection.execute("DELETE FROM market_data.bars_daily")
    asked = len(stand_ins["polygon"].asked)
    said = json.loads(
        run("--json", "--as-of", NOW.isoformat(), "ingest", "--mode", "reparse", "--vendors", "polygon")[0]
    )
    assert said["state"] == "done"
    assert len(stand_ins["polygon"].asked) == asked
    with psycopg.connect(database_dsn) as connection:
        assert connection.execute("SELECT count(*) FROM market_data.bars_daily").fetchone() == before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--mode", "backfill"), "either days or a start"),
        (("--mode", "backfill", "--start", "soon"), "expected a day"),
        (("--days", "3"), "daily run has no days"),
        (("--vendors", "nobody"), "Unknown vendor"),
        (("--symbols", "NOSUCHTHING", "--vendors", "polygon"), "Unknown symbol"),
    ],
)
def test_what_cannot_be_planned_is_refused_before_anything_is_asked(
    words: tuple[str, ...], sentence: str, run: Run, stand_ins: StandIns
) -> None:
    said, _ = run("--json", "--as-of", NOW.isoformat(), "ingest", *words, code=1)
    assert sentence in json.loads(said)["error"]["message"]
    assert not stand_ins["polygon"].asked


def test_the_workflow_and_the_schedule_need_a_running_desk(run: Run) -> None:
    for words in (("--workflow",), ("--schedule", "on"), ("--schedule", "show")):
        said, _ = run("--json", "ingest", *words, code=1)
        assert "quantdesk run" in json.loads(said)["error"]["message"]
    said, _ = run("--json", "ingest", "--mode", "reparse", "--workflow", code=1)
    assert "this process only" in json.loads(said)["error"]["message"]


def test_the_samples_are_still_loaded_by_name(run: Run) -> None:
    said = json.loads(run("--json", "ingest", "samples")[0])
    assert said["rows"]["new"] > 50_000
    assert not [entry for entry in said["steps"] if entry["error"]]


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    ingest.configure(parser)
    return parser.parse_args(words)


def test_arguments_become_the_request_they_say() -> None:
    made = ingest.request_of(
        parse("--mode", "backfill", "--start", "2024-01-01", "--end", "2024-01-31", "--skip-steps", "news", "events",
              "--symbols", "AAPL", "MSFT", "--vendors", "polygon")
    )  # fmt: skip
    assert (made.mode, made.start, made.end) == ("backfill", date(2024, 1, 1), date(2024, 1, 31))
    assert (made.skip_steps, made.symbols, made.vendors) == (("news", "events"), ("AAPL", "MSFT"), ("polygon",))
    plain = ingest.request_of(parse())
    assert (plain.mode, plain.days, plain.skip_steps, plain.symbols) == ("daily", None, (), ())
    with pytest.raises(InvalidInput, match="--end"):
        ingest.request_of(parse("--end", "31.1.2024"))
    with pytest.raises(SystemExit):
        parse("--skip-steps", "dreams")


# The quarantine -----------------------------------------------------------------------------------------------------
@pytest.fixture
def held(run: Run, stand_ins: StandIns) -> int:
    """Give the number of a bar that waits after a backfill."""
    run(*backfill())
    rows: list[dict[str, Any]] = json.loads(run("--json", "quarantine", "list")[0])
    bars = [row for row in rows if row["record_kind"] == "bar" and row["verdict"] == "quarantine"]
    return int(bars[0]["quarantine_id"])


def test_a_held_bar_is_listed_shown_and_released_once(run: Run, held: int, database_dsn: str) -> None:
    said, _ = run("quarantine")
    assert "AAPL" in said and "2024-02-08" in said
    assert run("quarantine", "list", "--symbol", "MSFT")[0].strip() == "No row is held."
    shown, _ = run("quarantine", "show", str(held))
    assert "Stored bars around it" in shown
    assert "2024-02-07" in shown and "2024-02-09" in shown
    done, _ = run("quarantine", "release", str(held), "--why", "It was true.")
    assert "Released: stored AAPL 2024-02-08" in done
    with psycopg.connect(database_dsn) as connection:
        flags = connection.execute(
            "SELECT flags FROM market_data.bars_daily WHERE session = '2024-02-08' AND instrument_id = 2001"
        ).fetchone()
    assert flags == (["released"],)
    again, _ = run("--json", "quarantine", "release", str(held), code=1)
    assert "was released by local:" in json.loads(again)["error"]["message"]
    shown, _ = run("quarantine", "show", str(held))
    assert "released by local:" in shown and "It was true." in shown
    # The next run finds it stored.
    second = json.loads(run("--json", *backfill())[0])
    assert second["rows"]["new"] == 0


def test_a_held_bar_is_discarded_with_a_reason(run: Run, held: int) -> None:
    done = json.loads(run("--json", "quarantine", "discard", str(held), "--why", "A typing error.")[0])
    assert done["done"] == ["Discarded: bar AAPL 2024-02-08."]
    rows = json.loads(run("--json", "quarantine", "list", "--state", "discarded")[0])
    assert [row["quarantine_id"] for row in rows] == [held]
    shown = json.loads(run("--json", "quarantine", "show", str(held))[0])
    assert [(review["decision"], review["reason"], review["face"]) for review in shown["reviews"]] == [
        ("discarded", "A typing error.", "cli")
    ]
    said, _ = run("--json", "quarantine", "show", "999999", code=1)
    assert "quantdesk quarantine list" in json.loads(said)["error"]["message"]
