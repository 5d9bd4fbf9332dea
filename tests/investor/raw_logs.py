"""Logs of a chain by the signatures of their events, cut into words by hand."""

from __future__ import annotations

from typing import Any

from eth_typing import BlockNumber
from hexbytes import HexBytes
from web3 import Web3


class RawLogs:
    """What a node tells, decoded by nothing of the package."""

    def __init__(self, web3: Web3, last: int) -> None:
        self._web3, self._last = web3, last

    def of(self, signature: str, fleet_id: int | None = None) -> list[Any]:
        """Return all logs of an event up to the block; those of a fleet, where its first topic is one."""
        topics = [self._web3.keccak(text=signature)]
        if fleet_id is not None:
            topics.append(HexBytes(fleet_id.to_bytes(32)))
        return list(
            self._web3.eth.get_logs({"fromBlock": 0, "toBlock": BlockNumber(self._last), "topics": list(topics)})
        )

    def of_leases(self, signature: str, fleet_id: int) -> list[Any]:
        """Return the logs of a fleet's leases: the upper bits of their number are the fleet."""
        return [log for log in self.of(signature) if topic(log, 1) >> 32 == fleet_id]

    def time(self, log: Any) -> int:
        """Return the time of a log's block."""
        return int(self._web3.eth.get_block(log["blockNumber"])["timestamp"])


def words(log: Any) -> list[int]:
    """Return the words of a log's data."""
    data = bytes(log["data"])
    return [int.from_bytes(data[at : at + 32]) for at in range(0, len(data), 32)]


def topic(log: Any, place: int) -> int:
    """Return a topic as a number."""
    return int.from_bytes(bytes(log["topics"][place]))


def account(word: int) -> str:
    """Return the address in a word."""
    return Web3.to_checksum_address("0x" + word.to_bytes(32)[12:].hex())


def label(log: Any, name: str) -> str:
    """Return what the package calls an event."""
    return f"{name} in block {log['blockNumber']}, 0x{bytes(log['transactionHash']).hex()}"
