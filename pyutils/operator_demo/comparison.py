"""Whether daemons that were killed on the way came to what `make demo` has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from pyutils.demo.outcome import LeaseRow, Outcome


class CountedHead(Protocol):
    """The counters of a fleet's head."""

    @property
    def fleet(self) -> int:
        """The fleet."""

    @property
    def as_of(self) -> int:
        """The time, in Unix seconds."""

    @property
    def available_gpu_ms(self) -> int:
        """Available time."""

    @property
    def busy_gpu_ms(self) -> int:
        """Busy time."""

    @property
    def energy_joules(self) -> int:
        """Energy."""


def differences(heads: Iterable[CountedHead], leases: Iterable[LeaseRow], demo: Outcome) -> tuple[str, ...]:
    """Return what is not as the demo has it, in words.

    Every head that the demo has while the trace lasts must be here with equal counters; here there may be more, since
    there one report is late and those after it are skipped. Every lease must be the same, and have been delivered, paid
    and refunded the same.
    """
    return (*_of_heads(heads, demo), *_of_leases(leases, demo))


def _of_heads(heads: Iterable[CountedHead], demo: Outcome) -> Iterator[str]:
    ours = {(row.fleet, row.as_of): _counters(row) for row in heads}
    for row in demo.reports:
        if row.as_of > demo.trace["last"]:
            continue  # when nothing is left to report, but that it is nothing
        mine = ours.get((row.fleet, row.as_of))
        if row.head and mine != _counters(row):
            here = "there is none" if mine is None else f"the head says {mine}"
            yield f"fleet {row.fleet} as of {row.as_of}: {here}, in the demo it says {_counters(row)}"


def _of_leases(leases: Iterable[LeaseRow], demo: Outcome) -> Iterator[str]:
    ours = {row.id: row for row in leases}
    theirs = {row.id: row for row in demo.leases}
    for lease_id in sorted({*ours, *theirs}):
        here, there = ours.get(lease_id), theirs.get(lease_id)
        if here is None or there is None:
            yield f"lease {lease_id} is {'only in the demo' if here is None else 'not in the demo'}"
        elif here != there:
            names = [name for name in LeaseRow.model_fields if getattr(here, name) != getattr(there, name)]
            facts = ", ".join(f"{name} {getattr(here, name)}, in the demo {getattr(there, name)}" for name in names)
            yield f"lease {lease_id}: {facts}"


def _counters(row: CountedHead) -> tuple[int, int, int]:
    return row.available_gpu_ms, row.busy_gpu_ms, row.energy_joules
