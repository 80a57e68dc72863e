"""An ingest run that fails or leaves something undone makes one notice; a good one none."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.data.notices import notice_of_run
from core.data.pipeline import IngestReport, StepReport
from core.ports.data_store import Counts
from core.ports.notifier import MOST_CHARACTERS


def step(name: str, source: str, error: str | None = None, **counts: int) -> StepReport:
    return StepReport(step=name, source=source, counts=Counts(**counts), seconds=0.1, error=error)  # type: ignore[arg-type]


def report(*steps: StepReport) -> IngestReport:
    return IngestReport(run_id="ing_1", steps=list(steps))


def test_a_good_run_tells_nobody_even_when_rows_are_held_back() -> None:
    assert notice_of_run(report(step("news", "polygon", quarantined=3)), "daily") is None


def test_a_partial_run_names_each_failed_step_once() -> None:
    notice = notice_of_run(
        report(
            step("market_data 2024-01-02..2024-01-05", "polygon", "Polygon answered 503.", quarantined=2),
            step("news 2024-01-02..2024-01-05", "newsapi", "NewsAPI needs a key."),
            step("macro 2024-01-02..2024-01-05", "fred"),
        ),
        "daily",
    )
    assert notice is not None
    assert notice.title == "quantdesk: daily ingest partial"
    assert notice.lines == (
        "market_data 2024-01-02..2024-01-05 of polygon failed: Polygon answered 503.",
        "news 2024-01-02..2024-01-05 of newsapi failed: NewsAPI needs a key.",
        "2 rows wait in the quarantine.",
        "What was delivered stands; the next run asks for the rest.",
        "Run ing_1.",
    )


def test_a_run_of_which_all_failed_is_called_failed() -> None:
    notice = notice_of_run(report(step("news", "newsapi", "x")), "backfill")
    assert notice is not None
    assert notice.title == "quantdesk: backfill ingest failed"


def test_a_late_source_is_told_though_every_step_went_well() -> None:
    notice = notice_of_run(report(step("news", "newsapi")), "daily", ["news of newsapi are late."])
    assert notice is not None
    assert notice.title == "quantdesk: daily ingest done, sources are late"
    assert notice.lines == ("news of newsapi are late.", "Run ing_1.")


@given(errors=st.lists(st.text(min_size=1, max_size=2000), min_size=1, max_size=40))
def test_however_much_failed_it_is_one_short_notice(errors: list[str]) -> None:
    notice = notice_of_run(report(*(step(f"news {n}", "x", error) for n, error in enumerate(errors))), "daily")
    assert notice is not None
    named = [line for line in notice.lines if " of x failed: " in line]
    assert len(named) == min(len(errors), 12)
    assert len(f"{notice.title}\n{notice.body}") <= MOST_CHARACTERS
    if len(errors) > 12:
        assert f"... and {len(errors) - 12} more." in notice.lines
