"""The rules and thresholds in force, read from OPS."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from snowflake.snowpark.exceptions import SnowparkSQLException

from snowpark_procs.errors import QualityRuleError
from snowpark_procs.quality_rules import Rule, compile_rules, constant_columns
from snowpark_procs.staging_tables import STAGING_TABLES, StagingTable
from snowpark_procs.statements import run

if TYPE_CHECKING:
    from snowflake.snowpark import Session

_SESSION_LIMIT = "max_session_hours"


@dataclass(frozen=True)
class Rulebook:
    """The enabled rules by dataset, and the numbers that their predicates name: thresholds and the session limit."""

    rules: dict[str, list[Rule]]
    numbers: dict[str, Decimal]

    @property
    def constants(self) -> str:
        """The numbers as a list of columns."""
        return constant_columns(self.numbers)

    @property
    def session_microseconds(self) -> str:
        return str(int(self.numbers[_SESSION_LIMIT] * 3_600_000_000))

    @property
    def session_days(self) -> int:
        """How many dates after that of its start a session can touch."""
        return math.ceil(self.numbers[_SESSION_LIMIT] / 24)

    def expressions(self, table: StagingTable) -> dict[str, str]:
        """What the rules of a dataset compile to."""
        return compile_rules(self.rules[table.rules], table.flags)


def read_rulebook(session: Session) -> Rulebook:
    """Read the enabled rules and their numbers. Raises QualityRuleError for a rule of no dataset."""
    rules: dict[str, list[Rule]] = {table.rules: [] for table in STAGING_TABLES}
    for row in run(session, "quality_rules"):
        rule = Rule(*row)
        if rule.dataset not in rules:
            raise QualityRuleError(f"{rule.name}: there is no dataset '{rule.dataset}'")
        rules[rule.dataset].append(rule)
    thresholds = {name: Decimal(value) for name, value in run(session, "quality_thresholds")}
    return Rulebook(rules, {**thresholds, _SESSION_LIMIT: Decimal(run(session, "session_limit")[0][0])})


def name_broken_rule(session: Session, rulebook: Rulebook, table: StagingTable) -> None:
    """Find the rule whose predicate does not compile. Raises QualityRuleError naming it; returns when all do."""
    extras = f"{table.extras}, {rulebook.constants}"
    for rule in rulebook.rules[table.rules]:
        try:
            run(session, "check_rule", predicate=rule.condition, table=table.table, extras=extras)
        except SnowparkSQLException as error:
            raise QualityRuleError(f"{rule.name}: the predicate fails ({error.message})") from error
