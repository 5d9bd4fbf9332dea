"""The custom errors of `MeterOracle` that its mirror raises."""

from __future__ import annotations

from pyutils.refusal import RefusalError


class UnknownVerifierError(RefusalError):
    """The fleet's set has no verifier at this place."""

    fields = ("fleetId", "index")


class DuplicateVerifierError(RefusalError):
    """Places must strictly increase: nobody counts twice."""

    fields = ("fleetId", "index")


class QuorumNotReachedError(RefusalError):
    """Too few verifiers signed."""

    fields = ("fleetId", "signatures", "quorum")


class WrongParentError(RefusalError):
    """The report builds on another head."""

    fields = ("fleetId", "previousDigest", "head")


class NotAdvancingError(RefusalError):
    """The report is not later than the head."""

    fields = ("fleetId", "asOf", "headAsOf")


class FromTheFutureError(RefusalError):
    """The report is as of a time to come."""

    fields = ("fleetId", "asOf", "time")


class CounterFellError(RefusalError):
    """A counter is below the head's."""

    fields = ("fleetId", "counter", "value", "headValue")


class AvailableAboveCapacityError(RefusalError):
    """More GPU time was available than the fleet has."""

    fields = ("fleetId", "grownGpuMs", "capacityGpuMs")


class BusyAboveAvailableError(RefusalError):
    """More GPU time was busy than available."""

    fields = ("fleetId", "busyGpuMs", "availableGpuMs")


class EnergyAboveBoardPowerError(RefusalError):
    """More energy was used than the boards can draw."""

    fields = ("fleetId", "grownJoules", "limitJoules")


class OperatorNotSilentError(RefusalError):
    """A head advanced too recently for verifiers to report alone."""

    fields = ("fleetId", "acceptedAt", "from")


class PendingExistsError(RefusalError):
    """A report is pending already."""

    fields = ("fleetId", "digest")


class NothingPendingError(RefusalError):
    """No report is pending."""

    fields = ("fleetId",)


class DisputeIsOpenError(RefusalError):
    """A dispute is open."""

    fields = ("fleetId", "digest")


class NoDisputeError(RefusalError):
    """No dispute is open."""

    fields = ("fleetId",)


class RulingStillOpenError(RefusalError):
    """The arbiter may still rule."""

    fields = ("fleetId", "until")


class NoReportError(RefusalError):
    """The fleet has no report yet."""

    fields = ("fleetId",)
