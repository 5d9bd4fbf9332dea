"""Ports of this machine that nothing else is about to take."""

from __future__ import annotations

import random
import socket
from typing import Final

from pyutils.errors import GpuRwaError

CANDIDATES: Final = range(10_000, 16_000)
"""Below the ports that Linux (from 32768) and gVisor (from 16000) give to outgoing connections: any of those may be in
use a moment after it was free."""
TRIES: Final = 100


class NoFreePortError(GpuRwaError):
    """No port was found that nobody listens at."""

    remedy = "End what listens at so many ports of this machine"


def free_port() -> int:
    """Return a port of this machine that nobody uses now, chosen at random. Raises `NoFreePortError`."""
    for port in random.SystemRandom().sample(CANDIDATES, TRIES):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise NoFreePortError(f"{TRIES} ports of this machine were tried, and all are taken")
