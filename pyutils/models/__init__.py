"""Frozen values that cross layers, one noun per file."""

from pyutils.models.address import ZERO_ADDRESS, Address, parse_address
from pyutils.models.base import Bytes32, FrozenModel, Uint40, Uint64
from pyutils.models.fleet import DeclaredValue, Documents, Fleet, FleetEnrolment, FleetStatus, ShareTerms
from pyutils.models.lease import EndedBy, Lease, SlaTier, Terms
from pyutils.models.meter import Allocation, Enrolment, GpuCounters, LeaseLeaf, MeterReport, PageRef, PowerModel
from pyutils.models.money import Bond, Revenue
from pyutils.models.oracle import Dispute, Head, Pending
from pyutils.models.row import StructModel

__all__ = [
    "ZERO_ADDRESS",
    "Address",
    "Allocation",
    "Bond",
    "Bytes32",
    "DeclaredValue",
    "Dispute",
    "Documents",
    "EndedBy",
    "Enrolment",
    "Fleet",
    "FleetEnrolment",
    "FleetStatus",
    "FrozenModel",
    "GpuCounters",
    "Head",
    "Lease",
    "LeaseLeaf",
    "MeterReport",
    "PageRef",
    "Pending",
    "PowerModel",
    "Revenue",
    "ShareTerms",
    "SlaTier",
    "StructModel",
    "Terms",
    "Uint40",
    "Uint64",
    "parse_address",
]
