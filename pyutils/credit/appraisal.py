"""Exact mirror of `Appraisal`, `DepreciationLib` and `AnnuityLib`: what a fleet's hardware is worth.

Everything rounds down, for lenders. Money in settlement-token units, ratios in WAD, times in Unix seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pyutils.credit.interest import YEAR_S
from pyutils.credit.schedule import MONTH_S
from pyutils.models.appraisal import AppraisalParameters, ClassPrice, FleetValue
from pyutils.refusal import RefusalError
from pyutils.units import BPS, EPOCH, NO_MONEY, WAD, Bps, FleetId, TokenUnits, UnixSeconds, Wad

DAY_S = 86_400
RAY = 10**27
SHORT_WINDOW_DAYS = 30
LONG_WINDOW_DAYS = 90
MOST_MONTHS = 600
BPS_MONTHS = BPS * 12
"""A year's rate in basis points over this is a month's."""


class InvalidParameterError(RefusalError):
    """A parameter is out of range."""

    fields = ("field",)


class StepTooLargeError(RefusalError):
    """One update may not move a price so far."""

    fields = ("gpuClass", "current", "asked", "mostStepBps")


class UpdatedTooSoonError(RefusalError):
    """The price was set a short while ago."""

    fields = ("gpuClass", "from")


class ClassNotPricedError(RefusalError):
    """The class never had a price."""

    fields = ("gpuClass",)


class AppraisalStaleError(RefusalError):
    """The class's price is too old to lend on."""

    fields = ("gpuClass", "updatedAt", "maxAge")


class WrongTokenError(RefusalError):
    """The fleet settles in another token than this market lends."""

    fields = ("fleetId", "token")


@dataclass(frozen=True, slots=True)
class Hardware:
    """What the registry says of a fleet when it is appraised."""

    token: str
    capacity: int
    commissioned_at: UnixSeconds
    """The epoch before it is."""
    gpu_class: str


