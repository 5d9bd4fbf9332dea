"""Exact mirror of `InterestLib`: simple interest on principal, per second of a 365-day year."""

from __future__ import annotations

from pyutils.units import BPS, Bps, ScaledInterest, TokenUnits

YEAR_S = 365 * 86_400
SCALE = BPS * YEAR_S
"""One asset unit of interest, in asset units × basis points × seconds."""
NO_INTEREST = ScaledInterest(0)


def accrue(principal: TokenUnits, rate_bps: Bps, seconds: int) -> ScaledInterest:
    """Return what `principal` earns in `seconds` at `rate_bps` a year.

    Exact: many short times earn what one long one does, and many loans what their sum does.
    """
    return ScaledInterest(principal * rate_bps * seconds)


def interest_up(accrued: ScaledInterest) -> TokenUnits:
    """Return accrued interest in asset units. Rounds up, for the vault: a borrower never owes less than it used."""
    return TokenUnits(-(-accrued // SCALE))


def interest_down(accrued: ScaledInterest) -> TokenUnits:
    """Return accrued interest in asset units. Rounds down, against lenders: nothing counts before it can be paid."""
    return TokenUnits(accrued // SCALE)


def scaled_paid(accrued: ScaledInterest, interest: TokenUnits) -> ScaledInterest:
    """Return what `interest` pays of `accrued`. The last unit pays the fraction that is left of it, and no more."""
    return min(accrued, ScaledInterest(interest * SCALE))
