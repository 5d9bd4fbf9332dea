"""One reading of the index: all of it sees one state of the database, up to one block."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import cache, cached_property
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Connection, CursorResult, Select, and_, false, or_, select

from pyutils.index.errors import NothingYetError, UnindexedContractError, UnknownEventNameError
from pyutils.index.layout import EventLayout, Kind, all_layouts
from pyutils.index.rows import event_reader
from pyutils.index.schema import BLOCKS, table_of
from pyutils.index.store import BlockRow, Followed, Store
from pyutils.manifest import Manifest
from pyutils.models.address import parse_address
from pyutils.operations.event_source import Wanted, Where
from pyutils.operations.history import Event
from pyutils.operations.leases import LEASE_BITS
from pyutils.units import BlockNumber, FleetId, LeaseId

_Condition: TypeAlias = ColumnElement[bool]
_Chosen: TypeAlias = Iterable[tuple[EventLayout, _Condition]]

_AT_ONCE: Final = 5_000
"""Rows that are in memory at a time."""
_TITLES: Final = ("fleetId", "id", "tokenId", "fleetA", "fleetB")
_LEASES: Final = ("leaseId", "id", "tokenId")
"""What FleetRegistry and LeaseBook call the number of a title and of a lease in their events."""


@cache
def layout_of(label: str) -> EventLayout:
    """Return the layout of an event by its name, `LeaseBook.Settle`. Raises `UnknownEventNameError`."""
    for layout in all_layouts():
        if layout.label == label:
            return layout
    raise UnknownEventNameError(f"there is no event {label!r}")


class IndexView:
    """The events up to a block, an `EventSource`. Made by `Index.view`, and good until that ends."""

    def __init__(self, store: Store, manifest: Manifest, connection: Connection, block: BlockNumber) -> None:
        self.store, self.manifest, self.connection, self._block = store, manifest, connection, block

    @property
    def block(self) -> BlockNumber:
        """The last block that is read."""
        return self._block

    @cached_property
    def contracts(self) -> list[Followed]:
        """Whom the index follows."""
        return self.store.contracts(self.connection)

    def newest(self) -> BlockRow:
        """Return the newest block up to `block` of which the index keeps anything; behind it nothing happened.

        Raises `NothingYetError` where there is none.
        """
        rows = self.store.blocks_below(self.connection, self._block, 1)
        if not rows:
            raise NothingYetError(f"{self.store.name} has nothing up to block {self._block}")
        return rows[0]

    def events(
        self,
        names: str | Iterable[str],
        where: Where | None = None,
        *,
        contract: str | bytes | None = None,
        first: int | None = None,
        **arguments: Wanted,
    ) -> Iterator[Event]:
        """Yield events, oldest first. `Index.events` says what may be asked."""
        layouts = [layout_of(name) for name in ([names] if isinstance(names, str) else names)]
        wanted = {**(where or {}), **arguments}
        chosen = [(layout, and_(True, *_conditions(layout, wanted))) for layout in layouts]
        return self._merged(chosen, contract=contract, first=first)

    def settlement_tokens(self) -> Mapping[str, str]:
        """Return the coin in which each fleet's shares pay, by the shares' address; both in lower case."""
        return {
            "0x" + one.address.hex(): "0x" + one.settlement_token.hex()
            for one in self.contracts
            if one.settlement_token is not None and one.first_block <= self._block
        }

    def of_account(self, account: str, *, first: int | None = None) -> Iterator[Event]:
        """Yield the events that name an account in an indexed argument, oldest first."""
        address = _value(account, "address")
        chosen = [
            (layout, or_(*(table_of(layout).c[column.name] == address for column in columns)))
            for layout in all_layouts()
            if (columns := [column for column in layout.topics if column.is_address])
        ]
        return self._merged(chosen, first=first)

    def of_lease(self, lease_id: LeaseId, *, first: int | None = None) -> Iterator[Event]:
        """Yield the events of a lease, oldest first."""
        return self._merged(_numbered("LeaseBook", _LEASES, [lease_id]), first=first)

    def of_fleet(self, fleet_id: FleetId, *, first: int | None = None) -> Iterator[Event]:
        """Yield the events of a fleet, its leases, its shares and the loans against it, oldest first."""

        def chosen() -> Iterator[tuple[EventLayout, _Condition]]:
            yield from _numbered("FleetRegistry", _TITLES, [fleet_id])
            for layout in all_layouts():
                column = layout.column("fleetId")
                if column is not None and layout.contract != "FleetRegistry":
                    yield layout, table_of(layout).c[column.name] == fleet_id
            yield from _leased(fleet_id)
            yield from self._shares(fleet_id)
            yield from self._lent(fleet_id)

        return self._merged(chosen(), first=first)

    def known(self, address: str | bytes) -> bytes:
        """Return the address of a contract that is followed. Raises `UnindexedContractError`."""
        wanted: bytes = _value(address, "address")
        if not any(one.address == wanted for one in self.contracts):
            raise UnindexedContractError(f"{self.store.name} follows no contract 0x{wanted.hex()}")
        return wanted

    def stream(self, query: Select[Any]) -> CursorResult[Any]:
        """Return the rows of a query, a few at a time."""
        return self.connection.execute(query, execution_options={"yield_per": _AT_ONCE})

    def _merged(self, chosen: _Chosen, *, contract: str | bytes | None = None, first: int | None) -> Iterator[Event]:
        """Yield the rows that conditions choose from each event's table, in the order of the chain."""
        address = None if contract is None else self.known(contract)
        by_event: dict[EventLayout, list[_Condition]] = {}
        for layout, condition in chosen:
            by_event.setdefault(layout, []).append(condition)
        with ExitStack() as cursors:
            streams = []
            for layout, conditions in by_event.items():
                table = table_of(layout)
                within = [or_(*conditions), table.c.block <= self._block]
                within += [] if first is None else [table.c.block >= first]
                within += [] if address is None else [table.c.contract == address]
                query = select(table, BLOCKS.c.time).join(BLOCKS, BLOCKS.c.number == table.c.block).where(*within)
                rows = self.stream(query.order_by(table.c.block, table.c.log_index))
                streams.append(map(event_reader(layout), cursors.enter_context(closing(rows))))
            yield from heapq.merge(*streams, key=lambda event: (event.block, event.index))

    def _shares(self, fleet_id: FleetId) -> Iterator[tuple[EventLayout, _Condition]]:
        enrolled = table_of(layout_of("FleetRegistry.Enrol"))
        shares = list(self.connection.scalars(select(enrolled.c.shares).where(enrolled.c.fleet_id == fleet_id)))
        for layout in all_layouts():
            if shares and layout.contract == "FleetShares":
                yield layout, table_of(layout).c.contract.in_(shares)

    def _lent(self, fleet_id: FleetId) -> Iterator[tuple[EventLayout, _Condition]]:
        """Choose the events of loans against a fleet; each market counts its loans by itself."""
        requests = table_of(layout_of("FleetCredit.RequestLoan"))
        for market in self.manifest.credit:
            credit = bytes.fromhex(market.address("FleetCredit")[2:])
            asked = select(requests.c.loan_id).where(
                requests.c.request_fleet_id == fleet_id, requests.c.contract == credit
            )
            loans = list(self.connection.scalars(asked))
            addresses = [bytes.fromhex(record.address[2:]) for record in market.contracts.values()]
            for layout in all_layouts():
                column = layout.column("loanId")
                if loans and column is not None:
                    table = table_of(layout)
                    yield layout, and_(table.c.contract.in_(addresses), table.c[column.name].in_(loans))


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
