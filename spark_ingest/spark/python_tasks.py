"""Functions that Spark's Python workers run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Task = Callable[[Iterable[Any]], Iterable[Any]]


def without_jars(task: Task) -> Task:
    """Return a task that first takes Spark's own jar off its worker's path, where Spark has put it.

    Before each task PySpark lets Python forget where modules are, and Python up to 3.12 reads the list of the jar's five
    thousand files anew then: forty milliseconds. There is no Python module in it.
    Defined within another one it travels by value, so that workers need no package of ours.
    See: https://github.com/apache/spark/blob/v3.5.0/core/src/main/scala/org/apache/spark/api/python/PythonUtils.scala
    """

    def run(batches: Iterable[Any]) -> Iterable[Any]:
        import sys

        for path in [path for path in sys.path if path.endswith(".jar")]:
            sys.path.remove(path)
            sys.path_importer_cache.pop(path, None)
        return task(batches)

    return run
