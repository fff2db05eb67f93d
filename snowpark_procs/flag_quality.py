"""ops.flag_quality: the rows of a loaded batch into STAGING, with canonical identifiers and quality flags."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from snowflake.snowpark.exceptions import SnowparkSQLException

from snowpark_procs.errors import ArgumentError, QualityRuleError
from snowpark_procs.identifiers import batch_identifier
from snowpark_procs.ledger import StepRun, recorded_failure, transaction
from snowpark_procs.quality_rules import Rule, compile_rules
from snowpark_procs.staging_tables import STAGING_TABLES, StagingTable
from snowpark_procs.statements import run

if TYPE_CHECKING:
    from snowflake.snowpark import Session


@dataclass(frozen=True)
class Batch:
    """What the flag step must know of a batch, apart from its rows.

    scopes: added | dates, by dataset. later: batches published after it that are in STAGING already. replaced: dates that
    those hold as a whole, by dataset.
    """

    batch_id: str
    affected_dates: list[str]
    scopes: dict[str, str]
    later: list[str]
    replaced: dict[str, list[str]]


def flag_quality(session: Session, batch_id: str | None = None) -> dict[str, Any]:
    """Flag one batch, or all that are loaded and not flagged yet, in the order of publication, one transaction each.

    A later batch's row replaces an earlier one's of the same key, also when the batches are flagged out of order. Nothing
    is dropped: an invalid row stays with is_valid = FALSE. ops.date_changes gets the dates whose rows really changed.
    A batch that is flagged already is left alone. Raises ArgumentError, QualityRuleError.
    """
    batch_ids = _unflagged(session) if batch_id is None else [batch_identifier(batch_id)]
    summaries = [_flag_batch(session, each) for each in batch_ids]
    return {"flagged": sum(s["status"] == "flagged" for s in summaries), "batches": summaries}


def _unflagged(session: Session) -> list[str]:
    return [row[0] for row in run(session, "unflagged_batch_ids")]


def _flag_batch(session: Session, batch_id: str) -> dict[str, Any]:
    step = StepRun("flag_quality", batch_id)
    with recorded_failure(session, step):
        rules = _rules(session)
        with transaction(session, step, "flag"):
            batch = _batch(session, batch_id)
            if batch is None:
                step.worked = False
            else:
                _flag(session, batch, rules, step)
    if not step.worked:
        return {"batch_id": batch_id, "status": "already_flagged"}
    return {"batch_id": batch_id, "status": "flagged", **step.detail}


def _rules(session: Session) -> dict[str, list[Rule]]:
    """The enabled rules by dataset. Raises QualityRuleError for a rule of no dataset."""
    rules: dict[str, list[Rule]] = {table.rules: [] for table in STAGING_TABLES}
    for row in run(session, "quality_rules"):
        rule = Rule(*row)
        if rule.dataset not in rules:
            raise QualityRuleError(f"{rule.name}: there is no dataset '{rule.dataset}'")
        rules[rule.dataset].append(rule)
    return rules


def _batch(session: Session, batch_id: str) -> Batch | None:
    """The batch, or None when it is flagged. Raises ArgumentError when it is not loaded."""
    rows = run(session, "batch_to_flag", [batch_id])
    if not rows:
        raise ArgumentError(f"Batch {batch_id} is not loaded: call ops.load_batch first")
    if rows[0][0]:
        return None
    later, replaced = set(), dict[str, set[str]]()
    for later_id, dates, dataset, scope in run(session, "later_flagged_batches", [batch_id]):
        later.add(later_id)
        if scope == "dates":
            replaced.setdefault(dataset, set()).update(json.loads(dates))
    return Batch(
        batch_id=batch_id,
        affected_dates=json.loads(rows[0][1]),
        scopes={row[0]: row[1] for row in run(session, "batch_scopes", [batch_id])},
        later=sorted(later),
        replaced={dataset: sorted(dates) for dataset, dates in replaced.items()},
    )


def _flag(session: Session, batch: Batch, rules: dict[str, list[Rule]], step: StepRun) -> None:
    datasets: dict[str, dict[str, int]] = {}
    change_id: int | None = None
    for table in STAGING_TABLES:
        _fill_delta(session, table, batch, rules[table.rules])
        counts = run(session, "delta_counts", table=table.table)[0]
        named = dict(zip(("rows", "changed", "removed", "invalid"), map(int, counts), strict=True))
        datasets[table.dataset] = named
        if named["changed"] or named["removed"]:
            change_id = change_id or int(run(session, "next_change_id")[0][0])
            _record_dates(session, table, batch, change_id)
        if named["rows"] or named["removed"]:
            _merge(session, table)
        run(session, "empty_delta", table=table.table)
    run(session, "mark_flagged", [batch.batch_id])
    step.row_count = sum(counts["changed"] + counts["removed"] for counts in datasets.values())
    step.detail = {"change_id": change_id, "datasets": datasets}


def _fill_delta(session: Session, table: StagingTable, batch: Batch, rules: list[Rule]) -> None:
    expressions = compile_rules(rules, table.flags)
    later = json.dumps(batch.later)
    own_dates = json.dumps(batch.affected_dates if batch.scopes[table.dataset] == "dates" else [])
    binds = [batch.batch_id, later, json.dumps(batch.replaced.get(table.dataset, []))]
    if table.bounded:
        binds = [batch.batch_id, batch.batch_id, later, *binds[1:], own_dates]
    try:
        run(
            session,
            table.statement,
            binds,
            differs=table.differs("judged", "present"),
            **table.canonical_identifiers("r"),
            **expressions,
        )
    except SnowparkSQLException:
        _name_broken_rule(session, table, rules)
        raise
    if batch.scopes[table.dataset] == "dates":
        run(
            session,
            "add_removed_rows",
            [own_dates, later],
            table=table.table,
            time=table.time,
            key_columns=", ".join(table.key),
            present_keys=", ".join(f"present.{column}" for column in table.key),
            match=table.match("present", "delta"),
        )
        run(session, "delete_unkeyed_rows", [own_dates, later], table=table.table, time=table.time, key=table.key[0])


def _record_dates(session: Session, table: StagingTable, batch: Batch, change_id: int) -> None:
    params = [change_id, table.dataset, batch.batch_id]
    run(session, "insert_date_changes", params, table=table.table, time=table.time)


def _merge(session: Session, table: StagingTable) -> None:
    run(
        session,
        "merge_delta",
        table=table.table,
        match=table.match("present", "delta"),
        assignments=",\n    ".join(f"{c} = delta.{c}" for c in table.columns if c not in table.key),
        columns=", ".join(table.columns),
        values=", ".join(f"delta.{column}" for column in table.columns),
    )


def _name_broken_rule(session: Session, table: StagingTable, rules: list[Rule]) -> None:
    """Find the rule whose predicate does not compile. Raises QualityRuleError naming it; returns when all do."""
    for rule in rules:
        try:
            run(session, "check_rule", predicate=rule.condition, table=table.table, extras=table.extras)
        except SnowparkSQLException as error:
            raise QualityRuleError(f"{rule.name}: the predicate fails ({error.message})") from error
