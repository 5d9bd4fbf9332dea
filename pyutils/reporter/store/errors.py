"""What can be wrong with a store, each in one line with what to do."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from pyutils.errors import GpuRwaError, InputError
from pyutils.reporter.store.identity import Identity
from pyutils.reporter.unsafe import UnsafeToSignError

NEVER_BLANK: Final = "never start a blank store with a key that has signed"
_NEW_KEY: Final = "where there is none, name a new key on chain and make a store for it"


class StoreError(GpuRwaError):
    """The store cannot be used, or did not take what was to be written; nothing of it is written then."""

    remedy = "Mend what is named and try again; what was committed before stands"


class NoStoreError(StoreError):
    """There is no store at a path."""

    remedy = (
        "Check the path; `gpurwa operator init` or `gpurwa verifier init` makes a store for a key that never signed,"
        " `gpurwa operator import` one for a key that did"
    )

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: there is no store")


class StoreExistsError(StoreError):
    """A store, or what is left of one, is where a new one was to be."""

    remedy = f"Use the one that is there, or choose another path; {NEVER_BLANK}"

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is there already")


class StoreBusyError(StoreError):
    """Another process uses the store."""

    remedy = "Stop the other daemon first: two with one key could sign one moment twice"

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: another process uses this store")


class DamagedStoreError(StoreError):
    """The file is no store, or not all of it is what was written."""

    remedy = (
        "Move it away and restore the newest copy, or import the newest export with `gpurwa operator import`;"
        f" {_NEW_KEY}"
    )

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")


class RolledBackStoreError(StoreError, UnsafeToSignError):
    """The database lacks promises that were made with it: it is an older copy, or its newest part was lost."""

    remedy = (
        "Move it away and put the newest copy back, or import the newest export with `gpurwa operator import`;"
        f" {_NEW_KEY}"
    )

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")


class NewerStoreError(StoreError):
    """A newer release made the store."""

    remedy = "Install the newest release of gpu-rwa"

    def __init__(self, path: Path, version: int, known: int) -> None:
        super().__init__(f"{path}: the store has version {version}, this release knows versions up to {known}")


class OtherStoreError(InputError):
    """A store or an archive is another signer's."""

    remedy = "Use the store of this key, oracle and chain, or make one of its own"

    def __init__(self, path: Path, found: Identity, wanted: Identity) -> None:
        super().__init__(f"{path} is of the {found}, not of the {wanted}")
        self.found, self.wanted = found, wanted


class MovedStoreError(StoreError, UnsafeToSignError):
    """The store was exported, and whoever imported it may sign now."""

    remedy = (
        "Use the store that it was imported into; to take it back, export that one and import its archive here with"
        " `gpurwa operator import`; an export that was cut short is run again"
    )

    def __init__(self, path: Path, archive: str) -> None:
        super().__init__(f"{path}: this store was exported to {archive}")
        self.archive = archive


class FullDiskError(StoreError):
    """There is no space for what was to be written."""

    remedy = "Free space on the disk; the daemon goes on by itself, and what was committed before stands"

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: nothing can be written, the disk is full")


class UnwritableStoreError(StoreError):
    """The disk or the system refuses to read or write the store."""

    remedy = "Check the folder's and the files' permissions, and the disk"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")


def store_error(path: Path, error: sqlite3.Error) -> StoreError:
    """Return what SQLite's error means for a store."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return FullDiskError(path)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreBusyError(path)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT):
        return DamagedStoreError(path, f"the database is damaged: {error}")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM):
        return UnwritableStoreError(path, str(error))
    return StoreError(f"{path}: {error}", remedy="Report this as a bug; what was committed before stands")
