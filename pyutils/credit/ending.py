"""Exact mirror of how loans of `FleetCredit` end: sold, or taken by the vault."""

from __future__ import annotations

from dataclasses import dataclass

from pyutils.credit import loan as loans
from pyutils.credit import refusals as no
from pyutils.credit.account import LoanAccount
from pyutils.credit.evidence import Surroundings, find
from pyutils.credit.interest import NO_INTEREST
from pyutils.credit.ledger import LedgerModel
from pyutils.credit.loan import lateness
from pyutils.credit.vault import MARK_DAYS
from pyutils.credit.vault_books import VaultBooks
from pyutils.models.loan import Debt, Evidence, LoanState
from pyutils.units import BPS, NO_MONEY, FleetId, LoanId, TokenUnits, UnixSeconds


@dataclass(frozen=True, slots=True)
class Ending:
    """How a loan that was closed came out."""

    surplus: TokenUnits
    """Credited to the borrower."""
    covered: TokenUnits
    """Paid by the loss fund."""
    loss: TokenUnits
    """The vault's."""


class EndingModel(LedgerModel):
    """Sales, lots that the vault took, and what is missing at the end. `loss_fund` is what may be drawn from there."""

    def __init__(self, token: str, vault: VaultBooks) -> None:
        super().__init__(token, vault)
        self.cost_recipient: str | None = None
        self.loss_fund = NO_MONEY
        self.endings: dict[LoanId, Ending] = {}
        """Of loans that were sold or held, by loan."""

    # ---- for the auction ----

    def collateral_sold(
        self,
        loan_id: LoanId,
        amount: TokenUnits,
        price: TokenUnits,
        value: TokenUnits,
        revenue: TokenUnits,
        around: Surroundings,
        now: UnixSeconds,
    ) -> None:
        """Book `price` for `amount` of collateral of some `value`; `around` says what the rest is worth."""
        account = self._breached(loan_id)
        owed = account.owed(now)
        if price > owed.total:
            raise no.PriceTooHighError(loan_id, price, owed.total)
        self._pay(account, price, now, worth=max(price, value))
        account.change(collateral_amount=account.loan.collateral_amount - amount)
        if price == owed.total:
            self._close(account, revenue)
            return
        if account.lot_gone:
            if account.loan.collateral_amount == 0:
                # The last of what secured it: what is missing now stays missing.
                self._settle(account, NO_MONEY, now)
            return
        late, _ = lateness(account.loan, now)
        if late is not Evidence.NONE or now >= account.loan.terms.insured_until:
            # No price mends these, and what was sold counts no longer.
            return
        found = self.still_wrong(account, account.loan, around, now)
        if found.kind is Evidence.NONE:
            self._cure(account, now)
        else:
            self._write_mark(account, found, now)

    def lot_sold(
        self,
        loan_id: LoanId,
        price: TokenUnits,
        revenue: TokenUnits,
        standing: Surroundings,
        around: Surroundings,
        now: UnixSeconds,
    ) -> None:
        """Book `price` for title and pledged shares.

        `standing` says what the whole pledge is worth, `around` what the collateral that stays is.
        """
        account = self._breached(loan_id)
        self._require_wrong(account, standing, now)
        self._sell_lot(account, price, revenue, now)
        if account.loan.state is LoanState.OPEN:
            self._write_off(account, around, now)

    def lot_unsold(
        self, loan_id: LoanId, value: TokenUnits, revenue: TokenUnits, standing: Surroundings, now: UnixSeconds
    ) -> None:
        """Let the vault take the lot, which it books for at most `value`; `standing` says what the pledge is worth."""
        account = self._breached(loan_id)
        if account.lot_gone:
            raise no.NotOfferedError(loan_id)
        if account.loan.collateral_amount:
            raise no.CollateralLeftError(loan_id, account.loan.collateral_amount)
        self._require_wrong(account, standing, now)
        have = TokenUnits(account.take_kept() + revenue)
        if have >= account.owed(now).total:
            self._settle(account, have, now)
            return
        self._pay_from_here(account, have, now)
        carrying, owed = self._carrying(account, now), account.owed(now).total
        account.held_value, account.held_since = min(owed, value), now
        account.change(
            state=LoanState.HELD,
            principal=0,
            held_owed=owed,
            accrued_scaled=0,
            accrued_at=now,
            accrual_bps=0,
            marked_since=0,
            breached_since=0,
        )
        self._vault.hold_lot(loan_id, carrying, account.held_value, now)

    # ---- held lots ----

    def offer_lot(self, loan_id: LoanId, asking_price: TokenUnits, now: UnixSeconds) -> None:
        """Offer a held lot."""
        account = self._in_state(loan_id, LoanState.HELD)
        least = min(TokenUnits(account.loan.held_owed), account.carried_down(now))
        if asking_price == 0 or asking_price < least:
            raise no.PriceTooLowError(loan_id, asking_price, least)
        account.change(asking_price=asking_price)

    def buy_lot(self, loan_id: LoanId, most: TokenUnits, revenue: TokenUnits, now: UnixSeconds) -> TokenUnits:
        """Sell a held lot at its asking price, and return it."""
        account = self._in_state(loan_id, LoanState.HELD)
        price = TokenUnits(account.loan.asking_price)
        if price == 0:
            raise no.NotOfferedError(loan_id)
        if price > most:
            raise no.PriceTooHighError(loan_id, price, most)
        self._sell_lot(account, price, revenue, now)
        return price

    def service_held(self, loan_id: LoanId, revenue: TokenUnits, now: UnixSeconds) -> None:
        """Let a held lot's revenue reduce what it owes; paid whole, it is the borrower's again."""
        account = self._in_state(loan_id, LoanState.HELD)
        amount = min(revenue, TokenUnits(account.loan.held_owed))
        if amount == account.loan.held_owed:
            self._settle(account, revenue, now)
        elif amount:
            self._pay_held(account, amount, now)

    # ---- inside ----

    def _sell_lot(self, account: LoanAccount, price: TokenUnits, revenue: TokenUnits, now: UnixSeconds) -> None:
        if account.lot_gone:
            raise no.NotOfferedError(account.loan_id)
        costs = price * account.loan.terms.sale_cost_bps // BPS if self.cost_recipient is not None else 0
        have = TokenUnits(price - costs + account.take_kept() + revenue)
        account.lot_gone = True
        del self.in_use[FleetId(account.loan.fleet_id)]
        if self.cost_recipient is not None:
            self.payouts.credit(self.token, self.cost_recipient, costs)
        account.change(shares=0)
        if have < account.owed(now).total and account.loan.collateral_amount:
            self._pay_from_here(account, have, now)
            account.loan = loans.meet(account.loan, now)
        else:
            self._settle(account, have, now)

    def _require_wrong(self, account: LoanAccount, standing: Surroundings, now: UnixSeconds) -> None:
        """Refuse to take a fleet for what is mended."""
        if self.still_wrong(account, account.loan, standing, now).kind is Evidence.NONE:
            raise no.NoEvidenceError(account.loan_id)
        account.loan = loans.meet(account.loan, now)

    def _write_off(self, account: LoanAccount, around: Surroundings, now: UnixSeconds) -> None:
        """Count no more of a loan without its lot than a mark's floor counts of its collateral, from now on."""
        carrying, floor = self._carrying(account, now), find(account.loan, around, now, lot_gone=True).floor
        self._vault.unmark(account.loan_id, carrying, now)
        self._vault.mark_down(account.loan_id, carrying, floor, UnixSeconds(now - MARK_DAYS * loans.DAY_S), now)

    def _settle(self, account: LoanAccount, have: TokenUnits, now: UnixSeconds) -> None:
        """End a loan with `have`: the vault gets what it is owed, the borrower the rest; the loss fund meets a lack."""
        owed = account.owed(now).total
        to_vault = min(have, owed)
        covered = min(TokenUnits(owed - to_vault), self.loss_fund)
        self.loss_fund = TokenUnits(self.loss_fund - covered)
        carrying = self._carrying(account, now) if account.loan.state is LoanState.OPEN else None
        account.change(principal=0, held_owed=0, accrued_scaled=0, accrued_at=now)
        self._vault.settle(account.loan_id, carrying, TokenUnits(to_vault + covered), now)
        surplus = self._close(account, TokenUnits(have - to_vault))
        self.endings[account.loan_id] = Ending(surplus, covered, TokenUnits(owed - to_vault - covered))

    def _pay_from_here(self, account: LoanAccount, amount: TokenUnits, now: UnixSeconds) -> None:
        """Pay `amount`, which is less than what is owed, without looking which instalments that meets."""
        if amount == 0:
            account.change(accrued_scaled=account.scaled(now), accrued_at=now)
            return
        if account.loan.state is LoanState.HELD:
            self._pay_held(account, amount, now)
            return
        before, number, at = self._carrying(account, now), account.loan.next_due, account.loan.next_due_at
        account.loan, paid = loans.pay(account.loan, amount, now)
        account.change(next_due=number, next_due_at=at)
        self._tell_paid(account, before, paid, now)

    def _pay_held(self, account: LoanAccount, amount: TokenUnits, now: UnixSeconds) -> None:
        carrying = self._carrying(account, now)
        account.change(held_owed=account.loan.held_owed - amount)
        self._vault.receive_payment(account.loan_id, carrying, Debt(amount, NO_MONEY), NO_INTEREST, now)

    def _breached(self, loan_id: LoanId) -> LoanAccount:
        account = self._in_state(loan_id, LoanState.OPEN)
        if not account.loan.breached_since:
            raise no.NotBreachedError(loan_id)
        return account
