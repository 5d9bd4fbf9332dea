"""Where the events before a block are read from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeAlias

from pyutils.contracts import System
from pyutils.operations.event_source import EventSource, NodeEvents
from pyutils.portfolio.block import NoSuchBlockError, PinnedBlock, ReplacedBlockError, pin

OpenSource: TypeAlias = Callable[[PinnedBlock], AbstractContextManager[EventSource]]
"""Opens the events up to a block."""


@contextmanager
def open_events(system: System, block: PinnedBlock, open_source: OpenSource | None) -> Iterator[EventSource]:
    """Open the events up to a block: by `open_source`, or where there is none from the node.

    Events, and states read beside them, are asked for by the block's number: so that all of it belongs together,
    `ReplacedBlockError` is raised at the end where another block has that number by then.
    """
    with nullcontext(NodeEvents(system, block.number)) if open_source is None else open_source(block) as source:
        yield source
    try:
        stays = pin(system.web3, block.number).hash == block.hash
    except NoSuchBlockError as error:
        raise ReplacedBlockError(block.number, str(error)) from error
    if not stays:
        raise ReplacedBlockError(block.number, "another block has its number now")
