"""Random pasts of a fleet, and the ways in which a reporter lives through them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from pyutils.meter import FleetMeter, GpuSeries, SamplePage
from pyutils.meter.checkpoint import FleetState, unpack
from pyutils.models import Allocation, Enrolment, Fleet, PowerModel
from pyutils.operations.commitments import Commitments
from pyutils.reporter.draft import Draft, feed_from_source, finish, restored_meter
from pyutils.units import BlockNumber, FleetId, LeaseId, Ms, UnixMs, UnixSeconds, Watts

from .reference import HOUR, HOUR_MS, Board, Past, Row, Service

BASE = 1_700_000_000 // HOUR * HOUR
"""A full UTC hour, in seconds."""
FLEET = FleetId(1)


def power_of(past: Past) -> PowerModel | None:
    if past.watts is None:
        return None
    return PowerModel(idle_watts=Watts(past.watts[0]), max_watts=Watts(past.watts[1]))


def enrolments(boards: Sequence[Board]) -> list[Enrolment]:
    return [
        Enrolment(
            gpu_id=one.gpu_id,
            since=UnixSeconds(one.since),
            until=None if one.until is None else UnixSeconds(one.until),
        )
        for one in boards
    ]


def commitments(past: Past, as_of: int) -> Commitments:
    """Return what the chain would say as of a time."""
    fleet: dict[str, Any] = {"sample_cadence": past.cadence_ms // 1000}
    return Commitments(
        FLEET,
        UnixSeconds(as_of),
        BlockNumber(1),
        Fleet.model_construct(**fleet),
        tuple(enrolments(past.boards_at(as_of))),
        tuple(LeaseId(one) for one in past.leases_at(as_of)),
        tuple(
            Allocation(
                lease_id=LeaseId(one.lease_id),
                gpu_id=one.gpu_id,
                start=UnixSeconds(one.start),
                end=UnixSeconds(one.end),
            )
            for one in past.services_at(as_of)
        ),
    )


def series(past: Past, rows: Sequence[Row]) -> list[GpuSeries]:
    """Return samples in columns, in the order in which they came."""
    columns: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        columns[row.gpu_id].append(row)
    return [
        GpuSeries(
            gpu_id,
            [row.at for row in of_one],
            [row.duty for row in of_one],
            None if past.watts is not None else [row.mj for row in of_one],
        )
        for gpu_id, of_one in columns.items()
    ]


@dataclass
class Shelf:
    """A source of samples that holds those which arrived by `now`, and hands them out in small batches."""

    past: Past
    now: int
    asked: list[tuple[tuple[str, ...], int, int]] = field(default_factory=list)
    batch: int = 5

    @property
    def has_energy(self) -> bool:
        return self.past.watts is None

    @property
    def dropped(self) -> Mapping[str, int]:
        return {}

    def read(self, gpu_ids: Sequence[str], after_ms: UnixMs, until_ms: UnixMs) -> Iterator[Sequence[GpuSeries]]:
        self.asked.append((tuple(gpu_ids), after_ms, until_ms))
        rows = [
            row
            for row in self.past.rows
            if row.gpu_id in gpu_ids and after_ms < row.at <= until_ms and row.arrives <= self.now
        ]
        for begin in range(0, len(rows), self.batch):
            yield series(self.past, rows[begin : begin + self.batch])

    def check(self) -> None:
        pass

    def clock_ms(self) -> UnixMs:
        return UnixMs(self.now)

    def cadence_ms(self) -> Ms | None:
        return Ms(self.past.cadence_ms)

    def close(self) -> None:
        return


@dataclass
class Kept:
    """Checkpoints in memory, as the store keeps them on disk."""

    by_time: dict[int, bytes] = field(default_factory=dict)

    def checkpoint(
        self, fleet_id: FleetId, meter: str, at_or_before: UnixSeconds | None = None
    ) -> tuple[UnixSeconds, bytes] | None:
        assert (fleet_id, meter) == (FLEET, "published")
        times = [at for at in self.by_time if at_or_before is None or at <= at_or_before]
        return (UnixSeconds(max(times)), self.by_time[max(times)]) if times else None


@dataclass(frozen=True)
class Made:
    """A report, the pages that were new with it, and the meter that gave it."""

    meter: FleetMeter
    draft: Draft
    pages: tuple[SamplePage, ...]


def make(meter: FleetMeter, told: Commitments) -> Made:
    """Finish a report and see to its pages, which are gone once it is sealed."""
    pages = meter.pages(told.as_of)
    return Made(meter, finish(meter, told), pages)


@dataclass
class Life:
    """A reporter that is a new process for every report: it has nothing but its checkpoints and its source."""

    past: Past
    wait_ms: int = 0
    kept: Kept = field(default_factory=Kept)
    shelf: Shelf = field(init=False)

    def __post_init__(self) -> None:
        self.shelf = Shelf(self.past, 0)

    def report(self, as_of: int, steps: Sequence[int] = ()) -> Made:
        """Make a report, with seals on the way to it that nobody reports."""
        told = commitments(self.past, as_of)
        meter = restored_meter(self.kept, "published", told, power_of(self.past))
        self.shelf.now = made_at(self.past, as_of, self.wait_ms)
        for step in steps:
            self._seal(meter, step)
        feed_from_source(meter, self.shelf, UnixSeconds(as_of))
        made = make(meter, told)
        self.kept.by_time[as_of] = made.draft.checkpoint
        return made

    def die_on_the_way(self, as_of: int, steps: Sequence[int]) -> None:
        """Begin a report, and get no further than to some seals before it."""
        told = commitments(self.past, as_of)
        meter = restored_meter(self.kept, "published", told, power_of(self.past))
        self.shelf.now = made_at(self.past, as_of, self.wait_ms)
        for step in steps:
            self._seal(meter, step)

    def _seal(self, meter: FleetMeter, step: int) -> None:
        feed_from_source(meter, self.shelf, UnixSeconds(step))
        meter.seal(UnixSeconds(step))
        self.kept.by_time[step] = meter.checkpoint()


def made_at(past: Past, as_of: int, wait_ms: int) -> int:
    """Return when samples of a report are read."""
    return past.closed(as_of) + wait_ms


def from_all_samples(past: Past, as_of: int) -> FleetMeter:
    """Return a meter that saw everything at once, later samples too."""
    meter = FleetMeter(enrolments(past.boards_at(as_of)), Ms(past.cadence_ms), power_of(past))
    meter.feed(series(past, past.rows))
    return meter


class Published:
    """What a publisher has on its shelves: pages by hash, and for each report the pages that it is built from."""

    def __init__(self) -> None:
        self.pages: dict[bytes, SamplePage] = {}
        self.of_report: dict[int, list[bytes]] = {}
        self._newest: dict[int, bytes] = {}

    def add(self, as_of: int, made: Made) -> None:
        for page in made.pages:
            self.pages[page.rows_hash] = page
            self._newest[page.hour] = page.rows_hash
        self.of_report[as_of] = [self._newest[hour] for hour in sorted(self._newest)]


def uncounted(checkpoint: bytes) -> FleetState:
    """Return a checkpoint's state without counts of what was dropped: these alone depend on when it was looked at."""
    state = unpack(checkpoint)
    counts = {"dropped_late": 0, "dropped_duplicates": 0, "closed_from_ms": 0, "closed_count": 0}
    return state.model_copy(update={"gpus": tuple(one.model_copy(update=counts) for one in state.gpus)})


