"""Chooses GPUs for leases by what a trace shows of them, never by their names, which only break ties."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from pyutils.demo.plan import FleetPlan, GpuKind, LeasePlan, LeftOut, Scene
from pyutils.demo.presence import Presence
from pyutils.errors import InputError
from pyutils.models import PowerModel
from pyutils.units import MS_PER_SECOND, PPM, SECONDS_PER_HOUR, FleetId, GpuMs, UnixSeconds, Watts

KINDS: Final = (
    GpuKind(
        "H100-SXM5-80GB", "DE-HE", 235, 150, 30_000, PowerModel(idle_watts=Watts(70), max_watts=Watts(700)),
        "Main H100", "MAIN",
    ),
    GpuKind(
        "B200-SXM6-180GB", "FR-IDF", 410, 280, 45_000, PowerModel(idle_watts=Watts(140), max_watts=Watts(1000)),
        "Oise B200", "OISE",
    ),
)  # fmt: skip
"""The fleets' classes. Power is the boards' rating; the trace has no meter of it, so energy is derived from duty."""

OPENING_S: Final = 600
"""The first minutes of a trace, in which the first leases open; no planned lease needs more than what is left."""
END_EARLY_AFTER_S: Final = 1_800
"""An end within the first hour after the grant costs no notice."""
NOTICE_S: Final = 2 * SECONDS_PER_HOUR
"""An early end takes effect two report intervals later."""

_HALF_HOUR_S: Final = 1_800
_QUARTER_S: Final = 900
_STEADY_PPM: Final = 990_000
"""The agreed availability, below which SLA credits begin."""
_MOSTLY_PPM: Final = 900_000
_HALF_PPM: Final = 500_000

_WISHES: Final = {
    Scene.STEADY: 16,
    Scene.LEAVES: 5,
    Scene.ARRIVES: 4,
    Scene.ENDS_EARLY: 4,
    Scene.HANDED_ON: 8,
    Scene.GAPPY: 3,
}
"""GPUs that each lease would like; the order is the order in which leases choose."""
_PREFERRED_FLEET: Final = {Scene.ARRIVES: 2, Scene.ENDS_EARLY: 2, Scene.GAPPY: 2}


class LeaseTooLongError(InputError):
    """A lease was asked for that the trace cannot hold."""

    remedy = "Ask for shorter leases, or give a longer trace"

    def __init__(self, hours: int, most: int) -> None:
        super().__init__(f"a lease of {hours} h is longer than the trace, which holds leases of at most {most} h")
        self.hours, self.most = hours, most


@dataclass(frozen=True, slots=True)
class Window:
    """When a lease would serve, `[start, start + hours)`."""

    start: int
    hours: int

    @property
    def end(self) -> int:
        """The agreed end."""
        return self.start + self.hours * SECONDS_PER_HOUR


@dataclass(frozen=True, slots=True)
class Stage:
    """The trace's bounds and the longest lease, in hours; 0 where it holds none."""

    first: int
    last: int
    hours: int

    @classmethod
    def of(cls, first: int, last: int, lease_hours: int | None) -> Stage:
        """Return the stage of a trace. Raises `LeaseTooLongError` where `lease_hours` do not fit."""
        most = max(0, last - first - OPENING_S) // SECONDS_PER_HOUR
        if lease_hours is None:
            return cls(first, last, most)
        if lease_hours < 1:
            raise InputError(f"a lease of {lease_hours} h", remedy="The shortest lease takes 1 h")
        if lease_hours > most:
            raise LeaseTooLongError(lease_hours, most)
        return cls(first, last, lease_hours)


@dataclass(frozen=True, slots=True)
class Casting:
    """A scene's lease in the making: GPUs that would fit, best first, and those it has."""

    scene: Scene
    fleet_id: FleetId
    window: Window
    candidates: tuple[Presence, ...]
    taken: tuple[str, ...]


Audition = tuple[Window, tuple[Presence, ...]]
"""A window and the GPUs that fit a scene in it, best first; none where the fleet has no such GPU."""


