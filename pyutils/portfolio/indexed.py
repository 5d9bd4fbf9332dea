"""Reading what accounts have and earned from the event index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from web3 import Web3

from pyutils.contracts.base import Block
from pyutils.errors import InputError
from pyutils.index import Index
from pyutils.index.check import StaleIndexError
from pyutils.index.store import BlockRow
from pyutils.index.view import IndexView
from pyutils.models import ZERO_ADDRESS, Address
from pyutils.operations.event_source import EventSource
from pyutils.portfolio.block import PinnedBlock, pin
from pyutils.portfolio.holdings import Holdings, read_holdings
from pyutils.portfolio.position import ZeroAddressError
from pyutils.portfolio.sources import OpenSource
from pyutils.units import BlockNumber, UnixSeconds


class NoIndexedBlockError(InputError):
    """An index knows no block of that name."""

    remedy = "Give a number, `latest` for the index's last, or `finalized`"


class UnknownCoinError(InputError):
    """The index does not know in which coin a fleet's shares pay: the node that it was made from was behind."""

    remedy = "Make the index anew, or ask without --from-index"


def indexed_block(index: Index, block: Block) -> BlockNumber:
    """Return the number that a block's name means in an index. Raises `NoIndexedBlockError`, and as `Index.state`."""
    if isinstance(block, int):
        return BlockNumber(block)
    state = index.state
    found = {"latest": state.block, "finalized": state.finalized_block}.get(block)
    if found is None:
        raise NoIndexedBlockError(f"{index.store.name} has no {block} block")
    return BlockNumber(found)


def indexed_holdings(index: Index, account: Address, block: Block = "latest") -> Holdings:
    """Return what `account` has by the index's events up to a block; no node is asked.

    The block that the answer tells is the last one up to there of which the index keeps anything: behind it nothing
    happened. Raises `ZeroAddressError`, `NothingYetError`, and `BehindError` where the index does not reach so far.
    """
    if account == ZERO_ADDRESS:
        raise ZeroAddressError
    with index.view(indexed_block(index, block)) as view:
        newest = view.newest()
        return read_holdings(view, index.manifest, account, _pinned(newest))


def indexed_events(index: Index, web3: Web3) -> OpenSource:
    """Return what opens the index's events up to a block that a node names.

    It raises `BehindError` where the index does not reach so far, `StaleIndexError` where its last block up to there is
    another one than the node's, and `UnknownCoinError`.
    """

    @contextmanager
    def opened(block: PinnedBlock) -> Iterator[EventSource]:
        with index.view(block.number) as view:
            _compare(view, web3, block)
            _require_coins(view)
            yield view

    return opened


def _compare(view: IndexView, web3: Web3, block: PinnedBlock) -> None:
    newest = view.newest()
    # Of a block in which nothing happened the index may keep nothing; the one before it stands for it.
    there = block if newest.number == block.number else pin(web3, newest.number)
    if newest.hash != there.hash:
        raise StaleIndexError(f"block {newest.number} of {view.store.name} is not the chain's")


def _require_coins(view: IndexView) -> None:
    for one in view.contracts:
        if one.created and one.first_block <= view.block and not any(one.settlement_token or b""):
            raise UnknownCoinError(f"{view.store.name} lacks the coin of the shares 0x{one.address.hex()}")


def _pinned(row: BlockRow) -> PinnedBlock:
    return PinnedBlock(number=BlockNumber(row.number), hash=row.hash, at=UnixSeconds(row.time))
