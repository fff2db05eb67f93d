"""recon.extract_speed_layer: the snapshot of a day of the speed layer, taken from inside Snowflake.

The same statements and the same snapshot as `python -m reconcile extract`; only here rows travel through a
procedure, a batch at a time.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reconcile.speed.extraction import Extraction, Failure, extract_days
from reconcile.speed.http import HttpConnection, Server
from reconcile.speed.source import SpeedLayer, SpeedTable
from snowpark_procs.environment import require_own_landing
from snowpark_procs.identifiers import begun_date
from snowpark_procs.ledger import StepRun, recorded_failure, tell, utc_now
from snowpark_procs.stage_landing import StageLanding
from snowpark_procs.statements import run

if TYPE_CHECKING:
    from snowflake.snowpark import Session

_ATTEMPTS, _PAUSE_SECONDS = 3, 2


def extract_speed_layer(
    session: Session, settings: Mapping[str, Any], user: str, password: str, date: datetime.date | str
) -> dict[str, Any]:
    """Publish the newest snapshot of one UTC day of the speed layer in the landing.

    settings: url, table, columns, keep_days. Raises ArgumentError, and ReconcileError for whatever ClickHouse says.
    """
    day = begun_date(date)
    server = Server(settings["url"], user, password)
    table = SpeedTable(settings["table"], None, settings["columns"])
    step = StepRun("extract_speed_layer", day.isoformat())
    with recorded_failure(session, step):
        require_own_landing(session)
        done = _extract(session, server, table, day, int(settings["keep_days"]))
        step.row_count = done.rows
        step.detail = {"extraction_id": done.extraction_id, "outcome": done.outcome, "set_aside": done.set_aside}
        if done.outcome != "unchanged":
            run(session, "begin")
            run(session, "insert_step_run", step.values("succeeded", utc_now()))
            run(session, "commit")
            tell(step, "succeeded")
    return {
        "date": day.isoformat(),
        "extraction_id": done.extraction_id,
        "outcome": done.outcome,
        "rows": done.rows,
        "set_aside": done.set_aside,
        "set_aside_path": done.set_aside_path,
        "money": done.money,
    }


def _extract(session: Session, server: Server, table: SpeedTable, day: datetime.date, keep_days: int) -> Extraction:
    with SpeedLayer(lambda: HttpConnection(server), table, _ATTEMPTS, _PAUSE_SECONDS) as speed_layer:
        states = {state.day: state for state in speed_layer.days(day, day)}
        (done,) = extract_days(speed_layer, StageLanding(session), [day], states, keep_days or None)
    if isinstance(done, Failure):
        raise done.error
    return done
