"""What MeterOracle says."""

from __future__ import annotations

from pyutils.models.address import Address
from pyutils.models.base import Bytes32
from pyutils.models.row import StructModel


class Head(StructModel):
    """A fleet's current authoritative report; `digest` is zero before the first."""

    as_of: int
    available_gpu_ms: int
    busy_gpu_ms: int
    energy_joules: int
    accepted_at: int
    lease_root: Bytes32
    digest: Bytes32


class Pending(StructModel):
    """A report that the operator posted alone; becomes the head `liveness` seconds after `posted_at`, undisputed."""

    digest: Bytes32
    as_of: int
    poster: Address
    posted_at: int
    liveness: int
    stake: int


class Dispute(StructModel):
    """An open dispute over a pending report."""

    digest: Bytes32
    poster: Address
    disputer: Address
    opened_at: int
    poster_stake: int
    disputer_stake: int
    superseded: bool
    """A quorum's report took the head meanwhile: the ruling decides stakes only."""
