"""The index's tables, the same in SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeEngine, UserDefinedType

from pyutils.index.layout import EventLayout, Kind, all_layouts

_MOST_SQLITE: Final = (1 << 63) - 1
_DIGITS: Final = 78
"""Decimal digits of the largest integer of 256 bits."""


class Wide(UserDefinedType[int]):
    """An integer of up to 256 bits: `numeric(78,0)`; in SQLite an integer, or text of 78 digits where it is larger.

    SQLite sorts every text behind every integer, and texts of one length like their numbers.
    """

    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[int | None], Any] | None:
        """Return what makes a parameter of an integer."""
        return sqlite_wide if dialect.name == "sqlite" else None

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], int | None]:
        """Return what makes an integer of what the database gave."""
        del dialect, coltype
        return _to_int


def sqlite_wide(value: int | None) -> int | str | None:
    """Return an integer of up to 256 bits as SQLite keeps it. Raises `ValueError` below what 64 bits hold."""
    if value is None or -_MOST_SQLITE <= value <= _MOST_SQLITE:
        return value
    if value < 0:
        raise ValueError(f"{value} has no place in the index")
    return f"{value:0{_DIGITS}d}"


def sqlite_wides(values: list[int]) -> list[int] | list[int | str | None]:
    """Return a column of them; most have nothing to change."""
    return values if max(values, default=0) <= _MOST_SQLITE else [sqlite_wide(value) for value in values]


def _to_int(value: int | str | Decimal | None) -> int | None:
    return None if value is None else int(value)


@compiles(Wide, "sqlite")  # type: ignore[untyped-decorator, unused-ignore]
def _in_sqlite(*_: Any, **__: Any) -> str:
    # A column without a type keeps what it is given; a numeric one would make a float of the text.
    return "BLOB"


@compiles(Wide, "postgresql")  # type: ignore[untyped-decorator, unused-ignore]
def _in_postgresql(*_: Any, **__: Any) -> str:
    return f"NUMERIC({_DIGITS},0)"


_TYPES: Final[Mapping[Kind, Callable[[], TypeEngine[Any]]]] = {
    Kind.NARROW: BigInteger,
    Kind.WIDE: Wide,
    Kind.BOOL: Boolean,
    Kind.BYTES: LargeBinary,
    Kind.TEXT: Text,
    Kind.LIST: Text,
}

METADATA: Final = MetaData()

BLOCKS: Final = Table(
    "blocks",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
    Column("time", BigInteger, nullable=False),
)
"""Blocks with events, and the last of each batch."""

CONTRACTS: Final = Table(
    "contracts",
    METADATA,
    Column("address", LargeBinary, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("first_block", BigInteger, nullable=False, comment="of its deployment; nothing of it can be older"),
    Column("created", Boolean, nullable=False, comment="by an event; others are named by the deployment record"),
    Column("settlement_token", LargeBinary, comment="in which shares of a fleet pay"),
    sqlite_with_rowid=False,
)
"""Whom the index follows."""

SYNC_STATE: Final = Table(
    "sync_state",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("chain_id", BigInteger, nullable=False),
    Column("registry", LargeBinary, nullable=False),
    Column("layout", Text, nullable=False),
    Column("first_block", BigInteger, nullable=False),
    Column(
        "block", BigInteger, nullable=False, comment="the last that is whole in the index; first_block - 1 at first"
    ),
    Column("block_hash", LargeBinary),
    Column("finalized_block", BigInteger, comment="the last that cannot be taken back"),
    Column("finalized_hash", LargeBinary),
    Column("events", BigInteger, nullable=False, comment="how many are in all tables"),
)
"""One row: of what the index is, and how far it is."""


@cache
def table_of(event: EventLayout) -> Table:
    """Return an event's table."""
    columns: list[Column[Any]] = [
        Column("block", BigInteger, primary_key=True, autoincrement=False),
        Column("log_index", Integer, primary_key=True, autoincrement=False),
        Column("contract", LargeBinary, nullable=False),
        Column("transaction_hash", LargeBinary, nullable=False),
    ]
    columns += [Column(one.name, _TYPES[one.kind](), nullable=False) for one in event.columns]
    indices = [Index(f"ix_{event.table}_{one.name}"[:63], one.name) for one in event.topics]
    return Table(event.table, METADATA, *columns, *indices, sqlite_with_rowid=False)


@cache
def all_tables() -> tuple[Table, ...]:
    """Return all events' tables; afterwards `METADATA` is complete."""
    return tuple(table_of(event) for event in all_layouts())
