"""Reading the index: events by name and argument, by account, by fleet and by lease."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import Any, Final, Self, TypeAlias

from sqlalchemy import ColumnElement, Connection, CursorResult, Select, Table, and_, false, or_, select

from pyutils.index.errors import BehindError, UnindexedContractError, UnknownEventNameError
from pyutils.index.layout import EventLayout, Kind, all_layouts
from pyutils.index.rows import event_reader
from pyutils.index.schema import BLOCKS, table_of
from pyutils.index.store import Followed, Identity, Store, SyncState
from pyutils.manifest import Manifest
from pyutils.models.address import ZERO_ADDRESS, parse_address
from pyutils.operations.history import Event
from pyutils.operations.leases import LEASE_BITS
from pyutils.units import FleetId, LeaseId

Value: TypeAlias = int | str | bytes | bool
Wanted: TypeAlias = Value | Sequence[Value]
"""One value of an argument, or several of which any will do; addresses as text or as 20 bytes."""
Where: TypeAlias = Mapping[str, Wanted]
_Condition: TypeAlias = ColumnElement[bool]

_AT_ONCE: Final = 5_000
"""Rows that are in memory at a time."""
_TITLES: Final = ("fleetId", "id", "tokenId", "fleetA", "fleetB")
_LEASES: Final = ("leaseId", "id", "tokenId")
"""What FleetRegistry and LeaseBook call the number of a title and of a lease in their events."""


class Index:
    """An index that is open for reading. May be used from threads; each call has a connection of its own.

    Every method raises `DatabaseError` where the database refuses, and `BehindError` where `block` is beyond the index.
    """

    def __init__(self, store: Store, manifest: Manifest) -> None:
        self.store, self.manifest = store, manifest
        self.identity = Identity(manifest.chain_id, bytes.fromhex(manifest.address("FleetRegistry")[2:]))
        self._by_label = {event.label: event for event in all_layouts()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self.store.engine.dispose()

    @property
    def state(self) -> SyncState:
        """How far the index is. Raises `NoIndexError`, `OtherIndexError`."""
        return self.store.state(self.identity)

    def layout(self, name: str) -> EventLayout:
        """Return the layout of an event by its name, `LeaseBook.Settle`. Raises `UnknownEventNameError`."""
        if name not in self._by_label:
            raise UnknownEventNameError(f"there is no event {name!r}")
        return self._by_label[name]

    def table(self, name: str) -> Table:
        """Return the table of an event, for queries of one's own. Raises `UnknownEventNameError`."""
        return table_of(self.layout(name))

    def contracts(self, kind: str | None = None) -> list[Followed]:
        """Return whom the index follows, those of one kind or all, in the order of their deployment."""
        with self.snapshot(None) as (connection, _):
            found = self.store.contracts(connection)
        return [one for one in found if kind in (None, one.kind)]

    def events(
        self,
        names: str | Iterable[str],
        where: Where | None = None,
        *,
        contract: str | bytes | None = None,
        first: int | None = None,
        block: int | None = None,
        **arguments: Wanted,
    ) -> Iterator[Event]:
        """Yield events, oldest first.

        Args:
            names: one event or several, `LeaseBook.Settle`.
            where: arguments by their ABI names, as the keywords; for names that Python keeps for itself, as `from`.
            contract: address of the contract; any of its kind by default.
            first: from which block on.
            block: up to which block, the index's last by default.
            arguments: wanted values of arguments that are no structs and no lists.

        Raises:
            UnknownEventNameError: there is no such event or argument.
            UnindexedContractError: nobody follows the contract.

        """
        layouts = [self.layout(name) for name in ([names] if isinstance(names, str) else names)]
        wanted = {**(where or {}), **arguments}
        chosen = [(layout, and_(True, *_conditions(layout, wanted))) for layout in layouts]
        return self._merged(lambda _: chosen, contract=contract, first=first, block=block)

    def of_account(self, account: str, *, first: int | None = None, block: int | None = None) -> Iterator[Event]:
        """Yield the events that name an account in an indexed argument, oldest first."""
        address = _value(account, "address")
        chosen = [
            (layout, or_(*(table_of(layout).c[column.name] == address for column in columns)))
            for layout in all_layouts()
            if (columns := [column for column in layout.topics if column.is_address])
        ]
        return self._merged(lambda _: chosen, first=first, block=block)

    def of_lease(self, lease_id: LeaseId, *, first: int | None = None, block: int | None = None) -> Iterator[Event]:
        """Yield the events of a lease, oldest first."""
        return self._merged(lambda _: _numbered("LeaseBook", _LEASES, [lease_id]), first=first, block=block)

    def of_fleet(self, fleet_id: FleetId, *, first: int | None = None, block: int | None = None) -> Iterator[Event]:
        """Yield the events of a fleet, its leases, its shares and the loans against it, oldest first."""

        def chosen(connection: Connection) -> Iterator[tuple[EventLayout, _Condition]]:
            yield from _numbered("FleetRegistry", _TITLES, [fleet_id])
            for layout in all_layouts():
                column = layout.column("fleetId")
                if column is not None and layout.contract != "FleetRegistry":
                    yield layout, table_of(layout).c[column.name] == fleet_id
            yield from _leased(fleet_id)
            yield from self._shares(connection, fleet_id)
            yield from self._lent(connection, fleet_id)

        return self._merged(chosen, first=first, block=block)

    def share_balances(self, shares: str, block: int | None = None) -> dict[str, int]:
        """Return who holds how many of a fleet's shares, in their smallest unit, from transfers alone."""
        return self.balances("FleetShares", shares, block)

    def vault_balances(self, vault: str, block: int | None = None) -> dict[str, int]:
        """Return who holds how many of a credit vault's shares, in their smallest unit, from transfers alone."""
        return self.balances("CreditVault", vault, block)

    def balances(self, kind: str, address: str, block: int | None = None) -> dict[str, int]:
        """Return the holders of a token of our own, by address in checksum case; nobody who holds nothing."""
        table = self.table(f"{kind}.Transfer")
        query = select(table.c["from"], table.c.to, table.c.value).where(table.c.contract == _value(address, "address"))
        held: dict[bytes, int] = {}
        with self.snapshot(block) as (connection, last):
            self._known(connection, address)
            rows: Iterable[Any] = _stream(connection, query.where(table.c.block <= last))
            for sender, receiver, value in rows:
                held[sender] = held.get(sender, 0) - value
                held[receiver] = held.get(receiver, 0) + value
        held.pop(bytes(20), None)
        return {parse_address("0x" + holder.hex()): amount for holder, amount in held.items() if amount}

    def owners(self, kind: str, block: int | None = None) -> dict[int, str]:
        """Return who owns each ERC-721 token of a kind of contract; a burnt one nobody."""
        table = self.table(f"{kind}.Transfer")
        query = select(table.c.id, table.c.to).order_by(table.c.block, table.c.log_index)
        with self.snapshot(block) as (connection, last):
            owners = dict(tuple(row) for row in _stream(connection, query.where(table.c.block <= last)))
        named = ((number, parse_address("0x" + owner.hex())) for number, owner in owners.items())
        return {number: owner for number, owner in named if owner != ZERO_ADDRESS}

    @contextmanager
    def snapshot(self, block: int | None) -> Iterator[tuple[Connection, int]]:
        """Give a connection that sees one state of the index, and the block up to which is read."""
        with self.store.transaction() as connection:
            state = self.store.read_state(connection, self.identity)
            last = state.block if block is None else block
            if last is None or state.block is None or last > state.block:
                raise BehindError(state.first_block if last is None else last, state.block)
            yield connection, last

    def _merged(
        self,
        choose: Callable[[Connection], Iterable[tuple[EventLayout, _Condition]]],
        *,
        contract: str | bytes | None = None,
        first: int | None,
        block: int | None,
    ) -> Iterator[Event]:
        """Yield the rows that conditions choose from each event's table, in the order of the chain."""
        with self.snapshot(block) as (connection, last), ExitStack() as cursors:
            if contract is not None:
                self._known(connection, contract)
            by_event: dict[EventLayout, list[_Condition]] = {}
            for layout, condition in choose(connection):
                by_event.setdefault(layout, []).append(condition)
            streams = []
            for layout, conditions in by_event.items():
                table = table_of(layout)
                within = [or_(*conditions), table.c.block <= last]
                within += [] if first is None else [table.c.block >= first]
                within += [] if contract is None else [table.c.contract == _value(contract, "address")]
                query = select(table, BLOCKS.c.time).join(BLOCKS, BLOCKS.c.number == table.c.block).where(*within)
                rows = _stream(connection, query.order_by(table.c.block, table.c.log_index))
                streams.append(map(event_reader(layout), cursors.enter_context(closing(rows))))
            yield from heapq.merge(*streams, key=lambda event: (event.block, event.index))

    def _known(self, connection: Connection, address: str | bytes) -> None:
        wanted = _value(address, "address")
        if not any(one.address == wanted for one in self.store.contracts(connection)):
            raise UnindexedContractError(f"{self.store.name} follows no contract 0x{wanted.hex()}")

    def _shares(self, connection: Connection, fleet_id: FleetId) -> Iterator[tuple[EventLayout, _Condition]]:
        enrolled = self.table("FleetRegistry.Enrol")
        shares = list(connection.scalars(select(enrolled.c.shares).where(enrolled.c.fleet_id == fleet_id)))
        for layout in all_layouts():
            if shares and layout.contract == "FleetShares":
                yield layout, table_of(layout).c.contract.in_(shares)

    def _lent(self, connection: Connection, fleet_id: FleetId) -> Iterator[tuple[EventLayout, _Condition]]:
        """Choose the events of loans against a fleet; each market counts its loans by itself."""
        requests = self.table("FleetCredit.RequestLoan")
        for market in self.manifest.credit:
            credit = bytes.fromhex(market.address("FleetCredit")[2:])
            asked = select(requests.c.loan_id).where(
                requests.c.request_fleet_id == fleet_id, requests.c.contract == credit
            )
            loans = list(connection.scalars(asked))
            addresses = [bytes.fromhex(record.address[2:]) for record in market.contracts.values()]
            for layout in all_layouts():
                column = layout.column("loanId")
                if loans and column is not None:
                    table = table_of(layout)
                    yield layout, and_(table.c.contract.in_(addresses), table.c[column.name].in_(loans))


