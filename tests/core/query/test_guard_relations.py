"""A private relation is seen in every position and spelling."""

# ruff: noqa: PT017

from __future__ import annotations

import pytest

from core.errors import SqlRefused
from core.query.guard import SqlGuard
from core.query.relations import relations_from

PUBLIC = relations_from(
    {
        "class": "public",
        "relations": {
            "shop.goods": {"good_id": "integer", "name": "text", "price": "numeric", "made": "date", "tags": "text[]"},
            "shop.sales": {"good_id": "integer", "day": "date", "count": "integer", "note": "text"},
        },
    }
)
PRIVATE = relations_from({"class": "private", "relations": {"vault.wages": {"person": "text", "wage": "numeric"}}})
PUBLIC_GUARD = SqlGuard(PUBLIC)
BOTH_GUARD = SqlGuard(PUBLIC | PRIVATE)


def refused_by(sql, guard=PUBLIC_GUARD, **options):
    with pytest.raises(SqlRefused) as refused:
        guard.check(sql, **options)
    return refused.value.rule


# Every position in which a relation can be read.
POSITIONS = [
    "SELECT * FROM {r}",
    "TABLE {r}",
    "SELECT 1 FROM ONLY {r}",
    "SELECT 1 FROM shop.goods g JOIN {r} w ON w.person = g.name",
    "SELECT 1 FROM shop.goods g LEFT JOIN {r} w ON w.person = g.name",
    "SELECT 1 FROM shop.goods g NATURAL JOIN {r}",
    "SELECT 1 FROM shop.goods g LEFT JOIN LATERAL (SELECT 1 AS a FROM {r} LIMIT 1) w ON true",
    "SELECT a.* FROM (SELECT * FROM (SELECT * FROM {r}) b) a",
    "SELECT (SELECT count(*) FROM {r})",
    "SELECT 1 WHERE EXISTS (SELECT 1 FROM {r})",
    "SELECT 1 WHERE NOT EXISTS (TABLE {r})",
    "SELECT 'a' IN (SELECT person FROM {r})",
    "SELECT 'a' = ALL (SELECT person FROM {r})",
    "SELECT 'a' > ANY (SELECT person FROM {r})",
    "SELECT ARRAY(SELECT person FROM {r})",
    "SELECT 'a' UNION SELECT person FROM {r}",
    "SELECT 'a', 1 INTERSECT TABLE {r}",
    "SELECT 'a' EXCEPT ALL SELECT person FROM {r}",
    "WITH x AS (SELECT * FROM {r}) SELECT * FROM x",
    "WITH x AS (SELECT 'a' AS a) SELECT * FROM x WHERE a IN (SELECT person FROM {r})",
    "WITH RECURSIVE t(n) AS (SELECT person FROM {r} UNION SELECT n FROM t WHERE n < 'b') SELECT * FROM t",
    "WITH RECURSIVE t(n) AS (SELECT 'a' UNION SELECT n FROM t JOIN {r} ON person = n) SELECT * FROM t",
    "SELECT 1 FROM shop.goods ORDER BY (SELECT max(person) FROM {r})",
    "SELECT 1 FROM shop.goods GROUP BY (SELECT max(person) FROM {r})",
    "SELECT count(*) FROM shop.goods HAVING count(*) > (SELECT count(*) FROM {r})",
    "SELECT 1 LIMIT (SELECT count(*) FROM {r})",
    "SELECT 1 OFFSET (SELECT count(*) FROM {r})",
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM {r}) THEN 1 END",
    "SELECT coalesce((SELECT max(person) FROM {r}), '')",
    "SELECT count(*) FILTER (WHERE EXISTS (TABLE {r})) FROM shop.goods",
    "SELECT sum(price) OVER (ORDER BY (SELECT max(person) FROM {r})) FROM shop.goods",
    "SELECT sum(price) OVER w FROM shop.goods WINDOW w AS (PARTITION BY (SELECT max(person) FROM {r}))",
    "VALUES ((SELECT max(person) FROM {r}))",
    "SELECT * FROM (VALUES ((SELECT max(person) FROM {r}))) v",
    "SELECT * FROM unnest(ARRAY(SELECT person FROM {r})) x",
    "SELECT person FROM {r} TABLESAMPLE system (10)",
    "SELECT to_json(w) FROM {r} w",
    "WITH wages AS (SELECT 1 AS wage) SELECT * FROM {r}",
    "WITH people AS (SELECT 1 AS wage) SELECT * FROM {r}",
]
PRIVATE_SPELLINGS = [
    "vault.wages", "VAULT.WAGES", "Vault.Wages", '"vault"."wages"', '"vault" . wages', "vault/**/.wages",
    "vault.\nwages", 'U&"v\\0061ult".wages', 'U&"vault"."wages"', 'vault.U&"w\\+000061ges"',
]  # fmt: skip
LOOKALIKES = [
    '"Vault".wages', 'vault."Wages"', '"vault.wages"', "vаult.wages", "ｖault.wages", "vault.wages2", "wages",
    "public.wages", "pg_catalog.pg_class", "pg_class", "information_schema.tables", "shop.good", "postgres.shop.goods",
    "pg_temp.goods", "pg_toast.goods", '"shop "."goods"', '"shop"."goods "', "shop.goods$", "shop.gооds",
]  # fmt: skip


@pytest.mark.parametrize("position", POSITIONS)
def test_a_relation_is_seen_wherever_it_stands(position):
    private = position.format(r="vault.wages")
    assert refused_by(private) == "relation"
    checked = BOTH_GUARD.check(private)
    assert checked.label == "private" and "vault.wages" in checked.relations
    people = relations_from({"class": "public", "relations": {"shop.people": {"person": "text", "wage": "numeric"}}})
    twin = SqlGuard(PUBLIC | people).check(position.format(r="shop.people"))
    assert twin.label == "public" and "shop.people" in twin.relations


@pytest.mark.parametrize("spelling", PRIVATE_SPELLINGS, ids=ascii)
def test_no_spelling_hides_a_private_relation(spelling):
    assert refused_by(f"SELECT * FROM {spelling}") in ("relation", "parsers_disagree")
    try:
        checked = BOTH_GUARD.check(f"SELECT wage FROM {spelling}")
    except SqlRefused as refused:
        assert refused.rule == "parsers_disagree"
    else:
        assert checked.label == "private" and checked.relations == ("vault.wages",)


@pytest.mark.parametrize("name", LOOKALIKES, ids=ascii)
def test_a_name_that_only_looks_alike_is_not_the_relation(name):
    assert refused_by(f"SELECT 1 FROM {name}", BOTH_GUARD) in ("relation", "syntax", "parsers_disagree")
