"""Asking a lens: a contract of ours whose code travels in the `eth_call` that asks it, see `Carrier.sol`."""

from __future__ import annotations

from typing import Any, Final

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from web3 import Web3

from pyutils import artifacts
from pyutils.chain import rpc
from pyutils.chain.errors import ChainProtocolError, decode_revert, revert_data
from pyutils.contracts.base import encode_call, encode_constructor, function_shape
from pyutils.errors import ChainError, InputError
from pyutils.keccak import keccak256
from pyutils.portfolio.block import PinnedBlock, unread

MOST_PAGE_BYTES: Final = 90_000
"""Of a page's rows. Erigon hands on 100,000 bytes of an answer by default, other nodes as many as gas can pay for."""

_MOST_INITCODE: Final = 49_152
_ANSWER: Final = keccak256(b"Answer(bytes)")[:4]


class QuestionTooLargeError(InputError):
    """Code and question do not fit into one call (EIP-3860)."""

    remedy = "Ask for fewer markets or coins at once"


class GasCapError(ChainError):
    """The node gives `eth_call` too little gas for anything to be read."""

    remedy = "Raise the node's gas cap (geth: --rpc.gascap), or name another node with --rpc"

    def __init__(self, lens: str, block: int) -> None:
        super().__init__(f"the node's gas cap for eth_call is too small for {lens} at block {block}")


def ask(web3: Web3, lens: str, function: str, *arguments: Any, at: PinnedBlock) -> Any:
    """Return what a lens answers as of a block: the value, or a tuple where there are several.

    Raises:
        RevertedError: a contract that it read refused.
        PrunedBlockError: the node keeps no state of the block.
        ReplacedBlockError: the block left the chain.
        ChainProtocolError: the node answered with something else.

    """
    call = f"{lens}.{function}"
    question = encode_call(lens, function, *arguments)
    data = encode_constructor("Carrier", (artifacts.load(lens).bytecode, question))
    if len(data) > _MOST_INITCODE:
        raise QuestionTooLargeError(f"{call} would take {len(data)} bytes, more than the {_MOST_INITCODE} of one call")
    answer = _answer(web3, call, data, at)
    try:
        values = decode(function_shape(lens, function).outputs, answer)
    except (DecodingError, OverflowError) as error:
        raise ChainProtocolError(f"{call}: the node's answer cannot be read: {error}") from error
    return values[0] if len(values) == 1 else values


def _answer(web3: Web3, call: str, data: bytes, at: PinnedBlock) -> bytes:
    try:
        returned = rpc.request(web3, "eth_call", {"data": "0x" + data.hex()}, at.parameter)
    except rpc.RpcError as error:
        reverted = revert_data(error.data)
        if reverted and reverted[:4] == _ANSWER:
            return _unpacked(call, reverted[4:])
        if reverted or "revert" in error.reason.lower():
            raise decode_revert(reverted or b"").during(call) from None
        raise unread(error, at) from None
    raise ChainProtocolError(f"{call}: the node answered {str(returned)[:20]!r} to a call that always reverts")


def _unpacked(call: str, data: bytes) -> bytes:
    try:
        answer: bytes = decode(("bytes",), data)[0]
    except (DecodingError, OverflowError) as error:
        raise ChainProtocolError(f"{call}: the node cut the answer off: {error}") from error
    return answer
