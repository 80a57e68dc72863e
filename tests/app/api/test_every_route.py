"""Every route of the schema, with every kind of caller and malformed requests: generated, so that none is left out."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, get_args

import httpx
import pytest
from fastapi import FastAPI

from app.api.errors import status_of
from app.api.middleware import BODY_LIMIT
from app.auth.accounts import SESSION_LIFETIME, Accounts
from app.server import create_api
from core import errors
from core.domain.records import record_kinds
from core.settings import Settings
from tools.registry import load_tools

BASE = "http://127.0.0.1:8000"
PASSWORD = "correct horse battery"
# What a request needs beyond being signed in; the desk itself judges approvals, halts and traces.
NEEDS = {
    ("GET", "/api/calls"): "read",
    ("POST", "/api/ask"): "read",
    ("GET", "/api/proposals"): "read",
    ("GET", "/api/proposals/{proposal_id}"): "read",
    ("GET", "/api/orders"): "read",
    ("GET", "/api/positions"): "read",
    ("GET", "/api/trading"): "read",
    ("GET", "/api/accounts"): "read",
    ("GET", "/api/rules"): "read",
    ("GET", "/api/reconciliation"): "read",
    ("GET", "/api/clock"): "read",
    ("POST", "/api/clock/advance"): "trade",
    ("GET", "/api/quarantine"): "read",
    ("GET", "/api/quarantine/{row}"): "read",
    ("POST", "/api/quarantine/{row}/release"): "admin",
    ("POST", "/api/quarantine/{row}/discard"): "admin",
    ("GET", "/api/reports"): "read",
    ("POST", "/api/reports"): "read",
    ("GET", "/api/reports/{report_id}"): "read",
    ("GET", "/api/reports/{report_id}/page"): "read",
    ("GET", "/api/records"): "read",
    **{("GET", f"/api/records/{record.kind}"): "read" for record in record_kinds()},
    **{("GET", f"/api/records/{record.kind}/one"): "read" for record in record_kinds()},
    **{("POST", f"/api/records/{record.kind}"): "read" for record in record_kinds() if record.owned_by},
    **{("PUT", f"/api/records/{record.kind}/{{key}}"): "read" for record in record_kinds() if record.owned_by},
    **{("DELETE", f"/api/records/{record.kind}/{{key}}"): "read" for record in record_kinds() if record.owned_by},
    **{("POST", f"/api/tools/{tool.name}"): "trade" if tool.effect == "propose" else "read" for tool in load_tools()},
}
OPEN = {("GET", "/api/health")}
COOKIE_ONLY = {("GET", "/api/session")}
ANYONE_SIGNED_IN = {
    ("GET", "/api/tools"),
    ("GET", "/api/why/{fact}"),
    ("POST", "/api/replay/{run}"),
    ("POST", "/api/proposals/{proposal_id}/decision"),
    ("POST", "/api/halt"),
    ("POST", "/api/resume"),
    ("POST", "/api/accounts/{account_id}/live"),
    ("POST", "/api/accounts/{account_id}/transfers"),
    ("POST", "/api/rules"),
    ("DELETE", "/api/rules/{name}"),
}
BODIES: dict[str, dict[str, Any]] = {
    "/api/ask": {"question": "How did AAPL do in 2008?"},
    "/api/reports": {"kind": "sod"},
    "/api/accounts/{account_id}/live": {"live": True},
    "/api/accounts/{account_id}/transfers": {"movement": "deposit", "amount": "10.00", "reference": "r1"},
    "/api/rules": {"name": "no KO", "condition": {"symbols": ["KO"]}},
    "/api/proposals/{proposal_id}/decision": {"decision": "approved", "digest": "0" * 64},
    "/api/tools/performance": {"symbols": ["AAPL"]},
    "/api/tools/price_chart": {"symbols": ["AAPL"]},
    "/api/tools/indicators": {"symbol": "AAPL"},
    "/api/tools/backtest": {"strategy": "sma_crossover", "symbols": ["AAPL"]},
    "/api/tools/query_metric": {"metric": "close"},
    "/api/tools/size_position": {"symbol": "AAPL"},
    "/api/tools/run_sql": {"sql": "SELECT 1"},
    "/api/tools/propose_trade": {"symbol": "KO", "side": "buy", "quantity": 1},
    "/api/tools/save_strategy": {"name": "mine", "strategy": "buy_and_hold", "symbols": ["KO"]},
    "/api/tools/calibrate": {"symbols": ["AAPL"], "model": "gbm"},
    "/api/tools/day_report": {"kind": "end"},
    "/api/tools/calculate": {"operation": "sum", "facts": ["fct_a_0", "fct_b_0"]},
    "/api/tools/correlation": {"symbols": ["AAPL", "MSFT"]},
    "/api/tools/event_study": {"symbols": ["AAPL"]},
    "/api/tools/expected_value": {"strategy": "sma_crossover", "symbols": ["AAPL"]},
    "/api/tools/optimise_portfolio": {"symbols": ["AAPL", "MSFT"]},
    "/api/tools/scan_conditions": {"condition": "close > 1", "symbols": ["AAPL"]},
    "/api/tools/sweep": {"strategy": "sma_crossover", "symbols": ["AAPL"], "grid": {"fast": [5, 10]}},
    "/api/tools/train_model": {"symbols": ["AAPL"]},
    "/api/tools/walk_forward": {"strategy": "sma_crossover", "symbols": ["AAPL"], "grid": {"fast": [5, 10]}},
    "/api/records/watch_list": {"name": "mine"},
    "/api/records/watch_list/{key}": {"name": "mine"},
    "/api/records/own_event": {"name": "mine", "event_date": "2024-01-02"},
    "/api/records/own_event/{key}": {"name": "mine", "event_date": "2024-01-02"},
    "/api/records/strategy": {"name": "mine", "spec": {"strategy": "buy_and_hold"}},
    "/api/records/strategy/{key}": {"name": "mine", "spec": {"strategy": "buy_and_hold"}},
}


def key_value(annotation: Any) -> str:
    """Return a value of a key's field, as a query would state it."""
    known = {int: "1", float: "1", str: "x", date: "2024-01-02", datetime: "2024-01-02T21:00:00Z"}
    options = get_args(annotation)
    return known.get(annotation) or known.get(options[0]) or str(options[0])


