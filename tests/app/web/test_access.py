"""Who may see which page and do what: asked of the served pages without a browser, and of the actions themselves."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.api.login import local_path
from app.web import layout
from app.web.components import sentence_of
from app.web.layout import Visit
from app.web.pages import dashboard, proposals, reports
from core.domain.principal import Principal
from core.errors import NoData, NotSignedIn, Refused, Unavailable, UnknownName

PAGES = [
    "/",
    "/proposals",
    "/proposals/prp_1",
    "/analysis",
    "/analysis?symbol=GE",
    "/data",
    "/reports",
    "/reports/rpt_1",
    "/runs/run_1",
    "/runs/run_1:t:0:a",
]
PRIVATE = ["56,235", "Buy 10", "AAPL", "Halt trading", "Make start-of-day"]


def person(*scopes: str, kind: Any = "person") -> Principal:
    return Principal(id="usr_2", name="reader", kind=kind, scopes=frozenset(scopes))  # type: ignore[arg-type]


@contextlib.contextmanager
def signed_in(stage: Any, principal: Principal | None) -> Iterator[None]:
    before, stage.principal = stage.principal, principal
    try:
        yield
    finally:
        stage.principal = before


def get(stage: Any, path: str) -> httpx.Response:
    return httpx.get(stage.address + path, follow_redirects=False, timeout=60, trust_env=False)


@pytest.mark.parametrize("path", [*PAGES, "/reports/rpt_1/page"])
def test_signed_out_every_page_leads_to_the_login_and_back(path, stage):
    with signed_in(stage, None):
        answer = get(stage, path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?next=/")
    assert not any(word in answer.text for word in PRIVATE)


@pytest.mark.parametrize("path", ["/data", "/analysis?symbol=%5EGSPC&period=3y", "/analysis?symbol=a%26b"])
def test_the_way_back_from_the_login_keeps_what_was_asked(path, stage):
    with signed_in(stage, None):
        answer = get(stage, path)
    (wanted,) = parse_qs(urlsplit(answer.headers["location"]).query)["next"]
    assert wanted == path
    assert local_path(wanted) == path, "the login goes on to it"


@pytest.mark.parametrize("path", PAGES)
def test_without_the_scope_read_a_page_shows_one_sentence_and_no_data(path, stage):
    asked = len(stage.results.calls)
    with signed_in(stage, person("trade", "approve")):
        answer = get(stage, path)
    assert answer.status_code == 200
    assert "lacks the scope read" in answer.text
    assert not any(word in answer.text for word in PRIVATE)
    assert len(stage.results.calls) == asked


def test_without_the_scope_read_a_report_is_refused(stage):
    with signed_in(stage, person("trade")):
        answer = get(stage, "/reports/rpt_1/page")
    assert answer.status_code == 403
    assert "lacks the scope read" in answer.text


def test_an_unknown_report_is_not_found_and_its_name_is_text(stage):
    answer = get(stage, "/reports/%3Cb%3Erpt/page")
    assert answer.status_code == 404
    assert "<b>" not in answer.text


@pytest.mark.parametrize(
    ("scopes", "kind", "offered"),
    [(("read", "trade"), "person", True), (("read",), "person", False), (("read", "trade"), "agent", False)],
)
def test_only_a_person_who_trades_is_offered_the_clock(scopes, kind, offered, stage):
    with signed_in(stage, person(*scopes, kind=kind)):
        answer = get(stage, "/reports")
    assert ("Advance one session" in answer.text) is offered


# The actions ask again who is there


class MadeUpNotice:
    """Stand in for the browser's notes and moves."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.navigate = SimpleNamespace(reload=lambda: self.said.append("reload"), to=self.said.append)

    def notify(self, text: str, **options: Any) -> None:
        self.said.append(text)


def a_visit(stage: Any, now: Principal | None) -> Visit:
    """Open a page as the owner; when an action asks, somebody else (or nobody) is signed in."""

    async def current_principal(request: Any) -> Principal:
        if now is None:
            raise NotSignedIn("You are not signed in.")
        return now

    services = replace(stage.services, current_principal=current_principal)
    return Visit(
        services=services,
        request=None,  # type: ignore[arg-type]
        principal=person("read", "trade", "approve"),
        mode="replay",
        now=stage.services.desk.clock.now(),
    )


async def test_the_clock_moves_for_a_person_who_trades(stage, monkeypatch):
    browser = MadeUpNotice()
    monkeypatch.setattr(layout, "ui", browser)
    before = stage.advanced
    await layout._advance(a_visit(stage, person("trade")))
    assert stage.advanced == before + 1
    assert browser.said[-1] == "reload"


