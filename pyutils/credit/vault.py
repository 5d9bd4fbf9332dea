"""Exact mirror of `CreditVault`: two values, entry at one and exit at the other, and write-downs by the day.

The contract keeps sums; this keeps every loan, so that comparing the two proves the sums. Money in asset units.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyutils.credit.interest import NO_INTEREST, accrue, interest_down, interest_up
from pyutils.credit.redemption import RedemptionModel, epoch_at
from pyutils.credit.vault_books import Carrying
from pyutils.credit.vault_refusals import (
    AlreadyMarkedError,
    CapExceededError,
    EntryClosedError,
    EpochStillOpenError,
    EpochWaitingError,
    ERC4626ExceededMaxMintError,
    InsufficientCashError,
    MarkTooYoungError,
    NothingToServeError,
    NotMarkedError,
    PausedError,
    ZeroSharesError,
)
from pyutils.models.loan import Debt
from pyutils.models.vault import VaultBook
from pyutils.units import EPOCH, NO_MONEY, Bps, LoanId, ScaledInterest, TokenUnits, UnixSeconds, VaultShares

DAY_S = 86_400
MARK_DAYS = 30
LOT_DAYS = 90
YOUNG_DAYS = 7
WEEK_S = 7 * DAY_S
ENTRY_GAP_PARTS = 50
"""Entry is open while the two values differ by no more than one part in so many: 2 %."""
VIRTUAL_SHARES = 10**6
MOST_SHARES = 2**128 - 1


@dataclass(slots=True)
class Fall:
    """A value that falls from `base` by equal steps, one every midnight in UTC, to `floor`."""

    base: int
    floor: int
    first_day: int
    days: int

    def steps(self, now: UnixSeconds) -> int:
        """Return how many steps were taken."""
        return min(now // DAY_S - self.first_day, self.days)

    def fallen_scaled(self, now: UnixSeconds) -> int:
        """Return by how much it has fallen, in ninetieths of a unit: exact."""
        return (self.base - self.floor) * self.steps(now) * (LOT_DAYS // self.days)

    def lower(self, base: int, floor: int) -> None:
        """Fall from a lower base since the same day, to `floor` until the two meet."""
        self.base, self.floor = base, min(floor, base)


@dataclass(slots=True)
class BookedLoan:
    """A loan on the vault's books; a held lot where `lot_owed` is not None."""

    principal: int
    rate_bps: Bps
    accrued_scaled: ScaledInterest
    since: UnixSeconds
    fall: Fall | None = None
    lot_owed: int | None = None

    def accrued(self, now: UnixSeconds) -> ScaledInterest:
        """Return interest accrued by `now` and not paid."""
        earned = accrue(TokenUnits(self.principal), self.rate_bps, now - self.since)
        return ScaledInterest(self.accrued_scaled + earned)


