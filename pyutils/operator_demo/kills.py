"""Where and when reporters are killed: drawn from a seed, so that a run can be had again."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pyutils.demo.plan import ReportPlan
from pyutils.units import FleetId, UnixSeconds

KILLS: Final = 3
PLACES: Final = (
    "sampled",
    "collected",
    "leaf_file_written",
    "built",
    "promised",
    "signed",
    "asked_verifiers",
    "signature_stored",
    "raw_saved",
    "broadcast",
    "mined",
)
"""Failpoints that a reporter passes on its way from samples to the head."""


@dataclass(frozen=True, slots=True)
class Kill:
    """A reporter dies at a failpoint, on its way to a report."""

    fleet_id: FleetId
    as_of: UnixSeconds
    place: str


def plan_kills(seed: int, reports: Sequence[ReportPlan], last: UnixSeconds) -> tuple[Kill, ...]:
    """Return where reporters die: at three reports, or as many as there are, and at three different places.

    The report as of `last` is made by hand and is spared.
    """
    dice = random.Random(seed)
    spared = [report for report in reports if report.as_of != last]
    chosen = dice.sample(spared, min(KILLS, len(spared)))
    places = dice.sample(PLACES, len(chosen))
    kills = [Kill(report.fleet_id, report.as_of, place) for report, place in zip(chosen, places, strict=True)]
    return tuple(sorted(kills, key=lambda kill: (kill.as_of, kill.fleet_id)))
