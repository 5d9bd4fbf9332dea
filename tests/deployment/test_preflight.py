"""What is found out before the first transaction."""

from __future__ import annotations

from typing import Any

import pytest
from web3 import Web3

from pyutils.chain import Lane, rpc
from pyutils.contracts.base import encode_constructor
from pyutils.deployment import Plan, Role, RoleGrant
from pyutils.deployment.addresses import CREATE2_DEPLOYER, create2_address
from pyutils.deployment.cost import cost_now
from pyutils.deployment.credit_plan import CollateralListing, CreditPlan
from pyutils.deployment.holders import CannotActError
from pyutils.deployment.network import Network
from pyutils.deployment.outline import Kind, Planned
from pyutils.deployment.plan import PlanError
from pyutils.deployment.plan_file import example_plan
from pyutils.deployment.preflight import (
    HolderError,
    ThingError,
    check_holders,
    check_holders_offline,
    check_things,
)
from pyutils.deployment.proxy import PROXY_FUNDS
from pyutils.deployment.system import draw_on
from pyutils.keccak import keccak256

from .practice import CHAIN_ID, NETWORK, give, signer_of

HOLDER = signer_of("risk").address
REFUSES = "0x5f5ffd"


@pytest.fixture
def plan() -> Plan:
    """Return a plan whose holders are this test's own."""
    return Plan.default(CHAIN_ID, {role: signer_of(role.name).address for role in Role}, network=NETWORK)


def with_risk(plan: Plan, holder: str) -> Plan:
    grants = [grant for grant in plan.grants if grant.role is not Role.RISK]
    return plan.model_copy(
        update={"grants": (*grants, RoleGrant(role=Role.RISK, holder=holder, execution_delay_s=86_400))}
    )


def test_check_holders__zero_address__is_refused(plan: Plan) -> None:
    with pytest.raises(HolderError, match="the holder of risk is the zero address"):
        check_holders_offline(with_risk(plan, "0x" + "00" * 20))
    with pytest.raises(HolderError, match="the fee recipient is the zero address"):
        check_holders_offline(plan.model_copy(update={"fee_recipient": "0x" + "00" * 20}))
    market = CreditPlan(cost_recipient="0x" + "00" * 20)
    with pytest.raises(HolderError, match=r"credit\.0\.cost_recipient is the zero address"):
        check_holders_offline(plan.model_copy(update={"credit": (market,)}))


def test_check_holders__key_that_everybody_has__is_refused_but_on_development_chains(plan: Plan) -> None:
    check_holders_offline(plan, signer_of("developer").address)
    with pytest.raises(HolderError, match=r"the holder of admin is .*, whose key is public"):
        check_holders_offline(example_plan("base-sepolia").plan)
    with pytest.raises(HolderError, match=r"the deployer is .*, whose key is public"):
        check_holders_offline(plan, example_plan("base-sepolia").plan.deployer)
    check_holders_offline(Plan.default(31337))


@pytest.mark.parametrize(
    ("code", "acts"),
    [("0x", True), ("0xef0100" + "11" * 20, True), (REFUSES, False), ("token", False)],
    ids=["account", "delegated account", "refuses all", "token"],
)
def test_check_holders__contract__must_be_one_that_can_act(chain: Web3, plan: Plan, code: str, acts: bool) -> None:
    if code == "token":
        code = "0x" + rpc.code_at(chain, put_coin(chain)).hex()
    rpc.request(chain, "anvil_setCode", HOLDER, code)
    wanted = with_risk(plan, HOLDER)

    if acts:
        check_holders(wanted, chain)
    else:
        with pytest.raises(CannotActError, match="risk cannot be held by"):
            check_holders(wanted, chain)


def test_check_holders__one_of_our_own_contracts__is_refused(chain: Web3, plan: Plan) -> None:
    with pytest.raises(CannotActError, match="it is the system's LeaseBook"):
        check_holders(plan, chain, {signer_of("RISK").address: "LeaseBook"})