def open_index(url: str, manifest: Manifest) -> Index:
    """Open the index of a deployment for reading.

    Raises:
        DatabaseUrlError: the URL names no database that can be used.
        NoIndexError: there is no index.
        OtherIndexError: it is of another deployment.

    """
    index = Index(Store.at(url), manifest)
    index.state  # noqa: B018 - it says what is wrong, before anybody relies on the index
    return index


def _stream(connection: Connection, query: Select[Any]) -> CursorResult[Any]:
    return connection.execute(query, execution_options={"yield_per": _AT_ONCE})


def _numbered(kind: str, names: Sequence[str], numbers: Sequence[int]) -> Iterator[tuple[EventLayout, _Condition]]:
    for layout in all_layouts():
        columns = [column for name in names if (column := layout.column(name)) is not None]
        if layout.contract == kind and columns:
            yield layout, or_(*(table_of(layout).c[column.name].in_(numbers) for column in columns))


def _leased(fleet_id: FleetId) -> Iterator[tuple[EventLayout, _Condition]]:
    low, high = fleet_id << LEASE_BITS, (fleet_id + 1) << LEASE_BITS
    for layout in all_layouts():
        columns = [column for name in _LEASES if (column := layout.column(name)) is not None]
        if layout.contract == "LeaseBook" and columns:
            numbers = [table_of(layout).c[column.name] for column in columns]
            yield layout, or_(*(and_(number >= low, number < high) for number in numbers))


def _conditions(layout: EventLayout, where: Where) -> Iterator[_Condition]:
    for name, wanted in where.items():
        column = layout.column(name)
        if column is None or column.kind is Kind.LIST:
            raise UnknownEventNameError(f"{layout.label} has no argument {name!r} of one value")
        values = wanted if isinstance(wanted, Sequence) and not isinstance(wanted, str | bytes) else [wanted]
        known = [_value(value, column.abi) for value in values]
        yield table_of(layout).c[column.name].in_(known) if known else false()


def _value(value: Any, abi: str) -> Any:
    """Return a value as the column holds it. Raises `UnindexedContractError` where it is no address but must be."""
    if abi == "address" and isinstance(value, str):
        try:
            return bytes.fromhex(parse_address(value)[2:])
        except ValueError as error:
            raise UnindexedContractError(str(error)) from error
    if abi.startswith("bytes") and isinstance(value, str):
        return bytes.fromhex(value.removeprefix("0x"))
    return value
