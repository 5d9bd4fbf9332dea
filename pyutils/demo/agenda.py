"""What is due when: actions in order of time and, at one time, in the order in which they were put down."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from itertools import count

from pyutils.units import UnixSeconds

Action = Callable[[], None]


class Agenda:
    """Actions yet to come. An action may put down others, none of them before itself."""

    def __init__(self) -> None:
        self._due: list[tuple[UnixSeconds, int, Action]] = []
        self._turn = count()

    def put(self, at: UnixSeconds, action: Action) -> None:
        """Put down an action."""
        heapq.heappush(self._due, (at, next(self._turn), action))

    def __iter__(self) -> Iterator[tuple[UnixSeconds, Action]]:
        """Yield actions as they come due, until none is left."""
        while self._due:
            at, _, action = heapq.heappop(self._due)
            yield at, action