def test_check_things__what_should_be_there__is_asked_for(chain: Web3, plan: Plan) -> None:
    nowhere = signer_of("nowhere").address
    coin = put_coin(chain)
    check_things(plan.model_copy(update={"tokens": (coin,)}), chain)
    with pytest.raises(ThingError, match=r"tokens\.1: there is no code at"):
        check_things(plan.model_copy(update={"tokens": (coin, nowhere)}), chain)
    with pytest.raises(ThingError, match=r"tokens\.0: .* has no decimals"):
        check_things(plan.model_copy(update={"tokens": (CREATE2_DEPLOYER,)}), chain)
    with pytest.raises(ThingError, match=r"oracle\.sequencer_feed: there is no code"):
        check_things(plan.model_copy(update={"sequencer_feed": nowhere}), chain)
    listing = CollateralListing(token=coin, feed=nowhere, max_age_s=1, least=1, most=2)
    with pytest.raises(ThingError, match=r"credit\.0\.collaterals\.0\.feed: there is no code"):
        check_things(plan.model_copy(update={"credit": (CreditPlan(collaterals=(listing,)),)}), chain)


def test_draw_on__decimals_of_the_file__must_be_the_chain_s(chain: Web3, plan: Plan) -> None:
    coin = put_coin(chain)
    lent = plan.model_copy(update={"tokens": (coin,), "test_coin": None, "credit": (CreditPlan(),)})
    deployer = signer_of("developer").address
    assert draw_on(chain, lent, deployer, {coin: 6}).markets[0].decimals == 6
    with pytest.raises(PlanError, match="has 6 decimals on chain, the plan says 18"):
        draw_on(chain, lent, deployer, {coin: 18})
    with pytest.raises(PlanError, match=f"the plan is {HOLDER}'s to carry out"):
        draw_on(chain, lent.model_copy(update={"deployer": HOLDER}), deployer)


def network(**changes: Any) -> Network:
    fields = {"title": "T", "chain_id": 1, "mainnet": False, "currency": "ETH", "step_depth": 0, "depth": 1}
    return Network.model_validate(fields | changes)


STEPS = (Planned(Kind.FUND, "a", 21_000, 300), Planned(Kind.TERMS, "b", 1_000_000, 20_000))


def test_cost_now__plain_chain__is_gas_times_price_and_the_proxy_s_funds(chain: Web3) -> None:
    rpc.request(chain, "anvil_setNextBlockBaseFeePerGas", hex(7 * 10**9))
    rpc.request(chain, "evm_mine")
    tip = int(rpc.request(chain, "eth_maxPriorityFeePerGas"), 16)

    cost = cost_now(chain, network(), STEPS)

    assert cost.gas == 1_021_000
    assert cost.price == 7 * 10**9 + tip
    assert cost.data_fee == 0
    assert cost.expected == 1_021_000 * cost.price + PROXY_FUNDS
    # The largest step's limit is a quarter higher, at up to double the base fee.
    assert cost.needed - cost.expected == 1_250_000 * 7 * 10**9


def test_cost_now__rollups__ask_their_own_contracts_for_the_price_of_data(chain: Web3) -> None:
    op, arbitrum = (network(rollup=kind) for kind in ("op-stack", "arbitrum"))
    assert cost_now(chain, op, STEPS).data_fee is None

    # Answers what it is asked times two, as an oracle that takes two wei a byte would: CALLDATALOAD(4) doubled.
    rpc.request(chain, "anvil_setCode", "0x420000000000000000000000000000000000000F", "0x60043560011b5f5260205ff3")
    known = cost_now(chain, op, STEPS)
    assert known.data_fee == 2 * (300 + 20_000)
    assert known.expected == known.gas * known.price + known.data_fee + PROXY_FUNDS

    assert cost_now(chain, arbitrum, STEPS).data_fee == 0


def put_coin(web3: Web3) -> str:
    """Put a coin of six decimals up."""
    lane = Lane(web3, signer_of("coiner"))
    give(web3, lane.address)
    code = encode_constructor("TestStablecoin", ("Coin", "C", 6))
    lane.transact(CREATE2_DEPLOYER, bytes(32) + code, call="TestStablecoin")
    return create2_address(CREATE2_DEPLOYER, bytes(32), keccak256(code))
