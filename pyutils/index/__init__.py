"""The event index: what the contracts emitted, in tables of a database, which `docs/event-index.md` describes."""

from pyutils.index.reader import Index, open_index
from pyutils.index.store import Store, SyncState
from pyutils.index.sync import Progress, SyncPolicy, sync

__all__ = ["Index", "Progress", "Store", "SyncPolicy", "SyncState", "open_index", "sync"]
