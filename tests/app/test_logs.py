"""Secrets never reach a log line."""

from __future__ import annotations

import io
import json
import logging
from contextlib import redirect_stderr

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from app.logs import HIDDEN, configure_logging, hide_in_text, hide_secrets
from core.settings import Settings

TEXT = st.text(st.characters(categories=("Lu", "Ll", "Nd")), min_size=8, max_size=40)


@given(secret=TEXT)
def test_a_password_in_an_address_is_hidden(secret: str) -> None:
    line = hide_in_text(f"cannot connect to postgresql://desk:{secret}@db.example/quantdesk")
    assert f":{secret}@" not in line
    assert "postgresql://desk:[hidden]@db.example/quantdesk" in line


@pytest.mark.parametrize("name", ["password", "api_key", "ANTHROPIC_API_KEY", "Authorization", "database_url", "token"])
def test_a_field_with_a_secret_name_is_hidden(name: str) -> None:
    assert hide_secrets(None, "info", {name: "value", "symbol": "AAPL"}) == {name: HIDDEN, "symbol": "AAPL"}


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcdefghijklmnop.qrst",
        "GET /fred/series?series_id=GDP&api_key=0123456789abcdef&file_type=json",
        "POST /bot123456:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/sendMessage",
        "key sk-ant-REDACTED was refused",
        "key qd_live_0123456789abcdef0123 was revoked",
    ],
)
def test_keys_and_tokens_in_texts_are_hidden(text: str) -> None:
    hidden = hide_in_text(text)
    assert HIDDEN in hidden
    for secret in ("abcdefghijklmnop", "0123456789abcdef", "AAHdqTcv", "sk-ant"):
        assert secret not in hidden


@given(st.text(st.characters(categories=("Ll", "Zs")), max_size=60))
def test_plain_words_stay_as_they_are(text: str) -> None:
    assert hide_in_text(text) == text


def test_both_kinds_of_logger_write_to_standard_error_without_secrets(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings())
    try:
        structlog.get_logger().info("signed in", user="ann", password="hunter2-hunter2")
        logging.getLogger("vendor").warning("failed: https://x.example/?api_key=hunter2-hunter2")
    finally:
        structlog.reset_defaults()
        logging.getLogger().handlers.clear()
    out, err = capfd.readouterr()
    assert out == ""
    assert "hunter2" not in err
    entry = json.loads(err.splitlines()[0])
    assert entry["event"] == "signed in"
    assert entry["user"] == "ann"


def test_a_line_goes_to_what_is_standard_error_when_it_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    first = io.StringIO()
    with redirect_stderr(first):
        configure_logging(Settings())
    first.close()
    structlog.get_logger("later").warning("still.here")
    logging.getLogger("later").warning("here too")
    said = capsys.readouterr().err
    assert "still.here" in said and "here too" in said
