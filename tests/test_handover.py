"""What an account can still do: nothing of the deployer's, and whatever is left is named."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from web3 import Web3

from pyutils.admin import RoleCall, execute, schedule
from pyutils.chain import AnvilClock, Lane, LanePolicy, RevertedError, rpc
from pyutils.contracts import System
from pyutils.contracts.base import call_view, encode_call
from pyutils.deployment import DeploymentError, Plan, Role, deploy_system
from pyutils.deployment.access_record import _EVENTS, AccessRecord, RecordDiffersError
from pyutils.deployment.handover import (
    NotHandedOverError,
    changing,
    managed,
    read_handover,
    record_of,
    restricted_functions,
)
from pyutils.deployment.plan import DEFAULT_TERMS
from pyutils.deployment.roles import DAY_S
from pyutils.deployment.system import Deployment
from pyutils.devnet import CHAIN_ID, account
from pyutils.operations.history import events
from pyutils.operations.roles import read_access

DEPLOYER = account("deployer")
STRANGER = account("keeper").address


class CutError(Exception):
    pass


def stopped_at(web3: Web3, step: str) -> System:
    """Return a system whose deployment stopped before a step."""

    def stop(name: str, skipped: bool) -> None:
        if name == step:
            raise CutError

    plan = Plan.default(CHAIN_ID)
    with pytest.raises(CutError):
        deploy_system(DEPLOYER, plan, web3, on_step=stop)
    return System.at(web3, Deployment(DEPLOYER, plan, web3, LanePolicy()).record.manifest())


@pytest.fixture
def unfinished(web3: Web3) -> System:
    """Return a system of which the deployer did not yet give up the admin's role."""
    return stopped_at(web3, "renounce")


# what the proof says


def test_read_handover__deployed_as_planned__nothing_is_left(system: System) -> None:
    found = read_handover(system, DEPLOYER.address)
    found.require_nothing()
    counts = {check.what: check.count for check in found.checks}
    assert counts["events that the AccessManager's state contradicts"] > 70
    assert counts["functions that it may call"] > 150
    assert counts["roles held, or to be held"] == len(Role)


def test_read_handover__not_renounced__names_role_functions_and_calls(unfinished: System) -> None:
    found = read_handover(unfinished, DEPLOYER.address)
    assert "it holds admin" in found.left
    assert "AccessManager.grantRole does not refuse it" in found.left
    assert any(line.startswith("it is let through to ") for line in found.left)
    with pytest.raises(NotHandedOverError, match=r"can still do something: it holds admin; ") as refused:
        found.require_nothing()
    assert refused.value.left == found.left


def test_deploy_system__role_beside_the_plan__the_proof_refuses_it(unfinished: System) -> None:
    lane = Lane(unfinished.web3, DEPLOYER)
    for call in (("grantRole", Role.RISK, DEPLOYER.address, 0), ("renounceRole", Role.ADMIN, DEPLOYER.address)):
        data = encode_call("AccessManager", *call)
        lane.transact(unfinished.authority.address, data, call=call[0])
    with pytest.raises(NotHandedOverError, match=r"it holds risk; it may call FleetRegistry\.consentToFloor"):
        deploy_system(DEPLOYER, Plan.default(CHAIN_ID), unfinished.web3)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (("grantRole", Role.ADMIN, STRANGER, 0), f"{STRANGER} holds admin"),
        (("grantRole", 77, STRANGER, 0), f"{STRANGER} holds role 77"),
        (("setRoleAdmin", Role.RISK, Role.ARBITER), "risk is given by arbiter"),
        (("setRoleGuardian", Role.ARBITER, 5), "calls of arbiter are cancelled by arbiter"),
        (("setTargetClosed", STRANGER, True), f"{STRANGER} is closed"),
    ],
)
def test_deploy_system__something_beside_the_plan__is_refused_whoever_it_serves(
    unfinished: System, call: tuple[Any, ...], said: str
) -> None:
    lane = Lane(unfinished.web3, DEPLOYER)
    lane.transact(unfinished.authority.address, encode_call("AccessManager", *call), call=call[0])
    with pytest.raises(DeploymentError, match=f"^{said}, which is not in the plan$"):
        deploy_system(DEPLOYER, Plan.default(CHAIN_ID), unfinished.web3)


