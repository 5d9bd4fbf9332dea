"""Reading logs from a node in bulk: a range in one JSON-RPC batch, with the blocks that prove what it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from web3.providers.base import JSONBaseProvider

from pyutils.chain.batch import Source, ask
from pyutils.chain.provider import JSON_HEADERS, FailoverProvider
from pyutils.chain.rpc import RpcError
from pyutils.errors import ChainError
from pyutils.index.decode import Log
from pyutils.index.errors import LyingNodeError, PrunedHistoryError
from pyutils.index.store import BlockRow

LONGEST_ANSWER: Final = 32 << 20
"""Bytes of an answer that are read; the logs of a whole block have always room in so many."""
_ADDRESSES: Final = 500
"""Contracts asked for at once; nodes limit it."""
_HEADERS: Final = 100
"""Blocks asked for at once."""
_PRUNED: Final = ("prun", "missing trie node", "history is not available", "history unavailable", "has been deleted")
"""What nodes say of logs that they no longer keep."""
_MEMBERS: Final = ("address", "topics", "data", "blockNumber", "blockHash", "transactionHash", "logIndex")


class AnswerTooLongError(ChainError):
    """An answer is longer than is read at once."""

    remedy = "Ask for fewer blocks at once"

    def __init__(self, limit: int) -> None:
        super().__init__(f"an answer is longer than {limit >> 20} MiB")


class BulkProvider(FailoverProvider):
    """Failover over endpoints for answers of many megabytes, and no more than `LONGEST_ANSWER` of them."""

    def post(self, url: str, payload: bytes) -> bytes:
        """Return an endpoint's answer. Raises `AnswerTooLongError` as soon as it is, and no memory holds all of it."""
        content = bytearray()
        with self.client.stream("POST", url, content=payload, headers=JSON_HEADERS) as response:
            response.raise_for_status()
            for part in response.iter_bytes():
                content += part
                if len(content) > LONGEST_ANSWER:
                    # The error's traceback would keep it.
                    content.clear()
                    raise AnswerTooLongError(LONGEST_ANSWER)
        return bytes(content)

    def parse(self, content: bytes) -> Any:
        """Return what an endpoint's answer holds; what reads it asks for members by name, however deep others nest."""
        return orjson.loads(content)


class ChangedWhileReadError(LyingNodeError):
    """The chain took blocks back while they were read, or a node does not yet have them; asked again it is whole."""


@dataclass(frozen=True, slots=True)
class Header:
    """A block's place in the chain."""

    block: BlockRow
    parent: bytes


@dataclass(frozen=True, slots=True)
class Range:
    """The logs of blocks `first` to `last`, in their order, all of one chain."""

    first: Header
    last: Header
    logs: list[Log]
    blocks: list[BlockRow]
    """Those with logs."""


def headers(source: Source, blocks: Sequence[int | str]) -> list[Header | None]:
    """Return blocks by height or tag; None for those that the chain does not have."""
    found: list[Header | None] = []
    for begin in range(0, len(blocks), _HEADERS):
        part = blocks[begin : begin + _HEADERS]
        names = [hex(block) if isinstance(block, int) else block for block in part]
        rows = ask(source, [("eth_getBlockByNumber", [name, False]) for name in names])
        for wanted, row in zip(part, rows, strict=True):
            header = _header(row)
            if header is not None and isinstance(wanted, int) and header.block.number != wanted:
                raise LyingNodeError(f"asked for block {wanted}, a node gave block {header.block.number}")
            found.append(header)
    return found


def finalized(source: Source) -> BlockRow | None:
    """Return the last block that cannot be taken back; None where the node names none."""
    try:
        header = headers(source, ["finalized"])[0]
    except RpcError:
        return None
    return None if header is None else header.block


def read_range(source: Source, addresses: Sequence[str], first: int, last: int) -> Range:
    """Return all logs of contracts in a range of blocks.

    Raises:
        RpcError: the node refuses, because the range is too long or has too many logs.
        PrunedHistoryError: it no longer has them.
        ChangedWhileReadError: the range was not one chain's all the while.
        LyingNodeError: logs were not asked for, or contradict one another.

    """
    spans = [addresses[begin : begin + _ADDRESSES] for begin in range(0, len(addresses), _ADDRESSES)]
    questions: list[tuple[str, list[Any]]] = [
        ("eth_getLogs", [{"address": list(span), "fromBlock": hex(first), "toBlock": hex(last)}]) for span in spans
    ]
    ends: list[tuple[str, list[Any]]] = [("eth_getBlockByNumber", [hex(last), False])]
    try:
        answers = ask(source, [("eth_getBlockByNumber", [hex(first), False]), *ends, *questions, *ends])
    except RpcError as error:
        if any(word in error.reason.lower() for word in _PRUNED):
            raise PrunedHistoryError(f"blocks {first} to {last}: {error.reason}") from error
        raise
    begin, end, again = _header(answers[0]), _header(answers[1]), _header(answers[-1])
    if begin is None or end is None or end != again:
        raise ChangedWhileReadError(f"blocks {first} to {last} changed while they were read")
    logs = [log for part in answers[2:-1] for log in _logs(part)]
    _check(logs, set(addresses), first, last)
    if len(spans) > 1:
        logs.sort(key=lambda log: (int(log["blockNumber"], 16), int(log["logIndex"], 16)))
    return Range(begin, end, logs, _blocks(source, logs, begin, end))


