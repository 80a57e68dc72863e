"""Send notices over mail, Slack and Telegram to servers on loopback; no secret is ever shown."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from core.adapters.notify import open_notifiers
from core.data.notices import send_notice
from core.errors import InvalidInput, Unavailable
from core.ports.notifier import MOST_CHARACTERS, Notice, Notifier
from core.settings import Settings
from core.testing.notice_stand_ins import SLACK_PATH, TELEGRAM_CHAT, TELEGRAM_TOKEN, Posted, serve_notices

NOW = datetime(2024, 2, 14, 12, tzinfo=UTC)
NOTICE = Notice(title="quantdesk: daily ingest partial", lines=("news of <polygon> failed: 503 & more", "Run ing_1."))
PASSWORD = "a mail/secret"
SECRETS = (PASSWORD, "slack-secret-in-the-path", "telegram-secret-token", "a%20mail%2Fsecret")


class FreePort(Controller):
    """Listen on a port that the system chooses."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        super()._trigger_server()


class Letters:
    """Keep every mail."""

    def __init__(self) -> None:
        self.kept: list[Any] = []

    async def handle_DATA(  # noqa: N802  (the library calls it so)
        self, server: Any, session: Any, envelope: Any
    ) -> str:
        """Take a mail."""
        self.kept.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return "250 taken"


@pytest.fixture(scope="module")
def smtp() -> Iterator[Controller]:
    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: LoginPassword) -> AuthResult:
        right = (data.login, data.password) == (b"desk@home", PASSWORD.encode())
        return AuthResult(success=right, handled=False)

    server = FreePort(
        Letters(),
        hostname="127.0.0.1",
        port=0,
        authenticator=check,
        auth_required=True,
        auth_require_tls=False,
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture
def letters(smtp: Controller) -> list[Any]:
    smtp.handler.kept.clear()
    kept: list[Any] = smtp.handler.kept
    return kept


@pytest.fixture
def posted() -> Iterator[Posted]:
    with serve_notices() as made:
        yield made


def mail_settings(port: int, password: str = "a%20mail%2Fsecret", **other: Any) -> Settings:
    told: dict[str, Any] = {"mail_from": "desk@example.org", "mail_to": "ann@example.org, ben@example.org", **other}
    return Settings(smtp_url=f"smtp://desk%40home:{password}@127.0.0.1:{port}", **told)


def channel(settings: Settings) -> Notifier:
    (found,) = open_notifiers(settings, lambda: NOW)
    return found


def web_settings(posted: Posted, **other: Any) -> Settings:
    given: dict[str, Any] = {
        "slack_webhook_url": f"{posted.url}{SLACK_PATH}",
        "telegram_url": posted.url,
        "telegram_token": TELEGRAM_TOKEN,
        "telegram_chat": TELEGRAM_CHAT,
        **other,
    }
    return Settings(**given)


def test_nothing_set_nobody_is_told() -> None:
    assert open_notifiers(Settings(), lambda: NOW) == []
    assert send_notice([], NOTICE) == []


def test_a_mail_has_its_recipients_title_and_lines(smtp: Controller, letters: list[Any]) -> None:
    channel(mail_settings(smtp.port)).send(NOTICE)
    ((sender, recipients, content),) = letters
    mail = message_from_bytes(content, policy=policy.default)
    assert (sender, recipients) == ("desk@example.org", ["ann@example.org", "ben@example.org"])
    assert mail["subject"] == NOTICE.title
    assert mail["date"].datetime == NOW
    text = mail.get_body()
    assert text is not None
    assert text.get_content().splitlines() == list(NOTICE.lines)


def test_the_sender_is_the_first_recipient_unless_set(smtp: Controller, letters: list[Any]) -> None:
    channel(mail_settings(smtp.port, mail_from=None)).send(NOTICE)
    assert letters[0][0] == "ann@example.org"


def test_a_title_cannot_add_headers_to_a_mail(smtp: Controller, letters: list[Any]) -> None:
    channel(mail_settings(smtp.port)).send(Notice(title="failed\r\nBcc: eve@example.org", lines=("x",)))
    ((_, recipients, content),) = letters
    assert "eve@example.org" not in recipients
    assert message_from_bytes(content, policy=policy.default)["bcc"] is None


def test_a_wrong_password_is_an_error_without_the_password(smtp: Controller, letters: list[Any]) -> None:
    with pytest.raises(Unavailable, match="SMTPAuthenticationError 535") as caught:
        channel(mail_settings(smtp.port, password="wrong-secret")).send(NOTICE)
    assert "wrong-secret" not in str(caught.value)
    assert letters == []


def test_a_server_beyond_this_machine_must_offer_tls(smtp: Controller, letters: list[Any]) -> None:
    plain = FreePort(Letters(), hostname="127.0.0.2", port=0)
    plain.start()
    try:
        port = plain.port
        settings = Settings(smtp_url=f"smtp://desk:{SECRETS[3]}@127.0.0.2:{port}", mail_to="ann@example.org")
        with pytest.raises(Unavailable, match="SMTPNotSupportedError"):
            channel(settings).send(NOTICE)
        assert plain.handler.kept == []
    finally:
        plain.stop()


def test_smtps_speaks_tls_from_the_first_byte(smtp: Controller, letters: list[Any]) -> None:
    settings = Settings(smtp_url=f"smtps://127.0.0.1:{smtp.port}", mail_to="ann@example.org")
    with pytest.raises(Unavailable, match="SSL"):
        channel(settings).send(NOTICE)
    assert letters == []


@pytest.mark.parametrize("url", ["mail.example.org:587", "https://mail.example.org", "smtp://", "smtp://host:notaport"])
def test_an_address_that_is_none_says_what_was_expected(url: str) -> None:
    with pytest.raises(InvalidInput, match=r"QUANTDESK_SMTP_URL.*smtp://user:password@host:587"):
        channel(Settings(smtp_url=url, mail_to="ann@example.org")).send(NOTICE)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(InvalidInput, match="QUANTDESK_MAIL_TO"):
        channel(Settings(smtp_url="smtp://127.0.0.1:1")).send(NOTICE)
    with pytest.raises(InvalidInput, match="QUANTDESK_TELEGRAM_CHAT"):
        channel(Settings(telegram_token="1:x")).send(NOTICE)


def test_slack_gets_one_text_with_its_own_signs_escaped(posted: Posted) -> None:
    channel(Settings(slack_webhook_url=f"{posted.url}{SLACK_PATH}")).send(NOTICE)
    (message,) = posted.slack
    assert message == {"text": f"{NOTICE.title}\nnews of &lt;polygon&gt; failed: 503 &amp; more\nRun ing_1."}


def test_telegram_gets_one_text_in_its_chat(posted: Posted) -> None:
    channel(web_settings(posted, slack_webhook_url=None)).send(NOTICE)
    (message,) = posted.telegram
    assert (message["chat_id"], message["text"]) == (TELEGRAM_CHAT, "\n".join((NOTICE.title, *NOTICE.lines)))
    assert "parse_mode" not in message


def test_a_long_notice_is_cut_to_what_telegram_takes(posted: Posted) -> None:
    long = Notice(title="quantdesk: many", lines=tuple("a long line of a failure " * 10 for _ in range(60)))
    channel(web_settings(posted, slack_webhook_url=None)).send(long)
    (message,) = posted.telegram
    assert MOST_CHARACTERS - 10 < len(message["text"]) <= MOST_CHARACTERS
    assert message["text"].endswith("\n...")


def test_an_unknown_chat_and_a_wrong_token_are_errors(posted: Posted) -> None:
    for other in ({"telegram_chat": "nobody"}, {"telegram_token": "9:other-secret"}):
        with pytest.raises(Unavailable, match=r"answered 40[04]") as caught:
            channel(web_settings(posted, slack_webhook_url=None, **other)).send(NOTICE)
        assert "other-secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://hooks.slack.com/services/slack-secret-in-the-path", "ftp://x/y", "https://"])
