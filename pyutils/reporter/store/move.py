"""Moving a store to another machine: exported here, where nothing is signed any more, and imported there.

The store is marked as moved before its archive comes to be, so there is no instant at which both may sign.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from pyutils.reporter.settings.folders import Folders
from pyutils.reporter.store.archive import Archive, ArchiveExistsError, open_archive, published, write_archive
from pyutils.reporter.store.database import Database, made
from pyutils.reporter.store.errors import OtherStoreError, UnwritableStoreError
from pyutils.reporter.store.history import History, checkpoint_data, merge_checkpoints, merge_history, read_history
from pyutils.reporter.store.identity import Identity
from pyutils.reporter.store.store import Store


@dataclass(frozen=True, slots=True)
class Moved:
    """What an archive holds."""

    archive: Path
    promises: int
    reports: int
    transactions: int
    files: int

    @classmethod
    def of(cls, archive: Path, history: History) -> Moved:
        """Count what is in a history."""
        counts = len(history.promises), len(history.reports), len(history.transactions)
        return cls(archive, *counts, history.files)


def export_store(store: Store, folders: Folders | None, path: Path) -> Moved:
    """Write a store's archive, and let the store promise nothing any more; opening it is refused from now on.

    Where the archive cannot be written, the store is as it was. A process that is killed in between leaves a store that
    was moved nowhere; opened with `even_if_moved`, it is exported again.

    Args:
        store: the store, open.
        folders: where its published files are; None to leave them here.
        path: the archive, `….tar.gz`; nothing may be there.

    Raises `ArchiveExistsError`, `FullDiskError`, `UnwritableStoreError`.
    """
    if path.exists():
        raise ArchiveExistsError(path)
    before = _mark_moved(store, str(path.absolute()))
    try:
        try:
            files = published(folders)
        except OSError as error:
            raise UnwritableStoreError(path, error.strerror or str(error)) from error
        with store.database.read() as connection:
            history = read_history(connection, store.identity, len(files))
            write_archive(path, history, checkpoint_data(connection, history), files)
    except BaseException:
        if not path.exists():
            _mark_moved(store, before)
        raise
    return Moved.of(path, history)


def import_archive(path: Path, store_path: Path, identity: Identity, folders: Folders | None) -> Moved:
    """Make a store of an archive, or take it over into the store that is there. All of it or nothing.

    Nothing new is signed in it as of times up to the latest that was promised before. A store that was exported may
    sign again afterwards: import only what the machine that signed last has exported.

    Args:
        path: the archive.
        store_path: the store.
        identity: whose both must be.
        folders: where published files go; None to leave them out.

    Raises `ArchiveError` and `HistoryError` where the archive cannot be used, `OtherStoreError` where it or the store
    is another signer's, `ContradictionError` where the two promised different digests for one moment,
    `RolledBackStoreError` where more was promised at this path than the archive holds, and `StoreError`.
    """
    with open_archive(path) as archive:
        history = archive.history()
        if history.identity != identity:
            raise OtherStoreError(path, history.identity, identity)
        if store_path.exists():
            database = Database.open(store_path, identity, even_if_moved=True)
            try:
                _merge(database, archive, history, folders)
                # Writes the mark, which promises that were taken over have raised.
                database.check_promises(identity)
            finally:
                database.close()
        else:
            with made(store_path, identity) as database:
                _merge(database, archive, history, folders)
    return Moved.of(path, history)


def _merge(database: Database, archive: Archive, history: History, folders: Folders | None) -> None:
    with database.write() as connection:
        merge_history(connection, history.identity, history)
        merge_checkpoints(connection, history, archive.checkpoints(history))
        archive.unpack_files(history, folders)


def _mark_moved(store: Store, archive: str | None) -> str | None:
    """Say where a store was exported to, or with None that it was not, and return what was said before."""
    with store.database.write() as connection:
        row = connection.execute("SELECT archive FROM moved").fetchone()
        connection.execute("DELETE FROM moved")
        if archive is not None:
            connection.execute("INSERT INTO moved VALUES (1, ?, ?)", (archive, int(time.time())))
    return None if row is None else row["archive"]
