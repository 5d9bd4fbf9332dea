"""Puts the system on a chain, and goes on where an earlier attempt stopped.

Each step looks at the chain first and is skipped where its effect is there already, so that running it again after a
kill at any point finishes it. Rights are the last to be given: until then the deployer alone is admin, and with its
last transaction it gives that up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from web3 import Web3

from pyutils import artifacts
from pyutils.chain import Lane, LanePolicy, Receipt, RpcError, Signer, rpc
from pyutils.contracts import System
from pyutils.contracts.base import encode_call, event_shape
from pyutils.deployment.addresses import CREATE2_DEPLOYER, FACTORY_SALT
from pyutils.deployment.blueprint import SEALED, Blueprint, Part, draw
from pyutils.deployment.plan import Plan, PlanError
from pyutils.deployment.roles import (
    ADMIN_GRANT_DELAY_S,
    DELAYED_ROLES,
    FUNCTIONS,
    GRANT_DELAY_S,
    TARGET_ADMIN_DELAY_S,
    Role,
    selectors,
)
from pyutils.deployment.runtime_code import code_hash
from pyutils.errors import ContractError
from pyutils.manifest import DeployedContract, Manifest, RoleHolder, read_manifest


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
        self.blueprint: Blueprint = draw(plan, signer.address)
        self._rpc_urls = rpc_urls
        self._receipts: dict[str, tuple[int | None, bytes | None]] = {}
        self.system = System.at(web3, self.manifest())

    def steps(self) -> Iterator[Step]:
        """Yield all steps in order; each `is_done` is asked when its turn has come."""
        yield Step("Create3Factory", self._has_factory, self._put_factory)
        for part in self.blueprint.parts.values():
            yield Step(part.name, lambda part=part: self._stands(part), lambda part=part: self._put(part))  # type: ignore[misc]
        registry, terms = self.system.registry, self.system.lease_terms
        for token in self.blueprint.tokens:
            yield Step(
                f"list token {token}",
                lambda token=token: self._renounced() or registry.is_token_listed(token),  # type: ignore[misc]
                lambda token=token: registry.list_token(self.lane, token),  # type: ignore[misc]
            )
        yield Step(
            "lease terms",
            lambda: self._renounced() or terms.current_terms_id() > 0,
            lambda: terms.set_terms(self.lane, self.plan.terms),
        )
        yield Step("seal", registry.is_sealed, lambda: registry.seal(self.lane, self.blueprint.seal_hashes))
        yield Step("function roles", lambda: self._renounced() or self._functions_are_mapped(), self._map_functions)
        yield Step("role holders", lambda: self._renounced() or self._roles_are_held(), self._grant_roles)
        yield Step("renounce", self._renounced, self._renounce)

    def note(self, step: Step, receipt: Receipt) -> None:
        """Remember in which block a contract was deployed."""
        if step.name in self.blueprint.parts or step.name == "Create3Factory":
            self._receipts[step.name] = receipt.block_number, receipt.transaction_hash

    def recall(self, manifest: Manifest) -> None:
        """Take blocks and transactions from the record of an earlier attempt."""
        for name, contract in manifest.contracts.items():
            part = self.blueprint.parts.get(name)
            address = self.blueprint.factory if name == "Create3Factory" else part.address if part else None
            if manifest.chain_id == self.plan.chain_id and contract.address == address and contract.block is not None:
                self._receipts[name] = contract.block, contract.transaction

    def manifest(self, *, complete: bool = False) -> Manifest:
        """Return the record as far as it goes."""
        factory_hash = code_hash(artifacts.load("Create3Factory").deployed_bytecode)
        block, transaction = self._receipts.get("Create3Factory", (None, None))
        contracts = {
            "Create3Factory": DeployedContract(
                address=self.blueprint.factory, code_hash=factory_hash, block=block, transaction=transaction
            )
        }
        for part in self.blueprint.parts.values():
            block, transaction = self._receipts.get(part.name, (None, None))
            contracts[part.name] = DeployedContract(
                address=part.address,
                code_hash=part.code_hash,
                constructor_args=part.arguments,
                block=block,
                transaction=transaction,
            )
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
            rpc_urls=self._rpc_urls,
            complete=complete,
        )

    def verify(self) -> None:
        """Compare the chain with the plan. Raises `DeploymentError` with the first difference."""
        system, plan = self.system, self.plan
        for name in SEALED:
            if not self._stands(self.blueprint.parts[name]):
                raise DeploymentError(f"{name} is missing")
        found = {
            "the liveness": (system.oracle.liveness(), plan.liveness_s),
            "the protocol fee": (system.router.protocol_fee_bps(), plan.protocol_fee_bps),
            "the fee recipient": (system.router.fee_recipient(), plan.fee_recipient),
            "the first lease terms": (system.lease_terms.terms_of(1), plan.terms),
            "whether business is open": (system.registry.is_sealed(), True),
            "whether functions have their roles": (self._functions_are_mapped(), True),
            "whether roles have their holders": (self._roles_are_held(), True),
            "whether the deployer gave up its rights": (self._renounced(), True),
        }
        for what, (on_chain, planned) in found.items():
            if on_chain != planned:
                raise DeploymentError(f"{what}: {on_chain} on chain, {planned} in the plan")
        for token in self.blueprint.tokens:
            if not system.registry.is_token_listed(token):
                raise DeploymentError(f"token {token} is not listed")

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
        if part.name not in self._receipts:
            self._receipts[part.name] = self._find(part)
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

    # rights

    def _renounced(self) -> bool:
        return not self.system.authority.has_role(Role.ADMIN, self.blueprint.deployer)[0]

    def _functions_are_mapped(self) -> bool:
        authority = self.system.authority
        return all(
            authority.function_role(self.blueprint.parts[contract].address, selector) == role
            for contract, by_role in FUNCTIONS.items()
            for role in by_role
            for selector in selectors(contract, role)
        )

    def _map_functions(self) -> Receipt:
        """Map functions, label roles, and set guardians and delays: one transaction, so that one look tells all."""
        call = self.system.authority.call_data
        calls: list[bytes] = []
        for contract, by_role in FUNCTIONS.items():
            target = self.blueprint.parts[contract].address
            calls += [call("setTargetFunctionRole", target, selectors(contract, role), role) for role in by_role]
            calls.append(call("setTargetAdminDelay", target, TARGET_ADMIN_DELAY_S))
        for role in Role:
            if role is not Role.ADMIN:
                calls.append(call("labelRole", role, role.name.lower()))
                calls.append(call("setGrantDelay", role, GRANT_DELAY_S))
        calls += [call("setRoleGuardian", role, Role.GUARDIAN) for role in DELAYED_ROLES]
        calls.append(call("setGrantDelay", Role.ADMIN, ADMIN_GRANT_DELAY_S))
        return self.system.authority.multicall(self.lane, calls)

    def _roles_are_held(self) -> bool:
        return all(
            self.system.authority.has_role(grant.role, grant.holder) == (True, grant.execution_delay_s)
            for grant in self.plan.grants
        )

    def _grant_roles(self) -> Receipt:
        authority = self.system.authority
        calls = [
            authority.call_data("grantRole", grant.role, grant.holder, grant.execution_delay_s)
            for grant in self.plan.grants
        ]
        return authority.multicall(self.lane, calls)

    def _renounce(self) -> Receipt:
        """Give up the admin role, the only right that the deployer had, once all else is in order."""
        if not (self._roles_are_held() and self._functions_are_mapped() and self.system.registry.is_sealed()):
            raise DeploymentError("roles or functions are not as planned; the deployer keeps its rights until they are")
        return self.system.authority.renounce_role(self.lane, Role.ADMIN)
