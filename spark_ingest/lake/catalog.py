"""Opens the lake's tables with pyiceberg, whatever the catalog. Plans are made from metadata alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pyiceberg.catalog import load_catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.table import StaticTable
from pyiceberg.table import Table as IcebergTable

from spark_ingest.config import IngestConfig
from spark_ingest.errors import LakeError
from spark_ingest.lake.tables import Table

_UNKNOWN_TYPE = re.compile(r"Unsupported field type: '(\w+)'")
_METADATA = re.compile(r"v(\d+)(\.gz)?\.metadata\.json")


def open_table(config: IngestConfig, table: Table) -> IcebergTable:
    """A table at its current metadata. Raises LakeError when it does not exist or cannot be read."""
    name = f"{config.namespace}.{table.name}"
    try:
        if config.catalog_type == "hadoop":
            return StaticTable.from_metadata(_newest_metadata(config, table), _file_properties(config))
        return load_catalog("lake", **_catalog_properties(config)).load_table((config.namespace, table.name))
    except NoSuchTableError:
        raise LakeError(f"table {name} does not exist in {config.warehouse}; create it: spark_ingest create") from None
    except LakeError:
        raise
    except Exception as error:  # pyiceberg passes on whatever the catalog or the store raises
        if unknown := _UNKNOWN_TYPE.search(str(error)):
            raise LakeError(
                f"table {name} has a column of type '{unknown[1]}', which pyiceberg does not read"
            ) from error
        raise LakeError(f"table {name} cannot be read: {_first_line(error)}") from error


def _newest_metadata(config: IngestConfig, table: Table) -> str:
    """The newest metadata file of a hadoop table, which is in a folder (configurations of one on S3 are refused).

    Listed rather than read from version-hint.text: the hint may be one version behind after a killed writer, and the
    requirement's compressed metadata has a name that the hint does not tell.
    """
    folder = Path(config.warehouse, config.namespace, table.name, "metadata")
    found = [(int(match[1]), path) for path in folder.glob("v*.json") if (match := _METADATA.fullmatch(path.name))]
    if not found:
        raise LakeError(
            f"table {config.namespace}.{table.name} does not exist in {config.warehouse}; create it: spark_ingest create"
        )
    return str(max(found)[1])


def _file_properties(config: IngestConfig) -> dict[str, str]:
    properties = {}
    if config.s3_endpoint:
        properties["s3.endpoint"] = config.s3_endpoint
    if config.s3_region:
        properties["s3.region"] = config.s3_region
    return properties


def _catalog_properties(config: IngestConfig) -> dict[str, Any]:
    properties = {"type": config.catalog_type, "warehouse": config.catalog_warehouse or config.warehouse}
    properties |= _file_properties(config)
    if config.catalog_uri:
        properties["glue.endpoint" if config.catalog_type == "glue" else "uri"] = config.catalog_uri
    if config.catalog_type == "glue" and config.s3_region:
        properties["glue.region"] = config.s3_region
    return properties


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
