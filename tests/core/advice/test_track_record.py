"""Track records: hits and returns summed by hand, no return counted twice, hindsight left out of the ranking."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.advice.track_record import is_contaminated, side_of, track_record
from core.domain.books import PanelVerdict

NOW = datetime(2024, 6, 3, 21, tzinfo=UTC)
FIRST = date(2024, 1, 2)


def verdict(number: int, word: str = "lean buy", realised: float | None = 0.05, **changes: object) -> PanelVerdict:
    session = FIRST + timedelta(days=40 * number)
    values = {
        "verdict_id": f"vdt_{number:03}",
        "requested_by": "usr_ann",
        "run_id": "run_1",
        "instrument_id": 1,
        "symbol": "AAA",
        "session": session,
        "verdict": word,
        "score": 0.3,
        "scores": {"trend": 0.5, "risk": -0.1},
        "horizon_sessions": 21,
        "decided_at": NOW,
        "realised_return": realised,
        "scored_session": None if realised is None else session + timedelta(days=30),
        **changes,
    }
    return PanelVerdict.model_validate(values)


def standing(found: object, author: str) -> object:
    return next(part for part in found.standings if part.author == author)  # type: ignore[attr-defined]


def test_hits_and_returns_are_those_of_the_side_that_was_said() -> None:
    found = track_record(
        [
            verdict(1, "buy", 0.10),
            verdict(2, "lean sell", 0.04),
            verdict(3, "sell", -0.06),
            verdict(4, "hold", 0.50),
            verdict(5, "lean buy", None),
        ]
    )
    assert (found.made, found.open, found.scored, found.contaminated) == (5, 1, 4, 0)
    panel = standing(found, "panel")
    assert (panel.counted, panel.hits) == (3, 2)  # type: ignore[attr-defined]
    assert panel.mean == pytest.approx((0.10 - 0.04 + 0.06) / 3)  # type: ignore[attr-defined]
    # The trend said 0.5 each time: three gains and one loss.
    trend = standing(found, "trend")
    assert (trend.counted, trend.hits) == (4, 3)  # type: ignore[attr-defined]
    assert standing(found, "risk").hits == 1  # type: ignore[attr-defined]


def test_a_verdict_inside_another_counts_no_return_twice() -> None:
    inside = verdict(1).model_copy(update={"verdict_id": "vdt_x", "session": FIRST + timedelta(days=50)})
    elsewhere = inside.model_copy(update={"verdict_id": "vdt_y", "instrument_id": 2})
    found = track_record([verdict(1), inside, elsewhere, verdict(2)])
    assert found.overlapping == 1
    assert standing(found, "panel").counted == 3  # type: ignore[attr-defined]


def test_a_models_hindsight_is_marked_by_code_and_left_out_of_the_ranking() -> None:
    cutoff = date(2024, 4, 1)
    views = [
        verdict(n, "buy", 0.2, model="some model", score=None, scores={}).model_copy(
            update={"contaminated": is_contaminated(FIRST + timedelta(days=40 * n), cutoff)}
        )
        for n in range(1, 5)
    ]
    # Sessions of February 11 and March 22 lie before the cut-off, May 1 and June 10 after it.
    assert [view.contaminated for view in views] == [True, True, False, False]
    found = track_record([*views, verdict(1, "buy", -0.01)])
    assert found.contaminated == 2
    assert standing(found, "some model").counted == 2  # type: ignore[attr-defined]
    assert not track_record(views[:2]).standings, "only hindsight, nothing to rank"


@pytest.mark.parametrize(
    ("session", "cutoff", "contaminated"),
    [
        (date(2024, 4, 1), date(2024, 4, 1), True),
        (date(2024, 4, 2), date(2024, 4, 1), False),
        (date(2030, 1, 1), None, True),
    ],
)
def test_up_to_the_end_of_its_training_a_model_may_know_the_outcome(
    session: date, cutoff: date | None, contaminated: bool
) -> None:
    assert is_contaminated(session, cutoff) is contaminated


@given(
    words=st.lists(st.sampled_from(["buy", "lean buy", "hold", "lean sell", "sell"]), min_size=1, max_size=12),
    returns=st.lists(st.floats(-0.5, 0.5), min_size=12, max_size=12),
)
def test_turning_every_verdict_round_turns_the_mean_round(words: list[str], returns: list[float]) -> None:
    turned = {"buy": "sell", "lean buy": "lean sell", "hold": "hold", "lean sell": "lean buy", "sell": "buy"}
    one = [verdict(n, word, returns[n]) for n, word in enumerate(words)]
    other = [part.model_copy(update={"verdict": turned[part.verdict]}) for part in one]
    assert [side_of(part) for part in one] == [-side_of(part) for part in other]
    means = {part.author: part.mean for part in track_record(one).standings}
    for part in track_record(other).standings:
        if part.author == "panel":
            assert part.mean == pytest.approx(-means["panel"], abs=1e-12)