def test_deploy_system__accomplice_gave_its_role_up_again__is_refused(unfinished: System) -> None:
    lane = Lane(unfinished.web3, DEPLOYER)
    for call in ("grantRole", Role.ADMIN, STRANGER, 0), ("revokeRole", Role.ADMIN, STRANGER):
        lane.transact(unfinished.authority.address, encode_call("AccessManager", *call), call=str(call[0]))
    with pytest.raises(DeploymentError, match=f"^{STRANGER} held admin, which is not in the plan$"):
        deploy_system(DEPLOYER, Plan.default(CHAIN_ID), unfinished.web3)


@pytest.mark.parametrize(
    ("contract", "call", "said"),
    [
        ("FleetRegistry", ("admitOperator", STRANGER, b"\1" * 32), f"FleetRegistry AdmitOperator {STRANGER}"),
        ("TransferGate", ("setPermitted", STRANGER, True), f"TransferGate SetPermitted {STRANGER}"),
        ("LeaseTerms", ("setTerms", DEFAULT_TERMS.row()), "LeaseTerms SetTerms 2"),
    ],
)
def test_deploy_system__deployer_acted_for_a_role__is_refused(
    web3: Web3, contract: str, call: tuple[Any, ...], said: str
) -> None:
    # Before functions are their roles', the deployer may call all of them: what it did then outlasts its rights.
    system = stopped_at(web3, "function roles")
    data = encode_call("AccessManager", "execute", system.manifest.address(contract), encode_call(contract, *call))
    Lane(web3, DEPLOYER).transact(system.authority.address, data, call=str(call[0]))
    with pytest.raises(DeploymentError, match=f"^{said}, which is not in the plan$"):
        deploy_system(DEPLOYER, Plan.default(CHAIN_ID), web3)


def test_read_handover__any_holder__the_functions_of_its_role_are_named(system: System) -> None:
    found = read_handover(system, account("guardian").address)
    assert found.left == (
        "it holds guardian",
        "it may call FleetRegistry.delistToken",
        "it may call FleetRegistry.pause",
        "it may call CollateralPrices.delist",
    )


def test_read_handover__role_that_is_still_to_come__is_named(system: System) -> None:
    clock, admin = AnvilClock(system.web3), system.lane(account("admin"))
    clock.advance(5 * DAY_S)  # until then a grant has no delay
    grant = RoleCall(system.authority, "grantRole", (Role.GUARDIAN, STRANGER, 0))
    announced = schedule(system.authority, admin, grant)

    (left,) = read_handover(system, STRANGER).left
    assert left == f"0x{announced.operation.hex()}, announced by {admin.address}, would give it a role"

    clock.travel(announced.ready_at)
    execute(system.authority, admin, grant)
    assert not system.authority.has_role(Role.GUARDIAN, STRANGER)[0]
    assert read_handover(system, STRANGER).left == ("it holds guardian",)
    clock.advance(2 * DAY_S)
    assert "it may call FleetRegistry.pause" in read_handover(system, STRANGER).left


def test_read_handover__announced_and_then_renounced__the_call_is_named_until_it_is_void(system: System) -> None:
    lane = system.lane(account("parameters"))
    announced = schedule(system.authority, lane, RoleCall(system.registry, "unpause", ()))
    system.authority.renounce_role(lane, Role.PARAMETERS)
    assert read_handover(system, lane.address).left == (f"it announced 0x{announced.operation.hex()}",)
    AnvilClock(system.web3).travel(announced.ready_at + 7 * DAY_S)
    assert read_handover(system, lane.address).left == ()


def test_read_handover__allowances_and_approvals__are_named_while_they_last(system: System) -> None:
    lender, market = system.lane(account("lender-1")), system.credit_markets()[0]
    given = [
        (system.coin(), ("approve", STRANGER, 1), ("approve", STRANGER, 0)),
        (market.vault, ("setOperator", STRANGER, True), ("setOperator", STRANGER, False)),
        (system.registry, ("setApprovalForAll", STRANGER, True), ("setApprovalForAll", STRANGER, False)),
        (system.lease_book, ("setApprovalForAll", STRANGER, True), ("setApprovalForAll", STRANGER, False)),
    ]
    for contract, give, take in given:
        lender.transact(contract.address, contract.call_data(*give), call="give")
        (left,) = read_handover(system, STRANGER).left
        assert left == f"{lender.address} lets it act for what it has in {contract.NAME} {contract.address}"
        lender.transact(contract.address, contract.call_data(*take), call="take")
        assert read_handover(system, STRANGER).left == ()