# random pasts


def _near(draw: st.DrawFn, anchors: Sequence[int], spread: int) -> int:
    return draw(st.sampled_from(anchors)) + draw(st.integers(-spread, spread))


@st.composite
def pasts(draw: st.DrawFn, *, late: bool = False, grows: bool = True, most_hours: int = 3) -> Past:
    """Pasts with jitter, gaps, repeats, disorder, counters that fall, and GPUs that come and go near full hours."""
    cadence = draw(st.sampled_from([1, 7, 60, 600, 1_800, 2_400]))
    hours = draw(st.integers(1, most_hours))
    edges = [BASE + hour * HOUR for hour in range(hours + 1)]
    moments = [*edges, *(edge - 2 * cadence for edge in edges), BASE + 900]
    boards, services, rows = [], [], []
    for gpu_id in draw(st.sampled_from([("b",), ("a", "b"), ("a", "b", "b-2")])):
        since = _near(draw, moments, 2 * cadence) if grows else BASE - HOUR
        until = draw(st.none() | st.integers(1, hours * HOUR)) if grows else None
        boards.append(Board(gpu_id, since, None if until is None else since + until))
        rows += draw(_samples(gpu_id, cadence * 1000, (since - 2 * cadence) * 1000, edges, late=late))
        start = since + draw(st.integers(0, 2 * HOUR))
        switch = start + draw(st.integers(1, 2 * HOUR))
        services.append(Service(draw(st.integers(1, 2)), gpu_id, start, switch))
        services.append(Service(3, gpu_id, switch, switch + draw(st.integers(1, 3 * HOUR))))
    if draw(st.booleans()):
        rows = draw(st.permutations(rows))
    repeats = draw(st.lists(st.sampled_from(rows), max_size=4)) if rows else []
    rows += [row._replace(duty=draw(st.integers(0, 10**6)), arrives=row.arrives) for row in repeats]
    watts = draw(st.sampled_from([(70, 700), None]))
    return Past(cadence * 1000, watts, tuple(boards), tuple(rows), tuple(services))


