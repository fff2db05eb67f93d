"""What the commands do that need neither Spark nor dbt in this process: up, down, status, dbt."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from rich.console import Console

from local_stack import endpoint_process
from local_stack.client_environment import process_environment, write_files
from local_stack.endpoint_process import Address
from local_stack.errors import EndpointError
from local_stack.layout import Layout, short
from local_stack.progress import Progress
from local_stack.serving import endpoint
from local_stack.warehouse_client import connect


def up(console: Console, layout: Layout, rights: bool = True) -> None:
    """Start the endpoint, deploy nothing, say what to type next.

    rights: whether it enforces privileges. Raises EndpointError where one runs that does it otherwise.
    """
    address = endpoint_process.running(layout)
    if address is None:
        address = endpoint_process.start(layout, rights=rights)
    elif address.rights != rights:
        raise EndpointError(f"the endpoint already runs with rights {_word(address)}; `make down` stops it")
    write_files(layout, address)
    env = short(layout.env_file)
    place = f"{address.host}:{address.port}"
    console.print(
        f"The local Snowflake endpoint listens on {place} (process {address.pid}, rights {_word(address)}).\n"
    )
    console.print(f"  source {env}", highlight=False)
    console.print("  schemachange deploy                      [dim]# all schemas, tables, procedures, tasks[/dim]")
    console.print("  python -m local_stack run                [dim]# what is in the lake, through every stage[/dim]")
    console.print("  dbt build                                [dim]# the marts alone[/dim]")
    console.print(
        "  snow sql -c local -q \"CALL recon.reconcile_day('2024-01-15')\"   [dim]# make snow installs it[/dim]"
    )
    console.print("\nmake down stops it; the data stays.")


def down(console: Console, layout: Layout) -> None:
    """Stop the endpoint if it runs."""
    address = endpoint_process.running(layout)
    if address is None:
        console.print("No endpoint is running.")
    else:
        endpoint_process.stop(address)
        console.print("The endpoint has stopped; its data stays.")
    layout.endpoint_file.unlink(missing_ok=True)


def status(console: Console, layout: Layout) -> int:
    """Say whether the endpoint runs, and how the pipeline is; exit code 0 if it runs, 3 if not."""
    address = endpoint_process.running(layout)
    if address is None:
        console.print("No endpoint is running.")
        return 3
    console.print(
        f"The endpoint listens on {address.host}:{address.port} (process {address.pid}, rights {_word(address)})."
    )
    # Imported here: what the other commands are quicker without.
    from local_stack.overview import read_overview, show_overview

    with connect(layout) as warehouse:
        show_overview(console, read_overview(layout, warehouse))
    return 0


def _word(address: Address) -> str:
    return "on" if address.rights else "off"


def dbt(layout: Layout, arguments: list[str]) -> int:
    """Run dbt with the environment that `.local/env` gives; its exit code."""
    progress = Progress(Console(stderr=True))
    with endpoint(layout, progress) as address:
        command = [str(Path(sys.executable).parent / "dbt"), *arguments]
        return subprocess.run(command, env=process_environment(layout, address), check=False).returncode
