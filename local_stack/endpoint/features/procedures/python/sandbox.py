"""Surround a handler in its process: limit the hosts that it reaches, move its files, and hold its secrets.

Loaded by worker.py from its file, in a process that cannot import our package.
"""

from __future__ import annotations

import gzip
import re
import socket
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

_TRANSFER = re.compile(r"\s*(PUT|GET)\s", re.IGNORECASE)


class Network:
    """Allow connections only to the endpoint and to the hosts of the procedure's network rules, as in Snowflake."""

    def __init__(self, endpoint: tuple[str, int] | None, allowed: list[str]) -> None:
        self._hosts = {(host.lower(), int(port or 443)) for host, _, port in (a.partition(":") for a in allowed)}
        self._addresses: set[tuple[str, int]] = {endpoint} if endpoint else set()
        self._endpoint = endpoint
        self._connect, self._resolve = socket.socket.connect, socket.getaddrinfo

    def install(self) -> None:
        network = self

        def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
            found = network._resolve(host, port, *args, **kwargs)
            if (str(host).lower(), int(port or 0)) in network._hosts:
                network._addresses.update((str(entry[4][0]), int(entry[4][1])) for entry in found)
            elif (str(host), int(port or 0)) != network._endpoint:
                raise network._refusal()
            return found

        def connect(sock: socket.socket, address: Any) -> None:
            if (
                sock.family in (socket.AF_INET, socket.AF_INET6)
                and (str(address[0]), int(address[1])) not in network._addresses
            ):
                raise network._refusal()
            network._connect(sock, address)

        socket.getaddrinfo = getaddrinfo
        socket.socket.connect = connect  # type: ignore[assignment,method-assign]

    @staticmethod
    def _refusal() -> OSError:
        return OSError(16, "Device or resource busy")  # what Snowflake's sandbox answers


class StageFiles:
    """Tell a cursor's _upload and _download (session.file.put and get) where a stage is: Snowflake's own procedures
    have a native parser in this place; the connector's class has none."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def parse_file_operation(
        self,
        stage_location: str,
        local_file_name: str | None,
        target_directory: str | None,
        command_type: str,
        options: dict[str, Any] | None,
        has_source_from_stream: Any = False,
    ) -> dict[str, Any]:
        settings = "".join(
            f" {name} = {value if not isinstance(value, str) else value.upper()}"
            for name, value in (options or {}).items()
            if value is not None
        )
        location = stage_location if stage_location.startswith(("@", "'")) else "@" + stage_location
        if command_type.upper().startswith("UPLOAD"):
            if has_source_from_stream:
                location, _, name = location.rpartition("/")
                local_file_name = f"/tmp/placeholder/{name}"  # noqa: S108
            command = f"PUT {_file_url(str(local_file_name))} {location}{settings}"
        else:
            target_directory = target_directory or tempfile.mkdtemp(prefix="download-")
            Path(str(target_directory)).mkdir(parents=True, exist_ok=True)
            command = f"GET {location} {_file_url(str(target_directory))}{settings}"
        # The mark tells the endpoint that this is session.file and not a PUT of the handler's own.
        return dict(self._connection.cursor()._execute_helper(command + " /*session.file*/"))


class StageStreams:
    """Answer session.file.get_stream: the file is downloaded into a folder of its own, and opened."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def download_as_stream(self, operation: dict[str, Any], decompress: bool = False) -> Any:
        self._connection.cursor()._create_file_transfer_agent("", operation).execute()
        (file,) = Path(operation["data"]["localLocation"]).iterdir()
        return gzip.open(file) if decompress else file.open("rb")


def _file_url(path: str) -> str:
    bare = path.strip("'").removeprefix("file://")
    return "'file://" + str(Path(bare).resolve()).replace("'", "\\'") + "'"


def refuse_transfers() -> None:
    """PUT and GET as SQL are banned in a procedure; session.file is not."""
    from snowflake.connector.cursor import SnowflakeCursor
    from snowflake.connector.errors import ProgrammingError

    execute = SnowflakeCursor.execute

    def checked(self: Any, command: str, *args: Any, **kwargs: Any) -> Any:
        if isinstance(command, str) and (match := _TRANSFER.match(command)):
            kind = match.group(1).upper()
            raise ProgrammingError(
                msg=f"Stored procedure execution error: Unsupported statement type '{kind}_FILES'.",
                errno=90254,
                sqlstate="P0001",
            )
        return execute(self, command, *args, **kwargs)

    def upload_stream(self: Any, stream: Any, location: str) -> Any:
        return self._upload_stream(stream, location, {"auto_compress": False, "overwrite": True})

    setattr(SnowflakeCursor, "execute", checked)  # noqa: B010
    setattr(SnowflakeCursor, "upload_stream", upload_stream)  # noqa: B010


def install_secrets(secrets: dict[str, dict[str, str]]) -> None:
    """Make the module behind snowflake.snowpark.secrets; `vectorized` in it marks handlers that take a DataFrame.

    See: https://docs.snowflake.com/en/developer-guide/udf/python/udf-python-batch
    """
    module: Any = types.ModuleType("_snowflake")

    def find(name: str) -> dict[str, str]:
        if name not in secrets:
            raise ValueError(f"Secret {name} does not exist or the procedure does not list it in SECRETS")
        return secrets[name]

    def generic(name: str) -> str:
        return find(name)["secret_string"]

    def password(name: str) -> Any:
        found = find(name)
        return types.SimpleNamespace(username=found["username"], password=found["password"])

    def token(name: str) -> str:
        return find(name)["oauth_access_token"]

    def vectorized(input: Any, max_batch_size: int | None = None) -> Any:
        def mark(handler: Any) -> Any:
            handler._sf_vectorized_input, handler._sf_max_batch_size = input, max_batch_size
            return handler

        return mark

    module.vectorized = vectorized
    module.get_generic_secret_string = generic
    module.get_username_password = password
    module.get_oauth_access_token = token
    module.get_secret_type = lambda name: find(name)["type"]
    sys.modules["_snowflake"] = module
