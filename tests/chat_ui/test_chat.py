"""The chat as its page sees it: a real server process, a real socket.io client, the real assistant."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import pytest
import socketio

from app.auth.opening import open_accounts
from app.bootstrap import open_parts
from core.settings import Settings

pytestmark = pytest.mark.slow  # two starts of the whole web process
CHROMIUM = "/usr/bin/chromium"
ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery"
_numbers = itertools.count()


@pytest.fixture(scope="module")
def dsn(postgres_dsn: str, sample_template: str) -> Iterator[str]:
    name = f"qd_chat_{next(_numbers)}"
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{sample_template}"'.encode())
    yield urlunsplit(urlsplit(postgres_dsn)._replace(path=f"/{name}"))
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


class Server:
    """Run the web process of a desk."""

    def __init__(self, dsn: str, home: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.base = f"http://127.0.0.1:{port}"
        self._env = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "QUANTDESK_HOME": str(home),
            "QUANTDESK_PORT": str(port),
            "DATABASE_URL": dsn,
        }
        self._log = (home / "web.log").open("ab")
        self.log_file = home / "web.log"
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app.server"], cwd=ROOT, env=self._env, stdout=self._log, stderr=subprocess.STDOUT
        )
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                httpx.get(f"{self.base}/api/health", timeout=1)
                return
            except httpx.TransportError:
                assert self.process.poll() is None, self.log_file.read_text()
                time.sleep(0.1)
        raise AssertionError(f"no answer from the web process: {self.log_file.read_text()}")

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=30)


@pytest.fixture(scope="module")
def server(dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("home")
    parts = open_parts(Settings(home=home), dsn)
    people = open_accounts(parts.account_stores)
    people.add_user("owner", PASSWORD, ["read", "trade", "approve", "admin"])
    people.add_user("ann", PASSWORD, ["read", "trade"])
    parts.database.close()
    server = Server(dsn, home)
    yield server
    if server.process.poll() is None:
        server.end(signal.SIGTERM)


class Page:
    """Do what the chat's page does for one person."""

    def __init__(self, base: str) -> None:
        self.http = httpx.AsyncClient(base_url=base, timeout=60)
        self.sio = socketio.AsyncClient(reconnection=False)
        self.session_id = str(uuid.uuid4())
        self.steps: dict[str, dict[str, Any]] = {}
        self.actions: dict[str, dict[str, Any]] = {}
        self.elements: list[dict[str, Any]] = []
        self.streamed: list[str] = []
        self.idle = asyncio.Event()
        self.resumed: dict[str, Any] | None = None
        on = self.sio.on
        for event in ("new_message", "update_message"):
            on(event, self._step)
        on("action", self._action)
        on("remove_action", lambda action: self.actions.pop(action["id"], None))
        on("element", self.elements.append)
        on("stream_start", lambda step: self.streamed.append(step["id"]))
        on("task_end", lambda *_: self.idle.set())
        on("resume_thread", self._resume)

    def _step(self, step: dict[str, Any]) -> None:
        self.steps[step["id"]] = step

    def _action(self, action: dict[str, Any]) -> None:
        self.actions[action["id"]] = action

    def _resume(self, thread: dict[str, Any]) -> None:
        self.resumed = thread

    async def open(self, name: str, *, thread_id: str | None = None) -> None:
        answer = await self.http.post("/login", data={"name": name, "password": PASSWORD})
        assert answer.status_code == 303
        assert (await self.http.post("/chat/auth/header")).status_code == 200
        await self.connect(thread_id)

    async def connect(self, thread_id: str | None = None) -> None:
        cookie = "; ".join(f"{key}={value}" for key, value in self.http.cookies.items())
        auth = {"sessionId": self.session_id, "clientType": "webapp", "threadId": thread_id or "", "userEnv": "{}"}
        await self.sio.connect(
            str(self.http.base_url),
            socketio_path="/chat/ws/socket.io",
            auth=auth,
            headers={"Cookie": cookie},
            transports=["websocket"],
        )
        await self.sio.emit("connection_successful")

    async def ask(self, question: str) -> list[dict[str, Any]]:
        before = set(self.steps)
        await asyncio.sleep(0.3)
        self.idle.clear()
        message = {"id": str(uuid.uuid4()), "name": "user", "type": "user_message", "output": question,
                   "createdAt": "2026-11-23T00:00:00Z"}  # fmt: skip
        await self.sio.emit("client_message", {"message": message, "fileReferences": []})
        await asyncio.wait_for(self.idle.wait(), 90)
        await asyncio.sleep(0.2)
        return [step for key, step in self.steps.items() if key not in before]

    async def click(self, action: dict[str, Any], **payload: Any) -> tuple[httpx.Response, str]:
        before = set(self.steps)
        changed = {**action, "payload": {**action["payload"], **payload}}
        answer = await self.http.post("/chat/project/action", json={"sessionId": self.session_id, "action": changed})
        await asyncio.sleep(0.3)
        return answer, "\n".join(step["output"] for key, step in self.steps.items() if key not in before)

    async def close(self) -> None:
        await self.sio.disconnect()
        await self.http.aclose()


