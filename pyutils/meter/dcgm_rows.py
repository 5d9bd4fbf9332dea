"""Rows of dcgm-exporter's metrics, as a server gives them back, made into samples of GPUs.

A GPU may have several rows of one metric: its exporter was moved, or the board is cut into instances. At one time the
highest duty counts, since a board is busy while any of its instances is, and the highest energy: each instance shows
the whole board's counter, read a moment apart. So the result depends on no order.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from operator import mul
from typing import Any, Final

from pyutils.meter.dcgm import DROPPED, duty_texts, energies_mj
from pyutils.meter.series import GpuSeries
from pyutils.models.meter import normalize_gpu_id
from pyutils.units import MS_PER_SECOND

NOT_ROWS: Final = (KeyError, TypeError, ValueError, AttributeError, OverflowError)
"""What comes of reading an answer that has no rows of samples."""

_INSTANCE: Final = "GPU_I_ID"
"""Label of rows that speak of an instance of a board that is cut into several."""

Row = Mapping[str, Any]
Columns = tuple[list[int], list[int]]
"""Times in milliseconds and numbers, in order of time."""
Numbers = Callable[[Sequence[str]], list[int]]


class DcgmRows:
    """Reads rows, and counts what it drops. Raises one of `NOT_ROWS` where they are none.

    Args:
        duty_metric: whose rows say how busy a board is. Raises `UnknownDutyMetricError`.

    """

    def __init__(self, duty_metric: str) -> None:
        self.dropped: Counter[str] = Counter(dict.fromkeys(("sentinel", "unpaired", "duplicate"), 0))
        """Values that are no measurements, duties without energy, and second rows of one board and time."""
        self._texts = duty_texts(duty_metric)

    def duties(self, rows: Iterable[Row], names: Mapping[str, str], after_ms: int, until_ms: int) -> dict[str, Columns]:
        """Return duties in parts per million stamped in `(after_ms, until_ms]`, by the normalized names in `names`."""
        return self._columns(rows, names, after_ms, until_ms, self._texts.all_ppm)

    def energies(
        self, rows: Iterable[Row], names: Mapping[str, str], after_ms: int, until_ms: int
    ) -> dict[str, Columns]:
        """Return energy counters in millijoules, as `duties` does."""
        return self._columns(rows, names, after_ms, until_ms, energies_mj)

    def paired(self, gpu_id: str, duty: Columns, energy: Columns) -> GpuSeries:
        """Return the duties whose energy was scraped with them; energy is never guessed."""
        (at, values), (counted_at, counted) = duty, energy
        if counted_at == at:
            return GpuSeries(gpu_id, at, values, counted)
        energy_at = dict(zip(counted_at, counted, strict=True))
        kept = [(when, value, energy_at[when]) for when, value in zip(at, values, strict=True) if when in energy_at]
        self.dropped["unpaired"] += len(at) - len(kept)
        return GpuSeries(gpu_id, [row[0] for row in kept], [row[1] for row in kept], [row[2] for row in kept])

    def _columns(
        self, rows: Iterable[Row], names: Mapping[str, str], after_ms: int, until_ms: int, numbers: Numbers
    ) -> dict[str, Columns]:
        parts: dict[str, list[tuple[bool, Columns]]] = defaultdict(list)
        for row in rows:
            labels = row["metric"]
            key = normalize_gpu_id(labels["UUID"])
            if key in names and row["values"]:
                columns = self._read(row["values"], after_ms, until_ms, numbers)
                parts[key].append((bool(labels.get(_INSTANCE)), columns))
        merged = {key: found[0][1] if len(found) == 1 else self._merged(found) for key, found in parts.items()}
        return {key: columns for key, columns in merged.items() if columns[0]}

    def _read(self, values: Sequence[Sequence[Any]], after_ms: int, until_ms: int, numbers: Numbers) -> Columns:
        times, texts = zip(*values, strict=True)
        # Decimal seconds become doubles on their way, each nearer to the millisecond meant than to any other.
        at = list(map(round, map(mul, times, repeat(MS_PER_SECOND))))
        found = numbers(texts)
        # Prometheus 2 gives the left bound too, Prometheus 3 does not.
        begin, stop = bisect_right(at, after_ms), bisect_right(at, until_ms)
        if begin > 0 or stop < len(at):
            at, found = at[begin:stop], found[begin:stop]
        if DROPPED in found:
            kept = [(when, number) for when, number in zip(at, found, strict=True) if number != DROPPED]
            self.dropped["sentinel"] += len(at) - len(kept)
            return [when for when, _ in kept], [number for _, number in kept]
        return at, found

    def _merged(self, parts: Sequence[tuple[bool, Columns]]) -> Columns:
        merged: dict[int, int] = {}
        for _, (at, values) in parts:
            for when, value in zip(at, values, strict=True):
                if value > merged.get(when, DROPPED):
                    merged[when] = value
        # Instances share their board's times; they are no duplicates.
        whole = [at for is_instance, (at, _) in parts if not is_instance]
        self.dropped["duplicate"] += sum(map(len, whole)) - len(set().union(*whole))
        times = sorted(merged)
        return times, [merged[when] for when in times]
