"""The review of held rows over REST: pages, who may decide, the first decision counts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import httpx
import numpy as np
import pytest

from app.server import create_api
from core.data.calendar import sessions_between
from core.ports.vendor import BarColumns

BASE = "http://127.0.0.1:8000"
DAYS = sessions_between("XNYS", date(2023, 1, 3), date(2023, 3, 31))


@pytest.fixture(scope="module")
def app(parts, people):
    close = np.array([50.0 + 0.1 * step for step in range(30)] + [90.0, 91.0, 92.0, 54.0, 55.0, -1.0])
    columns = BarColumns(
        source="rest vendor", price_basis="raw", symbols=("MSFT",), symbol_code=np.zeros(len(close), dtype=np.int32),
        session=DAYS[: len(close)], open=close, high=close * 1.01, low=close * 0.99, close=close,
        volume=np.arange(1000.0, 1000.0 + len(close)), line=np.arange(len(close), dtype=np.int64),
    )  # fmt: skip
    for rows in (slice(0, 30), slice(30, None)):
        pipeline = parts.open_ingest(mode="test", arguments={}, history_import=rows.start == 0)
        mask = np.zeros(len(close), dtype=bool)
        mask[rows] = True
        from core.data.bar_columns import take_columns

        pipeline.store_bars(take_columns(columns, mask))
        pipeline.finish()
    return create_api(parts, people)


@pytest.fixture(scope="module")
def keys(people) -> dict[str, str]:
    made = {
        "reads": people.create_key("owner", "held reads", scopes=["read"]),
        "decides": people.create_key("owner", "held decides", scopes=["read", "admin"]),
        "agent": people.create_key("owner", "held agent", kind="agent", scopes=["read", "trade"]),
    }
    return {name: credential for name, (_, credential) in made.items()}


@pytest.fixture
async def client(app) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client:
        yield client


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def waiting(client: httpx.AsyncClient, key: str, **filters: object) -> list[dict[str, object]]:
    answer = await client.get("/api/quarantine", params={"source": "rest vendor", **filters}, headers=bearer(key))
    assert answer.status_code == 200, answer.text
    return answer.json()["rows"]


async def test_held_rows_come_in_pages_that_join_to_the_whole(client, keys) -> None:
    whole = await waiting(client, keys["reads"])
    assert sorted(row["reason"] for row in whole) == ["nonpositive_price", *["spike_unexplained"] * 3]
    seen, after = [], 0
    while True:
        answer = await client.get(
            "/api/quarantine",
            params={"source": "rest vendor", "after": after, "limit": 3},
            headers=bearer(keys["reads"]),
        )
        page = answer.json()
        seen += page["rows"]
        if page["next"] is None:
            break
        after = page["next"]
    assert seen == whole
    assert await waiting(client, keys["reads"], reason="nonpositive_price") == [
        row for row in whole if row["reason"] == "nonpositive_price"
    ]
    assert await waiting(client, keys["reads"], symbol="NVDA") == []


async def test_a_row_is_shown_with_the_bars_around_it(client, keys) -> None:
    row = next(row for row in await waiting(client, keys["reads"]) if row["verdict"] == "quarantine")
    answer = await client.get(f"/api/quarantine/{row['quarantine_id']}", headers=bearer(keys["reads"]))
    shown = answer.json()
    assert shown["entry"]["row"]["bar"]["price_basis"] == "raw"
    sessions = [bar["session"] for bar in shown["neighbours"]]
    assert sessions == sorted(sessions)
    assert sessions[0] < row["about"]
    assert shown["reviews"] == []


@pytest.mark.parametrize("row", ["0", "-1", "x", "99999999", str(2**70), "1.5"])
async def test_a_row_that_does_not_exist_is_not_found(client, keys, row: str) -> None:
    for method, path in (("GET", ""), ("POST", "/release"), ("POST", "/discard")):
        answer = await client.request(
            method,
            f"/api/quarantine/{row}{path}",
            headers=bearer(keys["decides"]),
            json={} if method == "POST" else None,
        )
        assert answer.status_code == 404, (method, path, answer.text)


@pytest.mark.parametrize("who", ["reads", "agent"])
@pytest.mark.parametrize("decision", ["release", "discard"])
async def test_only_the_scope_admin_decides(client, keys, who: str, decision: str) -> None:
    row = (await waiting(client, keys["reads"]))[0]["quarantine_id"]
    answer = await client.post(f"/api/quarantine/{row}/{decision}", headers=bearer(keys[who]), json={})
    assert answer.status_code == 403, answer.text
    assert (await waiting(client, keys["reads"]))[0]["quarantine_id"] == row


async def test_a_decision_is_made_once_and_kept_with_its_reason(client, keys) -> None:
    rows = [row for row in await waiting(client, keys["reads"]) if row["verdict"] == "quarantine"]
    number = rows[0]["quarantine_id"]
    path = f"/api/quarantine/{number}"
    done = await client.post(
        f"{path}/release", headers=bearer(keys["decides"]), json={"reason": "Seen at the exchange."}
    )
    assert done.status_code == 200, done.text
    assert "Released: stored MSFT" in done.json()["message"]
    for decision in ("release", "discard"):
        again = await client.post(f"{path}/{decision}", headers=bearer(keys["decides"]), json={})
        assert again.status_code in (403, 409), again.text
        assert "was released" in again.text
    shown = (await client.get(path, headers=bearer(keys["reads"]))).json()
    (review,) = shown["reviews"]
    assert (review["decision"], review["reason"], review["face"]) == ("released", "Seen at the exchange.", "api")
    assert shown["entry"]["state"] == "released"


async def test_what_cannot_be_true_is_not_released_and_bodies_are_strict(client, keys) -> None:
    (row,) = await waiting(client, keys["reads"], reason="nonpositive_price")
    path = f"/api/quarantine/{row['quarantine_id']}"
    refused = await client.post(f"{path}/release", headers=bearer(keys["decides"]), json={})
    assert refused.status_code in (403, 409)
    assert "cannot be true" in refused.text
    for body in ({"why": "x"}, {"reason": "x" * 3000}, {"reason": 5}):
        answer = await client.post(f"{path}/discard", headers=bearer(keys["decides"]), json=body)
        assert answer.status_code == 422, answer.text
    done = await client.post(f"{path}/discard", headers=bearer(keys["decides"]), json={})
    assert done.json()["message"].startswith("Discarded: bar MSFT")
    assert await waiting(client, keys["reads"], reason="nonpositive_price") == []


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 10**6}, {"after": -1}, {"state": "lost"}])
async def test_a_list_that_cannot_be_asked_for_is_refused(client, keys, query: dict[str, object]) -> None:
    answer = await client.get("/api/quarantine", params=query, headers=bearer(keys["reads"]))
    assert answer.status_code == 422
