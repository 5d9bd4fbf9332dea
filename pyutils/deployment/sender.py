"""The deployer's lane: a step may follow while the one before it can still be taken back, and none is forgotten early.

What was sent is tracked until it is in for good. Where a reorg takes it out, the same bytes go in again; nothing is
signed a second time for it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from web3 import Web3

from pyutils.chain import (
    Lane,
    LanePolicy,
    Progress,
    Receipt,
    ReplacedError,
    Sent,
    Signer,
    Stage,
    TransactionTimeoutError,
    inclusion,
    rpc,
)
from pyutils.chain.pool import Verdict, verdict_of
from pyutils.deployment.journal import DeploymentJournal


class DeployerLane(Lane):
    """A lane for one deployment.

    Args:
        web3: the chain.
        signer: the deployer.
        policy: fees and patience, and when a step is in for good.
        journal: where forms survive a crash, by step.
        step_depth: blocks on top of a step's before the next one may follow.

    """

    def __init__(
        self, web3: Web3, signer: Signer, policy: LanePolicy, journal: DeploymentJournal, step_depth: int
    ) -> None:
        super().__init__(web3, signer, policy, journal)
        self._journal, self._step_depth = journal, step_depth
        self._sents: dict[str, Sent] = {}

    def recall(self) -> dict[str, Sent]:
        """Track again what the journal kept, and return it by step. Raises `SavedTransactionError`."""
        self._sents = self._journal.sents()
        self.resume(self._sents.values())
        return dict(self._sents)

    def tracked(self, step: str) -> Sent | None:
        """Return what is on its way, or not in for good, for a step."""
        return self._sents.get(step)

    def send(self, to: str, data: bytes, *, value: int = 0, call: str = "transaction") -> Sent:
        """Prepare and broadcast, at higher fees where they rose in between. Raises as `Lane.send` does."""
        with self._nonces.lock:
            sent = self.prepare(to, data, value=value, call=call)
            try:
                self.broadcast(sent)
            except rpc.RpcError as error:
                is_free = self._count("pending") <= sent.nonce
                if verdict_of(error.reason) is not Verdict.UNDERPRICED or not is_free:
                    # Nowhere, and not settled either: the journal is not to wait for its nonce.
                    self._journal.withdraw(sent.nonce)
                    self.forget(sent)
                    raise
                self._replace(sent)
            return sent

    def wait(self, sent: Sent) -> Receipt:
        """Return the receipt once the next step may follow; what can still be taken back stays tracked.

        Raises as `Lane.wait` does.
        """
        self._sents.setdefault(self._journal.step_of(sent.nonce) or self._journal.step, sent)
        for progress in self._looks(sent):
            if progress.receipt is not None and progress.form is not None:
                if progress.stage is not Stage.FINAL and progress.depth < self._step_depth:
                    continue
                if not progress.receipt.succeeded:
                    self._drop(sent)
                    raise inclusion.failure(self.web3, self.address, progress.form, progress.receipt)
                if progress.stage is Stage.FINAL:
                    self._drop(sent)
                return progress.receipt
            self._bring_back(sent.nonce)
        raise AssertionError("looks end by an exception")

    def settle(self) -> Iterator[tuple[str, Receipt]]:
        """Wait until all that is tracked is in for good, and yield each step with its receipt, which may have failed.

        Raises `ReplacedError`, `TransactionTimeoutError`.
        """
        for step, sent in sorted(self._sents.items(), key=lambda item: item[1].nonce):
            for progress in self._looks(sent):
                if progress.stage is Stage.FINAL and progress.receipt is not None:
                    self._drop(sent)
                    yield step, progress.receipt
                    break

    def _looks(self, sent: Sent) -> Iterator[Progress]:
        """Yield what one look after another finds. Raises `ReplacedError`, `TransactionTimeoutError`."""
        started = sent.placed_at = time.monotonic()
        pause = 0.01
        while True:
            progress = self.step(sent)
            if progress.stage is Stage.REPLACED:
                self._drop(sent)
                raise ReplacedError(f"{sent.call}: another transaction took nonce {sent.nonce} of {self.address}")
            yield progress
            if time.monotonic() - started >= self.policy.timeout_s:
                why = f": {progress.reason}" if progress.reason else ""
                limit = f"{self.policy.timeout_s:.0f} s"
                raise TransactionTimeoutError(f"{sent.call}: {sent.hash} is not in deep enough after {limit}{why}")
            time.sleep(pause)
            pause = min(pause * 2, self.policy.poll_s)

    def _bring_back(self, nonce: int) -> None:
        """Offer what comes before a nonce again where a reorg took it out."""
        if self._count("latest") < nonce:
            for earlier in self.outstanding:
                if earlier.nonce < nonce:
                    self.step(earlier)

    def _drop(self, sent: Sent) -> None:
        self.forget(sent)
        self._sents = {step: one for step, one in self._sents.items() if one is not sent}
