"""What a reporter tells of itself while it works: numbers for Prometheus, readiness for whoever restarts it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pyutils.meter import FleetMeter, SampleSource
from pyutils.reporter.health import Health
from pyutils.reporter.metrics import Metrics
from pyutils.reporter.peers import Gathered
from pyutils.reporter.store import Store
from pyutils.reporter.view import NO_DIGEST, View
from pyutils.units import UnixSeconds


@dataclass(frozen=True, slots=True)
class Counts:
    """What a fleet's meter dropped and found since the enrolment."""

    dropped: Mapping[str, int]
    gaps: int
    resets: int

    @classmethod
    def of(cls, meter: FleetMeter, source: SampleSource, as_of: UnixSeconds) -> Counts:
        """Return the counts of a meter, and of the source that feeds it, as of a time it was not sealed beyond."""
        readings = [meter.reading(one.gpu_id, as_of) for one in meter.enrolments]
        return cls(
            {"late": meter.dropped_late, "repeated": meter.dropped_duplicates, **source.dropped},
            sum(max(0, len(reading.runs) - 1) for reading in readings),
            sum(reading.resets for reading in readings),
        )


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Metrics and health of one reporter."""

    metrics: Metrics
    health: Health

    def saw(self, view: View, store: Store) -> None:
        """Tell how the fleet stands on chain and in the store."""
        self.health.ready("rpc")
        self.health.ready("store")
        self.metrics.set_head(view.head.as_of or view.fleet.commissioned_at or view.now)
        self.metrics.set_disputes(view.dispute.digest != NO_DIGEST)
        self.metrics.set_states({state.value: count for state, count in store.counts(view.fleet_id).items()})

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
