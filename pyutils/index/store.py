"""The index as a store: whole batches in, whole batches out again where the chain took blocks back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Self

from sqlalchemy import Connection, Engine, Row, delete, insert, inspect, select, update

from pyutils.index import bulk
from pyutils.index.decode import Rows
from pyutils.index.engine import only_writer, open_engine, parse_url, shown, told
from pyutils.index.errors import IndexBusyError, NoIndexError, OtherIndexError
from pyutils.index.layout import fingerprint
from pyutils.index.schema import BLOCKS, CONTRACTS, METADATA, SYNC_STATE, all_tables


@dataclass(frozen=True, slots=True)
class BlockRow:
    """A block: its height, hash and time in Unix seconds."""

    number: int
    hash: bytes
    time: int


@dataclass(frozen=True, slots=True)
class Followed:
    """A contract whose events are kept."""

    address: bytes
    kind: str
    first_block: int
    created: bool
    """Whether an event told of it; others are named by the deployment record."""
    settlement_token: bytes | None = None
    """In which shares of a fleet pay; None for other contracts."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Of which deployment an index is."""

    chain_id: int
    registry: bytes
    """Address of FleetRegistry."""


@dataclass(frozen=True, slots=True)
class SyncState:
    """How far an index is."""

    identity: Identity
    first_block: int
    block: int | None
    """The last block that is whole in the index; None while it is empty."""
    block_hash: bytes | None
    finalized_block: int | None
    """The last block that the chain cannot take back."""
    finalized_hash: bytes | None
    events: int


@dataclass(frozen=True, slots=True)
class Batch:
    """All events of blocks that follow one another."""

    rows: Sequence[Rows]
    blocks: Sequence[BlockRow]
    """Those with events, and the last."""
    created: Sequence[Followed]
    last: BlockRow
    finalized: BlockRow | None

    @property
    def events(self) -> int:
        """Return how many events it has."""
        return sum(map(len, self.rows))


