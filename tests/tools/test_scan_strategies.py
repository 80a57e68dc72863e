"""Save and scan strategies on a market known by heart: AAA closes at 150 and rises by one dollar each session."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from core.domain.as_of import AsOf
from core.errors import InvalidInput, Refused, Unavailable, UnknownName
from core.testing.small_market import AGENT, ANNA, CLERK, PETER, START, open_account
from tools.runner import run_tool

COST = 2 * 0.0003
"""One basis point of fee and two of slippage, in and out."""


@pytest.fixture
def call(parts):
    """Give a function that runs a tool as the agent of peter."""

    def run(tool, /, principal=AGENT, **arguments):
        return run_tool(parts.desk, tool, arguments, principal=principal, face="test")

    return run


@pytest.fixture
def save(call):
    """Give a function that saves a timed strategy on AAA, which buys above 148.50 and sells above 1,000."""

    def make(name="Rising", conditions=None, symbols=("AAA",), **terms):
        parameters = {"buy": "close > 148.5", "sell": "close > 1000", **(conditions or {})}
        return call("save_strategy", name=name, strategy="timed", symbols=symbols, parameters=parameters, **terms)

    return make


@pytest.fixture
def trade(parts):
    """Give a function that approves a proposal as peter, sends it and waits a session for its fill."""

    def run(result, sessions=1):
        for proposal_id in result.proposal_ids:
            view = parts.desk.proposals.get(proposal_id)
            parts.desk.proposals.decide(proposal_id, "approved", view.proposal.digest, PETER, face="test")
            parts.gateway.release(proposal_id)
        parts.advance_clock(sessions)

    return run


def looked(result):
    """Return the row of each strategy by its name."""
    (table,) = result.tables
    return {row[0]: row for row in table.rows}


def test_an_entry_is_proposed_in_whole_shares_of_the_strategys_part_with_its_evidence(parts, call, save):
    save(weight=0.1, stop_loss=0.05)
    result = call("scan_strategies")
    (proposal_id,) = result.proposal_ids
    proposal = parts.desk.proposals.get(proposal_id).proposal
    # A tenth of 100,000 dollars at 150 is 66 whole shares.
    assert [(leg.symbol, leg.side, leg.quantity) for leg in proposal.legs] == [("AAA", "buy", Decimal(66))]
    (strategy,) = parts.desk.strategies.saved(PETER.id)
    assert (proposal.author, proposal.author_kind, proposal.requested_by) == (strategy.strategy_id, "agent", PETER.id)
    facts = [parts.desk.calls.fact(fact_id) for fact_id in proposal.evidence]
    assert {fact.run for fact in facts} == {result.run}
    stated = {fact.name: fact.value for fact in facts}
    assert stated["signal session"] == START.isoformat()
    # It closed above 148.50 yesterday too.
    assert stated["sessions that the signal has stood"] == 2
    assert stated["stop loss, watched by the scan"] == 0.05
    assert stated["earlier decisions of this kind"] == 0 and "probability of a gain" not in stated
    assert stated["expected shortfall of a session before"] == 0.0 < stated["expected shortfall of a session after"]
    assert any("none of them rests at the broker" in note for note in result.notes)


def test_a_second_scan_waits_for_the_decision_and_for_the_fill(parts, call, save, trade):
    save()
    first = call("scan_strategies")
    assert looked(call("scan_strategies"))["Rising"][1] == "waits"
    view = parts.desk.proposals.get(first.proposal_id)
    parts.desk.proposals.decide(first.proposal_id, "approved", view.proposal.digest, PETER, face="test")
    assert looked(call("scan_strategies"))["Rising"][1] == "waits"
    parts.gateway.release(first.proposal_id)
    assert looked(call("scan_strategies"))["Rising"][1] == "waits"
    parts.advance_clock(1)
    assert looked(call("scan_strategies"))["Rising"][1] == "none"
    assert len(parts.desk.proposals.list()) == 1


def test_an_exit_closes_what_the_strategy_holds_and_nothing_else(parts, call, save, trade):
    own = call("propose_trade", symbol="AAA", side="buy", quantity=10)
    save(conditions={"sell": "close > 151.5"})
    entry = call("scan_strategies")
    trade(own, 1)
    trade(entry, 1)
    # AAA closes at 152 now: the strategy wants out of its 66 shares; the ten of the agent stay.
    assert _held(parts, "agent:usr_peter") == {1: Decimal(10)} and _held(parts) == {1: Decimal(66)}
    result = call("scan_strategies")
    assert looked(result)["Rising"][1] == "exit"
    (leg,) = parts.desk.proposals.get(result.proposal_id).proposal.legs
    assert (leg.side, leg.quantity) == ("sell", Decimal(66))
    trade(result)
    assert _held(parts, "agent:usr_peter") == {1: Decimal(10)} and _held(parts) == {}


def test_a_position_leaves_at_its_profit_target_and_stays_out_while_the_signal_stands(parts, call, save, trade):
    save(take_profit=0.02)
    trade(call("scan_strategies"))
    assert looked(call("scan_strategies"))["Rising"][1] == "none"
    # Bought at about 151.5; the close of 155 is more than two percent above.
    parts.advance_clock(4)
    result = call("scan_strategies")
    assert looked(result)["Rising"][1] == "take profit"
    trade(result)
    assert _held(parts) == {}
    assert looked(call("scan_strategies"))["Rising"][1] == "none"


def test_the_scan_says_which_stops_rest_at_the_broker(parts, call, save, trade):
    save(weight=0.1, stop_loss=0.05)
    trade(call("scan_strategies"))
    assert not any("rests at paper" in note for note in call("scan_strategies").notes)
    leg = {"symbol": "AAA", "side": "sell", "quantity": "60", "stop_price": "140"}
    trade(call("propose_trade", legs=[leg], order_type="stop", time_in_force="gtc"), sessions=1)
    notes = call("scan_strategies").notes
    (order_id,) = [order.order_id for order in parts.desk.books.orders() if order.stop_price is not None]
    assert f"A stop of main rests at paper: sell 60 AAA at 140 ({order_id})." in notes
    assert call("scan_strategies", strategy="Rising").notes == notes


def test_a_short_position_is_stopped_at_its_loss(parts, call, save, trade):
    save(conditions={"buy": "close > 1000", "short": "close > 148.5", "cover": "close < 1"}, stop_loss=0.02)
    entry = call("scan_strategies")
    (leg,) = parts.desk.proposals.get(entry.proposal_id).proposal.legs
    assert (leg.side, leg.quantity) == ("sell", Decimal(66))
    # Sold at 151.50; the close of 155 is more than two percent above.
    trade(entry)
    parts.advance_clock(4)
    result = call("scan_strategies")
    assert looked(result)["Rising"][1] == "stop"
    (leg,) = parts.desk.proposals.get(result.proposal_id).proposal.legs
    assert (leg.side, leg.quantity) == ("buy", Decimal(66))
    newest = parts.desk.strategies.recommendations(PETER.id)[0]
    assert newest.action == "stop" and newest.change["AAA"] > 0


def test_what_a_person_rejected_is_not_proposed_again_while_the_signal_stands(parts, call, save):
    save()
    result = call("scan_strategies")
    digest = parts.desk.proposals.get(result.proposal_id).proposal.digest
    parts.desk.proposals.decide(result.proposal_id, "rejected", digest, PETER, face="test")
    for _ in range(2):
        parts.advance_clock(1)
        row = looked(call("scan_strategies"))["Rising"]
        assert row[1] == "none" and "rejected" in row[2]
    assert len(parts.desk.proposals.list()) == 1


def test_a_size_that_the_limits_forbid_is_halved(parts, call, save):
    # 90 % of 100,000 dollars is above the 60,000 that an order may have.
    save(weight=0.9)
    result = call("scan_strategies")
    assert result.fact("part of the wanted size").value == 0.5
    (leg,) = parts.desk.proposals.get(result.proposal_id).proposal.legs
    assert leg.quantity == Decimal(300)


def test_a_recommendation_is_scored_at_its_horizon_whether_it_was_traded_or_not(parts, call, save):
    save(horizon_sessions=2)
    call("scan_strategies")
    parts.advance_clock(1)
    assert call("scan_strategies").fact("recommendations scored").value == 0
    parts.advance_clock(1)
    result = call("scan_strategies")
    # Recommended at 150, two sessions later at 152.
    assert result.fact("mean realised return").value == pytest.approx(152 / 150 - 1 - COST)
    assert result.fact("share with a gain").value == 1.0
    (made,) = parts.desk.strategies.recommendations(PETER.id)
    assert made.session == START and made.scored_session is not None
    kept = made.realised_return
    parts.desk.strategies.score(made.recommendation_id, 9.0, START)
    assert parts.desk.strategies.recommendations(PETER.id)[0].realised_return == kept


def test_a_spread_is_one_proposal_whose_legs_are_taken_back_when_one_fails(parts, call):
    call(
        "save_strategy",
        name="Spread",
        strategy="timed_spread",
        symbols=["AAA", "BBB"],
        parameters={
            "buy": "abs(spread) > 0",
            "sell": "abs(spread) < 0",
            "short": "",
            "cover": "",
            "weights_of_legs": [0.5, -0.5],
            "window": 5,
        },
        weight=0.2,
    )
    result = call("scan_strategies", strategy="spread")
    assert looked(result)["Spread"][1] == "entry"
    proposal = parts.desk.proposals.get(result.proposal_id).proposal
    # A unit of gross exposure, half of it in each leg: 10,000 dollars of AAA at 150 against as much of BBB at 50.
    assert {(leg.symbol, leg.side, leg.quantity) for leg in proposal.legs} == {
        ("AAA", "buy", Decimal(66)),
        ("BBB", "sell", Decimal(200)),
    }
    assert (proposal.legging, proposal.on_failure) == ("together", "unwind")


def test_strategies_belong_to_who_saved_them(parts, call, save):
    save()
    assert call("scan_strategies", principal=ANNA).fact("strategies looked at").value == 0
    with pytest.raises(UnknownName):
        call("scan_strategies", principal=ANNA, strategy="Rising")
    save(name="rising", enabled=True)
    assert len(parts.desk.strategies.saved(PETER.id)) == 1
    assert parts.desk.strategies.owners() == [PETER.id]


def test_a_disabled_strategy_is_left_alone_and_keeps_its_terms(parts, call, save):
    save(weight=0.25)
    call("save_strategy", name="Rising", enabled=False)
    result = call("scan_strategies")
    assert result.proposal_ids == () and "save_strategy" in result.notes[0]
    (kept,) = parts.desk.strategies.saved(PETER.id)
    assert (kept.enabled, kept.weight, kept.spec["strategy"]) == (False, 0.25, "timed")
    assert parts.desk.strategies.owners() == []


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"name": "New"}, InvalidInput),
        ({"name": "New", "strategy": "timed"}, InvalidInput),
        ({"name": "New", "strategy": "timd", "symbols": ["AAA"]}, UnknownName),
        ({"name": "New", "strategy": "timed", "symbols": ["AAX"]}, UnknownName),
        ({"name": "New", "strategy": "timed", "symbols": ["AAA"], "parameters": {"buy": "close >"}}, InvalidInput),
        ({"name": "New", "strategy": "timed", "symbols": ["AAA"], "account": "other"}, UnknownName),
        ({"name": "New", "strategy": "timed", "symbols": ["AAA"], "weight": 1.5}, InvalidInput),
    ],
)
def test_what_cannot_be_run_is_not_saved(parts, call, arguments, error):
    with pytest.raises(error):
        call("save_strategy", **arguments)
    assert parts.desk.strategies.saved(PETER.id) == []


def test_scans_at_the_same_time_propose_once(parts, call, save):
    save()

    def scan(_):
        try:
            return len(call("scan_strategies").proposal_ids)
        except Unavailable:
            return 0

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(scan, range(8))) == 1
    assert len(parts.desk.proposals.list()) == 1


def test_an_account_that_cannot_be_told_stops_only_its_strategy(parts, call, save):
    save()
    save("Named", account="main")
    with parts.database.transaction() as connection:
        open_account(connection, "second")
    said = looked(call("scan_strategies"))
    assert said["Named"][1] == "entry"
    assert said["Rising"][1] == "none" and "Several accounts exist" in said["Rising"][2]


def test_one_strategy_that_cannot_be_read_does_not_stop_the_others(parts, call, save):
    save(name="Young", symbols=("OLD",))
    save()
    rows = looked(call("scan_strategies"))
    assert rows["Rising"][1] == "entry" and rows["Young"][1] == "none" and rows["Young"][2]


def test_who_may_only_read_neither_saves_nor_scans(call, save):
    reader = type(CLERK)(id="usr_reader", name="reader", kind="person", scopes=frozenset({"read"}))
    with pytest.raises(Refused, match="trade"):
        call("scan_strategies", principal=reader)


def _held(parts, author=None):
    """Return the shares that an author's proposals hold, those of peter's only strategy when none is named."""
    author = author or parts.desk.strategies.saved(PETER.id)[0].strategy_id
    held = parts.desk.books.held_for(author, "main", AsOf(known=parts.clock.now()))
    return {key: holding.quantity for key, holding in held.items()}
