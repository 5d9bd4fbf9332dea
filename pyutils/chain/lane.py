"""One lane per account: nonces in order, fees with replacement, and receipts that survive reorgs.

Before anything is sent, the call is tried on the pending state, so that a refusal costs nothing and says why. What was
signed is kept until its receipt is deep enough: a node that forgets it gets the same bytes again, a transaction that
lingers is replaced by the same call at a higher fee, and one that a reorg takes out goes in again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from eth_typing import ChecksumAddress
from web3 import Web3

from pyutils.chain import rpc
from pyutils.chain.receipt import Receipt
from pyutils.chain.signer import Signer
from pyutils.errors import ChainError
from pyutils.keccak import keccak256

_LOG = logging.getLogger(__name__)
_MISSES_BEFORE_REPLACED = 3
"""Polls that must agree that another transaction took the nonce: behind one URL may stand nodes that lag."""
_KNOWN = ("already known", "already imported", "known transaction", "alreadyknown")


class FeeCapError(ChainError):
    """The chain asks a higher fee than the lane may pay."""

    remedy = "Wait until fees fall, or raise the cap or budget"

    def __init__(self, call: str, asked: str, limit: str) -> None:
        super().__init__(f"{call}: the chain asks {asked}, the limit is {limit}")


class TransactionTimeoutError(ChainError):
    """A transaction was sent and did not get into a block, or not deep enough, in time."""

    remedy = "It may still get in: look the hash up before sending anything again"


class ReplacedError(ChainError):
    """Another transaction of the account, not sent by this lane, took the nonce."""

    remedy = "Use the account from one process only, check what it sent, and try again"


class FailedOnChainError(ChainError):
    """A transaction was included and failed, and replaying it does not say why."""

    remedy = "The state changed in between, or it ran out of gas; try again"


@dataclass(frozen=True, slots=True)
class LanePolicy:
    """What a lane may pay, how long it waits, and how deep a receipt must lie."""

    max_fee_per_gas: int = 500 * 10**9
    """Wei per gas that no transaction and no replacement exceeds."""
    budget_wei: int = 10**18
    """Wei that one transaction may cost at most, replacements included."""
    confirmations: int = 0
    """Blocks on top of the receipt's before it is trusted."""
    replace_after_s: float = 30.0
    timeout_s: float = 300.0
    poll_s: float = 2.0
    """Longest pause between two looks; the first ones come sooner."""
    gas_margin_percent: int = 25


@dataclass(slots=True)
class Sent:
    """A transaction on its way: what it says, and every raw form that was broadcast."""

    call: str
    nonce: int
    transaction: dict[str, Any]
    raw: bytes
    hashes: list[bytes] = field(default_factory=list)

    @property
    def hash(self) -> str:
        """Return the hash of the newest form."""
        return "0x" + self.hashes[-1].hex()


