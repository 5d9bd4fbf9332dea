"""Whether every coin that was minted is found, and every contract holds exactly what its books say."""

from __future__ import annotations

from collections.abc import Sequence

from pyutils.contracts import Stablecoin
from pyutils.contracts.payouts import PayoutContract
from pyutils.demo.ledger import entries
from pyutils.demo.people import OPERATORS
from pyutils.demo.world import World
from pyutils.models import ZERO_ADDRESS, Loan, parse_address
from pyutils.units import FleetId, LeaseId, LoanId


def imbalances(world: World, fleets: Sequence[FleetId]) -> tuple[str, ...]:
    """Return each difference between token balances on chain and what is counted, in words; none where all agree."""
    accounts = _accounts(world)
    counted: dict[str, tuple[str, int]] = {
        "LeaseBook": (world.book.address, _book(world, fleets)),
        "MeterOracle": (world.oracle.address, _oracle(world, fleets)),
        "OperatorBond": (world.bond.address, _bond(world, fleets)),
        "RevenueRouter": (world.router.address, _router(world, fleets)),
        "LossFund": (world.system.loss_fund.address, world.system.loss_fund.held(world.coin.address)),
    }
    counted |= _market(world)
    owing: tuple[PayoutContract, ...] = (world.book, world.oracle, world.bond, world.router, world.market.credit)
    for contract in owing:
        address, amount = counted[contract.NAME]
        counted[contract.NAME] = address, amount + _owed(world, contract, accounts)
    for fleet_id in fleets:
        counted[f"shares of fleet {fleet_id}"] = world.shares(fleet_id).address, _shares(world, fleet_id)
    found = _minted(world.coin, world.manifest.first_block)
    found += _minted(world.bitcoin, world.manifest.first_block)
    for name, (address, amount) in counted.items():
        balance = world.coin.balance_of(address)
        if balance != amount:
            found.append(f"{name} holds {balance} units and counts {amount}")
    for fleet_id in fleets:
        found += _escrow(world, fleet_id)
        found += _pledges(world, fleet_id)
    return (*found, *_collateral(world))


def _accounts(world: World) -> list[str]:
    """Return everybody who ever received a coin, and the loss fund, which may be owed some."""
    return sorted({*_receivers(world.coin, world.manifest.first_block), world.system.loss_fund.address})


def _receivers(coin: Stablecoin, first_block: int) -> set[str]:
    transfers = entries(coin, "Transfer", first_block)
    return {str(parse_address(entry.arguments["to"])) for entry in transfers} - {ZERO_ADDRESS}


def _minted(coin: Stablecoin, first_block: int) -> list[str]:
    minted = 0
    for entry in entries(coin, "Transfer", first_block):
        if parse_address(entry.arguments["from"]) == ZERO_ADDRESS:
            minted += entry.arguments["value"]
        if parse_address(entry.arguments["to"]) == ZERO_ADDRESS:
            minted -= entry.arguments["value"]
    held = sum(coin.balance_of(account) for account in _receivers(coin, first_block))
    return [] if held == minted else [f"{minted} units of {coin.symbol()} were minted and {held} are found"]


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


def _market(world: World) -> dict[str, tuple[str, int]]:
    """Return what the contracts of the credit market count, but for what FleetCredit owes."""
    market = world.market
    book = market.vault.book()
    return {
        "FleetCredit": (market.credit.address, sum(loan.set_aside + loan.reserve for loan in _loans(world))),
        "CreditVault": (market.vault.address, book.cash + book.set_aside),
        "CollateralAuction": (market.auction.address, 0),
        "FleetCustody": (market.custody.address, 0),
    }


def _pledges(world: World, fleet_id: FleetId) -> list[str]:
    """Compare what custody holds with what open loans pledged."""
    market, found = world.market, []
    loan_id = market.credit.loan_of(fleet_id)
    loan = market.credit.loan(loan_id) if loan_id is not None else None
    pledged, owner = (0 if loan is None else loan.shares), world.registry.owner_of(fleet_id)
    held = world.shares(fleet_id).balance_of(market.custody.address)
    if held != pledged:
        found.append(f"custody holds {held} shares of fleet {fleet_id}, its loan pledged {pledged}")
    if (owner == market.custody.address) != (loan is not None):
        found.append(f"custody has the title of fleet {fleet_id} without a loan, or has it not with one")
    return found


def _loans(world: World) -> list[Loan]:
    """Return the loans that were drawn."""
    credit = world.market.credit
    every = (credit.loan(LoanId(number)) for number in range(1, credit.loan_count() + 1))
    return [loan for loan in every if loan.started_at]


def _collateral(world: World) -> list[str]:
    held = world.bitcoin.balance_of(world.market.custody.address)
    pledged = sum(loan.collateral_amount for loan in _loans(world))
    return [] if held == pledged else [f"custody holds {held} units of bitcoin, loans pledged {pledged}"]


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
