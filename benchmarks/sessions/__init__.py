"""Sessions from events: the requirement's job as written, ours, and DuckDB, on the same files and cores in one run."""
