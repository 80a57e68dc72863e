"""The contract of the command line: cheap help, exit codes, one JSON document, one sentence per error."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli import COMMANDS, main

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"pandas", "numpy", "numba", "scipy", "matplotlib", "langchain_core", "langgraph", "temporalio", "chainlit",
         "mlflow", "fastapi", "nicegui", "sqlalchemy", "psycopg", "mcp", "argon2", "plotly"}  # fmt: skip


def call(*words: str, home: Path | None = None, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    clean = {"PATH": os.environ["PATH"], "HOME": str(home or "/nonexistent"), **(env or {})}
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *words], cwd=ROOT, env=clean, capture_output=True, text=True, check=False
    )


def test_help_is_cheap_and_imports_nothing_heavy():
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "app.cli", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    assert cpu < 0.5, f"--help used {cpu:.2f} s of CPU time"
    imported = {line.rsplit("|", 1)[1].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert imported & HEAVY == set()


def test_help_names_every_command_and_tool():
    done = call("--help")
    assert done.returncode == 0
    for name in COMMANDS:
        assert re.search(rf"^    {name}\b", done.stdout, re.MULTILINE), name
    assert "performance" in done.stdout
    assert "Exit codes: 0 ok, 1 refused or failed, 2 wrong usage" in done.stdout


def test_the_contract_of_the_issue_is_there():
    wanted = (
        "run status import ingest coverage ask tools tool sql backtest simulate risk proposals orders positions halt"
    )
    wanted += " resume report clock schema why replay quality demo user"
    assert set(wanted.split()) <= set(COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as left:
        main([name, "--help"])
    assert left.value.code == 0
    shown = capsys.readouterr().out
    assert "--json" in shown
    assert "--home" in shown


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nothing"], "There is no command 'nothing'"),
        (["stauts"], "did you mean status"),
        (["status", "--nope"], "Unrecognized arguments: --nope"),
        (["proposals", "show"], "The following arguments are required: proposal_id"),
        (["clock", "back"], "Argument action: invalid choice: 'back'"),
        (["tool"], "The following arguments are required: name"),
        (["user", "key", "create", "x", "--kind", "robot"], "invalid choice: 'robot'"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(words, sentence, capsys):
    for extra in ([], ["--json"]):
        with pytest.raises(SystemExit) as left:
            main([*words, *extra])
        assert left.value.code == 2
        shown = capsys.readouterr()
        assert sentence in shown.err
        assert len(shown.err.strip().splitlines()) == 1
        if extra:
            assert json.loads(shown.out)["error"]["code"] == "usage"
        else:
            assert shown.out == ""


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["tools", "performence"], "unknown_name", "Did you mean performance"),
        (["tool", "nope"], "unknown_name", "Unknown tool 'nope'"),
        (["tool", "performance", "--args", "{"], "invalid_input", "--args is not JSON"),
        (["tool", "performance", "--args", "[1]"], "invalid_input", "--args must be a JSON object"),
        (["schema", "bra"], "unknown_name", "Unknown record kind 'bra'"),
        (["sql"], "invalid_input", "No statement was given"),
        (["sql", "--check-file", "missing.jsonl"], "invalid_input", "There is no file missing.jsonl"),
        (["quality", "cases", "missing.jsonl"], "invalid_input", "There is no file missing.jsonl"),
        (["backtest", "missing.yaml"], "invalid_input", "There is no file missing.yaml"),
        (["backtest"], "invalid_input", "Nothing to backtest"),
        (["ask"], "invalid_input", "Give a question"),
        (["clock", "advance", "0"], "invalid_input", "only moves forward"),
    ],
)
def test_refusals_are_one_sentence_and_exit_code_1(words, code, sentence, capsys):
    assert main(words) == 1
    shown = capsys.readouterr()
    assert sentence in shown.err
    assert "Traceback" not in shown.err
    assert shown.out == ""
    assert main([*words, "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["error"]["code"] == code
    assert sentence in document["error"]["message"]


def test_yaml_errors_name_the_place(tmp_path, capsys):
    spec = tmp_path / "spec.yaml"
    spec.write_text("strategy: [a\nsymbols: b")
    assert main(["backtest", str(spec)]) == 1
    assert "line 2" in capsys.readouterr().err
    spec.write_text("- a\n")
    assert main(["backtest", str(spec)]) == 1
    assert "must hold a mapping" in capsys.readouterr().err


def test_yaml_dates_stay_text(tmp_path):
    from app.cli_commands.backtest import read_yaml

    spec = tmp_path / "spec.yaml"
    spec.write_text("start: 2010-01-01\nparameters: {fast: 50}\nsymbols: [AAPL, ON]\n")
    assert read_yaml(spec)["start"] == "2010-01-01"


def test_tools_lists_what_a_program_needs(capsys):
    assert main(["tools", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {"performance", "backtest", "simulate"} <= {tool["name"] for tool in listed}
    for tool in listed:
        assert set(tool) == {"name", "effect", "data", "description", "schema"}
        assert tool["effect"] in {"read", "compute", "propose"}
        assert tool["data"] in {"public", "private"}
        assert tool["schema"]["type"] == "object"


def test_schema_prints_json_schema(capsys):
    assert main(["schema", "order", "--json"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert main(["schema", "--json"]) == 0
    assert "order" in json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("option_first", [True, False])
def test_common_options_stand_before_or_after_the_command(option_first, capsys):
    words = ["--json", "schema", "order"] if option_first else ["schema", "order", "--json"]
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "Order"


def test_an_unreachable_database_is_one_sentence(tmp_path):
    env = {"DATABASE_URL": "postgresql://user:hunter2hunter2@127.0.0.1:1/none", "QUANTDESK_HOME": str(tmp_path)}
    done = call("positions", "--json", env=env)
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] == "unavailable"
    assert "database cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr + done.stdout


def test_a_setting_that_does_not_fit_is_named(tmp_path):
    done = call("status", "--json", env={"QUANTDESK_PORT": "eight", "QUANTDESK_HOME": str(tmp_path)})
    assert done.returncode == 1
    assert "QUANTDESK_PORT" in json.loads(done.stdout)["error"]["message"]


def test_status_of_a_desk_that_never_ran(tmp_path):
    done = call("status", "--json", "--home", str(tmp_path / "desk"))
    assert done.returncode == 0
    document = json.loads(done.stdout)
    assert {part["name"]: part["state"] for part in document["parts"]} == {
        "postgres": "down",
        "temporal": "down",
        "worker": "down",
        "web": "down",
    }
    assert not (tmp_path / "desk").exists()


def test_an_unexpected_failure_leaves_no_traceback_on_the_screen(tmp_path, monkeypatch, capsys):
    import app.cli_commands.schema as command

    def broken(*_: object) -> int:
        raise RuntimeError("password=hunter2hunter2")

    monkeypatch.setattr(command, "run", broken)
    assert main(["schema", "--json", "--home", str(tmp_path)]) == 1
    shown = capsys.readouterr()
    assert json.loads(shown.out)["error"]["code"] == "internal"
    assert "Traceback" not in shown.err
    assert "hunter2" not in shown.err
    assert "RuntimeError" in (tmp_path / "logs" / "errors.log").read_text()
