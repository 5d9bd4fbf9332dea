"""What meters say: who served whom, what each GPU delivered, and the report that signs it."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from pyutils.models.base import IN_UINT40, IN_UINT64, Bytes32, FrozenModel, Uint64
from pyutils.units import FleetId, GpuMs, Joules, LeaseId, UnixSeconds, Watts

GpuId = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[!-+\--~]+$")]
"""A GPU as its meter names it: printable ASCII without blanks and commas, so that canonical rows need no quoting."""


def normalize_gpu_id(gpu_id: str) -> str:
    """Return a GPU's id as all fleets write it: trimmed, in lower case, so that one board has one leaf everywhere."""
    return gpu_id.strip().lower()


class MeterReport(FrozenModel):
    """Cumulative counters of a fleet since enrolment, as of a time; what reporter and verifiers sign."""

    fleet_id: Annotated[FleetId, IN_UINT64]
    as_of: Annotated[UnixSeconds, IN_UINT40]
    available_gpu_ms: Annotated[GpuMs, IN_UINT64]
    busy_gpu_ms: Annotated[GpuMs, IN_UINT64]
    energy_joules: Annotated[Joules, IN_UINT64]
    lease_root: Bytes32
    """Root of the tree of `(leaseId, deliveredGpuMs)`; zero where no lease is granted and open."""
    data_hash: Bytes32
    """Hash of the published leaf file."""
    previous_digest: Bytes32
    """Digest of the head that this report follows; zero for the first."""


class Enrolment(FrozenModel):
    """A GPU's time in a fleet, `[since, until)`. Nothing outside it is counted."""

    gpu_id: GpuId
    since: Annotated[UnixSeconds, IN_UINT40]
    until: Annotated[UnixSeconds, IN_UINT40] | None = None

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.until is not None and self.until <= self.since:
            raise ValueError(f"GPU {self.gpu_id} leaves at {self.until}, not after it joined at {self.since}")
        return self


class Allocation(FrozenModel):
    """A GPU serves a lease during `[start, end)`; one GPU serves one lease at a time."""

    lease_id: Annotated[LeaseId, IN_UINT64]
    gpu_id: GpuId
    start: Annotated[UnixSeconds, IN_UINT40]
    end: Annotated[UnixSeconds, IN_UINT40]

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.end <= self.start:
            raise ValueError(f"lease {self.lease_id}: GPU {self.gpu_id} is allocated from {self.start} to {self.end}")
        return self


class GpuCounters(FrozenModel):
    """One GPU's share of the fleet's counters as of a time; the fleet's are their sums."""

    gpu_id: GpuId
    available_ms: Annotated[GpuMs, IN_UINT64]
    busy_ms: Annotated[GpuMs, IN_UINT64]
    energy_joules: Annotated[Joules, IN_UINT64]
    resets: Uint64
    """Times that the GPU's energy counter fell, each of which began a new segment."""


class LeaseLeaf(FrozenModel):
    """Delivery of a lease, cumulative since delivery began and not past the lease's end."""

    lease_id: Annotated[LeaseId, IN_UINT64]
    delivered_gpu_ms: Annotated[GpuMs, IN_UINT64]


class PageRef(FrozenModel):
    """One published page of samples: those of one fleet that were stamped in one UTC hour.

    A page is named by the hash of its unpacked rows. One that was cut before its hour was over is published again,
    under another hash, by the report that has the rest of the hour.
    """

    hour: Annotated[int, Field(ge=0, lt=2**32)]
    """The hour, in whole hours since 1970-01-01 UTC."""
    rows_hash: Bytes32
    """Keccak-256 of the canonical rows, unpacked."""
    whole: bool
    """Whether the page has all samples of its hour, or was cut within it."""


class PowerModel(FrozenModel):
    """Power derived from duty, where a meter has no energy counter: idle power plus duty's share of the rest.

    What it yields is an estimate and is labelled so in the leaf file.
    """

    idle_watts: Annotated[Watts, Field(ge=0, lt=2**32)]
    max_watts: Annotated[Watts, Field(gt=0, lt=2**32)]

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.idle_watts > self.max_watts:
            raise ValueError(f"idle power {self.idle_watts} W exceeds maximum power {self.max_watts} W")
        return self

    def nanojoules(self, available_ms: GpuMs, busy_ppm_ms: int) -> int:
        """Return the energy of `available_ms` with a total of `busy_ppm_ms` milliseconds × duty in ppm.

        Exact, because it is linear in both: W × ms × ppm is a nanojoule.
        """
        return self.idle_watts * 1_000_000 * available_ms + (self.max_watts - self.idle_watts) * busy_ppm_ms
