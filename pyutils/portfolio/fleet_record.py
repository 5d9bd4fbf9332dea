"""All that the chain knows of a fleet up to a block: what it is, what it did, and which events say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pyutils.chain import rpc
from pyutils.contracts import System
from pyutils.models.money import SlashReason
from pyutils.operations.event_source import EventSource
from pyutils.operations.history import Event
from pyutils.operations.lease_events import read_lease_events
from pyutils.portfolio.figures import FleetFigures, figures_of
from pyutils.portfolio.fleet import FleetView, read_fleet
from pyutils.portfolio.fleet_history import FleetHistory, read_fleet_history
from pyutils.portfolio.incidents import NAMES as REPORTING
from pyutils.portfolio.incidents import Incident, incidents_of
from pyutils.portfolio.leasing import NAMES as LEASING
from pyutils.portfolio.leasing import LeasedDay, leased_days, leased_steps
from pyutils.portfolio.origin import Origin
from pyutils.portfolio.sla import SlaRecord, sla_record
from pyutils.portfolio.sources import OpenSource, open_events
from pyutils.portfolio.steps import Steps
from pyutils.units import MS_PER_HOUR, WAD, FleetId, GpuMs, LeaseId, TokenUnits, UnixSeconds, Wad

LEASE_EVENTS: Final = ("Open", "Settle", "EndEarly", "Release", "Close", "Cancel")
_EARNING: Final = ("Settle", "EndEarly", "Cancel")
_ROUTING: Final = ("Route", "Distribute", "CollectShares", "RecordDay")
_DEBT: Final = ("DrawLoan", "RepayLoan", "ServeLoan", "MarkLoan", "BreachLoan", "CureLoan", "HoldLot")

Lives = Mapping[LeaseId, Sequence[Event]]
"""What happened to each lease."""


@dataclass(frozen=True, slots=True)
class Leasing:
    """How much of a fleet was leased since it was commissioned, until the block."""

    leased: Steps
    """GPUs that the book gave away, over time."""
    days: tuple[LeasedDay, ...]
    leased_gpu_ms: GpuMs
    installed_gpu_ms: GpuMs
    leased_wad: Wad | None
    """Leased over installed GPU time, rounded down; None where nothing was installed."""
    origin: Origin


@dataclass(frozen=True, slots=True)
class Earnings:
    """What a fleet's leases brought in, in token units, each ratio rounded down."""

    earned: TokenUnits
    """Rent and fees of all leases, settled or taken."""
    delivered_gpu_ms: GpuMs
    """Credited to leases."""
    available_gpu_ms: GpuMs
    """From enrolment to the head: later than the last settlement, or earlier."""
    per_delivered_gpu_hour: TokenUnits | None
    per_available_gpu_hour: TokenUnits | None
    """Leased or not: what a GPU-hour that could have been sold brought in."""
    origin: Origin


@dataclass(frozen=True, slots=True)
class Origins:
    """Which events told the figures that one block shows, group by group."""

    meter: Origin
    revenue: Origin
    sla: Origin
    bond: Origin
    """SLA credits and compensation."""
    incidents: Origin
    debt: Origin | None
    """None where no market lends the fleet's coin."""


@dataclass(frozen=True, slots=True)
class FleetRecord:
    """A fleet as of a block, and its life up to there. Money in units of its settlement token."""

    view: FleetView
    history: FleetHistory
    leasing: Leasing
    earnings: Earnings
    sla: SlaRecord
    incidents: tuple[Incident, ...]
    origins: Origins

    @property
    def figures(self) -> FleetFigures:
        """What the counters and books of the block come to."""
        return figures_of(self.view)


