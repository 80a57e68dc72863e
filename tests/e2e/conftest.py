"""Run the real product, as `quantdesk run` does, on a folder and a port of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from app.runtime import postgres, temporal
from app.runtime.children import leftovers
from app.runtime.processes import end_processes, free_port, read_json

REPOSITORY = Path(__file__).resolve().parents[2]
START_S = 180.0
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class RunningDesk:
    """Be a newcomer's desk: `quantdesk run` as a subprocess, its command line and its REST interface."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port("127.0.0.1")
        self.address = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def password(self) -> str:
        """The generated password of the owner."""
        return (self.home / "owner-password").read_text().strip()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the desk and wait until it says that it is ready."""
        said = self.home / "said.txt"
        with said.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "app.cli", "run", "--port", str(self.port)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment(),
                cwd=REPOSITORY,
                start_new_session=True,
            )
        wait_for(
            lambda: b"quantdesk is ready" in said.read_bytes() or not self.running,
            START_S,
            "the desk to say it is ready",
        )
        assert self.running, f"`quantdesk run` ended:\n{said.read_text()}"

    def pids(self) -> dict[str, int]:
        """Return the pids of the supervisor and of every part."""
        assert self._process is not None
        parts = read_json(self.home / "run.json")["parts"]
        server, engine = postgres.status(self.home).server, temporal.running(self.home)
        assert server is not None and engine is not None
        return {
            "supervisor": self._process.pid,
            "postgres": server.pid,
            "temporal": engine.pid,
            **{name: int(part["identity"].split(":")[0]) for name, part in parts.items()},
        }

    def kill(self) -> set[int]:
        """Kill the whole process tree with SIGKILL, all at once as far as one can, and return its pids."""
        victims = {pid: psutil.Process(pid) for pid in self.pids().values()}
        for parent in list(victims.values()):
            victims.update((child.pid, child) for child in parent.children(recursive=True))
        # The supervisor first, so that it heals nothing.
        for process in victims.values():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        assert self._process is not None
        self._process.wait(30)
        wait_for(lambda: not any(map(_lives, victims.values())), 30, "the killed processes to end")
        return set(victims)

    def stop(self) -> None:
        """Stop the desk as Ctrl-C does."""
        if self.running:
            assert self._process is not None
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()

    def remove(self) -> None:
        """Delete the desk, whatever still runs of it."""
        self.stop()
        end_processes(leftovers(self.home), grace_s=0)
        engine = temporal.running(self.home)
        if engine is not None:
            end_processes([psutil.Process(engine.pid)], grace_s=0, first=signal.SIGKILL)
        (self.home / "postgres" / "holders.json").unlink(missing_ok=True)
        postgres.remove(self.home)
        shutil.rmtree(self.home, ignore_errors=True)

    def command(self, *arguments: str, exit_code: int = 0, token: str | None = None) -> str:
        """Run `quantdesk ...` and return what it printed on standard output."""
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            env=self._environment() | ({"QUANTDESK_TOKEN": token} if token else {}),
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode == exit_code, f"exit {done.returncode}: {done.stdout}\n{done.stderr}"
        return done.stdout or done.stderr

    def document(self, *arguments: str, token: str | None = None) -> Any:
        """Run `quantdesk ... --json` and return the document."""
        return json.loads(self.command("--json", *arguments, token=token))

    def key(self, kind: str, scopes: str) -> str:
        """Make an API key of the owner."""
        return self.document("user", "key", "create", f"e2e {kind}", "--kind", kind, "--scopes", scopes)["key"]

    def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Read the database around the product's code."""
        server = postgres.status(self.home).server
        assert server is not None
        with psycopg.connect(server.dsn) as connection:
            return connection.execute(statement.encode(), parameters).fetchall()

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "QUANTDESK_HOME": str(self.home), "PYTHONPATH": str(REPOSITORY)}


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Owner:
    """Be the owner's browser session on the REST interface: cookie and CSRF token."""

    def __init__(self, desk: RunningDesk) -> None:
        self.client = httpx.Client(base_url=desk.address, timeout=60, trust_env=False)
        answer = self.client.post("/login", data={"name": "owner", "password": desk.password})
        assert answer.status_code == 303, answer.text
        self.client.headers["X-CSRF-Token"] = self.get("/api/session")["csrf_token"]

    def get(self, path: str) -> Any:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: dict[str, Any], *, status: int = 200) -> Any:
        answer = self.client.post(path, json=body)
        assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
        return answer.json()


