"""Where the events before a block are read from."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TypeAlias

from pyutils.contracts import System
from pyutils.operations.event_source import EventSource, NodeEvents
from pyutils.portfolio.block import PinnedBlock

OpenSource: TypeAlias = Callable[[PinnedBlock], AbstractContextManager[EventSource]]
"""Opens the events up to a block."""


def open_events(
    system: System, block: PinnedBlock, open_source: OpenSource | None
) -> AbstractContextManager[EventSource]:
    """Open the events up to a block: by `open_source`, or where there is none from the node."""
    return nullcontext(NodeEvents(system, block.number)) if open_source is None else open_source(block)
