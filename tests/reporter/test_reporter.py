"""The reporter from samples to the head, with verifiers who build every report again."""

from __future__ import annotations

from .fleet_world import FLEET, FleetWorld

VERIFIERS = ("verifier-1", "verifier-2")


def test_tick__two_verifiers__every_hour_is_at_the_head(fleet_world: FleetWorld) -> None:
    world = fleet_world
    desk = world.lease_desk()
    operator = world.operator(VERIFIERS)
    operator.serve()
    for name in VERIFIERS:
        world.verifier(name).serve()
    world.open_leases(desk)
    for hour in range(1, 7):
        as_of = world.due(hour)
        operator.tick()
        assert world.head().as_of == as_of