@pytest.mark.parametrize(("now", "error"), [(None, NotSignedIn), (person("read"), Refused)])
async def test_the_clock_stands_for_anyone_else(now, error, stage, monkeypatch):
    monkeypatch.setattr(layout, "ui", MadeUpNotice())
    before = stage.advanced
    with pytest.raises(error):
        await layout._advance(a_visit(stage, now))
    assert stage.advanced == before


async def test_a_report_is_made_by_who_is_signed_in_now(stage, monkeypatch):
    makers: list[Principal] = []
    visit = a_visit(stage, person("read"))

    def make(kind: Any, maker: Principal) -> Any:
        makers.append(maker)
        return SimpleNamespace(report_id="rpt_7")

    visit = replace(visit, services=replace(visit.services, make_report=make))
    browser = MadeUpNotice()
    monkeypatch.setattr(reports, "ui", browser)
    await reports._making(visit, "sod")()
    assert makers == [person("read")]
    assert browser.said[-1] == "/reports/rpt_7"


async def test_no_report_is_made_when_the_session_ended(stage, monkeypatch):
    monkeypatch.setattr(reports, "ui", MadeUpNotice())
    with pytest.raises(NotSignedIn):
        await reports._making(a_visit(stage, None), "eod")()


def test_the_switch_acts_as_who_is_signed_in_now(stage):
    visit = a_visit(stage, person("approve"))
    assert dashboard._turn(visit, person("approve"), True) == "Trading is halted."
    assert stage.switch.reason == "halted by reader: from the desk page"
    assert dashboard._turn(visit, person("approve"), False) == "Trading is on."
    assert stage.switch.reason is None


# Real money


def test_accounts_that_trade_real_money_are_named_in_red_on_every_page():
    said = layout.money_words(["U1", "<b>U2</b>"])
    assert 'class="qd-real"' in said and "REAL MONEY: U1, &lt;b&gt;U2&lt;/b&gt; switched to live" in said
    css = (Path(layout.__file__).parent / "style.css").read_text(encoding="utf-8")
    assert re.search(r"\.qd-real \{ background: #b3261e; color: #fff;", css)
    assert layout.money_words([]) == "paper orders"


async def test_a_visit_knows_which_accounts_are_live(stage):
    accounts = [SimpleNamespace(account_id=name, is_live=live) for name, live in (("U1", True), ("demo", False))]
    desk = SimpleNamespace(clock=stage.services.desk.clock, books=SimpleNamespace(accounts=lambda: accounts))
    visit = a_visit(stage, person("read"))
    entered = await layout.enter(replace(visit.services, desk=desk), visit.request)
    assert entered.live_accounts == ("U1",)


# What pages read


def test_a_pending_proposal_comes_with_what_it_would_do(stage):
    shown = proposals._read(a_visit(stage, person("read")), "prp_00000000000000000000000000000002")
    assert shown.view.state == "pending"
    assert shown.currency == "USD"
    assert shown.impact is not None and not isinstance(shown.impact, str)


def test_an_impact_that_cannot_be_told_is_its_sentence(stage, monkeypatch):
    def refuse(proposal_id: str) -> Any:
        raise NoData("There is no price of GE.")

    monkeypatch.setattr(stage.proposals, "impact", refuse, raising=False)
    shown = proposals._read(a_visit(stage, person("read")), "prp_00000000000000000000000000000002")
    assert shown.impact == "There is no price of GE."


def test_an_unknown_proposal_is_an_error_with_its_name(stage):
    with pytest.raises(UnknownName, match="prp_none"):
        proposals._read(a_visit(stage, person("read")), "prp_none")


# Errors as sentences


@pytest.mark.parametrize(
    ("error", "text", "level"),
    [
        (NoData("Nothing is stored.", hint="Import it."), "Nothing is stored. Import it.", "watch"),
        (Unavailable("The database cannot be reached."), "The database cannot be reached.", "alarm"),
        (TimeoutError(), "This takes longer than the page waits.", "alarm"),
        (RuntimeError("secret detail at line 5"), "This could not be shown (RuntimeError).", "alarm"),
        (KeyError("symbol"), "This could not be shown (KeyError).", "alarm"),
    ],
)
def test_every_failure_is_a_sentence_for_a_person(error, text, level):
    sentence, found = sentence_of(error)
    assert sentence.startswith(text)
    assert found == level
    assert "secret detail" not in sentence


def test_a_defect_is_logged_with_its_traceback(caplog):
    sentence_of(RuntimeError("the cause"))
    assert "the cause" in caplog.text
    caplog.clear()
    sentence_of(NoData("expected"))
    assert caplog.text == ""
