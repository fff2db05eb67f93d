"""Hold what CREATE PROCEDURE and CREATE FUNCTION say."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from local_stack.endpoint.language.types import SqlType, parse_type

# A package that handlers have without its being installed (python/telemetry.py), and the version that it is like.
OWN_PACKAGES = {"snowflake-telemetry-python": "0.8.0"}
RoutineKind = Literal["PROCEDURE", "FUNCTION"]


@dataclass(frozen=True)
class Parameter:
    """name as stored; type canonical (NUMBER(38,0)); default: a SQL expression, or None where there is none."""

    name: str
    type: str
    default: str | None = None

    @property
    def sql_type(self) -> SqlType:
        return parse_type(self.type)


@dataclass(frozen=True)
class Routine:
    """Hold a procedure or function.

    returns: the canonical type of a scalar, or '' for a table. columns: (name, type) of RETURNS TABLE(…); empty when
    the table's columns are only known at the call. handler: module.function, Class, or function of inline code.
    secrets: (name in code, full name of the secret). rights: OWNER | CALLER.
    """

    kind: RoutineKind
    name: str
    parameters: tuple[Parameter, ...]
    returns: str
    columns: tuple[tuple[str, str], ...] = ()
    language: str = "SQL"
    runtime_version: str = ""
    packages: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    handler: str = ""
    external_access_integrations: tuple[str, ...] = ()
    secrets: tuple[tuple[str, str], ...] = ()
    artifact_repository: str = ""
    comment: str = ""
    rights: str = "OWNER"
    body: str | None = None
    strict: bool = False
    secure: bool = False
    temporary: bool = False
    log_level: str = ""
    trace_level: str = ""
    owner: str = ""

    @property
    def is_table(self) -> bool:
        return not self.returns

    @property
    def argument_types(self) -> str:
        """Return the signature, as names in the registry carry it: (VARCHAR, NUMBER)."""
        return "(" + ", ".join(p.sql_type.family for p in self.parameters) + ")"

    @property
    def stored_name(self) -> str:
        return self.name + self.argument_types

    @property
    def signature(self) -> str:
        """Return the routine as SHOW lists it: LOAD_BATCH(VARCHAR) RETURN VARIANT; parameters with defaults as DEFAULT type."""
        arguments = ", ".join(
            ("DEFAULT " if p.default is not None else "") + p.sql_type.family for p in self.parameters
        )
        return f"{self.name}({arguments}) RETURN {self.declared_return}"

    @property
    def declared_return(self) -> str:
        if not self.is_table:
            return self.returns
        return "TABLE (" + ", ".join(f"{name} {kind}" for name, kind in self.columns) + ")"

    def to_document(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_document(document: dict[str, Any]) -> Routine:
        fields = dict(document)
        fields["parameters"] = tuple(Parameter(**p) for p in fields["parameters"])
        for name in ("columns", "secrets"):
            fields[name] = tuple((a, b) for a, b in fields[name])
        for name in ("packages", "imports", "external_access_integrations"):
            fields[name] = tuple(fields[name])
        return Routine(**fields)
