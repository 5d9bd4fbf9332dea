"""How much of a source is asked at once, where its limits are not known before it refuses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

SHORTEST_MS: Final = 60_000
"""No page is cut shorter than this."""
GROWS_AFTER: Final = 32
"""So many pages must go well before a larger one is tried again."""


@dataclass
class PageSize:
    """So many GPUs and so much time make a page: less after each refusal, more again after a while."""

    most_gpus: int
    longest_ms: int
    gpus: int = field(init=False)
    window_ms: int = field(init=False)
    _well: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        if self.most_gpus < 1 or self.longest_ms < 1:
            raise ValueError(f"a page of {self.most_gpus} GPUs and {self.longest_ms} ms")
        self.gpus, self.window_ms = self.most_gpus, self.longest_ms

    def refused(self, gpus: int, window_ms: int) -> bool:
        """Halve the side of a refused page that is nearer to its full length; False where it cannot be smaller."""
        self._well = 0
        can_be_shorter = window_ms > SHORTEST_MS
        if gpus == 1 and not can_be_shorter:
            return False
        if can_be_shorter and (gpus == 1 or window_ms * self.most_gpus >= gpus * self.longest_ms):
            self.window_ms = max(window_ms // 2, SHORTEST_MS)
        else:
            self.gpus = gpus // 2
        return True

    def answered(self) -> None:
        """Tell that a page was answered."""
        self._well += 1
        if self._well == GROWS_AFTER:
            self._well = 0
            self.gpus = min(2 * self.gpus, self.most_gpus)
            self.window_ms = min(2 * self.window_ms, self.longest_ms)
