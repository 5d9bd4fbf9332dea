"""What a chain says of an included transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])


@dataclass(frozen=True, slots=True)
class Log:
    """An event as a node stores it."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes
    index: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A transaction in a block."""

    transaction_hash: bytes
    block_number: int
    block_hash: bytes
    gas_used: int
    effective_gas_price: int
    succeeded: bool
    logs: tuple[Log, ...]

    @property
    def hash(self) -> str:
        """Return the transaction's hash as text."""
        return "0x" + self.transaction_hash.hex()

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Receipt:
        """Return the receipt in a node's JSON."""
        return cls(
            transaction_hash=_bytes(row["transactionHash"]),
            block_number=int(row["blockNumber"], 16),
            block_hash=_bytes(row["blockHash"]),
            gas_used=int(row["gasUsed"], 16),
            effective_gas_price=int(row.get("effectiveGasPrice") or "0x0", 16),
            succeeded=row.get("status", "0x1") == "0x1",
            logs=tuple(
                Log(
                    entry["address"],
                    tuple(_bytes(topic) for topic in entry["topics"]),
                    _bytes(entry["data"]),
                    int(entry["logIndex"], 16),
                )
                for entry in row["logs"]
            ),
        )
