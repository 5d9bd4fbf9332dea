"""Where a figure comes from: what told it, as of which block, and how old that is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Self

from pyutils.models import FrozenModel
from pyutils.operations.history import Event
from pyutils.portfolio.block import PinnedBlock
from pyutils.units import BlockNumber, UnixSeconds


class Origin(FrozenModel):
    """What told a figure, or a group of figures that the same things told."""

    told_by: str
    """Views of contracts, or names of events."""
    block: BlockNumber
    """As of which it was read."""
    as_of: UnixSeconds | None
    """The newest moment of which the figure knows anything; None where nothing told it yet."""
    age_s: int | None
    """How long before the block that was."""
    events: int
    """How many events told it; 0 where views did."""
    first: str | None
    """The first of these events, by name, block and transaction."""
    last: str | None

    @classmethod
    def of_state(cls, block: PinnedBlock, told_by: str, as_of: UnixSeconds | None = None) -> Self:
        """Return the origin of what views said at a block; it holds until `as_of`, or as of the block itself."""
        return cls._of(block, told_by, block.at if as_of is None else as_of, ())

    @classmethod
    def of_events(cls, block: PinnedBlock, events: Iterable[Event], as_of: UnixSeconds | None = None) -> Self:
        """Return the origin of what events said; it is as old as the last of them unless it holds until `as_of`."""
        told = sorted(events, key=lambda event: (event.block, event.index))
        if as_of is None and told:
            as_of = told[-1].at
        names = ", ".join(dict.fromkeys(event.name for event in told))
        return cls._of(block, names, as_of, [event.label for event in told])

    @classmethod
    def _of(cls, block: PinnedBlock, told_by: str, as_of: UnixSeconds | None, labels: Sequence[str]) -> Self:
        return cls(
            told_by=told_by,
            block=block.number,
            as_of=as_of,
            age_s=None if as_of is None else block.at - as_of,
            events=len(labels),
            first=labels[0] if labels else None,
            last=labels[-1] if labels else None,
        )
