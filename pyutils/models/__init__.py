"""Frozen values that cross layers, one noun per file."""

from pyutils.models.address import ZERO_ADDRESS, Address, parse_address
from pyutils.models.appraisal import ClassPrice, FleetValue, PriceFeed
from pyutils.models.base import Bytes32, FrozenModel, Uint40, Uint64
from pyutils.models.fleet import DeclaredValue, Documents, Fleet, FleetEnrolment, FleetStatus, ShareTerms
from pyutils.models.lease import EndedBy, Lease, SlaTier, Terms
from pyutils.models.loan import Debt, Evidence, Health, Instalment, Loan, LoanRequest, LoanState, LoanTerms
from pyutils.models.meter import Allocation, Enrolment, GpuCounters, LeaseLeaf, MeterReport, PageRef, PowerModel
from pyutils.models.money import Bond, Revenue
from pyutils.models.oracle import Dispute, Head, Pending
from pyutils.models.pledge import HealthParameters, Limits, Pledge
from pyutils.models.row import StructModel
from pyutils.models.sale import Asking, AuctionParameters, Sale
from pyutils.models.vault import Epoch, VaultBook

__all__ = [
    "ZERO_ADDRESS",
    "Address",
    "Allocation",
    "Asking",
    "AuctionParameters",
    "Bond",
    "Bytes32",
    "ClassPrice",
    "Debt",
    "DeclaredValue",
    "Dispute",
    "Documents",
    "EndedBy",
    "Enrolment",
    "Epoch",
    "Evidence",
    "Fleet",
    "FleetEnrolment",
    "FleetStatus",
    "FleetValue",
    "FrozenModel",
    "GpuCounters",
    "Head",
    "Health",
    "HealthParameters",
    "Instalment",
    "Lease",
    "LeaseLeaf",
    "Limits",
    "Loan",
    "LoanRequest",
    "LoanState",
    "LoanTerms",
    "MeterReport",
    "PageRef",
    "Pending",
    "Pledge",
    "PowerModel",
    "PriceFeed",
    "Revenue",
    "Sale",
    "ShareTerms",
    "SlaTier",
    "StructModel",
    "Terms",
    "Uint40",
    "Uint64",
    "VaultBook",
    "parse_address",
]
