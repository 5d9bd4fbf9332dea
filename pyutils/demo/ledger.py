"""Events of the whole chain, decoded, with the transactions that emitted them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyutils.chain import Receipt, rpc
from pyutils.chain.receipt import Log
from pyutils.contracts.base import Contract, event_shape


@dataclass(frozen=True, slots=True)
class Entry:
    """An event and its transaction's hash."""

    arguments: dict[str, Any]
    transaction: str


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
    return [Entry(shape.decode(_log(row)), str(row["transactionHash"])) for row in rows]


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
