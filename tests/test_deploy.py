"""A deployment from nothing to renounced, on anvil."""

from __future__ import annotations

from pathlib import Path

import pytest
from web3 import Web3
from web3.types import RPCEndpoint

from pyutils.chain import AnvilClock, Lane, LanePolicy, Receipt, RevertedError, dev_signer, rpc
from pyutils.contracts import System
from pyutils.contracts.base import encode_call
from pyutils.deployment import DeploymentError, Plan, PlanError, Role, RoleGrant, deploy_system
from pyutils.deployment.addresses import create3_address, factory_address, salt_of
from pyutils.deployment.blueprint import PEERS, SEALED, draw
from pyutils.deployment.roles import EXECUTION_DELAYS_S, FUNCTIONS, selectors
from pyutils.deployment.system import Deployment
from pyutils.manifest import Manifest, read_manifest

CHAIN = 31337
DEPLOYER = dev_signer(CHAIN, 0)


@pytest.fixture
def plan() -> Plan:
    return Plan.default(CHAIN)


def test_deploy_system__bare_chain__every_contract_stands_where_predicted(web3: Web3, plan: Plan) -> None:
    manifest = deploy_system(DEPLOYER, plan, web3)

    factory = factory_address()
    assert manifest.complete
    assert set(manifest.contracts) == {*PEERS, "FixedPricing", "TestStablecoin", "Create3Factory"}
    for name, record in manifest.contracts.items():
        code = rpc.code_at(web3, record.address)
        assert record.code_hash == bytes(Web3.keccak(code))
        if name != "Create3Factory":
            asked = encode_call("Create3Factory", "addressOf", DEPLOYER.address, salt_of(name))
            answer = rpc.request(web3, "eth_call", {"to": factory, "data": "0x" + asked.hex()}, "latest")
            assert answer[-40:] == record.address[2:].lower()
            assert create3_address(factory, DEPLOYER.address, salt_of(name)) == record.address
        assert record.block is not None
        receipt = Receipt.from_row(
            rpc.request(web3, "eth_getTransactionReceipt", "0x" + (record.transaction or b"").hex())
        )
        assert receipt.succeeded
        assert receipt.block_number == record.block


def test_deploy_system__done__business_is_open_under_the_planned_roles(web3: Web3, plan: Plan) -> None:
    system = System.at(web3, deploy_system(DEPLOYER, plan, web3))

    assert system.registry.is_sealed()
    assert system.registry.is_token_listed(system.coin().address)
    assert system.lease_terms.terms_of(system.lease_terms.current_terms_id()) == plan.terms
    for contract, by_role in FUNCTIONS.items():
        for role in by_role:
            for selector in selectors(contract, role):
                assert system.authority.function_role(system.manifest.address(contract), selector) == role
    for grant in plan.grants:
        assert system.authority.has_role(grant.role, grant.holder) == (True, EXECUTION_DELAYS_S[grant.role])


def test_deploy_system__done__deployer_can_do_nothing(web3: Web3, plan: Plan) -> None:
    system = System.at(web3, deploy_system(DEPLOYER, plan, web3))
    lane = Lane(web3, DEPLOYER)

    for contract, by_role in FUNCTIONS.items():
        for role in by_role:
            for selector in selectors(contract, role):
                permission = system.authority.can_call(lane.address, system.manifest.address(contract), selector)
                assert (permission.immediate, permission.delay_s) == (False, 0)
    assert not any(system.authority.has_role(role, lane.address)[0] for role in Role)
    with pytest.raises(RevertedError) as refused:
        system.registry.list_token(lane, system.coin().address)
    assert refused.value.name == "AccessManagedUnauthorized"
    with pytest.raises(RevertedError) as refused:
        system.authority.multicall(lane, [system.authority.call_data("grantRole", Role.ADMIN, lane.address, 0)])
    assert refused.value.name == "AccessManagerUnauthorizedAccount"
    with pytest.raises(RevertedError) as refused:
        system.registry.seal(lane, draw(plan, lane.address).seal_hashes)
    assert refused.value.name == "AlreadySealed"


def test_deploy_system__cut_after_each_step__is_finished_by_the_next_run(
    web3: Web3, plan: Plan, tmp_path: Path
) -> None:
    class CutError(Exception):
        pass

    whole = deploy_whole(web3, plan, tmp_path / "whole.json")
    steps = [step.name for step in Deployment(DEPLOYER, plan, web3, LanePolicy()).steps()]
    assert len(steps) == len(set(steps)) == len(whole.contracts) + 6
    for cut in range(len(steps)):
        keeps_record = cut % 2 == 0
        snapshot = rpc.request(web3, "evm_snapshot")
        record = tmp_path / f"{cut}.json"

        def stop(name: str, skipped: bool, cut: int = cut) -> None:
            if name == steps[cut]:
                raise CutError

        with pytest.raises(CutError):
            deploy_system(DEPLOYER, plan, web3, record=record, on_step=stop)
        if not keeps_record:
            record.unlink(missing_ok=True)
        done: list[str] = []
        manifest = deploy_system(
            DEPLOYER,
            plan,
            web3,
            record=record,
            on_step=lambda name, skipped, done=done: done.append(name) if not skipped else None,  # type: ignore[misc]
        )
        assert done == steps[cut:]
        assert manifest == read_manifest(record)
        known = {name: entry.block is not None for name, entry in manifest.contracts.items()}
        # A factory that nobody recorded leaves no event behind.
        assert all(known.values()) or (
            not keeps_record and [n for n, k in known.items() if not k] == ["Create3Factory"]
        )
        assert {n: c.address for n, c in manifest.contracts.items()} == {
            n: c.address for n, c in whole.contracts.items()
        }
        rpc.request(web3, "evm_revert", snapshot)