@st.composite
def _samples(
    draw: st.DrawFn, gpu_id: str, cadence_ms: int, begin: int, edges: Sequence[int], *, late: bool
) -> list[Row]:
    at, mj = begin + draw(st.integers(0, 2 * cadence_ms)), draw(st.integers(0, 10**9))
    rows = []
    for _ in range(draw(st.integers(0, 24))):
        delay = draw(st.sampled_from([0, 0, 0, 500, cadence_ms * 3, HOUR_MS])) if late else 0
        rows.append(Row(gpu_id, at, draw(st.sampled_from([0, 1, 333_333, 999_999, 10**6])), mj, at + delay))
        step = draw(st.sampled_from(["regular", "regular", "jitter", "limit", "gap", "edge"]))
        if step == "edge":
            coming = next((edge * 1000 for edge in edges if edge * 1000 > at + 3), None)
            after = at + cadence_ms if coming is None else max(at + 1, coming + draw(st.integers(-2, 2)))
        elif step == "limit":
            after = at + 2 * cadence_ms + draw(st.integers(-1, 1))
        elif step == "gap":
            after = at + draw(st.integers(2 * cadence_ms + 1, 3 * cadence_ms + HOUR_MS))
        else:
            after = at + (cadence_ms if step == "regular" else draw(st.integers(1, 2 * cadence_ms)))
        at = after
        mj = mj + draw(st.integers(0, 10**7)) if draw(st.integers(0, 7)) else draw(st.integers(0, mj))
    return rows


@st.composite
def report_times(draw: st.DrawFn, past: Past, at_most: int = 6) -> list[int]:
    """Some times as of which reports are made: full hours, hours that samples just close, others, and days later."""
    first = min(one.since for one in past.boards)
    last = max([row.at // 1000 for row in past.rows], default=first)
    edges = list(range(first // HOUR * HOUR, last + 2 * HOUR, HOUR))
    cadence = past.cadence_ms // 1000
    candidate = st.one_of(
        st.sampled_from(edges),
        st.sampled_from(edges).map(lambda edge: edge - 2 * cadence),
        st.sampled_from(edges).flatmap(lambda edge: st.integers(edge - 2 * cadence - 2, edge + 2 * cadence + 2)),
        st.integers(first - HOUR, last + HOUR),
        st.just(last + 3 * 24 * HOUR),
    )
    return sorted(draw(st.sets(candidate, min_size=1, max_size=at_most)))
