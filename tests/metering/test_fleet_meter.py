"""A fleet's meter across restarts and changes of its GPUs, case by case."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyutils.errors import GpuRwaError, InputError
from pyutils.keccak import keccak256
from pyutils.meter import (
    FleetMeter,
    GpuSeries,
    build_leaf_file,
    build_report_data,
    parse_rows,
    read_page,
    synthetic_trace,
    write_page,
)
from pyutils.meter.checkpoint import MAGIC, CheckpointError
from pyutils.meter.fleet import EnrolmentError
from pyutils.meter.rule import SampleError, SealedTimeError
from pyutils.models import Allocation, Enrolment, PowerModel
from pyutils.reporter.draft import PowerChangedError, feed_from_pages, finish, restored_meter
from pyutils.units import FleetId, LeaseId, Ms, UnixSeconds, Watts

from . import reference
from .histories import BASE, FLEET, Life, commitments, uncounted
from .reference import HOUR, HOUR_MS, Board, Past, Row

POWER = PowerModel(idle_watts=Watts(70), max_watts=Watts(700))
CADENCE = 60
LEASES = [LeaseId(1), LeaseId(2)]


def board(gpu_id: str, since: int, until: int | None = None) -> Enrolment:
    return Enrolment(gpu_id=gpu_id, since=UnixSeconds(since), until=None if until is None else UnixSeconds(until))


def every_minute(gpu_id: str, first: int, last: int, *, energy: bool = True) -> GpuSeries:
    """Return samples of full minutes, in seconds, a third of the time busy."""
    at = [second * 1000 for second in range(first, last + 1, CADENCE)]
    duty = [1_000_000 if second // CADENCE % 3 == 0 else 0 for second in range(first, last + 1, CADENCE)]
    return GpuSeries(gpu_id, at, duty, [second * 500 for second in range(first, last + 1, CADENCE)] if energy else None)


def allocations() -> list[Allocation]:
    return [
        Allocation(lease_id=LeaseId(1), gpu_id="a", start=UnixSeconds(BASE + 100), end=UnixSeconds(BASE + 9_000)),
        Allocation(lease_id=LeaseId(2), gpu_id="b", start=UnixSeconds(BASE + 100), end=UnixSeconds(BASE + 5_000)),
    ]


@pytest.fixture(params=["energy", "power"])
def meter(request: pytest.FixtureRequest) -> FleetMeter:
    """Return a meter of two GPUs that was sealed once, in the middle of an hour, one of them with a gap and a fall."""
    energy = request.param == "energy"
    found = FleetMeter([board("b", BASE), board("a", BASE)], Ms(CADENCE * 1000), None if energy else POWER)
    found.feed(
        [
            every_minute("a", BASE, BASE + 2_400, energy=energy),
            every_minute("a", BASE + 3_000, BASE + 5_400 + 2 * CADENCE, energy=energy),
            every_minute("b", BASE, BASE + 5_400 + 2 * CADENCE, energy=energy),
        ]
    )
    found.feed([GpuSeries("b", [(BASE + 1_830) * 1000], [7], [3] if energy else None)])
    found.feed([every_minute("a", BASE, BASE, energy=energy)])
    found.seal(UnixSeconds(BASE + 5_400))
    found.feed([every_minute("a", BASE + 1_200, BASE + 1_260, energy=energy)])
    return found


def everything_said(meter: FleetMeter, as_of: int) -> tuple[Any, ...]:
    at = UnixSeconds(as_of)
    return (
        meter.counters(at),
        meter.delivered(LEASES, allocations(), at),
        meter.samples_hash(at),
        meter.pages(at),
        meter.wanted_ms(),
        meter.dropped_late,
        meter.dropped_duplicates,
        meter.sealed,
        meter.chained_hours,
        build_leaf_file(meter, FLEET, at, LEASES, allocations()).data,
    )


# checkpoint and back


def test_restored__checkpoint__says_and_does_the_same(meter: FleetMeter) -> None:
    again = FleetMeter.restored(meter.checkpoint())
    assert again.checkpoint() == meter.checkpoint()
    assert (again.dropped_late, again.dropped_duplicates) == (2, 1)
    for as_of in (BASE + 5_400, BASE + 5_500, BASE + 9_000):
        assert everything_said(again, as_of) == everything_said(meter, as_of)
    energy = meter.power is None
    for one in (meter, again):
        one.enrol([board("a", BASE, BASE + 8_000), board("b", BASE), board("c", BASE + 6_000)])
        one.feed([every_minute(gpu_id, BASE, BASE + 3 * HOUR, energy=energy) for gpu_id in ("a", "b", "c", "d")])
        one.seal(UnixSeconds(BASE + 2 * HOUR))
    assert everything_said(again, BASE + 9_000) == everything_said(meter, BASE + 9_000)
    assert again.checkpoint() == meter.checkpoint()
    assert meter.counters(UnixSeconds(BASE + 9_000))[2].available_ms == 3_000_000


def test_restored__samples_that_were_not_closed__are_asked_for_again(meter: FleetMeter) -> None:
    before = meter.checkpoint()
    meter.feed([every_minute("a", BASE + 5_400 + 3 * CADENCE, BASE + 9_000, energy=meter.power is None)])
    assert meter.checkpoint() == before
    closed = (BASE + 5_400 + 2 * CADENCE) * 1000
    assert FleetMeter.restored(before).wanted_ms() == {"a": closed, "b": closed}


def test_restored__energy_that_outgrows_64_bits_of_nanojoules__is_kept() -> None:
    meter = FleetMeter([board("a", BASE)], Ms(1_000))
    top = 2**63 - 1
    meter.feed([GpuSeries("a", [BASE * 1000, BASE * 1000 + 1], [0, 0], [0, top])])
    meter.seal(UnixSeconds(BASE + 1))
    again = FleetMeter.restored(meter.checkpoint())
    assert again.reading("a", meter.sealed).energy_nj == top * 1_000_000 > 2**64
    assert again.checkpoint() == meter.checkpoint()


def test_restored__with_a_power_model__derives_energy_from_there_on() -> None:
    meter = FleetMeter([board("a", BASE)], Ms(CADENCE * 1000))
    meter.feed([every_minute("a", BASE, BASE + HOUR + 2 * CADENCE)])
    meter.seal(UnixSeconds(BASE + HOUR))
    measured = meter.counters(meter.sealed)[0].energy_joules
    own = FleetMeter.restored(meter.checkpoint(), POWER)
    own.feed([every_minute("a", BASE + HOUR, BASE + 2 * HOUR + 2 * CADENCE, energy=False)])
    told = own.counters(UnixSeconds(BASE + 2 * HOUR))[0]
    assert told.energy_joules == measured + 70 * HOUR + 630 * HOUR // 3
    own.seal(UnixSeconds(BASE + 2 * HOUR))
    assert FleetMeter.restored(own.checkpoint()).counters(own.sealed) == (told,)
    assert FleetMeter.restored(own.checkpoint()).power == POWER


def test_checkpoint__nothing_sealed__is_refused() -> None:
    with pytest.raises(InputError, match="sealed nothing"):
        FleetMeter([board("a", BASE)], Ms(1), POWER).checkpoint()


def test_checkpoint__fleet_without_gpus_or_samples__goes_on() -> None:
    meter = FleetMeter([], Ms(CADENCE * 1000), POWER)
    meter.seal(UnixSeconds(BASE))
    meter = FleetMeter.restored(meter.checkpoint())
    assert meter.samples_hash(UnixSeconds(BASE + HOUR)) == bytes(32)
    assert meter.wanted_ms() == {}
    meter.enrol([board("a", BASE + 1)])
    meter.seal(UnixSeconds(BASE + 5 * HOUR))
    meter = FleetMeter.restored(meter.checkpoint())
    assert meter.counters(meter.sealed)[0].available_ms == 0
    assert (meter.samples_hash(meter.sealed), meter.pages(meter.sealed)) == (bytes(32), ())
    meter.feed([every_minute("a", BASE, BASE + 7 * HOUR, energy=False)])
    assert meter.counters(UnixSeconds(BASE + 6 * HOUR))[0].available_ms == (HOUR - 3 * CADENCE) * 1000


# damage


def test_restored__any_bit_flipped__is_refused_in_one_line(meter: FleetMeter) -> None:
    checkpoint = meter.checkpoint()
    for place in range(len(checkpoint) * 8):
        damaged = bytearray(checkpoint)
        damaged[place // 8] ^= 1 << place % 8
        with pytest.raises(CheckpointError) as caught:
            FleetMeter.restored(bytes(damaged))
    assert "\n" not in caught.value.line()
    assert caught.value.line().startswith("a meter's checkpoint cannot be used: it is damaged. Restore the store")


def test_restored__cut_or_grown_or_foreign__is_refused(meter: FleetMeter) -> None:
    checkpoint = meter.checkpoint()
    others = [checkpoint[:size] for size in range(len(checkpoint))]
    packed = zlib.compress(b'{"format":"gpu-rwa-fleet-meter/1"}')
    others += [checkpoint + b"\0", checkpoint * 2, packed, b"SQLite format 3\0", MAGIC + keccak256(packed) + packed]
    for other in others:
        with pytest.raises(CheckpointError):
            FleetMeter.restored(other)


def resealed(checkpoint: bytes, change: Callable[[Any], None]) -> bytes:
    """Return a checkpoint with other content and the hash that belongs to it."""
    fields = json.loads(zlib.decompress(checkpoint[len(MAGIC) + 32 :]))
    change(fields)
    return sealed(json.dumps(fields).encode())


def sealed(data: bytes) -> bytes:
    packed = zlib.compress(data)
    return MAGIC + keccak256(packed) + packed


WRONG: dict[str, Callable[[Any], Any]] = {
    "no cadence": lambda all_: all_.update(cadence_ms=0),
    "cadence as text": lambda all_: all_.update(cadence_ms="60000"),
    "another cadence": lambda all_: all_.update(cadence_ms=30_000),
    "another seal": lambda all_: all_.update(sealed=all_["sealed"] + 60),
    "negative seal": lambda all_: all_.update(sealed=-1),
    "fewer hours": lambda all_: all_.update(chained_hours=all_["chained_hours"] - 1),
    "more hours": lambda all_: all_.update(chained_hours=all_["chained_hours"] + 1),
    "short chain": lambda all_: all_.update(chain="0x00"),
    "chain of no hex": lambda all_: all_.update(chain="0x" + "zz" * 32),
    "unknown field": lambda all_: all_.update(more=1),
    "no field": lambda all_: all_.pop("chain"),
    "a GPU less": lambda all_: all_["gpus"].pop(),
    "a GPU more": lambda all_: all_["gpus"].append(all_["gpus"][0]),
    "GPUs in another order": lambda all_: all_["gpus"].reverse(),
    "enrolments in another order": lambda all_: (all_["gpus"].reverse(), all_["enrolments"].reverse()),
    "a GPU twice": lambda all_: (
        all_["gpus"].append(all_["gpus"][1]),
        all_["enrolments"].append(all_["enrolments"][1]),
    ),
    "another enrolment": lambda all_: all_["enrolments"][0].update(since=BASE - 1),
    "leaves in the enrolment alone": lambda all_: all_["enrolments"][0].update(until=BASE + 9_000),
    "opened earlier": lambda all_: all_["gpus"][0].update(opened_ms=0),
    "sealed at another time": lambda all_: all_["gpus"][0].update(sealed_ms=BASE * 1000),
    "never sealed": lambda all_: all_["gpus"][0].update(sealed_ms=-1),
    "a stamp less": lambda all_: all_["gpus"][0]["at_ms"].pop(),
    "a duty less": lambda all_: all_["gpus"][0]["duty_ppm"].pop(),
    "a duty of 101 %": lambda all_: all_["gpus"][0]["duty_ppm"].__setitem__(0, 1_010_000),
    "a duty of true": lambda all_: all_["gpus"][0]["duty_ppm"].__setitem__(0, True),
    "a duty of 0.0": lambda all_: all_["gpus"][0]["duty_ppm"].__setitem__(0, 0.0),
    "negative stamp": lambda all_: all_["gpus"][0]["at_ms"].__setitem__(0, -1),
    "stamps out of order": lambda all_: all_["gpus"][0]["at_ms"].reverse(),
    "stamp not closed": lambda all_: all_["gpus"][0]["at_ms"].__setitem__(-1, (BASE + 9_000) * 1000),
    "other energy column": lambda all_: all_["gpus"][0].update(energy_mj=[] if all_["gpus"][0]["energy_mj"] else [1]),
    "energy derived or not": lambda all_: all_.update(
        power=None if all_["power"] else {"idle_watts": 1, "max_watts": 2}
    ),
    "folded beyond the samples": lambda all_: all_["gpus"][0].update(folded=10_000),
    "folded before what is counted": lambda all_: all_["gpus"][0].update(folded=0),
    "negative fold": lambda all_: all_["gpus"][0].update(folded=-1),
    "more available": lambda all_: all_["gpus"][0].update(available_ms=all_["gpus"][0]["available_ms"] + 1),
    "busier than available": lambda all_: all_["gpus"][0].update(busy_ppm_ms=10**18),
    "negative energy": lambda all_: all_["gpus"][0].update(energy_nj=-1),
    "negative resets": lambda all_: all_["gpus"][0].update(resets=-1),
    "runs that overlap": lambda all_: all_["gpus"][0]["runs"].append(all_["gpus"][0]["runs"][0]),
    "a run of three": lambda all_: all_["gpus"][0]["runs"][0].append(1),
    "runs before it joined": lambda all_: all_["gpus"][0].update(runs=[[1, 2]], available_ms=1, busy_ppm_ms=0),
    "closed more than all": lambda all_: all_["gpus"][0].update(closed_count=-1),
    "closed from before 1970": lambda all_: all_["gpus"][0].update(closed_from_ms=-2),
    "dropped none less": lambda all_: all_["gpus"][0].update(dropped_late=-1),
}


@pytest.mark.parametrize("name", WRONG)
def test_restored__content_that_cannot_be__is_refused_though_its_hash_is_right(meter: FleetMeter, name: str) -> None:
    checkpoint = resealed(meter.checkpoint(), WRONG[name])
    with pytest.raises(CheckpointError) as caught:
        FleetMeter.restored(checkpoint)
    assert "\n" not in caught.value.line()


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"{", b"{}", b"\xff", b"[" * 100_000, b"1" * 10_000, b"NaN"])
def test_restored__no_json_of_a_meter__is_refused(data: bytes) -> None:
    with pytest.raises(CheckpointError):
        FleetMeter.restored(sealed(data))


def test_restored__bomb__is_refused(monkeypatch: pytest.MonkeyPatch, meter: FleetMeter) -> None:
    monkeypatch.setattr("pyutils.meter.checkpoint.MAX_BYTES", 100_000)
    FleetMeter.restored(meter.checkpoint())
    with pytest.raises(CheckpointError, match="unpacks to more than 100000"):
        FleetMeter.restored(sealed(b" " * 10**6))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_restored__one_value_replaced__is_refused_or_is_a_meter(meter: FleetMeter, data: st.DataObject) -> None:
    """Never a traceback: what passes is a meter that can be asked anything."""

    def change(fields: Any) -> None:
        place = fields
        while True:
            key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
            if not (isinstance(place[key], dict | list) and place[key]) or data.draw(st.integers(0, 5)) == 0:
                break
            place = place[key]
        place[key] = data.draw(JSON)

    try:
        again = FleetMeter.restored(resealed(meter.checkpoint(), change))
        everything_said(again, BASE + 9_000)
        again.feed([every_minute("a", BASE, BASE + 2 * HOUR), every_minute("b", BASE, BASE + 2 * HOUR)])
        again.seal(UnixSeconds(BASE + 9_000))
    except GpuRwaError:
        return
    assert FleetMeter.restored(again.checkpoint()).checkpoint() == again.checkpoint()


# GPUs that come and go


def test_enrol__gpus_of_another_fleet__are_refused_and_nothing_changes(meter: FleetMeter) -> None:
    before = meter.checkpoint()
    sealed_at = meter.sealed
    for wrong, reason in (
        ([board("a", BASE)], "GPU b was metered, and is not among"),
        ([board("a", BASE + 1), board("b", BASE)], "GPU a is enrolled from"),
        ([board("a", BASE), board("a", BASE + 9_000), board("b", BASE)], "GPU a is enrolled twice"),
        ([board("a", BASE), board("b", BASE), board("c", sealed_at)], "GPU c joined at .* is sealed without it"),
        ([board("a", BASE, BASE + 9_000), board("b", BASE, sealed_at)], "GPU b left at .* is sealed with it"),
    ):
        with pytest.raises(EnrolmentError, match=reason) as caught:
            meter.enrol(wrong)
        assert "\n" not in caught.value.line()
        assert meter.checkpoint() == before
    meter.enrol([board("a", BASE), board("b", BASE, sealed_at + 1), board("c", sealed_at + 1)])
    with pytest.raises(EnrolmentError, match="GPU b is enrolled from"):
        meter.enrol([board("a", BASE), board("b", BASE), board("c", sealed_at + 1)])


def test_enrol__until_is_set_later__samples_beyond_it_are_forgotten() -> None:
    """A meter that was fed ahead of what the chain says gives what one gives that knew it from the first."""
    feed = every_minute("a", BASE, BASE + 2 * HOUR, energy=False)
    ahead = FleetMeter([board("a", BASE)], Ms(CADENCE * 1000), POWER)
    ahead.feed([feed])
    ahead.seal(UnixSeconds(BASE + 60))
    ahead.enrol([board("a", BASE, BASE + 1_000)])
    knew = FleetMeter([board("a", BASE, BASE + 1_000)], Ms(CADENCE * 1000), POWER)
    knew.feed([feed])
    as_of = UnixSeconds(BASE + 2 * HOUR)
    assert ahead.counters(as_of)[0].available_ms == 1_000_000
    late = [every_minute("a", BASE + 1_080, BASE + 2 * HOUR, energy=False)]
    ahead.feed(late)
    assert ahead.counters(as_of) == knew.counters(as_of)
    assert max(ahead.pages(as_of)[0].rows.split()) == b"a,%d,1000000" % ((BASE + 1_080) * 1000)
    assert ahead.wanted_ms()["a"] < (BASE + 1_000 + 2 * CADENCE) * 1000
    ahead.seal(as_of)
    assert ahead.wanted_ms() == {}, "nothing more is wanted of a GPU that left"


@pytest.mark.parametrize("seconds", [0, 1, CADENCE, 2 * CADENCE - 1, 2 * CADENCE, 2 * CADENCE + 1])
@pytest.mark.parametrize("before", [-2 * CADENCE - 1, -2 * CADENCE, -CADENCE, -1, 0])
def test_enrol__gpu_joins_around_a_full_hour__counts_from_the_hour_that_no_report_can_have_chained(
    seconds: int, before: int
) -> None:
    """A report just before it joins may chain an hour that the GPU has samples in; those never count."""
    since = BASE + HOUR + before + seconds
    rows = [Row("a", at * 1000, 10**6, 0, 0) for at in range(BASE, BASE + 3 * HOUR, CADENCE)]
    rows += [Row("b", at * 1000 + 1, 10**6, 0, 0) for at in range(BASE, BASE + 3 * HOUR, CADENCE)]
    past = Past(CADENCE * 1000, (70, 700), (Board("a", BASE), Board("b", since)), tuple(rows), ())
    life = Life(past)
    life.report(since - 1)
    made = life.report(BASE + 2 * HOUR)
    assert made.draft.leaf_file.data == reference.leaf_file(past, BASE + 2 * HOUR)
    opened = since // HOUR * HOUR
    first = next(row.at for row in rows if row.gpu_id == "b" and row.at >= max(opened, since - 2 * CADENCE) * 1000)
    available_ms = (BASE + 2 * HOUR) * 1000 - max(first, since * 1000)
    assert made.draft.leaf_file.counters[1].available_ms == available_ms


# edges of time


@pytest.mark.parametrize("cadence_ms", [1, 499, 500, 30_000, HOUR_MS // 2, HOUR_MS])
@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_seal__closes_exactly_at_a_full_hour__chains_the_hour_once(cadence_ms: int, offset: int) -> None:
    as_of = BASE + 2 * HOUR - 2 * cadence_ms // 1000 + offset
    closed = as_of * 1000 + 2 * cadence_ms
    stamps = [BASE * 1000 + HOUR_MS + step for step in (-1, 0, 1)] + [BASE * 1000 + 2 * HOUR_MS + n for n in (-1, 0, 1)]
    joined = [board("a", BASE - 4 * HOUR)]
    meter = FleetMeter(joined, Ms(cadence_ms), POWER)
    for stamp in stamps:
        meter.feed([GpuSeries("a", [stamp], [stamp % 7])])
    pages = meter.pages(UnixSeconds(as_of))
    rows = b"".join(page.rows for page in pages)
    assert rows.count(b"\n") == sum(stamp <= closed for stamp in stamps)
    assert [page.whole for page in pages] == [(page.hour + 1) * HOUR <= as_of for page in pages]
    before = meter.samples_hash(UnixSeconds(as_of))
    meter.seal(UnixSeconds(as_of))
    assert meter.samples_hash(UnixSeconds(as_of)) == before
    assert meter.chained_hours == as_of // HOUR
    again = FleetMeter.restored(meter.checkpoint())
    again.feed([GpuSeries("a", [stamp], [stamp % 7]) for stamp in stamps if stamp > closed])
    later = UnixSeconds(BASE + 9 * HOUR)
    whole = FleetMeter(joined, Ms(cadence_ms), POWER)
    whole.feed([GpuSeries("a", stamps, [stamp % 7 for stamp in stamps])])
    assert again.samples_hash(later) == whole.samples_hash(later)
    assert again.counters(later) == whole.counters(later)


def test_pages__before_the_last_seal__are_refused(meter: FleetMeter) -> None:
    for ask in (meter.pages, meter.samples_hash, meter.seal, meter.counters):
        with pytest.raises(SealedTimeError):
            ask(UnixSeconds(meter.sealed - 1))
    empty = FleetMeter([], Ms(1), POWER)
    empty.seal(UnixSeconds(BASE))
    with pytest.raises(SealedTimeError):
        empty.seal(UnixSeconds(BASE - 1))


def test_report__days_later__is_the_one_that_hourly_reports_lead_to() -> None:
    trace = synthetic_trace(5)
    rows = tuple(
        Row(one.gpu_id, at, duty, 0, 0)
        for one in trace.series
        for at, duty in zip(one.at_ms, one.duty_ppm, strict=True)
    )
    boards = tuple(Board(gpu_id, trace.first) for gpu_id in trace.gpu_ids)
    past = Past(trace.cadence_ms, (70, 700), boards, rows, ())
    hourly = Life(past)
    for hour in range(1, 12):
        hourly.report(trace.first // HOUR * HOUR + hour * HOUR)
    days_later = trace.last + 5 * 24 * HOUR
    slow, quick = hourly.report(days_later), Life(past).report(days_later)
    assert slow.draft.leaf_file.data == quick.draft.leaf_file.data == reference.leaf_file(past, days_later)
    assert uncounted(slow.draft.checkpoint) == uncounted(quick.draft.checkpoint)


def test_feed_from_source__restored__asks_for_what_is_wanted_and_once_more_for_what_was_closed() -> None:
    past = Past(
        CADENCE * 1000, (70, 700), (Board("a", BASE), Board("b", BASE, BASE + HOUR), Board("c", BASE + 9_000)), (), ()
    )
    life = Life(past)
    life.report(BASE + 2 * HOUR)
    life.report(BASE + 3 * HOUR)
    gap = 2 * CADENCE
    assert life.shelf.asked == [
        (("a", "b"), BASE * 1000 - 1, (BASE + 2 * HOUR + gap) * 1000),
        (("b",), BASE * 1000 - 1, (BASE + HOUR + gap) * 1000 - 1),
        (("a",), BASE * 1000 - 1, (BASE + 2 * HOUR + gap) * 1000),
        (("a",), (BASE + 2 * HOUR + gap) * 1000, (BASE + 3 * HOUR + gap) * 1000),
        (("c",), (BASE + 9_000 - gap) * 1000, (BASE + 3 * HOUR + gap) * 1000),
    ]


def test_restored_meter__energy_is_derived_in_another_way__is_refused() -> None:
    """A report has one way for all time: nobody could build it again from the samples."""
    past = Past(CADENCE * 1000, (70, 700), (Board("a", BASE),), (), ())
    life = Life(past)
    life.report(BASE + HOUR)
    told = commitments(past, BASE + 2 * HOUR)
    assert restored_meter(life.kept, "published", told, POWER).power == POWER
    for other, named in ((None, "measured"), (POWER.model_copy(update={"max_watts": 800}), "derived from 70 to 800 W")):
        with pytest.raises(PowerChangedError, match=f"energy was derived from 70 to 700 W until now, and is {named}"):
            restored_meter(life.kept, "published", told, other)
    assert restored_meter(life.kept, "published", commitments(past, BASE + HOUR), None).sealed == -1


# samples that no board can give


@pytest.mark.parametrize(
    ("duty", "energy"), [(-1, 0), (1_000_001, 0), (0, -1), (0, 2**63), (9_223_372_036_854_775_794, 0)]
)
def test_feed__number_beyond_its_bounds__is_refused(duty: int, energy: int) -> None:
    meter = FleetMeter([board("a", BASE)], Ms(1_000))
    with pytest.raises(SampleError, match="GPU a has samples with"):
        meter.feed([GpuSeries("a", [BASE * 1000, BASE * 1000 + 1], [0, duty], [0, energy])])
    assert meter.pages(UnixSeconds(BASE + 1)) == ()


def test_counters__energy_that_no_report_can_hold__is_refused_in_one_line() -> None:
    meter = FleetMeter([board("a", BASE)], Ms(1_000))
    stamps = list(range(BASE * 1000, BASE * 1000 + 6_000))
    meter.feed([GpuSeries("a", stamps, [0] * 6_000, [0, 2**63 - 1] * 3_000)])
    with pytest.raises(SampleError, match="GPU a has samples with a sum of more than 64 bits"):
        meter.counters(UnixSeconds(BASE + 6))


# what is published


def test_pages__written_and_read__build_every_report_of_a_day_again(tmp_path: Path) -> None:
    """A verifier that has nothing but files and the chain's word."""
    trace = synthetic_trace(3)
    first = trace.first // HOUR * HOUR
    served = [
        Allocation(lease_id=LeaseId(1), gpu_id=one, start=UnixSeconds(first + 100), end=UnixSeconds(first + 30_000))
        for one in trace.gpu_ids[:3]
    ]
    enrolled = [board(gpu_id, first) for gpu_id in trace.gpu_ids]
    meter = FleetMeter(enrolled, trace.cadence_ms, POWER)
    meter.feed(trace.series)
    history: list[tuple[UnixSeconds, bytes, list[bytes]]] = []
    names: dict[int, bytes] = {}
    for as_of in (UnixSeconds(first + step) for step in (1_800, 3_600, 3_700, 7_200 - 2, 7_200, 30_000, 43_200)):
        names |= {page.hour: page.rows_hash for page in meter.pages(as_of)}
        for page in meter.pages(as_of):
            write_page(page, tmp_path)
        built = build_leaf_file(meter, FleetId(1), as_of, [LeaseId(1)], served)
        history.append((as_of, built.data, [names[hour] for hour in sorted(names)]))
        meter = FleetMeter.restored(sealed_at(meter, as_of))
        meter.feed(trace.series)
    for as_of, data, pages in history:
        series = [one for name in pages for one in parse_rows(read_page(tmp_path / f"0x{name.hex()}.csv.gz", name))]
        again = build_report_data(series, enrolled, trace.cadence_ms, POWER, FleetId(1), as_of, [LeaseId(1)], served)
        assert again.data == data


def sealed_at(meter: FleetMeter, as_of: UnixSeconds) -> bytes:
    meter.seal(as_of)
    return meter.checkpoint()


@pytest.mark.parametrize("cadence", [1_799, 1_800, 1_801, 3_600])
def test_feed_from_pages__samples_close_an_hour_later__none_of_the_next_page_is_late(cadence: int) -> None:
    """Twice the cadence is an hour: what a page's own seal closes ends where the next page begins."""
    rows = [Row("a", BASE * 1000 + step * 900_000, 10**6, 0, 0) for step in range(40)]
    past = Past(cadence * 1000, (70, 700), (Board("a", BASE - 3 * HOUR),), tuple(rows), ())
    as_of = BASE + 8 * HOUR
    told, pages = commitments(past, as_of), reference.hour_rows(past, as_of)
    verifier = FleetMeter(told.enrolments, told.cadence_ms, POWER)
    feed_from_pages(verifier, pages.items(), told.as_of)
    assert finish(verifier, told).leaf_file.data == reference.leaf_file(past, as_of)
    assert verifier.dropped_late == 0
