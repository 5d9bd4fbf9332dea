"""Opening the database of an index: SQLite or PostgreSQL by its URL, and what they say as one line."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy
from sqlalchemy import URL, Connection, Engine, event, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import DatabaseError as AnyDatabaseError
from sqlalchemy.pool import NullPool

from pyutils.index.errors import DatabaseError, DatabaseUrlError, IndexBusyError, NoIndexError

BUSY_S: Final = 5
"""How long a write waits for somebody else's."""
_CONNECT_S: Final = 10
_LOCK_FAMILY: Final = 0x67707577
"""Whose advisory locks ours are in PostgreSQL; any number that is ours alone."""


def parse_url(text_: str) -> URL:
    """Return a database's URL. Raises `DatabaseUrlError`."""
    try:
        url = sqlalchemy.make_url(text_)
    except ArgumentError as error:
        raise DatabaseUrlError(f"{text_!r} is no URL of a database") from error
    if url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise DatabaseUrlError(f"{url.drivername} is neither sqlite nor postgresql+psycopg")
    if url.drivername == "sqlite" and url.database in (None, "", ":memory:"):
        raise DatabaseUrlError("an index needs a file")
    return url


def shown(url: URL) -> str:
    """Return what an index is called where it is spoken of, without a password."""
    return str(url.database) if url.drivername == "sqlite" else url.render_as_string(hide_password=True)


def open_engine(url: URL, *, writes: bool) -> Engine:
    """Return an engine; nothing is asked yet, but a SQLite file must be there unless it `writes`.

    Raises:
        DatabaseUrlError: the driver is not installed.
        NoIndexError: there is no such file.
        DatabaseError: the file's folder cannot be made.

    """
    if url.drivername == "sqlite":
        return _sqlite(url, writes=writes)
    options = {"connect_timeout": _CONNECT_S, "application_name": "gpurwa index"}
    options["options"] = f"-c lock_timeout={BUSY_S * 1000}"
    isolation = "READ COMMITTED" if writes else "REPEATABLE READ"
    try:
        return sqlalchemy.create_engine(url, connect_args=options, isolation_level=isolation, poolclass=NullPool)
    except (ImportError, NoSuchModuleError) as error:
        raise DatabaseUrlError(
            f"PostgreSQL's driver cannot be used: {error}",
            remedy="Install it with its extra: pip install 'gpu-rwa[postgres]'",
        ) from error


def _sqlite(url: URL, *, writes: bool) -> Engine:
    path = Path(str(url.database))
    if writes:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseError(f"{path.parent} cannot be made: {error.strerror}") from error
    elif not path.is_file():
        raise NoIndexError(f"there is no index {path}")
    engine = sqlalchemy.create_engine(url, poolclass=NullPool, connect_args={"timeout": BUSY_S})

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _: object) -> None:
        # Transactions begin where this module says, not where the driver guesses.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -65536")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def told(url: URL) -> Iterator[None]:
    """Turn what a database refuses into one line. Raises `DatabaseError`."""
    try:
        yield
    except AnyDatabaseError as error:
        raise DatabaseError(f"{shown(url)}: {_line(error.orig or error)}") from error
    except DBAPIError as error:
        raise DatabaseError(f"{shown(url)}: {_line(error.orig or error)}") from error
    except Exception as error:
        # psycopg's own COPY is not wrapped by SQLAlchemy.
        if type(error).__module__.partition(".")[0] not in ("psycopg", "sqlite3"):
            raise
        raise DatabaseError(f"{shown(url)}: {_line(error)}") from error


def _line(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


@contextmanager
def only_writer(engine: Engine) -> Iterator[None]:
    """Hold the index for writing; the lock ends with this process, however it ends. Raises `IndexBusyError`."""
    if engine.dialect.name == "sqlite":
        with _file_lock(engine.url):
            yield
        return
    with told(engine.url):
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        with told(engine.url):
            mine = connection.scalar(
                text("SELECT pg_try_advisory_lock(:family, hashtext(current_schema()))"), {"family": _LOCK_FAMILY}
            )
        if not mine:
            raise IndexBusyError(f"another sync writes to {shown(engine.url)}")
        yield
    finally:
        connection.close()


@contextmanager
def _file_lock(url: URL) -> Iterator[None]:
    # By the real name: two links to one database are one index.
    path = Path(f"{Path(str(url.database)).resolve()}.lock")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DatabaseError(f"{path} cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise IndexBusyError(f"another sync writes to {shown(url)}") from error
    finally:
        os.close(descriptor)
