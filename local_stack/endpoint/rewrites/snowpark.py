"""The rewrites that Snowpark's generated SQL needs, in the order in which they run."""

from __future__ import annotations

from local_stack.endpoint.rewrites.context import Rewrite
from local_stack.endpoint.rewrites.snowpark_flatten import flatten
from local_stack.endpoint.rewrites.snowpark_functions import functions
from local_stack.endpoint.rewrites.snowpark_generator import generator
from local_stack.endpoint.rewrites.snowpark_pivots import pivots
from local_stack.endpoint.rewrites.snowpark_positions import named_values, plain_tables, positional_columns
from local_stack.endpoint.rewrites.snowpark_samples import samples

SNOWPARK_BEFORE: tuple[Rewrite, ...] = (
    plain_tables,
    pivots,
    generator,
    flatten,
    named_values,
    positional_columns,
    samples,
    functions,
)
SNOWPARK_AFTER: tuple[Rewrite, ...] = ()
