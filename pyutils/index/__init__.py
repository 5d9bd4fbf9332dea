"""The event index: what the contracts emitted, in tables of SQLite or PostgreSQL. `docs/event-index.md` describes it."""

from pyutils.index.reader import Index, open_index
from pyutils.index.store import Store, SyncState
from pyutils.index.sync import Progress, SyncPolicy, sync

__all__ = ["Index", "Progress", "Store", "SyncPolicy", "SyncState", "open_index", "sync"]
