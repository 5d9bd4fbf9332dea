"""What the risk role grants unless it says otherwise: the defaults of the design."""

from __future__ import annotations

from pyutils.models.loan import LoanTerms
from pyutils.units import Bps, TokenUnits, UnixSeconds

RATE_BPS = Bps(1_200)
LATE_RATE_BPS = Bps(500)
MONTHS = 36
RESERVE_MONTHS = 3
GRACE_DAYS = 7
HARDWARE_LTV_BPS = Bps(7_000)
HARDWARE_BREACH_BPS = Bps(8_500)
YOUNG_LTV_BPS = Bps(3_500)
COLLATERAL_LTV_BPS = Bps(5_000)
COLLATERAL_BREACH_BPS = Bps(7_500)
COVERAGE_BPS = Bps(13_500)
SALE_COST_BPS = Bps(300)


def default_terms(ceiling: TokenUnits, expiry: UnixSeconds, insured_until: UnixSeconds, **changes: int) -> LoanTerms:
    """Return terms with the defaults of the design, but for what `changes` names."""
    terms = LoanTerms(
        ceiling=ceiling,
        rate_bps=RATE_BPS,
        late_rate_bps=LATE_RATE_BPS,
        months=MONTHS,
        reserve_months=RESERVE_MONTHS,
        grace_days=GRACE_DAYS,
        expiry=expiry,
        insured_until=insured_until,
        hardware_ltv_bps=HARDWARE_LTV_BPS,
        hardware_breach_bps=HARDWARE_BREACH_BPS,
        young_ltv_bps=YOUNG_LTV_BPS,
        collateral_ltv_bps=COLLATERAL_LTV_BPS,
        collateral_breach_bps=COLLATERAL_BREACH_BPS,
        coverage_bps=COVERAGE_BPS,
        sale_cost_bps=SALE_COST_BPS,
    )
    # Through the model once more: a change is checked like any other field.
    return LoanTerms.model_validate(terms.model_dump() | changes)
