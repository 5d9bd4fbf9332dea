"""Exact mirror of `EpochLib` and `RedemptionQueue`: requests to redeem by weeks, served oldest first, and claims."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from pyutils.credit.vault_refusals import (
    CutOffPassedError,
    ERC20InsufficientAllowanceError,
    NothingPendingError,
    NotOperatorError,
    RequestExceedsClaimableError,
    ZeroSharesError,
)
from pyutils.models.vault import Epoch
from pyutils.revenue.shares import ERC20InsufficientBalanceError
from pyutils.units import NO_MONEY, TokenUnits, UnixSeconds, VaultShares

WEEK_S = 7 * 86_400
NO_SHARES = VaultShares(0)
UNLIMITED = 2**256 - 1
"""An allowance that is not spent."""


def epoch_at(now: UnixSeconds) -> int:
    """Return the epoch of a time: its UTC week since 1970, Thursday to Wednesday."""
    return now // WEEK_S


@dataclass(slots=True)
class Week:
    """One epoch: shares of the positions that are in it, how many of them were served, and for what."""

    shares: int = 0
    served_shares: int = 0
    served_assets: int = 0

    @property
    def unserved(self) -> int:
        """Return the shares that wait."""
        return self.shares - self.served_shares


@dataclass(slots=True)
class Position:
    """A controller's requests. What was served of `shares` is credited to what is claimable."""

    shares: int = 0
    epoch: int = 0
    credited_shares: int = 0
    credited_assets: int = 0
    claimable_shares: int = 0
    claimable_assets: int = 0
    cancelled: int = 0


