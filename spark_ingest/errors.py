"""The exception tree of the Spark job. Everything that a user can cause or cure is an IngestError with one sentence.

IngestError
├── SetupError       no Java, or Spark's jars cannot be fetched or are not the locked ones (exit code 6)
├── ConfigError      a key, value or file of the configuration                       (exit code 2)
├── InputError       a file to import or append cannot be read or has the wrong shape (exit code 2)
│   └── MappingError a mapping lacks a column, yields a wrong type, or is no SELECT   (exit code 2)
├── LakeError        a table does not exist, lacks a column, or a file of it is bad   (exit code 4)
├── LandingError     the landing cannot be read or written, or holds a bad manifest   (exit code 5)
└── RunConflict      another run works on the same landing                            (exit code 3)

Exit code 0: done, or nothing new to do. Exit code 1: anything that is not in this tree (a defect: `--debug` shows it).
"""

from __future__ import annotations


class IngestError(Exception):
    """Base of all errors that the command line reports in one sentence, without a stack trace."""

    exit_code = 1


class SetupError(IngestError):
    """What Spark runs on is not there and cannot be fetched; the message says why and what to do."""

    exit_code = 6


class ConfigError(IngestError):
    """The configuration is wrong; the message names the key."""

    exit_code = 2


class InputError(IngestError):
    """A file to import or append cannot be used; the message names the file and the column."""

    exit_code = 2


class MappingError(InputError):
    """A mapping's SELECT cannot be used; the message names its file and the column."""


class LakeError(IngestError):
    """A table of the lake cannot be used; the message names the table, column or file."""

    exit_code = 4


class LandingError(IngestError):
    """The landing cannot be used; the message names the path."""

    exit_code = 5


class RunConflict(IngestError):
    """Another run holds the landing or has published first."""

    exit_code = 3
