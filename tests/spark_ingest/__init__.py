import pytest

pytest.register_assert_rewrite("tests.spark_ingest.checks")
