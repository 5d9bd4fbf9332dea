"""A deployment from nothing to renounced, on anvil."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from web3 import Web3
from web3.types import RPCEndpoint

from pyutils.chain import AnvilClock, Lane, LanePolicy, Receipt, RevertedError, dev_signer, rpc
from pyutils.contracts import System
from pyutils.contracts.base import call_view, encode_call, encode_constructor
from pyutils.deployment import DeploymentError, Plan, PlanError, Role, RoleGrant, deploy_system
from pyutils.deployment.addresses import (
    CREATE2_DEPLOYER,
    create2_address,
    create3_address,
    factory_address,
    salt_of,
)
from pyutils.deployment.blueprint import PEERS, SEALED, TEST_COLLATERAL, TEST_FEED, draw
from pyutils.deployment.credit_plan import AppraisalPlan, AuctionPlan, CollateralListing, CreditPlan, HealthPlan
from pyutils.deployment.market import MARKET, market_salt
from pyutils.deployment.roles import EXECUTION_DELAYS_S, FUNCTIONS, MARKET_FUNCTIONS, functions_of, selectors
from pyutils.deployment.system import Deployment
from pyutils.keccak import keccak256
from pyutils.manifest import Manifest, read_manifest
from pyutils.units import to_bytes32_text

CHAIN = 31337
DEPLOYER = dev_signer(CHAIN, 0)


@pytest.fixture
def plan() -> Plan:
    return Plan.default(CHAIN)


def test_deploy_system__bare_chain__every_contract_stands_where_predicted(web3: Web3, plan: Plan) -> None:
    manifest = deploy_system(DEPLOYER, plan, web3)

    factory = factory_address()
    assert manifest.complete
    brought = {"TestStablecoin", TEST_COLLATERAL, TEST_FEED}
    assert set(manifest.contracts) == {*PEERS, "FixedPricing", *brought, "Create3Factory"}
    (market,) = manifest.credit
    assert market.token == manifest.contracts["TestStablecoin"].address
    assert set(market.contracts) == set(MARKET)
    salts = {name: salt_of(name) for name in manifest.contracts} | {
        name: market_salt(name, market.token) for name in MARKET
    }
    for name, record in manifest.everything:
        code = rpc.code_at(web3, record.address)
        assert record.code_hash == bytes(Web3.keccak(code))
        if name != "Create3Factory":
            asked = encode_call("Create3Factory", "addressOf", DEPLOYER.address, salts[name])
            answer = rpc.request(web3, "eth_call", {"to": factory, "data": "0x" + asked.hex()}, "latest")
            assert answer[-40:] == record.address[2:].lower()
            assert create3_address(factory, DEPLOYER.address, salts[name]) == record.address
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
    for address, contract in restricted(system.manifest):
        for role in functions_of(contract):
            for selector in selectors(contract, role):
                assert system.authority.function_role(address, selector) == role
    for grant in plan.grants:
        assert system.authority.has_role(grant.role, grant.holder) == (True, EXECUTION_DELAYS_S[grant.role])


def test_deploy_system__done__deployer_can_do_nothing(web3: Web3, plan: Plan) -> None:
    system = System.at(web3, deploy_system(DEPLOYER, plan, web3))
    lane = Lane(web3, DEPLOYER)

    for address, contract in restricted(system.manifest):
        for role in functions_of(contract):
            for selector in selectors(contract, role):
                permission = system.authority.can_call(lane.address, address, selector)
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
    # Beside one for each contract: token, terms, the market's settings, sealing, functions, holders, renouncing.
    assert len(steps) == len(set(steps)) == len(list(whole.everything)) + 7
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
        known = {name: entry.block is not None for name, entry in manifest.everything}
        # A factory that nobody recorded leaves no event behind.
        assert all(known.values()) or (
            not keeps_record and [n for n, k in known.items() if not k] == ["Create3Factory"]
        )
        assert {n: c.address for n, c in manifest.everything} == {n: c.address for n, c in whole.everything}
        rpc.request(web3, "evm_revert", snapshot)


def restricted(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Yield address and name of every contract with functions for roles."""
    for name in FUNCTIONS:
        yield manifest.address(name), name
    for market in manifest.credit:
        for name in MARKET_FUNCTIONS:
            yield market.address(name), name


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
    system = System.at(web3, Deployment(DEPLOYER, plan, web3, LanePolicy()).record.manifest())

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
    for target, _ in restricted(system.manifest):
        assert system.authority._read("getTargetAdminDelay", target) == 7 * 86_400


