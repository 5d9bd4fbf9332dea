"""Exact mirror of what `FleetCredit` finds wrong with a loan. Money in asset units, times in Unix seconds."""

from __future__ import annotations

from dataclasses import dataclass

from pyutils.credit.loan import debt, lateness, meet, needed, pay
from pyutils.models.loan import Evidence, Loan
from pyutils.models.pledge import Limits
from pyutils.refusal import RefusalError
from pyutils.units import EPOCH, TokenUnits, UnixSeconds


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What other contracts say when a loan is looked at."""

    limits: Limits
    """Of what can be told; the rest counts zero."""
    most_limit: TokenUnits | None
    """The breach limit, with collateral whose price cannot be told at the greatest that would be believed.

    None where the hardware's price cannot be told: then nothing is above it.
    """
    untold: RefusalError | None
    """Why something cannot be told; None where everything can."""
    breach_from: UnixSeconds
    """When the silence of the fleet's reports became, or becomes, a breach."""


@dataclass(slots=True)
class Finding:
    """What was found wrong: the first breach in the order of `Evidence`, or a missed due date."""

    floor: TokenUnits
    """To which a mark would fall."""
    kind: Evidence = Evidence.NONE
    since: UnixSeconds = EPOCH
    """When the first of all that is wrong began."""
    breach_since: UnixSeconds = EPOCH
    """When the first that is a breach began; zero where none is."""
    known: bool = True
    """Whether all of the pledge could be told."""
    exceeded: bool = False
    """Whether the debt is above the breach limit, whatever collateral is worth whose price cannot be told."""

    def add_breach(self, kind: Evidence, since: UnixSeconds) -> None:
        """Add one more breach."""
        if not self.breach_since:
            self.kind = kind
        self.since = min(self.since or since, since)
        self.breach_since = min(self.breach_since or since, since)


def find(loan: Loan, around: Surroundings, now: UnixSeconds, *, lot_gone: bool = False) -> Finding:
    """Return what is wrong with a loan that was paid as far as it could be.

    Never for want of a price: what cannot be told is no evidence. With its lot sold a loan stays in breach until its
    collateral is sold too.
    """
    owed = debt(loan, now).total
    found = Finding(TokenUnits(min(around.limits.floor, owed)), known=around.untold is None)
    late, since = lateness(loan, now)
    if late is not Evidence.NONE:
        found.kind, found.since = Evidence.MISSED_DUE, UnixSeconds(meet(loan, now).next_due_at)
    if late is Evidence.PAST_GRACE:
        found.add_breach(Evidence.PAST_GRACE, since)
    if lot_gone:
        found.add_breach(Evidence.ABOVE_BREACH_LIMIT, UnixSeconds(loan.breached_since))
        return found
    if around.most_limit is not None and owed > around.most_limit:
        found.exceeded = True
        found.add_breach(Evidence.ABOVE_BREACH_LIMIT, now)
    if now >= loan.terms.insured_until:
        found.add_breach(Evidence.INSURANCE_EXPIRED, UnixSeconds(loan.terms.insured_until))
    if now >= around.breach_from:
        found.add_breach(Evidence.NO_REPORT, around.breach_from)
    return found


def foreseen(loan: Loan, around: Surroundings, now: UnixSeconds, *, lot_gone: bool = False) -> Finding:
    """Return what `FleetCredit.evidence` shows: as `find`, once set-aside revenue and reserve paid what is due."""
    kept = TokenUnits(loan.set_aside + loan.reserve)
    paid, _ = pay(loan, min(kept, needed(loan, now)), now)
    return find(paid, around, now, lot_gone=lot_gone)
