"""The rewrites that Snowpark's generated SQL needs, in the order in which they run."""

from __future__ import annotations

from local_stack.endpoint.rewrites.context import Rewrite
from local_stack.endpoint.rewrites.snowpark_generator import generator
from local_stack.endpoint.rewrites.snowpark_positions import named_values, positional_columns

SNOWPARK_BEFORE: tuple[Rewrite, ...] = (generator, named_values, positional_columns)
SNOWPARK_AFTER: tuple[Rewrite, ...] = ()
