"""How patient to be with an explorer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class PublishingPolicy:
    """Waiting and trying again, in seconds."""

    timeout_s: float = 60.0
    """For one answer; the upload of a contract is 250 kB at most."""
    attempts: int = 5
    """Requests before an explorer that is down or busy is given up."""
    pause_s: float = 1.0
    """Before the second attempt; it doubles from then on."""
    longest_pause_s: float = 30.0
    """An explorer that asks for a longer one is given up for now."""
    interval_s: float = 0.4
    """Between two requests: a free key of Etherscan's has three a second."""
    poll_s: float = 1.0
    """Before the first question whether a contract is verified; it doubles from then on."""
    longest_poll_s: float = 8.0
    wait_s: float = 300.0
    """For an explorer to see a new contract, and to compile and compare it."""


DEFAULT_POLICY: Final = PublishingPolicy()
