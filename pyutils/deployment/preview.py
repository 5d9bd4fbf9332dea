"""What a deployment will be, put together for people and programs before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from eth_typing import ChecksumAddress
from web3 import Web3

from pyutils.chain import Signer
from pyutils.deployment.blueprint import draw
from pyutils.deployment.cost import Cost, cost_now, total_gas
from pyutils.deployment.handover import role_name
from pyutils.deployment.outline import Planned, outline
from pyutils.deployment.plan import Plan, PlanError, plan_hash
from pyutils.deployment.plan_file import Draft
from pyutils.deployment.preflight import balance_of
from pyutils.deployment.roles import FUNCTIONS, MARKET_FUNCTIONS, Role
from pyutils.deployment.system import Deployment
from pyutils.eip712 import Signature
from pyutils.errors import InputError, SigningError
from pyutils.models import parse_address
from pyutils.units import format_fixed

ADMIN_MAY: Final = "gives and takes roles, says whose a function is, opens and closes contracts"
GUARDIAN_MAY: Final = "cancels what others announced"


class FundsError(InputError):
    """The deployer cannot pay for the deployment."""

    remedy = "Send it the difference; nothing was sent"


@dataclass(frozen=True, slots=True)
class Onlooker:
    """A deployer who only looks."""

    address: ChecksumAddress

    def sign_transaction(self, transaction: Mapping[str, Any]) -> bytes:  # noqa: ARG002
        """Raise `SigningError`."""
        raise SigningError(f"{self.address} only looks, and signs no transaction")

    def sign_preimage(self, preimage: bytes) -> Signature:  # noqa: ARG002
        """Raise `SigningError`."""
        raise SigningError(f"{self.address} only looks, and signs nothing")


@dataclass(frozen=True, slots=True)
class PreviewStep:
    """One step for people."""

    name: str
    address: str | None
    gas: int
    done: bool


@dataclass(frozen=True, slots=True)
class PreviewRole:
    """A role for people: who will hold it, and what that lets them do."""

    role: str
    holder: str
    delay_s: int
    functions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """A deployment before it is carried out."""

    network: str
    chain_id: int
    title: str
    currency: str
    deployer: str
    source: str
    """Where the plan was read."""
    plan_hash: bytes
    steps: tuple[PreviewStep, ...]
    gas: int
    """Of the steps that are left."""
    cost: Cost | None
    """At current fees; None without an RPC endpoint."""
    balance: int | None
    """What the deployer holds, in wei."""
    roles: tuple[PreviewRole, ...]
    is_example: bool
    """Whether it is the example that comes with the package, which cannot be carried out."""

    @property
    def remaining(self) -> int:
        """Return how many steps are left."""
        return sum(not step.done for step in self.steps)

    def coins(self, wei: int) -> str:
        """Return an amount for people, in the chain's currency."""
        return f"{format_fixed(wei, 18, 6)} {self.currency}"


def preview_offline(draft: Draft, deployer: str) -> Preview:
    """Return what a plan comes to on an empty chain, without fees. Raises `PlanError` where decimals are not known."""
    blueprint = draw(draft.plan, deployer, draft.decimals)
    return _preview(draft, deployer, outline(draft.plan, blueprint), None)


def preview_on(draft: Draft, signer: Signer, web3: Web3) -> Preview:
    """Return what is left of a deployment on its chain, with what that costs now.

    Raises `PlanError` where the plan cannot be carried out there, `DeploymentError` where something else stands.
    """
    deployment = Deployment(signer, draft.plan, web3, draft.network.step_policy, decimals=draft.decimals)
    steps = tuple(step.planned for step in deployment.steps())
    left = deployment.remaining()
    cost = cost_now(web3, draft.network, left)
    names = {step.name for step in left}
    return _preview(draft, signer.address, steps, names, cost, balance_of(web3, signer.address))


def _preview(
    draft: Draft,
    deployer: str,
    steps: tuple[Planned, ...],
    left: set[str] | None,
    cost: Cost | None = None,
    balance: int | None = None,
) -> Preview:
    plan, network = draft.plan, draft.network
    todo = [step for step in steps if left is None or step.name in left]
    return Preview(
        network=plan.network,
        chain_id=plan.chain_id,
        title=network.title,
        currency=network.currency,
        deployer=deployer,
        source=draft.source,
        plan_hash=plan_hash(plan.by(deployer)),
        steps=tuple(PreviewStep(step.name, step.address, step.gas, step not in todo) for step in steps),
        gas=total_gas(todo),
        cost=cost,
        balance=balance,
        roles=tuple(
            PreviewRole(
                role_name(grant.role),
                grant.holder,
                grant.execution_delay_s,
                _may(grant.role, plan),
            )
            for grant in plan.grants
        ),
        is_example=draft.is_example,
    )


def _may(role: Role, plan: Plan) -> tuple[str, ...]:
    if role is Role.ADMIN:
        return (ADMIN_MAY,)
    own = (GUARDIAN_MAY,) if role is Role.GUARDIAN else ()
    tables: list[Mapping[str, Mapping[Role, tuple[str, ...]]]] = [FUNCTIONS]
    if plan.credit:
        tables.append(MARKET_FUNCTIONS)
    return own + tuple(
        f"{contract}.{function}"
        for table in tables
        for contract, functions in table.items()
        for function in functions.get(role, ())
    )


def check_funds(preview: Preview) -> None:
    """Raise `FundsError` where the deployer holds less than it should have ready."""
    if preview.cost is None or preview.balance is None or preview.balance >= preview.cost.needed:
        return
    raise FundsError(
        f"the deployer {preview.deployer} holds {preview.coins(preview.balance)}, and needs"
        f" {preview.coins(preview.cost.needed)} at current fees"
    )


def deployer_of(draft: Draft, signer: str | None) -> ChecksumAddress:
    """Return who deploys: whoever signs, else whom the plan names. Raises `PlanError` where there is neither."""
    named = draft.plan.deployer
    if signer is not None and named not in (None, signer):
        raise PlanError(f"{draft.source}: deployer: the plan is {named}'s to carry out, and {signer} signs")
    deployer = signer or named
    if deployer is None:
        raise PlanError(
            f"{draft.source}: deployer: nobody is named, and all addresses follow from the deployer",
            remedy="Name it in the plan, or an account with --account",
        )
    return parse_address(deployer)