class VaultModel(RedemptionModel):
    """One vault. What FleetCredit calls has the shape of `VaultBooks`."""

    def __init__(self, address: str, cap: TokenUnits) -> None:
        super().__init__(address)
        self.cap = cap
        self.cash = NO_MONEY
        self.paused = False
        self.loans: dict[LoanId, BookedLoan] = {}

    # ---- entry ----

    def deposit(self, assets: TokenUnits, receiver: str, now: UnixSeconds) -> VaultShares:
        """Take assets for shares at the optimistic value, rounded down."""
        value = self._entry(now)
        shares = VaultShares(assets * (self.supply + VIRTUAL_SHARES) // (value + 1))
        if shares == 0 and assets > 0:
            raise ZeroSharesError
        self._take(assets, shares, receiver, value)
        return shares

    def mint(self, shares: VaultShares, receiver: str, now: UnixSeconds) -> TokenUnits:
        """Mint shares for assets at the optimistic value, rounded up."""
        value = self._entry(now)
        assets = TokenUnits(-(-shares * (value + 1) // (self.supply + VIRTUAL_SHARES)))
        self._take(assets, shares, receiver, value)
        return assets

    def max_deposit(self, now: UnixSeconds) -> TokenUnits:
        """Return what the cap leaves, nothing while entry is closed or paused."""
        room, value = self._room(now), self.optimistic(now)
        shares = MOST_SHARES - self.supply
        return TokenUnits(min(room, ((shares + 1) * (value + 1) - 1) // (self.supply + VIRTUAL_SHARES)))

    def max_mint(self, now: UnixSeconds) -> VaultShares:
        """Return the shares that `max_deposit` pays for."""
        paid = self._room(now) * (self.supply + VIRTUAL_SHARES) // (self.optimistic(now) + 1)
        return VaultShares(min(MOST_SHARES - self.supply, paid))

    def convert_to_assets(self, shares: VaultShares, now: UnixSeconds) -> TokenUnits:
        """Return what shares are worth at the conservative value, rounded down."""
        return TokenUnits(shares * (self.conservative(now) + 1) // (self.supply + VIRTUAL_SHARES))

    # ---- for FleetCredit ----

    def lend(self, loan_id: LoanId, principal: TokenUnits, rate_bps: Bps, now: UnixSeconds) -> None:
        """Lend cash, unless a closed epoch waits for it."""
        if self.paused:
            raise PausedError
        if waiting := self._waiting(now):
            raise EpochWaitingError(waiting)
        if principal > self.cash:
            raise InsufficientCashError(principal, self.cash)
        self.cash = TokenUnits(self.cash - principal)
        self.loans[loan_id] = BookedLoan(principal, rate_bps, NO_INTEREST, now)

    def receive_payment(
        self,
        loan_id: LoanId,
        before: Carrying,
        paid: Debt,
        accrued_paid: ScaledInterest,
        now: UnixSeconds,
        *,
        worth: TokenUnits = NO_MONEY,
    ) -> None:
        """Book a payment: on a marked loan the base falls by it, on a held lot what is owed does.

        Where it is what a part of the pledge was sold for, the floor of a mark falls by what that was `worth`.
        """
        loan, amount = self.loans[loan_id], paid.principal + paid.interest
        if loan.lot_owed is not None and loan.fall is not None:
            loan.lot_owed -= amount
            loan.fall.lower(min(loan.fall.base, loan.lot_owed), loan.fall.floor)
        else:
            loan.principal -= paid.principal
            loan.accrued_scaled, loan.since = ScaledInterest(before.accrued_scaled - accrued_paid), now
            if loan.fall is not None:
                loan.fall.lower(max(0, loan.fall.base - amount), max(0, loan.fall.floor - worth))
        self.cash = TokenUnits(self.cash + amount)

    def reprice(self, loan_id: LoanId, before: Carrying, rate_bps: Bps, now: UnixSeconds) -> None:
        """Accrue at another rate from now on."""
        loan = self.loans[loan_id]
        loan.accrued_scaled, loan.since, loan.rate_bps = before.accrued_scaled, now, rate_bps

    def mark_down(
        self, loan_id: LoanId, carrying: Carrying, floor: TokenUnits, since: UnixSeconds, now: UnixSeconds
    ) -> None:
        """Let a loan fall to `floor` within 30 days; one that falls already gets another floor."""
        loan = self.loans[loan_id]
        if loan.lot_owed is not None:
            raise AlreadyMarkedError(loan_id)
        if loan.fall is None:
            base = carrying.principal + interest_down(carrying.accrued_scaled)
            loan.fall = Fall(base, min(floor, base), min(since, now) // DAY_S, MARK_DAYS)
        else:
            loan.fall.floor = min(floor, loan.fall.base)

    def unmark(self, loan_id: LoanId, carrying: Carrying, now: UnixSeconds) -> None:  # noqa: ARG002
        """End a mark."""
        loan = self.loans[loan_id]
        if loan.fall is None or loan.lot_owed is not None:
            raise NotMarkedError(loan_id)
        loan.fall = None

    def hold_lot(self, loan_id: LoanId, carrying: Carrying, value: TokenUnits, now: UnixSeconds) -> None:
        """Hold a lot for what the loan owes, counted at `value` and falling to zero within 90 days."""
        if self.loans[loan_id].lot_owed is not None:
            raise AlreadyMarkedError(loan_id)
        owed = carrying.principal + interest_up(carrying.accrued_scaled)
        fall = Fall(min(value, owed), 0, now // DAY_S, LOT_DAYS)
        self.loans[loan_id] = BookedLoan(0, Bps(0), NO_INTEREST, now, fall, owed)

    def settle(
        self,
        loan_id: LoanId,
        carrying: Carrying | None,  # noqa: ARG002
        recovered: TokenUnits,
        now: UnixSeconds,  # noqa: ARG002
    ) -> None:
        """Take a loan or a lot off the books for what came in."""
        del self.loans[loan_id]
        self.cash = TokenUnits(self.cash + recovered)

    # ---- for anyone ----

    def serve(self, now: UnixSeconds) -> tuple[VaultShares, TokenUnits]:
        """Price the oldest closed epoch at the conservative value and set aside what cash allows."""
        epoch_id = self.oldest
        if epoch_id == 0:
            raise NothingToServeError
        if epoch_id >= epoch_at(now):
            raise EpochStillOpenError(epoch_id, (epoch_id + 1) * WEEK_S)
        if (until := self.serving_from(now)) > now:
            raise MarkTooYoungError(until)
        value, supply = self.conservative(now) + 1, self.supply + VIRTUAL_SHARES
        shares = self.weeks[epoch_id].unserved
        assets = shares * value // supply
        if assets > self.cash:
            shares = self.cash * supply // value
            assets = shares * value // supply
        if self.cash == 0 or shares == 0:
            raise NothingToServeError
        self.cash = TokenUnits(self.cash - assets)
        self.serve_shares(epoch_id, VaultShares(shares), TokenUnits(assets))
        return VaultShares(shares), TokenUnits(assets)

    # ---- values ----

    def book(self, now: UnixSeconds) -> VaultBook:
        """Return what the vault holds."""
        performing = [loan for loan in self.loans.values() if loan.fall is None]
        falling = [loan for loan in self.loans.values() if loan.fall is not None]
        falls = [loan.fall for loan in falling if loan.fall is not None]
        marked_accrued = ScaledInterest(sum(loan.accrued(now) for loan in falling))
        return VaultBook(
            cash=self.cash,
            performing_principal=sum(loan.principal for loan in performing),
            performing_interest=interest_down(ScaledInterest(sum(loan.accrued(now) for loan in performing))),
            marked_base=sum(fall.base for fall in falls),
            written_down=-(-sum(fall.fallen_scaled(now) for fall in falls) // LOT_DAYS),
            marked_owed=sum(loan.principal for loan in falling) + interest_up(marked_accrued),
            held_owed=sum(loan.lot_owed or 0 for loan in falling),
            set_aside=self.set_aside,
        )

    def conservative(self, now: UnixSeconds) -> TokenUnits:
        """Return the value at which one leaves."""
        book = self.book(now)
        certain = book.cash + book.performing_principal + book.performing_interest
        return TokenUnits(certain + book.marked_base - book.written_down)

    def optimistic(self, now: UnixSeconds) -> TokenUnits:
        """Return the value at which one enters."""
        performing = [loan for loan in self.loans.values() if loan.fall is None]
        interest = interest_up(ScaledInterest(sum(loan.accrued(now) for loan in performing)))
        book = self.book(now)
        certain = book.cash + book.performing_principal + interest
        return TokenUnits(certain + book.marked_owed + book.held_owed)

    def floor_of(self, loan_id: LoanId) -> TokenUnits:
        """Return what a marked loan counts for once it has fallen; nothing without a mark, and for a held lot."""
        fall = self.loans[loan_id].fall
        return NO_MONEY if fall is None else TokenUnits(fall.floor)

    def serving_from(self, now: UnixSeconds) -> UnixSeconds:
        """Return until when a young mark keeps epochs from being served; zero where none is young."""
        marks = (loan.fall for loan in self.loans.values() if loan.lot_owed is None and loan.fall is not None)
        until = max(((mark.first_day + YOUNG_DAYS) * DAY_S for mark in marks), default=0)
        return UnixSeconds(until) if until > now // DAY_S * DAY_S else EPOCH

    def lendable(self, now: UnixSeconds) -> TokenUnits:
        """Return the cash that may be lent."""
        return NO_MONEY if self._waiting(now) else self.cash

    # ---- inside ----

    def _waiting(self, now: UnixSeconds) -> int:
        return self.oldest if self.oldest < epoch_at(now) else 0

    def _is_open(self, now: UnixSeconds) -> bool:
        gap = self.optimistic(now) - self.conservative(now)
        impaired = any(loan.fall is not None for loan in self.loans.values())
        return not impaired or gap * ENTRY_GAP_PARTS <= self.optimistic(now)

    def _entry(self, now: UnixSeconds) -> TokenUnits:
        if self.paused:
            raise PausedError
        if not self._is_open(now):
            raise EntryClosedError(self.conservative(now), self.optimistic(now))
        return self.optimistic(now)

    def _room(self, now: UnixSeconds) -> int:
        return max(0, self.cap - self.optimistic(now)) if self._is_open(now) and not self.paused else 0

    def _take(self, assets: TokenUnits, shares: VaultShares, receiver: str, value: TokenUnits) -> None:
        if value + assets > self.cap:
            raise CapExceededError(value + assets, self.cap)
        if shares > MOST_SHARES - self.supply:
            raise ERC4626ExceededMaxMintError(receiver, shares, MOST_SHARES - self.supply)
        self.cash = TokenUnits(self.cash + assets)
        self.supply = VaultShares(self.supply + shares)
        self.balances[receiver] += shares
