"""CollateralAuction: how is a loan in breach turned into money?"""

from __future__ import annotations

from pyutils.chain import Lane, Receipt
from pyutils.contracts.base import Block, Contract
from pyutils.models import Asking, Sale
from pyutils.units import LoanId, TokenUnits


class CollateralAuction(Contract):
    """The sales of one credit market."""

    NAME = "CollateralAuction"

    def start(self, lane: Lane, loan_id: LoanId) -> Receipt:
        """Begin or resume the sale of a loan in breach."""
        return self._write(lane, "start", loan_id)

    def touch(self, lane: Lane, loan_id: LoanId) -> Receipt:
        """Move the clocks."""
        return self._write(lane, "touch", loan_id)

    def bid_collateral(self, lane: Lane, loan_id: LoanId, amount: TokenUnits, most: TokenUnits, to: str) -> Receipt:
        """Buy collateral for at most `most`, paid by the signer."""
        return self._write(lane, "bidCollateral", loan_id, amount, most, to)

    def bid_lot(self, lane: Lane, loan_id: LoanId, most: TokenUnits, to: str) -> Receipt:
        """Buy title and pledged shares for at most `most`, paid by the signer."""
        return self._write(lane, "bidLot", loan_id, most, to)

    def give_lot_to_vault(self, lane: Lane, loan_id: LoanId) -> Receipt:
        """Give a lot that nobody bought to the vault."""
        return self._write(lane, "giveLotToVault", loan_id)

    def sale(self, loan_id: LoanId, block: Block = "latest") -> Sale:
        """Return the clocks of a sale."""
        return Sale.from_row(self._read("sale", loan_id, block=block))

    def asking(self, loan_id: LoanId, block: Block = "latest") -> Asking:
        """Return what is asked now. Raises `RevertedError` where a price cannot be told."""
        return Asking.from_row(self._read("asking", loan_id, block=block))
