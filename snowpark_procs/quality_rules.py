"""Quality rules are rows of ops.quality_rules; here they become SQL expressions. Pure text, no database.

A rule of severity error or warn adds its code to the row's validation_errors or validation_warnings where its predicate
is TRUE; a rule of severity flag fills the boolean column that its code names. NULL counts as FALSE. A predicate names the
thresholds (rows of ops.quality_thresholds) and max_session_hours like columns of the row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from snowpark_procs.errors import QualityRuleError
from snowpark_procs.statements import literal

SEVERITIES = ("error", "warn", "flag")
_CODE = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Rule:
    """dataset: events | sessions | transactions. predicate: a SQL condition over one row of the dataset."""

    dataset: str
    code: str
    severity: str
    predicate: str

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            raise QualityRuleError(f"{self.name}: severity '{self.severity}' is none of {', '.join(SEVERITIES)}")
        if not _CODE.fullmatch(self.code):
            raise QualityRuleError(f"{self.name}: a code is lower-case letters, digits and underscores")
        if not self.predicate.strip():
            raise QualityRuleError(f"{self.name}: the predicate is empty")

    @property
    def name(self) -> str:
        return f"Quality rule {self.dataset}.{self.code}"

    @property
    def condition(self) -> str:
        # On lines of its own: a comment at the predicate's end must not swallow what follows.
        return f"(\n{self.predicate}\n)"


def compile_rules(rules: Iterable[Rule], flags: Iterable[str]) -> dict[str, str]:
    """The SQL expressions `errors`, `warnings` and one per flag column, by name.

    flags: the flag columns that the dataset has; one without a rule is FALSE. Raises QualityRuleError for a rule that
    flags a column the dataset lacks, and for two rules of one code.
    """
    by_severity: dict[str, list[Rule]] = {severity: [] for severity in SEVERITIES}
    seen: set[str] = set()
    for rule in sorted(rules, key=lambda rule: rule.code):
        if rule.code in seen:
            raise QualityRuleError(f"{rule.name} occurs twice")
        seen.add(rule.code)
        by_severity[rule.severity].append(rule)
    expressions = dict.fromkeys(flags, "FALSE")
    for rule in by_severity["flag"]:
        if rule.code not in expressions:
            raise QualityRuleError(f"{rule.name}: the dataset has no flag column '{rule.code}'")
        expressions[rule.code] = f"COALESCE({rule.condition}, FALSE)"
    return {
        "errors": _codes(by_severity["error"]),
        "warnings": _codes(by_severity["warn"]),
        **expressions,
    }


def constant_columns(constants: Mapping[str, Decimal]) -> str:
    """The numbers as a list of columns of a SELECT. Raises QualityRuleError for a name that is no name of a column."""
    for name in constants:
        if not _CODE.fullmatch(name):
            raise QualityRuleError(f"Threshold '{name}': a name is lower-case letters, digits and underscores")
    return ", ".join(f"{value:f} AS {name}" for name, value in constants.items())


def _codes(rules: list[Rule]) -> str:
    """An array of the codes whose predicate is TRUE."""
    items = ", ".join(f"IFF({rule.condition}, {literal(rule.code)}, NULL)" for rule in rules)
    return f"ARRAY_COMPACT(ARRAY_CONSTRUCT({items}))::VARIANT" if items else "ARRAY_CONSTRUCT()::VARIANT"