def split_fleets(gpus: Iterable[Presence]) -> tuple[FleetPlan, ...]:
    """Deal the GPUs out to the fleets in order of availability, so that each fleet has good and bad ones."""
    ranked = sorted(gpus, key=lambda gpu: (-gpu.reading.available_ms, gpu.gpu_id))
    hands = [tuple(sorted(gpu.gpu_id for gpu in ranked[place :: len(KINDS)])) for place in range(len(KINDS))]
    return tuple(
        FleetPlan(FleetId(number), kind, hand)
        for number, (kind, hand) in enumerate(zip(KINDS, hands, strict=True), start=1)
        if hand
    )


def cast_leases(
    stage: Stage, fleets: tuple[FleetPlan, ...], gpus: Iterable[Presence]
) -> tuple[tuple[LeasePlan, ...], tuple[LeftOut, ...]]:
    """Choose a lease for each scene that the trace can show, no GPU twice, and say what it cannot."""
    by_id = {gpu.gpu_id: gpu for gpu in gpus}
    crews = {fleet.fleet_id: [by_id[gpu_id] for gpu_id in fleet.gpu_ids] for fleet in fleets}
    castings: list[Casting] = []
    left_out: list[LeftOut] = []
    used: set[str] = set()
    for scene in _WISHES:
        found, reason = _cast(scene, stage, crews, used)
        if found is None:
            left_out.append(LeftOut(scene, reason))
        else:
            castings.append(found)
            used |= set(found.taken)
    # Each scene has one GPU by now; what is left goes round until the wishes are met.
    for place, casting in enumerate(castings):
        spare = [gpu.gpu_id for gpu in casting.candidates if gpu.gpu_id not in used]
        more = spare[: _WISHES[casting.scene] - len(casting.taken)]
        used |= set(more)
        castings[place] = replace(casting, taken=(*casting.taken, *more))
    return tuple(_lease(casting, turn) for turn, casting in enumerate(castings)), tuple(left_out)


def earns_credit(lease: LeasePlan, gpus: Iterable[Presence]) -> bool:
    """Return whether the trace gives the lease less than the agreed availability."""
    agreed_ms = len(lease.gpu_ids) * (end_of(lease) - lease.grant_at) * MS_PER_SECOND
    return delivered_ms(lease, gpus) * PPM < _STEADY_PPM * agreed_ms


def end_of(lease: LeasePlan) -> int:
    """Return when a lease will end."""
    if lease.end_early_at is not None:
        return lease.end_early_at + NOTICE_S
    return lease.grant_at + lease.hours * SECONDS_PER_HOUR


def delivered_ms(lease: LeasePlan, gpus: Iterable[Presence]) -> GpuMs:
    """Return what the trace gives a lease."""
    wanted, end = frozenset(lease.gpu_ids), end_of(lease)
    return GpuMs(sum(gpu.available_ms(lease.grant_at, end) for gpu in gpus if gpu.gpu_id in wanted))