@pytest.fixture
async def owner(server: Server) -> AsyncIterator[Page]:
    page = Page(server.base)
    await page.open("owner")
    yield page
    await page.close()


def thread_of(dsn: str, text: str) -> str:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            'SELECT "threadId" FROM chat.steps WHERE type = \'user_message\' AND output = %s ORDER BY "createdAt" DESC',
            (text,),
        ).fetchone()
    assert row is not None
    return row[0]


def times_asked(dsn: str, questions: Sequence[str]) -> Counter[str]:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "SELECT output, count(*) FROM chat.steps WHERE type = 'user_message' AND output = ANY (%s) GROUP BY 1",
            (list(questions),),
        ).fetchall()
    return Counter(dict(rows))


def decisions(dsn: str, proposal_id: str) -> list[tuple[str, str]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(
            "SELECT decision, face FROM execution.decisions WHERE proposal_id = %s", (proposal_id,)
        ).fetchall()


async def test_nobody_gets_in_without_the_desk_s_session(server):
    async with httpx.AsyncClient(base_url=server.base) as stranger:
        assert (await stranger.post("/chat/auth/header")).status_code == 401
        assert (await stranger.post("/chat/project/threads", json={})).status_code == 401
        sent = await stranger.get("/chat/", headers={"accept": "text/html"})
        assert sent.headers["location"] == "/login?next=/chat/"
    page = Page(server.base)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await page.connect()
    await page.close()


async def test_the_page_names_no_other_host(owner):
    page = (await owner.http.get("/chat/", headers={"accept": "text/html"})).text
    assert "https://" not in page
    assert "http://" not in page
    assert "//cdn" not in page
    config = (await owner.http.get("/chat/project/settings", params={"language": "en-US"})).json()
    assert config["ui"]["name"] == "quantdesk"
    assert config["features"]["mcp"]["enabled"] is False
    assert config["features"]["spontaneous_file_upload"]["enabled"] is False
    assert config["features"]["unsafe_allow_html"] is False


async def test_an_answer_shows_its_way_its_chart_and_where_it_comes_from(owner):
    steps = await owner.ask("How did AAPL do in 2008?")
    tool = next(step for step in steps if step["type"] == "tool")
    assert tool["name"] == "performance"
    assert "AAPL total return: -56.91%" in tool["output"]
    sql = next(step for step in steps if step["name"] == "SQL")
    assert (sql["parentId"], sql["language"]) == (tool["id"], "sql")
    assert "SELECT" in sql["output"]
    answer = next(step for step in steps if step["name"] == "quantdesk" and step["type"] == "assistant_message")
    assert "-56.91%" in answer["output"]
    assert answer["id"] in owner.streamed
    provenance = [step["output"] for step in steps if step["name"] == "desk"][-1]
    assert "the desk replays the past" in provenance
    assert "route offline" in provenance
    assert "quantdesk tool performance --args" in provenance
    chart = next(element for element in owner.elements if element["type"] == "plotly")
    assert chart["forId"] == answer["id"]


async def test_forged_clicks_are_refused_and_a_true_one_decides_once(owner, dsn, server):
    await owner.ask("Propose buying 10 MSFT")
    approve = next(action for action in owner.actions.values() if action["payload"]["decision"] == "approved")
    proposal_id = approve["payload"]["proposal_id"]
    for forged in (
        {"digest": "0" * 64},
        {"decision": "filled"},
        {"extra": 1},
        {"proposal_id": "prp_none"},
        {"digest": None},
    ):
        _, said = await owner.click(approve, **forged)
        assert said, forged
        assert "Approved" not in said
        assert decisions(dsn, proposal_id) == [], forged

    ann = Page(server.base)
    await ann.open("ann")
    _, said = await ann.click(approve)
    assert "Not approved" in said
    stolen = await ann.http.post("/chat/project/action", json={"sessionId": owner.session_id, "action": approve})
    assert stolen.status_code == 401
    assert decisions(dsn, proposal_id) == []
    await ann.close()

    other_site = await owner.http.post(
        "/chat/project/action",
        json={"sessionId": owner.session_id, "action": approve},
        headers={"origin": "http://evil.example"},
    )
    assert other_site.status_code == 403
    _, said = await owner.click(approve)
    assert "**Approved** by owner." in said
    assert decisions(dsn, proposal_id) == [("approved", "chat")]
    _, said = await owner.click(approve, decision="rejected")
    assert "Not rejected" in said
    assert decisions(dsn, proposal_id) == [("approved", "chat")]
    assert not [action for action in owner.actions.values() if action["payload"].get("proposal_id") == proposal_id
                and action["name"] == "decide_proposal"]  # fmt: skip


async def test_a_click_after_signing_out_does_nothing(server, dsn):
    page = Page(server.base)
    await page.open("owner")
    await page.ask("Propose buying 5 KO")
    approve = next(action for action in page.actions.values() if action["payload"]["decision"] == "approved")
    token = (await page.http.get("/api/session")).json()["csrf_token"]
    assert (await page.http.post("/logout", data={"csrf": token})).status_code == 303
    answer, _ = await page.click(approve)
    assert answer.status_code == 401
    assert decisions(dsn, approve["payload"]["proposal_id"]) == []
    await page.close()


@pytest.mark.browser
@pytest.mark.parametrize("width", [1440, 390])
async def test_in_a_browser(server, width):
    if not Path(CHROMIUM).exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    from playwright.async_api import async_playwright

    outside: list[str] = []
    problems: list[str] = []
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": width, "height": 900})
        page.on("request", lambda request: outside.append(request.url))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda said: problems.append(said.text) if "Content Security Policy" in said.text else None)
        await page.goto(f"{server.base}/chat/")
        await page.fill("input[name=password]", PASSWORD)
        await page.click("button")
        await page.get_by_text("How did AAPL do in 2008?").first.click(timeout=60_000)
        await page.get_by_text("Copy as command").wait_for(timeout=60_000)
        await page.locator(".js-plotly-plot").first.wait_for(timeout=60_000)
        wide = await page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        await browser.close()
    assert [url for url in outside if not url.startswith((server.base, "data:", "blob:"))] == []
    assert problems == []
    assert not wide