QUERIES = {
    f"/api/records/{record.kind}/one": {
        name: key_value(record.model_fields[name].annotation) for name in record.key if name in record.model_fields
    }
    for record in record_kinds()
}


class Reached:
    """Be whatever part of the desk a route asks for, and say that the request came through."""

    def __getattr__(self, name: str) -> Reached:
        return Reached()

    def __call__(self, *_: object, **__: object) -> None:
        raise errors.VendorError("reached")


class Current:
    """Stand for the accounts of the running test, so that the application is built once."""

    accounts: Accounts

    def __getattr__(self, name: str) -> Any:
        return getattr(self.accounts, name)


def application(accounts: Accounts) -> FastAPI:
    parts = SimpleNamespace(
        settings=Settings(), desk=Reached(), kill_switch=Reached(), reports=Reached(), records=Reached(),
        make_report=Reached(), advance_clock=Reached(), open_assistant=Reached, review=Reached(), accounts=Reached(),
        reject_rules=Reached(),
    )  # fmt: skip
    return create_api(parts, accounts)  # type: ignore[arg-type]


CURRENT = Current()
APP = application(CURRENT)  # type: ignore[arg-type]
SCHEMA = APP.openapi()
ROUTES = [(method.upper(), path) for path, operations in SCHEMA["paths"].items() for method in operations]
CHANGING = [route for route in ROUTES if route[0] != "GET"]
WITH_BODY = [route for route in CHANGING if "requestBody" in SCHEMA["paths"][route[1]][route[0].lower()]]


