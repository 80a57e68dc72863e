"""Take what the desk posts to Slack and Telegram, on loopback, and answer as they do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SLACK_PATH = "/services/T000/B000/slack-secret-in-the-path"
TELEGRAM_TOKEN = "123456:telegram-secret-token"
TELEGRAM_CHAT = "-1001234"


@dataclass(slots=True)
class Posted:
    """Hold every message taken, by service; `status` other than 200 refuses them, and `refused` counts those."""

    url: str = ""
    status: int = 200
    refused: int = 0
    slack: list[dict[str, Any]] = field(default_factory=list)
    telegram: list[dict[str, Any]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment variables that point the desk here."""
        return {
            "QUANTDESK_SLACK_WEBHOOK_URL": f"{self.url}{SLACK_PATH}",
            "QUANTDESK_TELEGRAM_URL": self.url,
            "QUANTDESK_TELEGRAM_TOKEN": TELEGRAM_TOKEN,
            "QUANTDESK_TELEGRAM_CHAT": TELEGRAM_CHAT,
        }


@contextmanager
def serve_notices() -> Iterator[Posted]:
    """Run a server on a free loopback port."""
    posted = Posted()
    handler = type("Handler", (_Handler,), {"posted": posted})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    posted.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield posted
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    posted: Posted
    wbufsize = -1

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
        if self.posted.status != 200:
            self.posted.refused += 1
            self._send(self.posted.status, b"no")
        elif self.path == SLACK_PATH:
            self.posted.slack.append(body)
            self._send(200, b"ok")
        elif self.path == f"/bot{TELEGRAM_TOKEN}/sendMessage":
            known = body.get("chat_id") == TELEGRAM_CHAT and 0 < len(body.get("text", "")) <= 4096
            if known:
                self.posted.telegram.append(body)
            answer = {"ok": True, "result": {}} if known else {"ok": False, "error_code": 400}
            self._send(200 if known else 400, json.dumps(answer).encode())
        else:
            self._send(404, b'{"ok": false, "error_code": 404, "description": "Not Found"}')

    def _send(self, status: int, body: bytes) -> None:
        self.send_response_only(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
