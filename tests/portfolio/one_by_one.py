"""What an account has, read by the wrappers one by one: what the lens is compared with. Money in token units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pyutils.chain import rpc
from pyutils.contracts import System
from pyutils.contracts.base import Block
from pyutils.contracts.stablecoin import Stablecoin
from pyutils.models import Bond, Debt, Lease, Loan, LoanState
from pyutils.operations.fleets import fleet_ids
from pyutils.operations.history import block_number, block_time
from pyutils.operations.leases import leases_of
from pyutils.operations.loans import loans as all_loans
from pyutils.operations.money import Owed, owed, tokens
from pyutils.operations.vaults import LenderPosition, lender
from pyutils.units import BlockNumber, FleetId, LeaseId, LoanId, ShareUnits, TokenUnits, UnixSeconds


@dataclass(frozen=True, slots=True)
class Holding:
    """A coin held."""

    token: str
    symbol: str
    decimals: int
    amount: TokenUnits


@dataclass(frozen=True, slots=True)
class SharePosition:
    """Shares of one fleet, and what they have earned and not been paid."""

    fleet_id: FleetId
    shares: ShareUnits
    bound: ShareUnits
    """Shares bound to the title, where the account owns it."""
    supply: ShareUnits
    claimable: TokenUnits
    claimable_by_title: TokenUnits


@dataclass(frozen=True, slots=True)
class LoanPosition:
    """A loan of which the account is the borrower, while anything is owed."""

    token: str
    loan_id: LoanId
    loan: Loan
    debt: Debt


@dataclass(frozen=True, slots=True)
class Position:
    """All that an account has."""

    account: str
    block: BlockNumber
    at: UnixSeconds
    wei: int
    coins: tuple[Holding, ...]
    shares: tuple[SharePosition, ...]
    leases: tuple[tuple[LeaseId, Lease], ...]
    bonds: tuple[tuple[FleetId, Bond], ...]
    lent: tuple[tuple[str, LenderPosition], ...]
    """What it has in credit vaults, by the token that is lent."""
    loans: tuple[LoanPosition, ...]
    owed: tuple[Owed, ...]


def positions(system: System, account: str, block: Block = "latest") -> Position:
    """Return what `account` has as of `block`; one block for everything, so that it adds up."""
    number = block_number(system.web3, block)
    coins = []
    for token in tokens(system, number):
        coin = Stablecoin(system.web3, token)
        coins.append(Holding(token, coin.symbol(number), coin.decimals(number), coin.balance_of(account, number)))
    ids = fleet_ids(system, number)
    held = (_shares(system, fleet_id, account, number) for fleet_id in ids)
    bonds = ((fleet_id, system.bond.bond(fleet_id, account, number)) for fleet_id in ids)
    return Position(
        account=account,
        block=number,
        at=block_time(system.web3, number),
        wei=int(rpc.request(system.web3, "eth_getBalance", account, hex(number)), 16),
        coins=tuple(coins),
        shares=tuple(one for one in held if one.shares or one.bound or one.claimable or one.claimable_by_title),
        leases=leases_of(system, account, number),
        bonds=tuple((fleet_id, bond) for fleet_id, bond in bonds if any(bond.row())),
        lent=tuple(_lent(system, account, number)),
        loans=tuple(_loans(system, account, number)),
        owed=owed(system, account, number),
    )


def _lent(system: System, account: str, block: BlockNumber) -> Iterator[tuple[str, LenderPosition]]:
    for market in system.credit_markets():
        found = lender(market, account, block)
        if found.shares or found.pending or found.claimable or found.cancelled:
            yield market.token.address, found


def _loans(system: System, account: str, block: BlockNumber) -> Iterator[LoanPosition]:
    for market in system.credit_markets():
        for loan_id, loan in all_loans(market, block):
            if loan.borrower == account and loan.state in {LoanState.OPEN, LoanState.HELD}:
                yield LoanPosition(market.token.address, loan_id, loan, market.credit.debt(loan_id, block))


def _shares(system: System, fleet_id: FleetId, account: str, block: BlockNumber) -> SharePosition:
    shares = system.shares(fleet_id)
    owns_title = system.registry.owner_of(fleet_id, block) == account
    return SharePosition(
        fleet_id=fleet_id,
        shares=shares.balance_of(account, block),
        bound=shares.bound_shares(block) if owns_title else ShareUnits(0),
        supply=shares.total_supply(block),
        claimable=shares.claimable(account, block),
        claimable_by_title=shares.claimable_by_title(block) if owns_title else TokenUnits(0),
    )
