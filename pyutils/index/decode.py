"""Logs as a node gives them into columns, a whole batch of one event at a time.

An event's words stand at fixed places, so one `struct` takes a batch apart and each column is read in one go. Only
where an event ends in bytes or text is a tail read log by log, and only lists and structs with text need the general
decoder. Every value is checked to be one that its type allows.
"""

from __future__ import annotations

import json
import re
import struct
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any, Final

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from pyutils.index.errors import UnindexableLogError
from pyutils.index.layout import Argument, Column, EventLayout, Kind, layouts

Log = Mapping[str, Any]
"""A log in a node's JSON."""
Values = list[Any]

_WORD: Final = 32
_FALSE_OR_TRUE: Final = frozenset({0, 1})
_SIZELESS: Final = re.compile(r"string|bytes(?!\d)|\]")
"""What makes the words of a struct stand at no fixed place."""


class _MisfitError(Exception):
    """A value is none of its type."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Logs of one event, by columns in the order of its table: the fixed ones, topics, data."""

    layout: EventLayout
    columns: list[Values]

    def __len__(self) -> int:
        return len(self.columns[0])


def decode_logs(logs: Iterable[Log], kinds: Mapping[str, str]) -> list[Rows]:
    """Return logs by event.

    Args:
        logs: of contracts in `kinds`, in a node's JSON.
        kinds: kind of each contract, by address in lower case.

    Raises:
        UnindexableLogError: a log is none that such a contract can emit.

    """
    groups: defaultdict[tuple[str, str], list[Log]] = defaultdict(list)
    for log in logs:
        topics = log["topics"]
        groups[kinds[log["address"].lower()], topics[0] if topics else ""].append(log)
    return [_rows(_layout(kind, topic, group[0]), group) for (kind, topic), group in groups.items()]


def _layout(kind: str, topic: str, log: Log) -> EventLayout:
    layout = layouts(kind).get(bytes.fromhex(topic[2:]))
    if layout is None:
        raise UnindexableLogError(f"{_where(log)}: {kind} has no event {topic or 'without a name'}")
    return layout


def _rows(layout: EventLayout, logs: Sequence[Log]) -> Rows:
    try:
        columns = _decoder(layout)(logs)
    except (_MisfitError, DecodingError, ValueError, struct.error, OverflowError) as error:
        if len(logs) > 1:
            # Once more one by one, to say which.
            for log in logs:
                _rows(layout, [log])
        raise UnindexableLogError(f"{_where(logs[0])}: no {layout.label}: {error}") from None
    fixed: list[Values] = [
        [int(log["blockNumber"], 16) for log in logs],
        [int(log["logIndex"], 16) for log in logs],
        [bytes.fromhex(log["address"][2:]) for log in logs],
        [bytes.fromhex(log["transactionHash"][2:]) for log in logs],
    ]
    return Rows(layout, [*fixed, *columns])


def _where(log: Log) -> str:
    return f"log {int(log['logIndex'], 16)} of block {int(log['blockNumber'], 16)} by {log['address']}"


Decoder = Callable[[Sequence[Log]], list[Values]]
_Reader = Callable[[Sequence[Values]], Values]


@cache
def _decoder(layout: EventLayout) -> Decoder:
    """Return what turns an event's logs into its columns behind the fixed ones."""
    if any(_is_irregular(kind) for kind in layout.data_types):
        return _irregular(layout)
    return _regular(layout)


def _is_irregular(abi: str) -> bool:
    return abi.endswith("]") or (abi.startswith("(") and _SIZELESS.search(abi) is not None)


def _regular(layout: EventLayout) -> Decoder:
    """Return a decoder for words at fixed places, and tails of bytes and text."""
    width, count = _WORD * len(layout.columns), len(layout.topics)
    places, fields, readers = _head(layout.columns)
    tails = [number for number, one in enumerate(layout.columns) if one.abi in ("bytes", "string")]
    texts = {number for number in tails if layout.columns[number].kind is Kind.TEXT}

    def columns(logs: Sequence[Log]) -> list[Values]:
        bodies = _bodies(logs, count)
        if any(len(body) != width for body in bodies) if not tails else any(len(body) < width for body in bodies):
            raise _MisfitError("its data has another length")
        words = _cut(places, fields, [body[:width] for body in bodies] if tails else bodies)
        found = [read(words) for read in readers]
        for number in tails:
            column = [_tail(body, _WORD * count + offset) for body, offset in zip(bodies, found[number], strict=True)]
            found[number] = [text_of(value) for value in column] if number in texts else column
        return found

    return columns


