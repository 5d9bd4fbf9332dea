"""What a report must say, computed sample by sample in fractions, by the words of the rule and in no clever way.

It imports nothing of the package but the hash function: what it knows is the published rule and the forms of rows and
lines.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from math import floor
from typing import NamedTuple

from pyutils.keccak import keccak256

HOUR = 3_600
HOUR_MS = 3_600_000
PPM = 1_000_000


class Row(NamedTuple):
    """One sample, and when it reached whoever asks for it; times in Unix milliseconds."""

    gpu_id: str
    at: int
    duty: int
    mj: int
    arrives: int


@dataclass(frozen=True)
class Board:
    """A GPU's time in the fleet, in Unix seconds."""

    gpu_id: str
    since: int
    until: int | None = None


@dataclass(frozen=True)
class Service:
    """A GPU serves a lease, in Unix seconds."""

    lease_id: int
    gpu_id: str
    start: int
    end: int


@dataclass(frozen=True)
class Past:
    """All that ever happened to a fleet. `watts` are idle and maximum power, None where boards measure energy."""

    cadence_ms: int
    watts: tuple[int, int] | None
    boards: tuple[Board, ...]
    rows: tuple[Row, ...]
    """In the order in which they reached us."""
    services: tuple[Service, ...]

    @property
    def gap(self) -> int:
        return 2 * self.cadence_ms

    def closed(self, as_of: int) -> int:
        """Return the last moment whose samples belong to a report."""
        return as_of * 1000 + self.gap

    def boards_at(self, as_of: int) -> tuple[Board, ...]:
        """Return the GPUs as the chain knew them."""
        known = [one for one in self.boards if one.since <= as_of]
        return tuple(
            replace(one, until=None) if one.until is not None and one.until > as_of else one
            for one in sorted(known, key=lambda one: one.gpu_id)
        )

    def services_at(self, as_of: int) -> tuple[Service, ...]:
        """Return who served whom as the chain knew it, by GPUs that it knew."""
        ids = {one.gpu_id for one in self.boards_at(as_of)}
        return tuple(one for one in self.services if one.start <= as_of and one.gpu_id in ids)

    def leases_at(self, as_of: int) -> tuple[int, ...]:
        """Return the leases of a report: all that were granted; lease 9 has no GPUs."""
        return (*sorted({one.lease_id for one in self.services_at(as_of)}), 9)


Taken = Callable[[Board, Row], bool]


def everything(_: Board, __: Row) -> bool:
    return True


def matters(past: Past, board: Board, at: int) -> bool:
    """Return whether a sample of a moment counts at all: near the GPU's time in the fleet, in an hour open to it."""
    opened = board.since * 1000 // HOUR_MS * HOUR_MS
    ends = None if board.until is None else board.until * 1000 + past.gap
    return at > board.since * 1000 - past.gap and at >= opened and (ends is None or at < ends)


def taken_rows(past: Past, board: Board, as_of: int, taken: Taken = everything) -> list[Row]:
    """Return a GPU's samples that a report is built from, in order of time; of one moment the first stands."""
    first: dict[int, Row] = {}
    for row in past.rows:
        in_time = row.gpu_id == board.gpu_id and row.at <= past.closed(as_of)
        if in_time and matters(past, board, row.at) and taken(board, row):
            first.setdefault(row.at, row)
    return [first[at] for at in sorted(first)]


@dataclass
class Counted:
    """One GPU's sums as of a time."""

    available: int
    busy: Fraction
    nanojoules: int
    resets: int
    stretches: list[tuple[int, int]]
    """Available time, pair by pair of samples."""


def count(past: Past, board: Board, rows: Sequence[Row], as_of: int) -> Counted:
    """Count pair by pair."""
    told = Counted(0, Fraction(0), 0, 0, [])
    stop = as_of * 1000 if board.until is None else min(as_of, board.until) * 1000
    for one, following in pairwise(rows):
        begin, end = max(one.at, board.since * 1000), min(following.at, stop)
        if end <= begin:
            continue
        fell = past.watts is None and following.mj < one.mj
        told.resets += fell
        if fell or following.at - one.at > past.gap:
            continue
        length = end - begin
        told.available += length
        told.busy += Fraction(one.duty, PPM) * length
        told.stretches.append((begin, end))
        if past.watts is None:
            share = Fraction(length, following.at - one.at)
            told.nanojoules += floor((following.mj - one.mj) * 1_000_000 * share)
        else:
            idle, most = past.watts
            watts = idle + (most - idle) * Fraction(one.duty, PPM)
            # watts × milliseconds are millijoules
            nanojoules = watts * length * 1_000_000
            assert nanojoules.denominator == 1
            told.nanojoules += int(nanojoules)
    return told


def hour_rows(past: Past, as_of: int, taken: Taken = everything) -> dict[int, bytes]:
    """Return the rows of each UTC hour that has samples."""
    hours: dict[int, list[tuple[str, int, str]]] = {}
    for board in past.boards_at(as_of):
        for row in taken_rows(past, board, as_of, taken):
            energy = "" if past.watts is not None else f",{row.mj}"
            line = f"{row.gpu_id},{row.at},{row.duty}{energy}\n"
            hours.setdefault(row.at // HOUR_MS, []).append((row.gpu_id, row.at, line))
    return {hour: "".join(line for _, _, line in sorted(lines)).encode() for hour, lines in sorted(hours.items())}


def samples_hash(past: Past, as_of: int, taken: Taken = everything) -> bytes:
    """Return the chain of the hours' hashes."""
    chain = bytes(32)
    for rows in hour_rows(past, as_of, taken).values():
        chain = keccak256(chain + keccak256(rows))
    return chain


def leaf_file(past: Past, as_of: int, taken: Taken = everything) -> bytes:
    """Return the bytes of the leaf file of fleet 1."""
    boards = past.boards_at(as_of)
    counted = {one.gpu_id: count(past, one, taken_rows(past, one, as_of, taken), as_of) for one in boards}
    power = None if past.watts is None else {"idle_watts": past.watts[0], "max_watts": past.watts[1]}
    lines: list[dict[str, object]] = [
        {
            "kind": "header", "format": "gpu-rwa-leaf-file/1", "fleet_id": 1, "as_of": as_of, "power": power,
            "cadence_ms": past.cadence_ms, "samples_hash": "0x" + samples_hash(past, as_of, taken).hex(),
        }
    ]  # fmt: skip
    for board in boards:
        told = counted[board.gpu_id]
        lines.append(
            {
                "kind": "gpu", "gpu_id": board.gpu_id, "since": board.since, "until": board.until,
                "available_ms": told.available, "busy_ms": floor(told.busy),
                "energy_joules": told.nanojoules // 10**9, "resets": told.resets,
            }
        )  # fmt: skip
    served = sorted(past.services_at(as_of), key=lambda one: (one.lease_id, one.gpu_id, one.start))
    delivered = dict.fromkeys(past.leases_at(as_of), 0)
    for one in served:
        lines.append(
            {
                "kind": "allocation", "lease_id": one.lease_id, "gpu_id": one.gpu_id, "start": one.start,
                "end": one.end,
            }
        )  # fmt: skip
        for begin, end in counted[one.gpu_id].stretches:
            delivered[one.lease_id] += max(0, min(end, one.end * 1000) - max(begin, one.start * 1000))
    lines += [{"kind": "lease", "lease_id": one, "delivered_gpu_ms": got} for one, got in sorted(delivered.items())]
    return "".join(json.dumps(line, sort_keys=True, separators=(",", ":")) + "\n" for line in lines).encode()