def named(route: tuple[str, str]) -> str:
    return f"{route[0]} {route[1].removeprefix('/api/')}"


def url(path: str) -> str:
    return re.sub(r"\{(\w+)\}", r"x_\1", path)


@pytest.fixture
def app(memory_accounts) -> FastAPI:
    CURRENT.accounts = memory_accounts
    return APP


@pytest.fixture
async def client(app) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        yield client


def bearer(accounts: Accounts, *scopes: str, kind: str = "person") -> dict[str, str]:
    return {"authorization": f"Bearer {accounts.create_key('owner', 'k', kind=kind, scopes=scopes)[1]}"}


async def send(client: httpx.AsyncClient, route: tuple[str, str], headers: dict[str, str] | None = None):
    method, path = route
    body = BODIES.get(path, {}) if method != "GET" else None
    return await client.request(method, url(path), json=body, headers=headers, params=QUERIES.get(path))


def test_every_route_is_placed():
    placed = set(NEEDS) | OPEN | COOKIE_ONLY | ANYONE_SIGNED_IN
    assert set(ROUTES) == placed, "a new route must say here what it needs"


@pytest.mark.parametrize("route", ROUTES, ids=named)
async def test_without_a_login(client, route):
    answer = await send(client, route)
    assert answer.status_code == (200 if route in OPEN else 401)
    if route not in OPEN:
        assert answer.json()["error"]["code"] == "not_signed_in"
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("route", sorted(NEEDS), ids=named)
async def test_with_each_single_scope(client, memory_accounts, route):
    """A key with one scope gets through exactly where that scope is the one that is needed."""
    for scope in ("read", "trade", "approve", "admin"):
        answer = await send(client, route, bearer(memory_accounts, scope))
        if scope == NEEDS[route]:
            assert answer.status_code not in {401, 403}, f"{scope}: {answer.text}"
        else:
            assert answer.status_code == 403, f"{scope}: {answer.status_code} {answer.text[:200]}"
            assert answer.json()["error"]["code"] == "refused"
            assert NEEDS[route] in answer.json()["error"]["message"]


@pytest.mark.parametrize("route", sorted(ANYONE_SIGNED_IN), ids=named)
async def test_where_the_desk_itself_decides(client, memory_accounts, route):
    for scope in ("read", "trade", "approve"):
        answer = await send(client, route, bearer(memory_accounts, scope))
        assert answer.status_code not in {401, 403, 500}, answer.text


@pytest.mark.parametrize("kind", ["agent", "service"])
async def test_no_machine_moves_the_clock(client, memory_accounts, kind):
    answer = await client.post(
        "/api/clock/advance", json={"sessions": 1}, headers=bearer(memory_accounts, "read", "trade", kind=kind)
    )
    assert answer.status_code == 403
    assert "Only a person" in answer.json()["error"]["message"]


@pytest.mark.parametrize("route", CHANGING, ids=named)
async def test_a_cookie_alone_changes_nothing(client, memory_accounts, route):
    opened = memory_accounts.sign_in("owner", PASSWORD)
    stranger = memory_accounts.sign_in("ann", PASSWORD).session.csrf_token
    client.cookies.set("quantdesk_session", opened.token)
    for headers in ({}, {"x-csrf-token": ""}, {"x-csrf-token": stranger}, {"x-csrf-token": "é".encode("latin-1")}):
        answer = await send(client, route, headers)
        assert answer.status_code == 403, headers
        assert "X-CSRF-Token" in answer.json()["error"]["message"]
    answer = await send(client, route, {"x-csrf-token": opened.session.csrf_token})
    assert answer.status_code not in {401, 403}, answer.text


@pytest.mark.parametrize("route", [route for route in ROUTES if route not in OPEN], ids=named)
async def test_an_ended_session_opens_no_route(client, memory_accounts, movable_clock, route):
    opened = memory_accounts.sign_in("owner", PASSWORD)
    movable_clock.pass_by(SESSION_LIFETIME)
    client.cookies.set("quantdesk_session", opened.token)
    answer = await send(client, route, {"x-csrf-token": opened.session.csrf_token})
    assert answer.status_code == 401


