"""Buying what secured a loan: its collateral, its lot, or a lot that the vault took."""

from __future__ import annotations

from typing import Any

from pyutils.chain import Lane, Receipt
from pyutils.contracts import CreditSystem
from pyutils.errors import InputError
from pyutils.models import LoanState
from pyutils.operations.money import Pay, make_payable
from pyutils.units import LoanId, TokenUnits

ROUNDING = TokenUnits(3)
"""A bid for a part rounds up by itself, by up to so much more than its part of what all would cost."""


class NothingForSaleError(InputError):
    """Nothing of this loan can be bought now."""

    remedy = "Look with `gpurwa credit auction status`; a sale begins with `gpurwa credit auction start`"


def collateral_price(market: CreditSystem, loan_id: LoanId, amount: TokenUnits) -> TokenUnits:
    """Return the most that `amount` of a loan's collateral costs now. Raises `NothingForSaleError`."""
    asking, left = market.auction.asking(loan_id), market.credit.loan(loan_id).collateral_amount
    if not (asking.collateral_for_sale and left):
        raise NothingForSaleError(f"no collateral of loan {loan_id} is for sale")
    return TokenUnits(-(-asking.collateral_price * min(amount, left) // left) + ROUNDING)


def lot_price(market: CreditSystem, loan_id: LoanId) -> TokenUnits:
    """Return what title and shares cost now: in the auction, or as the vault asks. Raises `NothingForSaleError`."""
    loan = market.credit.loan(loan_id)
    if loan.state is LoanState.HELD:
        if not loan.asking_price:
            raise NothingForSaleError(f"the lot of loan {loan_id} is not on offer")
        return TokenUnits(loan.asking_price)
    asking = market.auction.asking(loan_id)
    if not asking.lot_for_sale:
        raise NothingForSaleError(f"the lot of loan {loan_id} is not for sale")
    return TokenUnits(asking.lot_price)


def buy_collateral(
    market: CreditSystem, lane: Lane, loan_id: LoanId, amount: TokenUnits, most: TokenUnits, to: str, pay: Pay
) -> tuple[Receipt, dict[str, Any]]:
    """Buy collateral for at most `most`; return the receipt, and the bid's event with what was bought and paid."""
    make_payable(lane, market.token, market.auction.address, most, pay)
    receipt = market.auction.bid_collateral(lane, loan_id, amount, most, to)
    return receipt, market.auction.event(receipt, "BidCollateral")


def buy_lot(
    market: CreditSystem, lane: Lane, loan_id: LoanId, most: TokenUnits, to: str, pay: Pay
) -> tuple[Receipt, TokenUnits]:
    """Buy title and shares for at most `most`, in the auction or from the vault; return the receipt and the price."""
    if market.credit.loan(loan_id).state is LoanState.HELD:
        make_payable(lane, market.token, market.credit.address, most, pay)
        receipt = market.credit.buy_lot(lane, loan_id, most, to)
        return receipt, TokenUnits(market.credit.event(receipt, "SellLot")["price"])
    make_payable(lane, market.token, market.auction.address, most, pay)
    receipt = market.auction.bid_lot(lane, loan_id, most, to)
    return receipt, TokenUnits(market.auction.event(receipt, "BidLot")["price"])
