"""What an audit found: one verdict for each thing that was recomputed, with the event that said it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from pyutils.errors import GpuRwaError


class Verdict(Enum):
    """How something that the chain says came out."""

    HOLDS = "holds"
    """It was recomputed, and is so."""
    UNKNOWN = "unknown"
    """What it could be recomputed from is not there."""
    WRONG = "wrong"
    """It was recomputed, and is not so."""


class MismatchError(GpuRwaError):
    """The chain, or a file that it commits to, says something that does not hold."""

    remedy = "Ask the fleet's operator and verifiers, and keep the files that show it"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    event: str
    """Which event said it, with its block and transaction."""
    what: str
    verdict: Verdict
    said: str
    """What was found; for what is wrong, what it should be."""


@dataclass(slots=True)
class Checks:
    """The checks of one audit, in the order in which they were made."""

    made: list[Check] = field(default_factory=list)

    def holds(self, event: str, what: str, said: str) -> None:
        """Note that something was recomputed and is so."""
        self.made.append(Check(event, what, Verdict.HOLDS, said))

    def unknown(self, event: str, what: str, said: str) -> None:
        """Note that something could not be recomputed, and why."""
        self.made.append(Check(event, what, Verdict.UNKNOWN, said))

    def wrong(self, event: str, what: str, said: str) -> None:
        """Note that something does not hold."""
        self.made.append(Check(event, what, Verdict.WRONG, said))

    def same(self, event: str, what: str, said: object, recomputed: object) -> None:
        """Note whether what an event says is what was recomputed."""
        if said == recomputed:
            self.holds(event, what, str(said))
        else:
            self.wrong(event, what, f"it says {said}, recomputed it is {recomputed}")


def raise_for(checks: Iterable[Check]) -> None:
    """Raise `MismatchError`, naming the first event, where something is wrong."""
    wrong = [one for one in checks if one.verdict is Verdict.WRONG]
    if wrong:
        first = wrong[0]
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise MismatchError(f"{first.event}: {first.what}: {first.said}{more}")
