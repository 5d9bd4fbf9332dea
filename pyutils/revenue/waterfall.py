"""Exact mirror of `WaterfallLib` and `RevenueRouter`: who gets the rent, in which order. Money in token units."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from pyutils.models.money import Revenue
from pyutils.payouts import Payouts
from pyutils.refusal import RefusalError
from pyutils.units import FleetId, TokenUnits, UnixSeconds

BPS = 10_000
DAY_S = 86_400


class InvalidShareError(RefusalError):
    """The operating share may only fall, and a fee has a limit."""

    fields = ("bps", "limit")


class Legs(NamedTuple):
    """The three legs of an amount of rent."""

    protocol_fee: TokenUnits
    operating: TokenUnits
    shares: TokenUnits


def split(amount: TokenUnits, protocol_fee_bps: int, operating_share_bps: int) -> Legs:
    """Return fee of the whole, operating share of the rest, and what is left; the first two round down for the last."""
    fee = amount * protocol_fee_bps // BPS
    operating = (amount - fee) * operating_share_bps // BPS
    return Legs(TokenUnits(fee), TokenUnits(operating), TokenUnits(amount - fee - operating))


@dataclass(slots=True)
class FleetRevenue:
    """One fleet's revenue."""

    token: str
    protocol_fee_bps: int
    operating_share_bps: int
    pending: int = 0
    routed: int = 0
    protocol_fee: int = 0
    operating: int = 0
    shares: int = 0
    uncollected: int = 0
    net_revenue: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    """Net of fee and operating share, by UTC day (Unix time ÷ 86,400)."""

    def view(self) -> Revenue:
        """Return the revenue as `RevenueRouter.revenue` does."""
        return Revenue(
            protocol_fee_bps=self.protocol_fee_bps,
            operating_share_bps=self.operating_share_bps,
            pending=self.pending,
            routed=self.routed,
            protocol_fee=self.protocol_fee,
            operating=self.operating,
            shares=self.shares,
            uncollected=self.uncollected,
        )


class RouterModel:
    """Revenue of all fleets, and what the router owes."""

    def __init__(self, fee_recipient: str, protocol_fee_bps: int) -> None:
        self.payouts = Payouts()
        self.fleets: dict[FleetId, FleetRevenue] = {}
        self.fee_recipient, self.protocol_fee_bps = fee_recipient, protocol_fee_bps

    def register(self, fleet_id: FleetId, token: str, operating_share_bps: int) -> None:
        """Fix a new fleet's terms: today's protocol fee, and its operator's share."""
        self.fleets[fleet_id] = FleetRevenue(token, self.protocol_fee_bps, operating_share_bps)

    def credit(self, fleet_id: FleetId, amount: TokenUnits, counted: TokenUnits, now: UnixSeconds) -> None:
        """Credit rent, of which `counted` is evidence; the day's record is net of fee and operating share."""
        fleet = self.fleets[fleet_id]
        fleet.net_revenue[now // DAY_S] += split(counted, fleet.protocol_fee_bps, fleet.operating_share_bps).shares
        fleet.pending += amount

    def route(self, fleet_id: FleetId, operator: str) -> TokenUnits:
        """Split what was credited, and return it: what LeaseBook hands over for it."""
        fleet = self.fleets[fleet_id]
        amount = TokenUnits(fleet.pending)
        legs = split(amount, fleet.protocol_fee_bps, fleet.operating_share_bps)
        fleet.pending = 0
        fleet.routed += amount
        fleet.protocol_fee += legs.protocol_fee
        fleet.operating += legs.operating
        fleet.shares += legs.shares
        fleet.uncollected += legs.shares
        self.payouts.credit(fleet.token, self.fee_recipient, legs.protocol_fee)
        self.payouts.credit(fleet.token, operator, legs.operating)
        return amount

    def distribute(self, fleet_id: FleetId, amount: TokenUnits) -> None:
        """Give `amount` to the shares, such as the proceeds of hardware: no rent, and no evidence of any."""
        fleet = self.fleets[fleet_id]
        fleet.routed += amount
        fleet.shares += amount
        fleet.uncollected += amount

    def collect(self, fleet_id: FleetId) -> TokenUnits:
        """Hand the shares' leg to the shares, once routed, and return it."""
        fleet = self.fleets[fleet_id]
        amount, fleet.uncollected = fleet.uncollected, 0
        return TokenUnits(amount)

    def lower_operating_share(self, fleet_id: FleetId, operator: str, bps: int) -> TokenUnits:
        """Split under the old share, then lower it; return what was split. Raises `InvalidShareError`."""
        fleet = self.fleets[fleet_id]
        if bps >= fleet.operating_share_bps:
            raise InvalidShareError(bps, fleet.operating_share_bps)
        routed = self.route(fleet_id, operator)
        fleet.operating_share_bps = bps
        return routed

    def holds(self, token: str) -> TokenUnits:
        """Return the contract's counted balance: legs that shares have not collected, and what it owes."""
        uncollected = sum(fleet.uncollected for fleet in self.fleets.values() if fleet.token == token)
        return TokenUnits(uncollected + self.payouts.total(token))
