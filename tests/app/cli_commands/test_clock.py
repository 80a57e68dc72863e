"""The desk clock from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.cli import main
from core.settings import load_settings

Run = Callable[..., Any]


@pytest.fixture
def run(database_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("DATABASE_URL", database_dsn)
    monkeypatch.setenv("QUANTDESK_HOME", str(tmp_path))
    load_settings.cache_clear()

    def call(*words: str, code: int = 0) -> Any:
        assert main(["clock", *words, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return call


def test_a_desk_of_its_own_data_is_put_into_replay_and_back(run: Run) -> None:
    assert run()["mode"] == "live"
    # The day after Thanksgiving closes at 13:00 in New York.
    replayed = run("replay", "2022-11-25")
    assert (replayed["mode"], replayed["now"]) == ("replay", "2022-11-25T18:00:00+00:00")
    # A Sunday shows what was known at the end of the week before it.
    assert run("replay", "2023-10-22")["now"] == "2023-10-20T20:00:00+00:00"
    assert run("replay", "2020-03-16T14:30:00Z")["now"] == "2020-03-16T14:30:00+00:00"
    assert run()["now"] == "2020-03-16T14:30:00+00:00"
    assert "future" in run("replay", "2039-01-03", code=1)["error"]["message"]
    assert run()["now"] == "2020-03-16T14:30:00+00:00"
    assert run("live")["mode"] == "live"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("replay",), "Replay from when?"),
        (("replay", "yesterday"), "'yesterday' is not a time"),
        (("advance", "many"), "no number of sessions"),
        (("advance", "-3"), "only moves forward"),
        (("live", "2020-01-01"), "takes no value"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_the_desk_is_opened(
    words: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["clock", *words, "--json"]) == 1
    assert sentence in json.loads(capsys.readouterr().out)["error"]["message"]
