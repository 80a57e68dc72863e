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
def advance(parts):
    """Give a function that moves the clock by sessions and does at each what the workflows of proposals do."""

    def run(sessions=1):
        for _ in range(sessions):
            parts.advance_clock(1)
            for view in parts.desk.proposals.list():
                if view.orders:
                    parts.gateway.release(view.proposal.proposal_id)

    return run


@pytest.fixture
def trade(parts, advance):
    """Give a function that approves a proposal as peter, sends it and waits a session for its fill."""

    def run(result, sessions=1):
        for proposal_id in result.proposal_ids:
            view = parts.desk.proposals.get(proposal_id)
            parts.desk.proposals.decide(proposal_id, "approved", view.proposal.digest, PETER, face="test")
            parts.gateway.release(proposal_id)
        advance(sessions)

    return run


@pytest.fixture
def no_stops(parts, monkeypatch):
    """Let the broker keep no stop orders."""
    monkeypatch.setattr(parts.desk.proposals, "_stops_rest_at", frozenset())


def looked(result):
    """Return the row of each strategy by its name."""
    return {row[0]: row for row in result.tables[0].rows}


def at_rest(parts):
    """Return side, quantity and price of what rests for positions."""
    orders = parts.desk.books.orders(states=("accepted", "partially_filled"))
    return {(order.side, order.quantity, order.stop_price or order.limit_price) for order in orders}


def test_an_entry_is_proposed_in_whole_shares_of_the_strategys_part_with_its_evidence(parts, call, save):
    save(weight=0.1, stop_loss=0.05)
    result = call("scan_strategies")
    (proposal_id,) = result.proposal_ids
    proposal = parts.desk.proposals.get(proposal_id).proposal
    # A tenth of 100,000 dollars at 150 is 66 whole shares; 5 % below 150 is 142.50.
    assert [(leg.symbol, leg.side, leg.quantity, leg.stop_price) for leg in proposal.legs] == [
        ("AAA", "buy", Decimal(66), None),
        ("AAA", "sell", Decimal(66), Decimal("142.5")),
    ]
    assert proposal.legging == "bracket" and "stop resting at the broker" in proposal.reason
    (strategy,) = parts.desk.strategies.saved(PETER.id)
    assert (proposal.author, proposal.author_kind, proposal.requested_by) == (strategy.strategy_id, "agent", PETER.id)
    facts = [parts.desk.calls.fact(fact_id) for fact_id in proposal.evidence]
    assert {fact.run for fact in facts} == {result.run}
    stated = {fact.name: fact.value for fact in facts}
    assert stated["signal session"] == START.isoformat()
    # It closed above 148.50 yesterday too.
    assert stated["sessions that the signal has stood"] == 2
    assert stated["stop loss, resting at the broker"] == 0.05
    assert (stated["position after"], stated["position after of the stop"]) == (66, 0)
    assert stated["earlier decisions of this kind"] == 0 and "probability of a gain" not in stated
    assert stated["expected shortfall of a session before"] == 0.0 < stated["expected shortfall of a session after"]
    assert "Rising: it holds nothing; stop of its next entry will rest at paper." in result.notes


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


def test_a_watched_position_leaves_at_its_target_and_stays_out_while_the_signal_stands(
    parts, call, save, trade, advance, no_stops
):
    save(take_profit=0.02)
    trade(call("scan_strategies"))
    result = call("scan_strategies")
    assert looked(result)["Rising"][1] == "none"
    assert result.notes == ("Rising: target watched by the scan at each new bar, because paper keeps no stop orders.",)
    # Bought at about 151.5; the close of 155 is more than two percent above.
    advance(4)
    result = call("scan_strategies")
    assert looked(result)["Rising"][1] == "take profit"
    trade(result)
    assert _held(parts) == {}
    assert looked(call("scan_strategies"))["Rising"][1] == "none"


def test_the_scan_says_which_stops_rest_at_the_broker(parts, call, save, trade):
    save(weight=0.1, stop_loss=0.05)
    trade(call("scan_strategies"))
    result = call("scan_strategies")
    assert looked(result)["Rising"][1] == "none"
    (order_id,) = [order.order_id for order in parts.desk.books.orders() if order.stop_price is not None]
    assert result.notes == (f"Rising: stop of main rests at paper: sell 66 AAA at 142.5 ({order_id}).",)
    (row,) = result.tables[1].rows
    assert row == ("Rising", "stop rests", "main", "paper", "AAA", "sell", 66.0, 142.5, order_id, None)
    leg = {"symbol": "BBB", "side": "sell", "quantity": "60", "stop_price": "40"}
    trade(call("propose_trade", legs=[leg], order_type="stop", time_in_force="gtc"), sessions=1)
    notes = call("scan_strategies").notes
    assert "A stop of main that is no strategy's rests at paper: sell 60 BBB at 40" in notes[1]
    assert call("scan_strategies", strategy="Rising").notes == notes


