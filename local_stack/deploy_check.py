"""`make deploy-check`: deploy/deploy.sh, as a pipeline runs it, against a stand-in of an account that is there for that alone."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from local_stack import endpoint_process
from local_stack.client_environment import process_environment
from local_stack.layout import REPO, Layout


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="deploy-check-") as folder:
        layout = Layout(Path(folder) / "state").make()
        address = endpoint_process.start(layout, stays=False)
        try:
            environment = process_environment(layout, address) | {"DRIFT_USER": "local"}
            return subprocess.run(["bash", str(REPO / "deploy" / "deploy.sh")], env=environment, check=False).returncode
        finally:
            endpoint_process.stop(address)


if __name__ == "__main__":
    sys.exit(main())
