"""Going round: tick, wait, tick again, until somebody asks it to stop or nothing may be signed any more."""

from __future__ import annotations

import logging
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Final

from pyutils.errors import ChainError, GpuRwaError, SigningError
from pyutils.meter import SourceError
from pyutils.reporter.unsafe import UnsafeToSignError
from pyutils.reporter.upkeep.health import Health

_LOG = logging.getLogger(__name__)

_PARTS: Mapping[type[GpuRwaError], str] = {ChainError: "rpc", SourceError: "meter", SigningError: "keys"}
"""Which part of a daemon does not work, by what a tick raises."""
_SAY_AGAIN_S: Final = 3_600.0
"""What goes on being so is said so often."""
_NUMBERS: Final = re.compile(r"[0-9]+")


class Loop:
    """Ticks every `poll_s` seconds. What a tick raises on purpose is said in one line, and the next tick tries again.

    A line that differs from the one before in its numbers alone is said again after an hour only.
    `UnsafeToSignError` ends it, since no tick mends that. So do errors that are none of ours; the process then ends
    with a traceback, to be restarted.
    """

    def __init__(self, tick: Callable[[], None], health: Health, poll_s: float) -> None:
        self._tick, self._health, self._poll_s = tick, health, poll_s
        self._asked = threading.Event()
        self._said, self._said_at = "", 0.0

    def stop(self) -> None:
        """Ask it to end after the tick that runs."""
        self._asked.set()

    @property
    def stopping(self) -> bool:
        """Whether it was asked to end."""
        return self._asked.is_set()

    def run(self) -> None:
        """Go round until asked to stop. Raises `UnsafeToSignError` where nothing may be signed any more."""
        while not self.stopping:
            self.once()
            self._asked.wait(self._poll_s)

    def once(self) -> GpuRwaError | None:
        """Tick once, and return what kept it from going on."""
        self._health.tick()
        try:
            self._tick()
        except UnsafeToSignError:
            raise
        except GpuRwaError as error:
            self._say(error.line())
            part = next((name for kind, name in _PARTS.items() if isinstance(error, kind)), None)
            if part is not None:
                self._health.not_ready(part, error.line())
            return error
        finally:
            self._health.tick()
        self._health.ready(_PARTS[SigningError])  # endpoints and meter tell themselves when they answer again
        self._said = ""
        return None

    def _say(self, line: str) -> None:
        words = _NUMBERS.sub("#", line)
        if words == self._said and time.monotonic() - self._said_at < _SAY_AGAIN_S:
            _LOG.debug("%s", line)
            return
        _LOG.warning("%s", line)
        self._said, self._said_at = words, time.monotonic()


@contextmanager
def stopped_by_signals(loop: Loop) -> Iterator[None]:
    """Let SIGTERM and Ctrl-C end the loop after the tick that runs; a second one ends the process at once."""

    def stop(number: int, _: FrameType | None) -> None:
        if loop.stopping:
            raise KeyboardInterrupt
        _LOG.info("%s: the tick that runs is the last", signal.Signals(number).name)
        loop.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
