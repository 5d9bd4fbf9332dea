"""Exact mirror of `OperatorBond`: what an operator loses by breaking its word. Money in token units."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from pyutils.models.money import Bond
from pyutils.payouts import Payouts
from pyutils.refusal import RefusalError
from pyutils.units import EPOCH, WAD, FleetId, TokenUnits, UnixSeconds

LEAST_STAKE_COINS = 1_000
ESCROW_STAKE_WAD = 5 * 10**16
"""Of the fleet's escrow: 5 %."""
UNBONDING_S = 21 * 86_400
FINDER_PARTS = 10
"""The finder of a lie gets one part of this many, rounded down; the loss fund gets the rest."""


class InvalidAmountError(RefusalError):
    """An amount of nothing does nothing."""


class BondTooSmallError(RefusalError):
    """The bond must hold more than it does: stake more."""

    fields = ("fleetId", "operator", "needed", "staked")


class NothingUnbondingError(RefusalError):
    """This operator has nothing on its way out."""

    fields = ("fleetId", "operator")


class StillUnbondingError(RefusalError):
    """What is on its way out may still be slashed."""

    fields = ("fleetId", "operator", "unbondsAt")


def stake_requirement_up(escrow: TokenUnits, decimals: int) -> TokenUnits:
    """Return what a lie, a pending report or a dispute puts at stake: max(1,000 coins, 5 % of `escrow`), rounded up."""
    return TokenUnits(max(LEAST_STAKE_COINS * 10**decimals, -(-escrow * ESCROW_STAKE_WAD // WAD)))


@dataclass(slots=True)
class Account:
    """One operator's stake for one fleet."""

    staked: int = 0
    """In the bond and not on its way out; reservations are part of it."""
    reserved: int = 0
    unbonding: int = 0
    unbonds_at: UnixSeconds = EPOCH
    slashed: int = 0
    withdrawn: int = 0
    ever_staked: int = 0
    """All that came in; the contract does not keep it, its invariant is about it."""


@dataclass(slots=True)
class Seat:
    """Whose bond covers a fleet's leases, and in which token."""

    operator: str
    token: str
    decimals: int


class BondModel:
    """Bonds of all operators for all fleets, and what the bond owes."""

    def __init__(self, loss_fund: str) -> None:
        self.payouts = Payouts()
        self.seats: dict[FleetId, Seat] = {}
        self.accounts: defaultdict[tuple[FleetId, str], Account] = defaultdict(Account)
        self._loss_fund = loss_fund

    def seat(self, fleet_id: FleetId, operator: str, token: str, decimals: int) -> None:
        """Name a new fleet's operator."""
        self.seats[fleet_id] = Seat(operator, token, decimals)

    def stake(self, fleet_id: FleetId, operator: str, amount: TokenUnits) -> None:
        """Stake `amount` for `operator`."""
        if amount == 0:
            raise InvalidAmountError
        account = self.accounts[fleet_id, operator]
        account.staked += amount
        account.ever_staked += amount

    def unbond(
        self, fleet_id: FleetId, operator: str, amount: TokenUnits, escrow: TokenUnits, now: UnixSeconds
    ) -> None:
        """Start to take out what is neither reserved nor, while the fleet has money in escrow, the seat's lie stake."""
        account = self.accounts[fleet_id, operator]
        stay = account.reserved
        if self.seats[fleet_id].operator == operator and escrow > 0:
            stay += self.stake_requirement(fleet_id, escrow)
        if amount == 0:
            raise InvalidAmountError
        if amount + stay > account.staked:
            raise BondTooSmallError(fleet_id, operator, amount + stay, account.staked)
        account.staked -= amount
        account.unbonding += amount
        account.unbonds_at = UnixSeconds(now + UNBONDING_S)

    def finish_unbonding(self, fleet_id: FleetId, operator: str, now: UnixSeconds) -> TokenUnits:
        """Credit what has unbonded to its operator, and return it."""
        account = self.accounts[fleet_id, operator]
        amount = account.unbonding
        if amount == 0:
            raise NothingUnbondingError(fleet_id, operator)
        if now < account.unbonds_at:
            raise StillUnbondingError(fleet_id, operator, account.unbonds_at)
        account.unbonding, account.unbonds_at = 0, EPOCH
        account.withdrawn += amount
        self.payouts.credit(self.seats[fleet_id].token, operator, amount)
        return TokenUnits(amount)

    def reserve(self, fleet_id: FleetId, amount: TokenUnits, escrow: TokenUnits) -> None:
        """Reserve `amount` for a lease with which the fleet has `escrow`. Raises `BondTooSmallError`."""
        operator = self.seats[fleet_id].operator
        account = self.accounts[fleet_id, operator]
        reserved = account.reserved + amount
        needed = reserved + self.stake_requirement(fleet_id, escrow)
        if needed > account.staked:
            raise BondTooSmallError(fleet_id, operator, needed, account.staked)
        account.reserved = reserved

    def close_reservation(
        self, fleet_id: FleetId, reservation: TokenUnits, credited: TokenUnits, beneficiary: str
    ) -> None:
        """End a lease's reservation and credit `credited`, SLA credit and compensation together, out of it."""
        if credited > reservation:
            raise AssertionError(f"{credited} exceed the reservation of {reservation}")
        seat = self.seats[fleet_id]
        account = self.accounts[fleet_id, seat.operator]
        account.reserved -= reservation
        account.staked -= credited
        account.slashed += credited
        self.payouts.credit(seat.token, beneficiary, credited)

    def take_over(self, fleet_id: FleetId, operator: str, escrow: TokenUnits) -> None:
        """Move every reservation to `operator`'s bond, which must cover them and the lie stake."""
        seat = self.seats[fleet_id]
        old, new = self.accounts[fleet_id, seat.operator], self.accounts[fleet_id, operator]
        needed = new.reserved + old.reserved + self.stake_requirement(fleet_id, escrow)
        if needed > new.staked:
            raise BondTooSmallError(fleet_id, operator, needed, new.staked)
        reserved, old.reserved = old.reserved, 0
        new.reserved += reserved
        seat.operator = operator

    def slash_lie(self, fleet_id: FleetId, operator: str, escrow: TokenUnits, finder: str) -> TokenUnits:
        """Slash the lie stake, from what is not reserved and then from what is unbonding; return what there was.

        A tenth goes to `finder`, rounded down, the rest to the loss fund.
        """
        account, token = self.accounts[fleet_id, operator], self.seats[fleet_id].token
        stakeable = account.staked - account.reserved
        amount = min(self.stake_requirement(fleet_id, escrow), stakeable + account.unbonding)
        from_stake = min(amount, stakeable)
        account.staked -= from_stake
        account.unbonding -= amount - from_stake
        account.slashed += amount
        to_finder = amount // FINDER_PARTS
        self.payouts.credit(token, finder, to_finder)
        self.payouts.credit(token, self._loss_fund, amount - to_finder)
        return TokenUnits(amount)

    def stake_requirement(self, fleet_id: FleetId, escrow: TokenUnits) -> TokenUnits:
        """Return what is at stake in the fleet while it has `escrow`. Rounds up, for who is lied to."""
        return stake_requirement_up(escrow, self.seats[fleet_id].decimals)

    def view(self, fleet_id: FleetId, operator: str, escrow: TokenUnits) -> Bond:
        """Return the bond as `OperatorBond.bond` does while the fleet has `escrow`."""
        account = self.accounts[fleet_id, operator]
        unreserved = account.staked - account.reserved
        lie_stake = 0
        if self.seats[fleet_id].operator == operator and escrow > 0:
            lie_stake = min(unreserved, self.stake_requirement(fleet_id, escrow))
        return Bond(
            reserved=account.reserved,
            lie_stake=lie_stake,
            free=unreserved - lie_stake,
            unbonding=account.unbonding,
            unbonds_at=account.unbonds_at,
            slashed=account.slashed,
            withdrawn=account.withdrawn,
        )

    def holds(self, token: str) -> TokenUnits:
        """Return the contract's counted balance: stakes in and on their way out, and what it owes."""
        stakes = sum(
            account.staked + account.unbonding
            for (fleet_id, _), account in self.accounts.items()
            if self.seats[fleet_id].token == token
        )
        return TokenUnits(stakes + self.payouts.total(token))
