"""PySpark asks the JVM once what a name means, and every time for a value."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark import SparkContext
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from spark_ingest.spark.jvm_names import remember_names


@pytest.fixture
def asked(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the JVM is asked about names."""
    view: Any = SparkContext._jvm
    client = view._gateway_client
    send, names = client.send_command, list[str]()

    def note(command: str, *arguments: Any, **options: Any) -> Any:
        if command.startswith("r\n"):  # py4j's reflection
            names.append(command)
        return send(command, *arguments, **options)

    monkeypatch.setattr(client, "send_command", note)
    return names


def test_functions_are_asked_for_once(asked: list[str]) -> None:
    F.col("a"), F.sum("a"), F.col("a").isin("b")
    asked.clear()
    F.col("b"), F.sum("b"), F.col("b").isin("c")
    assert asked == []


def test_packages_are_asked_for_once_and_static_fields_are_read_anew(asked: list[str]) -> None:
    jvm: Any = SparkContext._jvm
    assert jvm.java.lang.Integer.MAX_VALUE == 2**31 - 1
    asked.clear()
    assert jvm.java.lang.Integer.MAX_VALUE == 2**31 - 1
    assert len(asked) == 1
    assert jvm.java.util.ArrayList().size() == 0


def test_what_remembers_is_kept(spark: SparkSession) -> None:
    before = SparkContext._jvm
    remember_names(spark)
    assert SparkContext._jvm is before
    assert spark.newSession()._jvm is before
