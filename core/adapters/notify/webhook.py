"""Send notices to Slack and Telegram."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from html import escape
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from core.errors import InvalidInput, Unavailable
from core.ports.notifier import Notice
from core.settings import is_loopback

TIMEOUT_S = 10.0
_TELEGRAM = "https://api.telegram.org"


class Slack:
    """Post to an incoming webhook of Slack, whose address is the secret."""

    channel = "slack"

    def __init__(self, url: SecretStr) -> None:
        self._url = url

    def send(self, notice: Notice) -> None:
        """Send a notice; raise InvalidInput for an address that does not fit and Unavailable when it is not taken."""
        # Slack reads &, < and > as its own signs: https://api.slack.com/reference/surfaces/formatting
        text = escape(f"{notice.title}\n{notice.body}", quote=False)
        _post("Slack", "QUANTDESK_SLACK_WEBHOOK_URL", self._url.get_secret_value(), {"text": text})


class Telegram:
    """Write to one chat as a bot of Telegram."""

    channel = "telegram"

    def __init__(self, token: SecretStr, chat: str | None, url: str | None) -> None:
        self._token = token
        self._chat = chat
        self._url = url or _TELEGRAM

    def send(self, notice: Notice) -> None:
        """Send a notice; raise InvalidInput for settings that do not fit and Unavailable when it is not taken."""
        if not self._chat:
            raise InvalidInput("The Telegram bot has no chat to write to.", hint="Set QUANTDESK_TELEGRAM_CHAT.")
        # As plain text: a text without a parse mode needs no escaping.
        message = {"chat_id": self._chat, "text": f"{notice.title}\n{notice.body}", "disable_web_page_preview": True}
        address = f"{self._url.rstrip('/')}/bot{self._token.get_secret_value()}/sendMessage"
        answer = _post("Telegram", "QUANTDESK_TELEGRAM_URL or QUANTDESK_TELEGRAM_TOKEN", address, message)
        if not _says_ok(answer):
            raise Unavailable("Telegram did not take the notice.")


def _post(service: str, variable: str, address: str, message: Mapping[str, Any]) -> Any:
    """Return the answer to a JSON message; no error shows the address, which holds the secret."""
    import httpx

    # The HTTP client writes whole addresses into its log.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        parts = urlsplit(address)
        fits = bool(parts.hostname) and (
            parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))
        )
    except ValueError:
        fits = False
    if not fits:
        raise InvalidInput(f"{variable} makes no https address (http is for this machine only).")
    try:
        answer = httpx.post(address, json=dict(message), timeout=TIMEOUT_S, follow_redirects=False)
    except httpx.InvalidURL:
        raise InvalidInput(f"{variable} makes no valid address.") from None
    except httpx.HTTPError as error:
        raise Unavailable(f"{service} cannot be reached ({type(error).__name__}).") from None
    if answer.status_code != 200:
        raise Unavailable(f"{service} did not take the notice: it answered {answer.status_code}.")
    return answer


def _says_ok(answer: Any) -> bool:
    try:
        return answer.json().get("ok") is True
    except (ValueError, AttributeError):
        return False
