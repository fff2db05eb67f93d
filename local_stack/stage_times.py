"""Say at a command's end where its time went."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console

from local_stack.progress import Span


def seconds_by_kind(spans: Iterable[Span]) -> dict[str, float]:
    """Return the seconds in which at least one stage of a kind ran, by kind, the longest first."""
    kinds: dict[str, list[Span]] = {}
    for span in spans:
        kinds.setdefault(span.kind, []).append(span)
    found = {kind: covered_seconds(members) for kind, members in kinds.items()}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def covered_seconds(spans: Iterable[Span]) -> float:
    """Return the seconds in which at least one of the stages ran: what overlaps counts once."""
    total, reached = 0.0, float("-inf")
    for span in sorted(spans, key=lambda span: span.start):
        total += max(0.0, span.end - max(span.start, reached))
        reached = max(reached, span.end)
    return total


def print_stage_times(console: Console, spans: Iterable[Span], seconds: float) -> None:
    """Print the time of each kind of stage. seconds: how long the whole command took."""
    spans = list(spans)
    by_kind = seconds_by_kind(spans)
    together = sum(by_kind.values()) - covered_seconds(spans)
    parts = " · ".join(f"{kind} {took:.1f} s" for kind, took in by_kind.items())
    console.print(f"Where the time went: {parts}", highlight=False, soft_wrap=True)
    console.print(f"{seconds:.1f} s in all; {together:.1f} s of work ran beside other work.", highlight=False)
