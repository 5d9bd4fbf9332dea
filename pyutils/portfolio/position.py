"""All that an account has anywhere in the system as of one block, read by a lens in one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pyutils.chain import rpc
from pyutils.contracts import System
from pyutils.errors import InputError
from pyutils.manifest import CreditMarket
from pyutils.models import ZERO_ADDRESS, Address, FrozenModel, parse_address
from pyutils.portfolio import places
from pyutils.portfolio.block import PinnedBlock, pin
from pyutils.portfolio.bond import BondPosition
from pyutils.portfolio.claimable import Claimable
from pyutils.portfolio.coin import Coin, OwedAmount, read_symbol
from pyutils.portfolio.lease import LeasePosition
from pyutils.portfolio.lender import VaultPosition
from pyutils.portfolio.lens import MOST_PAGE_BYTES, GasCapError, ask
from pyutils.portfolio.loan import LoanPosition
from pyutils.portfolio.share import SharePosition, TitlePosition

_BEGIN: Final = (0, 0, 0, 0, 0, 0, False)
_REGISTERS: Final = ("FleetRegistry", "FleetShareFactory", "LeaseBook", "OperatorBond")
"""Where fleets, shares, leases and bonds are found, in the order in which the lens takes them."""


class ZeroAddressError(InputError):
    """The zero address owns nothing."""

    remedy = "Give the address of an account; what was sent to the zero address is burned"

    def __init__(self) -> None:
        super().__init__("the zero address has no positions")


class ContractAddressError(InputError):
    """The address is a contract's, where an account's was meant."""

    remedy = "Give the address of its owner; --contract shows what a contract has, such as a multisig wallet"

    def __init__(self, address: str, name: str = "") -> None:
        super().__init__(f"{address} is a contract" + (f", the system's {name}" if name else ""))
        self.address, self.name = address, name


class Position(FrozenModel):
    """All that an account has as of a block. Money in token units; nothing is listed that is empty."""

    account: Address
    block: PinnedBlock
    is_contract: bool
    wei: int
    coins: tuple[Coin, ...]
    """Every coin in which a fleet settles, and the test coin; also those of which it has none."""
    shares: tuple[SharePosition, ...]
    titles: tuple[TitlePosition, ...]
    bonds: tuple[BondPosition, ...]
    leases: tuple[LeasePosition, ...]
    vaults: tuple[VaultPosition, ...]
    loans: tuple[LoanPosition, ...]
    owed: tuple[OwedAmount, ...]

    @property
    def claimables(self) -> tuple[Claimable, ...]:
        """All that the account may take now, with the command that takes it."""
        rows = [
            *(_of_fleet("shares", one.fleet_id, one.token, one.claimable) for one in self.shares),
            *(_of_fleet("title", one.fleet_id, one.token, one.claimable) for one in self.titles),
            *(
                Claimable(source=one.symbol, token=one.token, amount=one.claimable, command="gpurwa vault claim")
                for one in self.vaults
            ),
            *(
                Claimable(source=one.contract, token=one.token, amount=one.amount, command="gpurwa withdraw")
                for one in self.owed
            ),
        ]
        return tuple(one for one in rows if one.amount)


def _of_fleet(what: str, fleet_id: int, token: str, amount: int) -> Claimable:
    option = " --title" if what == "title" else ""
    return Claimable(
        source=f"{what} of fleet {fleet_id}", token=token, amount=amount, command=f"gpurwa claim {fleet_id}{option}"
    )


def read_position(system: System, account: str, block: rpc.Block = "latest", *, contract: bool = False) -> Position:
    """Return what `account` has as of `block`.

    One `eth_call` reads a page, three hundred positions or a thousand fleets without one under usual limits; all pages
    are read as of one block.

    Args:
        system: the contracts.
        account: whose positions.
        block: a number, or `latest`, `safe`, `finalized`.
        contract: whether the account may be a contract, such as a wallet.

    Raises:
        ZeroAddressError: nobody can own through the zero address.
        ContractAddressError: the account is a contract and `contract` is false.
        NoSuchBlockError: the block is not there yet.
        BeforeDeploymentError: the block is older than the system.
        PrunedBlockError: the node keeps no state of the block.

    """
    address = parse_address(account)
    if address == ZERO_ADDRESS:
        raise ZeroAddressError
    if not contract:
        _refuse_ours(system, address)
    manifest = system.manifest
    at = pin(system.web3, block, first=places.first_block(manifest, (*_REGISTERS, *places.PAYERS.values())))
    markets = places.markets_at(manifest, at.number)
    payers = places.payers(manifest, markets)
    pages = _pages(system, address, at, markets, [payer for _, payer in payers])
    if pages[0].is_contract and not contract:
        raise ContractAddressError(address)
    return _joined(address, at, pages, [name for name, _ in payers])


class _Page:
    """One page as the lens answers it."""

    def __init__(self, row: Sequence[Any]) -> None:
        (
            self.is_contract,
            self.wei,
            self.coins,
            self.shares,
            self.titles,
            self.bonds,
            self.leases,
            self.vaults,
            self.loans,
            self.next,
        ) = row

    @property
    def is_last(self) -> bool:
        """Whether all was read."""
        return bool(self.next[-1])


def _pages(
    system: System, account: str, at: PinnedBlock, markets: Sequence[CreditMarket], payers: Sequence[str]
) -> list[_Page]:
    manifest = system.manifest
    registers = [manifest.address(name) for name in _REGISTERS]
    lending = [(market.address("FleetCredit"), market.address("CreditVault")) for market in markets]
    coins = places.coins_at(manifest, at.number)
    pages: list[_Page] = []
    begin: tuple[Any, ...] = _BEGIN
    known: list[str] = []
    while True:
        query = (account, *registers, payers, lending, () if pages else coins, known, begin, MOST_PAGE_BYTES)
        page = _Page(ask(system.web3, "PositionLens", "positions", query, at=at))
        pages.append(page)
        if page.is_last:
            return pages
        # The order in which the lens reads: a node that lies keeps nobody here for ever.
        if tuple(page.next)[:4] <= begin[:4]:
            raise GasCapError("PositionLens", at.number)
        begin = page.next
        known += [coin[0] for coin in page.coins]


def _joined(account: str, at: PinnedBlock, pages: Sequence[_Page], payers: Sequence[str]) -> Position:
    coins, owed = [], []
    for token, decimals, amount, symbol, amounts in (row for page in pages for row in page.coins):
        coins.append(Coin(token=token, symbol=read_symbol(symbol), decimals=decimals, amount=amount))
        owed += [
            OwedAmount(contract=name, token=token, amount=units)
            for name, units in zip(payers, amounts, strict=True)
            if units
        ]
    return Position(
        account=account,
        block=at,
        is_contract=pages[0].is_contract,
        wei=pages[0].wei,
        coins=tuple(coins),
        shares=tuple(SharePosition.from_row(row) for page in pages for row in page.shares),
        titles=tuple(TitlePosition.from_row(row) for page in pages for row in page.titles),
        bonds=tuple(BondPosition.from_row(row) for page in pages for row in page.bonds),
        leases=tuple(LeasePosition.from_row(row) for page in pages for row in page.leases),
        vaults=tuple(VaultPosition.from_row(row) for page in pages for row in page.vaults),
        loans=tuple(LoanPosition.from_row(row) for page in pages for row in page.loans),
        owed=tuple(owed),
    )


def _refuse_ours(system: System, address: str) -> None:
    for name, record in system.manifest.everything:
        if record.address == address:
            raise ContractAddressError(address, name)
