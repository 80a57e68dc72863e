"""Answer `quantdesk ...`: load only the module of the command, and turn errors into a sentence and an exit code."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from app.cli_commands.output import Output
from core.errors import QuantdeskError
from tools._files import tool_names

EXIT_OK, EXIT_FAILED, EXIT_USAGE = 0, 1, 2

# name -> (module in app.cli_commands, what it does)
COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("run", "start the desk: database, Temporal, worker, web; Ctrl-C stops it"),
    "status": ("status", "show the health of each part"),
    "ask": ("ask", "ask a question in plain language, or a file of questions"),
    "tools": ("tools", "list the tools, or show one with its schema"),
    "tool": ("tool", "call a tool with JSON arguments"),
    "sql": ("sql", "run or check a read-only SQL query"),
    "import": ("importing", "load CSV or Parquet files: bars, actions, macro, news, events, ..."),
    "ingest": ("ingest", "fetch new data from the vendors"),
    "notify": ("notify", "show and test the channels that tell people of failures: mail, Slack, Telegram"),
    "vendors": ("vendors", "list the data vendors, their keys and limits"),
    "coverage": ("coverage", "show what data is stored and what is missing"),
    "derived": ("derived", "bring derived data up to date, make it anew, or check it"),
    "quarantine": ("quarantine", "review rows that were held back: list, show, release, discard"),
    "quality": ("quality", "judge a file of bar cases by the quality rules"),
    "backtest": ("backtest", "value a strategy from a YAML file"),
    "simulate": ("simulate", "simulate future paths of a portfolio or symbols"),
    "risk": ("risk", "report value at risk, drawdown and correlation"),
    "strategies": ("strategies", "enable, disable and scan your strategies; see what came of it"),
    "proposals": ("proposals", "list, show, approve or reject trade proposals"),
    "orders": ("orders", "list orders and their fills"),
    "positions": ("positions", "list positions, cash and P&L"),
    "halt": ("halt", "stop all new orders at once"),
    "resume": ("resume", "allow new orders again"),
    "broker": ("broker", "check a connection to a broker: line, account, permissions, clock, positions"),
    "reconcile": ("reconcile", "compare the books with the venues and explain what differs"),
    "audit": ("audit", "verify the audit log's hash chain"),
    "report": ("report", "write the start-of-day or end-of-day report"),
    "clock": ("clock", "show or move the desk clock"),
    "schema": ("schema", "print the JSON Schema of a record kind"),
    "why": ("why", "explain where a number came from"),
    "replay": ("replay", "run a recorded tool call again and compare"),
    "db": ("database", "back up the database, restore a back-up, check either"),
    "demo": ("demo", "load or remove the demo book"),
    "watchlist": ("watchlist", "keep watch lists and groups of your own"),
    "user": ("user", "manage people, passwords and API keys"),
    "mcp": ("mcp", "serve the tools to an MCP client over stdio"),
    "docs": ("docs", "write the generated pages under docs/"),
}
_WITH_VALUE = ("--home", "--as-of", "--pictures", "--token")


class Parser(argparse.ArgumentParser):
    """Report wrong usage as one sentence with exit code 2, as JSON when that is asked for."""

    output: Output

    def error(self, message: str) -> NoReturn:
        """Print the sentence and leave."""
        self.output.error("usage", message[:1].upper() + message[1:].rstrip(".") + f". See `{self.prog} --help`.")
        raise SystemExit(EXIT_USAGE)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 ok, 1 refused or failed, 2 wrong usage."""
    words = list(sys.argv[1:] if argv is None else argv)
    output = Output(as_json="--json" in words)
    name = _command_of(words)
    parser, run = _build(name, output)
    arguments = parser.parse_args(words)
    if run is None:
        parser.print_help()
        return EXIT_OK if name is None else EXIT_USAGE
    output.pictures = Path(arguments.pictures) if arguments.pictures else None
    try:
        return run(arguments, output) or EXIT_OK
    except QuantdeskError as error:
        output.error(error.code, str(error))
        return EXIT_FAILED
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output left; nothing is wrong.
        sys.stderr.close()
        return EXIT_OK
    except Exception as error:  # noqa: BLE001  # a person gets a sentence, the file gets the traceback
        from app.cli_commands.failure import note_failure

        output.error(
            "internal", f"Something unexpected went wrong ({type(error).__name__}). {note_failure(error, arguments)}"
        )
        return EXIT_FAILED


def common_options(parser: argparse.ArgumentParser, *, suppress: bool) -> None:
    """Add the options that every command takes, before or after its name."""
    missing = argparse.SUPPRESS if suppress else None
    group = parser.add_argument_group("common options")
    group.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS if suppress else False, help="print JSON on stdout"
    )
    group.add_argument("--home", metavar="FOLDER", default=missing, help="folder of the desk (default: QUANTDESK_HOME)")
    group.add_argument("--as-of", metavar="TIME", default=missing, help="see the data as it was known then (ISO, UTC)")
    group.add_argument(
        "--pictures", metavar="FOLDER", default=missing, help="write each chart as a PNG into the folder"
    )
    group.add_argument("--token", default=missing, help="personal API key (default: QUANTDESK_TOKEN)")


def _command_of(words: Sequence[str]) -> str | None:
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in _WITH_VALUE:
            skip = True
        elif not word.startswith("-"):
            return word
    return None


def _build(
    name: str | None, output: Output
) -> tuple[Parser, Callable[[argparse.Namespace, Output], int | None] | None]:
    """Make the parser of one command; only that command's module is imported."""
    Parser.output = output
    parser = Parser(
        prog="quantdesk",
        description="A quant desk you talk to.",
        epilog=_tools_paragraph(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common_options(parser, suppress=False)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    if name in COMMANDS:
        module_name, summary = COMMANDS[name]
        module = importlib.import_module(f"app.cli_commands.{module_name}")
        own = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        module.configure(own)
        common_options(own, suppress=True)
        _pass_common_options_down(own)
        return parser, module.run
    if name is not None and name.replace("-", "_") in tool_names():
        from app.cli_commands import tool_verb

        own = commands.add_parser(name)
        tool_verb.configure(own, name.replace("-", "_"))
        common_options(own, suppress=True)
        return parser, tool_verb.run
    for command, (_, summary) in COMMANDS.items():
        commands.add_parser(command, help=summary)
    if name is not None:
        parser.error(f"there is no command {name!r}{_closest(name)}")
    return parser, None


def _pass_common_options_down(parser: argparse.ArgumentParser) -> None:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for nested in action.choices.values():
                common_options(nested, suppress=True)
                _pass_common_options_down(nested)


def _tools_paragraph() -> str:
    import textwrap

    names = ", ".join(name for name in tool_names() if name not in COMMANDS)
    text = f"Each tool is a command too: {names}. `quantdesk NAME --help` shows its arguments."
    return textwrap.fill(text, 100) + "\n\nExit codes: 0 ok, 1 refused or failed, 2 wrong usage."


def _closest(name: str) -> str:
    from difflib import get_close_matches

    found = get_close_matches(name, [*COMMANDS, *tool_names()], n=2)
    return f"; did you mean {' or '.join(found)}?" if found else ""


if __name__ == "__main__":
    sys.exit(main())
