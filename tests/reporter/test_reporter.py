"""The reporter from samples to the head, with verifiers who build every report again."""

from __future__ import annotations

import pytest

from pyutils.meter import FleetMeter, LeafFile, build_leaf_file, build_report_data, read_leaf_file
from pyutils.models import Enrolment
from pyutils.operations.commitments import read_commitments
from pyutils.operations.gpu_lists import GpuLists
from pyutils.reporter.store.records import State
from pyutils.units import FleetId, UnixSeconds

from .fleet_world import FLEET, FleetWorld
from .parties import reporting, states


def from_all_samples(world: FleetWorld, as_of: UnixSeconds) -> LeafFile:
    """Return what a report commits to, built at once from the whole trace and the chain."""
    told = read_commitments(world.system, GpuLists(world.folder / "gpus"), FLEET, as_of)
    meter = FleetMeter(told.enrolments, told.cadence_ms, world.plan.fleet(FLEET).kind.power)
    meter.feed(world.trace.series)
    return build_leaf_file(meter, FLEET, as_of, told.leases, told.allocations)


def assert_head_is_what_the_trace_shows(world: FleetWorld) -> None:
    """Compare the head's counters with those of all samples at once."""
    head = world.head()
    gpus = world.plan.fleet(FLEET).gpu_ids
    expected = build_report_data(
        world.trace.only(gpus),
        [Enrolment(gpu_id=gpu_id, since=world.first) for gpu_id in gpus],
        world.trace.cadence_ms,
        world.plan.fleet(FLEET).kind.power,
        FLEET,
        UnixSeconds(head.as_of),
        (),
        (),
    )
    assert (head.available_gpu_ms, head.busy_gpu_ms, head.energy_joules) == (
        expected.available_gpu_ms,
        expected.busy_gpu_ms,
        expected.energy_joules,
    )


def test_tick__two_verifiers__every_hour_is_at_the_head(fleet_world: FleetWorld) -> None:
    world, operator = fleet_world, reporting(fleet_world)
    for hour in range(1, 7):
        world.bring(operator, hour)
        assert_head_is_what_the_trace_shows(world)
    operator.tick()
    assert states(operator) == {world.hour(hour): State.FINAL for hour in range(1, 7)}
    record = operator.store.latest(FLEET)
    assert record is not None
    assert record.report is not None
    leaf_file = read_leaf_file(operator.folders.leaf_files / f"0x{record.report.data_hash.hex()}.jsonl.gz")
    assert leaf_file.leaves, "there are leases"
    assert leaf_file.tree.root == world.head().lease_root


def test_tick__nothing_due__nothing_is_done(fleet_world: FleetWorld) -> None:
    world, operator = fleet_world, reporting(fleet_world)
    world.bring(operator, 0)
    operator.tick()
    before = world.head()
    world.arrive(1)
    operator.tick()
    assert world.head() == before
    assert list(states(operator)) == [world.hour(0)]


def test_tick__hours_missed__the_next_report_says_all(fleet_world: FleetWorld) -> None:
    world, operator = fleet_world, reporting(fleet_world)
    world.bring(operator, 1)
    as_of = world.bring(operator, 5)
    assert_head_is_what_the_trace_shows(world)
    operator.tick()
    assert states(operator) == {world.hour(1): State.FINAL, as_of: State.FINAL}


@pytest.mark.parametrize("missed", [(), (1, 2), (2, 3, 4), (1, 3, 5)])
def test_tick__any_reports_missed__counters_and_samples_are_the_same(
    fleet_world: FleetWorld, missed: tuple[int, ...]
) -> None:
    world, operator = fleet_world, reporting(fleet_world)
    for hour in range(1, 7):
        if hour not in missed:
            world.bring(operator, hour)
    record = operator.store.latest(FLEET)
    assert record is not None
    assert record.report is not None
    assert record.as_of == world.hour(6)
    # One hash pins counters, leases, allocations and samples.
    assert record.report.data_hash == from_all_samples(world, record.as_of).data_hash


def test_tick__two_fleets_and_their_operators__do_not_mind_each_other(fleet_world: FleetWorld) -> None:
    world = fleet_world
    assert {fleet.fleet_id for fleet in world.plan.fleets} == {FleetId(1), FleetId(2)}
    operator = reporting(world)
    world.bring(operator, 1)
    assert world.head(FleetId(2)).as_of == 0
