"""Calls of people's roles, announced and made, by commands; read from the chain afterwards."""

from __future__ import annotations

import pytest

from pyutils.contracts import System
from pyutils.contracts.base import encode_call
from pyutils.deployment.roles import Role
from pyutils.devnet import account
from pyutils.units import FleetId

from .shell import LiveFleet, Shell, confirm, enroll, twice


@pytest.fixture
def system(sh: Shell) -> System:
    return System.at(sh.chain.web3, sh.chain.manifest)


def test_pause_and_unpause__new_business__stops_and_goes_on(sh: Shell, fleet: LiveFleet, system: System) -> None:
    lease = ("lease", "open", fleet.fleet_id, "--gpus", 1, "--for", "8h", "--account", "lessee-1")
    sh("admin", "pause", "--account", "guardian")
    assert system.registry.is_paused()
    assert "paused" in sh.refused(*lease)
    twice(sh, ("admin", "unpause", "--account", "parameters"))
    assert not system.registry.is_paused()
    sh(*lease)


def test_delist_and_list_token__by_their_roles__new_fleets_follow(sh: Shell, system: System) -> None:
    coin = system.coin().address
    sh("admin", "delist-token", coin, "--account", "guardian")
    assert not system.registry.is_token_listed(coin)
    twice(sh, ("admin", "list-token", coin, "--account", "parameters"))
    assert system.registry.is_token_listed(coin)


def test_grant_and_revoke_role__by_the_admin__takes_effect_after_its_delays(sh: Shell, system: System) -> None:
    guardian, holder = Role.GUARDIAN, account("investor-3").address
    twice(sh, ("admin", "grant-role", "guardian", "investor-3", "--delay", "0s", "--account", "admin"))
    sh.clock.advance(7 * 86_400)
    assert system.authority.has_role(guardian, holder) == (True, 0)
    sh("admin", "pause", "--account", "investor-3")
    assert system.registry.is_paused()
    twice(sh, ("admin", "revoke-role", "guardian", "investor-3", "--account", "admin"))
    assert not system.authority.has_role(guardian, holder)[0]
    sh("admin", "renounce-role", "guardian", "--account", "guardian")
    assert not system.authority.has_role(guardian, account("guardian").address)[0]


def test_cancel_call__announced_by_a_delayed_role__cannot_be_made(sh: Shell, system: System) -> None:
    liveness, before = ("admin", "liveness", "3h", "--account", "parameters"), system.oracle.liveness()
    data = encode_call("MeterOracle", "setLiveness", 10_800)
    assert sh.json(*liveness)["scheduled_for"] is not None
    operation = system.authority.operation(account("parameters").address, system.oracle.address, data)
    sh("admin", "cancel-call", "0x" + operation.hex(), "--account", "guardian")
    assert system.authority.scheduled_for(operation) == 0
    sh.clock.advance(2 * 86_400)
    assert sh.json(*liveness)["scheduled_for"] is not None
    assert system.oracle.liveness() == before


def test_gate__permitted_frozen_forced__shares_move_as_the_roles_say(sh: Shell, system: System) -> None:
    number = enroll(sh, ("gpu-g",), "--gated")
    twice(sh, confirm(sh, number, ("gpu-g",)))
    shares = system.shares(FleetId(number))
    send = ("shares", "transfer", number)
    assert sh.refused(*send, "investor-1", "1000", "--account", "operator-a")
    for who in ("operator-a", "investor-1", "investor-2"):
        sh("admin", "holder", who, "--account", "registrar")
        assert system.transfer_gate.is_permitted(account(who).address)
    sh(*send, "investor-1", "1000", "--account", "operator-a")
    sh("admin", "freeze", number, "investor-1", "900", "--account", "registrar")
    assert sh.refused(*send, "investor-2", "101", "--account", "investor-1")
    sh(*send, "investor-2", "100", "--account", "investor-1")
    forced = (number, "investor-1", "investor-2", "900")
    twice(sh, ("admin", "approve-forced", *forced, "--account", "enforcer"))
    twice(sh, ("admin", "force-transfer", *forced, "--account", "registrar"))
    assert shares.balance_of(account("investor-1").address) == 0
    assert shares.balance_of(account("investor-2").address) == 1_000 * 10**18
    sh("admin", "holder", "investor-2", "--forbidden", "--account", "registrar")
    assert not system.transfer_gate.is_permitted(account("investor-2").address)
