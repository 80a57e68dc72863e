"""Run one command on parts made up by the test: no desk, no database."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.cli_commands.output import Output

Run = Callable[..., tuple[int | None, Any]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Give a function that runs one command on made-up parts and returns its exit code and what it printed."""

    def go(command: str, words: list[str], *, as_json: bool = False, **parts: Any) -> tuple[int | None, Any]:
        module = import_module(f"app.cli_commands.{command}")
        parser = argparse.ArgumentParser()
        module.configure(parser)
        arguments = parser.parse_args(words)
        arguments.home = str(tmp_path)
        connection = SimpleNamespace(
            parts=SimpleNamespace(**parts),
            desk=SimpleNamespace(**parts),
            as_of=None,
            principal="anyone",
            signed_in=lambda name: f"person {name or 'owner'}",
            settings=SimpleNamespace(home=tmp_path),
            accounts=parts.get("accounts"),
        )

        @contextmanager
        def connect(_: argparse.Namespace) -> Iterator[Any]:
            yield connection

        monkeypatch.setattr(module, "connect", connect)
        code = module.run(arguments, Output(as_json=as_json))
        printed = capsys.readouterr().out
        return code, json.loads(printed) if as_json else printed

    return go
