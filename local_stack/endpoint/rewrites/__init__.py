"""The rewrites: small functions from Snowflake's syntax tree to one that fakesnow (or DuckDB) understands.

A rewrite is `(expression, context) -> expression` over a whole statement. BEFORE run on Snowflake's tree as parsed, ahead
of fakesnow's transforms; AFTER run on their result, ahead of DuckDB. To add one: write a module here with the function,
put it in a list below, test it as SQL -> SQL and by behaviour (tests/endpoint/test_rewrite_<name>.py).
"""

from __future__ import annotations

from sqlglot import Expr

from local_stack.endpoint.rewrites import exact_numbers
from local_stack.endpoint.rewrites.casts import casts
from local_stack.endpoint.rewrites.column_lists import column_lists
from local_stack.endpoint.rewrites.context import Context, Rewrite
from local_stack.endpoint.rewrites.counts import counts
from local_stack.endpoint.rewrites.create_table_as import create_table_as
from local_stack.endpoint.rewrites.formats import formats
from local_stack.endpoint.rewrites.function_names import function_names
from local_stack.endpoint.rewrites.identifier_calls import identifier_calls
from local_stack.endpoint.rewrites.input_formats import input_formats
from local_stack.endpoint.rewrites.joins import joins
from local_stack.endpoint.rewrites.query_results import query_results
from local_stack.endpoint.rewrites.reserved_words import reserved_words
from local_stack.endpoint.rewrites.session_functions import session_functions
from local_stack.endpoint.rewrites.snowpark import SNOWPARK_AFTER, SNOWPARK_BEFORE
from local_stack.endpoint.rewrites.split_tables import split_tables
from local_stack.endpoint.rewrites.strictness import strictness
from local_stack.endpoint.rewrites.table_events import table_events
from local_stack.endpoint.rewrites.temporary_tables import temporary_tables
from local_stack.endpoint.rewrites.try_casts import try_casts
from local_stack.endpoint.rewrites.variants import variants
from local_stack.endpoint.rewrites.windows import windows
from local_stack.endpoint.stages.infer_schema import infer_schema
from local_stack.endpoint.stages.staged_query import staged_files

__all__ = ["AFTER", "BEFORE", "Context", "Rewrite", "apply"]

BEFORE: list[Rewrite] = [
    identifier_calls,
    strictness,
    column_lists,
    staged_files,
    infer_schema,
    session_functions,
    query_results,
    table_events,
    temporary_tables,
    create_table_as,
    function_names,
    formats,
    variants,
    input_formats,
    try_casts,
    joins,
    windows,
    split_tables,
    *SNOWPARK_BEFORE,
    exact_numbers.before,
]
AFTER: list[Rewrite] = [exact_numbers.after, casts, *SNOWPARK_AFTER, counts, reserved_words]


def apply(rewrites: list[Rewrite], expression: Expr, context: Context) -> Expr:
    """Run rewrites in order."""
    for rewrite in rewrites:
        expression = rewrite(expression, context)
    return expression
