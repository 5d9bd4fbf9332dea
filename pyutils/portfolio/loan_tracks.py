"""Loans as they were to be paid, and as they were."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pyutils.contracts import CreditSystem, System
from pyutils.credit.schedule import balance_after, instalment
from pyutils.models import Loan
from pyutils.operations.event_source import EventSource
from pyutils.operations.history import Event
from pyutils.operations.loans import loans
from pyutils.units import LoanId, TokenUnits, UnixSeconds


@dataclass(frozen=True, slots=True)
class Balance:
    """Principal that is left from a moment on, in token units."""

    at: UnixSeconds
    principal: TokenUnits
    event: str
    """The event that told it; empty for a due date."""


@dataclass(frozen=True, slots=True)
class LoanTrack:
    """One drawn loan."""

    token: str
    loan_id: LoanId
    loan: Loan
    scheduled: tuple[Balance, ...]
    """What is to be left at the draw and after each due date."""
    actual: tuple[Balance, ...]
    """What was left at the draw and after each payment."""
    interest_paid: TokenUnits


def read_loan_tracks(system: System, source: EventSource) -> tuple[LoanTrack, ...]:
    """Return all loans that were drawn up to the source's block, of all markets."""
    return tuple(track for market in system.credit_markets() for track in _tracks(source, market))


def _tracks(source: EventSource, market: CreditSystem) -> Iterator[LoanTrack]:
    told: dict[int, list[Event]] = {}
    for event in source.events(("FleetCredit.DrawLoan", "FleetCredit.RepayLoan"), contract=market.credit.address):
        told.setdefault(event.arguments["loanId"], []).append(event)
    for loan_id, loan in loans(market, source.block):
        if not loan.started_at:
            continue
        left, interest, actual = 0, 0, []
        for event in told[loan_id]:
            drawn = event.name == "DrawLoan"
            left += event.arguments["principal"] if drawn else -event.arguments["principal"]
            interest += 0 if drawn else event.arguments["interest"]
            actual.append(Balance(event.at, TokenUnits(left), event.label))
        start, drawn_units = UnixSeconds(loan.started_at), TokenUnits(loan.drawn)
        months = loan.terms.months
        due = [Balance(start, balance_after(drawn_units, months, 0), "")]
        for number in range(1, months + 1):
            line = instalment(drawn_units, months, start, number)
            due.append(Balance(UnixSeconds(line.due_at), TokenUnits(line.balance), ""))
        yield LoanTrack(market.token.address, loan_id, loan, tuple(due), tuple(actual), TokenUnits(interest))
