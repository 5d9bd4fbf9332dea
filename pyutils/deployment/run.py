"""Carrying a deployment out: step after step, again after a kill, again after a reorg, and never a step twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from web3 import Web3

from pyutils.chain import (
    FailedOnChainError,
    LanePolicy,
    Receipt,
    ReplacedError,
    RevertedError,
    Signer,
    TransactionTimeoutError,
    inclusion,
    rpc,
)
from pyutils.deployment.journal import DeploymentJournal
from pyutils.deployment.outline import Kind
from pyutils.deployment.plan import Plan
from pyutils.deployment.system import Deployment, Step, origin_of
from pyutils.errors import ContractError
from pyutils.manifest import Manifest, read_manifest

JOURNAL_SUFFIX = ".journal"


class AnotherDeployerError(ContractError):
    """Somebody else sends transactions of the deployer's account."""

    remedy = "Use the account from one place at a time; when the other one is done, the same command goes on from there"


def journal_path(record: Path) -> Path:
    """Return where the journal of a deployment with this record stands."""
    return record.with_suffix(JOURNAL_SUFFIX)


def deploy_system(
    signer: Signer,
    plan: Plan,
    web3: Web3,
    *,
    record: Path | None = None,
    policy: LanePolicy | None = None,
    end_policy: LanePolicy | None = None,
    on_step: Callable[[str, bool], None] = lambda _name, _skipped: None,
    rpc_urls: tuple[str, ...] = (),
    decimals: Mapping[str, int] = MappingProxyType({}),
) -> Manifest:
    """Deploy the system by `plan`, or finish a deployment that stopped half way.

    Args:
        signer: the deployer; may hold no role.
        plan: what to deploy.
        web3: the chain.
        record: file of the deployment record, written after every step, with the journal beside it.
        policy: fees, and when a step is in deep enough for the next one.
        end_policy: when steps are in for good; awaited before the deployer gives up its rights, and at the end.
        on_step: told each step's name before it is done, and whether it is skipped.
        rpc_urls: endpoints to note in the record, for a local chain.
        decimals: of tokens that are there already, as the plan's file has them.

    Returns:
        The complete record.

    Raises:
        PlanError: the plan cannot be carried out by this signer.
        JournalError: the deployment was begun with another plan, or on another chain.
        DeploymentBusyError: another process carries it out.
        AnotherDeployerError: somebody else uses the deployer's account.
        DeploymentError: what is on chain differs from the plan.

    """
    policy = policy or LanePolicy()
    path = None if record is None else journal_path(record)
    with DeploymentJournal(origin_of(web3, plan, signer.address), path) as journal:
        deployment = Deployment(signer, plan, web3, policy, rpc_urls, journal=journal, decimals=decimals)
        manifest = Run(deployment, record, end_policy or policy, on_step).finish()
        journal.finish()
    return manifest