def test_a_target_at_the_broker_closes_the_position_and_the_strategy_stays_out(parts, call, save, trade, advance):
    save(take_profit=0.02, stop_loss=0.05)
    trade(call("scan_strategies"))
    assert at_rest(parts) == {("sell", 66, Decimal("142.5")), ("sell", 66, Decimal(153))}
    advance()
    # The bar of 1 December opens at 152.50 and reaches 153.25: the target of 153 fills, the stop is gone.
    assert _held(parts) == {} and at_rest(parts) == set()
    assert parts.desk.books.fills()[0].price == Decimal(153)
    for _ in range(2):
        assert looked(call("scan_strategies"))["Rising"][1] == "none"
        advance()


def test_a_stopped_strategy_enters_again_once_it_has_decided_anew(parts, call, save, trade, advance):
    """It is out while the rising close is above 148.50; flat above 155 and in again above 156, it enters."""
    save(take_profit=0.02, conditions={"buy": "close > 148.5 and not (close > 154.5 and close < 155.5)",
                                       "sell": "close > 154.5 and close < 155.5"})  # fmt: skip
    trade(call("scan_strategies"))
    seen = []
    for _ in range(6):
        advance()
        seen.append(looked(call("scan_strategies"))["Rising"][1])
    # Filled at 153 on 1 December (152); flat at 155, in again at 156.
    assert seen[:4] == ["none"] * 4 and "entry" in seen[4:], seen


def test_an_exit_takes_away_what_rests(parts, call, save, trade):
    save(conditions={"sell": "close > 151.5"}, stop_loss=0.05)
    trade(call("scan_strategies"), sessions=2)
    assert len(at_rest(parts)) == 1
    result = call("scan_strategies")
    assert looked(result)["Rising"][1] == "exit"
    proposal = parts.desk.proposals.get(result.proposal_id).proposal
    assert len(proposal.legs) == 1 and "is cancelled first" in proposal.reason
    assert len(at_rest(parts)) == 1
    trade(result)
    assert _held(parts) == {} and at_rest(parts) == set()


def test_another_stop_loss_is_proposed_for_approval_once(parts, call, save, trade):
    save(stop_loss=0.05)
    trade(call("scan_strategies"))
    call("save_strategy", name="Rising", enabled=True, stop_loss=0.1)
    result = call("scan_strategies")
    assert looked(result)["Rising"][1] == "protect"
    (leg,) = parts.desk.proposals.get(result.proposal_id).proposal.legs
    # Ten percent below the 151.5303 paid.
    assert (leg.side, leg.quantity, leg.stop_price, leg.order_type) == ("sell", 66, Decimal("136.37"), "stop")
    assert looked(call("scan_strategies"))["Rising"][1] == "waits"
    trade(result, sessions=0)
    assert at_rest(parts) == {("sell", 66, Decimal("136.37"))}
    assert looked(call("scan_strategies"))["Rising"][1] == "none"
    call("save_strategy", name="Rising", enabled=True, stop_loss=0.2)
    result = call("scan_strategies")
    digest = parts.desk.proposals.get(result.proposal_id).proposal.digest
    parts.desk.proposals.decide(result.proposal_id, "rejected", digest, PETER, face="test")
    row = looked(call("scan_strategies"))["Rising"]
    assert row[1] == "none" and "rejected before" in row[2]
    # What rests is another stop than the one wanted, so the scan watches as well.
    assert "watched by the scan" in call("scan_strategies").notes[0]


def test_a_rebalance_brings_protection_of_the_new_size(parts, call, save, trade):
    save(weight=0.1, stop_loss=0.05)
    trade(call("scan_strategies"))
    call("save_strategy", name="Rising", enabled=True, weight=0.2)
    result = call("scan_strategies")
    assert looked(result)["Rising"][1] == "rebalance"
    entry, stop = parts.desk.proposals.get(result.proposal_id).proposal.legs
    after = 66 + entry.quantity
    assert stop.quantity == after and 142.5 < stop.stop_price < 150
    trade(result)
    assert _held(parts) == {1: after} and at_rest(parts) == {("sell", after, stop.stop_price)}


def test_a_stop_that_was_cancelled_is_proposed_again(parts, call, save, trade):
    save(stop_loss=0.05)
    trade(call("scan_strategies"))
    (order,) = parts.desk.books.orders(states=("accepted",))
    parts.gateway.cancel(order.order_id, PETER)
    result = call("scan_strategies")
    assert looked(result)["Rising"][1] == "protect"
    trade(result, sessions=0)
    ((side, quantity, _),) = at_rest(parts)
    assert (side, quantity) == ("sell", 66)


def test_a_short_position_that_is_watched_is_stopped_at_its_loss(parts, call, save, trade, advance, no_stops):
    save(conditions={"buy": "close > 1000", "short": "close > 148.5", "cover": "close < 1"}, stop_loss=0.02)
    entry = call("scan_strategies")
    (leg,) = parts.desk.proposals.get(entry.proposal_id).proposal.legs
    assert (leg.side, leg.quantity) == ("sell", Decimal(66))
    # Sold at 151.50; the close of 155 is more than two percent above.
    trade(entry)
    advance(4)
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
        stop_loss=0.05,
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
    why = "watched by the scan, because their levels are those of the spread"
    assert why in proposal.reason and why.replace("scan,", "scan at each new bar,") in result.notes[0]


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
