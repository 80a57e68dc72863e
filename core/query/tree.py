"""Read and edit the tree of PostgreSQL's grammar (libpg_query's protobuf messages)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from postgast import parse
from postgast import pg_query_pb2 as pb

from core.query.scope import Source

MAX_RECURSIVE_ROWS = 10_000
# A cut result would be taken for the whole one, so more rows end the statement: chr(0) is an error of the class
# "program limit exceeded".
_CUT = f"""
    SELECT * FROM t WHERE (
        SELECT chr(least({MAX_RECURSIVE_ROWS} / greatest(count(*), 1), 65)::int)
        FROM (SELECT FROM t LIMIT {MAX_RECURSIVE_ROWS + 1}) AS counted
    ) IS NOT NULL LIMIT {MAX_RECURSIVE_ROWS}
"""
CUT_FUNCTIONS = frozenset(("chr", "count"))
_UNNAMED = "?column?"


def alias_of(node: Any) -> tuple[str, list[str]]:
    """Return the alias of a FROM item and its column names."""
    if not node.HasField("alias"):
        return "", []
    return node.alias.aliasname, [part.string.sval for part in node.alias.colnames]


def implied_name(node: Any) -> str:
    """Return the name that the server gives an output column without an alias."""
    which = node.WhichOneof("node")
    inner: Any = getattr(node, which) if which else None
    if which == "column_ref":
        return str(inner.fields[-1].string.sval)
    if which == "func_call":
        return str(inner.funcname[-1].string.sval)
    if which == "type_cast":
        named = implied_name(inner.arg)
        return named if named != _UNNAMED else str(inner.type_name.names[-1].string.sval)
    if which == "sqlvalue_function":
        name: str = pb.SQLValueFunctionOp.Name(inner.op)
        return name.removeprefix("SVFOP_").removesuffix("_N").lower()
    if which == "sub_link" and inner.sub_link_type == pb.EXPR_SUBLINK:
        targets = inner.subselect.select_stmt.target_list
        return (targets[0].res_target.name or implied_name(targets[0].res_target.val)) if targets else ""
    return {
        "case_expr": "case",
        "coalesce_expr": "coalesce",
        "a_array_expr": "array",
        "row_expr": "row",
        "grouping_func": "grouping",
    }.get(which or "", _UNNAMED)


def messages(message: Any) -> Iterator[Any]:
    """Yield every message below one, the wrappers left out."""
    stack = [message]
    while stack:
        current = stack.pop()
        if current.DESCRIPTOR.name != "Node":
            yield current
        for descriptor, value in current.ListFields():
            if descriptor.message_type is None:
                continue
            if descriptor.is_repeated:
                stack.extend(value)
            else:
                stack.append(value)


def mentions(query: Any, name: str) -> bool:
    """Say whether an unqualified relation of this name is read anywhere below."""
    return any(
        part.DESCRIPTOR.name == "RangeVar" and part.relname == name and not part.schemaname for part in messages(query)
    )


def project(source: Source) -> None:
    """Replace a relation in FROM by a subquery of exactly its configured columns, under the same name."""
    if source.relation is None:
        return
    names = [part.string.sval for part in source.node.range_var.alias.colnames]
    replaced = pb.Node()
    query = replaced.range_subselect.subquery.select_stmt
    _empty_select(query)
    for column in source.relation.columns:
        _column(query.target_list.add(), column)
    inner = query.from_clause.add()
    inner.CopyFrom(source.node)
    inner.range_var.ClearField("alias")
    replaced.range_subselect.alias.aliasname = source.name
    for name in names:
        replaced.range_subselect.alias.colnames.add().string.sval = name
    source.node.CopyFrom(replaced)


def cut_rows(item: Any, name: str, alias: str) -> None:
    """Replace a reference to a recursive query by a subquery that reads it up to the row limit and fails beyond it."""
    names = [part.string.sval for part in item.range_var.alias.colnames]
    replaced = pb.Node()
    query = replaced.range_subselect.subquery.select_stmt
    query.CopyFrom(parse(_CUT).stmts[0].stmt.select_stmt)
    for part in messages(query):
        if part.DESCRIPTOR.name == "RangeVar":
            part.relname = name
    replaced.range_subselect.alias.aliasname = alias or name
    for column in names:
        replaced.range_subselect.alias.colnames.add().string.sval = column
    item.CopyFrom(replaced)


def drop_schema(node: Any) -> None:
    """Turn `schema.relation.column` into `relation.column`."""
    del node.column_ref.fields[0]


def desk_now() -> Any:
    """Return the call that reads the desk's clock."""
    node = pb.Node()
    for part in ("market_data", "as_of"):
        node.func_call.funcname.add().string.sval = part
    node.func_call.funcformat = pb.COERCE_EXPLICIT_CALL
    return node


def put_before(arguments: Any, node: Any) -> None:
    """Make an expression the first of a list."""
    rest = [pb.Node.FromString(argument.SerializeToString()) for argument in arguments]
    del arguments[:]
    arguments.extend([node, *rest])


def cast_to(node: Any, type_name: str) -> Any:
    """Return the expression cast to a built-in type."""
    cast = pb.Node()
    cast.type_cast.arg.CopyFrom(node)
    cast.type_cast.type_name.names.add().string.sval = type_name
    cast.type_cast.type_name.typemod = -1
    return cast


def _empty_select(query: Any) -> None:
    query.limit_option = pb.LIMIT_OPTION_DEFAULT
    query.op = pb.SETOP_NONE


def _column(target: Any, name: str) -> None:
    target.res_target.val.column_ref.fields.add().string.sval = name
