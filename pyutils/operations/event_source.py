"""Where events are read from: a node, which is asked for them, or whatever else has them, such as the index."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias

from pyutils.chain.batch import ask_all
from pyutils.contracts import System
from pyutils.contracts.base import EventShape, encode_call, event_shape
from pyutils.errors import InputError
from pyutils.operations.history import Event, logs, topic
from pyutils.units import BlockNumber

Value: TypeAlias = int | str | bytes | bool
Wanted: TypeAlias = Value | Sequence[Value]
"""One value of an argument, or several of which any will do, and of none none; addresses as text or as 20 bytes."""
Where: TypeAlias = Mapping[str, Wanted]

SHARES: Final = "FleetShares"
"""Kind of every fleet's shares, gated ones among them: they are read alike."""
_DIGITS: Final = 40
"""Of an address, at the end of a word."""
_VALUES: Final = 500
"""Values of one argument asked for at once; geth takes a thousand."""


class UnknownArgumentError(InputError):
    """An event is not told by such an argument, or has none."""

    remedy = "Name an indexed argument, as the ABI spells it"


class EventSource(Protocol):
    """Gives the events of the system's contracts up to one block, and what its shares are paid in."""

    @property
    def block(self) -> BlockNumber:
        """The last block that is read."""
        ...

    def events(
        self,
        names: str | Iterable[str],
        where: Where | None = None,
        *,
        contract: str | None = None,
        first: int | None = None,
        **arguments: Wanted,
    ) -> Iterator[Event]:
        """Yield events up to `block`, oldest first.

        Args:
            names: one event or several, `LeaseBook.Settle`.
            where: indexed arguments by their ABI names, as the keywords; for names that Python keeps for itself.
            contract: address of the contract; any of its kind by default.
            first: from which block on.
            arguments: wanted values of indexed arguments.

        """
        ...

    def settlement_tokens(self) -> Mapping[str, str]:
        """Return the coin in which each fleet's shares pay, by the shares' address; both in lower case."""
        ...


class NodeEvents:
    """Events as a node gives them. Not for several threads."""

    def __init__(self, system: System, block: BlockNumber) -> None:
        self.system, self._block = system, block
        self._shares: tuple[str, ...] | None = None
        self._tokens: dict[str, str] | None = None

    @property
    def block(self) -> BlockNumber:
        """The last block that is read."""
        return self._block

    def events(
        self,
        names: str | Iterable[str],
        where: Where | None = None,
        *,
        contract: str | None = None,
        first: int | None = None,
        **arguments: Wanted,
    ) -> Iterator[Event]:
        """Yield events as `EventSource` says. Raises `UnknownArgumentError`, and what the node refuses."""
        wanted = {**(where or {}), **arguments}
        labels = [names] if isinstance(names, str) else list(names)
        if any(not _several(values) for values in wanted.values()):
            # None of no values will do; a node would take an empty list for any value.
            return iter(())
        long = next((name for name, values in wanted.items() if len(_several(values)) > _VALUES), None)
        if long is not None:
            values = list(dict.fromkeys(_several(wanted[long])))
            parts = [values[begin : begin + _VALUES] for begin in range(0, len(values), _VALUES)]
            found = [self.events(labels, {**wanted, long: part}, contract=contract, first=first) for part in parts]
            return heapq.merge(*found, key=lambda event: (event.block, event.index))
        # Events of a kind whose topics are asked for alike take one question.
        alike: dict[tuple[str, tuple[tuple[str, ...] | None, ...]], list[EventShape]] = {}
        for label in labels:
            kind, _, name = label.partition(".")
            shape = event_shape(kind, name)
            alike.setdefault((kind, _topics(label, shape, wanted)), []).append(shape)
        begin = self.system.manifest.first_block if first is None else first
        streams = [
            logs(self.system.web3, shapes, addresses, topics, first=begin, last=self._block)
            for (kind, topics), shapes in alike.items()
            if (addresses := self._addresses(kind) if contract is None else (contract,))
        ]
        return heapq.merge(*streams, key=lambda event: (event.block, event.index))

    def settlement_tokens(self) -> Mapping[str, str]:
        """Return the coin of each fleet's shares; they cannot change, so that any block tells."""
        if self._tokens is None:
            call = "0x" + encode_call(SHARES, "settlementToken").hex()
            asked = self._addresses(SHARES)
            words = ask_all(self.system.web3, [("eth_call", [{"to": one, "data": call}, "latest"]) for one in asked])
            self._tokens = {one: "0x" + word[-_DIGITS:].lower() for one, word in zip(asked, words, strict=True)}
        return self._tokens

    def _addresses(self, kind: str) -> tuple[str, ...]:
        manifest = self.system.manifest
        if kind == SHARES:
            if self._shares is None:
                told = self.events("FleetShareFactory.CreateShares")
                self._shares = tuple(event.arguments["shares"] for event in told)
            return self._shares
        if kind in manifest.contracts:
            return (manifest.address(kind),)
        return tuple(market.address(kind) for market in manifest.credit)


def _topics(label: str, shape: EventShape, wanted: Where) -> tuple[tuple[str, ...] | None, ...]:
    """Return what each topic behind the first may be; None for anything."""
    indexed = [name for name, flag in zip(shape.arguments, shape.indexed, strict=True) if flag]
    unknown = wanted.keys() - set(indexed)
    if unknown:
        raise UnknownArgumentError(f"{label} has no indexed argument {min(unknown)!r}")
    found = [_words(wanted[name]) if name in wanted else None for name in indexed]
    while found and found[-1] is None:
        found.pop()
    return tuple(found)


def _words(wanted: Wanted) -> tuple[str, ...]:
    return tuple(topic(int(value) if isinstance(value, bool) else value) for value in _several(wanted))


def _several(wanted: Wanted) -> Sequence[Any]:
    return wanted if isinstance(wanted, Sequence) and not isinstance(wanted, str | bytes) else [wanted]
