"""How much of a fleet was leased, over time: GPUs that the book gave away, whether or not they delivered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pyutils.operations.history import Event
from pyutils.portfolio.steps import Steps
from pyutils.units import GpuMs, UnixSeconds

NAMES: Final = ("Open", "Release", "Close", "Cancel")
_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class LeasedDay:
    """What was leased on a day, UTC; on the last one until the block."""

    begin: UnixSeconds
    end: UnixSeconds
    leased_gpu_ms: GpuMs
    installed_gpu_ms: GpuMs


def leased_steps(lives: Iterable[Iterable[Event]]) -> Steps:
    """Return how many GPUs were leased over time, from what happened to each lease of a fleet.

    Capacity is taken from `Open` on, until the first of `Release`, `Close` and `Cancel`.
    """
    changes: list[tuple[UnixSeconds, int]] = []
    for life in lives:
        held = 0
        for event in life:
            if event.name == "Open":
                held = event.arguments["gpus"]
                changes.append((event.at, held))
            elif event.name in NAMES and held:
                changes.append((event.at, -held))
                held = 0
    return Steps.of(_sums(sorted(changes, key=lambda change: change[0])))


def leased_days(leased: Steps, installed: Steps, until: UnixSeconds) -> tuple[LeasedDay, ...]:
    """Return GPU time by days, from the first day with capacity until a moment."""
    if not installed.steps:
        return ()
    days = []
    for number in range(installed.steps[0][0] // _DAY_S, -(-until // _DAY_S)):
        begin, end = UnixSeconds(number * _DAY_S), UnixSeconds(min(until, (number + 1) * _DAY_S))
        days.append(LeasedDay(begin, end, leased.gpu_ms(begin, end), installed.gpu_ms(begin, end)))
    return tuple(days)


def _sums(changes: Iterable[tuple[UnixSeconds, int]]) -> Iterator[tuple[UnixSeconds, int]]:
    total = 0
    for at, change in changes:
        total += change
        yield at, total
