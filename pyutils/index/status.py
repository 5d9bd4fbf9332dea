"""How far an index is, and how much of what is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select

from pyutils.index.layout import all_layouts
from pyutils.index.reader import Index
from pyutils.index.schema import BLOCKS, CONTRACTS, table_of


@dataclass(frozen=True, slots=True)
class Status:
    """An index at one moment."""

    block: int | None
    """The last that is whole in it; None while it is empty."""
    at: int | None
    """Its time in Unix seconds."""
    finalized_block: int | None
    contracts: int
    events: Mapping[str, int]
    """How often each event is in it, those that are not left out."""


def status(index: Index) -> Status:
    """Return the state of the index. Raises `DatabaseError`, `NoIndexError`, `OtherIndexError`."""
    with index.store.transaction() as connection:
        state = index.store.read_state(connection, index.identity)
        at = connection.scalar(select(BLOCKS.c.time).where(BLOCKS.c.number == state.block))
        contracts = connection.scalar(select(func.count()).select_from(CONTRACTS)) or 0
        events: dict[str, int] = {}
        for layout in all_layouts():
            count = connection.scalar(select(func.count()).select_from(table_of(layout))) or 0
            if count:
                events[layout.label] = count
    return Status(state.block, at, state.finalized_block, contracts, events)
