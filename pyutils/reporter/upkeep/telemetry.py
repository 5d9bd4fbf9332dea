"""What a daemon tells of itself while it works: numbers for Prometheus, readiness for whoever restarts it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyutils.meter import FleetMeter
from pyutils.models import FleetStatus
from pyutils.reporter.settings.config import RulesConfig
from pyutils.reporter.store.store import Store
from pyutils.reporter.upkeep.health import Health
from pyutils.reporter.upkeep.metrics import Metrics
from pyutils.reporter.view import NO_DIGEST, View, due_times
from pyutils.reporter.witness.peers import Gathered
from pyutils.units import UnixSeconds


@dataclass(frozen=True, slots=True)
class Counts:
    """What a fleet's meter dropped and found since the enrolment."""

    dropped: Mapping[str, int]
    gaps: int
    resets: int

    @classmethod
    def of(cls, meter: FleetMeter, as_of: UnixSeconds) -> Counts:
        """Return the counts of a meter as of a time it was not sealed beyond. Its source's are others."""
        readings = [meter.reading(one.gpu_id, as_of) for one in meter.enrolments]
        return cls(
            {"late": meter.dropped_late, "repeated": meter.dropped_duplicates},
            sum(max(0, len(reading.runs) - 1) for reading in readings),
            sum(reading.resets for reading in readings),
        )


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Metrics and health of one daemon."""

    metrics: Metrics
    health: Health

    def saw(self, views: Sequence[View], store: Store, rules: RulesConfig) -> None:
        """Tell how fleets stand on chain and in the store: of ages and arrears the worst, of all else the sum."""
        counts: Counter[str] = Counter()
        for view in views:
            counts.update({state.value: count for state, count in store.counts(view.fleet_id).items()})
        self.metrics.set_states(counts)
        self.metrics.set_head(min(map(_head_time, views)))
        self.metrics.set_disputes(sum(view.dispute.digest != NO_DIGEST for view in views))
        self.metrics.set_behind(max(len(_due(view, rules)) for view in views))
        if all(_is_wound_down(view) for view in views):
            self.metrics.succeeded(max(view.now for view in views))
        self.health.ready("rpc")
        self.health.ready("store")

    def collected(self, before: Counts, after: Counts) -> None:
        """Tell what a step of collecting dropped and found."""
        self.health.ready("meter")
        for reason, count in after.dropped.items():
            self.metrics.dropped(reason, count - before.dropped.get(reason, 0))
        self.metrics.resets(after.resets - before.resets)
        self.metrics.gaps(after.gaps - before.gaps)

    def asked(self, gathered: Gathered) -> None:
        """Tell which verifiers gave no signature."""
        for verifier in gathered.refusals:
            self.metrics.refused(verifier)
        for verifier in gathered.unreachable:
            self.metrics.unreached(verifier)


def _is_wound_down(view: View) -> bool:
    """Return whether nothing is delivered any more, so that nobody waits for a report."""
    return view.fleet.status is FleetStatus.WOUND_DOWN


def _head_time(view: View) -> int:
    return view.now if _is_wound_down(view) else view.head.as_of or view.fleet.commissioned_at or view.now


def _due(view: View, rules: RulesConfig) -> list[UnixSeconds]:
    """Return the times of reports that could be at the head by now and are not."""
    if not view.fleet.commissioned_at or _is_wound_down(view):
        return []
    after = UnixSeconds(max(view.head.as_of, view.fleet.commissioned_at))
    times = due_times(after, view.now, rules.interval_s, rules.phase_s)
    return [at for at in times if view.can_build(at, rules.settle_s)]
