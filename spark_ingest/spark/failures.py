"""Turns what Spark raises into one sentence that names the file or the cause."""

from __future__ import annotations

import re

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.errors import PySparkException, PythonException

SPARK_ERRORS = (PySparkException, Py4JError)
_FILE = re.compile(
    r"(?:s3[an]?://|file:/+|/)[^\s,'\"()\[\]]+\.(?:parquet|avro|csv|tsv|txt|jsonl?|ndjson|gz|metadata\.json)"
)
_CLASS = re.compile(r"^(?:[a-z_$][\w$]*\.)+([A-Z][\w$]*)(?:: )?")


def last_line(error: BaseException) -> str:
    """What a Python worker raised, without its stack trace: the last line that is not indented."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line[0].isspace()]
    return lines[-1] if lines else type(error).__name__


def sentence(error: BaseException) -> str:
    """The innermost cause of an error in one line, with the file that it is about where one is named."""
    if isinstance(error, PythonException):
        return last_line(error)
    texts = _texts(error)
    cause = next((text for text in reversed(texts) if text), type(error).__name__)
    if "OutOfMemoryError" in cause or "Answer from Java side is empty" in cause:
        return "Spark ran out of memory or was killed; give it more (driver_memory)"
    file = next((match.group(0) for text in reversed(texts) if (match := _FILE.search(text))), None)
    plain = _CLASS.sub(lambda match: "" if match.end() < len(cause) else match.group(1), cause)
    return f"{file}: {plain}" if file and file not in plain else plain


def _texts(error: BaseException) -> list[str]:
    """First lines of an error and its causes, outermost first."""
    if isinstance(error, Py4JJavaError):
        found: list[str] = []
        cause = error.java_exception
        while cause is not None and len(found) < 50:
            found.append(_first_line(str(cause.toString())))
            cause = cause.getCause()
        return found
    lines = [line.strip() for line in str(error).splitlines()]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    return [_first_line(str(error)), *causes]


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