class RedemptionModel:
    """The vault's shares, and how they leave. Escrowed shares belong to the vault's own address."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.supply = NO_SHARES
        self.set_aside = NO_MONEY
        self.balances: defaultdict[str, int] = defaultdict(int)
        self.allowances: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.operators: set[tuple[str, str]] = set()
        self.weeks: defaultdict[int, Week] = defaultdict(Week)
        self.positions: defaultdict[str, Position] = defaultdict(Position)

    # ---- shares ----

    def transfer(self, sender: str, receiver: str, shares: VaultShares) -> None:
        """Move shares. Raises `ERC20InsufficientBalanceError`."""
        if shares > self.balances[sender]:
            raise ERC20InsufficientBalanceError(sender, self.balances[sender], shares)
        self.balances[sender] -= shares
        self.balances[receiver] += shares

    def approve(self, owner: str, spender: str, shares: int) -> None:
        """Allow `spender` to request with, and to move, so many of `owner`'s shares."""
        self.allowances[owner, spender] = shares

    def set_operator(self, controller: str, operator: str, approved: bool) -> None:
        """Let `operator` act for `controller`, or no longer."""
        if approved:
            self.operators.add((controller, operator))
        else:
            self.operators.discard((controller, operator))

    # ---- requests ----

    def request_redeem(self, caller: str, shares: VaultShares, controller: str, owner: str, now: UnixSeconds) -> None:
        """Ask for the redemption of `owner`'s shares; what `controller` has pending moves to this week with them."""
        if shares == 0:
            raise ZeroSharesError
        position = self.positions[controller]
        adds = self.pending(controller) > 0
        if adds:
            self._require_for(controller, caller)
        spends = caller != owner and (owner, caller) not in self.operators
        allowed = self.allowances[owner, caller]
        if spends and allowed < shares:
            raise ERC20InsufficientAllowanceError(caller, allowed, shares)
        self.transfer(owner, self.address, shares)
        if spends and allowed < UNLIMITED:
            self.allowances[owner, caller] -= shares
        self._settle(position)
        joining = int(shares)
        if position.shares and position.epoch != epoch_at(now):
            joining += self._depart(position)
        position.epoch = epoch_at(now)
        position.shares += joining
        self.weeks[position.epoch].shares += joining

    def cancel_redeem_request(self, caller: str, controller: str, now: UnixSeconds) -> None:
        """Take back all that is pending, while its week runs."""
        self._require_for(controller, caller)
        if self.pending(controller) == 0:
            raise NothingPendingError(controller)
        position = self.positions[controller]
        if position.epoch != epoch_at(now):
            raise CutOffPassedError(position.epoch)
        position.cancelled += self._depart(position)

    def claim_cancel_redeem_request(self, caller: str, receiver: str, controller: str) -> VaultShares:
        """Send the shares of cancelled requests to `receiver`."""
        self._require_for(controller, caller)
        position = self.positions[controller]
        shares, position.cancelled = VaultShares(position.cancelled), 0
        if shares == 0:
            raise NothingPendingError(controller)
        self.transfer(self.address, receiver, shares)
        return shares

    # ---- claims ----

    def redeem(self, caller: str, shares: VaultShares, controller: str) -> TokenUnits:
        """Claim served shares for the assets they were served for, rounded down."""
        self._require_for(controller, caller)
        claimable = self.claimable_shares(controller)
        if shares > claimable:
            raise RequestExceedsClaimableError(controller, shares, claimable)
        assets = self.claimable_assets(controller) * shares // claimable if shares else 0
        return self._claim(controller, shares, TokenUnits(assets))

    def withdraw(self, caller: str, assets: TokenUnits, controller: str) -> TokenUnits:
        """Claim assets that were set aside for the shares they were served for, rounded up."""
        self._require_for(controller, caller)
        claimable = self.claimable_assets(controller)
        if assets > claimable:
            raise RequestExceedsClaimableError(controller, assets, claimable)
        shares = -(-self.claimable_shares(controller) * assets // claimable) if assets else 0
        return self._claim(controller, VaultShares(shares), assets)

    # ---- reads ----

    def pending(self, controller: str) -> VaultShares:
        """Return the shares that wait. Rounds up: what is served of a position rounds down."""
        position = self.positions[controller]
        return VaultShares(position.shares - self._served(position)[0])

    def claimable_shares(self, controller: str) -> VaultShares:
        """Return the shares that were served and not claimed."""
        position = self.positions[controller]
        return VaultShares(position.claimable_shares + self._served(position)[0] - position.credited_shares)

    def claimable_assets(self, controller: str) -> TokenUnits:
        """Return the assets that can be claimed."""
        position = self.positions[controller]
        return TokenUnits(position.claimable_assets + self._served(position)[1] - position.credited_assets)

    def epoch_of(self, controller: str) -> int:
        """Return the epoch in which a controller's requests wait; zero where none do."""
        return self.positions[controller].epoch if self.pending(controller) else 0

    def epoch(self, epoch_id: int) -> Epoch:
        """Return one week's requests."""
        week = self.weeks[epoch_id]
        return Epoch(shares=week.shares, served_shares=week.served_shares, served_assets=week.served_assets)

    @property
    def oldest(self) -> int:
        """Return the oldest epoch that waits; zero where none does."""
        return min((epoch_id for epoch_id, week in self.weeks.items() if week.unserved), default=0)

    # ---- inside ----

    def serve_shares(self, epoch_id: int, shares: VaultShares, assets: TokenUnits) -> None:
        """Burn `shares` of an epoch and set `assets` aside for them."""
        week = self.weeks[epoch_id]
        week.served_shares += shares
        week.served_assets += assets
        self.set_aside = TokenUnits(self.set_aside + assets)
        self.balances[self.address] -= shares
        self.supply = VaultShares(self.supply - shares)

    def _require_for(self, controller: str, caller: str) -> None:
        if caller != controller and (controller, caller) not in self.operators:
            raise NotOperatorError(controller, caller)

    def _served(self, position: Position) -> tuple[int, int]:
        """Return what was served of a position in its epoch, credited or not: pro rata, rounded down."""
        week = self.weeks[position.epoch]
        if not position.shares or not week.served_shares:
            return 0, 0
        return (
            position.shares * week.served_shares // week.shares,
            position.shares * week.served_assets // week.shares,
        )

    def _credit(self, position: Position) -> None:
        shares, assets = self._served(position)
        position.claimable_shares += shares - position.credited_shares
        position.claimable_assets += assets - position.credited_assets
        position.credited_shares, position.credited_assets = shares, assets

    def _settle(self, position: Position) -> None:
        self._credit(position)
        if position.shares and position.credited_shares == position.shares:
            self._remove(position)

    def _depart(self, position: Position) -> int:
        """Take a position out of its epoch, and return what was not served of it."""
        self._credit(position)
        left = position.shares - position.credited_shares
        self._remove(position)
        return left

    def _remove(self, position: Position) -> None:
        week = self.weeks[position.epoch]
        week.shares -= position.shares
        week.served_shares -= position.credited_shares
        week.served_assets -= position.credited_assets
        position.shares = position.epoch = position.credited_shares = position.credited_assets = 0

    def _claim(self, controller: str, shares: VaultShares, assets: TokenUnits) -> TokenUnits:
        position = self.positions[controller]
        self._settle(position)
        position.claimable_shares -= shares
        position.claimable_assets -= assets
        self.set_aside = TokenUnits(self.set_aside - assets)
        return assets
