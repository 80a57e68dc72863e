"""`quantdesk notify show | test`: what is set, and whether it works."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from app.cli import main
from core.settings import load_settings
from core.testing.notice_stand_ins import Posted, serve_notices


@pytest.fixture(autouse=True)
def fresh_settings() -> Iterator[None]:
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Posted]:
    with serve_notices() as made:
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        yield made


def test_without_settings_the_test_fails_and_says_where_to_look(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["notify", "test"]) == 1
    assert "notify show" in capsys.readouterr().err
    assert main(["notify", "show"]) == 0
    shown = capsys.readouterr().out
    for name in ("QUANTDESK_SMTP_URL", "QUANTDESK_SLACK_WEBHOOK_URL", "QUANTDESK_TELEGRAM_TOKEN"):
        assert name in shown
    assert main(["notify", "show", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"mail": False, "slack": False, "telegram": False}


def test_a_test_is_sent_over_each_channel_that_is_set(posted: Posted, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["notify", "test", "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out) == [
        {"channel": "slack", "sent": True, "error": None},
        {"channel": "telegram", "sent": True, "error": None},
    ]
    assert (len(posted.slack), len(posted.telegram)) == (1, 1)
    assert "a test" in posted.slack[0]["text"]
    assert "secret" not in told.out + told.err


def test_a_channel_that_does_not_work_is_named_with_exit_code_1(
    posted: Posted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QUANTDESK_TELEGRAM_CHAT", "somebody else")
    assert main(["notify", "test"]) == 1
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert lines["slack"].split()[1] == "yes"
    assert lines["telegram"].split()[1] == "no" and "400" in lines["telegram"]
