"""List what a statement may contain; everything else is refused."""

from __future__ import annotations


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Messages of the PostgreSQL grammar's tree.
GRAMMAR_NODES = _names("""
    SelectStmt ResTarget ColumnRef A_Const A_Star A_Expr FuncCall TypeCast TypeName SortBy RangeVar RangeSubselect
    RangeFunction RangeTableSample JoinExpr CommonTableExpr WithClause WindowDef SubLink CaseExpr CaseWhen CoalesceExpr
    MinMaxExpr NullTest BooleanTest BoolExpr A_ArrayExpr A_Indirection A_Indices GroupingSet GroupingFunc RowExpr Alias
    List String Integer Float Boolean SQLValueFunction NamedArgExpr ParamRef CollateClause ColumnDef
""")

OPERATORS = _names("""
    = <> != < > <= >= + - * / % ^ & | # ~ ~* !~ !~* ~~ ~~* !~~ !~~* || -> ->> #> #>> @> <@ ? ?| ?& && << >> @ |/
    ||/ @@ @? ^@ -|- &< &>
""") | {"BETWEEN", "NOT BETWEEN", "BETWEEN SYMMETRIC", "NOT BETWEEN SYMMETRIC"}

TYPES = _names("""
    int2 int4 int8 smallint integer int bigint numeric decimal float4 float8 float real text varchar bpchar char bool
    boolean date timestamp timestamptz time timetz interval json jsonb uuid bytea tsvector tsquery int4range int8range
    numrange daterange tsrange tstzrange
""")

# Those that every server has and that no one can define anew without naming a schema.
COLLATIONS = _names("C POSIX default ucs_basic und-x-icu en-x-icu")

_AGGREGATES = """
    avg count max min sum stddev stddev_pop stddev_samp variance var_pop var_samp corr covar_pop covar_samp regr_slope
    regr_intercept regr_r2 regr_count regr_avgx regr_avgy regr_sxx regr_syy regr_sxy bool_and bool_or every bit_and
    bit_or bit_xor range_agg array_agg string_agg json_agg jsonb_agg json_object_agg jsonb_object_agg mode
    percentile_cont percentile_disc any_value
"""
_WINDOW = """
    row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value
"""
_MATH = """
    abs ceil ceiling floor round trunc sign sqrt cbrt exp ln log log10 power pow mod div pi degrees radians sin cos tan
    cot asin acos atan atan2 sind cosd tand cotd asind acosd atand atan2d sinh cosh tanh asinh acosh atanh erf erfc gcd
    lcm width_bucket greatest least random scale trim_scale min_scale
"""
_TEXT = """
    lower upper initcap length char_length character_length octet_length bit_length substr substring left right trim
    btrim ltrim rtrim lpad rpad repeat reverse replace translate concat concat_ws format split_part position strpos
    starts_with ascii chr overlay normalize unistr regexp_replace regexp_match regexp_like regexp_count regexp_substr
    regexp_instr regexp_split_to_array like_escape similar_to_escape to_char to_number to_date to_timestamp to_hex
    quote_ident quote_literal quote_nullable encode decode md5 sha224 sha256 sha384 sha512
"""
_SEARCH = """
    to_tsvector to_tsquery plainto_tsquery phraseto_tsquery websearch_to_tsquery ts_rank ts_rank_cd numnode
"""
_TIME = """
    date_trunc date_part extract age date_bin make_date make_time make_timestamp make_timestamptz make_interval
    justify_days justify_hours justify_interval timezone isfinite now transaction_timestamp statement_timestamp
    clock_timestamp date overlaps
"""
_RANGES = """
    int4range int8range numrange daterange tsrange tstzrange isempty lower_inc upper_inc lower_inf upper_inf range_merge
"""
_JSON_AND_ARRAYS = """
    json_build_object jsonb_build_object json_build_array jsonb_build_array to_json to_jsonb row_to_json
    json_extract_path json_extract_path_text jsonb_extract_path jsonb_extract_path_text json_typeof jsonb_typeof
    json_array_length jsonb_array_length jsonb_pretty json_strip_nulls jsonb_strip_nulls json_object jsonb_object
    jsonb_set jsonb_insert jsonb_path_exists jsonb_path_match jsonb_path_query_first jsonb_path_query_array array_length
    array_upper array_lower array_ndims array_dims cardinality array_position array_positions array_to_string
    string_to_array array_remove array_replace array_append array_prepend array_cat trim_array array_to_json
"""
_CONDITIONS = "coalesce nullif num_nonnulls num_nulls row"

# Functions that return rows, with the names of their columns; an empty name means that of the alias or function.
ROW_FUNCTIONS: dict[str, tuple[str, ...]] = {
    "generate_series": ("",),
    "unnest": ("",),
    "regexp_split_to_table": ("",),
    "regexp_matches": ("",),
    "string_to_table": ("",),
    "json_array_elements": ("value",),
    "jsonb_array_elements": ("value",),
    "json_array_elements_text": ("value",),
    "jsonb_array_elements_text": ("value",),
    "json_object_keys": ("",),
    "jsonb_object_keys": ("",),
    "json_each": ("key", "value"),
    "jsonb_each": ("key", "value"),
    "json_each_text": ("key", "value"),
    "jsonb_each_text": ("key", "value"),
    "jsonb_path_query": ("",),
    "generate_subscripts": ("",),
}
# Their columns are those of the definition list behind them.
RECORD_FUNCTIONS = _names("json_to_record jsonb_to_record json_to_recordset jsonb_to_recordset")

FUNCTIONS = (
    _names(
        " ".join(
            (_AGGREGATES, _WINDOW, _MATH, _TEXT, _SEARCH, _TIME, _RANGES, _JSON_AND_ARRAYS, _CONDITIONS),
        )
    )
    | RECORD_FUNCTIONS
    | frozenset(ROW_FUNCTIONS)
)
# Functions and operators whose second argument is a jsonpath.
JSON_PATHS = _names("jsonb_path_exists jsonb_path_match jsonb_path_query jsonb_path_query_first jsonb_path_query_array")
JSON_PATH_OPERATORS = _names("@? @@")

# Aggregates whose value grows with the number of rows.
COLLECTORS = _names("array_agg string_agg json_agg jsonb_agg json_object_agg jsonb_object_agg range_agg")
# Aggregates that hold every value until the last one, whatever the length of their result.
SORTERS = _names("percentile_cont percentile_disc mode")
AGGREGATES = _names(_AGGREGATES)
