"""Writing a batch of one event: `executemany` in SQLite, `COPY` in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection

from pyutils.index.decode import Rows, Values
from pyutils.index.layout import EventLayout, Kind
from pyutils.index.schema import sqlite_wides, table_of

_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def insert(connection: Connection, rows: Rows) -> None:
    """Write rows that are not there yet, in the connection's transaction."""
    if connection.dialect.name == "sqlite":
        _into_sqlite(connection, rows)
    else:
        _into_postgresql(connection, rows)


def _into_sqlite(connection: Connection, rows: Rows) -> None:
    columns = [
        sqlite_wides(column) if kind is Kind.WIDE else column
        for kind, column in zip(_kinds(rows.layout), rows.columns, strict=True)
    ]
    connection.exec_driver_sql(_insert(rows.layout), list(zip(*columns, strict=True)))


def _into_postgresql(connection: Connection, rows: Rows) -> None:
    columns = [_TEXTS[kind](column) for kind, column in zip(_kinds(rows.layout), rows.columns, strict=True)]
    lines = "\n".join(map("\t".join, zip(*columns, strict=True)))
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(_copy(rows.layout)) as copy:
        copy.write(lines + "\n")


@cache
def _insert(layout: EventLayout) -> str:
    marks = ", ".join("?" for _ in table_of(layout).columns)
    return f'INSERT INTO "{layout.table}" VALUES ({marks})'


@cache
def _copy(layout: EventLayout) -> str:
    return f'COPY "{layout.table}" FROM STDIN'


@cache
def _kinds(layout: EventLayout) -> tuple[Kind, ...]:
    """Return what the columns of the table hold, the fixed ones first."""
    return (Kind.NARROW, Kind.NARROW, Kind.BYTES, Kind.BYTES, *(one.kind for one in layout.columns))


def _numbers(column: Values) -> Sequence[str]:
    return list(map(str, column))


def _bytes(column: Values) -> Sequence[str]:
    return ["\\\\x" + value.hex() for value in column]


def _booleans(column: Values) -> Sequence[str]:
    return ["t" if value else "f" for value in column]


def _texts(column: Values) -> Sequence[str]:
    return [value.translate(_ESCAPES) for value in column]


_TEXTS: Final[Mapping[Kind, Callable[[Values], Sequence[str]]]] = {
    Kind.NARROW: _numbers,
    Kind.WIDE: _numbers,
    Kind.BOOL: _booleans,
    Kind.BYTES: _bytes,
    Kind.TEXT: _texts,
    Kind.LIST: _texts,
}
