"""FleetCredit: what can be borrowed against a fleet?"""

from __future__ import annotations

from pyutils.chain import Lane, Receipt
from pyutils.contracts.base import Block
from pyutils.contracts.payouts import PayoutContract
from pyutils.models import Debt, Evidence, Health, Loan, LoanRequest
from pyutils.units import FleetId, LoanId, ShareUnits, TokenUnits, UnixSeconds


class FleetCredit(PayoutContract):
    """All loans of one credit market."""

    NAME = "FleetCredit"

    # borrowing

    def request(self, lane: Lane, asked: LoanRequest) -> tuple[LoanId, Receipt]:
        """Ask for a loan against a title that the signer owns."""
        receipt = self._write(lane, "request", asked.row())
        return LoanId(self.event(receipt, "RequestLoan")["loanId"]), receipt

    def cancel(self, lane: Lane, loan_id: LoanId) -> Receipt:
        """Take back a request or an approval."""
        return self._write(lane, "cancel", loan_id)

    def draw(self, lane: Lane, loan_id: LoanId, principal: TokenUnits, to: str) -> Receipt:
        """Give title, shares and collateral into custody, and send principal less the reserve to `to`."""
        return self._write(lane, "draw", loan_id, principal, to)

    def add_collateral(self, lane: Lane, loan_id: LoanId, amount: TokenUnits) -> Receipt:
        """Pledge more of the loan's collateral token, paid by the signer."""
        return self._write(lane, "addCollateral", loan_id, amount)

    def add_shares(self, lane: Lane, loan_id: LoanId, shares: ShareUnits) -> Receipt:
        """Pledge more of the fleet's shares, the signer's."""
        return self._write(lane, "addShares", loan_id, shares)

    def withdraw_collateral(self, lane: Lane, loan_id: LoanId, amount: TokenUnits, to: str) -> Receipt:
        """Take back collateral that the limits leave free."""
        return self._write(lane, "withdrawCollateral", loan_id, amount, to)

    def withdraw_shares(self, lane: Lane, loan_id: LoanId, shares: ShareUnits, to: str) -> Receipt:
        """Take back shares that the limits leave free."""
        return self._write(lane, "withdrawShares", loan_id, shares, to)

    def set_sweep(self, lane: Lane, loan_id: LoanId, sweep: bool) -> Receipt:
        """Say whether excess revenue prepays."""
        return self._write(lane, "setSweep", loan_id, sweep)

    # paying

    def repay(self, lane: Lane, loan_id: LoanId, amount: TokenUnits) -> Receipt:
        """Pay `amount`, or all that is owed where that is less."""
        return self._write(lane, "repay", loan_id, amount)

    def service(self, lane: Lane, loan_id: LoanId) -> Receipt:
        """Bring the pledge's revenue and pay with it."""
        return self._write(lane, "service", loan_id)

    # evidence and sale

    def mark(self, lane: Lane, loan_id: LoanId) -> Receipt:
        """Service the loan, then write it down on evidence, and declare a breach where the evidence is one."""
        return self._write(lane, "mark", loan_id)

    def cure(self, lane: Lane, loan_id: LoanId) -> Receipt:
        """End mark and breach once nothing is wrong any more."""
        return self._write(lane, "cure", loan_id)

    def buy_lot(self, lane: Lane, loan_id: LoanId, most: TokenUnits, to: str) -> Receipt:
        """Buy a held lot at its asking price, which may be at most `most`."""
        return self._write(lane, "buyLot", loan_id, most, to)

    # reads

    def loan_count(self, block: Block = "latest") -> int:
        """Return how many loans were ever asked for; their ids are 1 to this number."""
        return int(self._read("loanCount", block=block))

    def loan_of(self, fleet_id: FleetId, block: Block = "latest") -> LoanId | None:
        """Return the open or held loan of a fleet, None where there is none."""
        return LoanId(self._read("loanOf", fleet_id, block=block)) or None

    def loan(self, loan_id: LoanId, block: Block = "latest") -> Loan:
        """Return the loan as of `block`. Raises `RevertedError` `UnknownLoan`."""
        return Loan.from_row(self._read("loan", loan_id, block=block))

    def debt(self, loan_id: LoanId, block: Block = "latest") -> Debt:
        """Return what is owed: principal, and interest rounded up."""
        return Debt(*self._read("debt", loan_id, block=block))

    def arrears(self, loan_id: LoanId, block: Block = "latest") -> Debt:
        """Return what is due and not paid."""
        return Debt(*self._read("arrears", loan_id, block=block))

    def health(self, loan_id: LoanId, block: Block = "latest") -> Health:
        """Return the loan against its limits. Raises `RevertedError` where appraisal or feed cannot tell."""
        return Health.from_row(self._read("health", loan_id, block=block))

    def evidence(self, loan_id: LoanId, block: Block = "latest") -> tuple[Evidence, UnixSeconds]:
        """Return what is wrong with the loan now, and since when."""
        found, since = self._read("evidence", loan_id, block=block)
        return Evidence(found), UnixSeconds(since)

    def cap_of(self, kind: bytes, key: bytes, block: Block = "latest") -> TokenUnits:
        """Return a cap on drawn principal; `kind` is fleet, operator or borrower."""
        return TokenUnits(self._read("capOf", kind, key, block=block))

    def outstanding(self, kind: bytes, key: bytes, block: Block = "latest") -> TokenUnits:
        """Return drawn principal of open loans counted in a cap."""
        return TokenUnits(self._read("outstanding", kind, key, block=block))
