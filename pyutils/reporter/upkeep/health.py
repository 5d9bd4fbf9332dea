"""Whether a daemon lives and can work, for whoever restarts it, and its metrics, for whoever watches it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pyutils.reporter.upkeep.metrics import CONTENT_TYPE, Metrics
from pyutils.reporter.web.answers import json_answer, web_app

PARTS: Final = ("store", "rpc", "meter", "keys")
"""What a reporter needs to work: its store open, RPC endpoints that agree, a meter that answers, keys that sign."""
NOT_LOOKED_AT: Final = "not looked at yet"


class Health:
    """What a daemon's loop tells of itself. Safe to use from all threads.

    Nothing is probed when somebody asks: an answer costs nothing, and says how things stood when the loop last looked.

    Args:
        tick_limit_s: the loop ticks at least so often; a longer silence is a hanging process, to be restarted.
        parts: what must be ready; nothing is before it was told to be.
        clock: seconds that never go back.

    """

    def __init__(
        self, tick_limit_s: float, parts: Iterable[str] = PARTS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.tick_limit_s = tick_limit_s
        self._clock = clock
        self._ticked = clock()
        self._missing = dict.fromkeys(parts, NOT_LOOKED_AT)
        self._lock = threading.Lock()

    def tick(self) -> None:
        """Tell that the loop goes round."""
        self._ticked = self._clock()

    def ready(self, part: str) -> None:
        """Tell that a part works."""
        with self._lock:
            self._missing.pop(part, None)

    def not_ready(self, part: str, reason: str) -> None:
        """Tell in one line why a part does not work; it is shown to whoever asks."""
        with self._lock:
            self._missing[part] = " ".join(reason.split())

    @property
    def tick_age_s(self) -> float:
        """Seconds since the loop ticked."""
        return self._clock() - self._ticked

    @property
    def alive(self) -> bool:
        """Whether the loop ticked in time."""
        return self.tick_age_s <= self.tick_limit_s

    @property
    def missing(self) -> dict[str, str]:
        """What is not ready, and why."""
        with self._lock:
            return dict(self._missing)


def ops_app(metrics: Metrics, health: Health) -> Starlette:
    """Return the ASGI application of `/metrics`, `/healthz` and `/readyz`; keep it from the public."""

    async def show_metrics(_: Request) -> Response:
        return Response(metrics.exposition(), headers={"Content-Type": CONTENT_TYPE})

    async def show_health(_: Request) -> Response:
        told = {"alive": health.alive, "tick_age_s": round(health.tick_age_s, 3), "tick_limit_s": health.tick_limit_s}
        return json_answer(told, 200 if told["alive"] else 503)

    async def show_readiness(_: Request) -> Response:
        missing = health.missing
        return json_answer({"ready": not missing, "not_ready": missing}, 503 if missing else 200)

    return web_app([Route("/metrics", show_metrics), Route("/healthz", show_health), Route("/readyz", show_readiness)])
