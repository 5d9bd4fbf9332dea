"""Exact integer mirrors of the contracts that lend against fleets: quotes for people, and the reference in tests."""

from pyutils.credit.appraisal import AppraisalModel, Hardware, annuity_wad, depreciation_wad, fleet_value
from pyutils.credit.collateral import Reading, Round, check_sequencer, checked_answer, collateral_value, value_down
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
    "AppraisalModel",
    "Hardware",
    "LoanQuote",
    "Payment",
    "Reading",
    "Round",
    "Served",
    "accrue",
    "add_months",
    "annuity_wad",
    "balance_after",
    "check_sequencer",
    "checked_answer",
    "collateral_value",
    "depreciation_wad",
    "fleet_value",
    "instalment",
    "instalments_due",
    "interest_down",
    "interest_up",
    "payments",
    "quote",
    "reserve_target_up",
    "scaled_paid",
    "value_down",
]
