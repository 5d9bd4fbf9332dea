"""Exact mirror of `LeaseTerms`: what the two sides of a lease owe each other beside the rent."""

from __future__ import annotations

from dataclasses import dataclass

from pyutils.models.lease import Terms
from pyutils.refusal import RefusalError
from pyutils.units import SECONDS_PER_HOUR, WAD, TokenUnits, Wad

DAY_S = 86_400


class InvalidTermsError(RefusalError):
    """These terms could owe more than the reservation, or leave a side without its time."""

    fields = ("field",)


@dataclass(frozen=True, slots=True)
class Closing:
    """What the bond settles when a lease closes, in token units."""

    reservation: TokenUnits
    sla_credit: TokenUnits
    compensation: TokenUnits


def check_terms(terms: Terms) -> None:
    """Raise `InvalidTermsError` where `LeaseTerms.setTerms` would refuse `terms`."""
    _require(terms.reservation_wad <= WAD, "reservationWad")
    below, credit = WAD + 1, 0
    for tier in terms.tiers:
        _require(tier.below_wad < below, "belowWad")
        _require(credit <= tier.credit_wad <= terms.reservation_wad, "creditWad")
        below, credit = tier.below_wad, tier.credit_wad
    _require(terms.lessee_notice <= 30 * DAY_S, "lesseeNotice")
    _require(terms.operator_notice <= 30 * DAY_S, "operatorNotice")
    _require(terms.compensation <= 30 * DAY_S, "compensation")
    _require(0 < terms.report_interval <= DAY_S, "reportInterval")
    _require(DAY_S <= terms.proof_deadline <= 30 * DAY_S, "proofDeadline")
    _require(terms.max_standstill <= 90 * DAY_S, "maxStandstill")
    _require(DAY_S <= terms.mutual_delay <= terms.proof_deadline, "mutualDelay")


def reservation_up(terms: Terms, deposit: TokenUnits) -> TokenUnits:
    """Return what the bond reserves of `deposit`. Rounds up, for the lessee: credits round down and always fit."""
    return TokenUnits(-(-deposit * terms.reservation_wad // WAD))


def sla_credit_wad(terms: Terms, availability_wad: Wad) -> Wad:
    """Return the part of the deposit that `availability_wad` earns as an SLA credit."""
    earned = [tier.credit_wad for tier in terms.tiers if availability_wad < tier.below_wad]
    return Wad(earned[-1] if earned else 0)


def at_closing(
    terms: Terms, deposit: TokenUnits, availability_wad: Wad, rent_per_hour: TokenUnits, *, ended_by_operator: bool
) -> Closing:
    """Return what the bond owes at closing. Credit and compensation round down, together within the reservation."""
    reservation = reservation_up(terms, deposit)
    sla_credit = deposit * sla_credit_wad(terms, availability_wad) // WAD
    compensation = 0
    if ended_by_operator:
        compensation = min(reservation - sla_credit, rent_per_hour * terms.compensation // SECONDS_PER_HOUR)
    return Closing(reservation, TokenUnits(sla_credit), TokenUnits(compensation))


def lessee_end_s(terms: Terms) -> int:
    """Return in how many seconds a lessee's early end takes effect."""
    return 2 * terms.report_interval


def operator_end_s(terms: Terms) -> int:
    """Return in how many seconds an operator's early end takes effect: its notice, at least two report intervals."""
    return max(terms.operator_notice, 2 * terms.report_interval)


def _require(holds: bool, field: str) -> None:
    if not holds:
        raise InvalidTermsError(field)
