"""Fleets as of one block: what they are, what their meters and books say, and what is owed against them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, TypeVar

from pydantic import BeforeValidator

from pyutils.chain import rpc
from pyutils.chain.errors import ChainProtocolError
from pyutils.contracts import System
from pyutils.models import (
    Address,
    Debt,
    Evidence,
    Fleet,
    FleetValue,
    FrozenModel,
    Head,
    Health,
    Loan,
    Revenue,
    StructModel,
)
from pyutils.models.row import nested
from pyutils.portfolio import places
from pyutils.portfolio.block import PinnedBlock, pin
from pyutils.portfolio.coin import read_symbol
from pyutils.portfolio.lens import MOST_PAGE_BYTES, ask
from pyutils.units import FleetId, TokenUnits

_PLACES: Final = ("FleetRegistry", "MeterOracle", "LeaseBook", "RevenueRouter", "FixedPricing")
"""Where a fleet is described, in the order in which the lens takes them."""
_ALL: Final = 2**256 - 1

Row = TypeVar("Row", bound=StructModel)


def _rows(model: type[Row]) -> BeforeValidator:
    def read(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            return value
        return tuple(row if isinstance(row, model) else model.from_row(row) for row in value)

    return BeforeValidator(read)


def _symbol(value: Any) -> Any:
    return read_symbol(value) if isinstance(value, bytes) else value


class LastInterval(StructModel):
    """What the head's last interval says, where the oracle can tell it; else zero, and not told."""

    utilization_told: bool
    utilization_wad: int
    """Busy over available GPU time; rounds down."""
    power_told: bool
    mean_power_watts: int
    joules_told: bool
    joules_per_busy_gpu_hour: int


class FleetLoan(StructModel):
    """The open or held loan of a fleet. Money in units of the token that is lent."""

    loan_id: int
    loan: Annotated[Loan, nested(Loan)]
    has_lot: bool
    """Whether title and pledged shares are still in custody for it."""
    principal: int
    interest: int
    """Until the block, rounded up."""
    arrears: int
    """Due and not paid."""
    evidence: Annotated[Evidence, BeforeValidator(Evidence)]
    since: int
    health_told: bool
    """False where appraisal or feed cannot tell; `health` is zero then."""
    health: Annotated[Health, nested(Health)]

    @property
    def debt(self) -> Debt:
        """What is owed."""
        return Debt(TokenUnits(self.principal), TokenUnits(self.interest))


class FleetMarket(StructModel):
    """A fleet as the market sees it that lends its settlement token."""

    credit: Address
    value_told: bool
    """False where the fleet's class was never priced; `value` is zero then."""
    value: Annotated[FleetValue, nested(FleetValue)]
    """By the last known price, however old it is: `priced_at` says."""
    loans: Annotated[tuple[FleetLoan, ...], _rows(FleetLoan)]
    """None, or one."""


class FleetRow(StructModel):
    """A fleet with what every contract says of it. Money in units of its settlement token."""

    fleet_id: int
    fleet: Annotated[Fleet, nested(Fleet)]
    symbol: Annotated[str, BeforeValidator(_symbol)]
    """Of the settlement token."""
    owner: Address
    controller: Address
    """Zero where a custodian names nobody, or does not answer."""
    price_per_gpu_hour: int
    """0 where the fleet has no fixed price."""
    leased_gpus: int
    escrow: int
    head: Annotated[Head, nested(Head)]
    reporter: Address
    verifiers: Annotated[tuple[Address, ...], BeforeValidator(tuple)]
    quorum: int
    capacity_gpu_ms: int
    """From enrolment to the head's `as_of`."""
    interval: Annotated[LastInterval, nested(LastInterval)]
    revenue: Annotated[Revenue, nested(Revenue)]
    net_revenue30: int
    """Recorded as evidence in the last 30 complete UTC days."""
    supply: int
    bound_shares: int
    collected: int
    """What the shares ever brought in, and below what of it has not entered the index yet."""
    unreleased: int
    markets: Annotated[tuple[FleetMarket, ...], _rows(FleetMarket)]
    """None, or the one that lends the settlement token."""

    @property
    def market(self) -> FleetMarket | None:
        """The market that lends the settlement token."""
        return self.markets[0] if self.markets else None

    @property
    def loan(self) -> FleetLoan | None:
        """The open or held loan."""
        return self.markets[0].loans[0] if self.markets and self.markets[0].loans else None


class FleetView(FrozenModel):
    """A fleet, and the block as of which everything about it was read."""

    block: PinnedBlock
    row: FleetRow


def read_fleet(system: System, fleet_id: FleetId, block: rpc.Block = "latest") -> FleetView:
    """Return a fleet as of `block`, by one `eth_call`. Raises `RevertedError` `UnknownFleet`, else as `read_fleets`."""
    return _read(system, fleet_id, fleet_id, block)[0]


def read_fleets(system: System, block: rpc.Block = "latest") -> tuple[FleetView, ...]:
    """Return all fleets as of `block`, some thirty with each `eth_call`.

    Raises:
        NoSuchBlockError: the block is not there yet.
        BeforeDeploymentError: the block is older than the system.
        PrunedBlockError: the node keeps no state of the block.

    """
    return _read(system, 1, _ALL, block)


def _read(system: System, first: int, last: int, block: rpc.Block) -> tuple[FleetView, ...]:
    manifest = system.manifest
    at = pin(system.web3, block, first=places.first_block(manifest, _PLACES))
    addresses = [manifest.address(name) for name in _PLACES]
    markets = [
        (market.token, market.address("FleetCredit"), market.address("Appraisal"))
        for market in places.markets_at(manifest, at.number)
    ]
    found: list[Sequence[Any]] = []
    following = first
    while True:
        query = (following, last, *addresses, markets, MOST_PAGE_BYTES)
        rows, following = ask(system.web3, "FleetLens", "fleets", query, at=at)
        found += rows
        if not following:
            break
        if not rows or following != first + len(found):
            raise ChainProtocolError(f"FleetLens.fleets: {len(found)} fleets from {first} on, and then {following}")
    return tuple(FleetView(block=at, row=FleetRow.from_row(row)) for row in found)