# credit markets


def view(system: System, contract: str, function: str, *arguments: object) -> Any:
    (market,) = system.manifest.credit
    return call_view(system.web3, contract, market.address(contract), function, *arguments)


def test_deploy_system__market__has_the_parameters_and_first_settings_of_the_plan(web3: Web3, plan: Plan) -> None:
    market = CreditPlan(
        cost_recipient="0x" + "22" * 20,
        vault_cap=7,
        fleet_cap=3,
        operator_cap=5,
        borrower_cap=4,
        vault_name="Vault",
        vault_symbol="V",
        appraisal=AppraisalPlan(
            left_bps=(9_000, 8_000, 7_000, 1),
            most_step_bps=11,
            least_pause_s=12,
            max_age_s=13,
            economic_life_months=14,
            discount_bps=15,
        ),
        auction=AuctionPlan(
            collateral_start_bps=10_001,
            collateral_end_bps=16,
            collateral_fall_s=17,
            collateral_alone_s=18,
            least_fill_bps=19,
            lot_start_bps=10_002,
            lot_end_bps=20,
            lot_fall_s=22,
            longest_gap_s=21,
            resume_window_s=23,
        ),
        health=HealthPlan(young_days=24, proven_days=25),
    )
    system = System.at(web3, deploy_system(DEPLOYER, plan.model_copy(update={"credit": (market,)}), web3))

    coin, unit = system.coin(), 10**6
    assert view(system, "CreditVault", "cap") == 7 * unit
    assert view(system, "CreditVault", "name") == "Vault"
    assert view(system, "CreditVault", "symbol") == "V"
    assert view(system, "CreditVault", "asset") == coin.address.lower()
    for kind, cap in (("fleet", 3), ("operator", 5), ("borrower", 4)):
        assert view(system, "FleetCredit", "capOf", to_bytes32_text(kind), b"\1" * 32) == cap * unit
    assert view(system, "FleetCredit", "costRecipient") == "0x" + "22" * 20
    assert view(system, "Appraisal", "parameters") == ((9_000, 8_000, 7_000, 1), 11, 12, 13, 14, 15)
    assert view(system, "CollateralAuction", "parameters") == (10_001, 16, 17, 18, 19, 10_002, 20, 22, 21, 23)
    collateral = system.manifest.address(TEST_COLLATERAL)
    assert view(system, "CollateralPrices", "isListed", collateral)
    assert view(system, "CollateralPrices", "value", collateral, 10**8) == 60_000 * unit


def test_deploy_system__no_market_in_the_plan__the_system_stands_without(web3: Web3, plan: Plan) -> None:
    manifest = deploy_system(DEPLOYER, plan.model_copy(update={"credit": ()}), web3)

    assert manifest.complete
    assert manifest.credit == ()