def test_read_handover__earlier_block__as_it_was_then(unfinished: System) -> None:
    before = int(rpc.request(unfinished.web3, "eth_blockNumber"), 16)
    unfinished.authority.renounce_role(unfinished.lane(DEPLOYER), Role.ADMIN)
    assert read_handover(unfinished, DEPLOYER.address).left == ()
    assert "it holds admin" in read_handover(unfinished, DEPLOYER.address, before).left


# the list of restricted functions is whole


def test_restricted_functions__each_function_tried_by_a_stranger__exactly_those_refuse_it(system: System) -> None:
    listed = {(address, selector) for _, address, selector in restricted_functions(system.manifest)}
    refused = set()
    for _, contract, address in managed(system.manifest):
        for _, selector in changing(contract):
            # Zeros are whatever arguments are wanted: offsets and lengths among them.
            message = {"from": STRANGER, "to": address, "data": "0x" + (selector + bytes(64 * 32)).hex()}
            try:
                rpc.execution(system.web3, "eth_call", contract, message, "latest")
            except RevertedError as error:
                if error.name == "AccessManagedUnauthorized" and error.arguments["caller"] == STRANGER.lower():
                    refused.add((address, selector))
    # LoanOffice's code runs on the storage of FleetCredit, and at its own address guards nothing.
    office = {record.address for market in system.manifest.credit for name, record in market.contracts.items()
              if name == "LoanOffice"}  # fmt: skip
    authority = {address: selector for _, contract, address in managed(system.manifest)
                 for name, selector in changing(contract) if name == "setAuthority"}  # fmt: skip
    found = {place for place in refused if place[0] not in office}
    assert found - set(authority.items()) == listed


# replay and state


def test_record__one_event_hidden__state_and_replay_differ(system: System) -> None:
    AnvilClock(system.web3).advance(5 * DAY_S)  # a delay that is still to come is nothing that the state tells
    whole = list(events(system.authority, _EVENTS, first=system.manifest.first_block))
    record = record_of(system)
    assert record.count == len(whole)
    assert record.differences(system.authority) == ()
    functions = [(address, selector) for _, address, selector in restricted_functions(system.manifest)]
    # For whom no event names nobody can ask; the account that is to be proved is asked for by itself.
    for hidden in (event for event in whole if event.name != "RoleGranted"):
        partial = AccessRecord.read(
            system.authority, first=record.block + 1, block=record.block, roles=Role, functions=functions
        )
        for event in whole:
            if event is not hidden:
                partial.add(event)
        with pytest.raises(RecordDiffersError, match="AccessManager at block"):
            partial.check(system.authority)


class Life:
    """An AccessManager through a random life, by an admin without delay."""

    def __init__(self, web3: Web3, seed: int) -> None:
        self.web3, self.random = web3, random.Random(seed)
        self.lane, self.clock = Lane(web3, DEPLOYER), AnvilClock(web3)
        self.people = [account(name) for name in ("lessee-1", "lessee-2", "lessee-3")]
        self.lanes = {one.address: Lane(web3, one) for one in self.people}

    def steps(self, target: str) -> Iterator[tuple[Lane, tuple[Any, ...]]]:
        pick, selectors = self.random.choice, [bytes([n] * 4) for n in range(1, 4)]
        while True:
            who, role = pick(self.people).address, pick([1, 2, 3, 2**64 - 1])
            small = pick([1, 2, 3])
            delay = pick([0, 1, 3_600, DAY_S, 10 * DAY_S])
            data = pick(selectors)
            yield pick(
                [
                    (self.lane, ("grantRole", small, who, delay)),
                    (self.lane, ("revokeRole", small, who)),
                    (self.lanes[who], ("renounceRole", small, who)),
                    (self.lane, ("setRoleAdmin", small, pick([0, 1, 2]))),
                    (self.lane, ("setRoleGuardian", small, pick([0, 1, 2]))),
                    (self.lane, ("setGrantDelay", small, delay)),
                    (self.lane, ("setTargetFunctionRole", target, [data], role)),
                    (self.lane, ("setTargetClosed", target, pick([True, False]))),
                    (self.lane, ("setTargetAdminDelay", target, delay)),
                    *[(self.lanes[who], ("schedule", target, data, 0))] * 3,
                    (self.lanes[who], ("execute", target, data)),
                    (self.lanes[who], ("cancel", who, target, data)),
                ]
            )


