"""Recorded samples: a CSV or CSV.gz with the columns `timestamp_s,pod,gpu_duty_cycle_percent`."""

from __future__ import annotations

import csv
import gzip
import io
import re
import statistics
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from itertools import islice
from operator import sub
from pathlib import Path
from typing import TextIO

from pyutils.errors import TraceError
from pyutils.meter.series import GpuSeries, Sample, to_samples
from pyutils.units import MS_PER_SECOND, PPM, Ms, Ppm, UnixMs, UnixSeconds, format_fixed

COLUMNS = ("timestamp_s", "pod", "gpu_duty_cycle_percent")

_PPM_PER_PERCENT = PPM // 100
_PERCENT_DECIMALS = 4
_DIGITS = re.compile(r"[0-9]{1,12}")
_GPU_ID = re.compile(r"[!-+\--~]{1,128}")
_MAX_TIME_S = 2**40


@dataclass(frozen=True, slots=True)
class Trace:
    """Samples of many GPUs, one series per GPU in order of name, each in order of time."""

    name: str
    series: tuple[GpuSeries, ...]
    cadence_ms: Ms

    @property
    def gpu_ids(self) -> tuple[str, ...]:
        """Names of the GPUs, sorted."""
        return tuple(one.gpu_id for one in self.series)

    @property
    def first(self) -> UnixSeconds:
        """Time of the first sample."""
        return UnixSeconds(min(one.at_ms[0] for one in self.series) // MS_PER_SECOND)

    @property
    def last(self) -> UnixSeconds:
        """Time of the last sample."""
        return UnixSeconds(max(one.at_ms[-1] for one in self.series) // MS_PER_SECOND)

    def __len__(self) -> int:
        return sum(map(len, self.series))

    def samples(self) -> list[Sample]:
        """Return all samples, sorted by time and then by GPU."""
        return to_samples(self.series)

    def only(self, gpu_ids: Iterable[str]) -> tuple[GpuSeries, ...]:
        """Return the series of some GPUs."""
        wanted = frozenset(gpu_ids)
        return tuple(one for one in self.series if one.gpu_id in wanted)


class TraceSource:
    """A trace as a source of samples: those of the future are there, and are given to whoever asks for their time."""

    has_energy = False

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.dropped: Mapping[str, int] = {}
        self._by_id = {one.gpu_id: one for one in trace.series}

    def read(self, gpu_ids: Sequence[str], after_ms: UnixMs, until_ms: UnixMs) -> Iterator[Sequence[GpuSeries]]:
        """Yield the samples stamped in `(after_ms, until_ms]` of the GPUs named, one GPU at a time."""
        for gpu_id in gpu_ids:
            one = self._by_id.get(gpu_id)
            if one is None:
                continue
            begin, end = bisect_right(one.at_ms, after_ms), bisect_right(one.at_ms, until_ms)
            if begin < end:
                yield (GpuSeries(gpu_id, one.at_ms[begin:end], one.duty_ppm[begin:end]),)

    def check(self) -> None:
        """Do nothing: what is recorded is there."""

    def clock_ms(self) -> UnixMs:
        """Return the time of the last sample: a trace knows no other."""
        return UnixMs(max(one.at_ms[-1] for one in self.trace.series))

    def cadence_ms(self) -> Ms:
        """Return how far apart the trace's samples are."""
        return self.trace.cadence_ms

    def close(self) -> None:
        """Do nothing: a trace is in memory."""


def read_trace(path: Path, cadence_ms: Ms | None = None) -> Trace:
    """Read a trace; its cadence is the median gap between samples of one GPU unless given.

    A duty cycle finer than a part per million is rounded down to one. Raises `TraceError` with the line at fault.
    """
    columns: dict[str, tuple[list[int], list[int]]] = {}
    count = 0
    with _open(path) as text:
        for at_ms, gpu_id, duty_ppm, line in _rows(csv.reader(text, strict=True), str(path)):
            times, duties = columns.setdefault(gpu_id, ([], []))
            if times and at_ms == times[-1]:
                raise TraceError(str(path), f"a second sample of {gpu_id} at {at_ms // MS_PER_SECOND}", line)
            times.append(at_ms)
            duties.append(duty_ppm)
            count += 1
    if count == 0:
        raise TraceError(str(path), "the trace is empty")
    if count == 1:
        raise TraceError(str(path), "the trace has one sample; an interval takes two")
    series = tuple(GpuSeries(gpu_id, *columns[gpu_id]) for gpu_id in sorted(columns))
    return Trace(path.name, series, detect_cadence(series, str(path)) if cadence_ms is None else cadence_ms)


def detect_cadence(series: Iterable[GpuSeries], name: str) -> Ms:
    """Return the median gap between consecutive samples of one GPU, over all GPUs; of two middles the lower one."""
    gaps: list[int] = []
    for one in series:
        gaps += map(sub, islice(one.at_ms, 1, None), one.at_ms)
    if not gaps:
        raise TraceError(name, "no GPU has two samples, so no cadence can be detected", remedy="Give the cadence")
    return Ms(statistics.median_low(gaps))


def write_trace(trace: Trace, path: Path) -> None:
    """Write a trace as CSV, gzipped where the name ends in `.gz`; equal traces give equal bytes."""
    buffer = io.StringIO()
    buffer.write(",".join(COLUMNS) + "\n")
    for gpu_id, at_ms, duty_ppm, _ in trace.samples():
        buffer.write(f"{at_ms // MS_PER_SECOND},{gpu_id},{format_fixed(duty_ppm, _PERCENT_DECIMALS)}\n")
    data = buffer.getvalue().encode("ascii")
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


@contextmanager
def _open(path: Path) -> Iterator[TextIO]:
    """Open a trace, and turn every way in which its bytes fail to be text into one line."""
    try:
        with path.open("rb") as raw:
            packed = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
            with io.TextIOWrapper(packed, encoding="utf-8-sig", newline="") as text:
                yield text
    except FileNotFoundError as error:
        raise TraceError(str(path), "no such trace", remedy="Check the path") from error
    except gzip.BadGzipFile as error:
        raise TraceError(str(path), "is named .gz but is not gzip", remedy="Rename it or compress it") from error
    except (EOFError, zlib.error) as error:
        raise TraceError(str(path), "the gzip file is cut off or damaged", remedy="Fetch it again") from error
    except UnicodeDecodeError as error:
        raise TraceError(str(path), "is not UTF-8 text", remedy="Name a gzipped trace .csv.gz") from error
    except OSError as error:
        raise TraceError(str(path), f"cannot be read: {error.strerror}", remedy="Check the path") from error


def _rows(reader: Iterator[list[str]], name: str) -> Iterator[tuple[int, str, int, int]]:
    """Yield time in ms, GPU, duty in ppm and line of each row. Raises `TraceError` at the first bad one."""
    line = 0
    previous = -1
    duties: dict[str, int] = {}
    gpus: set[str] = set()
    try:
        for line, row in enumerate(reader, start=1):
            if line == 1:
                if tuple(row) != COLUMNS:
                    raise TraceError(name, f"columns are {','.join(row)!r}, not {','.join(COLUMNS)!r}", line)
                continue
            if len(row) != len(COLUMNS):
                raise TraceError(name, f"{len(row)} columns, not {len(COLUMNS)}", line)
            stamp, gpu_id, percent = row
            if not _DIGITS.fullmatch(stamp) or int(stamp) >= _MAX_TIME_S:
                raise TraceError(name, f"the time {stamp!r} is not a number of Unix seconds", line)
            at = int(stamp)
            if at < previous:
                raise TraceError(name, f"unsorted, {at} comes after {previous}", line)
            previous = at
            if gpu_id not in gpus:
                if not _GPU_ID.fullmatch(gpu_id):
                    raise TraceError(
                        name, f"the pod name {gpu_id!r} is empty or holds blanks, commas or non-ASCII", line
                    )
                gpus.add(gpu_id)
            duty = duties.get(percent)
            if duty is None:
                duty = duties[percent] = _duty_ppm(percent, name, line)
            yield at * MS_PER_SECOND, gpu_id, duty, line
    except csv.Error as error:
        raise TraceError(name, f"is not CSV: {error}", line + 1) from error


def _duty_ppm(percent: str, name: str, line: int) -> Ppm:
    try:
        value = Decimal(percent)
    except InvalidOperation:
        raise TraceError(name, f"the duty cycle {percent!r} is not a number", line) from None
    if not value.is_finite():
        raise TraceError(name, f"the duty cycle {percent!r} is not a number", line)
    if not 0 <= value <= 100:
        raise TraceError(name, f"the duty cycle {percent} % is not within 0 and 100", line)
    # Rounds down: busy time never exceeds what the samples show.
    return Ppm(int((value * _PPM_PER_PERCENT).to_integral_value(ROUND_FLOOR)))
