"""Each way a command can fail before it reaches a desk: one sentence that says what to do, and the right exit code."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.cli import main
from app.runtime.processes import try_exclusive
from core.settings import load_settings

# Nothing listens on port 1 of loopback: the refusal comes at once.
UNREACHABLE = "postgresql://desk:hunter2hunter2@127.0.0.1:1/quantdesk"
Run = Callable[..., tuple[Any, str]]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Give the environment of a desk that is not there."""
    monkeypatch.setenv("QUANTDESK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DATABASE_URL", UNREACHABLE)
    load_settings.cache_clear()
    yield monkeypatch
    load_settings.cache_clear()


@pytest.fixture
def refuse(desk, capsys) -> Run:
    """Run a command that must fail; give its document and what it said on standard error."""

    def call(*words: str, code: int = 1) -> tuple[Any, str]:
        load_settings.cache_clear()
        assert main([*words, "--json"]) == code
        shown = capsys.readouterr()
        assert len(shown.out.splitlines()) == 1, shown.out
        assert "Traceback" not in shown.err
        assert "hunter2" not in shown.err + shown.out
        return json.loads(shown.out), shown.err

    return call


NEEDING_THE_DATABASE = [
    ["ask", "How did AAPL do in 2008?"],
    ["tool", "performance", "--args", '{"symbols": ["AAPL"]}'],
    ["performance", "--symbols", "AAPL"],
    ["sql", "SELECT 1"],
    ["import", "bars", "missing.csv"],
    ["ingest"],
    ["coverage"],
    ["backtest", "--strategy", "sma_crossover", "--symbols", "AAPL"],
    ["simulate"],
    ["risk"],
    ["proposals"],
    ["proposals", "show", "prp_1"],
    ["proposals", "approve", "prp_1"],
    ["orders"],
    ["positions"],
    ["resume"],
    ["report", "eod"],
    ["report", "list"],
    ["clock"],
    ["why", "fct_1"],
    ["replay", "run_1"],
    ["demo", "load"],
    ["user", "list"],
    ["mcp"],
]


@pytest.mark.parametrize("words", NEEDING_THE_DATABASE, ids=" ".join)
def test_an_unreachable_database_is_told_by_every_command(refuse, words, tmp_path):
    document, said = refuse(*words)
    assert document == {"error": {"code": "unavailable", "message": said.strip()}}
    assert said.startswith("The database cannot be reached. Check DATABASE_URL")
    assert not (tmp_path / "home").exists(), "nothing is written for a desk that cannot be reached"


def test_a_halt_without_a_database_is_a_halt_by_file(refuse, tmp_path):
    document, said = refuse("halt", "--reason", "odd fills")
    assert document["error"]["code"] == "unavailable"
    assert said.startswith("Trading is halted by its file") and "The database cannot be reached." in said
    assert (tmp_path / "home" / "TRADING_HALTED").read_text() == "command line: odd fills\n"


@pytest.mark.parametrize("address", ["postgresql://[bad/x", "mysql://localhost/x", "not an address", "host=x port=y"])
def test_an_address_that_is_none_is_told(refuse, desk, address):
    desk.setenv("DATABASE_URL", address)
    document, said = refuse("positions")
    assert document["error"]["code"] in {"invalid_input", "unavailable"}
    assert "DATABASE_URL" in said


def test_status_names_the_server_that_does_not_answer(refuse):
    document, said = refuse("status")
    part = {one["name"]: one for one in document["parts"]}["postgres"]
    assert (part["state"], part["address"]) == ("down", "postgresql://127.0.0.1:1/quantdesk")
    assert "no answer" in part["detail"]
    assert "postgres cannot be reached at postgresql://127.0.0.1:1/quantdesk: check DATABASE_URL" in said


@pytest.mark.parametrize(
    "address", ["postgresql://[hunter2hunter2/x", "host=127.0.0.1 port=1 password=hunter2hunter2", "hunter2hunter2@x"]
)
def test_status_shows_no_part_of_a_login_however_it_is_written(refuse, desk, address):
    desk.setenv("DATABASE_URL", address)
    document, _ = refuse("status")
    assert {one["name"]: one["state"] for one in document["parts"]}["postgres"] == "down"


def test_status_for_a_person_is_a_table_and_a_sentence(desk, capsys):
    assert main(["status"]) == 1
    shown = capsys.readouterr()
    assert shown.out.splitlines()[0].split() == ["part", "state", "pid", "address", "detail"]
    assert [line.split()[:2] for line in shown.out.splitlines()[1:]] == [
        ["postgres", "down"],
        ["temporal", "down"],
        ["worker", "down"],
        ["web", "down"],
    ]
    assert "start it with `quantdesk run`" in shown.err
    assert "check DATABASE_URL" in shown.err


def test_a_stopped_desk_of_our_own_is_no_failure(desk, capsys, tmp_path):
    desk.delenv("DATABASE_URL")
    load_settings.cache_clear()
    assert main(["status", "--json", "--home", str(tmp_path / "other")]) == 0
    assert {one["state"] for one in json.loads(capsys.readouterr().out)["parts"]} == {"down"}
    assert not (tmp_path / "other").exists()


