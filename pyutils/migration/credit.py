"""Loans that are not closed, lots that nobody bought, pledges that could not be sent back, epochs that wait."""

from __future__ import annotations

from collections.abc import Iterator

from pyutils.contracts import CreditSystem
from pyutils.credit.schedule import instalment
from pyutils.migration.obligation import ANYONE, Kind, Obligation, Step
from pyutils.migration.stage import Stage
from pyutils.models import Loan, LoanState
from pyutils.operations.history import events
from pyutils.operations.loans import loans
from pyutils.operations.vaults import EPOCH_S
from pyutils.units import FleetId, LoanId, TokenUnits, UnixSeconds


def credit(stage: Stage) -> Iterator[Obligation]:
    """Yield what is not over in every credit market, lenders' own positions apart."""
    for market in stage.system.credit_markets():
        for loan_id, loan in loans(market, stage.number):
            yield from _loan(stage, market, loan_id, loan)
        yield from _pledges(stage, market)
        yield from _epoch(stage, market)


def _loan(stage: Stage, market: CreditSystem, loan_id: LoanId, loan: Loan) -> Iterator[Obligation]:
    token, option = market.token.address, stage.coin_option(market)
    name = f"loan {loan_id} against fleet {loan.fleet_id}"
    if loan.state in {LoanState.REQUESTED, LoanState.APPROVED}:
        cancel = stage.step("borrower", loan.borrower, f"gpurwa credit cancel {loan_id}{option}")
        yield Obligation(kind=Kind.LOAN, what=f"{name}, asked for and not drawn", steps=(cancel,))
    elif loan.state is LoanState.OPEN:
        owed = market.credit.debt(loan_id, stage.number).total
        months = loan.terms.months
        last = instalment(TokenUnits(loan.drawn), months, UnixSeconds(loan.started_at), months).due_at
        yield Obligation(
            kind=Kind.LOAN,
            what=f"{name}, {stage.money(token, owed)} owed" + (", in breach" if loan.breached_since else ""),
            token=token,
            amount=owed,
            ends_at=UnixSeconds(last),
            steps=tuple(_payments(stage, market, loan_id, loan)),
        )
    elif loan.state is LoanState.HELD:
        yield Obligation(
            kind=Kind.LOT,
            what=f"lot of {name}, {stage.money(token, loan.held_owed)} owed on it",
            token=token,
            amount=loan.held_owed,
            steps=(
                stage.by_role("risk", f"gpurwa credit offer {loan_id} PRICE{option}"),
                stage.step(
                    ANYONE,
                    (),
                    f"gpurwa credit bid {loan_id} --lot{option}",
                    after="" if loan.asking_price else "it is offered",
                ),
            ),
        )


def _payments(stage: Stage, market: CreditSystem, loan_id: LoanId, loan: Loan) -> Iterator[Step]:
    option = stage.coin_option(market)
    yield stage.step("borrower", loan.borrower, f"gpurwa credit repay {loan_id} all{option}")
    yield stage.step(ANYONE, (), f"gpurwa credit service {loan_id}{option}")
    if not loan.breached_since:
        return
    if not market.auction.sale(loan_id, stage.number).touched_at:
        yield stage.step(ANYONE, (), f"gpurwa credit auction start {loan_id}{option}")
    elif loan.collateral_amount:
        yield stage.step(ANYONE, (), f"gpurwa credit bid {loan_id} --collateral AMOUNT{option}")
    else:
        yield stage.step(ANYONE, (), f"gpurwa credit bid {loan_id} --lot{option}")


def _pledges(stage: Stage, market: CreditSystem) -> Iterator[Obligation]:
    """Yield pledges of closed loans that a gate or a token kept from their borrowers."""
    told = events(market.credit, "KeepPledge", first=stage.system.manifest.first_block, block=stage.number)
    for event in told:
        loan_id = LoanId(event.arguments["loanId"])
        loan, option = market.credit.loan(loan_id, stage.number), stage.coin_option(market)
        fleet_id = FleetId(loan.fleet_id)
        owner = stage.system.registry.owner_of(fleet_id, stage.number)
        is_free = market.credit.loan_of(fleet_id, stage.number) is None
        if event.arguments["lot"] and owner == market.custody.address and is_free:
            command = f"gpurwa credit reclaim {loan_id} --lot{option}"
            yield Obligation(
                kind=Kind.PLEDGE,
                what=f"title and shares of fleet {fleet_id}, of loan {loan_id}, which is paid",
                steps=(stage.step("borrower", loan.borrower, command),),
            )
        if event.arguments["collateral"] and loan.collateral_amount:
            command = f"gpurwa credit reclaim {loan_id} --collateral{option}"
            yield Obligation(
                kind=Kind.PLEDGE,
                what=f"collateral of loan {loan_id}, which is paid",
                token=loan.collateral,
                amount=loan.collateral_amount,
                steps=(stage.step("borrower", loan.borrower, command),),
            )


def _epoch(stage: Stage, market: CreditSystem) -> Iterator[Obligation]:
    vault = market.vault
    oldest = vault.oldest_epoch(stage.number)
    if oldest is None:
        return
    epoch = vault.epoch(oldest, stage.number)
    ready = max((oldest + 1) * EPOCH_S, vault.serving_from(stage.number))
    cash = vault.book(stage.number).cash
    yield Obligation(
        kind=Kind.REDEMPTION,
        what=f"epoch {oldest} of the vault in {stage.coins[market.token.address][0]} is to be served, as far as"
        f" {stage.money(market.token.address, cash)} of cash go",
        token=vault.address,
        amount=epoch.shares - epoch.served_shares,
        steps=(stage.step(ANYONE, (), f"gpurwa vault serve{stage.coin_option(market)}", ready),),
    )
