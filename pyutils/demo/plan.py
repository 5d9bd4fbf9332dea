"""What the demo will show: values only. `casting` chooses leases, `schedule` reports and faults, `sizing` loans."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pyutils.models import PowerModel
from pyutils.units import FleetId, UnixSeconds


class Scene(StrEnum):
    """What may be seen; the value is how the timeline names it."""

    SECOND_FLEET = "a second fleet"
    STEADY = "a lease on steady GPUs"
    LEAVES = "a lease on GPUs that leave early"
    ARRIVES = "a lease on GPUs that arrive late"
    ENDS_EARLY = "a lease that its lessee ends early"
    HANDED_ON = "a lease that is handed on"
    GAPPY = "a lease on GPUs with gaps"
    SECOND_TURN = "GPUs that serve a second lease"
    SLA_CREDIT = "a lease that earns an SLA credit"
    LATE_REPORT = "a report that comes three hours late"
    LYING_REPORT = "a lying report, disputed and struck"
    CONTRADICTION = "a pair of contradicting signatures, proved"
    REPAID_LOAN = "a loan that repays itself"
    FAILED_LOAN = "a loan that fails and is auctioned"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A scene that a trace cannot show, and why."""

    scene: Scene
    reason: str


@dataclass(frozen=True, slots=True)
class GpuKind:
    """What sort of GPUs a fleet has. Prices in whole cents of a coin per GPU-hour."""

    gpu_class: str
    region: str
    price_cents: int
    floor_cents: int
    replacement_coins: int
    """What a new one costs, installed, in whole coins."""
    power: PowerModel
    share_name: str
    share_symbol: str


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """A fleet to enrol; `fleet_id` is what the registry will call it."""

    fleet_id: FleetId
    kind: GpuKind
    gpu_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeasePlan:
    """A lease to open. Its end follows from the grant, on chain."""

    scene: Scene
    fleet_id: FleetId
    gpu_ids: tuple[str, ...]
    open_at: UnixSeconds
    grant_at: UnixSeconds
    hours: int
    end_early_at: UnixSeconds | None = None
    hand_on_at: UnixSeconds | None = None


@dataclass(frozen=True, slots=True)
class ReportPlan:
    """A quorum report: as of when, and when it reaches the chain."""

    fleet_id: FleetId
    as_of: UnixSeconds
    submit_at: UnixSeconds
    late: bool = False


@dataclass(frozen=True, slots=True)
class LiePlan:
    """A pending report that claims every GPU was there and busy all the time."""

    fleet_id: FleetId
    as_of: UnixSeconds
    post_at: UnixSeconds
    dispute_at: UnixSeconds
    rule_at: UnixSeconds


@dataclass(frozen=True, slots=True)
class ContradictionPlan:
    """A reporter key that signs two statements about one moment."""

    fleet_id: FleetId
    as_of: UnixSeconds
    prove_at: UnixSeconds


@dataclass(frozen=True, slots=True)
class LoanPlan:
    """A loan against a fleet's title and the shares that its owner still has. Money in whole coins."""

    scene: Scene
    fleet_id: FleetId
    principal_coins: int
    months: int
    reserve_months: int
    draw_at: UnixSeconds
    sweep: bool
    collateral_coins: int = 0
    """What the liquid collateral beside the fleet is worth."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that happens, in the trace's own clock, and what cannot."""

    first: UnixSeconds
    last: UnixSeconds
    fleets: tuple[FleetPlan, ...]
    leases: tuple[LeasePlan, ...]
    reports: tuple[ReportPlan, ...]
    lie: LiePlan | None
    contradiction: ContradictionPlan
    loans: tuple[LoanPlan, ...]
    left_out: tuple[LeftOut, ...]

    def fleet(self, fleet_id: FleetId) -> FleetPlan:
        """Return the fleet of an id."""
        return self.fleets[fleet_id - 1]

    def loan(self, scene: Scene) -> LoanPlan | None:
        """Return the loan of a scene, None where it is left out."""
        return next((loan for loan in self.loans if loan.scene is scene), None)