@pytest.mark.parametrize("route", WITH_BODY, ids=named)
async def test_a_field_too_many_is_refused(client, memory_accounts, route):
    body = {**BODIES.get(route[1], {}), "approved_by": "owner"}
    headers = bearer(memory_accounts, "read", "trade", "approve", "admin")
    answer = await client.request(route[0], url(route[1]), json=body, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "invalid_input"
    assert "approved_by" in answer.json()["error"]["message"]


@pytest.mark.parametrize("route", WITH_BODY, ids=named)
@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", '"text"', "{'a': 1}", "\xff"])
async def test_what_is_no_object_is_refused(client, memory_accounts, route, text):
    headers = bearer(memory_accounts, "read", "trade", "approve", "admin") | {"content-type": "application/json"}
    answer = await client.request(route[0], url(route[1]), content=text.encode("latin-1"), headers=headers)
    assert answer.status_code in {400, 422}, answer.text
    assert set(answer.json()) == {"error"}
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("route", ROUTES, ids=named)
async def test_another_method_is_no_way_in(client, memory_accounts, route):
    headers = bearer(memory_accounts, "read", "trade", "approve", "admin")
    own = {method for method, path in ROUTES if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), url(route[1]))}
    for method in {"PUT", "PATCH", "DELETE"} - own:
        answer = await client.request(method, url(route[1]), headers=headers, json={})
        assert answer.status_code == 405
        assert answer.json()["error"]["code"] == "http"


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("limit=0", "/api/proposals"),
        ("limit=1001", "/api/proposals"),
        ("limit=many", "/api/calls"),
        ("limit=-1", "/api/reports"),
        ("state=open", "/api/proposals"),
        ("state=filled&state=gone", "/api/orders"),
    ],
)
async def test_a_query_that_does_not_fit_is_named(client, memory_accounts, query, path):
    answer = await client.get(f"{path}?{query}", headers=bearer(memory_accounts, "read"))
    assert answer.status_code == 422
    assert query.split("=", 1)[0] in answer.json()["error"]["message"]


@pytest.mark.parametrize("sessions", [0, -1, 251, 1.5, "many", None])
async def test_the_clock_moves_by_whole_sessions(client, memory_accounts, sessions):
    answer = await client.post(
        "/api/clock/advance", json={"sessions": sessions}, headers=bearer(memory_accounts, "trade")
    )
    assert answer.status_code == 422


@pytest.mark.parametrize("as_of", ["yesterday", "2009-01-01T00:00:00", "2009-13-01T00:00:00Z"])
async def test_a_time_needs_a_form_and_a_zone(client, memory_accounts, as_of):
    answer = await client.post(
        "/api/tools/performance",
        params={"as_of": as_of},
        json={"symbols": ["AAPL"]},
        headers=bearer(memory_accounts, "read"),
    )
    assert answer.status_code == 422
    assert "as_of" in answer.json()["error"]["message"]


@pytest.mark.parametrize("seed", [-1, 2**48, "x"])
async def test_a_seed_has_48_bits(client, memory_accounts, seed):
    answer = await client.post(
        "/api/tools/simulate", params={"seed": seed}, json={}, headers=bearer(memory_accounts, "read")
    )
    assert answer.status_code == 422


@pytest.mark.parametrize("origin", ["http://[", "null", "http://evil.example", "http://127.0.0.1:8000.evil.example"])
async def test_a_malformed_or_foreign_origin_changes_nothing(client, memory_accounts, origin):
    answer = await client.post("/api/halt", json={}, headers={**bearer(memory_accounts, "read"), "origin": origin})
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "origin"