def depreciation_wad(left_bps: Sequence[int], age_s: int) -> Wad:
    """Return what is left of a new board's price: the whole at age zero, linear from year to year, then constant."""
    year, into = divmod(age_s, YEAR_S)
    if year >= len(left_bps):
        return Wad(left_bps[-1] * WAD // BPS)
    start = BPS if year == 0 else left_bps[year - 1]
    return Wad((start * (YEAR_S - into) + left_bps[year] * into) * (WAD // BPS) // YEAR_S)


def annuity_wad(rate_bps: Bps, months: int) -> Wad:
    """Return the present value of one unit at the end of each month, discounted by a twelfth of `rate_bps`."""
    if rate_bps == 0:
        return Wad(months * WAD)
    discount = RAY - _power_up(-(-RAY * BPS_MONTHS // (BPS_MONTHS + rate_bps)), months)
    return Wad(discount * BPS_MONTHS * WAD // (rate_bps * RAY))


def _power_up(base: int, exponent: int) -> int:
    """Return a power in RAY of a base of at most one. Each product rounds up, so that the annuity rounds down."""
    power = RAY
    while exponent:
        if exponent % 2:
            power = -(-power * base // RAY)
        base = -(-base * base // RAY)
        exponent //= 2
    return power


def history_days(commissioned_at: UnixSeconds, now: UnixSeconds) -> int:
    """Return complete UTC days since commissioning; neither that day, where it had begun, nor today is one."""
    first = -(-commissioned_at // DAY_S)
    return 0 if commissioned_at == EPOCH else max(0, now // DAY_S - first)


def mean_net_revenue(net_revenue: Mapping[int, int], days: int, now: UnixSeconds) -> TokenUnits:
    """Return a day's mean over the last complete UTC days, given net revenue by UTC day. Nothing without a day."""
    if days == 0:
        return NO_MONEY
    today = now // DAY_S
    return TokenUnits(sum(net_revenue.get(day, 0) for day in range(today - days, today)) // days)


def fleet_value(
    parameters: AppraisalParameters,
    price: ClassPrice,
    hardware: Hardware,
    net_revenue: Mapping[int, int],
    now: UnixSeconds,
) -> FleetValue:
    """Return a fleet's value with every intermediate, however old `price` is; `net_revenue` is by UTC day."""
    age = 0 if hardware.commissioned_at == EPOCH else now - hardware.commissioned_at
    left = depreciation_wad(parameters.left_bps, age)
    worth = hardware.capacity * price.per_gpu * left // WAD
    history = history_days(hardware.commissioned_at, now)
    mean30 = mean_net_revenue(net_revenue, min(SHORT_WINDOW_DAYS, history), now)
    mean90 = mean_net_revenue(net_revenue, min(LONG_WINDOW_DAYS, history), now)
    months_left = max(0, parameters.economic_life_months * MONTH_S - age) // MONTH_S
    annuity = annuity_wad(Bps(parameters.discount_bps), months_left)
    cap = min(mean30, mean90) * 365 * annuity // (12 * WAD)
    return FleetValue(
        capacity=hardware.capacity,
        price_per_gpu=price.per_gpu,
        priced_at=price.updated_at,
        age_seconds=age,
        depreciation_wad=left,
        hardware=worth,
        history_days=history,
        mean30=mean30,
        mean90=mean90,
        months_left=months_left,
        annuity_wad=annuity,
        revenue_cap=cap,
        capped=min(worth, cap),
    )


def check_parameters(p: AppraisalParameters) -> None:
    """Raise `InvalidParameterError` for what no appraisal can be created with."""
    curve = (BPS, *p.left_bps)
    _require(all(later <= sooner for sooner, later in pairwise(curve)), "leftBps")
    _require(0 < p.most_step_bps < BPS, "mostStepBps")
    _require(p.max_age > 0, "maxAge")
    _require(p.least_pause <= p.max_age, "leastPause")
    _require(0 < p.economic_life_months <= MOST_MONTHS, "economicLifeMonths")
    _require(p.discount_bps <= BPS, "discountBps")


class AppraisalModel:
    """Replacement prices by class, and the fleets valued by them, of one market that lends `asset`."""

    def __init__(self, asset: str, parameters: AppraisalParameters) -> None:
        check_parameters(parameters)
        self.asset, self.parameters = asset, parameters
        self.prices: dict[str, ClassPrice] = {}

    def set_price(self, gpu_class: str, per_gpu: TokenUnits, now: UnixSeconds) -> None:
        """Set a class's price: any first one, then within step and pause of the one before."""
        _require(gpu_class != "", "gpuClass")
        _require(per_gpu > 0, "perGpu")
        current = self.prices.get(gpu_class)
        if current is not None:
            start = current.updated_at + self.parameters.least_pause
            if now < start:
                raise UpdatedTooSoonError(gpu_class, start)
            most = self.parameters.most_step_bps
            if abs(per_gpu - current.per_gpu) * BPS > current.per_gpu * most:
                raise StepTooLargeError(gpu_class, current.per_gpu, per_gpu, most)
        self.prices[gpu_class] = ClassPrice(per_gpu=per_gpu, updated_at=now)

    def appraise(
        self, fleet_id: FleetId, hardware: Hardware, net_revenue: Mapping[int, int], now: UnixSeconds
    ) -> FleetValue:
        """Return a fleet's value. Raises `AppraisalStaleError` where its class's price is too old to lend on."""
        value = self.last_known(fleet_id, hardware, net_revenue, now)
        if now - value.priced_at > self.parameters.max_age:
            raise AppraisalStaleError(hardware.gpu_class, value.priced_at, self.parameters.max_age)
        return value

    def last_known(
        self, fleet_id: FleetId, hardware: Hardware, net_revenue: Mapping[int, int], now: UnixSeconds
    ) -> FleetValue:
        """Return the same where the price is stale: for reading, never for lending."""
        if hardware.token != self.asset:
            raise WrongTokenError(fleet_id, hardware.token)
        price = self.prices.get(hardware.gpu_class)
        if price is None:
            raise ClassNotPricedError(hardware.gpu_class)
        return fleet_value(self.parameters, price, hardware, net_revenue, now)


def _require(valid: bool, field: str) -> None:
    if not valid:
        raise InvalidParameterError(field)
