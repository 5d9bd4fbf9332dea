"""Exact mirror of `ReleaseLib` and `FleetShares`: what an owner of a part of a fleet earns. Money in token units."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from pyutils.refusal import RefusalError
from pyutils.units import EPOCH, NO_MONEY, ShareUnits, TokenUnits, UnixSeconds

DAY_S = 86_400
INDEX_BITS = 96
"""The index is revenue per share times two to this: as fine as the largest supply is large."""
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
    """Revenue that arrives in UTC day d enters the index linearly during day d+1."""

    releasing: int = 0
    """Released during `day`, in whole."""
    arriving: int = 0
    """Arrived during `day`, released during the next."""
    day: int = 0
    updated_at: UnixSeconds = EPOCH
    index: int = 0
    remainder: int = 0
    """What the last division left, times 2^96, less than the supply: carried, so that nothing is lost over time."""

    def advance(self, supply: ShareUnits, now: UnixSeconds) -> Stream:
        """Return the stream as of `now`, not earlier than its last update."""
        today = now // DAY_S
        releasing, arriving, updated_at, released = self.releasing, self.arriving, self.updated_at, 0
        if today > self.day:
            released = releasing - _released_by(releasing, updated_at, self.day)
            if today > self.day + 1:
                released += arriving
                arriving = 0
            releasing, arriving = arriving, 0
            updated_at = UnixSeconds(today * DAY_S)
        released += _released_by(releasing, now, today) - _released_by(releasing, updated_at, today)
        grown, remainder = divmod((released << INDEX_BITS) + self.remainder, supply)
        return Stream(releasing, arriving, today, now, self.index + grown, remainder)

    @property
    def unreleased(self) -> TokenUnits:
        """What has arrived and is not in the index as of the last update."""
        return TokenUnits(self.arriving + self.releasing - _released_by(self.releasing, self.updated_at, self.day))


def _released_by(releasing: int, time: int, day: int) -> int:
    """Return what of a day's release is out by `time`. Rounds down; the day's end makes it whole."""
    return releasing * (time - day * DAY_S) // DAY_S


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
        self.collected, self.claimed = NO_MONEY, NO_MONEY
        self.holdings: defaultdict[str, Holding] = defaultdict(Holding)
        bound = supply // BOUND_PARTS
        self.holdings[TITLE].shares = bound
        self.holdings[owner].shares = supply - bound

    def arrive(self, amount: TokenUnits, now: UnixSeconds) -> None:
        """Take revenue that is released during the next UTC day."""
        stream = self._at(now)
        self.stream = replace(stream, arriving=stream.arriving + amount)
        self.collected = TokenUnits(self.collected + amount)

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
        """Return revenue that has arrived and not entered the index yet."""
        return self._at(now).unreleased

    def index(self, now: UnixSeconds) -> int:
        """Return revenue per share, times 2^96."""
        return self._at(now).index

    def dust(self, now: UnixSeconds) -> TokenUnits:
        """Return what arrived and is neither claimed nor claimable nor unreleased: fractions of units."""
        claimable = sum(self.claimable(holder, now) for holder in list(self.holdings))
        return TokenUnits(self.collected - self.claimed - claimable - self.unreleased(now))

    def holds(self) -> TokenUnits:
        """Return the contract's counted balance."""
        return TokenUnits(self.collected - self.claimed)

    def _at(self, now: UnixSeconds) -> Stream:
        return self.stream.advance(self.supply, now)

    def _accrued(self, holder: str, now: UnixSeconds) -> int:
        """Return what accrued times 2^32. Rounds down, for nobody: the dust stays in the contract."""
        holding = self.holdings[holder]
        gained = holding.shares * (self.index(now) - holding.index) >> (INDEX_BITS - ACCRUED_BITS)
        return holding.accrued + gained

    def _accrue(self, holder: str, now: UnixSeconds) -> Holding:
        holding = self.holdings[holder]
        holding.accrued, holding.index = self._accrued(holder, now), self.index(now)
        return holding
