"""Exact mirror of `AuctionPriceLib` and of `CollateralAuction`'s clocks: what a loan in breach costs, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pyutils.models.sale import AuctionParameters, Sale
from pyutils.units import BPS, ShareUnits, TokenUnits, UnixSeconds

HOUR_S: Final = 3_600

DEFAULT_AUCTION: Final = AuctionParameters(
    collateral_start_bps=10_500,
    collateral_end_bps=9_000,
    collateral_fall=6 * HOUR_S,
    collateral_alone=24 * HOUR_S,
    least_fill_bps=1_000,
    lot_start_bps=12_000,
    lot_end_bps=4_000,
    lot_fall=72 * HOUR_S,
    longest_gap=HOUR_S,
    resume_window=30 * 24 * HOUR_S,
)
"""The design's defaults."""


def premium(start_bps: int, end_bps: int, fall: int, elapsed: int) -> int:
    """Return what is asked of a value after `elapsed` seconds, in basis points × `fall`. Exact."""
    return start_bps * fall - (start_bps - end_bps) * min(elapsed, fall)


def price_up(value: TokenUnits, start_bps: int, end_bps: int, fall: int, elapsed: int) -> TokenUnits:
    """Return `value` × the premium after `elapsed` seconds, rounded up as `AuctionPriceLib.priceUp` does."""
    return _div_up(value * premium(start_bps, end_bps, fall, elapsed), fall * BPS)


def collateral_price_up(value: TokenUnits, parameters: AuctionParameters, elapsed: int) -> TokenUnits:
    """Return what collateral of `value` costs.

    The feed's value is rounded down: with one unit more the price is never below it, nor nothing.
    """
    p = parameters
    return price_up(TokenUnits(value + 1), p.collateral_start_bps, p.collateral_end_bps, p.collateral_fall, elapsed)


def lot_price_up(
    hardware: TokenUnits, lot_shares: ShareUnits, supply: ShareUnits, parameters: AuctionParameters, elapsed: int
) -> TokenUnits:
    """Return what title and pledge cost: `lot_shares` are the pledged and the bound ones."""
    p = parameters
    value = lot_value_up(hardware, lot_shares, supply)
    return price_up(value, p.lot_start_bps, p.lot_end_bps, p.lot_fall, elapsed)


def lot_value_up(fleet_value: TokenUnits, lot_shares: ShareUnits, supply: ShareUnits) -> TokenUnits:
    """Return what `lot_shares` are worth of the whole fleet, rounded up."""
    return _div_up(fleet_value * lot_shares, supply)


def floor_down(fleet_value: TokenUnits, lot_shares: ShareUnits, supply: ShareUnits, end_bps: int) -> TokenUnits:
    """Return what the vault books for a lot that nobody bought, rounded down; `fleet_value` is the capped appraisal."""
    return TokenUnits(fleet_value * lot_shares * end_bps // (supply * BPS))


def least_fill(at_start: int, left: int, least_fill_bps: int) -> int:
    """Return the least that a bid takes: a part, rounded up, of what there was at the start, or all that is left."""
    return min(_div_up(at_start * least_fill_bps, BPS), left)


def cut_to_debt(amount: int, price: TokenUnits, owed: TokenUnits) -> tuple[int, TokenUnits]:
    """Return what a bid gets and pays: `amount` at `price`, or what `owed` buys of it, rounded down."""
    return (amount, price) if price <= owed else (amount * owed // price, owed)


@dataclass(frozen=True, slots=True)
class Offer:
    """What is for sale of a loan in breach, as a bid finds it."""

    collateral_left: int
    has_lot: bool

    def is_lot_open(self, sale: Sale, parameters: AuctionParameters) -> bool:
        """Whether title and shares are for sale, as far as collateral's time goes."""
        return self.collateral_left == 0 or sale.collateral_elapsed >= parameters.collateral_alone


def started(
    sale: Sale, offer: Offer, parameters: AuctionParameters, breached_since: UnixSeconds, now: UnixSeconds, told: bool
) -> tuple[Sale, bool]:
    """Return the sale as `start` leaves it, and whether it was resumed where it stood.

    `told`: the price that is asked can be told now.
    """
    resumed = sale.touched_at != 0 and now <= sale.touched_at + parameters.resume_window
    collateral, lot = (sale.collateral_elapsed, sale.lot_elapsed) if resumed else (0, 0)
    begun = Sale(
        collateral_elapsed=collateral if offer.collateral_left else parameters.collateral_alone,
        lot_elapsed=lot,
        touched_at=now,
        breached_since=breached_since,
        collateral_at_start=offer.collateral_left,
        still=not told,
    )
    return begun, resumed


def touched(
    sale: Sale, offer: Offer, parameters: AuctionParameters, now: UnixSeconds, told: bool, up_since: UnixSeconds
) -> Sale:
    """Return the sale after its running clock was moved to `now`.

    `told`: the sequencer runs and the price that is asked can be told; `up_since`: since when it runs, zero where there
    is none.
    """
    if not told:
        return sale.model_copy(update={"touched_at": now, "still": True})
    gap = now - sale.touched_at
    if sale.still or gap > parameters.longest_gap or up_since > sale.touched_at:
        gap = 0
    moved: dict[str, int | bool] = {"touched_at": now, "still": False}
    if not offer.is_lot_open(sale, parameters):
        moved["collateral_elapsed"] = min(sale.collateral_elapsed + gap, parameters.collateral_alone)
    elif offer.has_lot:
        moved["lot_elapsed"] = min(sale.lot_elapsed + gap, parameters.lot_fall)
    return sale.model_copy(update=moved)


def _div_up(numerator: int, denominator: int) -> TokenUnits:
    return TokenUnits(-(-numerator // denominator))
