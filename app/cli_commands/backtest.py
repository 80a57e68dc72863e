"""Value a strategy over stored history, from a YAML file or from options."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from app.cli_commands.connection import connect
from app.cli_commands.output import Output
from core.errors import InvalidInput

TOOL = "backtest"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the file and an option per argument of the tool."""
    from app.cli_commands.tool_arguments import add_options
    from tools.registry import load_tool

    parser.add_argument("spec", nargs="?", metavar="SPEC.yaml", help="file with the arguments of the tool")
    add_options(parser, load_tool(TOOL))


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    """Run the backtest; options win over the file."""
    from app.cli_commands.showing import show_result
    from app.cli_commands.tool_arguments import read_options
    from tools.registry import load_tool

    tool = load_tool(TOOL)
    given = {**(read_yaml(Path(arguments.spec)) if arguments.spec else {}), **read_options(arguments, tool)}
    if not given:
        raise InvalidInput("Nothing to backtest.", hint="Give a SPEC.yaml or --strategy and --symbols.")
    with connect(arguments) as connection:
        show_result(connection.call(TOOL, given), output)
    return None


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping of a YAML file; raise InvalidInput saying what is wrong and where."""
    import yaml

    try:
        value = yaml.load(path.read_text(encoding="utf-8"), Loader=_text_dates())  # noqa: S506  # a SafeLoader
    except FileNotFoundError as error:
        raise InvalidInput(f"There is no file {path}.") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidInput(f"{path} cannot be read as YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(value, dict):
        raise InvalidInput(
            f"{path} must hold a mapping.", hint="For example `strategy: sma_crossover` and `symbols: [AAPL]`."
        )
    return {str(key): item for key, item in value.items()}


def _text_dates() -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """Read dates as text: the tool checks them like every other argument."""

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return Loader
