"""Is the index what the chain says? Balances and owners recomputed from events, and compared at the index's last block.

Where every holder that the index knows has what the chain says, and they sum to the supply, nobody else holds anything:
no transfer is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from web3.types import RPCEndpoint

from pyutils.chain.batch import Source
from pyutils.contracts.base import encode_call
from pyutils.errors import GpuRwaError
from pyutils.index.reader import Index
from pyutils.index.source import headers
from pyutils.models.address import parse_address

_AT_ONCE: Final = 100
TOKENS: Final = ("FleetShares", "CreditVault")
TITLES: Final = ("FleetRegistry", "LeaseBook")
"""What has balances, and what has owners."""


class StaleIndexError(GpuRwaError):
    """The index's last block is not on the chain, or no longer."""

    remedy = "Bring it up to date with `gpurwa index sync`"


class WrongIndexError(GpuRwaError):
    """The index does not say what the chain says."""

    remedy = "Make the index anew from another endpoint, and keep the old one to find out what it lacks"


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure that is not the chain's."""

    what: str
    indexed: str
    on_chain: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What was compared, at which block, and what differs."""

    block: int
    figures: int
    differences: tuple[Difference, ...]

    def raise_for_differences(self) -> None:
        """Raise `WrongIndexError` where a figure differs."""
        if self.differences:
            first = self.differences[0]
            said = f"{first.what} is {first.indexed} by its events and {first.on_chain} on the chain"
            raise WrongIndexError(f"{len(self.differences)} of {self.figures} figures differ: {said}")


@dataclass(frozen=True, slots=True)
class _Figure:
    what: str
    to: str
    call: bytes
    expected: int


def check(index: Index, source: Source) -> Checked:
    """Compare balances, supplies and owners with the chain.

    Raises:
        StaleIndexError: the chain is another one at the index's last block.
        BehindError: the index is empty.

    """
    with index.snapshot(None) as (connection, block):
        state = index.store.read_state(connection)
    header = headers(source, [block])[0]
    if header is None or header.block.hash != state.block_hash:
        raise StaleIndexError(f"block {block}, the index's last, is not the chain's")
    figures = [*_balances(index, block), *_owners(index, block)]
    differences = []
    for begin in range(0, len(figures), _AT_ONCE):
        part = figures[begin : begin + _AT_ONCE]
        for figure, said in zip(part, _ask(source, part, block), strict=True):
            if said != figure.expected:
                differences.append(_difference(figure, said))
    return Checked(block, len(figures), tuple(differences))


def _balances(index: Index, block: int) -> Iterator[_Figure]:
    for kind in TOKENS:
        for one in index.contracts(kind):
            address = parse_address("0x" + one.address.hex())
            held = index.balances(kind, address, block)
            yield _Figure(f"{kind} {address}: supply", address, encode_call(kind, "totalSupply"), sum(held.values()))
            for holder, amount in held.items():
                call = encode_call(kind, "balanceOf", holder)
                yield _Figure(f"{kind} {address}: balance of {holder}", address, call, amount)


def _owners(index: Index, block: int) -> Iterator[_Figure]:
    for kind in TITLES:
        for one in index.contracts(kind):
            address = parse_address("0x" + one.address.hex())
            for number, owner in index.owners(kind, block).items():
                call = encode_call(kind, "ownerOf", number)
                yield _Figure(f"{kind} {address}: owner of {number}", address, call, int(owner, 16))


def _ask(source: Source, figures: Sequence[_Figure], block: int) -> list[int | str]:
    """Return what the chain says, or why it says nothing."""
    requests: list[tuple[RPCEndpoint, Any]] = [
        (RPCEndpoint("eth_call"), [{"to": figure.to, "data": "0x" + figure.call.hex()}, hex(block)])
        for figure in figures
    ]
    answers = source.make_batch_request(requests)
    if isinstance(answers, dict) or len(answers) != len(figures):
        raise StaleIndexError("the node does not answer questions in batches", remedy="Name another with --rpc")
    return [_number(answer) for answer in answers]


def _number(answer: Any) -> int | str:
    error = answer.get("error")
    if error is not None:
        return str(error.get("message", error) if isinstance(error, dict) else error)
    try:
        return int(answer["result"], 16)
    except (KeyError, TypeError, ValueError):
        return "unreadable"


def _difference(figure: _Figure, said: int | str) -> Difference:
    if "owner" not in figure.what or isinstance(said, str):
        return Difference(figure.what, str(figure.expected), str(said))
    return Difference(figure.what, f"0x{figure.expected:040x}", f"0x{said:040x}")
