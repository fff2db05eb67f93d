"""Remember what names mean in Spark's JVM.

For every `F.col(…)` PySpark asks the JVM anew what `functions` is, and the JVM looks for it in each package that PySpark
imports, in each of 250 jars, and then copies the list of that class's methods: a sixth of the time of a small batch.
"""

from __future__ import annotations

from typing import Any

from py4j.java_gateway import JavaClass, JavaMember, JavaPackage, JVMView
from pyspark import SparkContext
from pyspark.sql import SparkSession


def remember_names(session: SparkSession) -> None:
    """Let PySpark ask the JVM of a session once for each package, class and static method.

    Jars that are added later bring no class of a name that was asked for before.
    """
    view = SparkContext._jvm
    if view is not None and not isinstance(view, _View):
        SparkContext._jvm = session._jvm = _View(view)


class _Remembering:
    """Keep packages, classes and static methods as attributes: __getattr__ is not called for them again."""

    def __getattr__(self, name: str) -> Any:
        found = super().__getattr__(name)  # type: ignore[misc]
        if isinstance(found, JavaPackage):
            found = _Package(found._fqn, found._gateway_client, found._jvm_id)
        elif isinstance(found, JavaClass):
            found = _Class(found._fqn, found._gateway_client)
        elif not isinstance(found, JavaMember):
            return found  # a static field's value, which may change
        setattr(self, name, found)
        return found


class _View(_Remembering, JVMView):  # type: ignore[misc]
    def __init__(self, view: JVMView) -> None:
        self.__dict__.update(view.__dict__)


class _Package(_Remembering, JavaPackage):  # type: ignore[misc]
    pass


class _Class(_Remembering, JavaClass):  # type: ignore[misc]
    pass
