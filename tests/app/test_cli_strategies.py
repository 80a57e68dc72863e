"""A fly, a pair and a switch from YAML to backtest, expected value, risk and picture, on a desk with samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib.image
import pytest
import yaml

EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "strategies").glob("*.yaml"))
SPREADS = [path for path in EXAMPLES if path.stem in ("fly", "pair", "switch")]


@pytest.fixture(scope="module")
def run(desk_dsn, tmp_path_factory, command_line):
    return command_line(desk_dsn, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def backtests(run, tmp_path_factory) -> Any:
    """Run each example once, its charts drawn into a folder of its own."""
    done: dict[Path, Any] = {}

    def backtest(path: Path) -> Any:
        if path not in done:
            folder = tmp_path_factory.mktemp("pictures") / path.stem
            done[path] = run("backtest", str(path), "--start", "2016-01-04", "--pictures", str(folder))
        return done[path]

    return backtest


def table(document: Any, name: str) -> list[dict[str, Any]]:
    found = next(part for part in document["tables"] if part["name"] == name)
    names = [column["name"] for column in found["columns"]]
    return [dict(zip(names, row, strict=True)) for row in found["rows"]]


def assert_drawn(document: Any) -> None:
    """Say that each chart stands in a PNG of its size that is not blank."""
    assert len(document["pictures"]) == len(document["charts"]) > 0
    for number, (name, chart) in enumerate(zip(document["pictures"], document["charts"], strict=True), start=1):
        path = Path(name)
        assert path.name.startswith(f"{document['tool']}-{document['run'][-6:]}-{number}-")
        assert chart["title"].split(",")[0].split(" ")[0].lower() in path.name
        drawn = matplotlib.image.imread(path)
        assert path.read_bytes().startswith(b"\x89PNG\r\n")
        assert drawn.shape[:2] == (600, 1080)
        # Ink on white: some of it, and not everywhere.
        assert 0.005 < (drawn[..., :3].min(axis=2) < 0.9).mean() < 0.9


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
def test_an_example_backtests_from_the_command_line(backtests: Any, path: Path) -> None:
    found = backtests(path)
    stated = facts(found)
    assert stated["trades"] > 0
    assert stated["parameter variants tried"] >= 1
    assert 0 <= stated["deflated Sharpe ratio (probability)"] <= 1
    assert stated["sessions"] > 1000
    titles = [chart["title"] for chart in found["charts"]]
    assert {"Growth, start = 100", "Drawdown", "Return of each trade"} <= set(titles)
    names = {table["name"] for table in found["tables"]}
    assert {"performance", "trades", "legs", "years", "sensitivity", "honesty"} <= names
    assert_drawn(found)


@pytest.mark.parametrize("path", SPREADS, ids=lambda path: path.stem)
def test_the_figures_of_a_spread_agree_with_each_other(backtests: Any, path: Path) -> None:
    found = backtests(path)
    stated = facts(found)
    mine, held = table(found, "performance")
    assert (mine["what"], held["what"]) == ("strategy", "buy and hold")
    assert mine["total return"] == stated["total return"]
    assert mine["worst day"] <= mine["daily ES 95 %"] <= mine["daily VaR 95 %"] <= 0.0 <= mine["best day"]
    assert -1.0 < mine["maximum drawdown"] <= min(mine["total return"], 0.0)
    # Legs and years split one profit: that of the account of 100,000.
    profit = 100_000 * stated["total return"]
    assert sum(row["profit or loss"] for row in table(found, "years")) == pytest.approx(profit, abs=0.01)
    legs = table(found, "legs")
    paid = sum(row["profit or loss"] - row["costs"] for row in legs) - profit
    if path.stem == "switch":
        assert paid == pytest.approx(0.0, abs=0.01), "nothing is borrowed by a switch"
    else:
        # What is left is the borrowing of what is sold short, at 50 basis points a year.
        assert 0.0 < paid < 0.005 * 7 * 150_000
    grown = 1.0
    for row in table(found, "years"):
        grown *= 1.0 + row["return"]
    assert grown - 1.0 == pytest.approx(stated["total return"], abs=1e-9)
    assert {row["symbol"] for row in table(found, "legs")} == set(yaml.safe_load(path.read_text())["symbols"])
    growth = next(chart for chart in found["charts"] if chart["title"] == "Growth, start = 100")
    assert growth["series"][0]["y"][-1] == pytest.approx(100.0 * (1.0 + stated["total return"]), rel=1e-6)


@pytest.mark.parametrize("path", SPREADS, ids=lambda path: path.stem)
def test_the_risk_of_a_spreads_legs_and_its_pictures(run: Any, path: Path, tmp_path: Path) -> None:
    legs = yaml.safe_load(path.read_text())["symbols"]
    # The body long against the wings, or the first leg against the second; the rest is cash.
    weights = [0.5, *(-0.5 / (len(legs) - 1) for _ in legs[1:])]
    words = ("--symbols", ",".join(legs), f"--weights={','.join(map(str, weights))}", "--value", "100000")
    found = run("risk", *words, "--pictures", str(tmp_path / "new" / "folder"))
    stated = facts(found)
    assert stated["value"] == pytest.approx(100_000)
    assert stated["cash"] == pytest.approx(100_000)
    assert 0.0 < stated["value at risk"] < stated["expected shortfall"] < 10_000
    methods = {row["method"]: row for row in table(found, "tail_risk")}
    assert set(methods) == {"historical", "gaussian", "filtered", "monte_carlo"}
    assert all(row["value at risk"] < row["expected shortfall"] for row in methods.values())
    parts = table(found, "contributions")
    assert sum(row["share of ES"] for row in parts) == pytest.approx(1.0)
    assert sum(row["contribution to ES"] for row in parts) == pytest.approx(stated["expected shortfall"], rel=1e-6)
    assert {row["symbol"]: row["weight"] for row in parts} == pytest.approx(dict(zip(legs, weights, strict=True)))
    assert_drawn(found)
    # A spread carries less than its long leg alone.
    alone = facts(run("risk", "--symbols", legs[0], "--weights", "0.5", "--value", "100000"))
    assert stated["expected shortfall"] < alone["expected shortfall"]
    assert "pictures" not in run("risk", *words)


def test_pictures_that_cannot_be_written_are_a_sentence(run: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = run("price-chart", "--symbols", "KO", "--pictures", str(tmp_path / "file"), code=1)
    assert "Pictures cannot be written into" in found["error"]["message"]


def test_the_pictures_of_two_runs_stand_beside_each_other_in_one_folder(run: Any, tmp_path: Path) -> None:
    kept: dict[str, bytes] = {}
    for symbol in ("KO", "PEP"):
        found = run("price-chart", "--symbols", symbol, "--start", "2022-01-03", "--pictures", str(tmp_path))
        kept |= {name: Path(name).read_bytes() for name in found["pictures"]}
    assert len(kept) == len(list(tmp_path.iterdir())) == 2
    assert all(Path(name).read_bytes() == drawn for name, drawn in kept.items())


@pytest.mark.parametrize("path", SPREADS, ids=lambda path: path.stem)
def test_a_spread_has_an_expected_value_from_the_same_file(run: Any, path: Path, tmp_path: Path) -> None:
    words = ("--start", "2016-01-04", "--paths", "200", "--sessions", "60", "--seed", "3")
    drawn = run("expected-value", str(path), *words, "--pictures", str(tmp_path))
    one = facts(drawn)
    assert one == facts(run("expected-value", str(path), *words))
    assert_drawn(drawn)
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
