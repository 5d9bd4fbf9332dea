"""Loans as they were to be paid, and as they were."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pyutils.contracts import CreditSystem, System
from pyutils.credit.schedule import balance_after, instalment
from pyutils.models import Loan
from pyutils.operations.history import events, topic
from pyutils.operations.loans import loans
from pyutils.units import BlockNumber, LoanId, TokenUnits, UnixSeconds


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


def read_loan_tracks(system: System, block: BlockNumber) -> tuple[LoanTrack, ...]:
    """Return all loans that were drawn up to a block, of all markets."""
    return tuple(track for market in system.credit_markets() for track in _tracks(system, market, block))


def _tracks(system: System, market: CreditSystem, block: BlockNumber) -> Iterator[LoanTrack]:
    for loan_id, loan in loans(market, block):
        if not loan.started_at:
            continue
        told = events(
            market.credit,
            ("DrawLoan", "RepayLoan"),
            [topic(loan_id)],
            first=system.manifest.first_block,
            block=block,
        )
        left, interest, actual = 0, 0, []
        for event in told:
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
