"""A contract that emits whatever logs its caller wants: real logs of a real chain, as fast as the chain can make them.

Its code is put where contracts of the system stand. A call's data are records, one a log: how many topics, four words
of topics, the length of the data, and the data padded to whole words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from web3 import Web3

from pyutils.chain import rpc

_OPCODES = {
    "STOP": 0x00, "ADD": 0x01, "LT": 0x10, "EQ": 0x14, "ISZERO": 0x15, "AND": 0x16, "NOT": 0x19, "CALLDATALOAD": 0x35,
    "CALLDATASIZE": 0x36, "CALLDATACOPY": 0x37, "POP": 0x50, "JUMP": 0x56, "JUMPI": 0x57, "JUMPDEST": 0x5B,
}  # fmt: skip
_MOST_TOPICS = 4
_TOPICS_AT, _LENGTH_AT, _DATA_AT = 32, 160, 192
_GAS = 4 * 10**9


@dataclass(frozen=True, slots=True)
class MadeLog:
    """What a log is to say."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes

    def record(self) -> bytes:
        """Return the log as the emitter reads it."""
        topics = b"".join(self.topics).ljust(32 * _MOST_TOPICS, b"\0")
        padded = self.data + bytes(-len(self.data) % 32)
        return len(self.topics).to_bytes(32) + topics + len(self.data).to_bytes(32) + padded


def emitter_code() -> bytes:
    """Return the emitter's runtime code."""
    lines: list[str | int] = [0, ":loop", "CALLDATASIZE", "DUP2", "LT", "ISZERO", "@end", "JUMPI"]
    lines += ["DUP1", "CALLDATALOAD", "DUP2", _LENGTH_AT, "ADD", "CALLDATALOAD"]
    lines += ["DUP1", "DUP4", _DATA_AT, "ADD", 0, "CALLDATACOPY"]
    for count in range(_MOST_TOPICS + 1):
        lines += ["DUP2", count, "EQ", f"@log{count}", "JUMPI"]
    lines += ["STOP"]
    for count in range(_MOST_TOPICS + 1):
        lines += [f":log{count}"]
        for place in range(count, 0, -1):
            # The place of the record is under the count, the length and the topics that are there already.
            lines += [f"DUP{3 + count - place}", _TOPICS_AT * place, "ADD", "CALLDATALOAD"]
        lines += [f"DUP{1 + count}", 0, f"LOG{count}", "@next", "JUMP"]
    lines += [":next", 31, "ADD", 31, "NOT", "AND", "ADDNEXT", "@loop", "JUMP", ":end", "STOP"]
    return _assembled(lines)


def put_emitters(web3: Web3, addresses: Iterable[str]) -> None:
    """Put the emitter where contracts stand."""
    code = "0x" + emitter_code().hex()
    for address in addresses:
        rpc.request(web3, "anvil_setCode", address, code)


def emit(web3: Web3, sender: str, logs: Sequence[MadeLog]) -> None:
    """Send the transactions that emit logs in their order, one for each run of logs of a contract."""
    runs: list[tuple[str, list[bytes]]] = []
    for log in logs:
        if not runs or runs[-1][0] != log.address:
            runs.append((log.address, []))
        runs[-1][1].append(log.record())
    for address, records in runs:
        call = {"from": sender, "to": address, "data": "0x" + b"".join(records).hex(), "gas": hex(_GAS)}
        rpc.request(web3, "eth_sendTransaction", call)


def _assembled(lines: Sequence[str | int]) -> bytes:
    """Return code; `:name` is a place to jump to, `@name` its address, a number is pushed."""
    code, places, wanted = bytearray(), {}, []
    for line in lines:
        if isinstance(line, int):
            code += bytes([0x60, line])
        elif line == "ADDNEXT":
            # place, count, padded length: the place of the next record.
            code += bytes([0x90, 0x50, 0x01, 0x60, _DATA_AT, 0x01])
        elif line.startswith(":"):
            places[line[1:]] = len(code)
            code.append(_OPCODES["JUMPDEST"])
        elif line.startswith("@"):
            wanted.append((len(code) + 1, line[1:]))
            code += bytes([0x61, 0, 0])
        elif line.startswith("DUP"):
            code.append(0x7F + int(line[3:]))
        elif line.startswith("LOG"):
            code.append(0xA0 + int(line[3:]))
        else:
            code.append(_OPCODES[line])
    for at, name in wanted:
        code[at : at + 2] = places[name].to_bytes(2)
    return bytes(code)
