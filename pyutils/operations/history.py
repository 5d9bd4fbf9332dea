"""What happened: events of one contract with the times of their blocks, and the block of a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from web3 import Web3

from pyutils.chain import rpc
from pyutils.chain.receipt import Log
from pyutils.contracts.base import Contract, EventShape, event_shape
from pyutils.errors import InputError
from pyutils.units import BlockNumber, UnixSeconds

SPAN: Final = 5_000
"""Blocks asked for at once: nodes limit it, the strictest public ones to so many."""
_ADDRESSES: Final = 500
"""Contracts asked for at once; nodes limit it."""


class NoBlockError(InputError):
    """No block is that old."""

    remedy = "Give a time after the chain's first block"


@dataclass(frozen=True, slots=True)
class Event:
    """One event, decoded."""

    block: BlockNumber
    at: UnixSeconds
    arguments: dict[str, Any]
    name: str
    transaction: str
    index: int
    """Among the logs of its block."""
    contract: str
    """Who emitted it, in lower case."""

    @property
    def label(self) -> str:
        """What it is called where it is spoken of: name, block and transaction."""
        return f"{self.name} in block {self.block}, {self.transaction}"


def topic(value: int | bytes | str) -> str:
    """Return an indexed number, word or address as a topic."""
    if isinstance(value, str):
        return "0x" + value.removeprefix("0x").lower().rjust(64, "0")
    return "0x" + (value.to_bytes(32) if isinstance(value, int) else value.rjust(32, b"\0")).hex()


def events(
    contract: Contract,
    event: str | Sequence[str],
    indexed: Sequence[str | None] = (),
    *,
    first: int,
    block: rpc.Block = "latest",
) -> Iterator[Event]:
    """Yield the contract's events up to `block`, oldest first.

    Args:
        contract: who emitted them.
        event: the event's name, or several names whose first indexed arguments mean the same.
        indexed: wanted topics in the event's order, None for any.
        first: block of the deployment; nothing can be older.
        block: up to which.

    """
    names = [event] if isinstance(event, str) else event
    shapes = [event_shape(contract.NAME, name) for name in names]
    last = block_number(contract.web3, block)
    wanted = [None if one is None else (one,) for one in indexed]
    yield from logs(contract.web3, shapes, [contract.address], wanted, first=first, last=last)


def logs(
    web3: Web3,
    shapes: Sequence[EventShape],
    addresses: Sequence[str],
    indexed: Sequence[Sequence[str] | None],
    *,
    first: int,
    last: int,
) -> Iterator[Event]:
    """Yield the events of some contracts in a range of blocks, oldest first.

    Args:
        web3: the chain.
        shapes: which events.
        addresses: who emitted them.
        indexed: what each topic behind the first may be, None for anything.
        first: the first block.
        last: the last block.

    """
    by_topic = {shape.topic: shape for shape in shapes}
    topics = [["0x" + one.hex() for one in by_topic], *(None if one is None else list(one) for one in indexed)]
    times: dict[int, UnixSeconds] = {}
    for begin in range(first, last + 1, SPAN):
        end = min(begin + SPAN - 1, last)
        rows = [
            row
            for place in range(0, len(addresses), _ADDRESSES)
            for row in rpc.request(
                web3,
                "eth_getLogs",
                {
                    "address": list(addresses[place : place + _ADDRESSES]),
                    "topics": topics,
                    "fromBlock": hex(begin),
                    "toBlock": hex(end),
                },
            )
        ]
        if len(addresses) > _ADDRESSES:
            rows.sort(key=lambda row: (int(row["blockNumber"], 16), int(row["logIndex"], 16)))
        for row in rows:
            number = int(row["blockNumber"], 16)
            if number not in times:
                times[number] = block_time(web3, number)
            log = Log(
                row["address"],
                tuple(bytes.fromhex(word[2:]) for word in row["topics"]),
                bytes.fromhex(row["data"][2:]),
                int(row["logIndex"], 16),
            )
            shape = by_topic[log.topics[0]]
            yield Event(
                BlockNumber(number),
                times[number],
                shape.decode(log),
                shape.name,
                row["transactionHash"],
                log.index,
                log.address.lower(),
            )


def block_number(web3: Web3, block: rpc.Block) -> BlockNumber:
    """Return the number of a block. Raises `NoBlockError` where it is not there yet."""
    if isinstance(block, int):
        return BlockNumber(block)
    return BlockNumber(int(_block(web3, block)["number"], 16))


def block_time(web3: Web3, block: rpc.Block) -> UnixSeconds:
    """Return a block's time."""
    return UnixSeconds(int(_block(web3, block)["timestamp"], 16))


def last_block_at(web3: Web3, at: UnixSeconds, *, first: int) -> BlockNumber:
    """Return the last block stamped at or before a time. Raises `NoBlockError` where all are later."""
    low, high = int(first), int(block_number(web3, "latest"))
    if block_time(web3, low) > at:
        raise NoBlockError(f"the first block of the deployment is later than {at}")
    while low < high:
        middle = (low + high + 1) // 2
        if block_time(web3, middle) <= at:
            low = middle
        else:
            high = middle - 1
    return BlockNumber(low)


def _block(web3: Web3, block: rpc.Block) -> dict[str, Any]:
    row: dict[str, Any] | None = rpc.request(web3, "eth_getBlockByNumber", rpc.block_parameter(block), False)
    if row is None:
        raise NoBlockError(f"the chain has no block {block}")
    return row
