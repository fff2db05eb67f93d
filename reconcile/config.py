"""Configuration of the commands: `[reconcile]` of pipeline.toml, overlaid by the environment (RECONCILE_<KEY>)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from reconcile.errors import ConfigError

ENVIRONMENT_PREFIX = "RECONCILE_"
DEFAULT_FILE = "pipeline.toml"
_FILE_VARIABLE = f"{ENVIRONMENT_PREFIX}CONFIG"
_TABLE = re.compile(r"\A[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?\Z", re.ASCII)
_USER = re.compile(r"\A((?:[\w+.-]+:)*//)?((?:(?!:|%3a).)*)((?::|%3a).*)?@([^@]*)\Z", re.DOTALL | re.IGNORECASE)
_PARAMETER = re.compile(r"[?&;#/]([^?&;=#/]*?)(?:=|%3d)", re.IGNORECASE)
_SECRET_NAME = re.compile(r"pass|pwd|secret|token|key", re.IGNORECASE)
_SECRETS = ("clickhouse_url", "clickhouse_password")
_URL_SCHEMES = ("chdb", "clickhouse", "clickhouses", "http", "https")


@dataclass(frozen=True)
class ReconcileConfig:
    """Where the speed layer and the landing are.

    clickhouse_url: http(s)://host:port/database, or chdb://<folder> for the embedded engine.
    clickhouse_user, clickhouse_password: instead of a user and password inside the URL (`//user:password@` or parameters).
    landing: a folder, or s3://bucket/prefix. s3_endpoint, s3_region: for an S3 other than AWS's.
    speed_table: table of the speed layer's sessions, optionally `database.table`. speed_select: a SELECT in its place.
    columns: our columns that the table names or types otherwise, each as an expression of ClickHouse over its columns.
    attempts, retry_pause_seconds: how often what may pass by itself is tried, and the first pause; each later one is twice that.
    keep_days: older snapshots that are not their day's newest are removed from the landing; 0: none ever.
    metrics: where the extraction tells Prometheus how it went: the URL of a pushgateway, or a folder for files; None: nowhere.
    """

    clickhouse_url: str = field(repr=False)
    landing: str
    speed_table: str = "user_sessions_realtime"
    speed_select: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    clickhouse_user: str | None = None
    clickhouse_password: str | None = field(default=None, repr=False)
    connect_timeout_seconds: int = 10
    read_timeout_seconds: int = 300
    attempts: int = 4
    retry_pause_seconds: int = 2
    keep_days: int = 7
    s3_endpoint: str | None = None
    s3_region: str | None = None
    metrics: str | None = None

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.clickhouse_url)
        except ValueError:  # a bracket where no IPv6 address is; the reason that is told may quote the password
            raise ConfigError(
                f"clickhouse_url {redact(self.clickhouse_url)!r} is no URL; a '[' or ']' in a user or password is written as"
                " %5B or %5D"
            ) from None
        if parts.scheme not in _URL_SCHEMES:
            raise ConfigError(
                f"clickhouse_url {redact(self.clickhouse_url)!r} must begin with one of "
                + ", ".join(f"{scheme}://" for scheme in _URL_SCHEMES)
            )
        try:
            _ = parts.port
        except ValueError:
            raise ConfigError(
                f"clickhouse_url {redact(self.clickhouse_url)!r} has a port that is no number; a '/', '?' or '#' in a user or"
                " password is written as %2F, %3F or %23"
            ) from None
        if any(redact(f"/{part}") != f"/{part}" for part in (parts.path, parts.fragment)):
            # it would be part of the database's name, which errors quote
            raise ConfigError(
                f"clickhouse_url {redact(self.clickhouse_url)!r} has a secret where none is read: user and password are"
                " parameters behind the '?'"
            )
        if not self.landing:
            raise ConfigError("landing must be a folder or an s3:// URL, and is empty")
        if not _TABLE.match(self.speed_table):
            raise ConfigError(f"speed_table {self.speed_table!r} must be a plain name, table or database.table")
        for name in ("connect_timeout_seconds", "read_timeout_seconds"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name} must be a positive number of seconds")
        for name, least in (("attempts", 1), ("retry_pause_seconds", 0), ("keep_days", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} must be at least {least}")

    @property
    def chdb_path(self) -> Path | None:
        """Folder of the embedded engine, or None when the URL names a server."""
        prefix = "chdb://"
        return Path(self.clickhouse_url[len(prefix) :]) if self.clickhouse_url.startswith(prefix) else None

    @property
    def server(self) -> tuple[str, str | None, str | None]:
        """The server's URL, and the user and password where they are not between `//` and `@` of it.

        A parameter `user`, `username` or `password` of the URL, as JDBC has them, counts unless the key of its own is set.
        """
        parts = urlsplit(self.clickhouse_url)
        given = dict(parse_qsl(parts.query, keep_blank_values=True))
        named = given.pop("user", None), given.pop("username", None)
        user = self.clickhouse_user or named[0] or named[1]
        password = given.pop("password", None)
        url = urlunsplit(parts._replace(query=urlencode(given)))
        return url, user, self.clickhouse_password or password


def redact(url: str) -> str:
    """The URL without its secrets, for messages: whatever follows a user's name, and what parameters call secret.

    It need not be a URL that anybody understands: `jdbc:`, no scheme, or a password with a slash in it.
    """
    if found := _USER.match(url):
        scheme, name, password, rest = found.groups()
        url = f"{scheme or ''}{name}{':***' if password else ''}@{rest}"
    shown, rest = "", url
    while named := next((one for one in _PARAMETER.finditer(rest) if _SECRET_NAME.search(unquote(one[1]))), None):
        _, ampersand, behind = rest[named.end() :].partition("&")
        shown, rest = f"{shown}{rest[: named.end()]}***", f"{ampersand}{behind}"
    return shown + rest


def load_config(environment: Mapping[str, str], file: Path | None = None) -> ReconcileConfig:
    """Read the configuration once, at the edge.

    file: a TOML file that must exist; None: the one that RECONCILE_CONFIG names, else ./pipeline.toml where there is one.
    Relative paths of the file are relative to it, those of the environment to the current folder. Raises ConfigError for
    unknown or malformed keys.
    """
    if file is None and environment.get(_FILE_VARIABLE):
        file = Path(environment[_FILE_VARIABLE])
    path = file if file is not None else Path(DEFAULT_FILE)
    settings: dict[str, object] = {}
    if file is not None or path.exists():
        settings |= _from_file(path)
    settings |= _from_environment(environment)
    if isinstance(select := settings.get("speed_select"), str):
        settings["speed_select"] = _select(Path(select))
    missing = [key for key in ("clickhouse_url", "landing") if key not in settings]
    if missing:
        names = ", ".join(f"{key} ({ENVIRONMENT_PREFIX}{key.upper()})" for key in missing)
        raise ConfigError(f"missing configuration: {names}; set it in [reconcile] of {path} or in the environment")
    return ReconcileConfig(**settings)  # type: ignore[arg-type]  # keys and types were checked in _checked


def _from_file(path: Path) -> dict[str, object]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the configuration file {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    section = document.get("reconcile", {})
    if not isinstance(section, dict):
        raise ConfigError(f"[reconcile] of {path} must be a table")
    settings = {key: _checked(key, value, f"[reconcile] of {path}") for key, value in section.items()}
    return _anchored(settings, path.parent)


def _columns(value: object, origin: str) -> dict[str, str]:
    """The mapping of columns: our column → an expression."""
    if not isinstance(value, dict):
        raise ConfigError(f'columns in {origin} must be a table: our column = "an expression of ClickHouse"')
    for name, expression in value.items():
        if not isinstance(expression, str) or not expression.strip():
            raise ConfigError(f"column {name} in columns of {origin} must be an expression of ClickHouse, as a text")
    return dict(value)


def _select(path: Path) -> str:
    """The SELECT in a file, without the semicolon at its end."""
    try:
        text = path.read_text(encoding="utf-8").strip().rstrip(";").strip()
    except OSError as error:
        raise ConfigError(f"cannot read the file {path} of speed_select: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the file {path} of speed_select is not UTF-8") from error
    if not text:
        raise ConfigError(f"the file {path} of speed_select is empty")
    return text


def _from_environment(environment: Mapping[str, str]) -> dict[str, object]:
    settings: dict[str, object] = {}
    for variable, text in environment.items():
        if variable.startswith(ENVIRONMENT_PREFIX) and variable != _FILE_VARIABLE and text != "":
            key = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
            settings[key] = _checked(key, text, f"the environment ({variable})")
    return settings


def _checked(key: str, value: object, origin: str) -> object:
    known = {entry.name: entry.type for entry in fields(ReconcileConfig)}
    if key not in known:
        raise ConfigError(f"unknown key {key!r} in {origin}; known keys: {', '.join(sorted(known))}")
    if key == "columns":
        return _columns(value, origin)
    if known[key] == "int":
        if isinstance(value, str) and value.isascii() and value.isdigit():
            return int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise ConfigError(f"{key} in {origin} must be a whole number, not {value!r}")
    elif not isinstance(value, str):
        shown = "" if key in _SECRETS else f", not {value!r}"
        raise ConfigError(f"{key} in {origin} must be a text (in quotes){shown}")
    return value


def _anchored(settings: dict[str, object], folder: Path) -> dict[str, object]:
    """Make relative folders of the file relative to the file."""
    url, landing, select = (settings.get(key) for key in ("clickhouse_url", "landing", "speed_select"))
    if isinstance(url, str) and url.startswith("chdb://"):
        settings["clickhouse_url"] = f"chdb://{folder / url.removeprefix('chdb://')}"
    if isinstance(landing, str) and "://" not in landing:
        settings["landing"] = str(folder / landing)
    if isinstance(select, str):
        settings["speed_select"] = str(folder / select)
    return settings