def wait_for(done: Callable[[], Any], timeout_s: float, what: str) -> Any:
    """Return the first true answer of `done`; fail when there is none in time."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = done()
        if found:
            return found
        assert time.monotonic() < deadline, f"waited {timeout_s:g} s for {what}"
        time.sleep(0.1)


@pytest.fixture(scope="session")
def whole_desk() -> Iterator[RunningDesk]:
    """Give the one desk of these tests; they take turns on it, as starting one costs half a minute."""
    made = RunningDesk(Path(tempfile.mkdtemp(prefix="qde")).resolve())
    try:
        made.start()
        yield made
    finally:
        made.remove()


@pytest.fixture
def desk(whole_desk: RunningDesk) -> RunningDesk:
    """Give the desk, running."""
    if not whole_desk.running:
        whole_desk.start()
    return whole_desk


@pytest.fixture
def owner(desk: RunningDesk) -> Iterator[Owner]:
    """Give a signed-in owner."""
    signed_in = Owner(desk)
    yield signed_in
    signed_in.client.close()


@pytest.fixture
def sign_in() -> Callable[[RunningDesk], Owner]:
    """Give what signs the owner in once more."""
    return Owner


@pytest.fixture
def until() -> Callable[[Callable[[], Any], float, str], Any]:
    """Give what waits for an answer."""
    return wait_for


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Give headless Chromium, or skip; for one file only, as its event loop must be gone before other tests."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
    if not CHROMIUM.exists():
        pytest.skip("Chromium is not installed at /usr/bin/chromium")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield opened
        opened.close()


class Visitor:
    """Be a person at a browser window; note what the pages complain about and which requests leave loopback."""

    def __init__(self, browser: Any, desk: RunningDesk, width: int, height: int = 900) -> None:
        self.desk = desk
        self.context = browser.new_context(viewport={"width": width, "height": height})
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.outside: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", self._on_request)
        self.page.on("websocket", self._on_request)
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def sign_in(self, path: str = "/") -> None:
        """Sign in as the owner and arrive at a path."""
        self.page.goto(f"{self.desk.address}{path}")
        self.page.fill("input[name=password]", self.desk.password)
        self.page.click("button[type=submit]")
        self.page.wait_for_url(f"**{path}")

    def open(self, path: str) -> str:
        """Open a page, wait until nothing loads any more, and return its text."""
        self.page.goto(f"{self.desk.address}{path}")
        return self.loaded()

    def loaded(self) -> str:
        """Wait until every part of the page is there and return its text."""
        self.page.wait_for_function("document.querySelector('.qd-page') && !document.querySelector('.qd-wait')")
        return str(self.page.inner_text("body"))

    def ask(self, question: str) -> str:
        """Ask in the chat and return the new text once the answer has come to its end."""
        ends = self.page.get_by_text("Copy as command:")
        before = ends.count()
        self._send(question)
        ends.nth(before).wait_for()
        return str(self.page.inner_text("body")).rpartition(question + "\n")[2]

    def _send(self, question: str) -> None:
        self.page.locator("#chat-input").click()
        self.page.keyboard.type(question)
        self.page.keyboard.press("Enter")
        self.page.get_by_text(question, exact=True).first.wait_for()

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than the window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def _on_request(self, request: Any) -> None:
        host = f"{request.url}/".split("://", 1)[-1].split("/", 1)[0]
        if not request.url.startswith(("data:", "blob:")) and host != self.desk.address.removeprefix("http://"):
            self.outside.append(request.url)

    def _on_console(self, message: Any) -> None:
        # Chainlit asks who is signed in before it signs its page in by the desk's session, and prints the 401.
        if message.type == "error" and not ("401" in message.text or "Unauthorized" in message.text):
            self.complaints.append(f"{message.text} ({message.location.get('url', '')})")


@pytest.fixture
def visitor(browser: Any, desk: RunningDesk) -> Iterator[Callable[..., Visitor]]:
    """Give what opens a browser window; every window must have stayed on loopback and without errors."""
    opened: list[Visitor] = []

    def visit(width: int = 1440) -> Visitor:
        opened.append(Visitor(browser, desk, width))
        return opened[-1]

    yield visit
    for one in opened:
        one.context.close()
    assert [url for one in opened for url in one.outside] == []
    assert [text for one in opened for text in one.complaints] == []
