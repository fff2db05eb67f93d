"""`python -m local_stack.endpoint --data-dir D --s3-root S --port P`: serve until stopped."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from pathlib import Path

from local_stack.endpoint import versions

_LOOK_SECONDS = 1.0


def _stop_without(parent: int) -> None:
    """Stop this process as SIGTERM does once it has another parent."""
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local_stack.endpoint", description=__doc__)
    parser.add_argument(
        "--data-dir", type=Path, required=True, help="DuckDB files and internal stages; created if missing"
    )
    parser.add_argument(
        "--s3-root", type=Path, required=True, help="folder of buckets: s3://bucket/key is S/bucket/key"
    )
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rights", choices=("on", "off"), default="on", help="whether privileges are enforced")
    parser.add_argument(
        "--setup",
        type=Path,
        action="append",
        default=[],
        help="a file of statements that ACCOUNTADMIN runs before anything is served; several are run in order",
    )
    parser.add_argument(
        "--ends-with-parent",
        action="store_true",
        help="stop when the process that started it is gone, however it ended",
    )
    arguments = parser.parse_args()
    try:
        versions.require()
    except versions.MissingNeeds as missing:
        sys.exit(str(missing))
    # A package that lacks something may already fail to be imported.
    from local_stack.endpoint.protocol.http import serve

    if arguments.ends_with_parent:
        threading.Thread(target=_stop_without, args=(os.getppid(),), daemon=True).start()
    setup = "\n".join(file.read_text(encoding="utf-8") for file in arguments.setup)
    rights = arguments.rights == "on"
    serve(arguments.data_dir, arguments.s3_root, arguments.host, arguments.port, rights=rights, setup=setup)


if __name__ == "__main__":
    main()
