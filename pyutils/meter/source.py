"""Where samples come from: one small protocol, behind which stand NVML, Prometheus and recorded traces.

A source yields raw samples and nothing else; the rule that makes counters of them is `FleetMeter`'s alone. Asking again
for the same span is harmless, so that a reporter that crashed goes on where its last checkpoint stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from pyutils.errors import GpuRwaError
from pyutils.meter.series import GpuSeries
from pyutils.units import Ms, UnixMs


class SourceError(GpuRwaError):
    """A source of samples cannot be reached, or answers what cannot be used."""

    remedy = "See that the meter runs and answers, then try again; counters are cumulative and lose nothing"


class SampleSource(Protocol):
    """Samples of GPUs as their meters took them."""

    @property
    def has_energy(self) -> bool:
        """Whether samples carry the boards' own energy counters."""

    @property
    def dropped(self) -> Mapping[str, int]:
        """How many samples were not given on since the source was opened, by reason."""

    def read(self, gpu_ids: Sequence[str], after_ms: UnixMs, until_ms: UnixMs) -> Iterator[Sequence[GpuSeries]]:
        """Yield the samples stamped in `(after_ms, until_ms]` of the GPUs named, in batches of bounded size.

        A series bears the name under which its GPU was asked for. Samples of a GPU may be spread over batches, in any
        order; with `has_energy` every series carries energy. Raises `SourceError`; batches yielded before that stand.
        """

    def check(self) -> None:
        """Raise `SourceError` where samples cannot be taken or asked for now; cheap enough to be done often."""

    def clock_ms(self) -> UnixMs:
        """Return the time of the clock that stamps the samples. Raises `SourceError`."""

    def cadence_ms(self) -> Ms | None:
        """Return how far apart the source takes its samples, or None where it does not know."""

    def close(self) -> None:
        """Let go of connections and devices."""
