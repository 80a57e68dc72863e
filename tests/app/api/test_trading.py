"""The money path over REST: who may do what, and which decisions are refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import psycopg
import pytest

from app.server import create_api

BASE = "http://127.0.0.1:8000"


@pytest.fixture(scope="module")
def app(parts, people):
    return create_api(parts, people)


@pytest.fixture(scope="module")
def keys(people) -> dict[str, str]:
    made = {
        "reads": people.create_key("owner", "reads", scopes=["read"]),
        "trades": people.create_key("owner", "trades", scopes=["read", "trade"]),
        "approves": people.create_key("owner", "approves", scopes=["read", "approve"]),
        "ann": people.create_key("ann", "ann", scopes=["read", "trade"]),
        "bob": people.create_key("bob", "bob", scopes=["read", "approve"]),
        "agent": people.create_key("owner", "agent", kind="agent", scopes=["read", "trade"]),
        "service": people.create_key("owner", "service", kind="service", scopes=["read"]),
    }
    return {name: credential for name, (_, credential) in made.items()}


@pytest.fixture
async def client(app) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client:
        yield client


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def propose(client: httpx.AsyncClient, key: str, quantity: int = 1) -> dict[str, Any]:
    body = {"symbol": "MSFT", "side": "buy", "quantity": quantity}
    answer = await client.post("/api/tools/propose_trade", json=body, headers=bearer(key))
    assert answer.status_code == 200, answer.text
    proposal_id = answer.json()["proposal_id"]
    return (await client.get(f"/api/proposals/{proposal_id}", headers=bearer(key))).json()


async def decide(client: httpx.AsyncClient, key: str, proposal: dict[str, Any], **change: Any) -> httpx.Response:
    body = {"decision": "approved", "digest": proposal["digest"], **change}
    return await client.post(f"/api/proposals/{proposal['proposal_id']}/decision", json=body, headers=bearer(key))


def decisions_of(dsn: str, proposal_id: str) -> list[tuple[str, str]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(
            "SELECT decision, face FROM execution.decisions WHERE proposal_id = %s", (proposal_id,)
        ).fetchall()


async def test_every_route_needs_someone(client, app):
    """Without a login nothing but the health check, the login and the schema answers."""
    open_paths = {"/api/health"}
    for path, operations in app.openapi()["paths"].items():
        for method in operations:
            url = path.replace("{", "").replace("}", "")
            answer = await client.request(method, url, json={})
            if path in open_paths:
                assert answer.status_code == 200
            else:
                assert answer.status_code == 401, f"{method} {path} answered {answer.status_code}"


SCOPE_MATRIX = [
    ("GET", "/api/positions", None, {"reads", "trades", "approves", "ann", "bob", "agent", "service"}),
    ("GET", "/api/orders", None, {"reads", "trades", "approves", "ann", "bob", "agent", "service"}),
    ("GET", "/api/proposals", None, {"reads", "trades", "approves", "ann", "bob", "agent", "service"}),
    ("GET", "/api/clock", None, {"reads", "trades", "approves", "ann", "bob", "agent", "service"}),
    ("GET", "/api/accounts", None, {"reads", "trades", "approves", "ann", "bob", "agent", "service"}),
    ("GET", "/api/rules", None, {"reads", "trades", "approves", "ann", "bob", "agent", "service"}),
    ("GET", "/api/trading", None, {"reads", "trades", "approves", "ann", "bob", "agent", "service"}),
    ("GET", "/api/reports", None, {"reads", "trades", "approves", "ann", "bob", "agent", "service"}),
    ("POST", "/api/tools/propose_trade", {"symbol": "KO", "side": "buy", "quantity": 1}, {"trades", "ann", "agent"}),
    ("POST", "/api/resume", {"reason": "test"}, {"approves", "bob"}),
]


@pytest.mark.parametrize(("method", "path", "body", "allowed"), SCOPE_MATRIX, ids=[row[1] for row in SCOPE_MATRIX])
async def test_scopes(client, keys, method, path, body, allowed):
    for name, key in keys.items():
        answer = await client.request(method, path, json=body, headers=bearer(key))
        assert (answer.status_code == 200) == (name in allowed), f"{name}: {answer.status_code} {answer.text[:200]}"
        if name not in allowed:
            assert answer.status_code in {401, 403}


async def test_a_person_approves_what_an_agent_proposed(client, keys, desk_dsn):
    proposal = await propose(client, keys["agent"])
    assert (proposal["state"], proposal["author_kind"]) == ("pending", "agent")
    answer = await decide(client, keys["approves"], proposal)
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "approved"
    assert answer.json()["decision"]["face"] == "api"
    assert decisions_of(desk_dsn, proposal["proposal_id"]) == [("approved", "api")]


@pytest.mark.parametrize("name", ["agent", "service", "trades", "reads", "ann"])
async def test_who_may_not_approve(client, keys, desk_dsn, name):
    proposal = await propose(client, keys["trades"])
    answer = await decide(client, keys[name], proposal)
    assert answer.status_code == 403, answer.text
    assert answer.json()["error"]["code"] == "approval_refused"
    assert decisions_of(desk_dsn, proposal["proposal_id"]) == []


async def test_forged_changed_and_repeated_approvals_are_refused(client, keys, desk_dsn):
    proposal, other = await propose(client, keys["trades"]), await propose(client, keys["trades"], 2)
    forged = [
        {"digest": "0" * 64},
        {"digest": other["digest"]},
        {"digest": proposal["digest"].upper() + "x"},
    ]
    for change in forged:
        answer = await decide(client, keys["approves"], proposal, **change)
        assert answer.status_code == 403, answer.text
    for change in (
        {"decision": "filled"},
        {"approved_by": "owner"},
        {"status": "approved"},
        {"digest": ""},
        {"quantity": 1000},
    ):
        assert (await decide(client, keys["approves"], proposal, **change)).status_code == 422
    assert decisions_of(desk_dsn, proposal["proposal_id"]) == []
    assert (await decide(client, keys["approves"], proposal)).status_code == 200
    for key in ("approves", "bob"):
        for decision in ("approved", "rejected"):
            assert (await decide(client, keys[key], proposal, decision=decision)).status_code == 403
    assert decisions_of(desk_dsn, proposal["proposal_id"]) == [("approved", "api")]


async def test_an_expired_proposal_cannot_be_approved(client, keys, desk_dsn):
    proposal = await propose(client, keys["trades"])
    with psycopg.connect(desk_dsn) as connection:
        # The database itself keeps a proposal from being changed; time is what we fake here.
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "UPDATE execution.proposals SET expires_at = clock_timestamp() - interval '1 s' WHERE proposal_id = %s",
            (proposal["proposal_id"],),
        )
    refused = await decide(client, keys["approves"], proposal)
    assert refused.status_code == 403
    assert decisions_of(desk_dsn, proposal["proposal_id"]) == []


async def test_a_browser_needs_the_csrf_token_to_approve(client, keys, people, desk_dsn):
    proposal = await propose(client, keys["trades"])
    opened = people.sign_in("bob", "correct horse battery")
    client.cookies.set("quantdesk_session", opened.token)
    path = f"/api/proposals/{proposal['proposal_id']}/decision"
    body = {"decision": "approved", "digest": proposal["digest"]}
    stranger = people.sign_in("ann", "correct horse battery").session.csrf_token
    for headers in ({}, {"x-csrf-token": "wrong"}, {"x-csrf-token": stranger}):
        assert (await client.post(path, json=body, headers=headers)).status_code == 403
    from_elsewhere = {"x-csrf-token": opened.session.csrf_token, "origin": "http://evil.example"}
    assert (await client.post(path, json=body, headers=from_elsewhere)).status_code == 403
    assert decisions_of(desk_dsn, proposal["proposal_id"]) == []
    good = {"x-csrf-token": opened.session.csrf_token, "origin": BASE}
    assert (await client.post(path, json=body, headers=good)).status_code == 200


async def test_halt_stops_approvals_and_resume_allows_them(client, keys):
    proposal = await propose(client, keys["trades"])
    assert (await client.post("/api/halt", json={"reason": "test"}, headers=bearer(keys["agent"]))).status_code == 200
    state = (await client.get("/api/trading", headers=bearer(keys["reads"]))).json()
    assert state["halted"] is True
    assert (await decide(client, keys["approves"], proposal)).status_code == 409
    assert (await client.post("/api/resume", json={}, headers=bearer(keys["agent"]))).status_code in {401, 403}
    assert (await client.post("/api/resume", json={}, headers=bearer(keys["bob"]))).status_code == 200
    assert (await decide(client, keys["approves"], proposal)).status_code == 200


async def test_unknown_ids_are_404(client, keys):
    for path in ("/api/proposals/prp_none", "/api/why/fct_none", "/api/why/run_none", "/api/reports/rep_none"):
        answer = await client.get(path, headers=bearer(keys["reads"]))
        assert answer.status_code == 404, path
    assert (await client.post("/api/replay/run_none", json={}, headers=bearer(keys["reads"]))).status_code == 404
    assert (await decide(client, keys["bob"], {"proposal_id": "prp_none", "digest": "x"})).status_code == 404


async def test_a_number_can_be_traced_and_replayed(client, keys):
    body = {"symbols": ["AAPL"], "start": "2008-01-01", "end": "2008-12-31"}
    result = (await client.post("/api/tools/performance", json=body, headers=bearer(keys["reads"]))).json()
    fact = next(fact for fact in result["facts"] if fact["name"] == "AAPL total return")
    # Apple fell from 198.08 to 85.35 in 2008 (unadjusted closes; it paid no dividend): -56.91 %.
    assert fact["value"] == pytest.approx(85.35 / 198.08 - 1, abs=2e-4)
    why = (await client.get(f"/api/why/{fact['id']}", headers=bearer(keys["reads"]))).json()
    assert (why["tool"], why["face"], why["shown"]) == ("performance", "api", "-56.91%")
    assert why["arguments"]["symbols"] == ["AAPL"]
    again = (await client.post(f"/api/replay/{why['run']}", json={}, headers=bearer(keys["reads"]))).json()
    assert again["same"] is True
    assert again["recorded_digest"] == again["replayed_digest"]


async def test_a_tool_sees_the_data_of_the_time_asked_for(client, keys):
    body = {"symbols": ["AAPL"]}
    path = "/api/tools/performance"
    early = await client.post(f"{path}?as_of=2009-01-01T00:00:00Z", json=body, headers=bearer(keys["reads"]))
    assert early.json()["as_of"].startswith("2009-01-01")
    assert (
        next(fact for fact in early.json()["facts"] if fact["unit"] == "date" and "last" in fact["name"])["value"]
        == "2008-12-31"
    )
    without_zone = await client.post(f"{path}?as_of=2009-01-01T00:00:00", json=body, headers=bearer(keys["reads"]))
    assert without_zone.status_code == 422


async def test_reports_are_made_listed_and_read(client, keys):
    made = await client.post("/api/reports", json={"kind": "sod"}, headers=bearer(keys["reads"]))
    assert made.status_code == 200, made.text
    report_id = made.json()["report_id"]
    listed = (await client.get("/api/reports", headers=bearer(keys["reads"]))).json()
    assert report_id in {one["report_id"] for one in listed}
    page = await client.get(f"/api/reports/{report_id}/page", headers=bearer(keys["reads"]))
    assert page.headers["content-type"].startswith("text/html")
    assert (
        await client.post("/api/reports", json={"kind": "weekly"}, headers=bearer(keys["reads"]))
    ).status_code == 422


async def test_positions_add_up(client, keys):
    held = (await client.get("/api/positions", headers=bearer(keys["reads"]))).json()
    from decimal import Decimal

    values = sum(Decimal(line["market_value"]) for line in held["positions"])
    assert Decimal(held["cash"]) + values == Decimal(held["nav"])


async def test_a_standing_rule_rejects_over_rest_until_it_is_ended(client, keys):
    body = {"name": "no MSFT sales", "condition": {"symbols": ["MSFT"], "sides": ["buy"]}}
    for name in ("agent", "ann", "service"):
        assert (await client.post("/api/rules", json=body, headers=bearer(keys[name]))).status_code in {401, 403}
    made = await client.post("/api/rules", json=body, headers=bearer(keys["bob"]))
    assert made.status_code == 200, made.text
    proposal = await propose(client, keys["agent"])
    assert (proposal["state"], proposal["decision"]["face"]) == ("rejected", "rule")
    assert "no MSFT sales" in proposal["decision"]["reason"]
    assert (await decide(client, keys["bob"], proposal)).status_code == 403
    listed = (await client.get("/api/rules", headers=bearer(keys["reads"]))).json()
    assert [rule["condition"]["symbols"] for rule in listed] == [["MSFT"]]
    assert (await client.delete("/api/rules/no MSFT sales", headers=bearer(keys["ann"]))).status_code in {401, 403}
    assert (await client.delete("/api/rules/no MSFT sales", headers=bearer(keys["bob"]))).status_code == 200
    assert (await propose(client, keys["agent"]))["state"] == "pending"


async def test_an_unknown_part_of_a_condition_is_refused(client, keys):
    body = {"name": "x", "condition": {"approve": True}}
    assert (await client.post("/api/rules", json=body, headers=bearer(keys["bob"]))).status_code == 422


async def test_real_money_is_switched_by_who_may_approve_and_shown(client, keys, desk_dsn, parts):
    with psycopg.connect(desk_dsn) as connection:
        connection.execute(
            "INSERT INTO execution.accounts (account_id, name, broker, is_real_money, opened_at)"
            " VALUES ('U7', 'Real', 'interactive_brokers', true, now())"
        )
        connection.execute("INSERT INTO execution.reconciliations (account_id, outcome) VALUES ('U7', 'agrees')")
    try:
        for name in ("agent", "ann", "service", "reads"):
            answer = await client.post("/api/accounts/U7/live", json={"live": True}, headers=bearer(keys[name]))
            assert answer.status_code in {401, 403}, name
        answer = await client.post("/api/accounts/U7/live", json={"live": True}, headers=bearer(keys["bob"]))
        assert answer.status_code == 200 and answer.json()["is_live"] is True, answer.text
        shown = (await client.get("/api/accounts", headers=bearer(keys["reads"]))).json()
        assert {row["account_id"]: row["is_live"] for row in shown}["U7"] is True
        off = await client.post("/api/accounts/U7/live", json={"live": False}, headers=bearer(keys["ann"]))
        assert off.status_code == 200 and off.json()["is_live"] is False
        demo = next(row["account_id"] for row in shown if row["account_id"] != "U7")
        paper = await client.post(f"/api/accounts/{demo}/live", json={"live": True}, headers=bearer(keys["bob"]))
        assert paper.status_code == 422 and "paper account" in paper.text
    finally:
        with psycopg.connect(desk_dsn) as connection:
            connection.execute("DELETE FROM execution.reconciliations WHERE account_id = 'U7'")
            connection.execute("DELETE FROM execution.accounts WHERE account_id = 'U7'")
