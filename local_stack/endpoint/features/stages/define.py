"""Answer CREATE, ALTER, DROP, DESCRIBE and SHOW of stages and file formats."""

from __future__ import annotations

import json
import shutil
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from local_stack.endpoint.errors import missing_object
from local_stack.endpoint.features.show import Scope, read_filters
from local_stack.endpoint.features.stages import objects
from local_stack.endpoint.features.stages.csv_dialect import csv_dialect
from local_stack.endpoint.features.stages.formats import FileFormat, file_format, read_options
from local_stack.endpoint.features.stages.location import split_url
from local_stack.endpoint.features.stages.objects import FILE_FORMAT, STAGE
from local_stack.endpoint.features.stages.text_values import input_formats
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.language.tokens import leading_words
from local_stack.endpoint.statements import Column, Result, SqlError, Statement

if TYPE_CHECKING:
    from local_stack.endpoint.engine.catalog import StoredObject
    from local_stack.endpoint.session import Session

_STAGE_PROPERTIES = {
    "URL", "STORAGE_INTEGRATION", "CREDENTIALS", "ENCRYPTION", "FILE_FORMAT", "COPY_OPTIONS", "DIRECTORY", "COMMENT",
    "USE_PRIVATELINK_ENDPOINT",
}  # fmt: skip
_KINDS = {("STAGE",): STAGE, ("FILE", "FORMAT"): FILE_FORMAT}
_PREFIXES = {"OR", "REPLACE", "ALTER", "TEMP", "TEMPORARY", "SCOPED", "VOLATILE"}


class StageDefinitions:
    """Answer CREATE, ALTER, DROP, DESCRIBE and SHOW of stages and file formats."""

    def handle(self, statement: Statement, session: Session) -> Result | None:
        words = leading_words(statement.text, 8)
        if not words or words[0] not in ("CREATE", "ALTER", "DROP", "SHOW", "DESC", "DESCRIBE"):
            return None
        after = [word for word in words[1:] if word not in _PREFIXES]
        kind = STAGE if after[:1] in (["STAGE"], ["STAGES"]) else None
        kind = FILE_FORMAT if after[:2] in (["FILE", "FORMAT"], ["FILE", "FORMATS"]) else kind
        if kind is None:
            return None
        reader = Reader(statement.text.rstrip().rstrip(";"))
        verb = reader.next().upper
        action = {"CREATE": _create, "ALTER": _alter, "DROP": _drop, "SHOW": _show}.get(verb, _describe)
        if verb in ("CREATE", "ALTER", "DROP") and not statement.describe_only:
            with session.lock:
                session.transaction.commit()
        return action(reader, kind, session)


def _object_name(reader: Reader, session: Session) -> SchemaName:
    return session.resolve(reader.name())


def _create(reader: Reader, kind: str, session: Session) -> Result:
    replace = alter = temporary = False
    while word := reader.accept_any(*_PREFIXES):
        replace, alter = replace or word == "REPLACE", alter or word == "ALTER"
        temporary = temporary or word in ("TEMP", "TEMPORARY", "VOLATILE")
    reader.expect(*kind.split())
    if_missing = reader.accept("IF", "NOT", "EXISTS")
    name = _object_name(reader, session)
    options = read_options(reader)
    reader.expect_end()
    session.require_schema(name)
    existing = objects.exists(session, kind, name, temporary)
    label = "Stage area" if kind == STAGE else "File format"
    if existing and if_missing:
        return Result.existed(name.name)
    definition = _definition(kind, options, session)
    if existing and replace and kind == STAGE and not existing.definition.get("url"):
        shutil.rmtree(objects.folder(session, existing), ignore_errors=True)
    if existing and alter and kind == STAGE and bool(existing.definition.get("url")) != bool(definition.get("url")):
        raise SqlError("SQL compilation error:\nA stage cannot change between internal and external.", 1420, "22023")
    objects.put(session, kind, name, definition, temporary, replace or alter)
    return Result.created(label, name.name)


