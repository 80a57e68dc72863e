from __future__ import annotations

from types import SimpleNamespace

import httpx
import pytest

from app.api.login import local_path
from app.server import create_api
from core.settings import Settings

BASE = "http://127.0.0.1:8000"
EVIL = {"origin": "http://evil.example"}


@pytest.fixture
async def browser(accounts, owner):
    app = create_api(SimpleNamespace(settings=Settings(), open_assistant=lambda: None), accounts)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client:
        yield client


async def sign_in(client: httpx.AsyncClient, password: str, **extra: str) -> httpx.Response:
    return await client.post("/login", data={"name": "owner", "password": password, **extra})


async def csrf_token(client: httpx.AsyncClient) -> str:
    return (await client.get("/api/session")).json()["csrf_token"]


async def test_the_login_page_needs_nothing_from_outside(browser):
    page = (await browser.get("/login")).text
    assert "<form" in page
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page
    assert (await browser.get("/login.css")).headers["content-type"].startswith("text/css")


async def test_login_sets_a_guarded_cookie_and_goes_to_the_chat(browser, owner):
    answer = await sign_in(browser, owner)
    assert (answer.status_code, answer.headers["location"]) == (303, "/chat/")
    cookie = next(text for text in answer.headers.get_list("set-cookie") if text.startswith("quantdesk_session="))
    for attribute in ("HttpOnly", "SameSite=lax", "Path=/", "Max-Age=604800"):
        assert attribute in cookie
    session = (await browser.get("/api/session")).json()
    assert session["name"] == "owner"
    assert session["scopes"] == ["admin", "approve", "read", "trade"]


async def test_a_second_login_ends_the_first_session(browser, owner):
    await sign_in(browser, owner)
    first = browser.cookies["quantdesk_session"]
    await sign_in(browser, owner)
    assert browser.cookies["quantdesk_session"] != first
    answer = await browser.get("/api/session", headers={"cookie": f"quantdesk_session={first}"})
    browser.cookies.clear()
    answer = await browser.get("/api/session", headers={"cookie": f"quantdesk_session={first}"})
    assert answer.status_code == 401


async def test_wrong_login_is_one_sentence_and_keeps_the_name(browser):
    answer = await sign_in(browser, "wrong password")
    assert answer.status_code == 401
    assert "The name or the password is wrong." in answer.text
    assert 'value="owner"' in answer.text
    assert "quantdesk_session" not in answer.headers.get("set-cookie", "")


async def test_the_name_is_escaped_on_the_page(browser):
    answer = await browser.post("/login", data={"name": '"><script>alert(1)</script>', "password": "wrong password"})
    assert "<script" not in answer.text


async def test_a_forged_login_from_another_site_is_refused(browser, owner):
    answer = await browser.post("/login", data={"name": "owner", "password": owner}, headers=EVIL)
    assert answer.status_code == 403
    assert "quantdesk_session" not in browser.cookies


async def test_signing_out_needs_the_token_and_ends_the_session(browser, owner):
    await sign_in(browser, owner)
    token = await csrf_token(browser)
    assert (await browser.post("/logout", data={"csrf": "x"})).status_code == 403
    assert (await browser.post("/logout")).status_code == 403
    assert token in (await browser.get("/logout")).text
    assert (await browser.post("/logout", data={"csrf": token}, headers=EVIL)).status_code == 403
    kept = browser.cookies["quantdesk_session"]
    assert (await browser.post("/logout", data={"csrf": token})).status_code == 303
    browser.cookies.clear()
    answer = await browser.get("/api/session", headers={"cookie": f"quantdesk_session={kept}"})
    assert answer.status_code == 401


async def test_the_login_page_passes_a_signed_in_browser_on(browser, owner):
    await sign_in(browser, owner)
    answer = await browser.get("/login", params={"next": "/proposals"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/proposals")


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "evil",
        "javascript:alert(1)",
        "/a\nb",
        "",
        "/a\\..\\b",
    ],
)
def test_login_never_leads_to_another_site(wanted):
    assert local_path(wanted) == "/chat/"


@pytest.mark.parametrize("wanted", ["/", "/chat/", "/proposals?id=1#x"])
def test_login_leads_on_inside_the_desk(wanted):
    assert local_path(wanted) == wanted
