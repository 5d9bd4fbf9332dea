"""Exact integer mirrors of the contracts that lend against fleets: quotes for people, and the reference in tests."""

from pyutils.credit.interest import SCALE, accrue, interest_down, interest_up, scaled_paid
from pyutils.credit.loan import Served
from pyutils.credit.quote import LoanQuote, quote
from pyutils.credit.schedule import (
    Payment,
    add_months,
    balance_after,
    instalment,
    instalments_due,
    payments,
    reserve_target_up,
)

__all__ = [
    "SCALE",
    "LoanQuote",
    "Payment",
    "Served",
    "accrue",
    "add_months",
    "balance_after",
    "instalment",
    "instalments_due",
    "interest_down",
    "interest_up",
    "payments",
    "quote",
    "reserve_target_up",
    "scaled_paid",
]
