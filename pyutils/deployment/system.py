"""Puts the system on a chain, and goes on where an earlier attempt stopped.

Each step looks at the chain first and is skipped where its effect is there already, so that running it again after a
kill at any point finishes it. Rights are the last to be given: until then the deployer alone is admin, and with its
last transaction it gives that up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from web3 import Web3

from pyutils import artifacts
from pyutils.chain import Lane, LanePolicy, Receipt, RpcError, Signer, rpc
from pyutils.contracts import Stablecoin, System
from pyutils.contracts.base import encode_call, event_shape
from pyutils.deployment.addresses import CREATE2_DEPLOYER, FACTORY_SALT
from pyutils.deployment.blueprint import TEST_COLLATERAL, TEST_FEED, Blueprint, draw
from pyutils.deployment.handover import read_handover
from pyutils.deployment.opening import Opening, TestPair
from pyutils.deployment.part import Part
from pyutils.deployment.plan import Plan, PlanError
from pyutils.deployment.provenance import compiler_settings, git_revision, sources_hash
from pyutils.deployment.rights import Rights
from pyutils.deployment.runtime_code import code_hash
from pyutils.errors import ContractError
from pyutils.manifest import CreditMarket, DeployedContract, Manifest, RoleHolder, read_manifest


class DeploymentError(ContractError):
    """What is on chain is not what the plan says."""

    remedy = "Finish with the plan and version that it was begun with, or deploy from another account"


class NoCreate2DeployerError(ContractError):
    """The chain lacks the deterministic deployment proxy."""

    remedy = "Deploy it first: https://github.com/Arachnid/deterministic-deployment-proxy"


@dataclass(frozen=True, slots=True)
class Step:
    """One transaction of a deployment."""

    name: str
    is_done: Callable[[], bool]
    act: Callable[[], Receipt]


def deploy_system(
    signer: Signer,
    plan: Plan,
    web3: Web3,
    *,
    record: Path | None = None,
    policy: LanePolicy | None = None,
    on_step: Callable[[str, bool], None] = lambda _name, _skipped: None,
    rpc_urls: tuple[str, ...] = (),
) -> Manifest:
    """Deploy the system by `plan`, or finish a deployment that stopped half way.

    Args:
        signer: the deployer; may hold no role.
        plan: what to deploy.
        web3: the chain.
        record: file of the deployment record, written after every step.
        policy: fees and waiting.
        on_step: told each step's name before it is done, and whether it is skipped.
        rpc_urls: endpoints to note in the record, for a local chain.

    Returns:
        The complete record.

    Raises:
        PlanError: the plan cannot be carried out by this signer.
        DeploymentError: what is on chain differs from the plan.

    """
    deployment = Deployment(signer, plan, web3, policy or LanePolicy(), rpc_urls)
    if record is not None and record.exists():
        deployment.recall(read_manifest(record))
    for step in deployment.steps():
        skipped = step.is_done()
        on_step(step.name, skipped)
        if not skipped:
            deployment.note(step, step.act())
            if record is not None:
                deployment.manifest().write(record)
    deployment.verify()
    manifest = deployment.manifest(complete=True)
    if record is not None:
        manifest.write(record)
    return manifest


class Deployment:
    """One deployment under way."""

    def __init__(
        self, signer: Signer, plan: Plan, web3: Web3, policy: LanePolicy, rpc_urls: tuple[str, ...] = ()
    ) -> None:
        found = rpc.chain_id(web3)
        if found != plan.chain_id:
            raise PlanError(f"the plan is for chain {plan.chain_id}, the RPC endpoint serves chain {found}")
        if any(grant.holder == signer.address for grant in plan.grants):
            raise PlanError(f"the deployer {signer.address} may hold no role")
        if not rpc.code_at(web3, CREATE2_DEPLOYER):
            raise NoCreate2DeployerError(f"there is no code at {CREATE2_DEPLOYER} on chain {found}")
        self.plan, self.web3 = plan, web3
        self.lane = Lane(web3, signer, policy)
        # A coin that the plan brings along is not there yet, and one that is there need not be lent.
        lent = {market.token for market in plan.credit} | {token for token in plan.tokens[:1] if plan.credit}
        decimals = {token: Stablecoin(web3, token).decimals() for token in lent if token in plan.tokens}
        self.blueprint: Blueprint = draw(plan, signer.address, decimals)
        self._rpc_urls = rpc_urls
        self._receipts: dict[str, tuple[int | None, bytes | None]] = {}
        self._revision = git_revision()
        self.system = System.at(web3, self.manifest())
        self.rights = Rights(self.system.authority, plan, self.blueprint, self.lane)

    def steps(self) -> Iterator[Step]:
        """Yield all steps in order; each `is_done` is asked when its turn has come."""
        yield Step("Create3Factory", self._has_factory, self._put_factory)
        for name, part in self.blueprint.steps:
            yield Step(name, lambda part=part: self._stands(part), lambda part=part: self._put(part))  # type: ignore[misc]
        registry, terms, rights = self.system.registry, self.system.lease_terms, self.rights
        for token in self.blueprint.tokens:
            yield Step(
                f"list token {token}",
                lambda token=token: rights.renounced() or registry.is_token_listed(token),  # type: ignore[misc]
                lambda token=token: registry.list_token(self.lane, token),  # type: ignore[misc]
            )
        yield Step(
            "lease terms",
            lambda: rights.renounced() or terms.current_terms_id() > 0,
            lambda: terms.set_terms(self.lane, self.plan.terms),
        )
        for market in self.blueprint.markets:
            first = Opening(self.web3, self.system.authority, market, self._test_pair())
            yield Step(
                f"first settings of the credit market in {market.token}",
                lambda first=first: rights.renounced() or first.is_done(),  # type: ignore[misc]
                lambda first=first: self.system.authority.multicall(self.lane, first.calls()),  # type: ignore[misc]
            )
        yield Step("seal", registry.is_sealed, lambda: registry.seal(self.lane, self.blueprint.seal_hashes))
        yield Step("function roles", lambda: rights.renounced() or rights.are_mapped(), rights.map_functions)
        yield Step("role holders", lambda: rights.renounced() or rights.are_held(), rights.grant_roles)
        yield Step("renounce", rights.renounced, self._renounce)

    def note(self, step: Step, receipt: Receipt) -> None:
        """Remember in which block a contract was deployed."""
        address = self._addresses().get(step.name)
        if address is not None:
            self._receipts[address] = receipt.block_number, receipt.transaction_hash

    def recall(self, manifest: Manifest) -> None:
        """Take blocks and transactions from the record of an earlier attempt, and the commit that it was made from."""
        planned = set(self._addresses().values()) if manifest.chain_id == self.plan.chain_id else set()
        for _, contract in manifest.everything:
            if contract.address in planned and contract.block is not None:
                self._receipts[contract.address] = contract.block, contract.transaction
                if manifest.sources_hash == sources_hash():
                    self._revision = manifest.git_revision

    def manifest(self, *, complete: bool = False) -> Manifest:
        """Return the record as far as it goes."""
        factory_hash = code_hash(artifacts.load("Create3Factory").deployed_bytecode)
        factory = self.blueprint.factory
        contracts = {"Create3Factory": self._record("Create3Factory", factory, factory_hash, ())}
        for part in self.blueprint.parts.values():
            contracts[part.name] = self._part_record(part)
        return Manifest(
            network=self.plan.network,
            chain_id=self.plan.chain_id,
            deployer=self.blueprint.deployer,
            contracts=contracts,
            roles=tuple(
                RoleHolder(
                    role=grant.role.name.lower(),
                    role_id=int(grant.role),
                    holder=grant.holder,
                    execution_delay_s=grant.execution_delay_s,
                )
                for grant in self.plan.grants
            ),
            tokens=self.blueprint.tokens,
            credit=tuple(
                CreditMarket(
                    token=market.token,
                    contracts={part.name: self._part_record(part) for part in market.parts.values()},
                )
                for market in self.blueprint.markets
            ),
            rpc_urls=self._rpc_urls,
            compiler=compiler_settings(),
            sources_hash=sources_hash(),
            git_revision=self._revision,
            complete=complete,
        )

    def verify(self) -> None:
        """Compare the chain with the plan, and prove that the deployer can do nothing any more.

        Raises `DeploymentError` with the first difference, `NotHandedOverError` with what the deployer can still do.
        """
        system, plan = self.system, self.plan
        for name, part in self.blueprint.steps:
            if not self._stands(part):
                raise DeploymentError(f"{name} is missing")
        found = {
            "the liveness": (system.oracle.liveness(), plan.liveness_s),
            "the protocol fee": (system.router.protocol_fee_bps(), plan.protocol_fee_bps),
            "the fee recipient": (system.router.fee_recipient(), plan.fee_recipient),
            "the first lease terms": (system.lease_terms.terms_of(1), plan.terms),
            "whether business is open": (system.registry.is_sealed(), True),
            "whether functions have their roles": (self.rights.are_mapped(), True),
            "whether roles have their holders": (self.rights.are_held(), True),
            "whether the deployer gave up its rights": (self.rights.renounced(), True),
        }
        for what, (on_chain, planned) in found.items():
            if on_chain != planned:
                raise DeploymentError(f"{what}: {on_chain} on chain, {planned} in the plan")
        for token in self.blueprint.tokens:
            if not system.registry.is_token_listed(token):
                raise DeploymentError(f"token {token} is not listed")
        # As the chain has it now: the record at hand knows in which block the first event can be.
        read_handover(System.at(self.web3, self.manifest()), self.blueprint.deployer).require_nothing()

    def _renounce(self) -> Receipt:
        """Give up the deployer's only right, once all else is in order."""
        if not (self.rights.are_held() and self.rights.are_mapped() and self.system.registry.is_sealed()):
            raise DeploymentError("roles or functions are not as planned; the deployer keeps its rights until they are")
        return self.rights.renounce()

    def _test_pair(self) -> TestPair | None:
        if self.plan.test_collateral is None:
            return None
        parts = self.blueprint.parts
        return TestPair(self.plan.test_collateral, parts[TEST_COLLATERAL].address, parts[TEST_FEED].address)

    def _addresses(self) -> dict[str, str]:
        """Return where each step's contract will stand."""
        return {
            "Create3Factory": self.blueprint.factory,
            **{name: part.address for name, part in self.blueprint.steps},
        }

    def _part_record(self, part: Part) -> DeployedContract:
        return self._record(part.artifact, part.address, part.code_hash, part.arguments)

    def _record(self, artifact: str, address: str, expected: bytes, arguments: tuple[Any, ...]) -> DeployedContract:
        block, transaction = self._receipts.get(address, (None, None))
        return DeployedContract(
            artifact=artifact,
            address=address,
            code_hash=expected,
            constructor_args=arguments,
            block=block,
            transaction=transaction,
        )

    # the factory and what it puts up

    def _has_factory(self) -> bool:
        return bool(rpc.code_at(self.web3, self.blueprint.factory))

    def _put_factory(self) -> Receipt:
        data = FACTORY_SALT + artifacts.load("Create3Factory").bytecode
        return self.lane.transact(CREATE2_DEPLOYER, data, call="deploy Create3Factory")

    def _stands(self, part: Part) -> bool:
        code = rpc.code_at(self.web3, part.address)
        if not code:
            return False
        if code_hash(code) != part.code_hash:
            raise DeploymentError(f"{part.name} at {part.address} has other code than the artifacts and plan promise")
        if part.address not in self._receipts:
            self._receipts[part.address] = self._find(part)
        return True

    def _put(self, part: Part) -> Receipt:
        data = encode_call("Create3Factory", "deploy", part.salt, part.creation_code)
        receipt = self.lane.transact(self.blueprint.factory, data, call=f"deploy {part.name}")
        if not self._stands(part):
            raise DeploymentError(f"{part.name} was deployed, and there is no code at {part.address}")
        return receipt

    def _find(self, part: Part) -> tuple[int | None, bytes | None]:
        """Return block and transaction of a part that an earlier attempt put up, where the node lets us search."""
        topics = [
            event_shape("Create3Factory", "Deploy").topic,
            bytes.fromhex(self.blueprint.deployer[2:]).rjust(32, b"\0"),
            part.salt,
        ]
        query = {
            "fromBlock": "0x0",
            "toBlock": "latest",
            "address": self.blueprint.factory,
            "topics": ["0x" + topic.hex() for topic in topics],
        }
        try:
            logs = rpc.request(self.web3, "eth_getLogs", query)
        except RpcError:
            return None, None  # many public nodes refuse to search the whole chain; the record says so by null
        if not logs:
            return None, None
        return int(logs[0]["blockNumber"], 16), bytes.fromhex(logs[0]["transactionHash"][2:])
