"""Which relations a statement may read when it is judged from the command line."""

from __future__ import annotations

from argparse import Namespace

import pytest

from app.cli_commands.sql import _relations
from core.query.guard import check_file
from core.query.relations import product_relations


@pytest.mark.parametrize(("check_many", "label"), [("cases.jsonl", "public"), (None, "private")])
def test_a_file_is_judged_against_the_public_views(check_many, label):
    assert _relations(Namespace(relations=None, check_file=check_many)) == product_relations(label)


def test_a_configuration_comes_first(tmp_path):
    file = tmp_path / "relations.json"
    file.write_text('{"class": "public", "relations": {"shop.goods": {"name": "text"}}}')
    assert set(_relations(Namespace(relations=str(file), check_file="cases.jsonl"))) == {"shop.goods"}


def test_a_file_of_statements_may_not_read_the_books(tmp_path):
    file = tmp_path / "cases.jsonl"
    file.write_text(
        '{"id": 1, "sql": "SELECT * FROM execution.v_fills"}\n{"id": 2, "sql": "SELECT * FROM market_data.v_prices"}\n'
    )
    judged = list(check_file(file, _relations(Namespace(relations=None, check_file=str(file)))))
    assert [(case["verdict"], case["rule"]) for case in judged] == [("refuse", "relation"), ("allow", None)]