@pytest.mark.parametrize("seed", range(4))
def test_record__random_life__replay_equals_state_at_every_block(web3: Web3, unfinished: System, seed: int) -> None:
    life, authority, made = Life(web3, seed), unfinished.authority, 0
    blocks = []
    for lane, call in life.steps(STRANGER):
        try:
            lane.transact(authority.address, encode_call("AccessManager", *call), call=str(call[0]))
            made += 1
        except RevertedError:
            pass
        if life.random.random() < 0.5:
            life.clock.advance(life.random.choice([1, 3_600, DAY_S, 6 * DAY_S]))
        blocks.append(int(rpc.request(web3, "eth_blockNumber"), 16))
        if made == 40:
            break
    names = set()
    for block in [*life.random.sample(blocks, 6), blocks[-1]]:
        record = record_of(unfinished, block)
        assert record.differences(authority) == ()
        names |= {role for role, _ in record.seen}
        view = read_access(unfinished, block)
        for one in view.announced:
            assert one.ready_at == authority.scheduled_for(one.operation, block)
    assert names >= {1, 2, 3}


def test_read_access__announced_call__says_who_may_cancel_it_and_when_it_can_be_made(system: System) -> None:
    lane = system.lane(account("parameters"))
    announced = schedule(system.authority, lane, RoleCall(system.registry, "listToken", (STRANGER,)))
    grant = RoleCall(system.authority, "grantRole", (Role.RISK, STRANGER, 60))
    given = schedule(system.authority, system.lane(account("admin")), grant)
    view = read_access(system)

    first, second = view.announced
    assert first.operation == announced.operation
    assert first.call == f"FleetRegistry.listToken(token={STRANGER.lower()})"
    assert (first.role, first.caller, first.ready_at) == ("parameters", lane.address, announced.ready_at)
    assert set(first.may_cancel) == {account(name).address for name in ("parameters", "guardian", "admin")}
    assert second.operation == given.operation
    assert second.call == f"AccessManager.grantRole(roleId=7, account={STRANGER.lower()}, executionDelay=60)"
    assert (second.role, second.may_cancel) == ("admin", (account("admin").address,))


def test_read_access__each_canceller__may_really_cancel_and_nobody_else(system: System) -> None:
    lane = system.lane(account("parameters"))
    call = RoleCall(system.registry, "unpause", ())
    schedule(system.authority, lane, call)
    (announced,) = read_access(system).announced
    for name in ("admin", "guardian", "parameters", "registrar", "risk", "keeper"):
        data = system.authority.call_data("cancel", lane.address, system.registry.address, call.data)
        message = {"from": account(name).address, "to": system.authority.address, "data": "0x" + data.hex()}
        try:
            rpc.execution(system.web3, "eth_call", "cancel", message, "latest")
            may = True
        except RevertedError:
            may = False
        assert may == (account(name).address in announced.may_cancel), name


def test_read_access__function_without_a_role_or_for_everybody__is_shown(unfinished: System) -> None:
    lane, authority = unfinished.lane(DEPLOYER), unfinished.authority
    pause, unpause = (encode_call("FleetRegistry", name) for name in ("pause", "unpause"))
    for selector, role in ((pause, Role.ADMIN), (unpause, 2**64 - 1)):
        data = encode_call("AccessManager", "setTargetFunctionRole", unfinished.registry.address, [selector], role)
        lane.transact(authority.address, data, call="map")
    found = {role.name: role for role in read_access(unfinished).roles}
    assert "FleetRegistry.pause" in found["admin"].functions
    assert found["everybody"].functions == ("FleetRegistry.unpause",)
    assert call_view(unfinished.web3, "AccessManager", authority.address, "canCall", STRANGER,
                     unfinished.registry.address, unpause)[0]  # fmt: skip
    assert "it may call FleetRegistry.unpause" in read_handover(unfinished, STRANGER).left


def test_read_access__closed_contract_and_coming_delays__are_shown(unfinished: System) -> None:
    lane, authority, registry = unfinished.lane(DEPLOYER), unfinished.authority, unfinished.registry
    data = encode_call("AccessManager", "setTargetClosed", registry.address, True)
    lane.transact(authority.address, data, call="close")
    view = read_access(unfinished)
    target = next(one for one in view.targets if one.name == "FleetRegistry")
    assert target.is_closed
    # OpenZeppelin holds a new delay back for five days.
    assert (target.admin_delay.seconds, target.admin_delay.next_seconds) == (0, 7 * DAY_S)
    assert 4 * DAY_S < (target.admin_delay.next_from or 0) - view.at <= 5 * DAY_S
    assert read_handover(unfinished, account("guardian").address).left[:1] == ("it holds guardian",)
    assert "it may call FleetRegistry.pause" not in read_handover(unfinished, account("guardian").address).left
