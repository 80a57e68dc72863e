from datetime import date

import pytest

from core.errors import InvalidInput, UnknownName
from core.strategies.fly import Fly
from core.strategies.sma_crossover import SmaCrossover
from core.strategies.spec import from_mapping, parse

FULL = """
name: golden cross
strategy: sma_crossover
symbols: [aapl, MSFT]
parameters: {fast: 20, slow: 100}
start: 2010-01-04
end: 2019-12-31
capital: 250000
fee_bps: 5
slippage_bps: 1.5
execution_lag: 2
"""


def test_a_full_specification():
    spec = parse(FULL)
    assert spec.strategy == SmaCrossover(fast=20, slow=100)
    assert spec.symbols == ("AAPL", "MSFT")
    assert (spec.start, spec.end) == (date(2010, 1, 4), date(2019, 12, 31))
    assert (spec.capital, spec.fee_bps, spec.slippage_bps, spec.execution_lag) == (250_000.0, 5.0, 1.5, 2)
    assert spec.name == "golden cross"


def test_two_lines_are_enough():
    spec = parse("strategy: sma_crossover\nsymbols: AAPL")
    assert spec.symbols == ("AAPL",)
    assert spec.start is None
    assert spec.name == "sma_crossover on AAPL"


def test_a_fly_in_five_lines():
    spec = parse("strategy: fly\nsymbols: [KO, PEP, PG]\nparameters:\n  window: 90\n  ratios: equal")
    assert spec.strategy == Fly(window=90, ratios="equal")


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("", InvalidInput, "holds no fields"),
        ("- a\n- b", InvalidInput, "holds no fields"),
        ("strategy: [", InvalidInput, "not valid YAML in line 1"),
        ("symbols: [AAPL]", InvalidInput, "needs the field strategy"),
        ("strategy: fly", InvalidInput, "needs the field symbols"),
        ("strategy: fly\nsymbols: [A, B]", InvalidInput, "symbols has 2, expected 3 for the strategy fly"),
        ("strategy: switch\nsymbols: [A, A]", InvalidInput, "more than once"),
        ("strategy: switch\nsymbols: [A, ON]", InvalidInput, "Quote symbols"),
        ("strategy: smacross\nsymbols: [A]", UnknownName, "Unknown strategy 'smacross'"),
        ("strategy: pair\nsymbols: [A, B]\nparameters: {windo: 5}", UnknownName, "Did you mean window"),
        ("strategy: pair\nsymbols: [A, B]\nparameters: 5", InvalidInput, "parameters is 5"),
        ("strategy: pair\nsymbols: [A, B]\nstrat: 2010-01-01", UnknownName, "Did you mean"),
        ("strategy: pair\nsymbols: [A, B]\nstart: yesterday", InvalidInput, "start is 'yesterday'"),
        ("strategy: pair\nsymbols: [A, B]\nstart: 2012-01-01\nend: 2011-01-01", InvalidInput, "before end"),
        ("strategy: pair\nsymbols: [A, B]\ncapital: much", InvalidInput, "capital is 'much'"),
        ("strategy: pair\nsymbols: [A, B]\nfee_bps: -1", InvalidInput, "fee_bps is -1"),
        ("strategy: pair\nsymbols: [A, B]\nexecution_lag: 0", InvalidInput, "execution_lag is 0"),
        ("strategy: pair\nsymbols: [A, B]\nexecution_lag: 1.5", InvalidInput, r"execution_lag is 1\.5"),
        ("!!python/object/apply:os.system ['true']", InvalidInput, "not valid YAML"),
    ],
)
def test_mistakes_name_the_field(text, error, message):
    with pytest.raises(error, match=message):
        parse(text)


def test_fields_from_a_program():
    assert from_mapping({"strategy": "pair", "symbols": ["KO", "PEP"]}).symbols == ("KO", "PEP")