def _definition(kind: str, options: dict[str, Any], session: Session) -> dict[str, Any]:
    comment = str(options.pop("COMMENT", ""))
    if kind == FILE_FORMAT:
        form = _checked_format(session, options)
        return {"type": form.type, "options": {"TYPE": form.type, **form.options}, "comment": comment}
    for name in options:
        if name not in _STAGE_PROPERTIES:
            raise SqlError(f"SQL compilation error:\ninvalid property '{name}' for 'STAGE'", 1422, "22023")
    url = str(options.get("URL", ""))
    if url:
        split_url(url)
    if options.get("STORAGE_INTEGRATION") and not url:
        raise SqlError("SQL compilation error:\nSTORAGE_INTEGRATION needs a URL.", 1420, "22023")
    if integration := options.get("STORAGE_INTEGRATION"):
        _require_allowed(url, str(integration).upper(), session)
    default_format = options.get("FILE_FORMAT") or {}
    if isinstance(default_format, str):
        default_format = {"FORMAT_NAME": default_format}
    _checked_format(session, default_format)
    directory = options.get("DIRECTORY") or {}
    return {
        "url": url,
        "storage_integration": options.get("STORAGE_INTEGRATION"),
        "file_format": default_format,
        "directory": bool(directory.get("ENABLE", False)) if isinstance(directory, dict) else False,
        "comment": comment,
    }


def _require_allowed(url: str, name: str, session: Session) -> None:
    """Raise SqlError where there is no such storage integration, or it does not allow the location.

    See: https://docs.snowflake.com/en/sql-reference/sql/create-storage-integration
    """
    stored = session.catalog.get("INTEGRATION", "", "", name)
    if stored is None or stored.definition["type"] != "STORAGE":
        raise missing_object("Integration", name)
    values = stored.definition["properties"]
    if not values["ENABLED"]:
        raise SqlError(f"SQL compilation error:\nIntegration '{name}' is not enabled.", 3141, "22023")
    blocked = any(_covers(one, url) for one in values.get("STORAGE_BLOCKED_LOCATIONS") or ())
    if blocked or not any(_covers(one, url) for one in values["STORAGE_ALLOWED_LOCATIONS"]):
        raise SqlError(
            f"SQL execution error: Location '{url}' is not allowed by integration '{name}'. Please use DESC INTEGRATION to check "
            "out allowed and blocked locations.",
            3140,
            "22023",
        )


def _covers(location: str, url: str) -> bool:
    return location == "*" or f"{url.rstrip('/')}/".startswith(f"{location.rstrip('/')}/")


def _checked_format(session: Session, options: dict[str, Any]) -> FileFormat:
    """Return the format that the options define. Raises SqlError for every value that Snowflake refuses."""
    form = file_format(session, options)
    if form.type == "CSV":
        csv_dialect(form)
    input_formats(session, form)
    return form


def _alter(reader: Reader, kind: str, session: Session) -> Result:
    reader.expect(*kind.split())
    if_exists = reader.accept("IF", "EXISTS")
    name = _object_name(reader, session)
    stored = objects.find(session, kind, name)
    if stored is None:
        if if_exists:
            return Result.succeeded()
        raise missing_object(kind, str(name))
    if reader.accept("REFRESH"):
        reader.rest()
        return Result.succeeded()
    if reader.accept("RENAME", "TO"):
        target = _object_name(reader, session)
        reader.expect_end()
        objects.put(session, kind, target, dict(stored.definition), objects.is_temporary(stored), replace=False)
        renamed = objects.find(session, kind, target)
        folder = objects.folder(session, stored)
        if kind == STAGE and folder.exists() and renamed is not None:
            new_folder = objects.folder(session, renamed)
            new_folder.parent.mkdir(parents=True, exist_ok=True)
            folder.rename(new_folder)
        objects.drop(session, kind, name)
        return Result.succeeded()
    reader.expect("SET")
    options = read_options(reader)
    reader.expect_end()
    held = {"URL": stored.definition.get("url"), "STORAGE_INTEGRATION": stored.definition.get("storage_integration")}
    changes = _definition(kind, {**{name: value for name, value in held.items() if value}, **options}, session)
    given = {"URL": "url", "STORAGE_INTEGRATION": "storage_integration", "FILE_FORMAT": "file_format"}
    merged = dict(stored.definition)
    if kind == FILE_FORMAT:
        merged["options"] = {**stored.definition["options"], **{k: v for k, v in options.items() if k != "COMMENT"}}
    merged.update({field: changes[field] for option, field in given.items() if option in options})
    if "COMMENT" in options:
        merged["comment"] = str(options["COMMENT"])
    objects.update(session, stored, merged)
    return Result.succeeded()


