"""What a credit market will be: one for each settlement token that is lent."""

from __future__ import annotations

from typing import Final, Self

from pydantic import Field, model_validator

from pyutils.models import Address, FrozenModel

DAY_S: Final = 86_400
_MOST_UINT96: Final = 2**96 - 1

TEST_FEED_MAX_AGE_S: Final = DAY_S
"""Nobody but a person at a keyboard moves a test feed."""


class AppraisalPlan(FrozenModel):
    """How fleets are valued, fixed at creation. Ratios in basis points."""

    left_bps: tuple[int, int, int, int] = (6_500, 4_500, 3_000, 2_000)
    """What is left of a new board's price after 12, 24, 36 and 48 months."""
    most_step_bps: int = Field(default=2_000, gt=0, lt=10_000)
    """How far one update may move a class's price."""
    least_pause_s: int = Field(default=7 * DAY_S, ge=0, lt=2**32)
    """Between two updates of one class."""
    max_age_s: int = Field(default=30 * DAY_S, gt=0, lt=2**32)
    """Older prices are stale: nothing is lent on them."""
    economic_life_months: int = Field(default=60, gt=0, le=600)
    """After so many months a board earns nothing any more."""
    discount_bps: int = Field(default=1_500, ge=0, le=10_000)
    """A year; a twelfth of it discounts a month of revenue."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if list(self.left_bps) != sorted(self.left_bps, reverse=True) or not 0 <= self.left_bps[0] <= 10_000:
            raise ValueError("what is left of a board's price never rises")
        if self.least_pause_s > self.max_age_s:
            raise ValueError("prices would be stale before they may be renewed")
        return self


class CollateralListing(FrozenModel):
    """A liquid token that loans may take beside title and shares, and the Chainlink-style feed that prices it."""

    token: Address
    feed: Address
    max_age_s: int = Field(gt=0, lt=2**32)
    """An older answer is stale: the feed's heartbeat and some slack."""
    least: int = Field(gt=0, lt=2**128)
    most: int = Field(gt=0, lt=2**128)
    """Answers outside `[least, most]`, in the feed's own units, are refused."""
    most_jump_bps: int = Field(default=1_000, gt=0, lt=2**16)
    """How far an answer may lie from the one before it."""


class TestCollateral(FrozenModel):
    """A token without value and a price feed without a market, which the deployment brings along."""

    __test__ = False

    name: str = "Test Bitcoin"
    symbol: str = "TBTC"
    decimals: int = Field(default=8, ge=0, le=18)
    feed_decimals: int = Field(default=8, ge=0, le=18)
    price: int = Field(default=60_000, gt=0)
    """The feed's first answer, in whole settlement coins."""


class CreditPlan(FrozenModel):
    """Parameters of one market. Caps are whole coins: the first ones, which the risk role moves later."""

    token: Address | None = None
    """The settlement token that is lent; the first one of the system unless named."""
    cost_recipient: Address | None = None
    """Who is credited with the costs of sales; the fee recipient unless named."""
    vault_cap: int = Field(default=10_000_000, ge=0, le=_MOST_UINT96)
    """The most that lenders may bring."""
    fleet_cap: int = Field(default=1_000_000, ge=0, le=_MOST_UINT96)
    """The most principal that is lent against one fleet, before the risk role says otherwise for it."""
    operator_cap: int = Field(default=2_000_000, ge=0, le=_MOST_UINT96)
    borrower_cap: int = Field(default=2_000_000, ge=0, le=_MOST_UINT96)
    appraisal: AppraisalPlan = AppraisalPlan()
    collaterals: tuple[CollateralListing, ...] = ()
