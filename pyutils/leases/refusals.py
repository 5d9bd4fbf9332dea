"""The custom errors of `LeaseBook` that its mirror raises."""

from __future__ import annotations

from pyutils.refusal import RefusalError


class NoTermsError(RefusalError):
    """No terms were set: nothing can be leased."""


class UnknownLeaseError(RefusalError):
    """There is no such lease."""

    fields = ("leaseId",)


class InvalidGpusError(RefusalError):
    """A lease needs a GPU."""

    fields = ("gpus",)


class InvalidDurationError(RefusalError):
    """The term is shorter or longer than this fleet leases."""

    fields = ("duration", "least", "most")


class CapacityExceededError(RefusalError):
    """The fleet has too few GPUs that are not leased."""

    fields = ("fleetId", "asked", "free")


class PriceAboveMaximumError(RefusalError):
    """The price is above what the lessee accepts."""

    fields = ("price", "maximum")


class PriceBelowFloorError(RefusalError):
    """The price is below the fleet's floor."""

    fields = ("price", "floor")


class LeaseClosedError(RefusalError):
    """The lease is closed."""

    fields = ("leaseId",)


class AlreadyGrantedError(RefusalError):
    """Access was granted already."""

    fields = ("leaseId",)


class NotGrantedError(RefusalError):
    """Access was not granted yet."""

    fields = ("leaseId",)


class AlreadyEndingError(RefusalError):
    """Somebody ended the lease early already."""

    fields = ("leaseId",)


class AlreadyReleasedError(RefusalError):
    """The capacity was given back already."""

    fields = ("leaseId",)


class LeaseNotEndedError(RefusalError):
    """The lease has not ended."""

    fields = ("leaseId", "end")


class LeaseEndedError(RefusalError):
    """The lease ends sooner than an early end would take effect."""

    fields = ("leaseId", "end")


class CannotCancelBeforeError(RefusalError):
    """Only the lessee may cancel so soon."""

    fields = ("leaseId", "time")


class WrongFleetError(RefusalError):
    """The lease is one of another fleet."""

    fields = ("leaseId", "fleetId")


class InvalidProofError(RefusalError):
    """The leaf is not in the root of the fleet's head."""

    fields = ("leaseId", "deliveredGpuMs")


class HeadTooOldError(RefusalError):
    """The fleet's head is not late enough."""

    fields = ("fleetId", "asOf", "needed")


class HeadCoversError(RefusalError):
    """A head covers the lease's end, so that signatures are not needed."""

    fields = ("leaseId", "asOf")


class ProofDeadlineRunningError(RefusalError):
    """The delivery may still be proved."""

    fields = ("leaseId", "elapsed", "needed")


class MutualTooEarlyError(RefusalError):
    """Both sides may close by signature only later."""

    fields = ("leaseId", "from")


class InvalidDeliveryError(RefusalError):
    """Both sides signed a delivery below what is credited, or above what is possible."""

    fields = ("leaseId", "asked", "least", "most")
