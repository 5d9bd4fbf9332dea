"""What is left of loans, from events that are written down here."""

from __future__ import annotations

from pyutils.portfolio.loan_tracks import paid_down

from .written import Written

CREDIT = "0x" + "ce" * 20


def test_paid_down__lot_that_the_vault_took__stands_for_all_that_was_owed() -> None:
    source = Written()
    source.add("FleetCredit.DrawLoan", CREDIT, "draw", loanId=1, principal=1_000)
    source.add("FleetCredit.RepayLoan", CREDIT, "first", loanId=1, principal=100, interest=9)
    source.add("FleetCredit.HoldLot", CREDIT, "hold", loanId=1, owed=950, value=700)
    source.add("FleetCredit.RepayLoan", CREDIT, "sale", loanId=1, principal=950, interest=0)
    balances, interest = paid_down([event for _, event in source.told])
    assert [one.principal for one in balances] == [1_000, 900, 950, 0]
    assert interest == 9
