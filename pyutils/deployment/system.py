"""One deployment on one chain: its steps, each with a look that says whether it is done, and the check of the whole.

Each step looks at the chain first and is skipped where its effect is there already, so that running it again after a
kill at any point finishes it. Rights are the last to be given: until then the deployer alone is admin, and with its
last transaction it gives that up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from web3 import Web3

from pyutils import artifacts
from pyutils.chain import LanePolicy, Receipt, RpcError, Signer, rpc
from pyutils.contracts import Stablecoin, System
from pyutils.contracts.base import call_view, encode_call, event_shape
from pyutils.deployment.addresses import CREATE2_DEPLOYER, FACTORY_SALT
from pyutils.deployment.blueprint import TEST_COLLATERAL, TEST_FEED, Blueprint, draw
from pyutils.deployment.handover import arranged, read_handover, record_of, unplanned
from pyutils.deployment.journal import DeploymentJournal, Origin
from pyutils.deployment.market import Market
from pyutils.deployment.opening import Opening, TestPair
from pyutils.deployment.outline import Kind, Planned, outline
from pyutils.deployment.part import Part
from pyutils.deployment.plan import Plan, PlanError, plan_hash
from pyutils.deployment.proxy import fund_proxy, has_proxy, is_funded, put_proxy
from pyutils.deployment.record import Record
from pyutils.deployment.rights import Rights
from pyutils.deployment.roles import Role
from pyutils.deployment.runtime_code import code_hash
from pyutils.deployment.sender import DeployerLane
from pyutils.errors import ContractError


class DeploymentError(ContractError):
    """What is on chain is not what the plan says."""

    remedy = "Finish with the plan and version that it was begun with, or deploy from another account"


@dataclass(frozen=True, slots=True)
class Step:
    """One transaction of a deployment."""

    planned: Planned
    is_done: Callable[[], bool]
    act: Callable[[], Receipt]

    @property
    def name(self) -> str:
        """Return what it is called."""
        return self.planned.name


def draw_on(web3: Web3, plan: Plan, deployer: str, decimals: Mapping[str, int] = MappingProxyType({})) -> Blueprint:
    """Return the blueprint of `plan` on its chain, which says how many decimals the tokens have that are lent.

    Raises `PlanError` where the chain is another one, the deployer holds a role, or decimals are not as told.
    """
    found = rpc.chain_id(web3)
    if found != plan.chain_id:
        raise PlanError(f"the plan is for chain {plan.chain_id}, the RPC endpoint serves chain {found}")
    if plan.deployer not in (None, deployer):
        raise PlanError(f"the plan is {plan.deployer}'s to carry out, and {deployer} signs")
    if any(grant.holder == deployer for grant in plan.grants):
        raise PlanError(f"the deployer {deployer} may hold no role")
    # A coin that the plan brings along is not there yet, and one that is there need not be lent.
    lent = {market.token for market in plan.credit} | {token for token in plan.tokens[:1] if plan.credit}
    on_chain = {token: Stablecoin(web3, token).decimals() for token in lent if token in plan.tokens}
    for token, count in on_chain.items():
        if decimals.get(token, count) != count:
            raise PlanError(f"{token} has {count} decimals on chain, the plan says {decimals[token]}")
    return draw(plan, deployer, on_chain)


def origin_of(web3: Web3, plan: Plan, deployer: str) -> Origin:
    """Return what the journal of a deployment belongs to."""
    genesis: str = rpc.request(web3, "eth_getBlockByNumber", "0x0", False)["hash"]
    return Origin(
        chain_id=plan.chain_id,
        genesis=bytes.fromhex(genesis[2:]),
        deployer=deployer,
        plan_hash=plan_hash(plan.by(deployer)),
    )


class Deployment:
    """One deployment under way.

    Args:
        signer: the deployer.
        plan: what to deploy.
        web3: the chain.
        policy: fees, and when the next step may follow.
        end_policy: when a step is in for good; as `policy` by default.
        rpc_urls: endpoints to note in the record, for a local chain.
        journal: where what was signed survives a crash.
        decimals: of tokens that are there already, as the plan's file has them.

    """

    def __init__(
        self,
        signer: Signer,
        plan: Plan,
        web3: Web3,
        policy: LanePolicy,
        rpc_urls: tuple[str, ...] = (),
        *,
        end_policy: LanePolicy | None = None,
        journal: DeploymentJournal | None = None,
        decimals: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self.blueprint = draw_on(web3, plan, signer.address, decimals)
        self.plan, self.web3, self.policy = plan, web3, policy
        self.journal = journal or DeploymentJournal(origin_of(web3, plan, signer.address))
        self.lane = DeployerLane(web3, signer, end_policy or policy, self.journal, policy.confirmations)
        self.record = Record(plan, self.blueprint, rpc_urls)
        self.system = System.at(web3, self.record.manifest())
        self.rights = Rights(self.system.authority, plan, self.blueprint, self.lane)
        self._lacked_proxy = not has_proxy(web3)

    def steps(self) -> Iterator[Step]:
        """Yield all steps in order; each `is_done` is asked when its turn has come."""
        for planned in outline(self.plan, self.blueprint, with_proxy=self._lacked_proxy):
            is_done, act = self._work(planned)
            yield Step(planned, is_done, act)

    def remaining(self) -> list[Planned]:
        """Return the steps that are to be done, without asking contracts that do not stand yet.

        Raises `DeploymentError` where another contract stands in the place of one of ours, or was set up otherwise.
        """
        missing: list[Planned] = []
        for step in self.steps():
            is_answered = step.planned.kind in (Kind.FUND, Kind.PROXY, Kind.FACTORY, Kind.CONTRACT)
            if (missing and not is_answered) or not step.is_done():
                missing.append(step.planned)
        if not any(planned.kind is Kind.CONTRACT for planned in missing):
            self._compare(self._constructed())
        return missing

    def verify(self) -> None:
        """Compare the chain with the plan, and prove that the deployer can do nothing any more.

        Raises `DeploymentError` with the first difference, `NotHandedOverError` with what the deployer can still do.
        """
        system, plan = self.system, self.plan
        for name, part in self.blueprint.steps:
            if not self._stands(name, part):
                raise DeploymentError(f"{name} is missing")
        self._compare(
            self._constructed()
            | self._first_terms()
            | {
                "whether business is open": (system.registry.is_sealed(), True),
                "whether functions have their roles": (self.rights.are_mapped(), True),
                "whether roles have their holders": (self.rights.are_held(), True),
                "whether the deployer gave up its rights": (self.rights.renounced(), True),
            }
        )
        for token in self.blueprint.tokens:
            if not system.registry.is_token_listed(token):
                raise DeploymentError(f"token {token} is not listed")
        # As the chain has it now: the record at hand knows in which block the first event can be.
        deployed = System.at(self.web3, self.record.manifest())
        read_handover(deployed, self.blueprint.deployer).require_nothing()
        deployer = self.blueprint.deployer
        holders = {(int(grant.role), grant.holder) for grant in plan.grants} | {(int(Role.ADMIN), deployer)}
        beside = unplanned(record_of(deployed), holders) + arranged(deployed, deployer, self._acts())
        for line in beside:
            raise DeploymentError(f"{line}, which is not in the plan")

    def _acts(self) -> set[tuple[str, object]]:
        """Return event and first argument of what the deployer is to do in the place of roles."""
        listed = {token for market in self.blueprint.markets for token in self._opening(market).tokens}
        return {
            ("SetTerms", 1),
            *(("ListToken", token) for token in self.blueprint.tokens),
            *(("ListCollateral", token) for token in listed),
        }

    def _constructed(self) -> dict[str, tuple[object, object]]:
        """Return what constructors set and no code hash shows: on chain, and in the plan."""
        system, plan = self.system, self.plan
        found: dict[str, tuple[object, object]] = {
            "the liveness": (system.oracle.liveness(), plan.liveness_s),
            "the protocol fee": (system.router.protocol_fee_bps(), plan.protocol_fee_bps),
            "the fee recipient": (system.router.fee_recipient(), plan.fee_recipient),
        }
        for market in self.blueprint.markets:
            values: dict[str, object] = {"name": market.plan.vault_name, "symbol": market.plan.vault_symbol}
            if not self.rights.renounced():
                # From then on the cap is the risk role's to move.
                values["cap"] = market.plan.vault_cap * 10**market.decimals
            vault = market.parts["CreditVault"].address
            for what, planned in values.items():
                on_chain = call_view(self.web3, "CreditVault", vault, what)
                found[f"the {what} of the vault of {market.token}"] = on_chain, planned
        return found

    def _first_terms(self) -> dict[str, tuple[object, object]]:
        return {"the first lease terms": (self.system.lease_terms.terms_of(1), self.plan.terms)}

    @staticmethod
    def _compare(found: Mapping[str, tuple[object, object]]) -> None:
        for what, (on_chain, planned) in found.items():
            if on_chain != planned:
                raise DeploymentError(f"{what}: {on_chain} on chain, {planned} in the plan")

    def _work(self, planned: Planned) -> tuple[Callable[[], bool], Callable[[], Receipt]]:
        """Return how a step is looked at, and how it is done."""
        registry, terms, rights = self.system.registry, self.system.lease_terms, self.rights
        if planned.part is not None:
            name, part = planned.name, planned.part
            return lambda: self._stands(name, part), lambda: self._put(part)
        if planned.token is not None:
            token = planned.token
            return (
                lambda: rights.renounced() or registry.is_token_listed(token),
                lambda: registry.list_token(self.lane, token),
            )
        if planned.market is not None:
            first = self._opening(planned.market)
            return (
                lambda: rights.renounced() or first.is_done(),
                lambda: self.system.authority.multicall(self.lane, first.calls()),
            )
        return {
            Kind.FUND: (lambda: has_proxy(self.web3) or is_funded(self.web3), lambda: fund_proxy(self.lane)),
            Kind.PROXY: (lambda: has_proxy(self.web3), lambda: put_proxy(self.web3, self.policy)),
            Kind.FACTORY: (self._has_factory, self._put_factory),
            Kind.TERMS: (
                lambda: rights.renounced() or terms.current_terms_id() > 0,
                lambda: terms.set_terms(self.lane, self.plan.terms),
            ),
            Kind.SEAL: (registry.is_sealed, lambda: registry.seal(self.lane, self.blueprint.seal_hashes)),
            Kind.FUNCTIONS: (lambda: rights.renounced() or rights.are_mapped(), rights.map_functions),
            Kind.HOLDERS: (lambda: rights.renounced() or rights.are_held(), rights.grant_roles),
            Kind.RENOUNCE: (rights.renounced, self._renounce),
        }[planned.kind]

    def _renounce(self) -> Receipt:
        """Give up the deployer's only right, once all else is in order."""
        if not (self.rights.are_held() and self.rights.are_mapped() and self.system.registry.is_sealed()):
            raise DeploymentError("roles or functions are not as planned; the deployer keeps its rights until they are")
        self._compare(self._constructed() | self._first_terms())
        for market in self.blueprint.markets:
            self._compare(self._opening(market).found())
        return self.rights.renounce()

    def _opening(self, market: Market) -> Opening:
        return Opening(self.web3, self.system.authority, market, self._test_pair())

    def _test_pair(self) -> TestPair | None:
        if self.plan.test_collateral is None:
            return None
        parts = self.blueprint.parts
        return TestPair(self.plan.test_collateral, parts[TEST_COLLATERAL].address, parts[TEST_FEED].address)

    # the factory and what it puts up

    def _has_factory(self) -> bool:
        factory = self.blueprint.factory
        stands = bool(rpc.code_at(self.web3, factory))
        if stands and not self.record.knows(factory):
            receipt = self.receipt_of("Create3Factory")
            if receipt is not None:
                self.record.noted(factory, receipt)
        return stands

    def _put_factory(self) -> Receipt:
        data = FACTORY_SALT + artifacts.load("Create3Factory").bytecode
        return self.lane.transact(CREATE2_DEPLOYER, data, call="deploy Create3Factory")

    def _stands(self, name: str, part: Part) -> bool:
        code = rpc.code_at(self.web3, part.address)
        if not code:
            return False
        if code_hash(code) != part.code_hash:
            raise DeploymentError(f"{part.name} at {part.address} has other code than the artifacts and plan promise")
        if not self.record.knows(part.address):
            receipt = self.receipt_of(name)
            if receipt is not None:
                self.record.noted(part.address, receipt)
            else:
                self.record.note(part.address, *self._find(part))
        return True

    def _put(self, part: Part) -> Receipt:
        data = encode_call("Create3Factory", "deploy", part.salt, part.creation_code)
        return self.lane.transact(self.blueprint.factory, data, call=f"deploy {part.name}")

    def receipt_of(self, step: str) -> Receipt | None:
        """Return the receipt by which this deployment did a step, where the journal knows it and it succeeded."""
        for digest in self.journal.transactions(step):
            row = rpc.request(self.web3, "eth_getTransactionReceipt", "0x" + digest.hex())
            if row is not None:
                receipt = Receipt.from_row(row)
                if receipt.succeeded and self.lane.is_canonical(receipt):
                    return receipt
        return None

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
