"""From samples to what a report commits to: fleet counters, delivery, hashes, and the published file."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from pyutils.errors import InputError, LeafFileError
from pyutils.keccak import keccak256
from pyutils.merkle import EMPTY_ROOT, lease_tree
from pyutils.meter import (
    FleetMeter,
    GpuSeries,
    LeafFile,
    Trace,
    build_leaf_file,
    build_report_data,
    parse_leaf_file,
    read_leaf_file,
    read_trace,
    synthetic_trace,
    verify_leaf_file,
    write_leaf_file,
)
from pyutils.meter.fleet import AllocationError, EnrolmentError
from pyutils.models import Allocation, Enrolment, PowerModel
from pyutils.units import FleetId, LeaseId, Ms, UnixSeconds, Watts

POWER = PowerModel(idle_watts=Watts(70), max_watts=Watts(700))
FLEET = FleetId(1)
HOUR = 3_600


def at(seconds: int) -> UnixSeconds:
    return UnixSeconds(seconds)


def allocation(lease_id: int, gpu_id: str, start: int, end: int) -> Allocation:
    return Allocation(lease_id=LeaseId(lease_id), gpu_id=gpu_id, start=at(start), end=at(end))


def enrolled(gpu_ids: Sequence[str], since: int) -> list[Enrolment]:
    return [Enrolment(gpu_id=gpu_id, since=at(since)) for gpu_id in gpu_ids]


@pytest.fixture(scope="module")
def trace() -> Trace:
    return synthetic_trace(11)


@pytest.fixture(scope="module")
def allocations(trace: Trace) -> list[Allocation]:
    first = trace.first
    return [
        *(allocation(1, gpu_id, first + 1_000, first + 30_000) for gpu_id in trace.gpu_ids[:4]),
        *(allocation(2, gpu_id, first + 2_000, first + 9_000) for gpu_id in trace.gpu_ids[4:9]),
        allocation(3, trace.gpu_ids[4], first + 9_000, first + 40_000),
    ]


def build(trace: Trace, allocations: list[Allocation], as_of: int, leases: Sequence[int] = (1, 2, 3)) -> LeafFile:
    return build_report_data(
        trace.series,
        enrolled(trace.gpu_ids, trace.first),
        trace.cadence_ms,
        POWER,
        FLEET,
        at(as_of),
        [LeaseId(one) for one in leases],
        allocations,
    )


def naive_available_ms(series: GpuSeries, start: int, end: int, cadence_ms: int) -> int:
    total = 0
    for one, next_one in zip(series.at_ms, series.at_ms[1:], strict=False):
        if next_one - one <= 2 * cadence_ms:
            total += max(0, min(next_one, end * 1000) - max(one, start * 1000))
    return total


def assert_built_by_the_rule(trace: Trace, allocations: list[Allocation], as_of: int) -> LeafFile:
    built = build(trace, allocations, as_of)
    by_gpu = {one.gpu_id: one for one in trace.series}
    for leaf in built.leaves:
        expected = sum(
            naive_available_ms(by_gpu[one.gpu_id], one.start, min(one.end, as_of), trace.cadence_ms)
            for one in allocations
            if one.lease_id == leaf.lease_id and one.start < as_of
        )
        assert leaf.delivered_gpu_ms == expected
    assert built.available_gpu_ms == sum(
        naive_available_ms(one, trace.first, as_of, trace.cadence_ms) for one in trace.series
    )
    assert 0 < built.busy_gpu_ms < built.available_gpu_ms
    assert built.available_gpu_ms * 70 // 1000 - len(trace.series) <= built.energy_joules
    assert built.energy_joules <= built.available_gpu_ms * 700 // 1000
    return built


def test_build__synthetic_trace__delivers_what_the_rule_gives(trace: Trace, allocations: list[Allocation]) -> None:
    built = assert_built_by_the_rule(trace, allocations, trace.first + 12 * HOUR)
    assert [leaf.lease_id for leaf in built.leaves] == [1, 2, 3]
    assert all(leaf.delivered_gpu_ms for leaf in built.leaves)


def test_build__recorded_trace__delivers_what_the_rule_gives(duty_cycle_trace: Path) -> None:
    trace = read_trace(duty_cycle_trace)
    ids = trace.gpu_ids
    served = [allocation(1 + i % 3, gpu_id, trace.first + i * 100, trace.last - i * 50) for i, gpu_id in enumerate(ids)]
    for hours in (1, 5, 11):
        verify_leaf_file(assert_built_by_the_rule(trace, served, trace.first + hours * HOUR + 13), trace.series)


@pytest.mark.parametrize("hours", [[3], [1, 2, 3], [2, 9], [1, 5, 6, 7, 11]])
def test_build__reports_made_or_missed_before__give_the_same_file(
    trace: Trace, allocations: list[Allocation], hours: list[int]
) -> None:
    """Path independence down to the last bit: neither counters nor hashes depend on which reports were made."""
    meter = FleetMeter(enrolled(trace.gpu_ids, trace.first), trace.cadence_ms, POWER)
    samples_from = 0
    for hour in hours:
        as_of = at(trace.first + hour * HOUR)
        stop = as_of * 1000 + 2 * trace.cadence_ms
        meter.feed(_between(trace, samples_from, stop))
        samples_from = stop + 1
        built = build_leaf_file(meter, FLEET, as_of, [LeaseId(1), LeaseId(2), LeaseId(3)], allocations)
        assert built.data == build(trace, allocations, as_of).data
        meter.seal(as_of)
    assert meter.dropped_late == 0
    meter.feed(_between(trace, 0, stop)[:1])
    assert meter.dropped_late == len(_between(trace, 0, stop)[0])
    assert build_leaf_file(meter, FLEET, as_of, [LeaseId(1), LeaseId(2), LeaseId(3)], allocations).data == built.data


def _between(trace: Trace, first_ms: int, last_ms: int) -> list[GpuSeries]:
    cut = []
    for one in trace.series:
        rows = [(a, d) for a, d in zip(one.at_ms, one.duty_ppm, strict=True) if first_ms <= a <= last_ms]
        cut.append(GpuSeries(one.gpu_id, [row[0] for row in rows], [row[1] for row in rows]))
    return cut


def test_samples_hash__small_case__is_the_documented_chain() -> None:
    hour_ms = 3_600_000
    series = [
        GpuSeries("b", [5_000, hour_ms - 1], [1, 2]),
        GpuSeries("a", [5_000, hour_ms + 7, 9 * hour_ms], [3, 4, 5]),
    ]
    meter = FleetMeter(enrolled(["a", "b"], 0), Ms(10_000), POWER)
    meter.feed(series)
    first = keccak256(bytes(32) + keccak256(b"a,5000,3\nb,5000,1\nb,3599999,2\n"))
    assert meter.samples_hash(at(3_600)) == keccak256(first + keccak256(b"a,3600007,4\n"))
    assert meter.samples_hash(at(3_580)) == first


def test_samples_hash__energy_measured__is_in_the_rows() -> None:
    meter = FleetMeter(enrolled(["a"], 0), Ms(10_000))
    meter.feed([GpuSeries("a", [1_000], [7], [42])])
    assert meter.samples_hash(at(1)) == keccak256(bytes(32) + keccak256(b"a,1000,7,42\n"))


def test_build__gpu_joins_and_leaves__counts_its_time_in_the_fleet() -> None:
    meter = FleetMeter([Enrolment(gpu_id="a", since=at(100), until=at(200))], Ms(10_000), POWER)
    stamps = list(range(0, 400_000, 10_000))
    meter.feed([GpuSeries("a", stamps, [0] * len(stamps)), GpuSeries("stranger", stamps, [0] * len(stamps))])
    assert [meter.counters(at(time))[0].available_ms for time in (50, 100, 150, 200, 300)] == [
        0,
        0,
        50_000,
        100_000,
        100_000,
    ]
    assert len(meter.counters(at(300))) == 1
    served = meter.delivered([LeaseId(1)], [allocation(1, "a", 150, 390)], at(380))
    assert served == {1: 50_000}


def test_build__no_leases__has_the_empty_root(trace: Trace, allocations: list[Allocation]) -> None:
    built = build(trace, allocations, trace.first + HOUR, leases=())
    assert built.report(bytes(32)).lease_root == EMPTY_ROOT
    assert built.allocations == ()


def test_build__lease_without_gpus__has_a_leaf_of_zero(trace: Trace, allocations: list[Allocation]) -> None:
    built = build(trace, allocations, trace.first + HOUR, leases=(1, 9))
    assert [(leaf.lease_id, leaf.delivered_gpu_ms > 0) for leaf in built.leaves] == [(1, True), (9, False)]
    assert {one.lease_id for one in built.allocations} == {1}
    assert built.report(bytes(32)).lease_root == lease_tree(built.leaves).root


def test_build__gpu_that_serves_two_leases__is_refused(trace: Trace) -> None:
    gpu = trace.gpu_ids[0]
    touching = [allocation(1, gpu, 0, 50), allocation(2, gpu, 50, 60)]
    build(trace, touching, trace.first)
    with pytest.raises(AllocationError, match=f"GPU {gpu} serves lease 1 until 51 and lease 2 from 50"):
        build(trace, [touching[1], allocation(1, gpu, 0, 51)], trace.first)
    # Even where one of the leases is closed and no longer in the report.
    with pytest.raises(AllocationError):
        build(trace, [touching[1], allocation(1, gpu, 0, 51)], trace.first, leases=(2,))


def test_build__gpu_of_another_fleet__is_refused(trace: Trace) -> None:
    with pytest.raises(AllocationError, match="GPU stranger is not of the fleet"):
        build(trace, [allocation(1, "stranger", 0, 1)], trace.first)


def test_fleet_meter__gpu_twice_or_no_cadence__is_refused() -> None:
    with pytest.raises(EnrolmentError, match="GPU a is enrolled twice"):
        FleetMeter(enrolled(["a", "b", "a"], 0), Ms(1), POWER)
    with pytest.raises(InputError, match="cadence of 0 ms"):
        FleetMeter(enrolled(["a"], 0), Ms(0), POWER)


def test_report__previous_digest__changes_neither_file_nor_counters(
    trace: Trace, allocations: list[Allocation]
) -> None:
    built = build(trace, allocations, trace.first + HOUR)
    one, other = built.report(bytes(32)), built.report(b"\1" * 32)
    assert one.model_copy(update={"previous_digest": b"\1" * 32}) == other
    built.check_report(other)
    with pytest.raises(LeafFileError, match="busy_gpu_ms is 1, the file gives"):
        built.check_report(other.model_copy(update={"busy_gpu_ms": 1}))
    with pytest.raises(LeafFileError, match="data_hash is 0x0101"):
        built.check_report(other.model_copy(update={"data_hash": b"\1" * 32}))


def test_leaf_file__written_and_read__is_the_same(tmp_path: Path, trace: Trace, allocations: list[Allocation]) -> None:
    built = build(trace, allocations, trace.first + 6 * HOUR)
    path = write_leaf_file(built, tmp_path / "new")
    assert path.name == f"0x{built.data_hash.hex()}.jsonl.gz"
    assert gzip.decompress(path.read_bytes()) == built.data
    assert keccak256(built.data) == built.data_hash
    again = read_leaf_file(path)
    assert again == built
    verify_leaf_file(again, trace.series)
    assert write_leaf_file(again, tmp_path / "new") == path
    assert list((tmp_path / "new").iterdir()) == [path]


def _forge(data: bytes, old: bytes, new: bytes) -> bytes:
    assert data.count(old) >= 1
    return data.replace(old, new, 1)


def test_verify__counters_or_samples_changed__names_the_line(trace: Trace, allocations: list[Allocation]) -> None:
    built = build(trace, allocations, trace.first + 6 * HOUR)
    gpu = built.counters[2]
    forged = parse_leaf_file(
        _forge(built.data, f'"busy_ms":{gpu.busy_ms}'.encode(), f'"busy_ms":{gpu.busy_ms + 1}'.encode())
    )
    with pytest.raises(LeafFileError, match="line 4: the samples give"):
        verify_leaf_file(forged, trace.series)
    leaf = built.leaves[0]
    forged = parse_leaf_file(
        _forge(built.data, f'"delivered_gpu_ms":{leaf.delivered_gpu_ms}'.encode(), b'"delivered_gpu_ms":7')
    )
    with pytest.raises(LeafFileError, match="the samples give"):
        verify_leaf_file(forged, trace.series)
    series = trace.series[0]
    changed = GpuSeries(series.gpu_id, series.at_ms, [*series.duty_ppm[:5], 12_345, *series.duty_ppm[6:]])
    with pytest.raises(LeafFileError, match="line 1"):
        verify_leaf_file(built, [changed, *trace.series[1:]])


def test_verify__allocation_of_no_lease__is_refused(trace: Trace, allocations: list[Allocation]) -> None:
    built = build(trace, allocations, trace.first + 6 * HOUR)
    lines = built.data.splitlines(keepends=True)
    with pytest.raises(LeafFileError):
        verify_leaf_file(parse_leaf_file(b"".join(lines[:-1])), trace.series)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'{"as_of"', b'{ "as_of"'),
        (b'"format":"gpu-rwa-leaf-file/1"', b'"format":"gpu-rwa-leaf-file/2"'),
        (b'"kind":"header"', b'"kind":"heading"'),
        (b'"lease_id":1,', b'"lease_id":2,'),
        (b'"resets":0', b'"resets":-1'),
        (b'"resets":0', b'"resets":0.0'),
        (b'"resets":0', b'"resets":0,"more":1'),
        (b'"resets":0', b'"resets":NaN'),
        (b'"resets":0', b'"resets":18446744073709551616'),
        (b'"samples_hash":"0x', b'"samples_hash":"'),
        (b"\n", b"\n\n"),
        (b"\n", b"\r\n"),
        (b"}\n", b"\n"),
    ],
)
def test_parse__bytes_that_are_not_canonical__are_refused(
    trace: Trace, allocations: list[Allocation], old: bytes, new: bytes
) -> None:
    data = build(trace, allocations, trace.first + HOUR).data
    assert parse_leaf_file(data).data == data
    with pytest.raises(LeafFileError):
        parse_leaf_file(_forge(data, old, new))


def test_parse__line_twice_or_missing_or_moved__is_refused(trace: Trace, allocations: list[Allocation]) -> None:
    lines = build(trace, allocations, trace.first + HOUR).data.splitlines(keepends=True)
    for wrong in (lines[1:], [lines[0], *lines], [lines[0], lines[2], lines[1], *lines[3:]], [*lines, lines[-1]], []):
        with pytest.raises(LeafFileError):
            parse_leaf_file(b"".join(wrong))


def test_read__wrong_hash_or_no_gzip__is_refused(tmp_path: Path, trace: Trace, allocations: list[Allocation]) -> None:
    built = build(trace, allocations, trace.first + HOUR)
    path = write_leaf_file(built, tmp_path)
    with pytest.raises(LeafFileError, match="has the hash"):
        read_leaf_file(path, bytes(32))
    assert read_leaf_file(path.rename(tmp_path / "renamed"), built.data_hash) == built
    with pytest.raises(LeafFileError, match="has the hash"):
        read_leaf_file(tmp_path / "renamed")
    with pytest.raises(LeafFileError, match="cannot be read"):
        read_leaf_file(tmp_path / "none")
    (tmp_path / "plain").write_bytes(built.data)
    with pytest.raises(LeafFileError, match="cannot be read"):
        read_leaf_file(tmp_path / "plain")


def test_report__sums_of_more_than_64_bits__are_refused(trace: Trace, allocations: list[Allocation]) -> None:
    built = build(trace, allocations, trace.first + HOUR)
    huge = [one.model_copy(update={"energy_joules": 2**63}) for one in built.counters]
    with pytest.raises(LeafFileError, match="its report's energy_joules: Input should be less than"):
        replace(built, counters=tuple(huge)).report(bytes(32))


def test_models__nonsense__is_refused() -> None:
    with pytest.raises(ValidationError, match="allocated from 5 to 5"):
        allocation(1, "a", 5, 5)
    with pytest.raises(ValidationError, match="not after it joined"):
        Enrolment(gpu_id="a", since=at(5), until=at(5))
    with pytest.raises(ValidationError):
        Enrolment(gpu_id="a,b", since=at(5))
    with pytest.raises(ValidationError, match="exceeds maximum power"):
        PowerModel(idle_watts=Watts(2), max_watts=Watts(1))
