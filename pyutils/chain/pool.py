"""Offering raw transactions to nodes, and reading what their pools say: each client has its own words for the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from web3 import Web3

from pyutils.chain.rpc import RpcError, request


class Verdict(StrEnum):
    """What became of a transaction that was offered."""

    ACCEPTED = "accepted"
    """It is in the pool, or was before."""
    SPENT = "nonce spent"
    """Its nonce is below the account's: this one or another is in a block."""
    UNDERPRICED = "underpriced"
    """It offers too little: for the pool, for the next block, or to replace what holds its nonce."""
    UNFUNDED = "unfunded"
    """The account cannot pay the most that it may cost."""
    REFUSED = "refused"
    """Something else; the node's words say what."""


_WORDS: Final[Mapping[Verdict, tuple[str, ...]]] = {
    # geth, erigon and later nethermind | nethermind | erigon | anvil, parity | besu
    Verdict.ACCEPTED: ("already known", "alreadyknown", "with same hash", "already imported", "known transaction"),
    # geth, erigon, anvil, besu | nethermind | parity
    Verdict.SPENT: ("nonce too low", "oldnonce", "nonce is too low"),
    # geth, erigon, anvil | geth and anvil below the base fee | nethermind | erigon
    Verdict.UNDERPRICED: (
        "underpriced",
        "less than block base fee",
        "price below minimum",
        "replacementnotallowed",
        "ownnoncealreadyused",
        "feetoolow",
        "could not replace existing tx",
        "fee too low",
    ),
    # geth, anvil, erigon | nethermind
    Verdict.UNFUNDED: ("insufficient funds", "insufficientfunds", "insufficient balance"),
}


class InsufficientFundsError(RpcError):
    """The account cannot pay for a transaction."""

    remedy = "Send ether to the account that pays the gas"


@dataclass(frozen=True, slots=True)
class Offer:
    """A node's answer to a raw transaction."""

    verdict: Verdict
    error: RpcError | None = None
    """How the node refused, `InsufficientFundsError` where it is that; None where it accepted."""

    @property
    def reason(self) -> str:
        """Return the node's words."""
        return self.error.reason if self.error is not None else ""


def offer(web3: Web3, raw: bytes) -> Offer:
    """Offer a raw transaction. Raises `RpcUnreachableError` where nobody answers: then it may be in a pool or not."""
    try:
        request(web3, "eth_sendRawTransaction", "0x" + raw.hex())
    except RpcError as error:
        verdict = verdict_of(error.reason)
        if verdict is Verdict.ACCEPTED:
            return Offer(verdict)
        if verdict is Verdict.UNFUNDED:
            return Offer(verdict, InsufficientFundsError(error.method, error.reason, error.code, error.data))
        return Offer(verdict, error)
    return Offer(Verdict.ACCEPTED)


def is_known(web3: Web3, transaction_hash: bytes) -> bool:
    """Return whether a node has a transaction, in its pool or in a block."""
    return request(web3, "eth_getTransactionByHash", "0x" + transaction_hash.hex()) is not None


def verdict_of(reason: str) -> Verdict:
    """Return what a node's words mean."""
    said = reason.lower()
    for verdict, words in _WORDS.items():
        if any(word in said for word in words):
            return verdict
    return Verdict.REFUSED
