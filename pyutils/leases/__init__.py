"""Exact integer mirrors of the contracts around a lease: quotes for people, and the reference in tests."""

from pyutils.leases.book import BookModel, FleetBook, Leaf, Opening
from pyutils.leases.lease import LeaseModel, Settlement
from pyutils.leases.rent import deliverable, deposit_up, rent_down
from pyutils.leases.terms import (
    Closing,
    InvalidTermsError,
    at_closing,
    check_terms,
    lessee_end_s,
    operator_end_s,
    reservation_up,
    sla_credit_wad,
)

__all__ = [
    "BookModel",
    "Closing",
    "FleetBook",
    "InvalidTermsError",
    "Leaf",
    "LeaseModel",
    "Opening",
    "Settlement",
    "at_closing",
    "check_terms",
    "deliverable",
    "deposit_up",
    "lessee_end_s",
    "operator_end_s",
    "rent_down",
    "reservation_up",
    "sla_credit_wad",
]
