"""What the parts of the mirror of `FleetCredit` share: its loans, caps and payouts, and what it tells the vault."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from pyutils.credit import loan as loans
from pyutils.credit import refusals as no
from pyutils.credit.account import LoanAccount
from pyutils.credit.evidence import Finding, Surroundings, find
from pyutils.credit.vault_books import Carrying, VaultBooks
from pyutils.models.address import ZERO_ADDRESS
from pyutils.models.loan import Debt, Evidence, Loan, LoanState
from pyutils.payouts import Payouts
from pyutils.units import NO_MONEY, Bps, FleetId, LoanId, ScaledInterest, TokenUnits, UnixSeconds

FLEET, OPERATOR, BORROWER = "fleet", "operator", "borrower"
DEFAULT_KEY = bytes(32)
"""Of the cap that holds for all without a cap of their own."""


def cap_key(whose: int | str) -> bytes:
    """Return the word under which the cap of a fleet, by its number, or of an account is kept."""
    return whose.to_bytes(32) if isinstance(whose, int) else bytes.fromhex(whose[2:]).rjust(32, b"\0")


@dataclass(slots=True)
class Cap:
    """A cap on drawn principal, and what counts in it."""

    cap: TokenUnits | None = None
    """None where the default holds."""
    counted: int = 0


class LedgerModel:
    """All loans of one market, and what FleetCredit owes."""

    def __init__(self, token: str, vault: VaultBooks) -> None:
        self.payouts = Payouts()
        self.accounts: dict[LoanId, LoanAccount] = {}
        self.in_use: dict[FleetId, LoanId] = {}
        """The open or held loan of each fleet."""
        self.caps: defaultdict[tuple[str, bytes], Cap] = defaultdict(Cap)
        """By kind and key; the default of a kind has the key of zeros."""
        self.token = token
        self._vault = vault

    def loan(self, loan_id: LoanId) -> Loan:
        """Return a loan as `FleetCredit.loan` does."""
        return self._known(loan_id).loan

    def cap_of(self, kind: str, key: bytes) -> TokenUnits:
        """Return a cap: its own, or the default of its kind."""
        own, default = self.caps[kind, key].cap, self.caps[kind, DEFAULT_KEY].cap
        return own if own is not None else default or TokenUnits(0)

    def holds(self) -> TokenUnits:
        """Return the contract's counted balance: set-aside revenue, reserves, and what it owes."""
        kept = sum(one.loan.set_aside + one.loan.reserve for one in self.accounts.values())
        return TokenUnits(kept + self.payouts.total(self.token))

    def _pay(self, account: LoanAccount, amount: TokenUnits, now: UnixSeconds, *, worth: TokenUnits = NO_MONEY) -> Debt:
        """Pay from wherever the money is, and tell the vault."""
        before = self._carrying(account, now)
        account.loan, paid = loans.pay(account.loan, amount, now)
        self._tell_paid(account, before, paid, now, worth=worth)
        return paid

    def _tell_paid(
        self, account: LoanAccount, before: Carrying, paid: Debt, now: UnixSeconds, *, worth: TokenUnits = NO_MONEY
    ) -> None:
        if loans.is_paid(account.loan):
            self._vault.settle(account.loan_id, before, paid.total, now)
        else:
            accrued_paid = ScaledInterest(before.accrued_scaled - account.loan.accrued_scaled)
            self._vault.receive_payment(account.loan_id, before, paid, accrued_paid, now, worth=worth)

    def _close(self, account: LoanAccount, surplus: TokenUnits) -> TokenUnits:
        """Close a loan that owes nothing; what is kept here, and `surplus`, is the borrower's. Return it."""
        surplus = TokenUnits(surplus + account.take_kept())
        loan = account.loan
        for kind, key in self._keys(account, loan.operator):
            self.caps[kind, key].counted -= loan.drawn
        if not account.lot_gone:
            self.in_use.pop(FleetId(loan.fleet_id), None)
        self.payouts.credit(self.token, loan.borrower, surplus)
        account.change(
            state=LoanState.CLOSED,
            marked_since=0,
            breached_since=0,
            steward=ZERO_ADDRESS,
            asking_price=0,
            shares=0,
            collateral_amount=0,
        )
        return surplus

    def _cure(self, account: LoanAccount, now: UnixSeconds) -> None:
        carrying = self._carrying(account, now)
        account.exceeded = False
        account.loan = loans.reprice(account.loan, late=False, now=now)
        account.change(marked_since=0, breached_since=0, steward=ZERO_ADDRESS)
        self._vault.unmark(account.loan_id, carrying, now)
        if account.loan.accrual_bps != carrying.rate_bps:
            self._vault.reprice(account.loan_id, carrying, Bps(account.loan.accrual_bps), now)

    def still_wrong(self, account: LoanAccount, loan: Loan, around: Surroundings, now: UnixSeconds) -> Finding:
        """Return what is still wrong with a marked loan, which stands as `loan`.

        As found; and where its debt was above the limit, a price that cannot be told is no proof that it no longer is.
        """
        found = find(loan, around, now, lot_gone=account.lot_gone)
        above = account.exceeded and loans.debt(loan, now).total > around.limits.breach_limit
        if found.kind is Evidence.NONE and above:
            found.kind = Evidence.ABOVE_BREACH_LIMIT
        return found

    def _write_mark(self, account: LoanAccount, found: Finding, now: UnixSeconds) -> None:
        """Write the loan down, or its mark anew, to the floor that was found.

        Where a price cannot be told a mark keeps at least the floor that it had.
        """
        floor = found.floor if found.known else max(found.floor, self._vault.floor_of(account.loan_id))
        since = UnixSeconds(account.loan.marked_since)
        self._vault.mark_down(account.loan_id, self._carrying(account, now), floor, since, now)

    def _carrying(self, account: LoanAccount, now: UnixSeconds) -> Carrying:
        loan = account.loan
        return Carrying(TokenUnits(loan.principal), Bps(loan.accrual_bps), loans.accrued(loan, now))

    def _keys(self, account: LoanAccount, operator: str) -> tuple[tuple[str, bytes], ...]:
        loan = account.loan
        return (FLEET, cap_key(loan.fleet_id)), (OPERATOR, cap_key(operator)), (BORROWER, cap_key(loan.borrower))

    def _known(self, loan_id: LoanId) -> LoanAccount:
        account = self.accounts.get(loan_id)
        if account is None:
            raise no.UnknownLoanError(loan_id)
        return account

    def _in_state(self, loan_id: LoanId, wanted: LoanState) -> LoanAccount:
        account = self._known(loan_id)
        if account.loan.state is not wanted:
            raise no.WrongStateError(loan_id, account.loan.state)
        return account

    def _of_borrower(self, loan_id: LoanId, caller: str) -> LoanAccount:
        account = self._known(loan_id)
        if caller != account.loan.borrower:
            raise no.NotBorrowerError(loan_id, caller)
        return account
