"""The block as of which everything on a screen is read."""

from __future__ import annotations

import re
import time
from typing import Any, Final

from web3 import Web3

from pyutils.chain import rpc
from pyutils.chain.errors import ChainProtocolError
from pyutils.errors import ChainError, InputError
from pyutils.models import Bytes32, FrozenModel
from pyutils.units import BlockNumber, UnixSeconds

_PRUNED: Final = re.compile(
    r"missing trie node|prun(?:ed|ing)|historical state|no state available|world state unavailable|BlockOutOfRange",
    re.IGNORECASE,
)
"""How geth, Erigon, Nethermind, Reth, Besu and anvil say that they keep no state of a block."""

_REPLACED: Final = re.compile(
    r"header not found|header for hash not found|block .*not found|unknown block|not canonical|not currently canonical",
    re.IGNORECASE,
)
_NOT_FOUND: Final = -32_001
"""The code that EIP-1898 gives to a block that a node does not have."""


class NoSuchBlockError(InputError):
    """The block is not there yet."""

    remedy = "Ask for the newest block or an earlier one"

    def __init__(self, number: int, newest: int) -> None:
        super().__init__(f"block {number} is not there yet, the newest is {newest}")
        self.number, self.newest = number, newest


class NoNamedBlockError(InputError):
    """The chain has no block of this name."""

    remedy = "Ask for `latest`, or for a number"


class BeforeDeploymentError(InputError):
    """The block is older than the system."""

    remedy = "Ask for that block or a later one"

    def __init__(self, number: int, first: int) -> None:
        super().__init__(f"at block {number} there was nothing to read, the system was deployed from block {first} on")
        self.number, self.first = number, first


class PrunedBlockError(ChainError):
    """The node does not keep the state of the block any more."""

    remedy = "Name an archive node with --rpc, or ask for a newer block"

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"the node keeps no state of block {number} any more ({reason})")
        self.number, self.reason = number, reason


class ReplacedBlockError(ChainError):
    """The block left the chain while it was read, or one of several nodes has it not yet."""

    remedy = "Ask again; `--block finalized` names a block that stays"

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(
            f"block {number} was replaced while it was read, or the node that was asked is behind ({reason})"
        )
        self.number, self.reason = number, reason


class PinnedBlock(FrozenModel):
    """One block, by its hash: whatever is read of it belongs together, even if the chain is reorganized meanwhile."""

    number: BlockNumber
    hash: Bytes32
    at: UnixSeconds
    """Its time."""

    @property
    def parameter(self) -> dict[str, Any]:
        """The block as nodes take it, by EIP-1898."""
        return {"blockHash": "0x" + self.hash.hex(), "requireCanonical": True}

    def age_s(self, now: float | None = None) -> int:
        """Return how old the block is in seconds, by this machine's clock; 0 where that clock is behind the chain's."""
        return max(0, int(time.time() if now is None else now) - self.at)


def pin(web3: Web3, block: rpc.Block = "latest", *, first: int = 0) -> PinnedBlock:
    """Return the block that `block` names now.

    Args:
        web3: the chain.
        block: a number, or `latest`, `safe`, `finalized`, `earliest`.
        first: the block from which on there is something to read.

    Raises:
        NoSuchBlockError: it is not there yet.
        BeforeDeploymentError: it is older than `first`.
        PrunedBlockError: the node dropped it.

    """
    reason = "it does not know the block"
    row = None
    try:
        row = rpc.request(web3, "eth_getBlockByNumber", rpc.block_parameter(block), False)
    except rpc.RpcError as error:
        reason = error.reason
    if row is None:
        raise _missing(web3, block, reason)
    try:
        found = PinnedBlock(
            number=BlockNumber(int(row["number"], 16)),
            hash=bytes.fromhex(row["hash"][2:]),
            at=UnixSeconds(int(row["timestamp"], 16)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ChainProtocolError(f"the node's block {block} cannot be read: {error!r}") from error
    if found.number < first:
        raise BeforeDeploymentError(found.number, first)
    return found


def unread(error: rpc.RpcError, block: PinnedBlock) -> ChainError:
    """Return what a node's refusal to read the state of a block means; the error itself where that is unknown."""
    if _PRUNED.search(error.reason):
        return PrunedBlockError(block.number, error.reason)
    if error.code == _NOT_FOUND or _REPLACED.search(error.reason):
        return ReplacedBlockError(block.number, error.reason)
    return error


def _missing(web3: Web3, block: rpc.Block, reason: str) -> Exception:
    if isinstance(block, str):
        return NoNamedBlockError(f"the chain has no {block} block ({reason})")
    newest = int(rpc.request(web3, "eth_blockNumber"), 16)
    return NoSuchBlockError(block, newest) if block > newest else PrunedBlockError(block, reason)