@pytest.mark.browser
async def test_a_question_typed_at_once_is_answered_once(server, dsn):
    """On a page that has just opened (first, new, an old conversation, one come back to) nothing typed is lost."""
    if not Path(CHROMIUM).exists():
        pytest.skip("no Chromium on this machine")
    from playwright.async_api import async_playwright

    questions = [f"MSFT close on {day} June 2020" for day in (2, 3, 4, 5)]
    already = times_asked(dsn, questions)
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(60_000)

        async def ask(question: str, before: int) -> None:
            await page.locator("#chat-input").click()
            await page.keyboard.type(question)
            await page.keyboard.press("Enter")
            await page.get_by_text("Copy as command").nth(before).wait_for()
            assert await page.input_value("#chat-input") == ""

        await page.goto(f"{server.base}/chat/")
        await page.fill("input[name=password]", PASSWORD)
        await page.click("button")
        await ask(questions[0], 0)
        await page.goto(f"{server.base}/chat/")
        await ask(questions[1], 0)
        await page.goto(f"{server.base}/chat/thread/{thread_of(dsn, questions[0])}")
        await ask(questions[2], 1)
        await page.goto(f"{server.base}/")
        await page.go_back()
        await ask(questions[3], 2)
        await browser.close()
    assert times_asked(dsn, questions) - already == Counter(questions)


async def sign_in_and_ask(page: Any, server: Server, question: str) -> None:
    await page.goto(f"{server.base}/chat/")
    await page.fill("input[name=password]", PASSWORD)
    await page.click("button")
    await page.locator("#chat-input").click()
    await page.keyboard.type(question)
    await page.keyboard.press("Enter")


