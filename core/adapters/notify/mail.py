"""Send notices by mail."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from datetime import datetime
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import SecretStr

from core.errors import InvalidInput, Unavailable
from core.ports.notifier import Notice
from core.settings import is_loopback

TIMEOUT_S = 10.0
_PORTS = {"smtp": 587, "smtps": 465}
_FORM = "smtp://user:password@host:587 (STARTTLS) or smtps://user:password@host:465"


class Mail:
    """Hand mails to one SMTP server; beyond this machine over TLS only, whose certificate is checked."""

    channel = "mail"

    def __init__(self, url: SecretStr, sender: str | None, recipients: str | None, now: Callable[[], datetime]) -> None:
        self._url = url
        self._sender = sender
        self._recipients = recipients
        self._now = now

    def send(self, notice: Notice) -> None:
        """Send a notice; raise InvalidInput for settings that do not fit and Unavailable when it is not taken."""
        server = self._server()
        message = self._message(notice)
        try:
            with self._connect(server) as connection:
                if server.username:
                    connection.login(unquote(server.username), unquote(server.password or ""))
                connection.send_message(message)
        except (smtplib.SMTPException, OSError) as error:
            code = getattr(error, "smtp_code", None)
            said = f" ({type(error).__name__}{f' {code}' if code else ''})"
            raise Unavailable(f"The mail server {server.hostname} did not take the notice{said}.") from None

    def _server(self) -> SplitResult:
        try:
            server = urlsplit(self._url.get_secret_value())
            fits = server.scheme in _PORTS and bool(server.hostname) and server.port != 0
        except ValueError:
            fits = False
        if not fits:
            raise InvalidInput("QUANTDESK_SMTP_URL is no address of a mail server.", hint=f"Expected {_FORM}.")
        return server

    def _message(self, notice: Notice) -> EmailMessage:
        if not self._recipients:
            raise InvalidInput("Mail has no recipient.", hint="Set QUANTDESK_MAIL_TO.")
        message = EmailMessage()
        try:
            message["Subject"] = " ".join(notice.title.split())
            message["From"] = self._sender or self._recipients.split(",")[0]
            message["To"] = self._recipients
        except (MessageError, ValueError, IndexError) as error:
            raise InvalidInput("QUANTDESK_MAIL_FROM or QUANTDESK_MAIL_TO is no mail address.") from error
        message["Date"] = format_datetime(self._now())
        message.set_content(f"{notice.body}\n")
        return message

    def _connect(self, server: SplitResult) -> smtplib.SMTP:
        host, port = server.hostname or "", server.port or _PORTS[server.scheme]
        if server.scheme == "smtps":
            return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=ssl.create_default_context())
        connection = smtplib.SMTP(host, port, timeout=TIMEOUT_S)
        if not is_loopback(host):
            # The login must not cross the network in the clear.
            connection.starttls(context=ssl.create_default_context())
        return connection
