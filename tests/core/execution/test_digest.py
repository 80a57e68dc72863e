"""Bind approvals to content: published canonical forms, every field counts, spellings do not."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import psycopg
import pytest
import rfc8785

from core.domain.books import Leg, Proposal
from core.execution.digest import plain_decimal, proposal_digest

MOMENT = datetime(2022, 11, 29, 21, 0, 0, 123456, tzinfo=UTC)
LEG = Leg(
    instrument_id=1,
    symbol="AAA",
    side="buy",
    quantity=Decimal(10),
    limit_price=Decimal("150.5"),
    band_low=Decimal("142.5"),
    band_high=Decimal("157.5"),
)
PROPOSAL = Proposal(
    proposal_id="prp_1",
    account_id="main",
    legs=(LEG,),
    order_type="limit",
    time_in_force="day",
    band_low=Decimal("142.5"),
    band_high=Decimal("157.5"),
    notional=Decimal("1505"),
    reason='Größe "€" \\ \u2028',
    evidence=("fct_1", "fct_2"),
    author="agent:usr_peter",
    author_kind="agent",
    requested_by="usr_peter",
    digest="",
    desk_time=MOMENT,
    created_at=MOMENT,
    expires_at=MOMENT + timedelta(days=1),
)


@pytest.mark.parametrize(
    ("document", "canonical"),
    [
        # RFC 8785, section 3.2.3: properties sort by UTF-16 code units.
        (
            {
                "\u20ac": "Euro Sign",
                "\r": "Carriage Return",
                "\ufb33": "Hebrew Letter Dalet With Dagesh",
                "1": "One",
                "\U0001f600": "Emoji: Grinning Face",
                "\u0080": "Control",
                "\u00f6": "Latin Small Letter O With Diaeresis",
            },
            [
                "Carriage Return",
                "One",
                "Control",
                "Latin Small Letter O With Diaeresis",
                "Euro Sign",
                "Emoji: Grinning Face",
                "Hebrew Letter Dalet With Dagesh",
            ],
        ),
    ],
)
def test_the_library_sorts_as_the_rfc_s_example(document, canonical):
    assert list(json.loads(rfc8785.dumps(document)).values()) == canonical


def test_the_rfc_s_example_of_primitive_values():
    # RFC 8785, section 3.2.2 and its result in 3.2.4.
    document = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"\u002f",
        "literals": [None, True, False],
    }
    expected = (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert rfc8785.dumps(document) == expected.encode()


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        # Strings of section 3.2.2.2: the two-character escapes, other control characters, all else as it is.
        ("\b\t\n\f\r", '"\\b\\t\\n\\f\\r"'),
        ("\u000f\u001f", '"\\u000f\\u001f"'),
        ('"\\/', '"\\"\\\\/"'),
        ("\u20ac\u00f6\u2028\U0001f600", '"\u20ac\u00f6\u2028\U0001f600"'),
        ("\u007f\u0080", '"\u007f\u0080"'),
    ],
)
def test_the_database_and_the_library_spell_strings_as_the_rfc(desk, text, canonical):
    assert rfc8785.dumps(text).decode() == canonical
    assert desk.sql("SELECT execution.canonical_json(to_jsonb(%s::text))", text) == [(canonical,)]


def test_the_database_sorts_keys_and_keeps_arrays(desk):
    document = {"b": [3, 1, {"z": None, "a": True}], "a": {}, "_": [], "B": "x", "10": 1, "9": 2}
    stored = desk.sql("SELECT execution.canonical_json(%s::jsonb)", json.dumps(document))
    assert stored == [(rfc8785.dumps(document).decode(),)]


def test_the_database_refuses_numbers_that_canonical_json_would_round(desk):
    assert desk.sql("SELECT execution.canonical_json('1e30'::jsonb)") == [("1" + "0" * 30,)]
    with pytest.raises(psycopg.errors.RaiseException, match="integers and strings only"):
        desk.sql("SELECT execution.canonical_json('1.5'::jsonb)")


def test_the_digest_is_sha_256_over_the_document_written_out_here():
    leg = (
        '{"band_high":"157.5","band_low":"142.5","instrument_id":1,"limit_price":"150.5","quantity":"10",'
        '"side":"buy","stop_price":null,"symbol":"AAA"}'
    )
    document = (
        '{"account_id":"main","author":"agent:usr_peter","author_kind":"agent","band_high":"157.5",'
        '"band_low":"142.5","desk_time":"2022-11-29T21:00:00.123456Z","evidence":["fct_1","fct_2"],'
        f'"expires_at":"2022-11-30T21:00:00.123456Z","is_demo":false,"legs":[{leg}],"notional":"1505",'
        '"order_type":"limit","proposal_id":"prp_1","reason":"Größe \\"€\\" \\\\ \u2028","requested_by":"usr_peter",'
        '"time_in_force":"day"}'
    )
    assert proposal_digest(PROPOSAL) == hashlib.sha256(document.encode()).hexdigest()


CHANGES = {
    "proposal_id": "prp_2",
    "account_id": "other",
    "legs": (LEG, LEG),
    "order_type": "market",
    "time_in_force": "gtc",
    "band_low": Decimal("142.4"),
    "band_high": None,
    "notional": Decimal("1505.01"),
    "reason": "Another",
    "evidence": ("fct_2", "fct_1"),
    "author": "usr_peter",
    "author_kind": "person",
    "requested_by": "usr_anna",
    "desk_time": MOMENT + timedelta(microseconds=1),
    "expires_at": MOMENT + timedelta(days=1, microseconds=1),
    "is_demo": True,
    "legging": "in_order",
    "on_failure": "unwind",
}
LEG_CHANGES = {
    "instrument_id": 2,
    "symbol": "AAB",
    "side": "sell",
    "quantity": Decimal("10.00000001"),
    "limit_price": Decimal("150.51"),
    "stop_price": Decimal("1"),
    "band_low": None,
    "band_high": Decimal("157.6"),
    "order_type": "stop",
}


def test_the_changes_below_name_every_field():
    assert set(CHANGES) == set(Proposal.model_fields) - {"digest", "created_at"}
    assert set(LEG_CHANGES) == set(Leg.model_fields)


@pytest.mark.parametrize("name", CHANGES)
def test_every_field_of_a_proposal_changes_the_digest(name):
    changed = PROPOSAL.model_copy(update={name: CHANGES[name]})
    assert proposal_digest(changed) != proposal_digest(PROPOSAL)


@pytest.mark.parametrize("name", LEG_CHANGES)
def test_every_field_of_a_leg_changes_the_digest(name):
    changed = PROPOSAL.model_copy(update={"legs": (LEG.model_copy(update={name: LEG_CHANGES[name]}),)})
    assert proposal_digest(changed) != proposal_digest(PROPOSAL)


def test_the_order_of_legs_changes_the_digest():
    other = LEG.model_copy(update={"symbol": "BBB"})
    digests = {proposal_digest(PROPOSAL.model_copy(update={"legs": legs})) for legs in ((LEG, other), (other, LEG))}
    assert len(digests) == 2


@pytest.mark.parametrize("name", ["digest", "created_at"])
def test_the_database_s_own_notes_do_not(name):
    changed = PROPOSAL.model_copy(update={name: "f" * 64 if name == "digest" else MOMENT + timedelta(hours=1)})
    assert proposal_digest(changed) == proposal_digest(PROPOSAL)


def test_the_zone_in_which_a_time_is_written_does_not():
    there = MOMENT.astimezone(timezone(timedelta(hours=-5)))
    assert proposal_digest(PROPOSAL.model_copy(update={"desk_time": there})) == proposal_digest(PROPOSAL)


@pytest.mark.parametrize(
    ("spellings", "plain"),
    [
        (("10", "10.0", "10.00", "1E1", "1.0E+1", "0010"), "10"),
        (("0.5", "0.50", "5E-1", ".5"), "0.5"),
        (("1000000", "1E6", "1.000000E+6"), "1000000"),
        (("0.00000001", "1E-8", "0.000000010"), "0.00000001"),
        (("0", "0.00", "0E+5"), "0"),
    ],
)
def test_spellings_of_a_decimal_have_one_text_and_one_digest(spellings, plain):
    values = [plain_decimal(Decimal(text)) for text in spellings]
    assert {format(value, "f") for value in values} == {plain}
    digests = {proposal_digest(PROPOSAL.model_copy(update={"notional": value})) for value in values}
    assert len(digests) == 1


@pytest.mark.parametrize("changes", [{"quantity": 10}, {"quantity": "10.0"}, {"quantity": "1E+1"}])
def test_the_same_trade_spelt_differently_is_the_same_leg(desk, ask, changes):
    legs = desk.proposals.prepare(ask(**changes)).legs
    assert [leg.model_dump_json() for leg in legs] == [
        leg.model_dump_json() for leg in desk.proposals.prepare(ask(quantity=10)).legs
    ]


def test_a_stored_proposal_reads_back_with_its_digest(desk, ask):
    from core.testing.small_market import AGENT

    made = desk.proposals.propose(
        ask("BTC", quantity="0.12345678", order_type="limit", limit_price="15999.10", reason="Grüße, \t\n€ 😀"), AGENT
    )
    read = desk.proposals.get(made.proposal_id).proposal
    assert proposal_digest(read) == made.digest == read.digest