def read_fleet_record(
    system: System, fleet_id: FleetId, block: rpc.Block = "latest", open_source: OpenSource | None = None
) -> FleetRecord:
    """Return all that is known of a fleet up to a block.

    Args:
        system: the contracts.
        fleet_id: the fleet.
        block: a number, or `latest`, `safe`, `finalized`.
        open_source: opens what events are read from; the node by default.

    Raises as `read_fleet`, and `ReplacedBlockError` where the block left the chain meanwhile.

    """
    view = read_fleet(system, fleet_id, block)
    at, number = view.block, view.block.number
    with open_events(system, at, open_source) as source:
        history = read_fleet_history(system, source, fleet_id)
        happened = read_lease_events(source, [lease_id for lease_id, _ in history.leases], LEASE_EVENTS)
        slashes = list(source.events("OperatorBond.Slash", fleetId=fleet_id))
        told = list(source.events([f"MeterOracle.{name}" for name in REPORTING], fleetId=fleet_id))
        routed = list(source.events([f"RevenueRouter.{name}" for name in _ROUTING], fleetId=fleet_id))
        debt = _debt_origin(system, source, view)
    terms_ids = {lease.terms_id for _, lease in history.leases}
    terms = {terms_id: system.lease_terms.terms_of(terms_id, number) for terms_id in terms_ids}
    return FleetRecord(
        view=view,
        history=history,
        leasing=_leasing(view, history, happened),
        earnings=_earnings(view, history, happened),
        sla=sla_record(history.leases, happened, slashes, terms, at.at),
        incidents=incidents_of(told, slashes, view.row.head, system.loss_fund.address),
        origins=Origins(
            meter=_meter_origin(view, told),
            revenue=Origin.of_events(at, routed),
            sla=Origin.of_events(at, _named(happened, ("Close",))),
            bond=Origin.of_events(at, [one for one in slashes if not _is_lie(one)]),
            incidents=Origin.of_events(at, [*_unusual(told), *filter(_is_lie, slashes)]),
            debt=debt,
        ),
    )


def _leasing(view: FleetView, history: FleetHistory, happened: Lives) -> Leasing:
    begin, until = UnixSeconds(view.row.fleet.commissioned_at), view.block.at
    leased = leased_steps(happened.values())
    taken, there = leased.gpu_ms(begin, until), history.installed.gpu_ms(begin, until)
    return Leasing(
        leased=leased,
        days=leased_days(leased, history.installed, until),
        leased_gpu_ms=taken,
        installed_gpu_ms=there,
        leased_wad=Wad(taken * WAD // there) if there else None,
        origin=Origin.of_events(view.block, _named(happened, LEASING)),
    )


def _earnings(view: FleetView, history: FleetHistory, happened: Lives) -> Earnings:
    earned, available = history.waterfall.earned, view.row.head.available_gpu_ms
    delivered = sum(lease.delivered_gpu_ms for _, lease in history.leases)
    return Earnings(
        earned=earned,
        delivered_gpu_ms=GpuMs(delivered),
        available_gpu_ms=GpuMs(available),
        per_delivered_gpu_hour=TokenUnits(earned * MS_PER_HOUR // delivered) if delivered else None,
        per_available_gpu_hour=TokenUnits(earned * MS_PER_HOUR // available) if available else None,
        origin=Origin.of_events(view.block, _named(happened, _EARNING)),
    )


def _meter_origin(view: FleetView, told: Sequence[Event]) -> Origin:
    """Return which events made reports the head, and that they know nothing later than the head's time."""
    head = view.row.head
    heads = [event for event in told if event.name in ("AdvanceHead", "AdoptPending")]
    if any(head.digest) and (not heads or heads[-1].arguments["digest"] != head.digest):
        # A pending report that became the head by time, which nobody wrote down yet.
        heads += [event for event in told if event.name == "PostPending"][-1:]
    return Origin.of_events(view.block, heads, UnixSeconds(head.as_of) if heads else None)


def _unusual(told: Sequence[Event]) -> list[Event]:
    """Return the oracle's events but for the heads that a quorum made, those of restatements among them."""
    restated = {event.transaction for event in told if event.name == "Restate"}
    return [event for event in told if event.name != "AdvanceHead" or event.transaction in restated]


def _debt_origin(system: System, source: EventSource, view: FleetView) -> Origin | None:
    """Return which events told of the open or held loan; interest runs until the block."""
    if view.row.market is None:
        return None
    if view.row.loan is None:
        return Origin.of_state(view.block, "FleetCredit.loanOf")
    credit = system.credit(view.row.fleet.settlement_token).credit
    names = [f"FleetCredit.{name}" for name in _DEBT]
    told = source.events(names, contract=credit.address, loanId=view.row.loan.loan_id)
    return Origin.of_events(view.block, told, view.block.at)


def _named(happened: Lives, names: Sequence[str]) -> list[Event]:
    return [event for life in happened.values() for event in life if event.name in names]


def _is_lie(slash: Event) -> bool:
    return bool(slash.arguments["reason"] == SlashReason.LIE)
