"""How many reports the account that pays for gas can still pay for, looked at now and then."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from web3 import Web3

from pyutils.reporter.settings.costs import reports_left
from pyutils.reporter.upkeep.metrics import Metrics


@dataclass(slots=True)
class Purse:
    """One gas account."""

    web3: Web3
    account: str
    metrics: Metrics
    every_s: float = 300.0
    """Seconds from one look to the next: it changes once an hour, and each look is asked of all endpoints."""
    clock: Callable[[], float] = time.monotonic
    _looked_at: float = -math.inf

    def look(self, quorum: int) -> None:
        """Tell how many reports with a quorum of signatures it pays for; nothing where that was just told.

        Raises `ChainError` where the endpoints do not say.
        """
        if self.clock() - self._looked_at >= self.every_s:
            self.metrics.set_balance(reports_left(self.web3, self.account, quorum))
            self._looked_at = self.clock()
