"""A session of the endpoint in the test's own process, without a server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local_stack.endpoint.chain import Chain
from local_stack.endpoint.engine.engine import Engine
from local_stack.endpoint.session import Session
from local_stack.endpoint.sessions import Sessions


@contextmanager
def opened_session(folder: Path) -> Iterator[Session]:
    """Yield a session whose current schema is TEST.PUBLIC, over files in a folder."""
    engine = Engine(folder / "warehouse", folder / "s3")
    registry = Sessions(engine, Chain())
    opened = registry.open()
    opened.execute("CREATE DATABASE test")  # which makes its schema PUBLIC the current one
    yield opened
    registry.close_all()
    engine.close()
