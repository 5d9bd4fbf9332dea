"""Events of the whole chain, decoded, with the transactions that emitted them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pyutils.chain import Receipt, rpc
from pyutils.chain.receipt import Log
from pyutils.contracts.base import Contract, event_shape


@dataclass(frozen=True, slots=True)
class Entry:
    """An event, its transaction's hash, and where it stands: block, and place among the block's events."""

    name: str
    arguments: dict[str, Any]
    transaction: str
    block: int
    place: int


def entries(contract: Contract, event: str, first_block: int) -> list[Entry]:
    """Return all events of one kind that a contract emitted since a block, in order."""
    shape = event_shape(contract.NAME, event)
    wanted = {
        "address": contract.address,
        "topics": ["0x" + shape.topic.hex()],
        "fromBlock": hex(first_block),
        "toBlock": "latest",
    }
    rows: Sequence[dict[str, Any]] = rpc.request(contract.web3, "eth_getLogs", wanted)
    return [
        Entry(
            event,
            shape.decode(_log(row)),
            str(row["transactionHash"]),
            int(row["blockNumber"], 16),
            int(row["logIndex"], 16),
        )
        for row in rows
    ]


def story(contract: Contract, events: Iterable[str], first_block: int) -> list[Entry]:
    """Return all events of several kinds that a contract emitted since a block, in order."""
    found = [entry for event in events for entry in entries(contract, event, first_block)]
    return sorted(found, key=lambda entry: (entry.block, entry.place))


def gas_used(contract: Contract, transaction: str) -> int:
    """Return the gas of a transaction."""
    return Receipt.from_row(rpc.request(contract.web3, "eth_getTransactionReceipt", transaction)).gas_used


def _log(row: dict[str, Any]) -> Log:
    return Log(
        row["address"],
        tuple(bytes.fromhex(word[2:]) for word in row["topics"]),
        bytes.fromhex(row["data"][2:]),
        int(row["logIndex"], 16),
    )
