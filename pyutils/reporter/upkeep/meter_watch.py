"""Whether the meters work, looked at between reports too, which come once an hour."""

from __future__ import annotations

import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pyutils.meter import SampleSource, SourceError
from pyutils.reporter.upkeep.health import NOT_LOOKED_AT, Health
from pyutils.reporter.upkeep.metrics import Metrics

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class MeterWatch:
    """Watches the sources of a daemon's samples."""

    sources: Sequence[SampleSource]
    metrics: Metrics
    health: Health
    every_s: float = 30.0
    """Seconds from one look to the next: one at a server that is down takes a while, and nothing else is done then."""
    clock: Callable[[], float] = time.monotonic
    _told: dict[int, Counter[str]] = field(default_factory=dict)
    """What each source had dropped when it was last looked at, by its place."""
    _fault: str = ""
    """What the last look found."""
    _looked_at: float = -math.inf

    def look(self) -> None:
        """Tell what was dropped since the last look, and whether all sources work; nothing where that was just told."""
        if self.clock() - self._looked_at < self.every_s:
            return
        for place, source in enumerate(self.sources):
            self._count(place, source)
        fault = next(filter(None, map(_fault_of, self.sources)), "")
        if fault:
            if fault != self._fault:
                _LOG.warning("%s", fault)
            self.health.not_ready("meter", fault)
        elif self.health.missing.get("meter") in (NOT_LOOKED_AT, self._fault):
            # What reading samples met is mended by reading them: a server that answers may still not give any.
            self.health.ready("meter")
        self._fault, self._looked_at = fault, self.clock()

    def _count(self, place: int, source: SampleSource) -> None:
        told = self._told.setdefault(place, Counter())
        for reason, count in source.dropped.items():
            # What a file lost is counted anew whenever it is read, and files are deleted.
            self.metrics.dropped(reason, max(0, count - told[reason]))
            told[reason] = max(count, told[reason])


def _fault_of(source: SampleSource) -> str:
    try:
        source.check()
    except SourceError as error:
        return error.line()
    return ""