def test_deploy_system__market_of_a_coin_that_is_there__takes_its_decimals_and_lists_what_the_plan_names(
    web3: Web3, plan: Plan
) -> None:
    lane = Lane(web3, dev_signer(CHAIN, 1))
    coin, gold = (put(lane, "TestStablecoin", name, "C", decimals) for name, decimals in (("Coin", 18), ("Gold", 8)))
    feed = put(lane, "TestPriceFeed", 4)
    lane.transact(feed, encode_call("TestPriceFeed", "say", 2_000 * 10**4), call="say")
    listing = CollateralListing(token=gold, feed=feed, max_age_s=3_600, least=1, most=10**12)
    changes = {"test_coin": None, "test_collateral": None, "tokens": (coin,)}

    system = System.at(
        web3,
        deploy_system(
            DEPLOYER, plan.model_copy(update=changes | {"credit": (CreditPlan(collaterals=(listing,)),)}), web3
        ),
    )

    assert view(system, "CreditVault", "cap") == 10_000_000 * 10**18
    assert view(system, "CreditVault", "decimals") == 24
    assert view(system, "CollateralPrices", "value", gold, 10**8 // 2) == 1_000 * 10**18


def test_deploy_system__two_coins_two_markets__each_has_its_own(web3: Web3, plan: Plan) -> None:
    other = put(Lane(web3, dev_signer(CHAIN, 1)), "TestStablecoin", "Other", "O", 18)
    both = plan.model_copy(update={"tokens": (other,), "credit": (CreditPlan(), CreditPlan(token=other, vault_cap=1))})

    manifest = deploy_system(DEPLOYER, both, web3)

    first, second = manifest.credit
    assert (first.token, second.token) == (manifest.tokens[0], other)
    assert manifest.market(other) == second
    assert not {c.address for c in first.contracts.values()} & {c.address for c in second.contracts.values()}
    assert call_view(web3, "CreditVault", second.address("CreditVault"), "cap") == 10**18


def test_deploy_system__another_auction_on_what_stands__other_code_is_named(web3: Web3, plan: Plan) -> None:
    deploy_system(DEPLOYER, plan, web3)
    changed = CreditPlan(auction=AuctionPlan(longest_gap_s=1_800))

    with pytest.raises(DeploymentError, match=r"CollateralAuction at .* has other code"):
        deploy_system(DEPLOYER, plan.model_copy(update={"credit": (changed,)}), web3)


def test_deploy_system__market_after_the_rights_were_given_up__stands_and_is_nobody_s(web3: Web3, plan: Plan) -> None:
    deploy_system(DEPLOYER, plan.model_copy(update={"credit": ()}), web3)

    with pytest.raises(DeploymentError, match="whether functions have their roles: False on chain, True in the plan"):
        deploy_system(DEPLOYER, plan, web3)


def test_plan__two_markets_of_one_token__are_refused() -> None:
    with pytest.raises(ValueError, match="two credit markets of one token"):
        Plan.default(CHAIN, credit=(CreditPlan(), CreditPlan()))


def test_plan__market_of_a_token_that_is_not_listed__is_refused() -> None:
    with pytest.raises(ValueError, match="which is no settlement token of the plan"):
        Plan.default(CHAIN, credit=(CreditPlan(token="0x" + "11" * 20),))


@pytest.mark.parametrize(
    ("part", "values"),
    [
        (AppraisalPlan, {"left_bps": (6_500, 7_000, 3_000, 2_000)}),
        (AppraisalPlan, {"left_bps": (10_001, 4_500, 3_000, 2_000)}),
        (AppraisalPlan, {"least_pause_s": 36 * 86_400}),
        (HealthPlan, {"young_days": 91}),
        (AuctionPlan, {"collateral_end_bps": 10_501}),
        (AuctionPlan, {"lot_end_bps": 12_001}),
        (AuctionPlan, {"collateral_alone_s": 3_600}),
        (AuctionPlan, {"longest_gap_s": 73 * 3_600}),
    ],
)
def test_credit_plan__what_the_constructors_refuse__is_refused_before(
    part: type[AppraisalPlan | HealthPlan | AuctionPlan], values: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"never rises|stale|proven|falls|do not fit"):
        part(**values)


def put(lane: Lane, contract: str, *arguments: object) -> str:
    """Deploy a contract by the deterministic proxy, and return where it stands."""
    code = encode_constructor(contract, arguments)
    salt = keccak256(repr(arguments).encode())
    lane.transact(CREATE2_DEPLOYER, salt + code, call=contract)
    return create2_address(CREATE2_DEPLOYER, salt, keccak256(code))
