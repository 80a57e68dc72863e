"""Check expressions of a statement: columns, functions, operators, types, and how long their values can become."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from postgast import pg_query_pb2 as pb

from core.query import sizes, tree
from core.query.allowed import (
    AGGREGATES,
    COLLATIONS,
    COLLECTORS,
    FUNCTIONS,
    JSON_PATH_OPERATORS,
    OPERATORS,
    SORTERS,
    TYPES,
)
from core.query.relations import Relations
from core.query.scope import CommonTable, Output, Scope, Source, column_hint, refuse

MAX_DEPTH = 100
MAX_ITEMS = 2_000

_GROWING = sizes.GROWING_FUNCTIONS | COLLECTORS
# && joins two queries of a text search into one; between other types it only compares.
_JOINING = frozenset(("||", "&&"))
CLOCKS = frozenset(("now", "transaction_timestamp", "statement_timestamp", "clock_timestamp"))
# Texts that the server reads as a date of its own clock.
_CLOCK_TEXT = re.compile(r"\s*(now|today|tomorrow|yesterday)(\s+[\d:.]+)?\s*", re.IGNORECASE)
_CLOCK_VALUES = frozenset(range(pb.SVFOP_CURRENT_DATE, pb.SVFOP_CURRENT_ROLE))
_DESK_TYPES = {
    pb.SVFOP_CURRENT_DATE: "date",
    pb.SVFOP_CURRENT_TIMESTAMP: "timestamptz",
    pb.SVFOP_LOCALTIMESTAMP: "timestamp",
}


class ExpressionCheck(ABC):
    """Check expressions; what a SELECT is, is for the subclass to say.

    Afterwards `relations`, `functions` and `common_names` say what the statement uses.
    """

    def __init__(self, relations: Relations, *, parameters: int, desk_time: bool) -> None:
        self._known = relations
        self._parameters = parameters
        self._desk_time = desk_time
        self._depth = 0
        self._reads = 0
        self._collectors: list[tuple[list[Source], set[int]]] = []
        self._in_recursion = 0
        self._aggregated = False
        self._series_rows = 1.0
        self._built = 0.0
        self.relations: set[str] = set()
        self.functions: set[str] = set()
        self.common_names: set[str] = set()

    @abstractmethod
    def select(self, statement: Any, outer: Scope | None, tables: dict[str, CommonTable]) -> Output:
        """Check a SELECT, VALUES or set operation and return its columns."""

    # Expressions ---------------------------------------------------------------------------------------------

    def expression(self, node: Any, scope: Scope) -> float:
        """Check an expression and return an estimate of the length of its value."""
        which = node.WhichOneof("node")
        if which is None:
            return 0.0
        method = _EXPRESSIONS.get(which)
        if method is None:
            raise refuse("node", f"The construct {which} is not allowed.")
        with self._deeper():
            size: float = method(self, node, getattr(node, which), scope)
        if size > sizes.MAX_VALUE_BYTES:
            raise refuse("value_size", "The statement would build very long values.")
        return size

    def _sort(self, part: Any, scope: Scope) -> float:
        if part.use_op:
            raise refuse("operator", "ORDER BY ... USING is not allowed.")
        return self._named_or_expression(part.node, scope)

    def _named_or_expression(self, node: Any, scope: Scope) -> float:
        if node.WhichOneof("node") == "column_ref" and len(node.column_ref.fields) == 1:
            field_node = node.column_ref.fields[0]
            if field_node.WhichOneof("node") == "string" and field_node.string.sval in scope.outputs:
                return scope.outputs[field_node.string.sval]
        return self.expression(node, scope)

    def _all(self, nodes: Iterable[Any], scope: Scope) -> list[float]:
        return [self.expression(node, scope) for node in nodes]

    def _column(self, node: Any, inner: Any, scope: Scope) -> float:
        parts = [part.string.sval for part in inner.fields]
        if inner.fields[-1].WhichOneof("node") == "a_star":
            return self._whole_row(node, parts[:-1], scope)
        if len(parts) == 1:
            return self._bare_column(parts[0], scope)
        source = self._source(parts[:-1], scope)
        if len(parts) == 3:
            tree.drop_schema(node)
        if parts[-1] not in source.columns:
            raise refuse("column", f"{source.name} has no column {parts[-1]!r}.", hint=column_hint(source))
        return source.columns[parts[-1]]

    def _bare_column(self, name: str, scope: Scope) -> float:
        here: Scope | None = scope
        while here is not None:
            for source in here.sources:
                if name in source.columns:
                    self._note(source, here)
                    return source.columns[name]
            here = here.outer
        here = scope
        while here is not None:
            for source in here.sources:
                if source.name == name:
                    self._note(source, here)
                    return self._row_bytes(source)
            here = here.outer
        raise refuse("column", f"The column {name!r} is not known.")

    def _whole_row(self, node: Any, parts: list[str], scope: Scope) -> float:
        if not parts:
            raise refuse("column", "`*` is only allowed as a whole item of the SELECT list.")
        if len(parts) == 2:
            tree.drop_schema(node)
        return self._row_bytes(self._source(parts, scope))

    def _row_bytes(self, source: Source) -> float:
        if self._in_recursion:
            raise refuse("recursion", "A whole row inside a recursive query can grow without end.")
        source.whole = True
        return sizes.ESCAPING * sum(source.columns.values())

    def _source(self, parts: list[str], scope: Scope) -> Source:
        here: Scope | None = scope
        while here is not None:
            for source in here.sources:
                if (len(parts) == 1 and source.name == parts[0]) or source.qualified == ".".join(parts):
                    self._note(source, here)
                    return source
            here = here.outer
        raise refuse("column", f"{'.'.join(parts)!r} is not a relation or alias of this query.")

    def _note(self, source: Source, scope: Scope) -> None:
        for sources, used in self._collectors:
            if sources is scope.sources:
                used.add(next(i for i, other in enumerate(sources) if other is source))

    def _call(self, node: Any, inner: Any, scope: Scope) -> float:
        name = self._function_name(inner.funcname)
        self.functions.add(name)
        if name in AGGREGATES and not inner.HasField("over"):
            self._aggregated = True
        if self._desk_time and name in CLOCKS and not inner.args:
            node.CopyFrom(tree.desk_now())
            return sizes.NARROW_BYTES
        if inner.func_variadic:
            raise refuse("function", "VARIADIC arguments are not allowed; write the arguments one by one.")
        arguments = list(inner.args)
        found = self._all(arguments, scope)
        if self._desk_time and name == "age" and len(inner.args) == 1:
            tree.put_before(inner.args, tree.cast_to(tree.cast_to(tree.desk_now(), "date"), "timestamp"))
        sorted_by = sum(self._sort(part.sort_by, scope) for part in inner.agg_order)
        if inner.HasField("agg_filter"):
            self.expression(inner.agg_filter, scope)
        if inner.HasField("over"):
            self._window(inner.over, scope)
        if name == "generate_series":
            self._check_series(arguments)
        if self._in_recursion and name in _GROWING:
            raise refuse("recursion", f"{name} inside a recursive query can grow without end.")
        if name in COLLECTORS | SORTERS:
            self._check_collected(sum(found) + sorted_by)
        return self._value_bytes(name, arguments, found)

    def _value_bytes(self, name: str, arguments: list[Any], found: list[float]) -> float:
        try:
            sizes.check_arguments(name, arguments)
            size = sizes.function_bytes(name, arguments, found)
        except ValueError as error:
            raise refuse("value_size", f"{error}.") from error
        if name in sizes.PADDING:
            self._built = max(self._built, size)
        return size

    def _check_collected(self, row: float) -> None:
        built = self._built > sizes.SHORT_PADDING
        if row > (sizes.MAX_COLLECTED_BUILT_ROW if built else sizes.MAX_COLLECTED_ROW):
            raise refuse("value_size", "The statement would collect very long values.")

    def _function_name(self, parts: Any) -> str:
        names = [part.string.sval for part in parts]
        if len(names) == 2 and names[0] == "pg_catalog":
            names = names[1:]
        name = ".".join(names)
        if len(names) != 1 or name not in FUNCTIONS:
            raise refuse("function", f"The function {name} is not allowed.")
        return name

    def _check_series(self, arguments: list[Any]) -> None:
        rows = sizes.series_rows(arguments, self._known)
        if rows is None or rows > sizes.MAX_SERIES_ROWS:
            raise refuse(
                "series", f"generate_series needs constant bounds and at most {sizes.MAX_SERIES_ROWS:,} values."
            )
        self._series_rows = max(self._series_rows, rows)

    def _window(self, inner: Any, scope: Scope) -> None:
        for part in inner.partition_clause:
            self.expression(part, scope)
        for part in inner.order_clause:
            self._sort(part.sort_by, scope)
        for name in ("start_offset", "end_offset"):
            if inner.HasField(name):
                self.expression(getattr(inner, name), scope)

    def _operation(self, _node: Any, inner: Any, scope: Scope) -> float:
        names = [part.string.sval for part in inner.name]
        if len(names) != 1 or names[0] not in OPERATORS:
            raise refuse("operator", f"The operator {'.'.join(names)} is not allowed.")
        found = []
        for side in ("lexpr", "rexpr"):
            if inner.HasField(side):
                child = getattr(inner, side)
                if child.WhichOneof("node") == "row_expr":
                    # A comparison takes rows apart, it does not write them.
                    found.append(max(self._all(child.row_expr.args, scope), default=0.0))
                elif child.WhichOneof("node") == "list":
                    if len(child.list.items) > MAX_ITEMS:
                        raise refuse("items", f"A list has more than {MAX_ITEMS} items.")
                    found.append(max(self._all(child.list.items, scope)))
                else:
                    found.append(self.expression(child, scope))
        self._check_right_side(names[0], inner)
        if names[0] in _JOINING:
            if self._in_recursion:
                raise refuse("recursion", f"{names[0]} inside a recursive query can grow without end.")
            return sum(found)
        return float(sizes.NARROW_BYTES) if names[0] not in ("->", "->>", "#>", "#>>", "-") else max(found)

    def _check_right_side(self, operator: str, inner: Any) -> None:
        path = operator in JSON_PATH_OPERATORS and (operator == "@?" or inner.rexpr.WhichOneof("node") == "a_const")
        try:
            if operator == "^":
                sizes.check_exponent(inner.rexpr)
            elif path:
                sizes.check_json_path(inner.rexpr)
        except ValueError as error:
            raise refuse("value_size", f"{error}.") from error

    def _collate(self, _node: Any, inner: Any, scope: Scope) -> float:
        names = [part.string.sval for part in inner.collname]
        if len(names) != 1 or names[0] not in COLLATIONS:
            raise refuse("collation", f"The collation {'.'.join(names)} is not allowed.")
        return self.expression(inner.arg, scope)

    def _cast(self, _node: Any, inner: Any, scope: Scope) -> float:
        self._type(inner.type_name)
        return max(self.expression(inner.arg, scope), self._width(inner.type_name))

    def _type(self, inner: Any) -> None:
        names = [part.string.sval for part in inner.names]
        if len(names) == 2 and names[0] == "pg_catalog":
            names = names[1:]
        if len(names) != 1 or names[0] not in TYPES or inner.setof or inner.pct_type:
            raise refuse("type", f"The type {'.'.join(names)} is not allowed.")

    def _width(self, inner: Any) -> float:
        if inner.names[-1].string.sval != "bpchar" or not inner.typmods:
            return 0.0
        width = sizes.constant(inner.typmods[0])
        if not isinstance(width, float) or width > sizes.MAX_REPEAT:
            raise refuse("value_size", f"char(n) is padded; n may be at most {sizes.MAX_REPEAT}.")
        return width

    def _literal(self, _node: Any, inner: Any, _scope: Scope) -> float:
        if sizes.is_huge_number(inner.sval.sval) or sizes.is_huge_number(inner.fval.fval):
            raise refuse("value_size", "Exponents of numbers may have at most three digits.")
        if self._desk_time and _CLOCK_TEXT.fullmatch(inner.sval.sval):
            raise refuse("session", f"{inner.sval.sval!r} means the server's clock; write current_date or now().")
        return float(len(inner.sval.sval)) if inner.WhichOneof("val") == "sval" else 8.0

    def _parameter(self, _node: Any, inner: Any, _scope: Scope) -> float:
        if not 1 <= inner.number <= self._parameters:
            raise refuse("parameter", "Parameters ($1) are not allowed here; write the value.")
        return sizes.WIDE_BYTES

    def _current(self, node: Any, inner: Any, _scope: Scope) -> float:
        if inner.op not in _CLOCK_VALUES:
            raise refuse("session", "Values of the session (user, role, schema) may not be read.")
        if self._desk_time and inner.op in _DESK_TYPES:
            node.CopyFrom(tree.cast_to(tree.desk_now(), _DESK_TYPES[inner.op]))
        return sizes.NARROW_BYTES

    def _sublink(self, _node: Any, inner: Any, scope: Scope) -> float:
        if len(inner.oper_name) > 1 or any(part.string.sval not in OPERATORS for part in inner.oper_name):
            raise refuse("operator", "The operator before ANY or ALL is not allowed.")
        if inner.HasField("testexpr"):
            self.expression(inner.testexpr, scope)
        output = self.select(inner.subselect.select_stmt, scope, scope.tables)
        sizes_found = [size for _, size in output.columns]
        if inner.sub_link_type == pb.ARRAY_SUBLINK:
            self._check_collected(sum(sizes_found))
            return sizes.collected_bytes(sum(sizes_found))
        return max(sizes_found, default=0.0)

    def _case(self, _node: Any, inner: Any, scope: Scope) -> float:
        if inner.HasField("arg"):
            self.expression(inner.arg, scope)
        found = []
        for part in inner.args:
            self.expression(part.case_when.expr, scope)
            found.append(self.expression(part.case_when.result, scope))
        if inner.HasField("defresult"):
            found.append(self.expression(inner.defresult, scope))
        return max(found)

    def _arguments(self, _node: Any, inner: Any, scope: Scope) -> float:
        return max(self._all(inner.args, scope), default=0.0)

    def _row(self, _node: Any, inner: Any, scope: Scope) -> float:
        self._check_growth(inner.args)
        return sizes.ESCAPING * sum(self._all(inner.args, scope))

    def _check_growth(self, parts: Any) -> None:
        if self._in_recursion and sum(sizes.constant(part) is None for part in parts) > 1:
            raise refuse("recursion", "Rows and arrays of several values can grow without end in a recursive query.")

    def _array(self, _node: Any, inner: Any, scope: Scope) -> float:
        if len(inner.elements) > MAX_ITEMS:
            raise refuse("items", f"An array has more than {MAX_ITEMS} items.")
        self._check_growth(inner.elements)
        return sizes.ESCAPING * sum(self._all(inner.elements, scope))

    def _items(self, _node: Any, inner: Any, scope: Scope) -> float:
        if len(inner.items) > MAX_ITEMS:
            raise refuse("items", f"A list has more than {MAX_ITEMS} items.")
        return sum(self._all(inner.items, scope))

    def _test(self, _node: Any, inner: Any, scope: Scope) -> float:
        self.expression(inner.arg, scope)
        return 8.0

    def _named(self, _node: Any, inner: Any, scope: Scope) -> float:
        return self.expression(inner.arg, scope)

    def _indirection(self, _node: Any, inner: Any, scope: Scope) -> float:
        for part in inner.indirection:
            if part.WhichOneof("node") != "a_indices":
                raise refuse("column_notation", "(expression).name can call a function and is not allowed.")
            for name in ("lidx", "uidx"):
                if part.a_indices.HasField(name):
                    self.expression(getattr(part.a_indices, name), scope)
        return self.expression(inner.arg, scope)

    def _grouping_set(self, _node: Any, inner: Any, scope: Scope) -> float:
        for part in inner.content:
            self._named_or_expression(part, scope)
        return 0.0

    # Bookkeeping ---------------------------------------------------------------------------------------------

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise refuse("depth", f"The statement is nested deeper than {MAX_DEPTH} levels.")
        try:
            yield
        finally:
            self._depth -= 1

    @contextmanager
    def _collecting(self, scope: Scope) -> Iterator[set[int]]:
        used: set[int] = set()
        self._collectors.append((scope.sources, used))
        try:
            yield used
        finally:
            self._collectors.pop()


_EXPRESSIONS: dict[str, Callable[[ExpressionCheck, Any, Any, Scope], float]] = {
    "column_ref": ExpressionCheck._column,
    "a_const": ExpressionCheck._literal,
    "param_ref": ExpressionCheck._parameter,
    "a_expr": ExpressionCheck._operation,
    "bool_expr": ExpressionCheck._arguments,
    "func_call": ExpressionCheck._call,
    "type_cast": ExpressionCheck._cast,
    "sqlvalue_function": ExpressionCheck._current,
    "sub_link": ExpressionCheck._sublink,
    "case_expr": ExpressionCheck._case,
    "coalesce_expr": ExpressionCheck._arguments,
    "min_max_expr": ExpressionCheck._arguments,
    "null_test": ExpressionCheck._test,
    "boolean_test": ExpressionCheck._test,
    "a_array_expr": ExpressionCheck._array,
    "collate_clause": ExpressionCheck._collate,
    "a_indirection": ExpressionCheck._indirection,
    "row_expr": ExpressionCheck._row,
    "list": ExpressionCheck._items,
    "named_arg_expr": ExpressionCheck._named,
    "grouping_set": ExpressionCheck._grouping_set,
    "grouping_func": ExpressionCheck._arguments,
}