@pytest.mark.browser
async def test_an_old_conversation_has_all_of_it_before_anything_is_sent(server, dsn):
    """A question sent before the conversation has come would be replaced by it; its card can be used again."""
    if not Path(CHROMIUM).exists():
        pytest.skip("no Chromium on this machine")
    from playwright.async_api import TimeoutError as NotSeen
    from playwright.async_api import WebSocketRoute, async_playwright

    first, second = "Propose buying 4 KO", "KO close on 3 June 2020"
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(60_000)
        await sign_in_and_ask(page, server, first)
        await page.get_by_role("button", name="Approve").wait_for()
        held: list[Callable[[], None]] = []

        def hold_back(socket: WebSocketRoute) -> None:
            upstream = socket.connect_to_server()

            def pass_on(said: str | bytes) -> None:
                if not held and b"resume_thread" in (said if isinstance(said, bytes) else said.encode()):
                    held.append(lambda: socket.send(said))
                else:
                    socket.send(said)

            upstream.on_message(pass_on)

        await page.route_web_socket("**/ws/socket.io/**", hold_back)
        await page.goto(f"{server.base}/chat/thread/{thread_of(dsn, first)}")
        await page.locator("#chat-input").click()
        await page.keyboard.type(second)
        await page.locator("#chat-submit:enabled").wait_for()
        await page.keyboard.press("Enter")
        with pytest.raises(NotSeen):
            await page.wait_for_function("!document.getElementById('chat-input').value", timeout=1_500)
        for send in held:
            send()
        await page.get_by_text("Copy as command").nth(1).wait_for()
        said = await page.locator("[data-step-type=user_message]").all_inner_texts()
        assert [text.strip() for text in said] == [first, second]
        assert await page.get_by_text("Trade proposal: pending").count() == 1
        await page.get_by_role("button", name="Reject").click()
        await page.get_by_text("Rejected by owner").wait_for()
        await page.reload()
        await page.get_by_text("Trade proposal: rejected").wait_for()
        assert await page.get_by_role("button", name="Approve").count() == 0
        await browser.close()


@pytest.mark.browser
async def test_a_page_that_missed_its_first_message_opens_again(server, dsn):
    """Without the message that a conversation is resumed, the page waits for ever; only the first load misses it."""
    if not Path(CHROMIUM).exists():
        pytest.skip("no Chromium on this machine")
    from playwright.async_api import WebSocketRoute, async_playwright

    question = "KO close on 4 June 2020"
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(60_000)
        await sign_in_and_ask(page, server, question)
        await page.get_by_text("Copy as command").wait_for()
        loads: list[str] = []
        page.on("load", lambda: loads.append(page.url))

        def drop_the_first(socket: WebSocketRoute) -> None:
            upstream = socket.connect_to_server()

            def pass_on(said: str | bytes) -> None:
                text = said.decode(errors="replace") if isinstance(said, bytes) else said
                if len(loads) > 1 or ("first_interaction" not in text and "resume_thread" not in text):
                    socket.send(said)

            upstream.on_message(pass_on)

        await page.route_web_socket("**/ws/socket.io/**", drop_the_first)
        await page.goto(f"{server.base}/chat/thread/{thread_of(dsn, question)}")
        await page.get_by_text("Copy as command").wait_for()
        await browser.close()
    assert len(loads) == 2


async def test_history_charts_and_waiting_proposals_survive_a_kill(server, dsn):
    page = Page(server.base)
    await page.open("owner")
    await page.ask("How did MSFT do in 2008?")
    await page.ask("Propose buying 3 MSFT")
    waiting = {action["payload"]["proposal_id"] for action in page.actions.values()}
    thread_id = thread_of(dsn, "How did MSFT do in 2008?")
    await page.close()
    server.end(signal.SIGKILL)
    server.start()

    again = Page(server.base)
    await again.open("owner", thread_id=thread_id)
    deadline = time.monotonic() + 30
    while (again.resumed is None or not again.actions) and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
    assert again.resumed is not None
    outputs = [step["output"] for step in again.resumed["steps"]]
    assert "How did MSFT do in 2008?" in outputs
    assert {action["payload"]["proposal_id"] for action in again.actions.values()} == waiting
    chart = next(element for element in again.resumed["elements"] if element["type"] == "plotly")
    assert chart["url"].startswith("/chat-files/")
    drawn = await again.http.get(chart["url"])
    assert (drawn.status_code, drawn.headers["content-type"]) == (200, "application/json")
    assert drawn.json()["data"]

    ann = Page(server.base)
    await ann.open("ann")
    assert (await ann.http.get(chart["url"])).status_code == 404
    assert (await ann.http.get(f"/chat/project/thread/{thread_id}")).status_code in {401, 404}
    assert (await ann.http.get("/chat-files/../owner-password")).status_code == 404
    async with httpx.AsyncClient(base_url=server.base) as stranger:
        assert (await stranger.get(chart["url"])).status_code == 401
    approve = next(action for action in again.actions.values() if action["payload"]["decision"] == "approved")
    _, said = await again.click(approve)
    assert "**Approved** by owner." in said
    await ann.close()
    await again.close()


def test_sigterm_ends_the_web_process_cleanly(server):
    started = time.monotonic()
    assert server.end(signal.SIGTERM) == 0
    assert time.monotonic() - started < 15
    assert "Traceback" not in server.log_file.read_text()