def _irregular(layout: EventLayout) -> Decoder:
    """Return a decoder for events with lists, or structs that hold text."""
    count = len(layout.topics)
    width = _WORD * count
    places, fields, readers = _head(layout.topics)
    types = tuple(kind.replace("string", "bytes") for kind in layout.data_types)
    arguments = [one for one in layout.arguments if one.column is None or not one.column.indexed]

    def columns(logs: Sequence[Log]) -> list[Values]:
        bodies = _bodies(logs, count)
        words = _cut(places, fields, [body[:width] for body in bodies])
        data = []
        for body in bodies:
            decoded = decode(types, body[width:])
            leaves = (_leaves(one, value) for one, value in zip(arguments, decoded, strict=True))
            data.append(list(chain.from_iterable(leaves)))
        return [read(words) for read in readers] + [list(column) for column in zip(*data, strict=True)]

    return columns


def _bodies(logs: Sequence[Log], topics: int) -> list[bytes]:
    """Return each log's topics behind the first, and then its data, as bytes."""
    if any(len(log["topics"]) != topics + 1 for log in logs):
        raise _MisfitError(f"it has not {topics} indexed arguments")
    if not topics:
        return [bytes.fromhex(log["data"][2:]) for log in logs]
    return [bytes.fromhex("".join(log["topics"][1:]).replace("0x", "") + log["data"][2:]) for log in logs]


def _head(columns: Sequence[Column]) -> tuple[struct.Struct, int, list[_Reader]]:
    """Return what cuts words into padding and value, into how many fields, and a reader for each column."""
    format_, readers, place = ">", [], 0
    for column in columns:
        part, reader, fields = _word(column, place)
        format_, place = format_ + part, place + fields
        readers.append(reader)
    return struct.Struct(format_), place, readers


def _cut(places: struct.Struct, fields: int, heads: Sequence[bytes]) -> list[Values]:
    """Return the fields of all heads, field by field."""
    if not places.size:
        return []
    flat = list(chain.from_iterable(places.iter_unpack(b"".join(heads))))
    return [flat[field::fields] for field in range(fields)]


def _word(column: Column, place: int) -> tuple[str, _Reader, int]:
    """Return a column's part of the struct, its reader, and how many fields of the struct it takes."""
    if column.abi == "address":
        return "12s20s", lambda words: _padded(words[place], words[place + 1]), 2
    if column.abi in ("bytes", "string", "bool"):
        # Of bytes and text the word says where the tail begins.
        read = _booleans if column.abi == "bool" else _offsets
        return "24sQ", lambda words: read(_padded(words[place], words[place + 1])), 2
    if column.kind is Kind.BYTES:
        size = int(column.abi.removeprefix("bytes"))
        if size == _WORD:
            return "32s", lambda words: words[place], 1
        return f"{size}s{_WORD - size}s", lambda words: _padded(words[place + 1], words[place]), 2
    signed, bits = column.abi.startswith("int"), int(column.abi.removeprefix("u").removeprefix("int"))
    if not signed and bits <= 64:
        return "24sQ", lambda words: _within(_padded(words[place], words[place + 1]), 0, 1 << bits), 2
    low, high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)
    if signed:
        return "32s", lambda words: _within([_signed(word) for word in words[place]], low, high), 1
    return "32s", lambda words: _within(list(map(int.from_bytes, words[place])), low, high), 1


def _padded(padding: Sequence[bytes], values: Values) -> Values:
    if any(map(any, set(padding))):
        raise _MisfitError("a value is wider than its type")
    return values


def _within(values: Values, low: int, high: int) -> Values:
    if values and not (low <= min(values) and max(values) < high):
        raise _MisfitError("a number is beyond its type")
    return values


def _signed(word: bytes) -> int:
    return int.from_bytes(word, signed=True)


def _booleans(values: Values) -> Values:
    if not _FALSE_OR_TRUE.issuperset(values):
        raise _MisfitError("a truth value is neither 0 nor 1")
    return [value == 1 for value in values]


def _offsets(values: Values) -> Values:
    return values


def _tail(body: bytes, begin: int) -> bytes:
    """Return the bytes whose length stands at `begin`."""
    start = begin + _WORD
    if start > len(body):
        raise _MisfitError("a tail begins behind the end")
    end = start + int.from_bytes(body[begin:start])
    if end > len(body):
        raise _MisfitError("a tail ends behind the end")
    return body[start:end]


def text_of(data: bytes) -> str:
    """Return text as every database takes it: what is no UTF-8, and NUL, is written out as its hexadecimal value."""
    return data.decode(errors="backslashreplace").replace("\0", "\\x00")


def _leaves(argument: Argument, value: Any) -> Iterable[Any]:
    """Return what the columns of an argument hold."""
    column = argument.column
    if column is None:
        pairs = zip(argument.members, value, strict=True)
        return chain.from_iterable(_leaves(member, inner) for member, inner in pairs)
    if column.kind is Kind.LIST:
        return [json.dumps(_plain(value), separators=(",", ":"))]
    if column.kind is Kind.TEXT:
        return [text_of(value)]
    return [bytes.fromhex(value[2:])] if column.is_address else [value]


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return [_plain(inner) for inner in value] if isinstance(value, tuple | list) else value
