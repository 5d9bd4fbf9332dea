"""What FleetCredit says of a loan. Money in asset units, times in Unix seconds, ratios in basis points."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, Field

from pyutils.models.address import ZERO_ADDRESS, Address
from pyutils.models.row import StructModel
from pyutils.units import TokenUnits

IN_UINT8: Any = Field(ge=0, lt=2**8)
IN_UINT16: Any = Field(ge=0, lt=2**16)
IN_UINT96: Any = Field(ge=0, lt=2**96)


class LoanState(IntEnum):
    """Where a loan stands. A held lot is one that nobody bought and the vault took."""

    NONE = 0
    REQUESTED = 1
    APPROVED = 2
    OPEN = 3
    HELD = 4
    CLOSED = 5


class Evidence(IntEnum):
    """What is wrong with a loan, each provable from the chain alone."""

    NONE = 0
    MISSED_DUE = 1
    """A due date passed unpaid: marks the loan, and is no breach yet."""
    PAST_GRACE = 2
    ABOVE_BREACH_LIMIT = 3
    INSURANCE_EXPIRED = 4
    NO_REPORT = 5


class LoanRequest(StructModel):
    """What a title's owner asks for."""

    fleet_id: int = Field(ge=0, lt=2**64)
    months: Annotated[int, IN_UINT8]
    sweep: bool
    """Whether revenue beyond the next instalment prepays principal instead of going to the borrower."""
    principal: Annotated[int, IN_UINT96]
    shares: Annotated[int, IN_UINT96]
    """Beside the shares that are bound to the title and go with it."""
    collateral: Address = ZERO_ADDRESS
    collateral_amount: Annotated[int, IN_UINT96] = 0


class LoanTerms(StructModel):
    """What the risk role grants, fixed for the loan's life but for `insured_until`."""

    ceiling: Annotated[int, IN_UINT96]
    rate_bps: Annotated[int, IN_UINT16]
    late_rate_bps: Annotated[int, IN_UINT16]
    """Added to the rate from the first record of a missed due date or breach until it is cured."""
    months: Annotated[int, IN_UINT8]
    reserve_months: Annotated[int, IN_UINT8]
    """Instalments that the reserve holds."""
    grace_days: Annotated[int, IN_UINT8]
    expiry: int = Field(ge=0, lt=2**40)
    """The approval ends."""
    insured_until: int = Field(ge=0, lt=2**40)
    hardware_ltv_bps: Annotated[int, IN_UINT16]
    hardware_breach_bps: Annotated[int, IN_UINT16]
    young_ltv_bps: Annotated[int, IN_UINT16]
    """In place of `hardware_ltv_bps` for a fleet with less than 30 days of history."""
    collateral_ltv_bps: Annotated[int, IN_UINT16]
    collateral_breach_bps: Annotated[int, IN_UINT16]
    coverage_bps: Annotated[int, IN_UINT16]
    """Expected net revenue of the pledge over debt service, where the fleet has a history."""
    sale_cost_bps: Annotated[int, IN_UINT16]


def _terms(row: object) -> object:
    return row if isinstance(row, LoanTerms | dict) else LoanTerms.from_row(row)  # type: ignore[arg-type]


class Loan(StructModel):
    """A loan as `FleetCredit.loan` shows it."""

    fleet_id: int
    state: Annotated[LoanState, BeforeValidator(LoanState)]
    borrower: Address
    operator: Address
    """The fleet's operator when drawn: whose cap the loan counts in."""
    sweep: bool
    young: bool
    """Drawn before the fleet had 30 days of history: tested without the revenue cap until day 90."""
    terms: Annotated[LoanTerms, BeforeValidator(_terms)]
    drawn: int
    principal: int
    accrued_scaled: int
    """Asset units × basis points × seconds, as of `accrued_at`."""
    accrued_at: int
    accrual_bps: int
    """Accrues now: the rate, or with the late rate."""
    started_at: int
    next_due: int
    """The first instalment that is not met, 1 to `months`."""
    next_due_at: int
    set_aside: int
    """Revenue kept for the next instalment."""
    reserve: int
    reserve_target: int
    shares: int
    """In custody; before `draw`, what was asked."""
    collateral: Address
    collateral_amount: int
    marked_since: int
    """Zero where it is not written down."""
    breached_since: int
    """Zero where it is not in breach."""
    steward: Address
    """Who controls the fleet in place of the borrower; zero for nobody."""
    held_owed: int
    asking_price: int


class Debt(NamedTuple):
    """What is owed, due, or paid."""

    principal: TokenUnits
    interest: TokenUnits
    """Rounded up, for the vault."""

    @property
    def total(self) -> TokenUnits:
        """Principal and interest."""
        return TokenUnits(self.principal + self.interest)


class Instalment(StructModel):
    """One line of a schedule: what falls due when, and what is to be left after it."""

    due_at: int
    principal: int
    balance: int


class Health(StructModel):
    """A loan against its limits; every amount is rounded down."""

    debt: int
    hardware: int
    """Appraisal × (pledged + bound shares) ÷ supply."""
    collateral: int
    borrow_limit: int
    breach_limit: int