class Lane:
    """Sends transactions of one account in order. Share one per account; its methods may be called from threads."""

    def __init__(self, web3: Web3, signer: Signer, policy: LanePolicy = LanePolicy()) -> None:
        self.web3 = web3
        self.signer = signer
        self.policy = policy
        self._outstanding: dict[int, Sent] = {}
        self._lock = threading.RLock()
        self._chain_id: int | None = None

    @property
    def address(self) -> ChecksumAddress:
        """Return the account."""
        return self.signer.address

    @property
    def chain_id(self) -> int:
        """Return the id of the chain, asked once."""
        if self._chain_id is None:
            self._chain_id = rpc.chain_id(self.web3)
        return self._chain_id

    def transact(self, to: str, data: bytes, *, value: int = 0, call: str = "transaction") -> Receipt:
        """Send and wait: `send`, then `wait`."""
        return self.wait(self.send(to, data, value=value, call=call))

    def send(self, to: str, data: bytes, *, value: int = 0, call: str = "transaction") -> Sent:
        """Try the call, then sign and broadcast it.

        Args:
            to: the contract.
            data: selector and arguments.
            value: wei to send along.
            call: what it is, for errors: `LeaseBook.open`.

        Raises:
            RevertedError: the contract would refuse; nothing was sent.
            FeeCapError: fees exceed the policy; nothing was sent.
            RpcUnreachableError: no endpoint answered.

        """
        with self._lock:
            message = {"from": self.address, "to": to, "data": "0x" + data.hex(), "value": hex(value)}
            estimate = int(rpc.execution(self.web3, "eth_estimateGas", call, message, "pending"), 16)
            gas = estimate * (100 + self.policy.gas_margin_percent) // 100
            transaction = {"chainId": self.chain_id, "to": to, "data": data, "value": value, "gas": gas}
            transaction |= self._fees(call, gas)
            nonce = self._next_nonce()
            transaction["nonce"] = nonce
            sent = Sent(call, nonce, transaction, self.signer.sign_transaction(transaction))
            self._outstanding[nonce] = sent
            try:
                self._broadcast(sent)
            except rpc.RpcError:
                # Refused, so it is nowhere. After a lost connection it may be: then it stays, and its nonce with it.
                del self._outstanding[nonce]
                raise
            return sent

    def wait(self, sent: Sent) -> Receipt:
        """Return the receipt once it lies deep enough.

        Raises:
            RevertedError: it was included and the contract refused.
            ReplacedError: something else took its nonce.
            TransactionTimeoutError: it took too long; it may still get in.

        """
        started = replaced_at = time.monotonic()
        pause, misses = 0.01, 0
        seen: Receipt | None = None
        while True:
            receipt = self._receipt(sent)
            if receipt is not None:
                if self._depth(receipt) >= self.policy.confirmations:
                    return self._finish(sent, receipt)
            else:
                if seen is not None:
                    _LOG.warning("%s: a reorg took %s out of block %d", sent.call, sent.hash, seen.block_number)
                misses = misses + 1 if self._count("latest") > sent.nonce else 0
                if misses >= _MISSES_BEFORE_REPLACED and self._receipt(sent) is None:
                    self._forget(sent)
                    raise ReplacedError(f"{sent.call}: another transaction took nonce {sent.nonce} of {self.address}")
                if not misses and not self._is_known(sent):
                    self._broadcast(sent)
                elif not misses and time.monotonic() - replaced_at >= self.policy.replace_after_s:
                    self._replace(sent)
                    replaced_at = time.monotonic()
            seen = receipt
            if time.monotonic() - started >= self.policy.timeout_s:
                state = "is in a block, not deep enough" if receipt else "is in no block"
                raise TransactionTimeoutError(f"{sent.call}: {sent.hash} {state} after {self.policy.timeout_s:.0f} s")
            time.sleep(pause)
            pause = min(pause * 2, self.policy.poll_s)

    def is_canonical(self, receipt: Receipt) -> bool:
        """Return whether the block of `receipt` is still part of the chain."""
        block = rpc.request(self.web3, "eth_getBlockByNumber", hex(receipt.block_number), False)
        return block is not None and bytes.fromhex(block["hash"][2:]) == receipt.block_hash

    def _next_nonce(self) -> int:
        pending = self._count("pending")
        return max([pending, *(nonce + 1 for nonce in self._outstanding)])

    def _count(self, block: str) -> int:
        return int(rpc.request(self.web3, "eth_getTransactionCount", self.address, block), 16)

    def _fees(self, call: str, gas: int) -> dict[str, int]:
        policy = self.policy
        block: Mapping[str, Any] = rpc.request(self.web3, "eth_getBlockByNumber", "latest", False)
        if "baseFeePerGas" not in block:
            price = int(rpc.request(self.web3, "eth_gasPrice"), 16)
            self._check_fee(call, gas, price)
            return {"gasPrice": price}
        base = int(block["baseFeePerGas"], 16)
        tip = int(rpc.request(self.web3, "eth_maxPriorityFeePerGas"), 16)
        self._check_fee(call, gas, base + tip)
        # Room for six full blocks, as far as cap and budget allow.
        most = min(2 * base + tip, policy.max_fee_per_gas, policy.budget_wei // gas)
        return {"maxFeePerGas": most, "maxPriorityFeePerGas": min(tip, most), "type": 2}

    def _check_fee(self, call: str, gas: int, price: int) -> None:
        if price > self.policy.max_fee_per_gas:
            raise FeeCapError(call, f"{price} wei per gas", f"{self.policy.max_fee_per_gas} wei per gas")
        if price * gas > self.policy.budget_wei:
            raise FeeCapError(call, f"{price * gas} wei", f"{self.policy.budget_wei} wei")

    def _replace(self, sent: Sent) -> None:
        """Broadcast the same call with fees at least an eighth higher; nothing where that breaks cap or budget."""
        with self._lock:
            transaction = dict(sent.transaction)
            fees = [name for name in ("gasPrice", "maxFeePerGas", "maxPriorityFeePerGas") if name in transaction]
            try:
                market = self._fees(sent.call, transaction["gas"])
            except FeeCapError:
                market = {}
            for name in fees:
                transaction[name] = max(-(-transaction[name] * 9 // 8), market.get(name, 0))
            most = transaction[fees[0]]
            if most > self.policy.max_fee_per_gas or most * transaction["gas"] > self.policy.budget_wei:
                _LOG.warning("%s: %s lingers, and a higher fee breaks the limit", sent.call, sent.hash)
                return
            _LOG.info("%s: %s is replaced at %d wei per gas", sent.call, sent.hash, most)
            sent.transaction, sent.raw = transaction, self.signer.sign_transaction(transaction)
            self._broadcast(sent)

    def _broadcast(self, sent: Sent) -> None:
        digest = keccak256(sent.raw)
        if digest not in sent.hashes:
            sent.hashes.append(digest)
        try:
            rpc.request(self.web3, "eth_sendRawTransaction", "0x" + sent.raw.hex())
        except rpc.RpcError as error:
            reason = error.reason.lower()
            if any(known in reason for known in _KNOWN):
                return
            if "nonce too low" in reason and self._receipt(sent) is not None:
                return
            raise

    def _is_known(self, sent: Sent) -> bool:
        newest = "0x" + sent.hashes[-1].hex()
        return rpc.request(self.web3, "eth_getTransactionByHash", newest) is not None

    def _receipt(self, sent: Sent) -> Receipt | None:
        for digest in reversed(sent.hashes):
            row = rpc.request(self.web3, "eth_getTransactionReceipt", "0x" + digest.hex())
            if row is not None:
                return Receipt.from_row(row)
        return None

    def _depth(self, receipt: Receipt) -> int:
        if not self.policy.confirmations:
            return 0
        if not self.is_canonical(receipt):
            return -1
        return int(rpc.request(self.web3, "eth_blockNumber"), 16) - receipt.block_number

    def _finish(self, sent: Sent, receipt: Receipt) -> Receipt:
        self._forget(sent)
        if receipt.succeeded:
            return receipt
        transaction = sent.transaction
        message = {
            "from": self.address,
            "to": transaction["to"],
            "data": "0x" + transaction["data"].hex(),
            "value": hex(transaction["value"]),
            "gas": hex(transaction["gas"]),
        }
        # Where a replay is refused too, the decoded refusal is what is raised. The second sees what came before it in
        # its own block.
        for block in (receipt.block_number - 1, receipt.block_number):
            rpc.execution(self.web3, "eth_call", sent.call, message, hex(block))
        raise FailedOnChainError(f"{sent.call}: {receipt.hash} failed in block {receipt.block_number}")

    def _forget(self, sent: Sent) -> None:
        with self._lock:
            self._outstanding.pop(sent.nonce, None)
