"""Check a statement on the tree of PostgreSQL's own grammar and prepare that tree for rendering.

Every relation, column, function, type and operator is resolved the way the server would; what cannot be resolved
is refused, so that a function called in column notation (`t.f`) is caught too. Three edits are made: `*` reads
only the configured columns of a relation, a recursive query fails beyond a row limit, and, when asked, today and now
mean the desk's clock.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from postgast import pg_query_pb2 as pb

from core.query import sizes, tree
from core.query.allowed import RECORD_FUNCTIONS, ROW_FUNCTIONS
from core.query.expressions import MAX_ITEMS, ExpressionCheck
from core.query.scope import CommonTable, Output, Scope, Source, refuse, renamed

MAX_RELATIONS = 12
MAX_COLUMNS = 200


class GrammarCheck(ExpressionCheck):
    """Check one SelectStmt."""

    # SELECT --------------------------------------------------------------------------------------------------

    def select(self, statement: Any, outer: Scope | None, tables: dict[str, CommonTable]) -> Output:
        """Check a SELECT, VALUES or set operation and return its columns."""
        with self._deeper():
            self._check_clauses(statement)
            tables = self._common_tables(statement, outer, dict(tables))
            if statement.op not in (pb.SETOP_NONE, pb.SET_OPERATION_UNDEFINED):
                return self._set_operation(statement, outer, tables)
            if statement.values_lists:
                return self._values(statement, outer, tables)
            return self._plain(statement, outer, tables)

    def _check_clauses(self, statement: Any) -> None:
        if statement.HasField("into_clause"):
            raise refuse("into", "SELECT INTO writes a table; only reading is allowed.")
        if statement.locking_clause:
            raise refuse("row_lock", "Row locks (FOR UPDATE, FOR SHARE) are not allowed.")

    def _set_operation(self, statement: Any, outer: Scope | None, tables: dict[str, CommonTable]) -> Output:
        left = self.select(statement.larg, outer, tables)
        right = self.select(statement.rarg, outer, tables)
        columns = [
            (name, max(size, right.columns[i][1] if i < len(right.columns) else 0.0))
            for i, (name, size) in enumerate(left.columns)
        ]
        scope = Scope(sources=[], outer=outer, tables=tables, outputs=dict(columns))
        self._sort_and_limit(statement, scope)
        return Output(columns=columns, rows=self._limited(statement, left.rows + right.rows))

    def _values(self, statement: Any, outer: Scope | None, tables: dict[str, CommonTable]) -> Output:
        scope = Scope(sources=[], outer=outer, tables=tables)
        columns: dict[int, float] = {}
        if len(statement.values_lists) > MAX_ITEMS:
            raise refuse("items", f"VALUES has more than {MAX_ITEMS} rows.")
        for row in statement.values_lists:
            for i, item in enumerate(row.list.items):
                columns[i] = max(columns.get(i, 0.0), self.expression(item, scope))
        named = [(f"column{i + 1}", size) for i, size in columns.items()]
        scope.outputs = dict(named)
        self._sort_and_limit(statement, scope)
        return Output(columns=named, rows=self._limited(statement, float(len(statement.values_lists))))

    def _plain(self, statement: Any, outer: Scope | None, tables: dict[str, CommonTable]) -> Output:
        scope = Scope(sources=[], outer=outer, tables=tables)
        links: list[tuple[set[int], bool]] = []
        for item in statement.from_clause:
            self._from_item(item, scope, links)
        if statement.HasField("where_clause"):
            self._conditions(statement.where_clause, scope, links)
        rows = self._joined_rows(scope, links)
        if self._in_recursion and any(source.recursive for source in scope.sources):
            self._check_recursive_arm(scope, links)
        outside = self._aggregated, self._series_rows
        self._aggregated, self._series_rows = False, 1.0
        columns = self._targets(statement, scope)
        aggregated, series_rows = self._aggregated, self._series_rows
        self._aggregated, self._series_rows = outside
        scope.outputs = {name: size for name, size in columns if name}
        self._grouping(statement, scope)
        for window in statement.window_clause:
            self._window(window.window_def, scope)
        self._sort_and_limit(statement, scope)
        self._hide_other_columns(scope)
        if aggregated and not statement.group_clause:
            rows = 1.0
        if statement.group_clause or statement.distinct_clause:
            rows = min(rows, sizes.GROUPED_ROWS)
        rows = min(rows, sizes.TABLE_ROWS) * series_rows
        if rows > sizes.MAX_PRODUCT_ROWS:
            raise refuse("series", "A series in the SELECT list is repeated for every row; put it into FROM.")
        return Output(columns=columns, rows=self._limited(statement, rows))

    def _targets(self, statement: Any, scope: Scope) -> list[tuple[str, float]]:
        columns: list[tuple[str, float]] = []
        self._check_width(len(statement.target_list))
        for target in statement.target_list:
            value = target.res_target.val
            star = self._star(value, scope)
            if star is not None:
                columns.extend(star)
            else:
                name = target.res_target.name or tree.implied_name(value)
                columns.append((name, self.expression(value, scope)))
                if target.res_target.name != name and tree.implied_name(value) != name:
                    target.res_target.name = name
        self._check_width(len(columns))
        if sum(size for _, size in columns) > sizes.MAX_VALUE_BYTES:
            raise refuse("value_size", "The statement would build very long rows.")
        return columns

    def _check_width(self, columns: int) -> None:
        if columns > MAX_COLUMNS:
            raise refuse("columns", f"A SELECT returns {columns} columns; at most {MAX_COLUMNS} are allowed.")

    def _star(self, value: Any, scope: Scope) -> list[tuple[str, float]] | None:
        if value.WhichOneof("node") != "column_ref" or value.column_ref.fields[-1].WhichOneof("node") != "a_star":
            return None
        parts = [part.string.sval for part in value.column_ref.fields[:-1]]
        chosen = scope.sources if not parts else [self._source(parts, scope)]
        if len(parts) == 2:
            tree.drop_schema(value)
        if not chosen:
            raise refuse("column", "`*` needs a FROM clause.")
        found: list[tuple[str, float]] = []
        for source in chosen:
            source.whole = True
            self._note(source, scope)
            found.extend(source.columns.items())
        return found

    def _grouping(self, statement: Any, scope: Scope) -> None:
        for part in statement.group_clause:
            self._named_or_expression(part, scope)
        if statement.HasField("having_clause"):
            self.expression(statement.having_clause, scope)
        for part in statement.distinct_clause:
            if part.WhichOneof("node"):
                self._named_or_expression(part, scope)

    def _sort_and_limit(self, statement: Any, scope: Scope) -> None:
        for part in statement.sort_clause:
            self._sort(part.sort_by, scope)
        for name in ("limit_count", "limit_offset"):
            if statement.HasField(name):
                self.expression(getattr(statement, name), scope)

    def _limited(self, statement: Any, rows: float) -> float:
        if statement.HasField("limit_count"):
            limit = sizes.constant(statement.limit_count)
            if isinstance(limit, float):
                return min(rows, limit)
        return rows

    # WITH ----------------------------------------------------------------------------------------------------

    def _common_tables(
        self, statement: Any, outer: Scope | None, tables: dict[str, CommonTable]
    ) -> dict[str, CommonTable]:
        if not statement.HasField("with_clause"):
            return tables
        for item in statement.with_clause.ctes:
            table = item.common_table_expr
            if table.HasField("search_clause") or table.HasField("cycle_clause"):
                raise refuse("node", "SEARCH and CYCLE clauses are not allowed.")
            if table.ctequery.WhichOneof("node") != "select_stmt":
                raise refuse("write", "A WITH query may only read.")
            query, names = table.ctequery.select_stmt, [part.string.sval for part in table.aliascolnames]
            self.common_names.add(table.ctename)
            if statement.with_clause.recursive and tree.mentions(query, table.ctename):
                tables[table.ctename] = self._recursive(table.ctename, query, names, outer, tables)
            else:
                output = self.select(query, outer, tables)
                tables[table.ctename] = CommonTable(columns=renamed(output.columns, names), rows=output.rows)
        return tables

    def _recursive(
        self, name: str, query: Any, names: list[str], outer: Scope | None, tables: dict[str, CommonTable]
    ) -> CommonTable:
        if self._in_recursion:
            raise refuse("recursion", "A recursive query inside another one is not allowed.")
        if query.op != pb.SETOP_UNION or query.HasField("with_clause") or tree.mentions(query.larg, name):
            raise refuse("recursion", "A recursive query must be one UNION of a start and a recursive part.")
        self._check_clauses(query)
        start = self.select(query.larg, outer, tables)
        columns = renamed(start.columns, names)
        inside = dict(tables)
        inside[name] = CommonTable(columns=columns, rows=tree.MAX_RECURSIVE_ROWS, open_recursion=True)
        self._in_recursion += 1
        try:
            self.select(query.rarg, outer, inside)
        finally:
            self._in_recursion -= 1
        self._sort_and_limit(query, Scope(sources=[], outer=outer, tables=tables, outputs=dict(columns)))
        return CommonTable(columns=columns, rows=tree.MAX_RECURSIVE_ROWS, recursive=True)

    def _check_recursive_arm(self, scope: Scope, links: list[tuple[set[int], bool]]) -> None:
        own = {i for i, source in enumerate(scope.sources) if source.recursive}
        if not any(members & own for members, _ in links):
            raise refuse("recursion", "The recursive part needs a condition on the recursive rows, so that it ends.")

    # FROM ----------------------------------------------------------------------------------------------------

    def _from_item(self, item: Any, scope: Scope, links: list[tuple[set[int], bool]]) -> list[int]:
        which = item.WhichOneof("node")
        with self._deeper():
            if which == "range_var":
                return self._add(scope, self._relation(item, scope))
            if which == "join_expr":
                return self._join(item.join_expr, scope, links)
            if which == "range_table_sample":
                return self._sample(item.range_table_sample, scope)
            self._count_read()
            with self._collecting(scope) as used:
                if which == "range_subselect":
                    source = self._subselect(item.range_subselect, scope)
                elif which == "range_function":
                    source = self._row_function(item.range_function, scope)
                else:
                    raise refuse("node", f"{which} is not allowed in FROM.")
            added = self._add(scope, source)
            if used:
                links.append((used | set(added), False))
            return added

    def _add(self, scope: Scope, source: Source) -> list[int]:
        if any(other.name == source.name and other.name for other in scope.sources):
            raise refuse("column", f"The name {source.name!r} is used twice in one FROM; give each an alias.")
        scope.sources.append(source)
        return [len(scope.sources) - 1]

    def _count_read(self) -> None:
        self._reads += 1
        if self._reads > MAX_RELATIONS:
            raise refuse("relations", f"A statement may read at most {MAX_RELATIONS} relations.")

    def _relation(self, item: Any, scope: Scope) -> Source:
        node = item.range_var
        self._count_read()
        alias, names = tree.alias_of(node)
        if node.catalogname:
            raise refuse("relation", "Name relations as schema.name, without a database.")
        if not node.schemaname:
            return self._common(item, node, scope, alias or node.relname, names)
        name = f"{node.schemaname}.{node.relname}"
        relation = self._known.get(name)
        if relation is None:
            raise refuse("relation", f"The relation {name} may not be read.", hint=self._hint(name))
        self.relations.add(name)
        columns = {
            column: float(sizes.WIDE_BYTES if relation.is_wide(column) else sizes.NARROW_BYTES)
            for column in relation.columns
        }
        shown = renamed(list(columns.items()), names)
        qualified = "" if alias else name
        return Source(name=alias or node.relname, columns=shown, qualified=qualified, node=item, relation=relation)

    def _common(self, item: Any, node: Any, scope: Scope, alias: str, names: list[str]) -> Source:
        table = scope.tables.get(node.relname)
        if table is None:
            raise refuse(
                "relation",
                f"The relation {node.relname!r} is not known; name relations as schema.name.",
                hint=self._hint(node.relname),
            )
        if table.recursive:
            tree.cut_rows(item, node.relname, alias)
            self.functions |= tree.CUT_FUNCTIONS
        columns = renamed(list(table.columns.items()), names)
        return Source(name=alias, columns=columns, rows=table.rows, recursive=table.open_recursion)

    def _hint(self, name: str) -> str:
        last = name.rpartition(".")[2]
        close = [known for known in self._known if known.endswith("." + last)] or get_close_matches(
            name, list(self._known), n=2
        )
        return f"Did you mean {' or '.join(close)}?" if close else ""

    def _join(self, node: Any, scope: Scope, links: list[tuple[set[int], bool]]) -> list[int]:
        left = self._from_item(node.larg, scope, links)
        right = self._from_item(node.rarg, scope, links)
        both = set(left) | set(right)
        if node.is_natural:
            links.append((both, False))
        for part in node.using_clause:
            name = part.string.sval
            sides = [[i for i in side if name in scope.sources[i].columns] for side in (left, right)]
            if not all(sides):
                raise refuse("column", f"USING ({name}) needs the column {name!r} on both sides.")
            links.append(({sides[0][0], sides[1][0]}, False))
        if node.HasField("quals"):
            self._conditions(node.quals, scope, links)
        if node.HasField("alias") or node.HasField("join_using_alias"):
            raise refuse("node", "An alias for a whole join is not allowed; use a subquery.")
        return left + right

    def _sample(self, node: Any, scope: Scope) -> list[int]:
        if [part.string.sval for part in node.method] not in (["system"], ["bernoulli"]):
            raise refuse("function", "TABLESAMPLE allows only SYSTEM and BERNOULLI.")
        for argument in (*node.args, *([node.repeatable] if node.HasField("repeatable") else [])):
            if not isinstance(sizes.constant(argument), float):
                raise refuse("function", "TABLESAMPLE needs a constant percentage.")
        source = self._relation(node.relation, scope)
        source.node = None
        return self._add(scope, source)

    def _subselect(self, node: Any, scope: Scope) -> Source:
        inner = Scope(sources=scope.sources, outer=scope.outer, tables=scope.tables) if node.lateral else scope.outer
        output = self.select(node.subquery.select_stmt, inner, scope.tables)
        alias, names = tree.alias_of(node)
        return Source(name=alias, columns=renamed(output.columns, names), rows=output.rows)

    def _row_function(self, node: Any, scope: Scope) -> Source:
        if node.is_rowsfrom or len(node.functions) != 1:
            raise refuse("function", "ROWS FROM is not allowed.")
        call = node.functions[0].list.items[0]
        if call.WhichOneof("node") != "func_call":
            raise refuse("function", "Only functions that return rows are allowed in FROM.")
        name = call.func_call.funcname[-1].string.sval
        if name not in (RECORD_FUNCTIONS if node.coldeflist else ROW_FUNCTIONS):
            raise refuse("function", f"The function {name} is not allowed in FROM.")
        inner = Scope(sources=scope.sources, outer=scope.outer, tables=scope.tables)
        outside = self._series_rows
        size = self.expression(call, inner)
        self._series_rows = outside
        alias, names = tree.alias_of(node)
        for part in node.coldeflist:
            self._type(part.column_def.type_name)
            if part.column_def.HasField("coll_clause"):
                raise refuse("collation", "Columns of a definition list may not name a collation.")
        plain = [(part.column_def.colname, size) for part in node.coldeflist] or [
            (part or alias or name, size) for part in ROW_FUNCTIONS[name]
        ]
        if name == "unnest" and len(call.func_call.args) > 1:
            plain = [("unnest", size)] * len(call.func_call.args)
        if node.ordinality:
            plain.append(("ordinality", float(sizes.NARROW_BYTES)))
        rows = sizes.series_rows(list(call.func_call.args), self._known) if name == "generate_series" else 1_000.0
        return Source(name=alias or name, columns=renamed(plain, names), rows=rows or sizes.MAX_SERIES_ROWS)

    def _conditions(self, node: Any, scope: Scope, links: list[tuple[set[int], bool]]) -> None:
        if node.WhichOneof("node") == "bool_expr" and node.bool_expr.boolop == pb.AND_EXPR:
            for part in node.bool_expr.args:
                self._conditions(part, scope, links)
            return
        with self._collecting(scope) as used:
            self.expression(node, scope)
        equality = node.WhichOneof("node") == "a_expr" and [part.string.sval for part in node.a_expr.name] == ["="]
        if used:
            links.append((used, equality))

    def _joined_rows(self, scope: Scope, links: list[tuple[set[int], bool]]) -> float:
        """Estimate rows of the join: sources without a common condition multiply."""
        group = list(range(len(scope.sources)))
        rows = [source.rows for source in scope.sources]
        for members, equality in links:
            present = sorted(i for i in members if i < len(rows))
            if len(present) == 1:
                rows[present[0]] = min(rows[present[0]], sizes.FILTERED_ROWS if equality else sizes.TABLE_ROWS / 10)
            for other in present[1:]:
                old, new = group[other], group[present[0]]
                group = [new if label == old else label for label in group]
        product = 1.0
        for label in set(group):
            product *= max(rows[i] for i in range(len(rows)) if group[i] == label)
        if product > sizes.MAX_PRODUCT_ROWS:
            raise refuse("cross_join", "Relations are combined without a condition that joins them.")
        return product

    def _hide_other_columns(self, scope: Scope) -> None:
        for source in scope.sources:
            if source.whole and source.node is not None and source.relation is not None:
                tree.project(source)
