"""A fly, a pair and a switch from YAML to backtest, expected value, risk and picture, on a desk with samples."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.cli import main
from core.settings import load_settings

EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "strategies").glob("*.yaml"))
SPREADS = [path for path in EXAMPLES if path.stem in ("fly", "pair", "switch")]


@pytest.fixture(scope="module")
def run(desk_dsn, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")

    def call(*words: str, code: int = 0) -> Any:
        said, remarks = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(remarks):
            patch.setenv("DATABASE_URL", desk_dsn)
            patch.setenv("QUANTDESK_HOME", str(home))
            patch.setattr("sys.stdin", io.StringIO())
            load_settings.cache_clear()
            returned = main([*words, "--json"])
        load_settings.cache_clear()
        assert returned == code, f"{words}: {returned}\n{said.getvalue()}\n{remarks.getvalue()}"
        return json.loads(said.getvalue())

    return call


def facts(document: Any) -> dict[str, Any]:
    return {fact["name"]: fact["value"] for fact in document["facts"]}


def test_there_is_an_example_of_each() -> None:
    assert {path.stem for path in EXAMPLES} >= {"fly", "pair", "switch"}
    assert len(SPREADS) == 3


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_has_at_most_15_lines_and_is_valid(path: Path) -> None:
    from app.cli_commands.backtest import read_yaml
    from tools._strategy import load_strategy
    from tools.backtest import BacktestArguments

    assert len(path.read_text().splitlines()) <= 15
    given = BacktestArguments.model_validate(read_yaml(path))
    strategy = load_strategy(given)
    assert strategy.name == yaml.safe_load(path.read_text())["strategy"]
    assert strategy.legs in (None, len(given.symbols))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_backtests_from_the_command_line(run: Any, path: Path) -> None:
    found = run("backtest", str(path), "--start", "2016-01-04")
    stated = facts(found)
    assert stated["trades"] > 0
    assert stated["parameter variants tried"] >= 1
    assert 0 <= stated["deflated Sharpe ratio (probability)"] <= 1
    assert stated["sessions"] > 1000
    titles = [chart["title"] for chart in found["charts"]]
    assert {"Growth, start = 100", "Drawdown", "Return of each trade"} <= set(titles)
    names = {table["name"] for table in found["tables"]}
    assert {"performance", "trades", "legs", "years", "sensitivity", "honesty"} <= names
    risk = {
        column["name"] for table in found["tables"] if table["name"] == "performance" for column in table["columns"]
    }
    assert any("rawdown" in name for name in risk)


@pytest.mark.parametrize("path", SPREADS, ids=lambda path: path.stem)
def test_a_spread_has_an_expected_value_from_the_same_file(run: Any, path: Path) -> None:
    words = ("--start", "2016-01-04", "--paths", "200", "--sessions", "60", "--seed", "3")
    one, other = (facts(run("expected-value", str(path), *words)) for _ in range(2))
    assert one == other
    assert one["expected return standard error"] > 0
    assert 0 <= one["probability of profit"] <= 1
    assert one["paths"] == 200


def test_a_sweep_and_a_walk_forward_from_the_same_file(run: Any) -> None:
    pair = str(next(path for path in SPREADS if path.stem == "pair"))
    grid = '{"window": [40, 80], "entry_z": [1.5, 2.0]}'
    swept = run("sweep", pair, "--grid", grid, "--start", "2016-01-04")
    assert facts(swept)["variants run"] == 4
    assert swept["charts"][0]["kind"] == "heatmap"
    walked = facts(run("walk-forward", pair, "--grid", grid, "--start", "2014-01-02", "--train-sessions", "400"))
    assert walked["folds"] >= 5
    assert walked["parameter variants tried"] >= 4


def test_a_scan_over_the_universe_now(run: Any) -> None:
    up = run("scan-conditions", "--condition", "close > sma(50)")
    down = run("scan-conditions", "--condition", "not close > sma(50)")
    above, below = facts(up), facts(down)
    assert above["symbols looked at"] == below["symbols looked at"] >= 15
    assert above["symbols on which it holds"] + below["symbols on which it holds"] == above["symbols looked at"]
    wrong = run("scan-conditions", "--condition", "close > smaa(50)", code=1)
    assert "column 9" in wrong["error"]["message"]


def test_a_wrong_file_is_named(run: Any, tmp_path: Path) -> None:
    assert "no file" in run("expected-value", str(tmp_path / "none.yaml"), code=1)["error"]["message"]
    odd = tmp_path / "odd.yaml"
    odd.write_text("strategy: pair\nsymbols: [KO, PEP]\nwindows: 60\n")
    assert "windows" in run("backtest", str(odd), code=1)["error"]["message"]


@pytest.mark.parametrize(
    ("question", "tool"),
    [
        ("backtest a fly on JNJ, MRK and PFE since 2016", "backtest"),
        ("pair trade KO and PEP since 2016", "backtest"),
        ("backtest a switch between XOM and CVX since 2016", "backtest"),
        ("expected value of a pair trade of KO and PEP", "expected_value"),
        ("scan for close > sma(50)", "scan_conditions"),
    ],
)
def test_the_same_by_chat_without_a_language_model(run: Any, question: str, tool: str) -> None:
    found = run("ask", question)
    text = json.dumps(found)
    assert tool in text, text[:600]
    assert "run_" in text