@pytest.mark.parametrize(
    ("length", "status"), [("x", 413), ("²", 413), ("-1", 413), (str(BODY_LIMIT + 1), 413), (str(BODY_LIMIT), 401)]
)
async def test_the_declared_length_is_checked(client, length, status):
    headers = {"content-length": length.encode("latin-1")}
    answer = await client.request("POST", "/api/halt", content=b"{}", headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize("wanted", ["//[", "/[", "//[::1", "http://[", "/chat/?x=[", "/\u202e/x", "/%0d%0a"])
async def test_the_login_page_survives_any_next(client, wanted):
    answer = await client.get("/login", params={"next": wanted})
    assert answer.status_code == 200
    assert 'name="next" value="/' in answer.text
    assert 'value="//' not in answer.text


async def test_the_cookie_is_secure_behind_https(app, memory_accounts):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://127.0.0.1:8000") as browser:
        answer = await browser.post("/login", data={"name": "owner", "password": PASSWORD})
    cookie = next(text for text in answer.headers.get_list("set-cookie") if text.startswith("quantdesk_session="))
    assert "Secure" in cookie
    assert "HttpOnly" in cookie
    assert "Domain" not in cookie


async def test_failed_logins_are_limited_over_http(client, memory_accounts, movable_clock):
    for _ in range(5):
        assert (await client.post("/login", data={"name": "owner", "password": "guess guess"})).status_code == 401
    locked = await client.post("/login", data={"name": "owner", "password": PASSWORD})
    assert locked.status_code == 401
    assert "Too many failed logins" in locked.text
    assert "quantdesk_session" not in client.cookies
    movable_clock.pass_by(timedelta(minutes=5))
    assert (await client.post("/login", data={"name": "owner", "password": PASSWORD})).status_code == 303


@pytest.mark.parametrize("fields", [{}, {"name": "owner"}, {"name": "x" * 201, "password": "x"}])
async def test_a_login_without_its_fields_is_refused(client, memory_accounts, fields):
    answer = await client.post("/login", data=fields)
    assert answer.status_code == 422
    assert "password" in answer.text or "name" in answer.text


async def test_a_revoked_key_is_out_at_the_next_request(client, memory_accounts):
    key, credential = memory_accounts.create_key("owner", "k", scopes=["read"])
    headers = {"authorization": f"Bearer {credential}"}
    assert (await client.get("/api/tools", headers=headers)).status_code == 200
    memory_accounts.revoke_key(key.key_id)
    assert (await client.get("/api/tools", headers=headers)).status_code == 401


async def test_a_key_is_no_session(client, memory_accounts):
    """A key in the place of the cookie, and a session's token in the place of the key, open nothing they should not."""
    _, credential = memory_accounts.create_key("owner", "k", scopes=["read"])
    client.cookies.set("quantdesk_session", credential)
    assert (await client.get("/api/session")).status_code == 401
    client.cookies.clear()
    token = memory_accounts.sign_in("owner", PASSWORD).token
    answer = await client.get("/api/tools", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 401


def leaves(kind: type[errors.QuantdeskError]) -> list[type[errors.QuantdeskError]]:
    return [kind, *(leaf for child in kind.__subclasses__() if child.__module__ == errors.__name__
                    for leaf in leaves(child))]  # fmt: skip


@pytest.mark.parametrize("kind", leaves(errors.QuantdeskError), ids=lambda kind: kind.__name__)
def test_every_error_of_the_tree_has_a_status_that_says_whose_fault_it_is(kind):
    if issubclass(kind, errors.TradingHalted):
        error = kind()
    elif issubclass(kind, errors.UnknownName):
        error = kind("symbol", "x")
    elif issubclass(kind, errors.Refused):
        error = kind("x", rule="r")
    elif issubclass(kind, errors.SqlFailed):
        error = kind("x", state="22012")
    else:
        error = kind("x")
    status = status_of(error)
    if issubclass(kind, errors.UserError):
        assert 400 <= status < 500
    elif issubclass(kind, errors.BudgetExceeded):
        assert status == 429
    else:
        assert status >= 500
    if error.retry_helps:
        assert status >= 429
