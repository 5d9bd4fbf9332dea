"""Where verifiers and reporters did not do what they promise: each fault in words, none where all is well."""

from __future__ import annotations

import signal
from collections.abc import Collection, Mapping, Sequence

from pyutils.operator_demo.rows import DeathRow, HeadRow

Moment = tuple[int, int]
"""A fleet, and the time of a report."""


def death_faults(heads: Sequence[HeadRow], deaths: Sequence[DeathRow]) -> list[str]:
    """Return where a death cost more than one report's being late, or changed what was promised, in words."""
    digests = {(row.fleet, row.as_of): row.digest for row in heads}
    killed = {(death.fleet, death.as_of) for death in deaths}
    changed = [
        f"fleet {death.fleet} as of {death.as_of}: another digest was promised before the kill"
        for death in deaths
        if death.promised is not None and digests.get((death.fleet, death.as_of)) != death.promised
    ]
    late = [
        f"fleet {row.fleet} as of {row.as_of}: late by {row.late_s} s, and nobody was killed"
        for row in heads
        if row.late_s and (row.fleet, row.as_of) not in killed
    ]
    return changed + late


def status_faults(statuses: Sequence[int], kills: int) -> list[str]:
    """Return where processes ended otherwise than well, stopped, or killed as planned, in words."""
    # One that is stopped before it goes round has no handler for it yet.
    expected = (0, -signal.SIGTERM, -signal.SIGKILL)
    found = [f"a process ended with status {status}" for status in statuses if status not in expected]
    killed = statuses.count(-signal.SIGKILL)
    return found if killed == kills else [*found, f"{killed} processes died by signal 9, and {kills} were to"]


def report_faults(heads: Sequence[HeadRow], due: Collection[Moment]) -> list[str]:
    """Return which reports are no heads or twice, in words; `due` has those that were to be made."""
    made = [(row.fleet, row.as_of) for row in heads]
    missing = [f"fleet {fleet} has no head as of {as_of}" for fleet, as_of in due if (fleet, as_of) not in made]
    twice = [f"fleet {fleet} has two heads as of {as_of}" for fleet, as_of in {*made} if made.count((fleet, as_of)) > 1]
    return missing + twice


def promise_faults(heads: Sequence[HeadRow], promised: Mapping[Moment, Sequence[bytes | None]]) -> list[str]:
    """Return where a store promised another digest than became the head, in words.

    Args:
        heads: what became heads.
        promised: for each moment what every store promised, None where nothing; the reporter's, which must, is first.

    """
    found = []
    for row in heads:
        by_reporter, *by_verifiers = promised[row.fleet, row.as_of]
        if by_reporter != row.digest or not {*by_verifiers} <= {row.digest, None}:
            found.append(f"fleet {row.fleet} as of {row.as_of}: what was promised is not what became the head")
    return found
