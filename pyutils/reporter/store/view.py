"""Looking into a store without its lock and without its key, beside a daemon that uses it. Nothing is written."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from pyutils.reporter.store.database import Database
from pyutils.reporter.store.errors import DamagedStoreError, NoStoreError, store_error
from pyutils.reporter.store.identity import Identity
from pyutils.reporter.store.reader import StoreReader


class _Onlooker(Database):
    """A store's file, open for reading alone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mutex = threading.RLock()
        # Without a log nobody has it open, and SQLite need not make files of its own beside it to find that out.
        how = "mode=ro" if Path(f"{path}-wal").exists() else "mode=ro&immutable=1"
        try:
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?{how}", uri=True, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise store_error(path, error) from error
        self._connection.row_factory = sqlite3.Row

    def owner(self) -> Identity:
        """Return whose store it is. Raises `DamagedStoreError` where it is none."""
        try:
            row = self._connection.execute("SELECT chain_id, oracle, signer, role FROM identity").fetchone()
            fields = {name: row[name] for name in ("oracle", "signer", "role")}
            return Identity.model_validate({"chain_id": int(row["chain_id"]), **fields})
        except (sqlite3.DatabaseError, TypeError, ValueError, ValidationError) as error:
            raise DamagedStoreError(self.path, "the file is no store of this package") from error

    def close(self) -> None:
        self._connection.close()


@contextmanager
def look_into(path: Path) -> Iterator[StoreReader]:
    """Open a store to read in it, whosever it is, and close it.

    Raises `NoStoreError` or `DamagedStoreError` where there is none that can be read; whether anything in it was
    altered is seen when that is read.
    """
    if not path.exists():
        raise NoStoreError(path)
    database = _Onlooker(path)
    try:
        yield StoreReader(database, database.owner())
    finally:
        database.close()
