"""Proposals, rules, accounts and statements on the command line, on made-up parts."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.cli_commands import account, proposals, rules
from core.domain.books import Account, Leg, Proposal, Recommendation, RejectCondition, RejectRule
from core.errors import ApprovalRefused, InvalidInput
from core.execution.proposals import ProposalView

D = Decimal
NOON = datetime(2022, 11, 30, 17, tzinfo=UTC)
Run = Callable[..., tuple[int | None, Any]]


def view(state: str = "pending", **change: Any) -> ProposalView:
    leg = Leg(instrument_id=1, symbol="MSFT", side="buy", quantity=D(10), limit_price=D("240.50"))
    told = {
        "proposal_id": "prp_1", "account_id": "main", "legs": (leg,), "order_type": "limit", "time_in_force": "day",
        "notional": D("2405.00"), "author": "agent:1", "author_kind": "agent", "requested_by": "usr_1",
        "digest": "ab" * 32, "desk_time": NOON, "created_at": NOON, "expires_at": NOON,
    }  # fmt: skip
    return ProposalView(
        proposal=Proposal.model_validate(told | change),
        state=state,  # type: ignore[arg-type]
        decision=None,
        orders=(),
        progress="Waits for a person.",
        seconds_left=60.0,
    )


class Desk:
    """Keep one proposal, and note what was decided on it."""

    def __init__(self, shown: ProposalView, *, is_real_money: bool = False, is_live: bool = False) -> None:
        self.shown, self.decided = shown, list[tuple[Any, ...]]()
        self.account_of = Account(
            account_id="main", name="Main", broker="paper", is_real_money=is_real_money, is_live=is_live, opened_at=NOON
        )

    def list(self, *, state: str | None = None) -> Any:
        return [self.shown] if state in (None, self.shown.state) else []

    def get(self, proposal_id: str) -> ProposalView:
        return self.shown

    def decide(self, proposal_id: str, decision: str, digest: str, person: Any, *, face: str, reason: str) -> None:
        if digest != self.shown.proposal.digest:
            raise ApprovalRefused("The digest is not that of this proposal.", rule="digest")
        self.decided.append((proposal_id, decision, digest, person.name, face, reason))

    def account(self, account_id: str) -> Account:
        return self.account_of

    def parts(self) -> dict[str, Any]:
        return {"proposals": self, "books": self}


def test_no_proposals_is_one_sentence(run: Run) -> None:
    desk = Desk(view())
    assert run("proposals", ["--state", "expired"], **desk.parts())[1] == "No proposal is expired.\n"
    nothing = SimpleNamespace(list=lambda state: [])
    assert run("proposals", [], proposals=nothing)[1] == "There are no proposals.\n"
    assert run("proposals", ["list"], as_json=True, proposals=nothing)[1] == []


def test_a_listed_proposal_says_what_it_trades_for_how_much_and_how_it_stands(run: Run) -> None:
    _, printed = run("proposals", [], **Desk(view()).parts())
    row = printed.splitlines()[1]
    for part in ("prp_1", "pending", "buy 10 MSFT", "2,405.00", "usr_1", "Waits for a person."):
        assert part in row


@pytest.mark.parametrize(("word", "decision"), [("approve", "approved"), ("reject", "rejected")])
def test_a_decision_is_bound_to_the_digest_that_was_shown(word: str, decision: str) -> None:
    desk = Desk(view())
    anna = SimpleNamespace(name="Anna")
    arguments = argparse.Namespace(action=word, proposal_id="prp_1", digest=None, reason="as planned", user="anna")
    said: list[str] = []
    output: Any = SimpleNamespace(as_json=False, remark=said.append, text=said.append, alarm=said.append)
    connection: Any = SimpleNamespace(desk=SimpleNamespace(**desk.parts()), signed_in=lambda name: anna)
    proposals._decide(arguments, connection, output)
    assert desk.decided == [("prp_1", decision, "ab" * 32, "Anna", "cli", "as planned")]
    assert said[-1] == f"prp_1 is {decision} by Anna. Waits for a person."
    # The card is shown before anybody signs in, and another digest decides nothing.
    assert said[0].startswith("Proposal prp_1: pending") and f"  digest {'ab' * 32}" in said
    arguments.digest = "cd" * 32
    with pytest.raises(ApprovalRefused, match="digest"):
        proposals._decide(arguments, connection, output)
    assert len(desk.decided) == 1


@pytest.mark.parametrize(
    ("real", "live", "alarm"),
    [(False, False, None), (True, False, "switched off"), (True, True, "switched to live")],
)
def test_real_money_is_an_alarm(real: bool, live: bool, alarm: str | None) -> None:
    said: list[str] = []
    desk = Desk(view(), is_real_money=real, is_live=live)
    connection: Any = SimpleNamespace(desk=SimpleNamespace(**desk.parts()))
    proposals._warn(desk.shown, connection, SimpleNamespace(alarm=said.append))  # type: ignore[arg-type]
    assert said == ([] if alarm is None else [f"REAL MONEY: main is no paper account; {alarm}."])


def rule(name: str = "no sales", **condition: Any) -> RejectRule:
    return RejectRule(
        rule_id="rul_1", name=name, condition=RejectCondition(**condition), declared_by="usr_1", declared_at=NOON
    )


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"sides": ("sell",)}, "sides sell"),
        ({"symbols": ("AAPL", "KO"), "notional_above": D("10000")}, "symbols AAPL, KO and notional above 10000"),
        ({"order_types": ("market",), "times_in_force": ("gtc",)}, "order types market and times in force gtc"),
        ({}, ""),
    ],
)
def test_a_rule_is_told_by_its_parts(condition: dict[str, Any], words: str) -> None:
    assert rules.words_of(rule(**condition)) == words


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"notional_above": "-1"}, "notional_above"),
        ({"quantity_above": "many"}, "quantity_above"),
        ({"sides": ["hold"]}, "sides"),
        ({"symbols": ["A"] * 501}, "symbols"),
    ],
)
def test_a_condition_that_does_not_fit_is_named(given: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidInput, match=f"The condition does not fit: {named}"):
        rules.read_condition(given)


def test_declaring_and_ending_show_the_rules_that_stand(run: Run) -> None:
    asked: list[Any] = []
    desk = SimpleNamespace(
        declare=lambda name, condition, person, *, account_id: asked.append((name, condition, person, account_id)),
        end=lambda name, person: asked.append((name, person)),
        standing=lambda: [rule(sides=("sell",))],
    )
    words = ["declare", "no sales", "--side", "sell", "--account", "main", "--user", "anna"]
    _, printed = run("rules", words, reject_rules=desk)
    assert asked == [("no sales", RejectCondition(sides=("sell",)), "person anna", "main")]
    assert printed.splitlines()[1].split() == ["no", "sales", "all", "sides", "sell", "usr_1"]
    run("rules", ["end", "no sales"], reject_rules=desk)
    assert asked[-1] == ("no sales", "person owner")
    _, document = run("rules", [], as_json=True, reject_rules=desk)
    assert document["rules"][0]["condition"]["sides"] == ["sell"]


@pytest.mark.parametrize("text", ["", "much", "1,000", "nan", "NaN", "inf", "-Infinity", "sNaN", "1e", "0x10"])
def test_what_is_no_amount_of_money_is_named(text: str) -> None:
    with pytest.raises(InvalidInput, match="is no amount") as told:
        account._amount(text)
    assert repr(text) in str(told.value) and "50000" in told.value.hint


@pytest.mark.parametrize(
    ("text", "amount"), [(None, None), ("50000", D(50_000)), ("-3.25", D("-3.25")), ("1e3", D(1000))]
)
def test_an_amount_keeps_its_digits(text: str | None, amount: Decimal | None) -> None:
    assert account._amount(text) == amount


def test_a_transfer_is_booked_with_its_reference_by_a_person(run: Run) -> None:
    asked: list[Any] = []

    def transfer(account_id: str, movement: str, amount: Decimal, person: str, *, reference: str) -> Any:
        asked.append((account_id, movement, amount, person, reference))
        return SimpleNamespace(movement=movement, amount=amount, currency="USD", reference=reference)

    desk = Desk(view())
    words = ["transfer", "main", "deposit", "5000.50", "--reference", "bank 17"]
    code, printed = run("account", words, accounts=SimpleNamespace(transfer=transfer), books=desk)
    assert asked == [("main", "deposit", D("5000.50"), "person owner", "bank 17")]
    assert code is None and printed.splitlines()[1].split()[:2] == ["main", "Main"]


def test_recommendations_come_with_their_odds_and_what_came_of_them(run: Run) -> None:
    made = [
        Recommendation(
            recommendation_id=f"rec_{number}", strategy_id="stg_1", account_id="main", requested_by="usr_1",
            proposal_id=f"prp_{number}", session=date(2022, 11, 29), action="take_profit",
            change={"AAA": 0.1, "BBB": -0.05}, cases=12, horizon_sessions=5, recommended_at=NOON, **odds,
        )
        for number, odds in enumerate(
            [{"probability": 0.6, "expected_return": 0.0123, "realised_return": -0.02}, {}]
        )
    ]  # fmt: skip
    kept = SimpleNamespace(
        recommendations=lambda owner: made, saved=lambda owner: [SimpleNamespace(strategy_id="stg_1", name="Rising")]
    )
    connection: Any = SimpleNamespace(desk=SimpleNamespace(strategies=kept), principal=SimpleNamespace(id="usr_1"))
    told: list[Any] = []
    output: Any = SimpleNamespace(as_json=False, table=lambda heads, rows: told.extend(rows))
    from app.cli_commands.strategies import _recommendations

    _recommendations(connection, output)
    assert told[0] == (
        *("2022-11-29", "Rising", "take profit", "AAA +10.0% BBB -5.0%"),
        *("60%", "+1.23%", "-2.00%", "prp_0"),
    )
    assert told[1][4:7] == ("", "", "")


@pytest.mark.parametrize(
    ("sql", "code", "said"),
    [
        ("SELECT 1", 0, "Allowed (public; reads no relation)."),
        ("SELECT close FROM market_data.v_bars LIMIT 1", 0, "reads market_data.v_bars"),
        ("DELETE FROM market_data.bars_daily", 1, "Refused by the rule read_only"),
        ("SELECT 1; SELECT 2", 1, "Refused by the rule one_statement"),
        ("SELECT pg_sleep(10)", 1, "Refused by the rule function"),
        ("SELECT * FROM desk.users", 1, "Refused by the rule relation"),
    ],
)
def test_a_statement_is_judged_without_a_desk(run: Run, sql: str, code: int, said: str) -> None:
    found, printed = run("sql", ["--check", sql])
    assert found == code and said in printed
    found, document = run("sql", ["--check", sql], as_json=True)
    assert found == code and document["verdict"] == ("refuse" if code else "allow")


def test_a_file_of_statements_is_judged_line_by_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    cases = {"a": "SELECT 1", "b": "DROP TABLE x"}
    file.write_text("\n".join(json.dumps({"id": key, "sql": sql}) for key, sql in cases.items()))
    _, printed = run("sql", ["--check-file", str(file)])
    assert [line.split()[:2] for line in printed.splitlines()] == [["a", "allow"], ["b", "refuse"]]
    with pytest.raises(InvalidInput, match="There is no file"):
        run("sql", ["--check-file", str(tmp_path / "none.jsonl")])
    with pytest.raises(InvalidInput, match="No statement was given") as told:
        run("sql", [])
    assert "quantdesk sql" in told.value.hint
