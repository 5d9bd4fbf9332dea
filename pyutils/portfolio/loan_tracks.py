"""Loans as they were to be paid, and as they were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pyutils.contracts import CreditSystem, System
from pyutils.credit.schedule import balance_after, instalment
from pyutils.models import Loan
from pyutils.operations.event_source import EventSource
from pyutils.operations.history import Event
from pyutils.operations.loans import loans
from pyutils.units import LoanId, TokenUnits, UnixSeconds

_NAMES: Final = ("FleetCredit.DrawLoan", "FleetCredit.RepayLoan", "FleetCredit.HoldLot")


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
    """What was left at the draw, after each payment, and where the vault took the lot for all that was owed."""
    interest_paid: TokenUnits


def read_loan_tracks(system: System, source: EventSource) -> tuple[LoanTrack, ...]:
    """Return all loans that were drawn up to the source's block, of all markets."""
    return tuple(track for market in system.credit_markets() for track in _tracks(source, market))


def _tracks(source: EventSource, market: CreditSystem) -> Iterator[LoanTrack]:
    told: dict[int, list[Event]] = {}
    for event in source.events(_NAMES, contract=market.credit.address):
        told.setdefault(event.arguments["loanId"], []).append(event)
    for loan_id, loan in loans(market, source.block):
        if not loan.started_at:
            continue
        actual, interest = paid_down(told[loan_id])
        start, drawn_units = UnixSeconds(loan.started_at), TokenUnits(loan.drawn)
        months = loan.terms.months
        due = [Balance(start, balance_after(drawn_units, months, 0), "")]
        for number in range(1, months + 1):
            line = instalment(drawn_units, months, start, number)
            due.append(Balance(UnixSeconds(line.due_at), TokenUnits(line.balance), ""))
        yield LoanTrack(market.token.address, loan_id, loan, tuple(due), actual, interest)


def principal_after(left: int, event: Event) -> int:
    """Return what is left of a loan's principal; a lot that the vault holds stands for all that was owed."""
    if event.name == "DrawLoan":
        return int(event.arguments["principal"])
    if event.name == "RepayLoan":
        return left - int(event.arguments["principal"])
    return int(event.arguments["owed"]) if event.name == "HoldLot" else left


def paid_down(life: Iterable[Event]) -> tuple[tuple[Balance, ...], TokenUnits]:
    """Return what was left after each of a loan's events, and the interest that was paid."""
    left, interest, balances = 0, 0, []
    for event in life:
        left = principal_after(left, event)
        interest += event.arguments["interest"] if event.name == "RepayLoan" else 0
        balances.append(Balance(event.at, TokenUnits(left), event.label))
    return tuple(balances), TokenUnits(interest)
