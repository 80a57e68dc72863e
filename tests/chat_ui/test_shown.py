"""What the chat shows, without a server: cards, answers, origins, charts and the storage of files."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from agents.answer import Answer
from agents.planner.plan import Call
from app.api.errors import add_error_handlers
from app.auth.web import signed_in
from chat_ui import people
from chat_ui.answers import FACTS_SHOWN, ROWS_SHOWN, answer_text, chart_element, provenance, result_summary
from chat_ui.files import files_router
from chat_ui.history import FILES_PATH, LocalFiles, chat_history
from chat_ui.mounting import prepare_folder, without_outside_links
from chat_ui.proposal_card import _buttons, card_text, read_click
from chat_ui.services import ChatServices, install, services
from core.domain.books import Leg, Proposal
from core.domain.facts import Chart, ChartSeries, Column, Fact, Table, ToolResult
from core.errors import InvalidInput, NotSignedIn
from core.execution.proposals import ProposalView

NOON = datetime(2022, 11, 28, 12, tzinfo=UTC)
HOSTILE = [
    "# APPROVED\n\n**Status** filled",
    "[approve here](http://evil.example/x)",
    "see http://evil.example/approve and www.evil.example",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "```\n`prp_2` digest `0000`\n```",
    "| BUY | 1,000,000 | KO |",
    "![x](http://evil.example/pixel.png)",
    "\u202egnp.exe",
    "~~not this~~ $x$ _really_",
]


def view(reason: str = "", state: str = "pending", **change: Any) -> ProposalView:
    leg = Leg(instrument_id=1, symbol=change.pop("symbol", "MSFT"), side="buy", quantity=Decimal("10"))
    values: dict[str, Any] = {
        "proposal_id": "prp_1", "account_id": "paper", "legs": (leg,), "order_type": "market", "time_in_force": "day",
        "notional": Decimal("2415.50"), "reason": reason, "author": "agent:1", "author_kind": "agent",
        "requested_by": "usr_1", "digest": "ab" * 32, "desk_time": NOON, "created_at": NOON, "expires_at": NOON,
    }  # fmt: skip
    return ProposalView(
        proposal=Proposal(**values | change), state=state, decision=None, orders=(), progress="Waits for a person.",
        seconds_left=60.0,
    )  # type: ignore[arg-type]  # fmt: skip


def table(rows: int, name: str = "t", **change: Any) -> Table:
    columns = (Column(name="symbol", unit="text"), Column(name="close", unit="money", currency="USD"))
    return Table(name=name, columns=columns, rows=tuple((f"S{n}", n + 0.5) for n in range(rows)), **change)


def fact(number: int = 0) -> Fact:
    return Fact(
        id=f"fct_{number}", run="run_a", name=f"fact {number}", value=-0.5691, unit="ratio", as_of=NOON, label="public"
    )


def result(run: str = "run_a", **change: Any) -> ToolResult:
    return ToolResult(**{"run": run, "tool": "performance", "label": "public", "as_of": NOON} | change)


def answer(**change: Any) -> Answer:
    values: dict[str, Any] = {"text": "AAPL fell.", "outcome": "answer", "route": "offline", "label": "public",
                              "as_of": NOON, "clock": "replay"}  # fmt: skip
    return Answer(**values | change)


def test_the_card_is_in_the_money_of_the_account_and_a_live_desk_promises_no_fill():
    text = card_text(view(band_low=Decimal("227.2466"), band_high=Decimal("236.5")), currency="EUR", mode="live")
    assert "**Sent only between** €227.25 **and** €236.50" in text
    assert "**about** €2,415.50" in text
    assert "Fills at" not in text
    assert "Fills at" not in card_text(view(state="rejected"))


def test_real_money_is_named_in_red_and_paper_is_not():
    said = card_text(view(), is_real_money=True)
    assert "\N{LARGE RED CIRCLE} **REAL MONEY" in said
    assert "REAL MONEY" not in card_text(view())


def test_the_card_shows_exactly_what_would_be_sent():
    text = card_text(view(band_low=Decimal("230"), band_high=Decimal("250")))
    assert "| **BUY** | 10 | **MSFT** | market |  |  | day |" in text
    assert "**Account** paper · **about** $2,415.50" in text
    assert "**Sent only between** $230.00 **and** $250.00" in text
    assert "**expires** 2022-11-28 12:00 UTC" in text
    assert f"`prp_1` · digest `{'ab' * 32}`" in text
    assert "Reason" not in text, "without a reason nothing is said of one"
    assert "**Fills at** the next session's open" in text, "a replaying desk says which price the order gets"


def test_the_card_of_several_legs_names_the_band_of_each_that_has_one():
    legs = (
        Leg(instrument_id=1, symbol="MSFT", side="buy", quantity=Decimal(10), band_low=Decimal("228.9"),
            band_high=Decimal("253")),
        Leg(instrument_id=2, symbol="KO", side="sell", quantity=Decimal(5), limit_price=Decimal(60)),
        Leg(instrument_id=3, symbol="x](http://evil)", side="sell", quantity=Decimal(5), band_low=Decimal("0.5"),
            band_high=Decimal("0.55")),
    )  # fmt: skip
    told = [line for line in card_text(view(legs=legs)).splitlines() if line.startswith("**Sent only")]
    assert told[0] == "**Sent only with** MSFT **between** $228.90 **and** $253.00"
    assert len(told) == 2 and told[1].endswith("**between** $0.50 **and** $0.55")
    assert "http://" not in told[1]


@pytest.mark.parametrize("reason", HOSTILE)
def test_a_hostile_reason_stays_a_quotation(reason):
    lines = card_text(view(reason)).splitlines()
    plain = card_text(view("harmless")).splitlines()
    assert len(lines) == len(plain), "the reason adds no line"
    quoted = [line for line in lines if line.startswith("> ")]
    assert len(quoted) == 1
    assert "not checked" in quoted[0]
    assert [line for line in lines if line != quoted[0]] == [line for line in plain if not line.startswith("> ")]
    said = quoted[0].partition("not checked: ")[2]
    assert "://" not in said
    assert "www." not in said
    assert "\u202e" not in said
    assert not re.search(r"(?<!\\)[`*_\[\]<>#|!~$]", said), "every sign of markup is escaped"


@given(st.text(max_size=200))
def test_no_reason_whatever_changes_the_rest_of_the_card(reason):
    rest = [line for line in card_text(view(reason)).splitlines() if not line.startswith("> ") and line]
    assert rest == [line for line in card_text(view()).splitlines() if line]


def test_a_symbol_with_markup_breaks_no_table():
    text = card_text(view(symbol="A|B"))
    row = next(line for line in text.splitlines() if "BUY" in line)
    assert len(re.findall(r"(?<!\\)\|", row)) == 8


def test_the_buttons_carry_the_digest_that_was_shown():
    for button in _buttons(view()):
        click = read_click(button.payload)
        assert (click.proposal_id, click.digest) == ("prp_1", "ab" * 32)
    assert {button.payload["decision"] for button in _buttons(view())} == {"approved", "rejected"}


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"proposal_id": "prp_1", "digest": "x"},
        {"proposal_id": "prp_1", "digest": "x", "decision": "filled"},
        {"proposal_id": "prp_1", "digest": None, "decision": "approved"},
        {"proposal_id": 1, "digest": "x", "decision": "approved"},
        {"proposal_id": "prp_1", "digest": "x", "decision": "approved", "quantity": 10},
        {"proposal_id": ["prp_1"], "digest": "x", "decision": ["approved"]},
    ],
)
def test_what_the_card_does_not_send_is_no_click(payload):
    with pytest.raises(InvalidInput, match="Open the proposal again"):
        read_click(payload)


@given(st.dictionaries(st.text(max_size=12), st.none() | st.text() | st.integers()))
def test_no_other_payload_passes(payload):
    with pytest.raises(InvalidInput):
        read_click(payload)


def test_a_short_table_is_shown_whole():
    text = answer_text(answer(tables=(table(ROWS_SHOWN),), runs=("run_a",)))
    assert f"| S{ROWS_SHOWN - 1} |" in text
    assert "rows" not in text


def test_a_long_table_says_how_many_there_are_and_where_all_are():
    long = table(1234, title="Closes")
    text = answer_text(answer(tables=(long,), runs=("run_a", "run_b")), [result("run_b", tables=(long,))])
    assert "**Closes**" in text
    assert f"| S{ROWS_SHOWN - 1} |" in text
    assert f"| S{ROWS_SHOWN} |" not in text
    assert "15 of 1,234 rows; all rows: [/runs/run_b](/runs/run_b)" in text
    assert "not shown" not in text


def test_each_table_leads_to_its_own_run():
    one, two = table(20, name="one"), table(30, name="two")
    results = [result("run_a", tables=(one,)), result("run_b", tables=(two,))]
    text = answer_text(answer(tables=(two, one), runs=("run_a", "run_b")), results)
    assert text.index("15 of 30 rows; all rows: [/runs/run_b]") < text.index("15 of 20 rows; all rows: [/runs/run_a]")


def test_a_table_that_was_cut_does_not_claim_to_be_whole():
    text = answer_text(answer(tables=(table(20, truncated=True),)))
    assert "15 of 20 rows (cut at the row limit)" in text
    assert "/runs/" not in text


def test_remarks_are_said_once():
    text = answer_text(answer(text="AAPL fell. Prices are unadjusted.", notes=("Prices are unadjusted.", "No fees.")))
    assert text.count("Prices are unadjusted.") == 1
    assert "*No fees.*" in text


def test_provenance_names_time_route_label_sources_runs_and_commands():
    done = answer(
        sources=("arch", "skfolio"), runs=("run_0123456789abcdef0123",),
        tool_calls=(Call(name="performance", args={"symbols": ["AAPL"]}),),
    )  # fmt: skip
    text = provenance(done)
    first = text.splitlines()[0]
    assert first.startswith("As of 2022-11-28 12:00 UTC (the desk replays the past)")
    for part in ("route offline: offline planner", "public", "sources: arch; skfolio"):
        assert part in first
    assert "[run_0123456789ab](/runs/run_0123456789abcdef0123)" in text
    assert "quantdesk tool performance --args" in text
    assert "--as-of 2022-11-28T12:00:00+00:00" in text


def test_sources_are_named_once_with_what_each_gave():
    sources = ("MSFT: skfolio (total_return)", "JPM: skfolio (total_return)", "execution.fills", "KO: arch")
    grouped = ("skfolio (total_return): MSFT, JPM", "execution.fills", "arch: KO")
    assert answer(sources=sources).named_sources() == grouped
    assert "sources: " + "; ".join(grouped) in provenance(answer(sources=sources))
    assert answer().named_sources() == ()


def test_provenance_of_a_live_answer_without_numbers_is_one_line():
    text = provenance(answer(clock="live"))
    assert "replays" not in text
    assert "\n" not in text
    assert "bash" not in text


def test_a_step_names_facts_and_says_how_many_more():
    made = result(facts=tuple(fact(n) for n in range(FACTS_SHOWN + 3)), tables=(table(7, title='Clo"ses'),))
    lines = result_summary(made).splitlines()
    assert lines[0] == "- fact 0: -56.91% `fct_0`"
    assert "- and 3 more" in lines
    assert '- table "Clo\\"ses": 7 rows' in lines
    assert lines[-1] == "- run `run_a`"
    assert len([line for line in lines if "-56.91%" in line]) == FACTS_SHOWN


@pytest.mark.parametrize(("title", "name"), [("AAPL / 2008: price", "1-AAPL---2008--price"), ("", "1-chart"),
                                             ("x" * 200, "1-" + "x" * 60), ("../../etc", "1-------etc")])  # fmt: skip
async def test_a_chart_has_a_name_that_can_be_a_file(title, name, monkeypatch):
    import chat_ui.answers as module

    monkeypatch.setattr(module.cl, "Plotly", lambda **fields: SimpleNamespace(**fields))
    series = ChartSeries(name="AAPL", x=("2008-01-02", "2008-01-03"), y=(194.8, None))
    element = chart_element(Chart(kind="line", title=title, series=(series,)), 0)
    assert element.name == name
    drawn = json.loads(element.figure.to_json())
    assert drawn["data"][0]["name"] == "AAPL"
    assert len(drawn["data"][0]["x"]) == 2


async def test_the_title_of_a_chart_breaks_before_a_phone_cuts_it(monkeypatch):
    import chat_ui.answers as module

    monkeypatch.setattr(module.cl, "Plotly", lambda **fields: SimpleNamespace(**fields))
    series = ChartSeries(name="median", x=("2008-01-02", "2008-01-03"), y=(1.0, 2.0))
    chart = Chart(kind="line", title="Simulated value of portfolio of Demo book (paper)", series=(series,))
    lines = chart_element(chart, 0).figure.layout.title.text.split("<br>")
    assert " ".join(lines) == chart.title and max(map(len, lines)) <= 36


@pytest.fixture
def files(tmp_path: Path) -> LocalFiles:
    return LocalFiles(tmp_path / "files")


@pytest.mark.parametrize(
    "key",
    [
        "u-1/../u-10/own.json",
        "u-1//x",
        "u-1/./x",
        "../x",
        "a/../../x",
        "/etc/passwd",
        "",
        ".",
        "a/..",
        "..",
        "a/../../files-evil/x",
        "a\0b",
    ],
)
async def test_no_key_leaves_the_folder(files, tmp_path, key):
    (tmp_path / "x").write_text("kept")
    assert files.path_of(key) is None
    assert await files.upload_file(key, "evil") == {}
    assert await files.delete_file(key) is False
    assert (tmp_path / "x").read_text() == "kept"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["files", "x"]


async def test_a_link_out_of_the_folder_is_not_followed(files, tmp_path):
    (tmp_path / "files" / "link").symlink_to(tmp_path)
    (tmp_path / "secret").write_text("secret")
    assert files.path_of("link/secret") is None


@given(st.text(max_size=40))
def test_a_path_is_inside_or_there_is_none(key):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        files = LocalFiles(Path(folder) / "files")
        path = files.path_of(key)
        assert path is None or (Path(folder).resolve() / "files") in path.parents


async def test_a_file_is_written_whole_and_read_back(files):
    made = await files.upload_file("user/thread/ä b.json", '{"a": 1}')
    assert made == {"object_key": "user/thread/ä b.json", "url": f"{FILES_PATH}/user/thread/%C3%A4%20b.json"}
    path = files.path_of("user/thread/ä b.json")
    assert path.read_text() == '{"a": 1}'
    assert path.parent.stat().st_mode & 0o077 == 0
    assert path.stat().st_mode & 0o077 == 0
    assert await files.upload_file("user/thread/ä b.json", b"other", overwrite=False) == {}
    assert path.read_text() == '{"a": 1}'
    await files.upload_file("user/thread/ä b.json", b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"
    assert len(list(path.parent.iterdir())) == 1, "no temporary file stays"
    assert await files.delete_file("user/thread/ä b.json") is True
    assert await files.delete_file("user/thread/ä b.json") is False


@pytest.fixture
def browsers(files) -> dict[str, httpx.AsyncClient]:
    class History:
        async def get_user(self, name: str) -> Any:
            return {"owner": SimpleNamespace(id="u-1"), "ann": SimpleNamespace(id="u-10")}.get(name)

    def client(name: str | None) -> httpx.AsyncClient:
        app = FastAPI()
        add_error_handlers(app)
        app.include_router(files_router(History(), files))  # type: ignore[arg-type]

        def browser() -> Any:
            if name is None:
                raise NotSignedIn("You are not signed in.")
            return SimpleNamespace(principal=SimpleNamespace(name=name))

        app.dependency_overrides[signed_in] = browser
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")

    return {name or "nobody": client(name) for name in ("owner", "ann", "new", None)}


async def test_a_file_is_read_by_its_owner_only(files, browsers):
    await files.upload_file("u-1/t/chart.json", "{}")
    await files.upload_file("u-1/t/page.html", "<script>alert(1)</script>")
    path = f"{FILES_PATH}/u-1/t/chart.json"
    seen = await browsers["owner"].get(path)
    assert (seen.status_code, seen.headers["content-type"]) == (200, "application/json")
    assert "private" in seen.headers["cache-control"]
    assert (await browsers["ann"].get(path)).status_code == 404
    assert (await browsers["new"].get(path)).status_code == 404
    assert (await browsers["nobody"].get(path)).status_code == 401
    page = await browsers["owner"].get(f"{FILES_PATH}/u-1/t/page.html")
    assert page.headers["content-type"] == "application/octet-stream", "a page is never shown as one"
    assert page.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize("key", ["u-1/none.json", "u-1/t", "u-1", "u-10/../u-1/x", "u-1/%2e%2e/u-10/own.json",
                                 "u-1/%00", "u-1/" + "x" * 300, "%2fetc%2fpasswd"])  # fmt: skip
async def test_other_paths_are_not_there(files, browsers, key):
    await files.upload_file("u-10/own.json", "{}")
    await files.upload_file("u-1/t/chart.json", "{}")
    answer = await browsers["owner"].get(f"{FILES_PATH}/{key}")
    assert answer.status_code == 404, answer.text


def test_the_history_lives_in_its_own_schema(files):
    layer = chat_history("postgresql://desk:secret@db.example/quantdesk", files)
    assert str(layer.engine.url) == "postgresql+psycopg://desk:***@db.example/quantdesk"
    assert layer.storage_provider is files


def test_services_must_be_handed_over_first(monkeypatch):
    import chat_ui.services as module

    monkeypatch.setattr(module, "_installed", [])
    with pytest.raises(RuntimeError, match=r"app\.server"):
        services()
    first, second = (ChatServices(parts=None, accounts=None, assistant=None) for _ in range(2))  # type: ignore[arg-type]
    install(first)
    install(second)
    assert services() is second


async def test_the_person_is_looked_up_anew_and_must_be_the_same(monkeypatch):
    open_sessions = {"t-owner": "owner", "t-ann": "ann"}

    def session(token: str | None) -> Any:
        if token not in open_sessions:
            raise NotSignedIn("You are not signed in.")
        return SimpleNamespace(principal=SimpleNamespace(name=open_sessions[token]))

    monkeypatch.setattr(people, "services", lambda: SimpleNamespace(accounts=SimpleNamespace(session=session)))

    def talking(user: str | None, cookie: str | None) -> None:
        context = SimpleNamespace(session=SimpleNamespace(
            user=SimpleNamespace(identifier=user) if user else None,
            environ={"HTTP_COOKIE": cookie} if cookie is not None else None,
        ))  # fmt: skip
        monkeypatch.setattr(people.cl, "context", context)

    talking("owner", "quantdesk_session=t-owner")
    assert (await people.current_person()).name == "owner"
    for user, cookie in (("owner", "quantdesk_session=t-ann"), (None, "quantdesk_session=t-owner"), ("owner", None),
                         ("owner", "other=1"), ("owner", "quantdesk_session=gone")):  # fmt: skip
        talking(user, cookie)
        with pytest.raises(NotSignedIn):
            await people.current_person()
    assert await people.user_of({"cookie": "quantdesk_session=gone"}) is None
    found = await people.user_of({"cookie": "quantdesk_session=t-ann"})
    assert found is not None
    assert found.identifier == "ann"


@pytest.mark.parametrize(
    ("page", "left"),
    [
        ('<link rel="stylesheet" href="https://cdn.example/x.css"><p>', "<p>"),
        ('<link href="//fonts.example/f" rel="preconnect">\n<p>', "<p>"),
        ('<link rel="icon" href="/chat/favicon">', '<link rel="icon" href="/chat/favicon">'),
        ('<a href="https://x.example">', '<a href="https://x.example">'),
    ],
)
def test_links_that_fetch_from_outside_are_taken_out(page, left):
    assert without_outside_links(page) == left


def test_the_chat_s_folder_is_written_anew_and_keeps_its_files(tmp_path):
    root = prepare_folder(tmp_path / "chat")
    (root / "files").mkdir(exist_ok=True)
    (root / "files" / "kept").write_text("x")
    configuration = root / ".chainlit" / "config.toml"
    written = configuration.read_text()
    assert "unsafe_allow_html = false" in written
    configuration.write_text("unsafe_allow_html = true")
    assert prepare_folder(tmp_path / "chat") == root
    assert configuration.read_text() == written
    assert (root / "files" / "kept").exists()


def test_the_chat_follows_the_system_theme_and_no_word_of_its_logo_is_cut(tmp_path: Path):
    root = prepare_folder(tmp_path / "chat")
    settings = tomllib.loads((root / ".chainlit" / "config.toml").read_text(encoding="utf-8"))["UI"]
    script = root / settings["custom_js"].removeprefix("/")
    assert '"vite-ui-theme", "system"' in script.read_text(encoding="utf-8")
    assert settings["custom_js_attributes"] == "", "deferred, it would come after the page chose its theme"
    for logo in sorted((root / "public").glob("logo_*.svg")):
        text = logo.read_text(encoding="utf-8")
        width = float(re.search(r'viewBox="0 0 (\d+)', text)[1])  # type: ignore[index]
        start, length = (float(re.search(rf'{name}="(\d+)"', text)[1]) for name in ("text x", "textLength"))  # type: ignore[index]
        assert start + length <= width, "whatever the font, the name fits"


def test_a_report_is_led_to_by_a_link_under_its_short_form():
    made = result("run_a").model_copy(update={"details": {"report_id": "rpt_1"}})
    assert "[Read the whole report](/reports/rpt_1)" in answer_text(answer(runs=("run_a",)), [made])
    assert "/reports/" not in answer_text(answer(runs=("run_a",)), [result("run_b")])
