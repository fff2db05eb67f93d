"""What a procedure can tell the task that runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snowflake.snowpark.exceptions import SnowparkSQLException

from snowpark_procs.statements import literal, run

if TYPE_CHECKING:
    from snowflake.snowpark import Session


def current_task(session: Session) -> str | None:
    """The name of the task that this call is the body of, or None outside a task.

    Whether the function gives NULL or fails there is not documented.
    See: https://docs.snowflake.com/en/sql-reference/functions/system_current_user_task_name
    """
    try:
        name: str | None = run(session, "current_task")[0][0]
    except SnowparkSQLException:
        return None
    return name


def set_return_value(session: Session, value: str) -> None:
    """Hand a value to the successors of the current task; outside a task there is nobody to hand it to."""
    if current_task(session):
        run(session, "set_return_value", value=literal(value))
