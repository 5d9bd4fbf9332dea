"""What can go wrong between a board and its exporter: each fault changes what a replay shows of one GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple


class Shown(NamedTuple):
    """One sample of a GPU as an exporter shows it, numbers as text."""

    gpu_id: str
    at_ms: int
    duty_percent: str
    energy_mj: str | None = None
    """The board's counter; None where none is shown."""
    instance: str | None = None
    """Which instance of the GPU the row speaks of; None for the whole board."""


Fault = Callable[[Shown], Iterable[Shown]]
"""Given a GPU's samples in order of time, what is shown in place of each."""


def gap(gpu_id: str, begin_ms: int, end_ms: int) -> Fault:
    """Show nothing of a GPU during `[begin_ms, end_ms)`."""

    def fault(one: Shown) -> Iterator[Shown]:
        if one.gpu_id != gpu_id or not begin_ms <= one.at_ms < end_ms:
            yield one

    return fault


def sentinel(gpu_id: str, begin_ms: int, end_ms: int, text: str) -> Fault:
    """Show `text` for duty and energy of a GPU during `[begin_ms, end_ms)`, as where the driver does not tell."""

    def fault(one: Shown) -> Iterator[Shown]:
        if one.gpu_id == gpu_id and begin_ms <= one.at_ms < end_ms:
            one = one._replace(duty_percent=text, energy_mj=None if one.energy_mj is None else text)
        yield one

    return fault


def counter_reset(gpu_id: str, at_ms: int) -> Fault:
    """Let a GPU's energy counter begin anew at its first sample from `at_ms` on, as where its driver is reloaded."""
    base: int | None = None

    def fault(one: Shown) -> Iterator[Shown]:
        nonlocal base
        if one.gpu_id == gpu_id and one.at_ms >= at_ms and one.energy_mj is not None:
            base = int(one.energy_mj) if base is None else base
            one = one._replace(energy_mj=str(int(one.energy_mj) - base))
        yield one

    return fault


def cut_into_instances(gpu_id: str, instances: Sequence[str]) -> Fault:
    """Show a GPU as instances from its first sample on: all with the board's counter, the last one with its duty."""

    def fault(one: Shown) -> Iterator[Shown]:
        if one.gpu_id != gpu_id:
            yield one
            return
        for instance in instances[:-1]:
            yield one._replace(duty_percent="0", instance=instance)
        yield one._replace(instance=instances[-1])

    return fault
