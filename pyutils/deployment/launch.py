"""From a plan to a running system: what must hold first, what it comes to, and carrying it out by its chain's rules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from web3 import Web3

from pyutils.chain import DEV_CHAINS, Signer, rpc
from pyutils.deployment.network import DEVELOPMENT, name_of
from pyutils.deployment.plan import Plan, PlanError, plan_hash
from pyutils.deployment.plan_file import Draft, find_plan, plan_path
from pyutils.deployment.preflight import check_holders, check_holders_offline, check_things
from pyutils.deployment.preview import Preview, deployer_of, preview_on
from pyutils.deployment.run import deploy_system
from pyutils.deployment.runtime_code import code_hash
from pyutils.manifest import USER_FOLDER, Manifest, read_manifest


class NoPlanError(PlanError):
    """There is no plan for a network."""

    remedy = "`gpurwa deploy --network NAME --example` prints one to begin with"


def plan_on(web3: Web3, network: str | None = None, folder: Path = USER_FOLDER) -> Draft:
    """Return the user's or the shipped plan for the chain that is there; on development chains there is a default one.

    Args:
        web3: the chain.
        network: what it is called; by default what the package calls it.
        folder: where the user's own plans stand.

    Raises `NoPlanError` where there is none.
    """
    chain_id = rpc.chain_id(web3)
    name = network or name_of(chain_id, folder) or f"chain-{chain_id}"
    draft = find_plan(name, folder=folder)
    if draft is not None:
        return draft
    if chain_id not in DEV_CHAINS:
        raise NoPlanError(f"there is no plan for {name}: {plan_path(name, folder)} is not there")
    plan = Plan.default(chain_id, network=name)
    return Draft(plan, DEVELOPMENT, {}, "the default plan of development chains")


def prepare(draft: Draft, signer: Signer, web3: Web3, *, mainnet: bool = False) -> Preview:
    """Check all that can be checked before the first transaction, and return what is left to do.

    Args:
        draft: the plan.
        signer: the deployer.
        web3: the chain.
        mainnet: whether somebody said that money may be worth something there.

    Raises:
        MainnetError: it is worth something, and nobody said so.
        PlanError: holders, tokens or feeds are not what the plan takes them for.
        DeploymentError: something else stands in the place of one of the contracts.

    """
    draft.network.check_allowed(draft.plan.network, mainnet=mainnet)
    check_holders_offline(draft.plan, deployer_of(draft, signer.address))
    check_things(draft.plan, web3)
    preview = preview_on(draft, signer, web3)
    ours = {step.address: step.name for step in preview.steps if step.address is not None}
    check_holders(draft.plan, web3, ours)
    return preview


def standing(draft: Draft, deployer: str, web3: Web3, record: Path) -> Manifest | None:
    """Return the complete record of a deployment by this plan that stands on the chain; None where there is none.

    It is over: fees, tokens and holders are the roles' to move since, and no difference from the plan any more. Raises
    `ManifestError` where the record cannot be read.
    """
    if not record.is_file():
        return None
    manifest = read_manifest(record)
    is_of_plan = manifest.plan_hash == plan_hash(draft.plan.by(deployer)) and manifest.chain_id == draft.plan.chain_id
    if not (manifest.complete and is_of_plan):
        return None
    contracts = [contract for _, contract in manifest.everything]
    # A development chain may have begun anew.
    stands = all(code_hash(rpc.code_at(web3, one.address)) == one.code_hash for one in contracts)
    return manifest if stands else None


def launch(
    draft: Draft, signer: Signer, web3: Web3, record: Path, on_step: Callable[[str, bool], None], urls: tuple[str, ...]
) -> Manifest:
    """Deploy by a plan, with its chain's rules for when a step is in. Raises as `deploy_system` does.

    Args:
        draft: the plan.
        signer: the deployer.
        web3: the chain.
        record: file of the record.
        on_step: told each step's name before it is done, and whether it is skipped.
        urls: the endpoints; noted in the record of a development chain alone, since others carry keys in them.

    """
    return deploy_system(
        signer,
        draft.plan,
        web3,
        record=record,
        policy=draft.network.step_policy,
        end_policy=draft.network.end_policy,
        on_step=on_step,
        rpc_urls=urls if draft.plan.chain_id in DEV_CHAINS else (),
        decimals=draft.decimals,
    )