def merged(one: Range, more: Range) -> Range:
    """Return a range with the logs of further contracts. Raises `ChangedWhileReadError` where the chain differs."""
    if (one.first, one.last) != (more.first, more.last):
        raise ChangedWhileReadError(f"blocks up to {one.last.block.number} changed while they were read")
    blocks = {block.number: block for block in one.blocks}
    for block in more.blocks:
        if blocks.setdefault(block.number, block) != block:
            raise ChangedWhileReadError(f"block {block.number} changed while it was read")
    logs = sorted(one.logs + more.logs, key=lambda log: (int(log["blockNumber"], 16), int(log["logIndex"], 16)))
    return Range(one.first, one.last, logs, [blocks[number] for number in sorted(blocks)])


def _logs(answer: Any) -> list[Log]:
    if not isinstance(answer, list):
        raise LyingNodeError("eth_getLogs was answered with something that is no list")
    return answer


def _check(logs: Sequence[Log], asked: set[str], first: int, last: int) -> None:
    """Check that logs are what was asked for, each once, each block with one hash."""
    try:
        places = [(int(log["blockNumber"], 16), int(log["logIndex"], 16)) for log in logs]
        strangers = {log["address"].lower() for log in logs}.difference(asked)
        complete = all(log[member] is not None for log in logs for member in _MEMBERS)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise LyingNodeError(
            f"a log between blocks {first} and {last} lacks members, or has none that can be read"
        ) from None
    if not complete or any(log.get("removed") for log in logs):
        raise ChangedWhileReadError(f"blocks {first} to {last} have logs that were taken back")
    outside = next((block for block, _ in places if not first <= block <= last), None)
    if outside is not None:
        raise LyingNodeError(f"asked for logs of blocks {first} to {last}, a node gave one of block {outside}")
    if strangers:
        raise LyingNodeError(f"a node gave logs of {min(strangers)}, which was not asked for")
    if len(set(places)) != len(places):
        raise LyingNodeError(f"a node gave a log between blocks {first} and {last} twice")


def _blocks(source: Source, logs: Sequence[Log], begin: Header, end: Header) -> list[BlockRow]:
    """Return the blocks of logs; their times from the logs where the node gives them, else from the blocks."""
    found: dict[str, BlockRow] = {}
    untimed: dict[str, Log] = {}
    known = {header.block.number: header.block for header in (begin, end)}
    for log in logs:
        number, told = log["blockNumber"], log.get("blockTimestamp")
        if number not in found and number not in untimed:
            if told is None and int(number, 16) not in known:
                untimed[number] = log
            else:
                height = int(number, 16)
                found[number] = (
                    known[height]
                    if height in known
                    else BlockRow(height, bytes.fromhex(log["blockHash"][2:]), int(str(told), 16))
                )
    rows = headers(source, [int(number, 16) for number in untimed])
    for number, header in zip(untimed, rows, strict=True):
        if header is None:
            raise ChangedWhileReadError(f"block {int(number, 16)} is gone while it was read")
        found[number] = header.block
    hashes = {number: "0x" + block.hash.hex() for number, block in found.items()}
    wrong = next((log for log in logs if log["blockHash"].lower() != hashes[log["blockNumber"]]), None)
    if wrong is not None:
        raise ChangedWhileReadError(f"block {int(wrong['blockNumber'], 16)} is two blocks in a node's answers")
    return sorted(found.values(), key=lambda block: block.number)


def _header(row: Any) -> Header | None:
    if row is None:
        return None
    try:
        block = BlockRow(int(row["number"], 16), bytes.fromhex(row["hash"][2:]), int(row["timestamp"], 16))
        return Header(block, bytes.fromhex(row["parentHash"][2:]))
    except (TypeError, KeyError, ValueError):
        raise LyingNodeError("eth_getBlockByNumber was answered with something that is no block") from None


def bulk_source(urls: Sequence[str], chain_id: int) -> JSONBaseProvider:
    """Return a source over endpoints, the first that answers; nothing is asked yet."""
    return BulkProvider(urls, chain_id)
