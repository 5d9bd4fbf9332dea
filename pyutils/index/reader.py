"""Reading the index: events by name and argument, by account, by fleet and by lease."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Self

from sqlalchemy import Connection, Table, select

from pyutils.index.errors import BehindError
from pyutils.index.layout import EventLayout
from pyutils.index.schema import table_of
from pyutils.index.store import Followed, Identity, Store, SyncState
from pyutils.index.view import IndexView, layout_of
from pyutils.manifest import Manifest
from pyutils.models.address import ZERO_ADDRESS, parse_address
from pyutils.operations.event_source import Wanted, Where
from pyutils.operations.history import Event
from pyutils.units import BlockNumber, FleetId, LeaseId


class Index:
    """An index that is open for reading. May be used from threads; each call has a connection of its own.

    Every method raises `DatabaseError` where the database refuses, and `BehindError` where `block` is beyond the index.
    """

    def __init__(self, store: Store, manifest: Manifest) -> None:
        self.store, self.manifest = store, manifest
        self.identity = Identity(manifest.chain_id, bytes.fromhex(manifest.address("FleetRegistry")[2:]))

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
        return layout_of(name)

    def table(self, name: str) -> Table:
        """Return the table of an event, for queries of one's own. Raises `UnknownEventNameError`."""
        return table_of(layout_of(name))

    def contracts(self, kind: str | None = None) -> list[Followed]:
        """Return whom the index follows, those of one kind or all, in the order of their deployment."""
        with self.snapshot(None) as (connection, _):
            found = self.store.contracts(connection)
        return [one for one in found if kind in (None, one.kind)]

    @contextmanager
    def view(self, block: int | None = None) -> Iterator[IndexView]:
        """Give one reading of the index, up to a block, its last by default: an `EventSource`."""
        with self.snapshot(block) as (connection, last):
            yield IndexView(self.store, self.manifest, connection, BlockNumber(last))

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
        with self.view(block) as view:
            yield from view.events(names, where, contract=contract, first=first, **arguments)

    def of_account(self, account: str, *, first: int | None = None, block: int | None = None) -> Iterator[Event]:
        """Yield the events that name an account in an indexed argument, oldest first."""
        with self.view(block) as view:
            yield from view.of_account(account, first=first)

    def of_lease(self, lease_id: LeaseId, *, first: int | None = None, block: int | None = None) -> Iterator[Event]:
        """Yield the events of a lease, oldest first."""
        with self.view(block) as view:
            yield from view.of_lease(lease_id, first=first)

    def of_fleet(self, fleet_id: FleetId, *, first: int | None = None, block: int | None = None) -> Iterator[Event]:
        """Yield the events of a fleet, its leases, its shares and the loans against it, oldest first."""
        with self.view(block) as view:
            yield from view.of_fleet(fleet_id, first=first)

    def share_balances(self, shares: str, block: int | None = None) -> dict[str, int]:
        """Return who holds how many of a fleet's shares, in their smallest unit, from transfers alone."""
        return self.balances("FleetShares", shares, block)

    def vault_balances(self, vault: str, block: int | None = None) -> dict[str, int]:
        """Return who holds how many of a credit vault's shares, in their smallest unit, from transfers alone."""
        return self.balances("CreditVault", vault, block)

    def balances(self, kind: str, address: str, block: int | None = None) -> dict[str, int]:
        """Return the holders of a token of our own, by address in checksum case; nobody who holds nothing."""
        table = self.table(f"{kind}.Transfer")
        held: dict[bytes, int] = {}
        with self.view(block) as view:
            query = select(table.c["from"], table.c.to, table.c.value).where(table.c.contract == view.known(address))
            rows: Iterable[Any] = view.stream(query.where(table.c.block <= view.block))
            for sender, receiver, value in rows:
                held[sender] = held.get(sender, 0) - value
                held[receiver] = held.get(receiver, 0) + value
        held.pop(bytes(20), None)
        return {parse_address("0x" + holder.hex()): amount for holder, amount in held.items() if amount}

    def owners(self, kind: str, block: int | None = None) -> dict[int, str]:
        """Return who owns each ERC-721 token of a kind of contract; a burnt one nobody."""
        table = self.table(f"{kind}.Transfer")
        query = select(table.c.id, table.c.to).order_by(table.c.block, table.c.log_index)
        with self.view(block) as view:
            owners = dict(tuple(row) for row in view.stream(query.where(table.c.block <= view.block)))
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
