"""New business that is not stopped, and calls of roles that are announced."""

from __future__ import annotations

from collections.abc import Iterator

from pyutils.migration.obligation import Kind, Obligation
from pyutils.migration.stage import Stage


def business(stage: Stage) -> Iterator[Obligation]:
    """Yield what still lets new business in."""
    if not stage.system.registry.is_paused(stage.number):
        yield Obligation(
            kind=Kind.BUSINESS,
            what="fleets, leases, loans and deposits are still taken",
            steps=(stage.by_role("guardian", "gpurwa migrate pause"),),
        )
    for call in stage.access.announced:
        cancel = stage.step("who may cancel it", call.may_cancel, f"gpurwa admin cancel-call 0x{call.operation.hex()}")
        yield Obligation(
            kind=Kind.ANNOUNCED,
            what=f"{call.call}, by {call.role} {call.caller}",
            ends_at=call.void_at,
            steps=(cancel,),
        )
