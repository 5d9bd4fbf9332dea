"""What an account paid in a transaction: the net of a coin's transfers, from the transaction's own receipt.

Shares know nothing of what they are sold for. Where both legs move in one transaction, by whatever contract, this is
the price; what is paid elsewhere cannot be told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from web3 import Web3

from pyutils.chain.batch import ask_all
from pyutils.chain.errors import ChainProtocolError
from pyutils.keccak import keccak256

_TRANSFER: Final = "0x" + keccak256(b"Transfer(address,address,uint256)").hex()
_WORD: Final = 66
"""Characters of a word in hex, `0x` included."""


class Payments(Protocol):
    """Tells what was paid in transactions."""

    def paid(self, account: str, transactions: Iterable[str]) -> Mapping[tuple[str, str], int]:
        """Return what `account` paid, less what it got, by transaction and coin (in lower case), in token units."""
        ...


class ReceiptPayments:
    """Payments as a node's receipts tell them.

    What a contract of the system paid out is income, and what went to one that sells no shares a deposit: no payments.
    """

    def __init__(self, web3: Web3, payers: Iterable[str], takers: Iterable[str] = ()) -> None:
        self._web3 = web3
        self._payers = frozenset(payer.lower() for payer in payers)
        self._takers = frozenset(taker.lower() for taker in takers)

    def paid(self, account: str, transactions: Iterable[str]) -> Mapping[tuple[str, str], int]:
        """Return what `Payments.paid` says. Raises `ChainProtocolError` where a node lacks a receipt."""
        who, sums = account.lower(), dict[tuple[str, str], int]()
        wanted = list(dict.fromkeys(transactions))
        receipts = ask_all(self._web3, [("eth_getTransactionReceipt", [one]) for one in wanted])
        for transaction, receipt in zip(wanted, receipts, strict=True):
            if receipt is None:
                raise ChainProtocolError(f"the node has no receipt of {transaction}, whose events it gave")
            for log in receipt["logs"]:
                # An NFT's transfer has its number in a fourth topic; and anybody may emit one without an amount.
                if log["topics"][:1] != [_TRANSFER] or len(log["topics"]) != 3 or len(log["data"]) != _WORD:
                    continue
                sender, receiver = ("0x" + word[-40:].lower() for word in log["topics"][1:])
                change = (sender == who) - (receiver == who)
                if change and sender not in self._payers and receiver not in self._takers:
                    key = transaction, log["address"].lower()
                    sums[key] = sums.get(key, 0) + change * int(log["data"], 16)
        return sums
