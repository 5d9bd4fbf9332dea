"""The record of a deployment in the making: what stands where, since which block and transaction."""

from __future__ import annotations

from typing import Any

from pyutils import artifacts
from pyutils.chain import Receipt
from pyutils.deployment.blueprint import Blueprint
from pyutils.deployment.part import Part
from pyutils.deployment.plan import Plan, plan_hash
from pyutils.deployment.provenance import compiler_settings, git_revision, sources_hash
from pyutils.deployment.runtime_code import code_hash
from pyutils.manifest import CreditMarket, DeployedContract, Manifest, RoleHolder


class Record:
    """What is known of the contracts of one deployment."""

    def __init__(self, plan: Plan, blueprint: Blueprint, rpc_urls: tuple[str, ...] = ()) -> None:
        self.plan, self.blueprint, self._rpc_urls = plan, blueprint, rpc_urls
        self._places: dict[str, tuple[int | None, bytes | None]] = {}
        self._revision = git_revision()

    def knows(self, address: str) -> bool:
        """Return whether block and transaction of a contract are known, or that nobody can tell them."""
        return address in self._places

    def note(self, address: str, block: int | None, transaction: bytes | None) -> None:
        """Remember in which block, and by which transaction, a contract was put up; None where nobody can tell."""
        self._places[address] = block, transaction

    def noted(self, address: str, receipt: Receipt) -> None:
        """Remember the receipt by which a contract was put up."""
        self.note(address, receipt.block_number, receipt.transaction_hash)

    def recall(self, manifest: Manifest) -> None:
        """Take blocks and transactions from the record of an earlier attempt, and the commit that it was made from."""
        blueprint = self.blueprint
        planned = {blueprint.factory, *(part.address for _, part in blueprint.steps)}
        if manifest.chain_id != self.plan.chain_id:
            return
        for _, contract in manifest.everything:
            if contract.address in planned and contract.block is not None:
                self.note(contract.address, contract.block, contract.transaction)
                if manifest.sources_hash == sources_hash():
                    self._revision = manifest.git_revision

    def manifest(self, *, complete: bool = False) -> Manifest:
        """Return the record as far as it goes."""
        factory_hash = code_hash(artifacts.load("Create3Factory").deployed_bytecode)
        factory = "Create3Factory"
        contracts = {factory: self._contract(factory, self.blueprint.factory, factory_hash, ())}
        for part in self.blueprint.parts.values():
            contracts[part.name] = self._part(part)
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
                    contracts={part.name: self._part(part) for part in market.parts.values()},
                )
                for market in self.blueprint.markets
            ),
            rpc_urls=self._rpc_urls,
            compiler=compiler_settings(),
            sources_hash=sources_hash(),
            git_revision=self._revision,
            plan_hash=plan_hash(self.plan.by(self.blueprint.deployer)),
            complete=complete,
        )

    def _part(self, part: Part) -> DeployedContract:
        return self._contract(part.artifact, part.address, part.code_hash, part.arguments)

    def _contract(self, artifact: str, address: str, expected: bytes, arguments: tuple[Any, ...]) -> DeployedContract:
        block, transaction = self._places.get(address, (None, None))
        return DeployedContract(
            artifact=artifact,
            address=address,
            code_hash=expected,
            constructor_args=arguments,
            block=block,
            transaction=transaction,
        )
