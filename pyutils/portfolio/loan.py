"""Loans of which an account is the borrower. Money in units of the token that is lent."""

from __future__ import annotations

from typing import Annotated

from pyutils.models import Address, Debt, Loan, StructModel
from pyutils.models.row import nested
from pyutils.units import TokenUnits


class LoanPosition(StructModel):
    """A loan from its request until it is closed."""

    loan_id: int
    credit: Address
    token: Address
    loan: Annotated[Loan, nested(Loan)]
    principal: int
    interest: int
    """Until the block, rounded up, for the vault."""

    @property
    def debt(self) -> Debt:
        """What is owed."""
        return Debt(TokenUnits(self.principal), TokenUnits(self.interest))
