"""Exact mirror of `ReleaseLib` and `FleetShares`: what an owner of a part of a fleet earns. Money in token units."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from pyutils.refusal import RefusalError
from pyutils.units import NO_MONEY, ShareUnits, TokenUnits, UnixSeconds

DAY_S = 86_400
ACCRUED_BITS = 32
"""Accrued revenue is kept with so many more bits, so that dust stays below one unit over four billion transfers."""
BOUND_PARTS = 10
"""One part of this many is bound to the title."""
TITLE = "title"
"""Whoever owns the title, as the holder of the bound shares."""


class NothingToClaimError(RefusalError):
    """Nothing has accrued to this account."""

    fields = ("account",)


class ERC20InsufficientBalanceError(RefusalError):
    """The sender has fewer shares."""

    fields = ("sender", "balance", "needed")


@dataclass(frozen=True, slots=True)
class Stream:
    """Revenue that arrives in UTC day d is released linearly during day d+1."""

    done: int = 0
    """Released before `day` began."""
    releasing: int = 0
    """Released during `day`, in whole."""
    arriving: int = 0
    """Arrived during `day`, released during the next."""
    day: int = 0

    def arrive(self, amount: TokenUnits, now: UnixSeconds) -> Stream:
        """Return the stream after `amount` arrived `now`, not earlier than what arrived last."""
        today = now // DAY_S
        if today == self.day:
            return replace(self, arriving=self.arriving + amount)
        done = self.done + self.releasing
        if today == self.day + 1:
            return Stream(done, self.arriving, amount, today)
        return Stream(done + self.arriving, 0, amount, today)

    def released(self, now: UnixSeconds) -> TokenUnits:
        """Return all that was released until `now`. Rounds down; the day's end makes it whole."""
        today = now // DAY_S
        if today == self.day:
            return TokenUnits(self.done + _part(self.releasing, now))
        arriving = _part(self.arriving, now) if today == self.day + 1 else self.arriving
        return TokenUnits(self.done + self.releasing + arriving)

    @property
    def arrived(self) -> TokenUnits:
        """All that ever arrived."""
        return TokenUnits(self.done + self.releasing + self.arriving)


def _part(releasing: int, now: UnixSeconds) -> int:
    """Return what is out by `now` of what is released during that day."""
    return releasing * (now % DAY_S) // DAY_S


@dataclass(slots=True)
class Holding:
    """Shares of one holder, and what they earned up to `index`, in token units × 2^32."""

    shares: int = 0
    index: int = 0
    accrued: int = 0


class SharesModel:
    """Shares of one fleet. The bound tenth is the holding of `TITLE`."""

    def __init__(self, supply: ShareUnits, owner: str) -> None:
        self.supply = supply
        self.stream = Stream()
        self.claimed = NO_MONEY
        self.holdings: defaultdict[str, Holding] = defaultdict(Holding)
        bound = supply // BOUND_PARTS
        self.holdings[TITLE].shares = bound
        self.holdings[owner].shares = supply - bound

    def arrive(self, amount: TokenUnits, now: UnixSeconds) -> None:
        """Take revenue that is released during the next UTC day."""
        self.stream = self.stream.arrive(amount, now)

    def transfer(self, sender: str, receiver: str, amount: ShareUnits, now: UnixSeconds) -> None:
        """Move shares; what accrued stays with the sender. Raises `ERC20InsufficientBalanceError`."""
        if amount > self.holdings[sender].shares:
            raise ERC20InsufficientBalanceError(sender, self.holdings[sender].shares, amount)
        for holder in {sender, receiver}:
            self._accrue(holder, now)
        self.holdings[sender].shares -= amount
        self.holdings[receiver].shares += amount

    def claim(self, holder: str, now: UnixSeconds) -> TokenUnits:
        """Pay what accrued to `holder`, `TITLE` for the title's owner; the fraction of a unit stays the holder's."""
        amount = self.claimable(holder, now)
        if amount == 0:
            raise NothingToClaimError(holder)
        holding = self._accrue(holder, now)
        holding.accrued -= amount << ACCRUED_BITS
        self.claimed = TokenUnits(self.claimed + amount)
        return amount

    def move_title(self, seller: str, now: UnixSeconds) -> None:
        """Leave what the bound shares earned with the seller of the title."""
        bound, sold = self._accrue(TITLE, now), self._accrue(seller, now)
        settled, bound.accrued = bound.accrued, 0
        sold.accrued += settled

    def claimable(self, holder: str, now: UnixSeconds) -> TokenUnits:
        """Return what `holder` may claim. Rounds down; the fraction is kept for the next time."""
        return TokenUnits(self._accrued(holder, now) >> ACCRUED_BITS)

    def unreleased(self, now: UnixSeconds) -> TokenUnits:
        """Return revenue that has arrived and is not released yet."""
        return TokenUnits(self.collected - self.index(now))

    def index(self, now: UnixSeconds) -> int:
        """Return revenue released so far: shares earn their part of the supply of what it grows by."""
        return self.stream.released(now)

    @property
    def collected(self) -> TokenUnits:
        """Revenue that ever arrived."""
        return self.stream.arrived

    def dust(self, now: UnixSeconds) -> TokenUnits:
        """Return what arrived and is neither claimed nor claimable nor unreleased: fractions of units."""
        claimable = sum(self.claimable(holder, now) for holder in list(self.holdings))
        return TokenUnits(self.collected - self.claimed - claimable - self.unreleased(now))

    def holds(self) -> TokenUnits:
        """Return the contract's counted balance."""
        return TokenUnits(self.collected - self.claimed)

    def _accrued(self, holder: str, now: UnixSeconds) -> int:
        """Return what accrued times 2^32. Rounds down, for nobody: the dust stays in the contract."""
        holding = self.holdings[holder]
        gained = (holding.shares * (self.index(now) - holding.index) << ACCRUED_BITS) // self.supply
        return holding.accrued + gained

    def _accrue(self, holder: str, now: UnixSeconds) -> Holding:
        holding = self.holdings[holder]
        holding.accrued, holding.index = self._accrued(holder, now), self.index(now)
        return holding