def test_a_second_desk_on_the_same_home_is_refused(refuse, tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    lock = try_exclusive(home / "run.lock")
    assert lock is not None
    try:
        document, _ = refuse("run")
    finally:
        os.close(lock)
    assert document["error"]["code"] == "refused"
    assert f"quantdesk already runs on {home}" in document["error"]["message"]
    assert "QUANTDESK_HOME" in document["error"]["message"]


def test_a_taken_port_is_refused_before_anything_starts(refuse, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        document, _ = refuse("run", "--port", str(port))
    assert document["error"]["code"] == "invalid_input"
    assert f"Port {port} on 127.0.0.1 cannot be used" in document["error"]["message"]
    assert "QUANTDESK_PORT" in document["error"]["message"]
    assert not (tmp_path / "home" / "postgres").exists()


@pytest.mark.parametrize("port", ["0", "-1", "65536", "99999999999999999999"])
def test_a_port_that_cannot_be_is_refused(refuse, port):
    document, _ = refuse("run", f"--port={port}")
    assert "--port must be from 1 to 65535" in document["error"]["message"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [("QUANTDESK_PORT", "0"), ("QUANTDESK_LOG_LEVEL", "LOUD"), ("QUANTDESK_APPROVAL_EXPIRY_MINUTES", "soon")],
)
def test_a_setting_that_does_not_fit_is_named(refuse, desk, variable, value):
    desk.setenv(variable, value)
    document, _ = refuse("positions")
    assert document["error"]["code"] == "invalid_input"
    assert variable in document["error"]["message"]


def test_an_unreachable_temporal_is_told_to_the_worker(desk, tmp_path):
    from app.worker import find_temporal
    from core.errors import Unavailable
    from core.settings import Settings

    with pytest.raises(Unavailable, match=r"quantdesk run.*TEMPORAL_ADDRESS"):
        find_temporal(Settings(home=tmp_path))
    assert find_temporal(Settings(home=tmp_path, temporal_address="h:1")) == "h:1"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("strategy: [a\n", "line 2"),
        ("- a\n", "must hold a mapping"),
        ("7\n", "must hold a mapping"),
        ("", "must hold a mapping"),
        ("a: !!python/object/apply:os.system ['true']\n", "cannot be read as YAML"),
        ("a: \x00\n", "cannot be read as YAML"),
        ("a: &a [*a]\nb: *nothing\n", "cannot be read as YAML"),
    ],
)
def test_a_specification_that_is_none_is_told(refuse, tmp_path, content, sentence):
    spec = tmp_path / "spec.yaml"
    spec.write_text(content)
    document, _ = refuse("backtest", str(spec))
    assert document["error"]["code"] == "invalid_input"
    assert sentence in document["error"]["message"]


def test_a_folder_or_bytes_are_no_specification(refuse, tmp_path):
    assert "cannot be read" in refuse("backtest", str(tmp_path))[0]["error"]["message"]
    spec = tmp_path / "spec.yaml"
    spec.write_bytes(b"\xff\xfe\x00")
    assert "cannot be read" in refuse("backtest", str(spec))[0]["error"]["message"]


MALFORMED_LINES = ["{", "[]", '{"id": 1}', '"text"', "\x00", "7"]


@pytest.mark.parametrize("content", MALFORMED_LINES)
def test_a_malformed_file_of_cases_is_told_with_its_line(refuse, tmp_path, content):
    file = tmp_path / "cases.jsonl"
    file.write_text(content + "\n")
    document, _ = refuse("quality", "cases", str(file))
    assert document["error"]["code"] == "invalid_input", document
    assert "1" in document["error"]["message"]


def test_a_malformed_line_of_statements_is_refused_and_the_others_are_judged(tmp_path, capsys):
    file = tmp_path / "cases.jsonl"
    lines = [*MALFORMED_LINES, '{"id": "\\ud800", "sql": "SELECT 1"}']
    file.write_text("\n".join(lines))
    assert main(["sql", "--check-file", str(file), "--json"]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["verdict"] for answer in answers] == ["refuse"] * len(MALFORMED_LINES) + ["allow"]
    assert [answer["id"] for answer in answers] == ["line 1", "line 2", 1, "line 4", "line 5", "line 6", "\ud800"]


@pytest.mark.parametrize("content", ["{", "[]", '{"relations": 7}', None])
def test_malformed_relations_are_told(refuse, tmp_path, content):
    file = tmp_path / "relations.json"
    if content is not None:
        file.write_text(content)
    document, _ = refuse("sql", "--check", "SELECT 1", "--relations", str(file))
    assert document["error"]["code"] == "invalid_input"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["ask", "x", "--file", "y"], "Give a question, or --file"),
        (["ask"], "Give a question, or --file"),
        (["report", "eod", "rep_1"], "`report eod` takes no report"),
        (["report", "list", "rep_1"], "`report list` takes no report"),
        (["clock", "show", "5"], "takes no value"),
        (["clock", "advance", "1.5"], "no number of sessions"),
        (["clock", "advance", "²"], "no number of sessions"),
        (["clock", "replay", "2022-02-30"], "is not a time"),
        (["tool", "performence"], "Did you mean performance"),
        (["schema", "Order"], "Unknown record kind"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_meant_is_refused_before_the_desk_is_asked(refuse, words, sentence):
    document, _ = refuse(*words)
    assert sentence in document["error"]["message"]


@pytest.mark.parametrize(
    "words",
    [
        ["orders", "--state", "gone"],
        ["proposals", "--state", "open"],
        ["report", "weekly"],
        ["import", "orders", "x.csv"],
        ["ingest", "nobody"],
        ["demo", "keep"],
        ["user", "key", "create", "x", "--days", "many"],
        ["run", "--port", "http"],
        ["tool", "simulate", "--seed", "x"],
        ["performance", "--nonsense", "1"],
        ["user"],
        ["positions", "extra"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2_and_one_json_document(desk, capsys, words):
    with pytest.raises(SystemExit) as left:
        main([*words, "--json"])
    assert left.value.code == 2
    shown = capsys.readouterr()
    assert json.loads(shown.out)["error"]["code"] == "usage"
    assert "--help" in shown.err
    assert len(shown.err.strip().splitlines()) == 1
