from __future__ import annotations

from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI, WebSocket
from starlette.testclient import TestClient

from app.api.errors import status_of
from app.api.middleware import BODY_LIMIT
from app.server import create_api
from core import errors
from core.settings import Settings

BASE = "http://127.0.0.1:8000"


@pytest.fixture
def app(accounts, owner) -> FastAPI:
    app = create_api(SimpleNamespace(settings=Settings(), open_assistant=lambda: None), accounts)

    @app.get("/api/fail/{kind}")
    def fail(kind: str) -> None:
        raise KeyError("secret detail of a row: 77731.4142857") if kind == "KeyError" else errors.NoData("Nothing.")

    @app.get("/page")
    def page() -> str:
        return "a page"

    @app.get("/chat/{rest:path}")
    def chat(rest: str) -> str:
        return "the chat"

    @app.post("/echo")
    async def echo(body: dict[str, str]) -> int:
        return len(body)

    @app.websocket("/chat/ws/socket.io")
    async def socket(connection: WebSocket) -> None:
        await connection.accept()
        await connection.send_text("hello")
        await connection.close()

    return app


@pytest.fixture
async def client(app):
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        yield client


@pytest.mark.parametrize("path", ["/api/health", "/login", "/page", "/nowhere", "/api/session", "/chat/"])
async def test_every_answer_carries_the_security_headers(client, path):
    headers = (await client.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy
    assert "*" not in policy
    assert "access-control-allow-origin" not in headers


async def test_the_api_and_the_login_allow_no_inline_script(client):
    for path in ("/api/health", "/login"):
        assert "unsafe" not in (await client.get(path)).headers["content-security-policy"]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", ""])
async def test_a_foreign_host_name_is_refused(client, host):
    answer = await client.get("/api/health", headers={"host": host})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "host"


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "LOCALHOST", "[::1]:8000"])
async def test_loopback_names_are_served(client, host):
    assert (await client.get("/api/health", headers={"host": host})).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "https://localhost"])
async def test_a_change_from_another_origin_is_refused(client, origin):
    answer = await client.post("/echo", json={"a": "b"}, headers={"origin": origin})
    assert answer.json()["error"]["code"] == "origin"
    assert answer.status_code == 403
    assert (await client.post("/echo", json={"a": "b"}, headers={"origin": BASE})).status_code == 200


async def test_a_large_body_is_refused(client):
    answer = await client.post("/echo", json={"a": "x" * BODY_LIMIT})
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "too_large"


async def test_a_large_body_without_a_length_is_cut_off(client):
    async def pieces():
        for _ in range(20):
            yield b"x" * 100_000

    answer = await client.post("/echo", content=pieces(), headers={"content-type": "application/json"})
    assert answer.status_code >= 400


async def test_the_chat_needs_a_session(client, accounts, owner):
    page = await client.get("/chat/", headers={"accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (303, "/login?next=/chat/")
    assert (await client.get("/chat/project/settings")).status_code == 401
    assert (await client.get("/chat/assets/index.js")).status_code == 200
    client.cookies.set("quantdesk_session", accounts.sign_in("owner", owner).token)
    assert (await client.get("/chat/project/settings")).status_code == 200


def test_a_web_socket_needs_a_session_and_our_origin(app, accounts, owner):
    from starlette.websockets import WebSocketDisconnect

    token = accounts.sign_in("owner", owner).token
    path = "/chat/ws/socket.io"
    with TestClient(app, base_url=BASE) as client:
        for headers in (
            {},
            {"cookie": "quantdesk_session=forged"},
            {"cookie": f"quantdesk_session={token}", "origin": "http://evil.example"},
        ):
            refused = client.websocket_connect(path, headers={"host": "127.0.0.1:8000", **headers})
            with pytest.raises(WebSocketDisconnect), refused:
                pass
        good = {"host": "127.0.0.1:8000", "cookie": f"quantdesk_session={token}", "origin": BASE}
        with client.websocket_connect(path, headers=good) as ws:
            assert ws.receive_text() == "hello"


async def test_an_unexpected_error_tells_no_details(client):
    answer = await client.get("/api/fail/KeyError")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal"
    assert "77731" not in answer.text
    assert "Traceback" not in answer.text


async def test_errors_have_one_form(client):
    assert (await client.get("/api/fail/NoData")).json() == {"error": {"code": "no_data", "message": "Nothing."}}
    for answer in (await client.get("/nowhere"), await client.get("/api/session"), await client.put("/api/health")):
        assert set(answer.json()) == {"error"}
        assert set(answer.json()["error"]) == {"code", "message"}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidInput("x"), 422),
        (errors.NotSignedIn("x"), 401),
        (errors.Refused("x", rule="r"), 403),
        (errors.SqlRefused("x", rule="r"), 403),
        (errors.ApprovalRefused("x", rule="r"), 403),
        (errors.TradingHalted(), 409),
        (errors.UnknownName("symbol", "x"), 404),
        (errors.NoData("x"), 404),
        (errors.Unavailable("x"), 503),
        (errors.BudgetExceeded("x"), 429),
        (errors.VendorError("x"), 502),
        (errors.OutcomeUnknown("x"), 502),
    ],
)
def test_status_of_each_error(error, status):
    assert status_of(error) == status


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer x", "Basic b3duZXI6eA==", "Bearer qd_local_" + "A" * 43, "Bearer eyJhbGciOiJub25lIn0.e30."],
)
async def test_bad_credentials_are_401(client, header):
    answer = await client.get("/api/tools", headers={"authorization": header})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_bad_key_is_not_rescued_by_a_good_cookie(client, accounts, owner):
    client.cookies.set("quantdesk_session", accounts.sign_in("owner", owner).token)
    assert (await client.get("/api/tools", headers={"authorization": "Bearer wrong"})).status_code == 401
