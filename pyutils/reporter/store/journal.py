"""The journal of a lane: each form of a transaction is in the store before a node hears of it."""

from __future__ import annotations

from eth_typing import ChecksumAddress

from pyutils.chain import Sent
from pyutils.reporter.failpoints import reach
from pyutils.reporter.store import records, transactions
from pyutils.reporter.store.reader import StoreReader
from pyutils.reporter.store.transactions import About


class StoreJournal:
    """A `LaneJournal` for one account.

    Attributes:
        about: which report the next transaction is for, and how it brings it; None for any other transaction. One that
            replaces an equal call at a higher fee is for the same report whatever this says.

    """

    def __init__(self, store: StoreReader, account: ChecksumAddress) -> None:
        self.about: About | None = None
        self._database, self._account = store.database, account

    def save(self, sent: Sent) -> None:
        """Save all forms of a nonce, durably; a report that is SIGNED and that the newest is for becomes BROADCAST."""
        with self._database.write() as connection:
            about = transactions.save(connection, self._account, sent, self.about)
            if about is not None:
                fleet_id, as_of, _ = about
                records.broadcast(connection, fleet_id, as_of)
        reach("raw_saved")

    def forget(self, nonce: int) -> None:
        """Drop a nonce: it is settled, or never was sent. Its forms stay in the store as evidence."""
        with self._database.write() as connection:
            transactions.settle(connection, self._account, nonce)

    def sents(self) -> list[Sent]:
        """Return what is not settled, for `Lane.resume`, by nonce. Raises `DamagedRecordError`."""
        with self._database.read() as connection:
            return transactions.to_sents(transactions.unsettled(connection, self._account))
