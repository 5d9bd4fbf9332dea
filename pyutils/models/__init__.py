"""Frozen values that cross layers, one noun per file."""

from pyutils.models.base import Bytes32, FrozenModel, Uint40, Uint64
from pyutils.models.meter import Allocation, Enrolment, GpuCounters, LeaseLeaf, MeterReport, PowerModel

__all__ = [
    "Allocation",
    "Bytes32",
    "Enrolment",
    "FrozenModel",
    "GpuCounters",
    "LeaseLeaf",
    "MeterReport",
    "PowerModel",
    "Uint40",
    "Uint64",
]
