"""Every kind of record over REST: listed, paged, filtered, as of a time; private ones and one's own guarded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.auth.accounts import Accounts
from app.bootstrap import Parts
from app.server import create_api
from core.domain.records import record_kind, record_kinds

KINDS = [record.kind for record in record_kinds()]
OWNED = ["watch_list", "own_event", "strategy"]


@pytest.fixture(scope="module")
def app(parts: Parts, people: Accounts) -> Any:
    return create_api(parts, people)


def key_of(people: Accounts, person: str, *scopes: str, kind: Any = "person") -> dict[str, str]:
    return {"authorization": f"Bearer {people.create_key(person, 'k', kind=kind, scopes=scopes)[1]}"}


@pytest.fixture(scope="module")
def client(app: Any, people: Accounts) -> Iterator[TestClient]:
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        client.headers.update(key_of(people, "owner", "read"))
        yield client


def pages(client: TestClient, kind: str, **filters: Any) -> list[list[dict[str, Any]]]:
    found, cursor = [], None
    while True:
        asked = {**filters, **({"cursor": cursor} if cursor else {})}
        answer = client.get(f"/api/records/{kind}", params=asked)
        assert answer.status_code == 200, answer.text
        content = answer.json()
        assert content["count"] == len(content["items"])
        found.append(content["items"])
        cursor = content["next"]
        if cursor is None:
            return found


def test_the_registry_is_listed(client: TestClient) -> None:
    listed = client.get("/api/records").json()
    assert [entry["kind"] for entry in listed] == KINDS
    assert {entry["kind"] for entry in listed if entry["owned"]} == set(OWNED)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_listed_with_its_fields_and_is_in_the_schema(client: TestClient, app: Any, kind: str) -> None:
    answer = client.get(f"/api/records/{kind}", params={"limit": 3})
    assert answer.status_code == 200, answer.text
    content = answer.json()
    assert content["kind"] == kind
    for item in content["items"]:
        assert list(item) == list(record_kind(kind).model_fields)
        record_kind(kind).model_validate_json(json.dumps(item))
    described = app.openapi()["paths"]
    assert {f"/api/records/{kind}", f"/api/records/{kind}/one"} <= described.keys()
    names = {entry["name"] for entry in described[f"/api/records/{kind}"]["get"]["parameters"]}
    assert {"limit", "cursor"} <= names


@pytest.mark.parametrize(
    "kind", ["instrument", "symbol_history", "corporate_action", "macro_series", "fill", "cash_entry"]
)
@pytest.mark.parametrize("limit", [7, 100])
def test_pages_hold_every_row_once_in_order(client: TestClient, parts: Parts, kind: str, limit: int) -> None:
    record = record_kind(kind)
    filters = {"end": "1970-01-01"} if kind == "corporate_action" and limit == 7 else {}
    found = [item for page in pages(client, kind, limit=limit, **filters) for item in page]
    condition = " WHERE ex_date <= '1970-01-01'" if filters else ""
    with parts.database.transaction() as connection:
        row = connection.execute(f"SELECT count(*) FROM {record.table}{condition}".encode()).fetchone()
    if kind != "corporate_action":
        assert row == (len(found),)
    keys = [json.dumps(item, sort_keys=True) for item in found]
    assert len(set(keys)) == len(keys)


def test_a_bar_is_found_by_symbol_day_and_key(client: TestClient) -> None:
    listed = pages(client, "bar", symbol="AAPL", start="2020-03-16", end="2020-03-20", price_basis="total_return")
    items = [item for page in listed for item in page]
    assert len(items) == 5 and {item["price_basis"] for item in items} == {"total_return"}
    wanted = {name: items[0][name] for name in ("instrument_id", "source", "price_basis", "session")}
    assert client.get("/api/records/bar/one", params=wanted).json() == items[0]
    assert client.get("/api/records/bar/one", params={**wanted, "session": "2020-03-15"}).status_code == 404


def test_pages_of_one_question_are_one_picture_while_rows_come_in(client: TestClient, parts: Parts) -> None:
    first = client.get("/api/records/macro_series", params={"limit": 5}).json()
    before = [item for page in pages(client, "macro_series", limit=1000) for item in page]
    with parts.database.transaction() as connection:
        for name in ("0_EARLY", "ZZ_LATE"):
            connection.execute(
                "INSERT INTO market_data.macro_series (series_id, name, unit, frequency, source, known_at)"
                " VALUES (%s, 'made', 'none', 'daily', 'test', '1990-01-01Z')", (name,))  # fmt: skip
    rest = pages(client, "macro_series", limit=5, cursor=first["next"]) if first["next"] else []
    seen = first["items"] + [item for page in rest for item in page]
    assert seen == before
    after = {item["series_id"] for page in pages(client, "macro_series", limit=1000) for item in page}
    assert {"0_EARLY", "ZZ_LATE"} <= after


def test_as_of_hides_what_was_not_known(client: TestClient) -> None:
    asked = {"symbol": "AAPL", "start": "2020-03-16", "end": "2020-03-20", "price_basis": "total_return"}
    # The session of 18 March closed at 20:00 UTC.
    for moment, count in (("2020-03-18T19:59:59Z", 2), ("2020-03-18T20:00:00Z", 3)):
        listed = pages(client, "bar", as_of=moment, **asked)
        assert sum(map(len, listed)) == count
    assert client.get("/api/records/bar", params={"as_of": "2020-03-18T20:00:00"}).status_code == 422


@pytest.mark.parametrize(
    ("path", "parameters", "status"),
    [
        ("/api/records/unicorn", {}, 404),
        ("/api/records/bar", {"limit": 1001}, 422),
        ("/api/records/bar", {"limit": 0}, 422),
        ("/api/records/bar", {"session": "2020-01-01"}, 422),
        ("/api/records/bar", {"start": "yesterday"}, 422),
        ("/api/records/bar", {"price_basis": "golden"}, 422),
        ("/api/records/bar", {"cursor": "bm90IG91cnM="}, 422),
        ("/api/records/bar", {"cursor": "é"}, 422),
        ("/api/records/bar", {"symbol": "NOSUCHTHING"}, 404),
        ("/api/records/bar/one", {"instrument_id": 1}, 422),
        ("/api/records/instrument/one", {"instrument_id": 2_000_000_000}, 404),
        ("/api/records/instrument/one", {"instrument_id": "x"}, 422),
        ("/api/records/article", {"source": "a\x00b"}, 422),
    ],
)
def test_what_does_not_fit_is_said(client: TestClient, path: str, parameters: dict[str, Any], status: int) -> None:
    answer = client.get(path, params=parameters)
    assert answer.status_code == status, answer.text
    assert set(answer.json()["error"]) == {"code", "message"}


def test_a_cursor_of_another_question_is_refused(client: TestClient) -> None:
    cursor = client.get("/api/records/instrument", params={"limit": 1}).json()["next"]
    for path, more in (("bar", {}), ("instrument", {"asset_class": "etf"})):
        answer = client.get(f"/api/records/{path}", params={"cursor": cursor, **more})
        assert answer.status_code == 422, answer.text


@pytest.mark.parametrize("kind", KINDS)
def test_who_may_read(app: Any, people: Accounts, kind: str) -> None:
    private = record_kind(kind).label == "private"
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        path = f"/api/records/{kind}"
        assert client.get(path).status_code == 401
        assert client.get(path, headers=key_of(people, "owner", "trade")).status_code == 403
        assert client.get(path, headers=key_of(people, "ann", "read")).status_code == 200
        for machine in ("agent", "service"):
            answer = client.get(path, headers=key_of(people, "ann", "read", kind=machine))
            assert answer.status_code == (403 if private else 200)


CONTENT: dict[str, dict[str, Any]] = {
    "watch_list": {"name": "Chips", "purpose": "watch", "members": ["AAPL", "spy", "AAPL"], "note": "mine"},
    "own_event": {"event_date": "2023-02-01", "name": "Visit the plant", "instrument_id": "AAPL"},
    "strategy": {"name": "Cross", "spec": {"strategy": "sma_crossover", "symbols": ["AAPL"]}},
}


@pytest.mark.parametrize("kind", OWNED)
def test_people_keep_what_is_theirs_and_nobody_elses(app: Any, people: Accounts, parts: Parts, kind: str) -> None:
    record = record_kind(kind)
    ann, bob = key_of(people, "ann", "read"), key_of(people, "bob", "read")
    path = f"/api/records/{kind}"
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        made = client.post(path, json=CONTENT[kind], headers=ann)
        assert made.status_code == 200, made.text
        key = made.json()[record.key[0]]
        one = {record.key[0]: key}
        assert client.get(f"{path}/one", params=one, headers=ann).json() == made.json()
        changed = client.put(f"{path}/{key}", json={**CONTENT[kind], "name": "Renamed"}, headers=ann)
        assert changed.json()["name"] == "Renamed"
        assert [item["name"] for item in client.get(path, headers=ann).json()["items"]] == ["Renamed"]
        assert client.get(path, headers=bob).json()["items"] == []
        assert client.get(f"{path}/one", params=one, headers=bob).status_code == 404
        assert client.put(f"{path}/{key}", json=CONTENT[kind], headers=bob).status_code == 404
        assert client.delete(f"{path}/{key}", headers=bob).status_code == 404
        for machine in ("agent", "service"):
            robot = key_of(people, "ann", "read", kind=machine)
            assert client.post(path, json=CONTENT[kind], headers=robot).status_code == 403
            assert client.delete(f"{path}/{key}", headers=robot).status_code == 403
        assert client.post(path, json={**CONTENT[kind], record.owned_by: "x"}, headers=ann).status_code == 422
        assert client.delete(f"{path}/{key}", headers=ann).json() == {"removed": key}
        assert client.delete(f"{path}/{key}", headers=ann).status_code == 404
    table = record.table.split(".")[1]
    with parts.database.transaction() as connection:
        told = connection.execute(
            "SELECT action, actor FROM desk.audit WHERE subject = %s ORDER BY entry_id", (key,)
        ).fetchall()
    owner = people.user("ann").user_id
    assert told == [(f"{table}.{verb}", owner) for verb in ("insert", "update", "delete")]


def test_members_are_instruments_by_symbol_or_id(client: TestClient) -> None:
    aapl = client.get("/api/records/instrument", params={"symbol": "AAPL"}).json()["items"][0]["instrument_id"]
    path = "/api/records/watch_list"
    made = client.post(path, json={"name": "Two ways", "members": ["apple", aapl]}).json()
    assert made["members"] == [aapl]
    assert client.post(path, json={"name": "Two ways"}).status_code == 422
    assert client.post(path, json={"name": "No", "members": ["NOSUCHTHING"]}).status_code == 404
    assert client.post(path, json={"name": "No", "members": [2_000_000_000]}).status_code == 404
    assert client.post(path, json={"name": ""}).status_code == 422
    assert client.post("/api/records/strategy", json={"name": "x", "spec": {"strategy": "unicorn"}}).status_code in (
        404,
        422,
    )


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in OWNED])
def test_vendor_data_and_the_books_cannot_be_written(client: TestClient, kind: str) -> None:
    path = f"/api/records/{kind}"
    assert client.post(path, json={}).status_code == 405
    assert client.put(f"{path}/x", json={}).status_code in (404, 405)
    assert client.delete(f"{path}/x").status_code in (404, 405)
