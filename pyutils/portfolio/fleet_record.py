"""All that the chain knows of a fleet up to a block: what it is, what it did, and which events say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pyutils.chain import rpc
from pyutils.contracts import System
from pyutils.contracts.base import Contract
from pyutils.models.money import SlashReason
from pyutils.operations.history import Event, events, topic
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
from pyutils.portfolio.steps import Steps
from pyutils.units import MS_PER_HOUR, WAD, BlockNumber, FleetId, GpuMs, LeaseId, TokenUnits, UnixSeconds, Wad

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


def read_fleet_record(system: System, fleet_id: FleetId, block: rpc.Block = "latest") -> FleetRecord:
    """Return all that is known of a fleet up to a block. Raises as `read_fleet`."""
    view = read_fleet(system, fleet_id, block)
    number = view.block.number
    history = read_fleet_history(system, fleet_id, number)
    happened = read_lease_events(system, fleet_id, LEASE_EVENTS, number)
    slashes = _of_fleet(system, system.bond, "Slash", fleet_id, number)
    terms_ids = {lease.terms_id for _, lease in history.leases}
    terms = {terms_id: system.lease_terms.terms_of(terms_id, number) for terms_id in terms_ids}
    sla = sla_record(history.leases, happened, slashes, terms, view.block.at)
    told = _of_fleet(system, system.oracle, REPORTING, fleet_id, number)
    incidents = incidents_of(told, slashes, view.row.head, system.loss_fund.address)
    return FleetRecord(
        view=view,
        history=history,
        leasing=_leasing(view, history, happened),
        earnings=_earnings(view, history, happened),
        sla=sla,
        incidents=incidents,
        origins=Origins(
            meter=_meter_origin(view, told),
            revenue=Origin.of_events(view.block, _of_fleet(system, system.router, _ROUTING, fleet_id, number)),
            sla=Origin.of_events(view.block, _named(happened, ("Close",))),
            bond=Origin.of_events(view.block, _to_lessees(slashes)),
            incidents=Origin.of_events(view.block, [*_unusual(told), *_lies(slashes)]),
            debt=_debt_origin(system, view),
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


def _debt_origin(system: System, view: FleetView) -> Origin | None:
    """Return which events told of the open or held loan; interest runs until the block."""
    if view.row.market is None:
        return None
    if view.row.loan is None:
        return Origin.of_state(view.block, "FleetCredit.loanOf")
    credit, first = system.credit(view.row.fleet.settlement_token).credit, system.manifest.first_block
    told = events(credit, _DEBT, [topic(view.row.loan.loan_id)], first=first, block=view.block.number)
    return Origin.of_events(view.block, told, view.block.at)


def _named(happened: Lives, names: Sequence[str]) -> list[Event]:
    return [event for life in happened.values() for event in life if event.name in names]


def _lies(slashes: Sequence[Event]) -> list[Event]:
    return [event for event in slashes if event.arguments["reason"] == SlashReason.LIE]


def _to_lessees(slashes: Sequence[Event]) -> list[Event]:
    return [event for event in slashes if event.arguments["reason"] != SlashReason.LIE]


def _of_fleet(
    system: System, contract: Contract, names: str | Sequence[str], fleet_id: FleetId, block: BlockNumber
) -> list[Event]:
    return list(events(contract, names, [topic(fleet_id)], first=system.manifest.first_block, block=block))
