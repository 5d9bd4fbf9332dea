"""Transactions in blocks: finding the receipt of any form, how deep it lies, and why an included one failed."""

from __future__ import annotations

from typing import Any

from web3 import Web3

from pyutils.chain import rpc
from pyutils.chain.errors import RevertedError
from pyutils.chain.fees import LanePolicy
from pyutils.chain.receipt import Receipt
from pyutils.chain.sent import Form, Sent
from pyutils.errors import ChainError


class FailedOnChainError(ChainError):
    """A transaction was included and failed, and replaying it does not say why."""

    remedy = "The state changed in between, or it ran out of gas; try again"


def find(web3: Web3, sent: Sent) -> tuple[Form, Receipt] | None:
    """Return whichever form is in a block, with its receipt; the newest is asked for first."""
    for form in reversed(sent.forms):
        row = rpc.request(web3, "eth_getTransactionReceipt", "0x" + form.hash.hex())
        if row is not None:
            return form, Receipt.from_row(row)
    return None


def is_canonical(web3: Web3, receipt: Receipt) -> bool:
    """Return whether the block of `receipt` is part of the chain."""
    block = rpc.request(web3, "eth_getBlockByNumber", hex(receipt.block_number), False)
    return block is not None and bytes.fromhex(block["hash"][2:]) == receipt.block_hash


def depth_of(web3: Web3, receipt: Receipt) -> int:
    """Return how many blocks lie on top of the receipt's; -1 where that is no longer part of the chain."""
    if not is_canonical(web3, receipt):
        return -1
    return max(0, int(rpc.request(web3, "eth_blockNumber"), 16) - receipt.block_number)


def trusted_block(web3: Web3, policy: LanePolicy) -> int:
    """Return the newest block that a policy trusts: the final one, or by depth where that is wanted or all there is."""
    if policy.finality:
        try:
            block: dict[str, Any] | None = rpc.request(web3, "eth_getBlockByNumber", "finalized", False)
        except rpc.RpcError:
            block = None
        if block is not None:
            return int(block["number"], 16)
    return int(rpc.request(web3, "eth_blockNumber"), 16) - policy.confirmations


def failure(web3: Web3, account: str, form: Form, receipt: Receipt) -> RevertedError | FailedOnChainError:
    """Return why an included transaction failed: what a replay is refused with, else `FailedOnChainError`."""
    transaction = form.transaction
    message = {
        "from": account,
        "to": transaction["to"],
        "data": "0x" + transaction["data"].hex(),
        "value": hex(transaction["value"]),
        "gas": hex(transaction["gas"]),
    }
    # The second replay sees what came before it in its own block.
    for block in (receipt.block_number - 1, receipt.block_number):
        try:
            rpc.execution(web3, "eth_call", form.call, message, hex(block))
        except RevertedError as error:
            return error
        except rpc.RpcError:
            # A node that keeps no old state cannot replay; it is no reason of the contract's.
            continue
    return FailedOnChainError(f"{form.call}: {receipt.hash} failed in block {receipt.block_number}")
