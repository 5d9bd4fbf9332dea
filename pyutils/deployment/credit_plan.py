"""What a credit market will be: one for each settlement token that is lent."""

from __future__ import annotations

from typing import Final, Self

from pydantic import Field, model_validator

from pyutils.models import Address, FrozenModel

HOUR_S: Final = 3_600
DAY_S: Final = 24 * HOUR_S
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
    max_age_s: int = Field(default=35 * DAY_S, gt=0, lt=2**32)
    """Older prices are stale: nothing is lent on them."""
    economic_life_months: int = Field(default=72, gt=0, le=600)
    """After so many months a board earns nothing any more."""
    discount_bps: int = Field(default=1_200, ge=0, le=10_000)
    """A year; a twelfth of it discounts a month of revenue."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if list(self.left_bps) != sorted(self.left_bps, reverse=True) or not 0 <= self.left_bps[0] <= 10_000:
            raise ValueError("what is left of a board's price never rises")
        if self.least_pause_s > self.max_age_s:
            raise ValueError("prices would be stale before they may be renewed")
        return self


class HealthPlan(FrozenModel):
    """What a pledge counts for at worst, and when a fleet is silent, fixed at creation. Ratios in basis points."""

    hardware_floor_bps: int = Field(default=4_000, ge=0, le=10_000)
    """Of the capped appraisal, what a mark falls to at most."""
    collateral_floor_bps: int = Field(default=9_000, ge=0, le=10_000)
    """Of the feed's value of liquid collateral, likewise."""
    young_days: int = Field(default=30, ge=0, lt=2**16)
    """A loan drawn with less history has the lower loan-to-value, and no revenue cap at first."""
    proven_days: int = Field(default=90, ge=0, lt=2**16)
    """From so much history on the revenue cap holds for it as well."""
    report_silence_s: int = Field(default=2 * DAY_S, gt=0, lt=2**32)
    """Without a head for so long the fleet is in breach."""
    most_standstill_s: int = Field(default=30 * DAY_S, ge=0, lt=2**32)
    """How long that clock stands still at most, while reports are pending or disputed."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.proven_days < self.young_days:
            raise ValueError("a fleet is proven before it is not young any more")
        return self


class AuctionPlan(FrozenModel):
    """How collateral and lots are sold, fixed at creation. Ratios in basis points."""

    collateral_start_bps: int = Field(default=10_500, gt=0, le=20_000)
    collateral_end_bps: int = Field(default=9_000, gt=0, le=20_000)
    """Of the feed's value, asked at first and at last."""
    collateral_fall_s: int = Field(default=6 * HOUR_S, gt=0, lt=2**32)
    collateral_alone_s: int = Field(default=24 * HOUR_S, gt=0, lt=2**32)
    """The lot is not for sale before that, unless all collateral is sold."""
    least_fill_bps: int = Field(default=1_000, ge=0, le=10_000)
    """Of the collateral at the sale's beginning, what a bid takes at least."""
    lot_start_bps: int = Field(default=12_000, gt=0, le=20_000)
    lot_end_bps: int = Field(default=4_000, gt=0, le=20_000)
    """Of the hardware's appraisal without its revenue cap."""
    lot_fall_s: int = Field(default=72 * HOUR_S, gt=0, lt=2**32)
    longest_gap_s: int = Field(default=HOUR_S, gt=0, lt=2**32)
    """A longer time between two moves of a sale's clock counts zero."""
    resume_window_s: int = Field(default=30 * DAY_S, ge=0, lt=2**32)
    """A breach that recurs within it finds the clock where it stood."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.collateral_end_bps > self.collateral_start_bps or self.lot_end_bps > self.lot_start_bps:
            raise ValueError("the price of a sale falls")
        if self.collateral_alone_s < self.collateral_fall_s or self.longest_gap_s > self.lot_fall_s:
            raise ValueError("the times of a sale do not fit one another")
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


class ClassPrice(FrozenModel):
    """What one new GPU of a class costs, installed, in whole settlement coins; the appraiser moves it later."""

    gpu_class: str = Field(min_length=1, max_length=31, pattern=r"^[ -~]+$")
    coins: int = Field(gt=0, lt=10**10)


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
    """The vault takes deposits up to this optimistic value."""
    fleet_cap: int = Field(default=1_000_000, ge=0, le=_MOST_UINT96)
    """The most principal that is lent against one fleet, before the risk role says otherwise for it."""
    operator_cap: int = Field(default=2_000_000, ge=0, le=_MOST_UINT96)
    borrower_cap: int = Field(default=2_000_000, ge=0, le=_MOST_UINT96)
    vault_name: str = "Fleet Credit"
    vault_symbol: str = "FLC"
    """Name and symbol of the vault's shares."""
    appraisal: AppraisalPlan = AppraisalPlan()
    health: HealthPlan = HealthPlan()
    auction: AuctionPlan = AuctionPlan()
    class_prices: tuple[ClassPrice, ...] = ()
    """The first prices of GPU classes; nothing is lent on a class without one."""
    collaterals: tuple[CollateralListing, ...] = ()