def test_a_webhook_is_called_over_https_only(url: str) -> None:
    with pytest.raises(InvalidInput, match="QUANTDESK_SLACK_WEBHOOK_URL makes no https address") as caught:
        channel(Settings(slack_webhook_url=url)).send(NOTICE)
    assert "slack-secret" not in str(caught.value)


def test_one_channel_that_fails_leaves_the_others_and_shows_no_secret(
    smtp: Controller, letters: list[Any], posted: Posted, caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    posted.status = 500
    settings = web_settings(
        posted,
        smtp_url=f"smtp://desk%40home:a%20mail%2Fsecret@127.0.0.1:{smtp.port}",
        mail_to="ann@example.org",
        slack_webhook_url=f"http://127.0.0.1:1{SLACK_PATH}",
    )
    with caplog.at_level(logging.DEBUG):
        deliveries = send_notice(open_notifiers(settings, lambda: NOW), NOTICE)
    assert [(found.channel, found.error) for found in deliveries] == [
        ("mail", None),
        ("slack", "Slack cannot be reached (ConnectError)."),
        ("telegram", "Telegram did not take the notice: it answered 500."),
    ]
    assert len(letters) == 1
    shown = caplog.text + "".join(capsys.readouterr()) + repr(settings) + repr(deliveries)
    assert not [secret for secret in SECRETS if secret in shown]


def test_an_answer_that_only_looks_like_success_is_an_error(posted: Posted) -> None:
    # Slack's path answers 200 with the text `ok`, which is no answer of Telegram's.
    token = "x" * 3
    settings = Settings(telegram_token=token, telegram_chat="1", telegram_url=posted.url)
    with pytest.raises(Unavailable):
        channel(settings).send(NOTICE)
