"""What runs on a deployment of two credit markets: commands say which market they mean."""

from __future__ import annotations

from web3 import Web3

from pyutils.chain import Lane
from pyutils.contracts import System
from pyutils.contracts.base import encode_constructor
from pyutils.deployment import Plan, deploy_system
from pyutils.deployment.addresses import CREATE2_DEPLOYER, create2_address
from pyutils.deployment.credit_plan import CreditPlan
from pyutils.devnet import CHAIN_ID, account
from pyutils.keccak import keccak256
from pyutils.migration import Kind, read_remaining
from pyutils.operations import vaults
from pyutils.units import TokenUnits


def test_read_remaining__lender_in_the_second_market__its_commands_name_the_coin(web3: Web3) -> None:
    lane = Lane(web3, account("lender-1"))
    code = encode_constructor("TestStablecoin", ("Other", "OTH", 18))
    lane.transact(CREATE2_DEPLOYER, bytes(32) + code, call="deploy Other")
    other = create2_address(CREATE2_DEPLOYER, bytes(32), keccak256(code))
    both = {"tokens": (other,), "credit": (CreditPlan(), CreditPlan(token=other))}
    plan = Plan.default(CHAIN_ID).model_copy(update=both)
    system = System.at(web3, deploy_system(account("deployer"), plan, web3))
    market = system.credit(other)
    market.token.mint(lane, lane.address, TokenUnits(5 * 10**18))
    vaults.deposit(market, lane, TokenUnits(5 * 10**18), lane.address, "approve")

    (lent,) = (one for one in read_remaining(system).obligations if one.kind is Kind.LENT)
    (step,) = lent.steps
    assert step.command == f"gpurwa vault request-redeem all --coin {other} --network devnet"
    vaults.request_redeem(market, lane, None)
    waiting = [one for one in read_remaining(system).obligations if one.token == market.vault.address]
    assert [one.kind for one in waiting] == [Kind.REDEMPTION, Kind.REDEMPTION]
    assert {f" --coin {other}" in one.steps[0].command for one in waiting} == {True}
    assert any("OTH" in one.what for one in waiting)
