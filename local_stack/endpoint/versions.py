"""Check at start that other packages still have what we rely on beyond their promises: private names, templates, texts.

A version that no longer has one of them fails here, with a sentence, and not in the middle of somebody's statement. The
sources are read as text, before anything of them is imported: Snowpark alone takes seconds to import.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

Source = Callable[[str, str], str]


@dataclass(frozen=True)
class Need:
    """Need a text in a package. package: the distribution. file: below where packages are installed. text: what stands there.
    use: what of ours relies on it."""

    package: str
    file: str
    text: str
    use: str


class MissingNeeds(Exception):
    """Report that the endpoint does not work with an installed package. The message is for people."""


def _needs(package: str, file: str, use: str, *texts: str) -> list[Need]:
    return [Need(package, file, text, use) for text in texts]


_FAKESNOW, _CONNECTOR, _SNOWPARK = "fakesnow", "snowflake-connector-python", "snowflake-snowpark-python"
# What translation/fakesnow.py names; it cannot be imported where one is missing.
_TRANSFORMS = re.findall(
    r"\bfs\.(\w+)", (Path(__file__).parent / "translation" / "fakesnow.py").read_text(encoding="utf-8")
)

NEEDS: tuple[Need, ...] = (
    *_needs(
        _FAKESNOW, "fakesnow/transforms/__init__.py", "translation/fakesnow.py",
        *(f"    {name} as {name},\n" for name in _TRANSFORMS),
    ),
    *_needs(
        _FAKESNOW, "fakesnow/transforms/__init__.py", "translation/definitions.py and protocol/http.py",
        "    insert_overwrite as insert_overwrite,\n", "    SERVER_VERSION as SERVER_VERSION,\n",
    ),
    *_needs(
        _FAKESNOW, "fakesnow/transforms/transforms.py", "translation/execution.py",
        'expression.args["seed"] =',
    ),
    *_needs(_FAKESNOW, "fakesnow/instance.py", "engine/engine.py", 'GLOBAL_DATABASE_NAME = "_fs_global"'),
    *_needs(
        _FAKESNOW, "fakesnow/info_schema.py", "engine/engine.py",
        "def per_db_creation_sql(catalog: str)", "def fs_global_creation_sql()", "create view if not exists ${catalog}.",
        "_fs_information_schema._fs_tables AS", "_fs_information_schema._fs_schemata AS", "_fs_information_schema.databases AS",
        "_fs_information_schema._fs_views AS",
    ),
    *_needs(
        _FAKESNOW, "fakesnow/info_schema.py", "engine/load_history.py",
        "_fs_information_schema._fs_load_history",
    ),
    *_needs(
        _FAKESNOW, "fakesnow/macros.py", "engine/engine.py",
        "def creation_sql(catalog: str)", "CREATE OR REPLACE MACRO ${catalog}._fs_",
    ),
    *_needs(
        _FAKESNOW, "fakesnow/statement_type.py", "chain.py and protocol/wire.py",
        "def statement_type_id(", "DML_TYPE_IDS = ", "INSERT = ",
    ),
    *_needs(
        _CONNECTOR, "snowflake/connector/connection.py", "features/procedures/python/worker.py",
        "self._file_operation_parser = ", "self._stream_downloader = ", '"session_token": (', '"master_token": (',
    ),
    *_needs(
        _CONNECTOR, "snowflake/connector/cursor.py", "features/procedures/python/sandbox.py",
        "self.connection._file_operation_parser.parse_file_operation(",
        "self.connection._stream_downloader.download_as_stream(ret, decompress)",
        "def _execute_helper(", "def _create_file_transfer_agent(", "def _upload_stream(",
    ),
    *_needs(
        _CONNECTOR, "snowflake/connector/direct_file_operation_utils.py", "features/procedures/python/sandbox.py",
        "        stage_location,\n        local_file_name,\n        target_directory,\n        command_type,\n        options,\n"
        "        has_source_from_stream=False,\n",
    ),
    *_needs(
        _SNOWPARK, "snowflake/snowpark/_internal/utils.py", "features/procedures/python/worker.py", 'PLATFORM == "XP"',
    ),
    *_needs(_SNOWPARK, "snowflake/snowpark/dataframe.py", "features/procedures/python/worker.py", "self._plan = "),
    *_needs(
        _SNOWPARK, "snowflake/snowpark/_internal/analyzer/snowflake_plan.py", "features/procedures/python/worker.py",
        "self.queries = ",
    ),
    *_needs(
        _SNOWPARK, "snowflake/snowpark/secrets.py", "features/procedures/python/sandbox.py",
        "import _snowflake", "._snowflake.get_generic_secret_string(", "._snowflake.get_username_password(",
        "._snowflake.get_oauth_access_token(", "._snowflake.get_secret_type(",
    ),
)  # fmt: skip


@cache
def _installed(package: str, file: str) -> str:
    """Return a source; an empty one where the package has no such file."""
    path = Path(str(distribution(package).locate_file(file)))
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def require(source: Source = _installed) -> None:
    """Raise MissingNeeds where an installed package lacks something. source: reads a file of a package."""
    if sentences := list(_missing(source)):
        raise MissingNeeds("\n".join(sentences))


def _missing(source: Source) -> Iterator[str]:
    for need in NEEDS:
        if need.text not in source(need.package, need.file):
            version = distribution(need.package).version
            yield (
                f"{need.package} {version} lacks `{' '.join(need.text.split())}` in {need.file}, on which {need.use} relies: "
                "the local endpoint works with the versions of pyproject.toml."
            )