def second_turn(early: LeasePlan, free_at: int, last: int) -> LeasePlan | None:
    """Return a lease of the GPUs that an early end freed, or None where the trace ends too soon."""
    grant_at = free_at + 300
    hours = min(3, (last - grant_at) // SECONDS_PER_HOUR)
    if hours < 1:
        return None
    return LeasePlan(
        Scene.SECOND_TURN, early.fleet_id, early.gpu_ids, UnixSeconds(free_at),
        UnixSeconds(grant_at), hours,
    )  # fmt: skip


def _cast(
    scene: Scene, stage: Stage, crews: dict[FleetId, list[Presence]], used: set[str]
) -> tuple[Casting | None, str]:
    least = 3 if scene is Scene.ENDS_EARLY else 1
    if stage.hours < least:
        return None, f"it takes a lease of {least} h, the trace holds leases of at most {stage.hours} h"
    preferred = _PREFERRED_FLEET.get(scene, 1)
    for fleet_id in sorted(crews, key=lambda one: one != preferred):
        window, fitting = _AUDITIONS[scene](stage, [gpu for gpu in crews[fleet_id] if gpu.gpu_id not in used])
        if fitting:
            return Casting(scene, fleet_id, window, fitting, (fitting[0].gpu_id,)), ""
    return None, "no GPU that is still free did so"


def _lease(casting: Casting, turn: int) -> LeasePlan:
    start, hours = casting.window.start, casting.window.hours
    # The first leases open one after the other; each keeps clear of the trace's end by as much as it waits.
    grant_at = start + 30 * turn
    ends_early = casting.scene is Scene.ENDS_EARLY
    handed_on = casting.scene is Scene.HANDED_ON
    return LeasePlan(
        casting.scene,
        casting.fleet_id,
        casting.taken,
        UnixSeconds(grant_at - 120),
        UnixSeconds(grant_at),
        hours,
        UnixSeconds(grant_at + END_EARLY_AFTER_S) if ends_early else None,
        UnixSeconds(grant_at + hours * _HALF_HOUR_S + _QUARTER_S) if handed_on else None,
    )


def _opening(stage: Stage, hours: int | None = None) -> Window:
    return Window(stage.first + OPENING_S // 2, stage.hours if hours is None else min(hours, stage.hours))


def _best(window: Window, gpus: Iterable[Presence], least_ppm: int, most_ppm: int = PPM) -> Audition:
    ranked = sorted(gpus, key=lambda gpu: (-gpu.available_ms(window.start, window.end), gpu.gpu_id))
    return window, tuple(gpu for gpu in ranked if least_ppm <= gpu.available_ppm(window.start, window.end) <= most_ppm)


def _steady(stage: Stage, gpus: list[Presence]) -> Audition:
    return _best(_opening(stage), gpus, _STEADY_PPM)


def _handed_on(stage: Stage, gpus: list[Presence]) -> Audition:
    return _best(_opening(stage), gpus, _HALF_PPM)


def _ends_early(stage: Stage, gpus: list[Presence]) -> Audition:
    return _best(_opening(stage, 6), gpus, _HALF_PPM)


def _gappy(stage: Stage, gpus: list[Presence]) -> Audition:
    return _best(_opening(stage), [gpu for gpu in gpus if gpu.stretches > 1], _HALF_PPM, _STEADY_PPM - 1_000)


def _leaves(stage: Stage, gpus: list[Presence]) -> Audition:
    """GPUs that were there from the beginning and then vanished, the last to go first."""
    longest = _opening(stage)
    fitting = sorted(
        (
            gpu
            for gpu in gpus
            if longest.start + _HALF_HOUR_S <= gpu.leaves <= longest.end - _QUARTER_S
            and gpu.available_ppm(longest.start, gpu.leaves) >= _MOSTLY_PPM
        ),
        key=lambda gpu: (-gpu.leaves, gpu.gpu_id),
    )
    if not fitting:
        return longest, ()
    hours = -(-(fitting[0].leaves - longest.start) // SECONDS_PER_HOUR) + 1
    return _opening(stage, hours), tuple(fitting)


def _arrives(stage: Stage, gpus: list[Presence]) -> Audition:
    """GPUs that came late and stayed, the first to come first. The lease begins before they are there."""
    earliest = _opening(stage)
    fitting = sorted(
        (
            gpu
            for gpu in gpus
            if earliest.start + OPENING_S <= gpu.arrives <= stage.last - 3 * _HALF_HOUR_S
            and gpu.available_ppm(gpu.arrives, stage.last) >= _MOSTLY_PPM
        ),
        key=lambda gpu: (gpu.arrives, gpu.gpu_id),
    )
    if not fitting:
        return earliest, ()
    start = max(earliest.start, fitting[0].arrives - _HALF_HOUR_S)
    window = Window(start, min(stage.hours, (stage.last - start - OPENING_S // 2) // SECONDS_PER_HOUR))
    if window.hours < 1:
        return window, ()
    return window, tuple(gpu for gpu in fitting if gpu.arrives <= window.end - _HALF_HOUR_S)


_AUDITIONS: Final[dict[Scene, Callable[[Stage, list[Presence]], Audition]]] = {
    Scene.STEADY: _steady,
    Scene.LEAVES: _leaves,
    Scene.ARRIVES: _arrives,
    Scene.ENDS_EARLY: _ends_early,
    Scene.HANDED_ON: _handed_on,
    Scene.GAPPY: _gappy,
}
