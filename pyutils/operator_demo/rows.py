"""A report that became a head, and a reporter that was killed, as the summary has them."""

from __future__ import annotations

from pyutils.models import FrozenModel
from pyutils.models.base import Bytes32


class HeadRow(FrozenModel):
    """A report that became a fleet's head."""

    fleet: int
    as_of: int
    available_gpu_ms: int
    busy_gpu_ms: int
    energy_joules: int
    digest: Bytes32
    due_at: int
    """From when on it could be made."""
    accepted_at: int
    gas_used: int
    fee_wei: int
    promised_by: int
    """How many stores promised this digest for the moment: the reporter's, and those of verifiers."""

    @property
    def late_s(self) -> int:
        """How long after it was due it became the head, on the trace's clock."""
        return max(0, self.accepted_at - self.due_at)


class DeathRow(FrozenModel):
    """A reporter that was killed on its way with a report."""

    fleet: int
    as_of: int
    failpoint: str
    signal: int
    state: str | None
    """How far the report was on disk; null where nothing of it was."""
    promised: Bytes32 | None
    """The digest that was promised for the moment then."""
    was_head: bool
    """Whether it was the head on chain already."""
