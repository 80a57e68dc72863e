"""Random canaries in every private table: none leaves this machine, and every label is needed for that."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.bootstrap import Parts, open_parts
from benchmarks import privacy_canaries
from benchmarks.privacy_canaries import ERRORS, PROBES, ROUTES, TEXTS, Probe, Theatre, encodings, faults_of, found_in
from core.query.product_relations import PRIVATE
from core.query.semantic.metrics import METRICS
from core.settings import Settings
from tools.registry import load_tools

SEED = 20261129
FAST = ("tool portfolio", "target portfolio", "metric fills", "relation strategies.v_specs")


@pytest.fixture
def parts(own_sample_dsn: str, tmp_path: Path) -> Iterator[Parts]:
    opened = open_parts(Settings(QUANTDESK_HOME=tmp_path), own_sample_dsn)  # type: ignore[call-arg]
    yield opened
    opened.database.close()


@pytest.fixture
async def stage(parts: Parts) -> AsyncIterator[Theatre]:
    async with privacy_canaries.theatre(parts, SEED) as opened:
        yield opened


def named(label: str) -> Probe:
    return next(probe for probe in PROBES if probe.label == label)


@pytest.mark.parametrize(
    "written",
    [
        "734918206",
        "has 734,918,206.25 of it",
        "602819437",
        base64.b64encode(b"xx734918206yy").decode(),
        base64.b64encode(b"{734918206}").decode(),
        b"734918206".hex().upper(),
        "7 3 4 9 1 8 2 0 6",
        "%37%33%34%39%31%38%32%30%36",
        "seven three four nine one eight two zero six",
        hex(734918206),
        "7.34918206e8",
    ],
)
def test_an_encoding_is_recognised(written: str) -> None:
    assert found_in(f"a body with {written} in it".encode(), ["734918206"]) == ["734918206"]


@pytest.mark.parametrize("written", ["734918207", "73491820", "nothing", base64.b64encode(b"512637489").decode()])
def test_other_numbers_are_not(written: str) -> None:
    assert found_in(written.encode(), ["734918206"]) == []
    assert len(encodings("734918206")) > 15


def test_every_private_label_has_a_probe() -> None:
    labels = {probe.label for probe in PROBES}
    assert {f"relation {name}" for name in PRIVATE} <= labels
    assert {f"metric {metric.name}" for metric in METRICS.values() if metric.label == "private"} <= labels
    assert {f"tool {tool.name}" for tool in load_tools() if tool.data == "private"} <= labels


async def test_no_canary_leaves_by_any_route_and_a_lost_label_is_noticed(stage: Theatre) -> None:
    """One desk for all, since planting is dear: routes, errors of the database, the ledger and mutations in turn."""
    assert len(stage.canaries) >= 12
    for number, route in enumerate(ROUTES):
        probe = PROBES[(number * 5) % len(PROBES)]
        assert await faults_of(stage, probe, route, TEXTS[number % 2]) == [], (probe.label, route)
    for call in ERRORS:
        stage.forget()
        await privacy_canaries.attack(stage, call, "plain", TEXTS[0])
        assert stage.leaks() == []
    for label in FAST:
        with privacy_canaries.without_label(label):
            assert await faults_of(stage, named(label)), f"nothing noticed that {label} has no label"
        assert await faults_of(stage, named(label)) == [], label
    with stage.parts.database.transaction() as connection:
        kept = connection.execute("SELECT string_agg(reply, '') FROM desk.model_replies").fetchone()
        blocked = connection.execute("SELECT count(*) FROM desk.model_calls WHERE outcome = 'blocked'").fetchone()
    assert found_in(str(kept).encode(), stage.canaries) == []
    assert blocked == (0,)


@pytest.mark.slow
async def test_every_label_is_needed(stage: Theatre) -> None:
    clean = {probe.label: await faults_of(stage, probe) for probe in PROBES}
    assert {label: found for label, found in clean.items() if found} == {}
    unnoticed = []
    for probe in PROBES:
        with privacy_canaries.without_label(probe.label):
            if not await faults_of(stage, probe):
                unnoticed.append(probe.label)
    assert unnoticed == []


async def test_private_questions_reach_no_cloud(stage: Theatre) -> None:
    person = privacy_canaries.person_asking()
    name = stage.parts.private_terms()[0]
    for question in ("what do I own?", f"how is {name} doing", "orders of last week", "my average cost of AAPL"):
        stage.forget()
        answer = await stage.assistant.ask(question, stage.parts.desk.ids.new("thr"), person, "test")
        assert (answer.label, answer.route) == ("private", "local"), question
        assert [cloud.requests for cloud in stage.clouds] == [[], []]
        assert stage.local.requests
