"""Where and when reporters are killed: drawn from a seed, so that a run can be had again."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pyutils.demo.plan import ReportPlan
from pyutils.operator_demo.timetable import hour_of
from pyutils.reporter.failpoints import FAILPOINTS
from pyutils.units import FleetId, UnixSeconds

KILLS: Final = 3
PLACES: Final = tuple(name for name in FAILPOINTS if not name.startswith("verifier_") and name != "checkpoint_saved")
"""Failpoints that an operator's reporter passes on its way from samples to a final head. The others are passed by
verifiers, and by whoever goes on from a head that others made."""


@dataclass(frozen=True, slots=True)
class Kill:
    """A reporter dies at a failpoint, on its way with a report."""

    fleet_id: FleetId
    as_of: UnixSeconds
    place: str


def plan_kills(seed: int, reports: Sequence[ReportPlan], first: UnixSeconds) -> tuple[Kill, ...]:
    """Return where reporters die: three times, at different hours as long as there are such, at different places.

    The first report, with which a reporter begins, and one that is as of no full hour, which is made by hand, are
    spared. A trace with fewer reports than that has fewer kills.
    """
    dice = random.Random(seed)
    spared = (None, 0)
    possible = [report for report in reports if hour_of(report.as_of, first) not in spared]
    dice.shuffle(possible)
    first_of_hour: list[ReportPlan] = []
    others: list[ReportPlan] = []
    hours: set[UnixSeconds] = set()
    for report in possible:
        (others if report.as_of in hours else first_of_hour).append(report)
        hours.add(report.as_of)
    chosen = (first_of_hour + others)[:KILLS]
    places = dice.sample(PLACES, len(chosen))
    kills = [Kill(report.fleet_id, report.as_of, place) for report, place in zip(chosen, places, strict=True)]
    return tuple(sorted(kills, key=lambda kill: (kill.as_of, kill.fleet_id)))