def deploy_whole(web3: Web3, plan: Plan, record: Path) -> Manifest:
    snapshot = rpc.request(web3, "evm_snapshot")
    manifest = deploy_system(DEPLOYER, plan, web3, record=record)
    rpc.request(web3, "evm_revert", snapshot)
    return manifest


def test_deploy_system__complete_and_run_again__sends_nothing(web3: Web3, plan: Plan) -> None:
    first = deploy_system(DEPLOYER, plan, web3)
    count = rpc.request(web3, "eth_getTransactionCount", DEPLOYER.address, "latest")

    again = deploy_system(DEPLOYER, plan, web3)

    assert rpc.request(web3, "eth_getTransactionCount", DEPLOYER.address, "latest") == count
    assert again.contracts["LeaseBook"] == first.contracts["LeaseBook"]


def test_deploy_system__another_plan_on_what_stands__says_what_differs(web3: Web3, plan: Plan) -> None:
    deploy_system(DEPLOYER, plan, web3)
    changed = plan.model_copy(update={"protocol_fee_bps": plan.protocol_fee_bps + 1})

    with pytest.raises(DeploymentError, match="the protocol fee: 100 on chain, 101 in the plan"):
        deploy_system(DEPLOYER, changed, web3)


def test_deploy_system__another_feed_on_what_stands__other_code_is_named(web3: Web3, plan: Plan) -> None:
    deploy_system(DEPLOYER, plan, web3)
    changed = plan.model_copy(update={"sequencer_feed": "0x" + "11" * 20})

    with pytest.raises(DeploymentError, match=r"MeterOracle at .* has other code"):
        deploy_system(DEPLOYER, changed, web3)


@pytest.mark.parametrize("holder", SEALED)
def test_seal__another_code_at_a_peer__is_refused(web3: Web3, plan: Plan, holder: str) -> None:
    class CutError(Exception):
        pass

    def stop(name: str, skipped: bool) -> None:
        if name == "seal":
            raise CutError

    with pytest.raises(CutError):
        deploy_system(DEPLOYER, plan, web3, on_step=stop)
    blueprint = draw(plan, DEPLOYER.address)
    part = blueprint.parts[holder]
    code = rpc.code_at(web3, part.address)
    web3.provider.make_request(RPCEndpoint("anvil_setCode"), [part.address, "0x" + (code[:-1] + b"\x00").hex()])
    system = System.at(web3, Deployment(DEPLOYER, plan, web3, LanePolicy()).manifest())

    with pytest.raises(RevertedError) as refused:
        system.registry.seal(Lane(web3, DEPLOYER), blueprint.seal_hashes)

    assert refused.value.name == "CodeMismatch"
    assert refused.value.arguments["holder"] == part.address.lower()
    assert not system.registry.is_sealed()


def test_seal__by_another_account__is_refused(web3: Web3, plan: Plan) -> None:
    system = System.at(web3, deploy_system(DEPLOYER, plan, web3))
    with pytest.raises(RevertedError, match="not sealer"):
        system.registry.seal(Lane(web3, dev_signer(CHAIN, 1)), [b"\0" * 32] * 9)


def test_deploy_system__deployer_holds_a_role__is_refused(web3: Web3, plan: Plan) -> None:
    grant = RoleGrant(role=Role.GUARDIAN, holder=DEPLOYER.address, execution_delay_s=0)
    with pytest.raises(PlanError, match="may hold no role"):
        deploy_system(DEPLOYER, plan.model_copy(update={"grants": (*plan.grants, grant)}), web3)


def test_deploy_system__plan_of_another_chain__is_refused(web3: Web3) -> None:
    with pytest.raises(PlanError, match="plan is for chain 1337"):
        deploy_system(DEPLOYER, Plan.default(1337), web3)


def test_plan__real_chain_without_holders__is_refused() -> None:
    with pytest.raises(PlanError, match="nobody is named"):
        Plan.default(1)


def test_plan__rollup__waits_a_day_and_watches_the_sequencer() -> None:
    holders = {role: f"0x{role + 1:040x}" for role in Role}
    plan = Plan.default(42161, holders)
    assert plan.liveness_s == 86_400
    assert plan.sequencer_feed == "0xFdB631F5EE196F0ed6FAa767959853A9F217697D"
    assert Plan.default(1, holders).liveness_s == 7_200


def test_plan__a_role_slower_than_the_admin__is_refused(plan: Plan) -> None:
    slow = tuple(
        grant.model_copy(update={"execution_delay_s": 8 * 86_400}) if grant.role is Role.RISK else grant
        for grant in plan.grants
    )
    with pytest.raises(ValueError, match="longest of all"):
        Plan.default(CHAIN, grants=slow)


def test_deploy_system__five_days_later__the_admin_has_the_longest_delays(system: System, web3: Web3) -> None:
    # Until then OpenZeppelin's setback holds new delays back.
    AnvilClock(web3).advance(5 * 86_400)
    grant_delays = {role: system.authority._read("getRoleGrantDelay", role) for role in Role}
    assert grant_delays[Role.ADMIN] == 7 * 86_400
    assert all(grant_delays[role] == 2 * 86_400 for role in Role if role is not Role.ADMIN)
    for contract in FUNCTIONS:
        target = system.manifest.address(contract)
        assert system.authority._read("getTargetAdminDelay", target) == 7 * 86_400
