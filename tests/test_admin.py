"""Calls of roles: at once, or announced and made after the delay."""

from __future__ import annotations

import pytest
from web3 import Web3

from pyutils.admin import NotPermittedError, RoleCall, call_at_once, execute, schedule
from pyutils.chain import AnvilClock, ClockError, RevertedError
from pyutils.contracts import System
from pyutils.deployment.roles import DAY_S, EXECUTION_DELAYS_S, Role
from pyutils.devnet import account


@pytest.fixture
def unpause(system: System) -> RoleCall:
    return RoleCall(system.registry, "unpause", ())


def test_call_at_once__role_without_delay__is_made(system: System) -> None:
    lane = system.lane(account("guardian"))
    assert call_at_once(system.authority, lane, RoleCall(system.registry, "pause", ())) is not None
    assert system.registry.is_paused()


def test_call_at_once__role_with_delay__is_left_to_schedule(system: System, unpause: RoleCall) -> None:
    assert call_at_once(system.authority, system.lane(account("parameters")), unpause) is None


def test_call_at_once__stranger__is_refused(system: System, unpause: RoleCall) -> None:
    with pytest.raises(NotPermittedError, match=r"may not call FleetRegistry\.unpause"):
        call_at_once(system.authority, system.lane(account("lessee-1")), unpause)


def test_schedule__then_execute_after_the_delay__is_made(system: System, unpause: RoleCall, web3: Web3) -> None:
    system.registry.pause(system.lane(account("guardian")))
    lane, clock = system.lane(account("parameters")), AnvilClock(web3)

    announced = schedule(system.authority, lane, unpause)

    assert announced.ready_at == clock.now() + EXECUTION_DELAYS_S[Role.PARAMETERS]
    clock.travel(announced.ready_at - 2)
    with pytest.raises(RevertedError) as early:
        execute(system.authority, lane, unpause)
    assert early.value.name == "AccessManagerNotReady"
    assert system.registry.is_paused()
    clock.travel(announced.ready_at)
    execute(system.authority, lane, unpause)
    assert not system.registry.is_paused()


def test_execute__a_week_late__has_expired(system: System, unpause: RoleCall, web3: Web3) -> None:
    lane = system.lane(account("parameters"))
    announced = schedule(system.authority, lane, unpause)
    AnvilClock(web3).travel(announced.ready_at + 7 * DAY_S)
    with pytest.raises(RevertedError) as late:
        execute(system.authority, lane, unpause)
    assert late.value.name == "AccessManagerExpired"


def test_cancel__by_the_guardian__stops_an_announced_call(system: System, unpause: RoleCall, web3: Web3) -> None:
    lane = system.lane(account("parameters"))
    announced = schedule(system.authority, lane, unpause)
    guardian = system.lane(account("guardian"))
    system.authority.cancel(guardian, lane.address, system.registry.address, unpause.data)
    AnvilClock(web3).travel(announced.ready_at)
    with pytest.raises(RevertedError) as gone:
        execute(system.authority, lane, unpause)
    assert gone.value.name == "AccessManagerNotScheduled"


def test_admin__grants_a_role__only_after_the_longest_delay(system: System, web3: Web3) -> None:
    lane, clock = system.lane(account("admin")), AnvilClock(web3)
    newcomer = account("investor-3").address
    grant = RoleCall(system.authority, "grantRole", (Role.ARBITER, newcomer, 0))
    assert call_at_once_is_refused(system, grant)
    announced = schedule(system.authority, lane, grant)
    assert announced.ready_at - clock.now() == EXECUTION_DELAYS_S[Role.ADMIN] == max(EXECUTION_DELAYS_S.values())
    clock.travel(announced.ready_at)
    execute(system.authority, lane, grant)
    # The grant delay took effect five days after the deployment: the newcomer waits two days more.
    assert system.authority.has_role(Role.ARBITER, newcomer)[0] is False
    clock.advance(2 * DAY_S)
    assert system.authority.has_role(Role.ARBITER, newcomer)[0] is True


def call_at_once_is_refused(system: System, call: RoleCall) -> bool:
    with pytest.raises(RevertedError) as refused:
        system.lane(account("admin")).transact(call.contract.address, call.data)
    return refused.value.name == "AccessManagerNotScheduled"


def test_clock__backwards__is_refused(web3: Web3) -> None:
    clock = AnvilClock(web3)
    with pytest.raises(ClockError, match="evm_setNextBlockTimestamp"):
        clock.set_next(clock.now() - 1)


def test_clock__set_next__stamps_exactly(web3: Web3, system: System) -> None:
    clock = AnvilClock(web3)
    then = clock.now() + 1_000
    clock.set_next(then)
    system.registry.pause(system.lane(account("guardian")))
    assert clock.now() == then
