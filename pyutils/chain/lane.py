"""One lane per account: nonces in order, fees with replacement, and receipts that survive reorgs and crashes.

Before anything is sent, the call is tried on the pending state, so that a refusal costs nothing and says why. What was
signed is kept until its receipt is deep enough: a node that forgets it gets the same bytes again, a transaction that
lingers is replaced by the same call at a higher fee, and one that a reorg takes out goes in again. With a journal every
form is on disk before a node hears of it, so a process that is killed goes on with `resume` where it was.

A program at a terminal calls `transact`. A daemon calls `prepare` and `broadcast`, then `step` until its progress is
settled, and then `forget`; in between it may be killed anywhere.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from typing import Any

from eth_typing import ChecksumAddress
from web3 import Web3

from pyutils.chain import inclusion, rpc
from pyutils.chain.fees import FeeCapError, LanePolicy, market_fees, raised_fees
from pyutils.chain.nonces import Nonces
from pyutils.chain.pool import Offer, Verdict, is_known, offer
from pyutils.chain.receipt import Receipt
from pyutils.chain.sent import (
    Form,
    LaneJournal,
    Progress,
    ReplacedError,
    Sent,
    Stage,
    TransactionTimeoutError,
    UntrackedError,
)
from pyutils.chain.signer import Signer

_LOG = logging.getLogger(__name__)


class Lane:
    """Sends transactions of one account in order. Share one per account; its methods may be called from threads.

    Args:
        web3: the chain.
        signer: the account.
        policy: what it may pay, and when a receipt is trusted.
        journal: where forms survive a crash; without one they are kept in memory alone.

    """

    def __init__(
        self, web3: Web3, signer: Signer, policy: LanePolicy | None = None, journal: LaneJournal | None = None
    ) -> None:
        self.web3 = web3
        self.signer = signer
        self.policy = policy or LanePolicy()
        self._nonces = Nonces(journal)
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

    @property
    def outstanding(self) -> tuple[Sent, ...]:
        """Return what the lane tracks, in order of nonces."""
        return self._nonces.in_order()

    def resume(self, saved: Iterable[Sent]) -> None:
        """Track again what a journal kept, before anything new is prepared; `step` finds out how far each got.

        Raises `SavedTransactionError` where one is of another account, chain or nonce, and tracks none of them then.
        """
        found = list(saved)
        for sent in found:
            sent.check(self.address, self.chain_id)
        self._nonces.restore(found)

    def transact(self, to: str, data: bytes, *, value: int = 0, call: str = "transaction") -> Receipt:
        """Send and wait: `send`, then `wait`."""
        return self.wait(self.send(to, data, value=value, call=call))

    def send(self, to: str, data: bytes, *, value: int = 0, call: str = "transaction") -> Sent:
        """Prepare and broadcast; what a node refuses is dropped, its nonce with it. Raises as these two do."""
        with self._nonces.lock:
            sent = self.prepare(to, data, value=value, call=call)
            try:
                self.broadcast(sent)
            except rpc.RpcError:
                # Refused, so it is nowhere. After a lost connection it may be: then it stays, and its nonce with it.
                self.forget(sent)
                raise
            return sent

    def prepare(self, to: str, data: bytes, *, value: int = 0, call: str = "transaction") -> Sent:
        """Try the call, give it the next nonce, sign and save it. No node hears of it yet, but `step` would send it.

        Args:
            to: the contract.
            data: selector and arguments.
            value: wei to send along.
            call: what it is, for errors: `LeaseBook.open`.

        Raises:
            RevertedError: the contract would refuse; no nonce was used.
            FeeCapError: fees exceed the policy; no nonce was used.
            RpcUnreachableError: no endpoint answered; no nonce was used.

        What the journal raises passes through, and no nonce was used then either.

        """
        with self._nonces.lock:
            gas = self._gas(to, data, value, call, "pending")
            fees = market_fees(self.web3, self.policy, call, gas)
            sent = Sent(self._nonces.next(self._count("pending")), [])
            self._sign(sent, call, {"to": to, "data": data, "value": value, "gas": gas} | fees)
            return sent

    def broadcast(self, sent: Sent) -> None:
        """Offer the newest form to the chain. The lane goes on tracking it whatever happens.

        Raises:
            InsufficientFundsError: the account cannot pay.
            RpcError: a node refused it for another reason; `step` offers it again.
            RpcUnreachableError: no endpoint answered; it may have arrived.

        """
        answer = offer(self.web3, sent.raw)
        is_in_a_block = answer.verdict is Verdict.SPENT and inclusion.find(self.web3, sent) is not None
        if answer.error is not None and not is_in_a_block:
            raise answer.error

    def supersede(self, sent: Sent, to: str, data: bytes, *, value: int = 0, call: str = "transaction") -> Sent:
        """Let another call take the nonce of one that is stuck, at fees at least an eighth higher, and offer it.

        All forms stay tracked: a node may still include the older call, and `Progress.form` says which it was. The new
        call is tried on the latest state, which the stuck one did not change. A call that should give way to nothing
        gives way to an empty one to the account itself.

        Returns `sent`, whose newest form it now is.

        Raises:
            UntrackedError: the lane does not track `sent`, or its nonce is in a block already.
            RevertedError: the contract would refuse; nothing changed.
            FeeCapError: the fees exceed the cap, or the budgets of the calls that the nonce stands for.
            RpcUnreachableError: no endpoint answered. Where the new form was saved before, `step` offers it again.

        """
        with self._nonces.lock:
            if not self._nonces.tracks(sent) or self._count("latest") > sent.nonce:
                raise UntrackedError(f"{call}: nonce {sent.nonce} of {self.address} is spent, or not the lane's")
            gas = self._gas(to, data, value, call, "latest")
            says = to.lower(), data, value
            budgets = len({says, *(form.says for form in sent.forms)})
            market = market_fees(self.web3, self.policy, call, gas, budgets)
            fees = raised_fees(sent.transaction, market, self.policy, call, gas, budgets)
            _LOG.info("%s takes nonce %d from %s", call, sent.nonce, sent.call)
            self._sign(sent, call, dict(sent.transaction) | {"to": to, "data": data, "value": value, "gas": gas} | fees)
            self._tell(sent, offer(self.web3, sent.raw).reason)
            return sent

    def step(self, sent: Sent) -> Progress:
        """Look once how far `sent` got, and do what moves it on: offer it again, or replace it at higher fees.

        Never waits and forgets nothing: call it until the progress is settled, then file that and `forget`. A form
        that was INCLUDED and that a reorg took out is WAITING again. Raises `ChainError` where nodes do not answer, and
        whatever the journal and the signer raise; nothing is lost then, and the next step goes on.
        """
        found = inclusion.find(self.web3, sent)
        if found is not None:
            form, receipt = found
            depth = 0 if self.policy.trusts_any_block else inclusion.depth_of(self.web3, receipt)
            if depth >= 0:
                return self._included(sent, form, receipt, depth)
        if sent.seen is not None:
            _LOG.warning("%s: a reorg took %s out of block %d", sent.call, sent.seen.hash, sent.seen.block_number)
            sent.seen = None
        count = self._count("latest")
        if count > sent.nonce:
            return self._missed(sent, found is None)
        sent.misses = 0
        return self._push(sent, count)

    def wait(self, sent: Sent) -> Receipt:
        """Return the receipt once it lies deep enough, and track it no longer.

        Raises:
            RevertedError: it was included and the contract refused.
            ReplacedError: something else took its nonce.
            TransactionTimeoutError: it took too long; it may still get in.

        """
        started = sent.placed_at = time.monotonic()
        pause = 0.01
        while True:
            progress = self.step(sent)
            if progress.stage is Stage.FINAL and progress.receipt is not None and progress.form is not None:
                self.forget(sent)
                if not progress.receipt.succeeded:
                    raise inclusion.failure(self.web3, self.address, progress.form, progress.receipt)
                return progress.receipt
            if progress.stage is Stage.REPLACED:
                self.forget(sent)
                raise ReplacedError(f"{sent.call}: another transaction took nonce {sent.nonce} of {self.address}")
            if time.monotonic() - started >= self.policy.timeout_s:
                state = "is in a block, not deep enough" if progress.receipt else "is in no block"
                why = f": {progress.reason}" if progress.reason else ""
                limit = f"{self.policy.timeout_s:.0f} s"
                raise TransactionTimeoutError(f"{sent.call}: {sent.hash} {state} after {limit}{why}")
            time.sleep(pause)
            pause = min(pause * 2, self.policy.poll_s)

    def forget(self, sent: Sent) -> None:
        """Track `sent` no longer: it is settled, or was prepared and never broadcast."""
        self._nonces.forget(sent)

    def is_canonical(self, receipt: Receipt) -> bool:
        """Return whether the block of `receipt` is still part of the chain."""
        return inclusion.is_canonical(self.web3, receipt)

    def _included(self, sent: Sent, form: Form, receipt: Receipt, depth: int) -> Progress:
        sent.seen, sent.misses = receipt, 0
        final = self.policy.trusts_any_block or receipt.block_number <= inclusion.trusted_block(self.web3, self.policy)
        return Progress(Stage.FINAL if final else Stage.INCLUDED, receipt, form, depth, settled=final)

    def _missed(self, sent: Sent, nowhere: bool) -> Progress:
        if not sent.miss(self.policy.poll_s) or not nowhere:
            return Progress(Stage.WAITING, reason=f"nonce {sent.nonce} is spent, and its receipt is not there yet")
        trusted = max(0, inclusion.trusted_block(self.web3, self.policy))
        return Progress(Stage.REPLACED, settled=self._count(hex(trusted)) > sent.nonce)

    def _push(self, sent: Sent, count: int) -> Progress:
        """Offer the newest form again where nodes forgot it, and replace it where it lingers."""
        lingers = time.monotonic() - sent.placed_at >= self.policy.replace_after_s
        if not is_known(self.web3, sent.forms[-1].hash):
            if not lingers and any(is_known(self.web3, form.hash) for form in sent.forms[:-1]):
                return Progress(Stage.WAITING, reason="nodes hold an older form")
            answer = offer(self.web3, sent.raw)
            if answer.verdict is not Verdict.UNDERPRICED:
                return self._offered(sent, answer)
            if not lingers:
                return Progress(Stage.WAITING, reason=answer.reason)
        elif count < sent.nonce:
            return Progress(Stage.WAITING, reason=f"nonce {count} comes first")
        elif not lingers:
            return Progress(Stage.WAITING)
        return self._replace(sent)

    def _replace(self, sent: Sent) -> Progress:
        """Offer the same call with fees at least an eighth higher; nothing where that breaks a limit."""
        with self._nonces.lock:
            transaction, gas, budgets = sent.transaction, sent.transaction["gas"], sent.calls
            try:
                market = market_fees(self.web3, self.policy, sent.call, gas, budgets)
                fees = raised_fees(transaction, market, self.policy, sent.call, gas, budgets)
            except FeeCapError as error:
                self._tell(sent, error.message)
                return Progress(Stage.STUCK, reason=error.message)
            _LOG.info("%s: %s is replaced at %d wei per gas", sent.call, sent.hash, max(fees.values()))
            self._sign(sent, sent.call, dict(transaction) | fees)
            answer = offer(self.web3, sent.raw)
        if answer.verdict is Verdict.UNDERPRICED:
            return Progress(Stage.WAITING, reason=answer.reason)
        return self._offered(sent, answer)

    def _offered(self, sent: Sent, answer: Offer) -> Progress:
        self._tell(sent, answer.reason)
        if answer.verdict in (Verdict.ACCEPTED, Verdict.SPENT):
            return Progress(Stage.WAITING)
        return Progress(Stage.STUCK, reason=answer.reason)

    def _tell(self, sent: Sent, reason: str) -> None:
        """Log why the newest form is not taken, once for each reason."""
        if reason and reason != sent.told:
            _LOG.warning("%s: %s is not taken: %s", sent.call, sent.hash, reason)
        sent.told = reason

    def _sign(self, sent: Sent, call: str, transaction: Mapping[str, Any]) -> None:
        """Sign a form and save it with those before it; only then is it one of `sent`."""
        whole = {**transaction, "chainId": self.chain_id, "nonce": sent.nonce}
        self._nonces.add(sent, Form(call, whole, self.signer.sign_transaction(whole)))

    def _gas(self, to: str, data: bytes, value: int, call: str, block: str) -> int:
        message = {"from": self.address, "to": to, "data": "0x" + data.hex(), "value": hex(value)}
        estimate = int(rpc.execution(self.web3, "eth_estimateGas", call, message, block), 16)
        return estimate * (100 + self.policy.gas_margin_percent) // 100

    def _count(self, block: str) -> int:
        return int(rpc.request(self.web3, "eth_getTransactionCount", self.address, block), 16)
