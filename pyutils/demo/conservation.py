"""Whether every coin that was minted is found, and every contract holds exactly what its books say."""

from __future__ import annotations

from collections.abc import Sequence

from pyutils.contracts.payouts import PayoutContract
from pyutils.demo.ledger import entries
from pyutils.demo.people import OPERATORS
from pyutils.demo.world import World
from pyutils.models import ZERO_ADDRESS, parse_address
from pyutils.units import FleetId, LeaseId


def imbalances(world: World, fleets: Sequence[FleetId]) -> tuple[str, ...]:
    """Return each difference between token balances on chain and what is counted, in words; none where all agree."""
    accounts = _accounts(world)
    counted = {
        "LeaseBook": (world.book.address, _book(world, fleets)),
        "MeterOracle": (world.oracle.address, _oracle(world, fleets)),
        "OperatorBond": (world.bond.address, _bond(world, fleets)),
        "RevenueRouter": (world.router.address, _router(world, fleets)),
        "LossFund": (world.system.loss_fund.address, world.system.loss_fund.held(world.coin.address)),
    }
    owing: tuple[PayoutContract, ...] = (world.book, world.oracle, world.bond, world.router)
    for contract in owing:
        address, amount = counted[contract.NAME]
        counted[contract.NAME] = address, amount + _owed(world, contract, accounts)
    for fleet_id in fleets:
        counted[f"shares of fleet {fleet_id}"] = world.shares(fleet_id).address, _shares(world, fleet_id)
    found = _minted(world, accounts)
    for name, (address, amount) in counted.items():
        balance = world.coin.balance_of(address)
        if balance != amount:
            found.append(f"{name} holds {balance} units and counts {amount}")
    for fleet_id in fleets:
        found += _escrow(world, fleet_id)
    return tuple(found)


def _accounts(world: World) -> list[str]:
    """Return everybody who ever received a coin, and the loss fund, which may be owed some."""
    transfers = entries(world.coin, "Transfer", world.manifest.first_block)
    received = {parse_address(entry.arguments["to"]) for entry in transfers}
    return sorted({*received, world.system.loss_fund.address} - {ZERO_ADDRESS})


def _minted(world: World, accounts: Sequence[str]) -> list[str]:
    minted = 0
    for entry in entries(world.coin, "Transfer", world.manifest.first_block):
        if parse_address(entry.arguments["from"]) == ZERO_ADDRESS:
            minted += entry.arguments["value"]
        if parse_address(entry.arguments["to"]) == ZERO_ADDRESS:
            minted -= entry.arguments["value"]
    held = sum(world.coin.balance_of(account) for account in accounts)
    return [] if held == minted else [f"{minted} units were minted and {held} are found"]


def _owed(world: World, contract: PayoutContract, accounts: Sequence[str]) -> int:
    return sum(contract.owed(world.coin.address, account) for account in accounts)


def _book(world: World, fleets: Sequence[FleetId]) -> int:
    return sum(world.book.escrow_of(fleet_id) for fleet_id in fleets)


def _oracle(world: World, fleets: Sequence[FleetId]) -> int:
    """Stakes of open disputes, and of pending reports that nobody disputed."""
    total = 0
    for fleet_id in fleets:
        dispute, pending = world.oracle.open_dispute(fleet_id), world.oracle.pending(fleet_id)
        total += dispute.poster_stake + dispute.disputer_stake
        total += pending.stake if pending.digest != dispute.digest else 0
    return total


def _bond(world: World, fleets: Sequence[FleetId]) -> int:
    total = 0
    for fleet_id in fleets:
        for operator in OPERATORS:
            bond = world.bond.bond(fleet_id, world.address(operator))
            total += bond.reserved + bond.lie_stake + bond.free + bond.unbonding
    return total


def _router(world: World, fleets: Sequence[FleetId]) -> int:
    return sum(world.router.revenue(fleet_id).uncollected for fleet_id in fleets)


def _shares(world: World, fleet_id: FleetId) -> int:
    """Return what arrived and was not claimed."""
    shares, first = world.shares(fleet_id), world.manifest.first_block
    claims = [*entries(shares, "Claim", first), *entries(shares, "ClaimTitle", first)]
    claimed: int = sum(entry.arguments["amount"] for entry in claims)
    return shares.collected() - claimed


def _escrow(world: World, fleet_id: FleetId) -> list[str]:
    """Compare a fleet's escrow with its leases, and each lease's legs with the deposit that was pulled."""
    pulled = {
        entry.arguments["leaseId"]: entry.arguments["deposit"]
        for entry in entries(world.book, "Open", world.manifest.first_block)
    }
    found = []
    held = 0
    for number in range(1, world.book.lease_count(fleet_id) + 1):
        lease_id = LeaseId(fleet_id << 32 | number)
        lease = world.book.lease(lease_id)
        held += lease.held
        legs = lease.paid + lease.fee + lease.refunded + lease.held
        if legs != pulled[lease_id]:
            found.append(f"lease {lease_id} took {pulled[lease_id]} units and accounts for {legs}")
    unrouted = world.router.revenue(fleet_id).pending
    if held + unrouted != world.book.escrow_of(fleet_id):
        found.append(f"fleet {fleet_id} has {world.book.escrow_of(fleet_id)} in escrow, its leases {held + unrouted}")
    return found
