"""Alarms of the trading desk are told to people: once for all that wait, and beside the work of the outbox."""

from __future__ import annotations

import pytest

from app.bootstrap import Parts
from core.execution.stores import OutboxEvent
from core.settings import Settings
from core.testing.notice_stand_ins import SLACK_PATH, serve_notices
from workflows.outbox import alarm_notice


def events(*pairs):
    return [OutboxEvent(event_id=n, topic=topic, subject_id=subject) for n, (topic, subject) in enumerate(pairs, 1)]


@pytest.fixture
def posted():
    with serve_notices() as made:
        yield made


@pytest.fixture
def told_parts(market_dsn, tmp_path, posted):
    made = Parts(Settings(home=tmp_path, slack_webhook_url=f"{posted.url}{SLACK_PATH}"), market_dsn)
    yield made
    made.trading.database.close()
    made.database.close()


def raise_alarms(parts, *subjects):
    with parts.trading.transaction() as transaction:
        for subject in subjects:
            transaction.events.put("alert.raised", subject)


def test_events_without_an_alarm_make_no_notice():
    assert alarm_notice(events(("proposal.created", "prp_1"), ("order.changed", "ord_1"))) is None


def test_alarms_that_wait_together_are_one_notice_and_a_repeated_one_is_named_once():
    notice = alarm_notice(events(("alert.raised", "dif_1"), ("order.changed", "ord_9"), ("alert.raised", "dif_1"),
                                 ("alert.raised", "ord_2")))  # fmt: skip
    assert notice.title == "quantdesk: 2 alarms of the trading desk"
    assert notice.lines[0] == "About: dif_1, ord_2."
    assert "ord_9" not in notice.body
    assert "nobody can say whether an order reached its venue" in notice.body


def test_a_storm_of_alarms_is_one_short_notice():
    notice = alarm_notice(events(*(("alert.raised", f"dif_{n}") for n in range(500))))
    assert notice.title == "quantdesk: 500 alarms of the trading desk"
    assert notice.body.count("dif_") == 10


async def test_the_worker_tells_an_alarm_and_marks_the_event(told_parts, posted, working, until):
    raise_alarms(told_parts, "dif_1", "dif_2")
    async with working(told_parts):
        await until(lambda: posted.slack)
        await until(lambda: not told_parts.outbox.waiting())
    (message,) = posted.slack
    assert "2 alarms" in message["text"] and "dif_1, dif_2" in message["text"]


async def test_a_channel_that_fails_leaves_the_outbox_working(told_parts, posted, working, until):
    posted.status = 500
    raise_alarms(told_parts, "dif_3")
    async with working(told_parts):
        await until(lambda: posted.refused)
        await until(lambda: not told_parts.outbox.waiting())
        posted.status = 200
        raise_alarms(told_parts, "dif_4")
        await until(lambda: posted.slack)
    assert ["dif_4" in message["text"] for message in posted.slack] == [True]