def _drop(reader: Reader, kind: str, session: Session) -> Result:
    reader.expect(*kind.split())
    if_exists = reader.accept("IF", "EXISTS")
    name = _object_name(reader, session)
    reader.expect_end()
    if not objects.drop(session, kind, name):
        if if_exists:
            return Result.was_dropped(name.name)
        raise missing_object(kind, str(name))
    return Result.dropped(name.name)


def _show(reader: Reader, kind: str, session: Session) -> Result:
    reader.accept_any("TERSE")
    reader.next()
    if kind == FILE_FORMAT:
        reader.next()
    scope = Scope.read(reader, session)
    found = objects.visible(session, kind, scope.database, scope.schema)
    row = _stage_row if kind == STAGE else _format_row
    rows = [row(stored, session.grants.owner(kind, stored.full_name)[1]) for stored in found]
    filters = scope.filters or read_filters(reader)
    columns = _STAGE_COLUMNS if kind == STAGE else _FORMAT_COLUMNS
    return Result(columns, filters.apply(rows, itemgetter(1)))


_STAGE_COLUMNS = (
    Column("created_on", "TIMESTAMP_LTZ"),
    *(
        Column(name)
        for name in (
            "name", "database_name", "schema_name", "url", "has_credentials", "has_encryption_key", "owner", "comment",
            "region", "type", "cloud", "notification_channel", "storage_integration", "endpoint", "owner_role_type",
            "directory_enabled",
        )
    ),
)  # fmt: skip
_FORMAT_COLUMNS = (
    Column("created_on", "TIMESTAMP_LTZ"),
    *(
        Column(name)
        for name in (
            "name", "database_name", "schema_name", "type", "owner", "comment", "format_options", "owner_role_type",
        )
    ),
)  # fmt: skip


def _stage_row(stored: StoredObject, owner: str) -> list[Any]:
    d = stored.definition
    kind = "EXTERNAL" if d["url"] else "INTERNAL"
    return [
        stored.created_on, stored.name, stored.database, stored.schema, d["url"], "N", "N", owner, d["comment"],
        None, kind + (" TEMPORARY" if d.get("temporary") else ""), "AWS" if d["url"] else None, None,
        d["storage_integration"], None, "ROLE", "Y" if d["directory"] else "N",
    ]  # fmt: skip


def _format_row(stored: StoredObject, owner: str) -> list[Any]:
    d = stored.definition
    return [
        stored.created_on, stored.name, stored.database, stored.schema, d["type"], owner, d["comment"],
        json.dumps(d["options"]), "ROLE",
    ]  # fmt: skip


def _describe(reader: Reader, kind: str, session: Session) -> Result:
    reader.expect(*kind.split())
    name = _object_name(reader, session)
    reader.expect_end()
    stored = objects.find(session, kind, name)
    if stored is None:
        raise missing_object(kind, str(name))
    names = ("property", "property_type", "property_value", "property_default")
    if kind == FILE_FORMAT:
        form = FileFormat(
            stored.definition["type"], {k: v for k, v in stored.definition["options"].items() if k != "TYPE"}
        )
        rows = [["TYPE", "String", form.type, "CSV"], *([k, "String", str(v), ""] for k, v in form.options.items())]
        return Result(tuple(Column(n) for n in names), rows)
    d = stored.definition
    rows = [
        ["STAGE_LOCATION", "URL", "String", json.dumps([d["url"]] if d["url"] else []), ""],
        ["STAGE_INTEGRATION", "STORAGE_INTEGRATION", "String", d["storage_integration"], ""],
        ["DIRECTORY", "ENABLE", "Boolean", str(d["directory"]).lower(), "false"],
        *(["STAGE_FILE_FORMAT", k, "String", str(v), ""] for k, v in d["file_format"].items()),
    ]
    return Result((Column("parent_property"), *(Column(n) for n in names)), rows)
