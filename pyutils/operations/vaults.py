"""Credit vaults: what they are worth, who waits to leave, and one lender's position. Money in units of the token."""

from __future__ import annotations

from dataclasses import dataclass

from pyutils.chain import Lane, Receipt
from pyutils.contracts import CreditSystem
from pyutils.contracts.base import Block
from pyutils.errors import InputError
from pyutils.models import Epoch, VaultBook
from pyutils.operations.history import block_number, block_time
from pyutils.operations.money import Pay, make_payable
from pyutils.units import TokenUnits, UnixSeconds, VaultShares

EPOCH_S = 7 * 86_400


class NothingToClaimError(InputError):
    """Nothing was served for this lender."""

    remedy = "Wait for the epoch's end, then `gpurwa vault serve`; `gpurwa vault status ACCOUNT` tells"


class TooFewSharesError(InputError):
    """The lender holds fewer shares than it wants to redeem."""

    remedy = "Ask for fewer, or for `all`"


@dataclass(frozen=True, slots=True)
class LenderPosition:
    """What one lender has in a vault."""

    account: str
    shares: VaultShares
    worth: TokenUnits
    """Of `shares`, at the conservative value."""
    pending: VaultShares
    """Asked to be redeemed, and not served."""
    pending_epoch: int | None
    claimable_shares: VaultShares
    claimable: TokenUnits
    """Set aside for the lender, to be claimed."""
    cancelled: VaultShares
    """Of a request that was taken back, to be claimed."""


@dataclass(frozen=True, slots=True)
class VaultView:
    """A vault as of a block."""

    block: int
    at: UnixSeconds
    conservative: TokenUnits
    """What lenders leave at."""
    optimistic: TokenUnits
    """What lenders enter at."""
    supply: VaultShares
    book: VaultBook
    lendable: TokenUnits
    room: TokenUnits
    """May be deposited now; nothing while entry is closed."""
    cap: TokenUnits
    current_epoch: int
    closes_at: UnixSeconds
    """End of the current epoch's week."""
    oldest_epoch: int | None
    oldest: Epoch | None
    serving_from: UnixSeconds
    lender: LenderPosition | None


def show(market: CreditSystem, account: str | None = None, block: Block = "latest") -> VaultView:
    """Return a vault as of `block`, with one lender's position where named."""
    vault = market.vault
    number = block_number(vault.web3, block)
    current, oldest = vault.current_epoch(number), vault.oldest_epoch(number)
    return VaultView(
        block=number,
        at=block_time(vault.web3, number),
        conservative=vault.conservative_assets(number),
        optimistic=vault.optimistic_assets(number),
        supply=vault.total_supply(number),
        book=vault.book(number),
        lendable=vault.lendable(number),
        room=vault.max_deposit(account or vault.address, number),
        cap=vault.cap(number),
        current_epoch=current,
        closes_at=UnixSeconds((current + 1) * EPOCH_S),
        oldest_epoch=oldest,
        oldest=vault.epoch(oldest, number) if oldest is not None else None,
        serving_from=vault.serving_from(number),
        lender=lender(market, account, number) if account is not None else None,
    )


def lender(market: CreditSystem, account: str, block: Block = "latest") -> LenderPosition:
    """Return what one lender has in a vault as of `block`."""
    vault = market.vault
    shares, pending = vault.balance_of(account, block), vault.pending_redeem_request(account, block)
    return LenderPosition(
        account=account,
        shares=shares,
        worth=vault.convert_to_assets(shares, block),
        pending=pending,
        pending_epoch=vault.epoch_of(account, block) if pending else None,
        claimable_shares=vault.claimable_redeem_request(account, block),
        claimable=vault.max_withdraw(account, block),
        cancelled=vault.claimable_cancel(account, block),
    )


def deposit(
    market: CreditSystem, lane: Lane, assets: TokenUnits, receiver: str, pay: Pay
) -> tuple[Receipt, VaultShares]:
    """Deposit, and return the shares that it brought."""
    make_payable(lane, market.token, market.vault.address, assets, pay)
    receipt = market.vault.deposit(lane, assets, receiver)
    return receipt, VaultShares(market.vault.event(receipt, "Deposit")["shares"])


def request_redeem(market: CreditSystem, lane: Lane, shares: VaultShares | None) -> tuple[Receipt, VaultShares]:
    """Ask to redeem `shares`, or all that the lane's account holds where None; return how many they are."""
    held = market.vault.balance_of(lane.address)
    asked = held if shares is None else shares
    if not 0 < asked <= held:
        raise TooFewSharesError(f"{asked} share units are asked for, {lane.address} holds {held}")
    return market.vault.request_redeem(lane, asked, lane.address), asked


def cancel(market: CreditSystem, lane: Lane) -> tuple[Receipt, VaultShares]:
    """Take back what was asked in the current epoch, and claim the shares at once, with any taken back before."""
    vault = market.vault
    if vault.epoch_of(lane.address) == vault.current_epoch() or not vault.claimable_cancel(lane.address):
        vault.cancel_redeem_request(lane, lane.address)
    receipt = market.vault.claim_cancel(lane, lane.address, lane.address)
    return receipt, VaultShares(market.vault.event(receipt, "CancelRedeemClaim")["shares"])


def claim(market: CreditSystem, lane: Lane, to: str) -> tuple[Receipt, TokenUnits]:
    """Claim all that was set aside for the lane's account. Raises `NothingToClaimError`."""
    shares = market.vault.claimable_redeem_request(lane.address)
    if not shares:
        raise NothingToClaimError(f"nothing is set aside for {lane.address}")
    receipt = market.vault.redeem(lane, shares, to, lane.address)
    return receipt, TokenUnits(market.vault.event(receipt, "Withdraw")["assets"])
