"""The order in which the files of tests are handed to the workers."""

from __future__ import annotations

# The files that take longest, longest first (`make test` shows its slowest). A worker works through a file alone: one
# that began last would keep the others waiting.
_FIRST = (
    "tests/local_stack/test_real_data.py",
    "tests/local_stack/test_demo_end_to_end.py",
    "tests/k8s/test_image.py",
    "tests/oracle/test_histories.py",
    "tests/spark_ingest/test_cli.py",
    "tests/spark_ingest/batch/test_histories.py",
    "tests/spark_ingest/batch/test_whole_sessions.py",
    "tests/spark_ingest/batch/test_changed_tables.py",
    "tests/spark_ingest/test_maintenance.py",
    "tests/snowpark_procs/test_roles.py",
    "tests/dbt/test_incremental_property.py",
    "tests/dbt/test_builds.py",
    "tests/spark_ingest/spark/test_jars.py",
    "tests/dbt/test_marts.py",
    "tests/snowpark_procs/test_flag.py",
    "tests/snowpark_procs/test_reflag.py",
    "tests/snowpark_procs/test_session_verdicts.py",
    "tests/local_stack/test_setup.py",
    "tests/spark_ingest/importing/test_bad_input.py",
    "tests/spark_ingest/batch/test_run.py",
    "tests/local_stack/test_endpoint_process.py",
    "tests/spark_ingest/test_s3_and_glue.py",
    "tests/spark_ingest/importing/test_examples.py",
    "tests/local_stack/test_clients.py",
)


def place(path: str) -> int:
    """Where a file (relative to the repository) comes; those with the same place stay in pytest's order."""
    return _FIRST.index(path) if path in _FIRST else len(_FIRST)
