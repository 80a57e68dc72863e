"""Reports of a real desk: stored, announced once, and every number in them explained by the record of its run."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from core.domain.principal import SCOPES, Principal
from core.errors import UnknownName
from core.reporting.rendering import render_fact
from core.reporting.report import Report

PERSON = Principal(id="usr_test", name="owner", kind="person", scopes=SCOPES)


@pytest.fixture(scope="module")
def parts(sample_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    from app.bootstrap import Parts
    from core.settings import Settings

    made = Parts(Settings(home=tmp_path_factory.mktemp("home")), sample_dsn)
    yield made
    made.database.close()


@pytest.fixture(scope="module")
def made(parts: Any) -> dict[str, Report]:
    return {kind: parts.make_report(kind, PERSON, face="cli") for kind in ("sod", "eod")}


def figures(page: str) -> list[tuple[str, str]]:
    found = re.findall(r'<(?:a|span) class="n(?: neg)?" data-fact="([^"]+)"[^>]*>(.*?)</(?:a|span)>', page)
    return [(unescape(number), unescape(text)) for number, text in found]


@pytest.mark.parametrize("kind", ["sod", "eod"])
def test_every_number_of_a_real_report_is_explained_by_its_run(kind: str, parts: Any, made: dict[str, Report]) -> None:
    shown = figures(made[kind].html)
    assert len(shown) > 100
    for number, text in dict(shown).items():
        fact = parts.desk.calls.fact(number)
        assert fact.run in made[kind].runs
        if fact.unit == "text":  # an index is shown with its name
            assert render_fact(fact) in text, number
        else:
            assert render_fact(fact) == text, number


@pytest.mark.parametrize("kind", ["sod", "eod"])
def test_the_runs_of_a_report_replay_to_the_same_result(kind: str, parts: Any, made: dict[str, Report]) -> None:
    from tools.tracing import replay

    for run in made[kind].runs[:6]:
        assert replay(parts.desk, run, PERSON, face="cli").same, run


def test_made_again_at_the_same_desk_time_one_report_is_kept(parts: Any, made: dict[str, Report]) -> None:
    again = parts.make_report("eod", PERSON, face="cli")
    assert again.report_id == made["eod"].report_id
    assert again.digest == made["eod"].digest


@pytest.mark.parametrize("kind", ["sod", "eod"])
def test_nothing_is_missing_from_a_report_of_the_samples(kind: str, made: dict[str, Report]) -> None:
    text = re.sub(r"<[^>]+>", "", made[kind].html)
    assert "Replay" in text
    assert "Unknown tool" not in text
    for title in (
        "What to watch",
        "Market",
        "Risk",
        "Limits",
        "Waiting for a decision",
        "Data",
        "Where the numbers come from",
    ):
        assert f">{title}</h2>" in made[kind].html, title
    assert "demo book" in text


def test_the_end_of_day_of_the_samples_compares_with_the_close_before(parts: Any, made: dict[str, Report]) -> None:
    assert made["eod"].session == parts.clock.now().date()
    assert made["sod"].session > made["eod"].session
    calls = [parts.desk.calls.call(run).call for run in made["eod"].runs]
    times = [call.as_of.known for call in calls if call.tool == "risk_report"]
    assert times[0] == parts.clock.now() and times[1] < times[0]
    text = re.sub(r"<[^>]+>", "", made["eod"].html)
    assert re.search(r"Value at risk (rose|fell) from \$[\d,.]+ to \$[\d,.]+\.", text)
    assert "share of the limit used" in text


def test_a_report_is_stored_byte_for_byte_and_listed_newest_first(parts: Any, made: dict[str, Report]) -> None:
    for report in made.values():
        found = parts.reports.get(report.report_id)
        assert found.html == report.html
        assert (found.kind, found.digest, found.runs, found.session) == (
            report.kind,
            report.digest,
            report.runs,
            report.session,
        )
    listed = parts.reports.list(limit=10)
    assert {report.report_id for report in made.values()} <= {summary.report_id for summary in listed}
    moments = [summary.created_at for summary in listed]
    assert moments == sorted(moments, reverse=True)
    assert listed[0].title.endswith(str(listed[0].session))


def test_saving_again_announces_nothing_new(parts: Any, made: dict[str, Report]) -> None:
    report = made["sod"]
    parts.reports.save(report)
    with parts.database.transaction() as connection:
        announced = connection.execute(
            "SELECT count(*) FROM desk.outbox WHERE topic = 'report.published' AND subject_id = %s", (report.report_id,)
        ).fetchone()
    assert announced == (1,)


def test_an_unknown_report_is_named(parts: Any) -> None:
    with pytest.raises(UnknownName, match="rpt_none"):
        parts.reports.get("rpt_none")


def test_a_report_is_a_file_that_opens_anywhere(made: dict[str, Report], tmp_path: Path) -> None:
    for kind, report in made.items():
        path = tmp_path / f"{kind}.html"
        path.write_text(report.html, encoding="utf-8")
        assert path.stat().st_size < 1_000_000
        assert not re.search(r'(?:src|href)="(?!/runs/|#)', re.sub(r"<svg.*?</svg>", "", report.html, flags=re.S))
