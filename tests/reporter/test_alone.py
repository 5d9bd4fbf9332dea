"""Verifiers who report while the operator is silent, and the operator who goes on from what they reported."""

from __future__ import annotations

import pytest

from pyutils.chain import FeeCapError
from pyutils.reporter.operator_daemon import OperatorDaemon
from pyutils.reporter.store.records import State
from pyutils.reporter.verifier_daemon import VerifierDaemon
from pyutils.reporter.view import OPERATOR_SILENCE_S
from pyutils.units import SECONDS_PER_HOUR, UnixSeconds

from .fleet_world import FLEET, FleetWorld
from .parties import VERIFIERS


def publishing(world: FleetWorld) -> tuple[OperatorDaemon, dict[str, VerifierDaemon]]:
    """Start an operator and two verifiers who may report alone, and know where the other publishes."""
    operator = world.operator(VERIFIERS)
    operator.serve()
    verifiers = {}
    for name in VERIFIERS:
        peers = [peer for peer in VERIFIERS if peer != name]
        verifiers[name] = world.verifier(name, peers, gas={"signer": f"investor-{VERIFIERS.index(name) + 1}"})
        verifiers[name].serve()
    return operator, verifiers


def first_of(world: FleetWorld, verifiers: dict[str, VerifierDaemon]) -> VerifierDaemon:
    """Return the verifier that reports first: that of the lowest address."""
    return verifiers[min(VERIFIERS, key=lambda name: int(world.world.address(name), 16))]


def silence(world: FleetWorld, more_s: int = 0) -> None:
    """Let a day pass without a head."""
    world.world.arrive(UnixSeconds(world.head().accepted_at + OPERATOR_SILENCE_S + more_s))


def test_tick__operator_silent_for_a_day__verifiers_report_what_it_would_have(fleet_world: FleetWorld) -> None:
    world = fleet_world
    operator, verifiers = publishing(world)
    world.open_leases(world.lease_desk())
    world.bring(operator, 1)
    operator.close()
    world.daemons.remove(operator)
    first = first_of(world, verifiers)
    before = world.head()
    silence(world, -60)
    first.tick()
    assert world.head() == before
    silence(world)
    world.tick_until(first, lambda: world.head() != before)
    head = world.head()
    assert head.available_gpu_ms > before.available_gpu_ms
    assert head.as_of > before.as_of + 20 * SECONDS_PER_HOUR
    for verifier in verifiers.values():
        record = verifier.store.record_of(head.digest)
        assert record is not None


def test_tick__operator_has_not_sent_what_was_signed__verifiers_leave_it_alone(fleet_world: FleetWorld) -> None:
    world = fleet_world
    operator, verifiers = publishing(world)
    before = world.hour(1)
    world.bring(operator, 1)
    world.due(2)
    world.set_base_fee(500)
    with pytest.raises(FeeCapError):
        operator.tick()
    for verifier in verifiers.values():
        newest = verifier.store.latest_promise(FLEET)
        assert newest is not None
        assert newest.as_of == world.hour(2)
        verifier.tick()
        assert not verifier.reporters[0].courier.lane.outstanding
    assert world.head().as_of == before


def test_tick__second_verifier__leaves_the_first_its_time(fleet_world: FleetWorld) -> None:
    world = fleet_world
    operator, verifiers = publishing(world)
    world.bring(operator, 1)
    first = first_of(world, verifiers)
    second = next(one for one in verifiers.values() if one is not first)
    before = world.head()
    silence(world)
    second.tick()
    assert world.head() == before
    silence(world, 1_800)
    world.tick_until(second, lambda: world.head() != before)


def test_tick__operator_comes_back__goes_on_from_what_verifiers_reported(fleet_world: FleetWorld) -> None:
    world = fleet_world
    operator, verifiers = publishing(world)
    world.open_leases(world.lease_desk())
    world.bring(operator, 1)
    silence(world)
    alone = world.head()
    world.tick_until(first_of(world, verifiers), lambda: world.head() != alone)
    theirs = world.head()
    later = UnixSeconds(theirs.as_of + SECONDS_PER_HOUR)
    world.world.arrive(UnixSeconds(later + 2 * world.cadence_s + 1))
    world.tick_until(operator, lambda: world.head().as_of == later)
    adopted = operator.store.record_of(theirs.digest)
    assert adopted is not None
    assert adopted.state is State.ADOPTED
    assert world.head().available_gpu_ms >= theirs.available_gpu_ms
    assert b"foreign_submissions_total 1.0" in operator.metrics.exposition()
    assert operator.store.promised(FLEET, later) == world.head().digest
