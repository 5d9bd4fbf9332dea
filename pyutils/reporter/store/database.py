"""The store's SQLite file: opened only where it is sound, ours and nobody else's, written in whole transactions.

WAL with `synchronous=FULL`: a transaction that returned is on disk, one that did not is not there at all. One process
uses a store, under a lock. Its threads share one connection, one at a time.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from pyutils.reporter.store.errors import (
    DamagedStoreError,
    MovedStoreError,
    NewerStoreError,
    NoStoreError,
    OtherStoreError,
    StoreBusyError,
    StoreError,
    StoreExistsError,
    UnwritableStoreError,
    store_error,
)
from pyutils.reporter.store.identity import Identity
from pyutils.reporter.store.lock import StoreLock
from pyutils.reporter.store.promises import check_promises
from pyutils.reporter.store.schema import APPLICATION_ID, SCHEMA, VERSION

_MAGIC: Final = b"SQLite format 3\0"
_HEADER: Final = 100
"""Bytes of SQLite's header; the user version stands at 60 and the application id at 68."""
_OLDEST_SQLITE: Final = (3, 37)
_BUSY_MS: Final = 2_000
"""How long a write waits for a person's own `sqlite3` beside the daemon."""
_SIDE_FILES: Final = ("-wal", "-shm", "-journal")


class Database:
    """An open store. Its methods may be called from threads; they take turns."""

    def __init__(self, path: Path, lock: StoreLock, file: Path | None = None) -> None:
        """Connect to a store at `path`, or to what is to stand there. Raises `StoreError` where SQLite refuses."""
        if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
            raise StoreError(
                f"SQLite is {sqlite3.sqlite_version}, the store needs 3.37", remedy="Use Python with a newer SQLite"
            )
        self.path = path
        self.lock = lock
        self._mutex = threading.RLock()
        try:
            self._connection = sqlite3.connect(
                f"{(file or path).absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise store_error(path, error) from error
        self._connection.row_factory = sqlite3.Row
        try:
            self._settle()
        except BaseException:
            self._connection.close()
            raise

    @classmethod
    def create(cls, path: Path, identity: Identity) -> Self:
        """Make a store, whole or not at all, and open it. Raises as `made` and `open` do."""
        with made(path, identity):
            pass
        return cls.open(path, identity)

    @classmethod
    def open(cls, path: Path, identity: Identity, *, even_if_moved: bool = False) -> Self:
        """Open the store of an identity.

        Args:
            path: the file.
            identity: whose it must be.
            even_if_moved: whether one that was exported is opened too; nothing can be promised in it then.

        Raises what `Store.open` raises.
        """
        _check_file(path)
        lock = StoreLock(path)
        try:
            database = cls(path, lock)
        except BaseException:
            lock.close()
            raise
        try:
            database._check(identity)
            database.check_promises(identity)
            if not even_if_moved:
                database.check_here()
        except BaseException:
            database.close()
            raise
        return database

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Run one transaction: committed on disk when it ends, undone where anything is raised. Raises `StoreError`."""
        with self._mutex:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException as error:
                self._undo()
                if isinstance(error, sqlite3.IntegrityError):
                    self.check_here()
                if isinstance(error, sqlite3.Error):
                    raise store_error(self.path, error) from error
                raise

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Read while nobody writes. Raises `StoreError`."""
        with self._mutex:
            try:
                yield self._connection
            except sqlite3.Error as error:
                raise store_error(self.path, error) from error

    def check_promises(self, identity: Identity) -> None:
        """Raise `DamagedStoreError` where promises were altered, `RolledBackStoreError` where newer ones were made."""
        with self.read() as connection:
            check_promises(connection, identity, self.path, self.lock)

    def check_here(self) -> None:
        """Raise `MovedStoreError` where the store was exported."""
        with self.read() as connection:
            moved = connection.execute("SELECT archive FROM moved").fetchone()
        if moved is not None:
            raise MovedStoreError(self.path, moved["archive"])

    def flush(self) -> None:
        """Bring all that is in the log into the file itself."""
        with self.read() as connection:
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise StoreBusyError(self.path)

    def close(self) -> None:
        """Close the file and let go of the lock. Harmless where it is closed."""
        with self._mutex:
            self._connection.close()
            self.lock.close()

    def _undo(self) -> None:
        # A full disk may have undone it already, and a connection that was closed cannot be asked.
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._connection.close()

    def _settle(self) -> None:
        with self.read() as connection:
            connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA recursive_triggers = ON")
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise UnwritableStoreError(self.path, "the file system takes no write-ahead log")

    def _check(self, identity: Identity) -> None:
        with self.read() as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                raise DamagedStoreError(self.path, f"the database is damaged: {found}")
            row = connection.execute("SELECT chain_id, oracle, signer, role FROM identity").fetchone()
        if row is None:
            raise DamagedStoreError(self.path, "the store does not say whose it is")
        try:
            fields = {name: row[name] for name in ("oracle", "signer", "role")}
            owner = Identity.model_validate({"chain_id": int(row["chain_id"]), **fields})
        except ValueError as error:
            raise DamagedStoreError(self.path, "whose the store is was altered") from error
        if owner != identity:
            raise OtherStoreError(self.path, owner, identity)


@contextmanager
def made(path: Path, identity: Identity) -> Iterator[Database]:
    """Make a store and let the caller fill it; it comes to stand at `path` when that succeeded, and not before.

    Raises `StoreExistsError` where a store or a rest of one is there, `RolledBackStoreError` where more was promised at
    this path than it holds, `StoreError`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnwritableStoreError(path.parent, error.strerror or str(error)) from error
    with StoreLock(path) as lock:
        for there in (path, *(Path(f"{path}{suffix}") for suffix in _SIDE_FILES)):
            # A log without its database would be read into the new one.
            if there.exists():
                raise StoreExistsError(there)
        partial = Path(f"{path}.new")
        _remove(partial)
        try:
            os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            database = Database(path, lock, partial)
            try:
                _fill(database, identity)
                yield database
                database.check_promises(identity)
                database.flush()
            finally:
                database._connection.close()
            partial.rename(path)
            _sync(path.parent)
        except OSError as error:
            raise UnwritableStoreError(path, error.strerror or str(error)) from error
        finally:
            _remove(partial)


def _fill(database: Database, identity: Identity) -> None:
    with database.read() as connection:
        connection.executescript(
            f"BEGIN; {SCHEMA} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT;"
        )
    with database.write() as connection:
        row = (str(identity.chain_id), identity.oracle, identity.signer, identity.role)
        connection.execute("INSERT INTO identity VALUES (1, ?, ?, ?, ?)", row)


def _check_file(path: Path) -> None:
    """Look at the header before SQLite does, which would change the file of another program by opening it."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEADER)
    except FileNotFoundError as error:
        raise NoStoreError(path) from error
    except OSError as error:
        raise UnwritableStoreError(path, error.strerror or str(error)) from error
    if not head:
        raise DamagedStoreError(path, "the file is empty")
    if len(head) < _HEADER or not head.startswith(_MAGIC):
        raise DamagedStoreError(path, "the file is no SQLite database")
    version, application = int.from_bytes(head[60:64]), int.from_bytes(head[68:72])
    if application != APPLICATION_ID or version < 1:
        raise DamagedStoreError(path, "the database is no store of this package")
    if version > VERSION:
        raise NewerStoreError(path, version, VERSION)


def _remove(partial: Path) -> None:
    for suffix in ("", *_SIDE_FILES):
        Path(f"{partial}{suffix}").unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