class Run:
    """One process that carries a deployment out."""

    def __init__(
        self,
        deployment: Deployment,
        record: Path | None,
        end_policy: LanePolicy,
        on_step: Callable[[str, bool], None],
    ) -> None:
        self.deployment, self.end_policy = deployment, end_policy
        self._file, self._on_step = record, on_step
        self._receipts: dict[str, Receipt] = {}
        """By step, of what this process saw included."""
        self._told: set[str] = set()
        if record is not None and record.exists():
            deployment.record.recall(read_manifest(record))

    def finish(self) -> Manifest:
        """Do what is left, wait until it is in for good, and return the complete record."""
        deployment = self.deployment
        self._settle_outstanding()
        self._refuse_strangers()
        while self._go_through() or not self._is_in_for_good():
            continue
        deployment.verify()
        manifest = deployment.record.manifest(complete=True)
        if self._file is not None:
            manifest.write(self._file)
        return manifest

    def _settle_outstanding(self) -> None:
        """Wait for what an earlier process signed: it may be nowhere, on its way, or in a block."""
        lane, journal = self.deployment.lane, self.deployment.journal
        sents = journal.sents()
        lane.resume(sents.values())
        steps = {step.name: step for step in self.deployment.steps()} if sents else {}
        for name, sent in sorted(sents.items(), key=lambda item: item[1].nonce):
            self._on_step(name, False)
            self._told.add(name)
            try:
                self._note(steps[name], lane.wait(sent))
            except (RevertedError, FailedOnChainError):
                # It was refused on chain: whether its step is to be done again, the chain says below.
                continue
            except ReplacedError as error:
                raise self._stranger(f"{name}: {error.message}") from error

    def _refuse_strangers(self) -> None:
        """Raise where transactions of the account wait that the journal does not know."""
        lane = self.deployment.lane
        latest, pending = (
            int(rpc.request(lane.web3, "eth_getTransactionCount", lane.address, block), 16)
            for block in ("latest", "pending")
        )
        if pending > latest:
            waiting = f"nonce {latest} is" if pending == latest + 1 else f"nonces {latest} to {pending - 1} are"
            raise self._stranger(f"{waiting} on its way that was not sent from here")

    def _go_through(self) -> bool:
        """Do every step that is not done. Returns whether the steps should be looked at once more."""
        acted = False
        for step in self.deployment.steps():
            is_done = step.is_done()
            if is_done and step.name not in self._told:
                self._on_step(step.name, True)
            self._told.add(step.name)
            if is_done:
                self._recall(step)
                continue
            if step.planned.kind is Kind.RENOUNCE and not self._is_in_for_good():
                return True
            self._do(step)
            acted = True
        return acted and not self.end_policy.trusts_any_block

    def _recall(self, step: Step) -> None:
        """Find the receipt of a step that an earlier process did, so that its depth is awaited as well."""
        if not self.end_policy.trusts_any_block and step.name not in self._receipts:
            receipt = self.deployment.receipt_of(step.name)
            if receipt is not None:
                self._receipts[step.name] = receipt

    def _do(self, step: Step) -> None:
        self._on_step(step.name, False)
        self.deployment.journal.step = step.name
        try:
            receipt = step.act()
        except (RevertedError, FailedOnChainError, ReplacedError) as error:
            ours = self.deployment.receipt_of(step.name)
            if ours is not None and step.is_done():
                # A reorg had taken it out, and before it could be sent again it was in once more.
                receipt = ours
            elif isinstance(error, ReplacedError) or step.is_done():
                raise self._stranger(f"{step.name}: {error.message}") from error
            else:
                raise
        self._note(step, receipt)

    def _note(self, step: Step, receipt: Receipt) -> None:
        """Remember the receipt of a step, and write down in which block a contract was put up."""
        self._receipts[step.name] = receipt
        if step.planned.address is not None:
            self.deployment.record.noted(step.planned.address, receipt)
        if self._file is not None:
            self.deployment.record.manifest().write(self._file)

    def _is_in_for_good(self) -> bool:
        """Wait until the newest receipt lies deep. Returns False where a reorg took one out meanwhile."""
        policy, web3 = self.end_policy, self.deployment.web3
        if policy.trusts_any_block or not self._receipts:
            return True
        deadline = time.monotonic() + policy.timeout_s
        newest = max(receipt.block_number for receipt in self._receipts.values())
        while inclusion.trusted_block(web3, policy) < newest:
            if time.monotonic() >= deadline:
                raise TransactionTimeoutError(f"block {newest} is not deep enough after {policy.timeout_s:.0f} s")
            time.sleep(policy.poll_s)
        lost = [name for name, receipt in self._receipts.items() if not inclusion.is_canonical(web3, receipt)]
        for name in lost:
            del self._receipts[name]
        addresses = {step.name: step.planned.address for step in self.deployment.steps()} if lost else {}
        for name in lost:
            address = addresses[name]
            if address is not None:
                self.deployment.record.drop(address)
        return not lost

    def _stranger(self, what: str) -> AnotherDeployerError:
        return AnotherDeployerError(f"the deployer {self.deployment.lane.address} is used elsewhere: {what}")