class Store:
    """An open index. Raises `DatabaseError` from every method where the database refuses."""

    def __init__(self, engine: Engine) -> None:
        all_tables()
        self.engine = engine

    @classmethod
    def at(cls, url: str, *, writes: bool = False) -> Self:
        """Return the index at a URL. Raises as `open_engine` does."""
        return cls(open_engine(parse_url(url), writes=writes))

    @property
    def name(self) -> str:
        """What the index is called where it is spoken of."""
        return shown(self.engine.url)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the index for writing. Raises `IndexBusyError`."""
        with only_writer(self.engine):
            yield

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Begin a transaction; it is kept whole at the end, or nothing of it where anything was raised."""
        with told(self.engine.url), self.engine.begin() as connection:
            yield connection

    def prepare(self, identity: Identity, first_block: int) -> SyncState:
        """Make the tables where there are none, and return the state. Raises `OtherIndexError`."""
        with self.transaction() as connection:
            if not inspect(connection).has_table(SYNC_STATE.name):
                METADATA.create_all(connection)
                row = {"id": 1, "chain_id": identity.chain_id, "registry": identity.registry, "layout": fingerprint()}
                connection.execute(
                    insert(SYNC_STATE), row | {"first_block": first_block, "block": first_block - 1, "events": 0}
                )
            return self.read_state(connection, identity)

    def state(self, identity: Identity | None = None) -> SyncState:
        """Return how far the index is. Raises as `read_state` does."""
        with self.transaction() as connection:
            return self.read_state(connection, identity)

    def read_state(self, connection: Connection, identity: Identity | None = None) -> SyncState:
        """Return the state within a transaction.

        Raises:
            NoIndexError: the database holds no index.
            OtherIndexError: it is of another deployment than `identity`, or was made with other tables.

        """
        if not inspect(connection).has_table(SYNC_STATE.name):
            raise NoIndexError(f"there is no index in {self.name}")
        row = connection.execute(select(SYNC_STATE)).one()
        if row.layout != fingerprint():
            raise OtherIndexError(f"{self.name} was made for other contracts than this version of the package has")
        found = Identity(row.chain_id, bytes(row.registry))
        if identity is not None and found != identity:
            registry = f"FleetRegistry 0x{found.registry.hex()} on chain {found.chain_id}"
            raise OtherIndexError(f"{self.name} is the index of {registry}")
        return _state(found, row)

    def contracts(self, connection: Connection) -> list[Followed]:
        """Return whom the index follows."""
        found = connection.execute(select(CONTRACTS).order_by(CONTRACTS.c.first_block, CONTRACTS.c.address))
        return [
            Followed(
                bytes(row.address),
                row.kind,
                row.first_block,
                row.created,
                None if row.settlement_token is None else bytes(row.settlement_token),
            )
            for row in found
        ]

    def blocks_below(self, connection: Connection, number: int, most: int) -> list[BlockRow]:
        """Return the newest blocks up to a height, the newest first."""
        wanted = select(BLOCKS).where(BLOCKS.c.number <= number).order_by(BLOCKS.c.number.desc()).limit(most)
        return [BlockRow(row.number, bytes(row.hash), row.time) for row in connection.execute(wanted)]

    def follow(self, contracts: Sequence[Followed]) -> None:
        """Follow more contracts from now on."""
        with self.transaction() as connection:
            _follow(connection, contracts)

    def append(self, before: SyncState, batch: Batch) -> SyncState:
        """Write the batch that follows a state, whole, and return the new state.

        Raises `IndexBusyError` where the index is no longer in that state.
        """
        last, final = batch.last, batch.finalized
        values: dict[str, object] = {"block": last.number, "block_hash": last.hash}
        if final is not None:
            values |= {"finalized_block": final.number, "finalized_hash": final.hash}
        with self.transaction() as connection:
            self._step(connection, before, values | {"events": before.events + batch.events})
            for rows in batch.rows:
                bulk.insert(connection, rows)
            if batch.blocks:
                blocks = [{"number": one.number, "hash": one.hash, "time": one.time} for one in batch.blocks]
                connection.execute(insert(BLOCKS), blocks)
            _follow(connection, batch.created)
            return self.read_state(connection)

    def roll_back(self, before: SyncState, to: BlockRow | None) -> SyncState:
        """Forget all blocks behind `to`, or all, and return the new state. Raises `IndexBusyError` as `append` does."""
        number = before.first_block - 1 if to is None else to.number
        with self.transaction() as connection:
            gone = sum(
                connection.execute(delete(table).where(table.c.block > number)).rowcount for table in all_tables()
            )
            connection.execute(delete(BLOCKS).where(BLOCKS.c.number > number))
            connection.execute(delete(CONTRACTS).where(CONTRACTS.c.created, CONTRACTS.c.first_block > number))
            values: dict[str, object] = {
                "block": number,
                "block_hash": None if to is None else to.hash,
                "events": before.events - gone,
            }
            if before.finalized_block is not None and before.finalized_block > number:
                values |= {"finalized_block": None, "finalized_hash": None}
            self._step(connection, before, values)
            return self.read_state(connection)

    def _step(self, connection: Connection, before: SyncState, values: Mapping[str, object]) -> None:
        block = before.first_block - 1 if before.block is None else before.block
        same = (
            SYNC_STATE.c.block_hash.is_(None) if before.block is None else SYNC_STATE.c.block_hash == before.block_hash
        )
        moved = connection.execute(update(SYNC_STATE).where(SYNC_STATE.c.block == block, same).values(**values))
        if moved.rowcount != 1:
            raise IndexBusyError(f"another sync wrote to {self.name} meanwhile")


def _state(identity: Identity, row: Row[tuple[object, ...]]) -> SyncState:
    return SyncState(
        identity,
        row.first_block,
        None if row.block_hash is None else row.block,
        row.block_hash,
        row.finalized_block,
        row.finalized_hash,
        row.events,
    )


def _follow(connection: Connection, contracts: Sequence[Followed]) -> None:
    if contracts:
        connection.execute(insert(CONTRACTS), [asdict(one) for one in contracts])
