"""Watch lists are kept on the command line by whoever made them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.cli import main


@pytest.fixture
def home(tmp_path: Path, own_sample_dsn: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATABASE_URL", own_sample_dsn)
    return tmp_path


def run(home: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict]:
    code = main(["--home", str(home), "--json", "watchlist", *words])
    said = capsys.readouterr()
    return code, json.loads(said.out or said.err)


def members(answer: dict) -> list[str]:
    return answer["lists"][0]["members"]


def test_a_list_is_made_changed_and_deleted(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, made = run(home, capsys, "create", "Chips", "AAPL", "spy", "--note", "to watch")
    assert (code, members(made), made["lists"][0]["note"]) == (0, ["AAPL", "SPY"], "to watch")
    assert members(run(home, capsys, "add", "chips", "microsoft")[1]) == ["AAPL", "SPY", "MSFT"]
    assert members(run(home, capsys, "remove", "Chips", "SPY")[1]) == ["AAPL", "MSFT"]
    assert members(run(home, capsys, "show", "Chips")[1]) == ["AAPL", "MSFT"]
    assert [entry["name"] for entry in run(home, capsys, "list")[1]["lists"]] == ["Chips"]
    assert main(["--home", str(home), "watchlist", "delete", "Chips"]) == 0
    capsys.readouterr()
    assert run(home, capsys, "list")[1]["lists"] == []


def test_a_group_is_a_list_of_another_kind(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(home, capsys, "create", "Mine", "--group")[1]["lists"][0]["purpose"] == "group"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("show", "Nothing"), "unknown_name"),
        (("create", "Chips", "NOSUCHTHING"), "unknown_name"),
        (("remove", "Kept", "MSFT"), "invalid_input"),
        (("create", "Kept"), "invalid_input"),
    ],
)
def test_what_does_not_fit_is_said(
    home: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: str
) -> None:
    run(home, capsys, "create", "Kept", "AAPL")
    exit_code, answer = run(home, capsys, *words)
    assert exit_code == 1
    assert answer["error"]["code"] == code
