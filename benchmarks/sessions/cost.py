"""What work costs: seconds by the clock, seconds of processors, and the memory that Spark's JVM had at most."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pyspark.sql import SparkSession

_Result = TypeVar("_Result")
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """Seconds by the clock, and those that processors worked: on a machine with other work only these tell."""

    seconds: float
    cpu: float


def spent(work: Callable[[], _Result]) -> tuple[_Result, Cost]:
    """Do some work; its result, and what it took in this process and all that it has started."""
    cpu, start = _cpu(), time.perf_counter()
    result = work()
    return result, Cost(time.perf_counter() - start, _cpu() - cpu)


def peak_memory(spark: SparkSession) -> int:
    """The most bytes that the JVM has had so far."""
    gateway = spark.sparkContext._gateway
    if gateway is None:
        raise RuntimeError("Spark has ended")
    status = Path(f"/proc/{gateway.proc.pid}/status").read_text(encoding="utf-8")
    (line,) = [each for each in status.splitlines() if each.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def _cpu() -> float:
    """Seconds that this process and its descendants have worked, those that have ended included. See: man 5 proc."""
    children: dict[int, list[int]] = {}
    used: dict[int, float] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue  # it has ended meanwhile
            fields = stat.rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(folder.name))
            used[int(folder.name)] = sum(map(int, fields[11:15])) / _TICK
    total, waiting = 0.0, [os.getpid()]
    while waiting:
        process = waiting.pop()
        total += used.get(process, 0.0)
        waiting += children.get(process, [])
    return total
