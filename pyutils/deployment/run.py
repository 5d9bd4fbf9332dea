"""Carrying a deployment out: step after step, again after a kill, again after a reorg, and never a step twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from web3 import Web3

from pyutils.chain import FailedOnChainError, LanePolicy, Receipt, ReplacedError, RevertedError, Signer, rpc
from pyutils.chain.pool import Verdict, verdict_of
from pyutils.deployment.journal import DeploymentJournal
from pyutils.deployment.outline import Kind
from pyutils.deployment.plan import Plan
from pyutils.deployment.system import Deployment, Step, origin_of
from pyutils.errors import ChainError, ContractError
from pyutils.manifest import Manifest, read_manifest

JOURNAL_SUFFIX: Final = ".journal"
_PATIENCE_S: Final = 60.0


class LaggingNodeError(ChainError):
    """A node has not seen what is in for good already."""

    remedy = "Wait until it is level, or name another endpoint; move the journal away only where the chain lost it"


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
    path = None if record is None else journal_path(record)
    with DeploymentJournal(origin_of(web3, plan, signer.address), path) as journal:
        deployment = Deployment(
            signer,
            plan,
            web3,
            policy or LanePolicy(),
            rpc_urls,
            end_policy=end_policy,
            journal=journal,
            decimals=decimals,
        )
        manifest = Run(deployment, record, on_step).finish()
        journal.finish()
    return manifest


class Run:
    """One process that carries a deployment out.

    Args:
        deployment: what is carried out.
        record: file of the record; None keeps none.
        on_step: told each step's name before it is done, and whether it is skipped.

    """

    def __init__(
        self, deployment: Deployment, record: Path | None, on_step: Callable[[str, bool], None] = lambda _n, _s: None
    ) -> None:
        self.deployment, self._file, self._on_step = deployment, record, on_step
        self._addresses = {step.name: step.planned.address for step in deployment.steps()}
        self._told: set[str] = set()
        if record is not None and record.exists():
            deployment.record.recall(read_manifest(record))

    def finish(self) -> Manifest:
        """Do what is left, wait until it is in for good, and return the complete record."""
        deployment = self.deployment
        self._wait_for_node()
        self._settle_outstanding()
        self._refuse_strangers()
        while self._go_through() or self._settle():
            continue
        deployment.verify()
        manifest = deployment.record.manifest(complete=True)
        if self._file is not None:
            manifest.write(self._file)
        return manifest

    def _wait_for_node(self) -> None:
        """Wait until the node knows all that is settled: to one that lags, steps look as if they were not done.

        Raises `LaggingNodeError`.
        """
        settled = self.deployment.journal.settled
        deadline = time.monotonic() + _PATIENCE_S
        while (count := self._count("latest")) < settled:
            if time.monotonic() >= deadline:
                raise LaggingNodeError(
                    f"the node has {count} transactions of {self.deployment.lane.address}, the journal {settled}"
                )
            time.sleep(0.5)

    def _settle_outstanding(self) -> None:
        """Wait for what an earlier process signed: it may be nowhere, on its way, or in a block."""
        lane = self.deployment.lane
        for name, sent in sorted(lane.recall().items(), key=lambda item: item[1].nonce):
            self._tell(name, skipped=False)
            try:
                self._note(name, lane.wait(sent))
            except (RevertedError, FailedOnChainError):
                # It was refused on chain: whether its step is to be done again, the chain says below.
                continue
            except ReplacedError as error:
                raise self._stranger(f"{name}: {error.message}") from error

    def _refuse_strangers(self) -> None:
        """Raise where transactions of the account wait that the journal does not know."""
        lane = self.deployment.lane
        latest, pending = (self._count(block) for block in ("latest", "pending"))
        unknown = set(range(latest, pending)) - {sent.nonce for sent in lane.outstanding}
        if unknown:
            listed = ", ".join(map(str, sorted(unknown)))
            raise self._stranger(f"transactions are on their way that were not sent from here (nonces {listed})")

    def _go_through(self) -> bool:
        """Do every step that is not done. Returns whether all should be looked at once more."""
        acted = False
        for step in self.deployment.steps():
            is_done = step.is_done()
            self._tell(step.name, skipped=is_done)
            if is_done:
                continue
            if step.planned.kind is Kind.RENOUNCE and self._settle():
                return True
            self._do(step)
            acted = True
        return acted and not self.deployment.lane.policy.trusts_any_block

    def _do(self, step: Step) -> None:
        """Send a step's transaction, or wait for the one that a reorg took out, and note its receipt."""
        lane, journal = self.deployment.lane, self.deployment.journal
        sent, journal.step = lane.tracked(step.name), step.name
        try:
            receipt = step.act() if sent is None else lane.wait(sent)
        except (RevertedError, FailedOnChainError, ReplacedError) as error:
            if isinstance(error, ReplacedError) or step.is_done():
                raise self._stranger(f"{step.name}: {error.message}") from error
            raise
        except rpc.RpcError as error:
            # A nonce that we took for free is another's.
            verdict = verdict_of(error.reason)
            is_taken = verdict is Verdict.UNDERPRICED and self._count("pending") > self._count("latest")
            if verdict is Verdict.SPENT or is_taken:
                raise self._stranger(f"{step.name}: {error.reason}") from error
            raise
        self._note(step.name, receipt)

    def _settle(self) -> bool:
        """Wait until all that was sent is in for good. Returns whether anything was waited for."""
        waited = False
        for name, receipt in self.deployment.lane.settle():
            waited = True
            if receipt.succeeded:
                self._note(name, receipt)
        return waited

    def _note(self, name: str, receipt: Receipt) -> None:
        """Write down in which block a step's contract was put up."""
        address = self._addresses.get(name)
        if address is not None:
            self.deployment.record.noted(address, receipt)
        if self._file is not None:
            self.deployment.record.manifest().write(self._file)

    def _tell(self, name: str, *, skipped: bool) -> None:
        """Say that a step's turn has come; of those that stand, once."""
        if not skipped or name not in self._told:
            self._on_step(name, skipped)
        self._told.add(name)

    def _count(self, block: str) -> int:
        lane = self.deployment.lane
        return int(rpc.request(lane.web3, "eth_getTransactionCount", lane.address, block), 16)

    def _stranger(self, what: str) -> AnotherDeployerError:
        return AnotherDeployerError(f"the deployer {self.deployment.lane.address} is used elsewhere: {what}")
