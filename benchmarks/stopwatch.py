"""Best of several runs, and a table that says on which machine."""

from __future__ import annotations

import os
import platform
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """How fast one way of doing a job was: `amount` of `unit` in `seconds`."""

    name: str
    amount: int
    unit: str
    seconds: float


def best_of(runs: int, job: Callable[[], object]) -> float:
    """Return the shortest of `runs` runs, in seconds: the one that other programs disturbed least."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        job()
        times.append(time.perf_counter() - start)
    return min(times)


def show(title: str, figures: list[Figure]) -> None:
    """Print figures, the last one being the baseline with which the others are compared."""
    base = figures[-1].amount / figures[-1].seconds
    table = Table(title=title, title_justify="left")
    table.add_column("way")
    for column in ("seconds", "per second", "times the baseline"):
        table.add_column(column, justify="right")
    for figure in figures:
        rate = figure.amount / figure.seconds
        table.add_row(figure.name, f"{figure.seconds:.3f}", f"{rate:,.0f} {figure.unit}", f"{rate / base:.1f}")
    console = Console()
    console.print(table)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    console.print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, peak memory {peak_mib} MiB"
    )
