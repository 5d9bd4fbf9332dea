"""What came of loans and of the vault, read from the chain: `loans` and `vault` in `summary.json`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

from pyutils.demo.ledger import Entry, entries, story
from pyutils.demo.lending import Worth
from pyutils.demo.world import World
from pyutils.models import Address, FrozenModel, parse_address
from pyutils.operations.history import block_time
from pyutils.units import BlockNumber, LoanId

_FLOWS: Final = {
    "Deposit": ("deposit", {"assets": "assets", "shares": "shares"}),
    "ServeEpoch": ("serve", {"assets": "assets", "shares": "shares"}),
    "Withdraw": ("claim", {"assets": "assets", "shares": "shares"}),
    "Lend": ("lend", {"loanId": "loan", "principal": "principal", "rateBps": "rate_bps"}),
    "Receive": ("receive", {"loanId": "loan", "principal": "principal", "interest": "interest"}),
    "Reprice": ("reprice", {"loanId": "loan", "toBps": "rate_bps"}),
    "MarkDown": (
        "mark",
        {"loanId": "loan", "base": "base", "floor": "floor", "firstDay": "first_day", "days_": "days"},
    ),
    "Unmark": ("unmark", {"loanId": "loan"}),
    "HoldLot": ("hold", {"loanId": "loan", "owed": "owed", "value": "value"}),
    "Settle": ("settle", {"loanId": "loan", "owed": "owed", "recovered": "recovered", "loss": "loss"}),
}
"""The vault's events as the summary tells them."""


class LoanRow(FrozenModel):
    """A loan. Money in token units; `principal + interest = repaid + loss` once it is closed."""

    id: int
    fleet: int
    state: str
    principal: int
    """What was drawn."""
    interest: int
    """All that accrued on it, whether it was paid or not."""
    repaid: int
    """What the vault got for it: out of revenue, sales and the loss fund, and from whoever paid."""
    surplus: int
    """What the borrower got beyond what it owed, reserve and kept revenue included."""
    loss: int
    """What the vault wrote off."""
    marks: int
    """How often it was written down."""


class WorthRow(FrozenModel):
    """What the vault was worth at a time."""

    at: int
    conservative: int
    optimistic: int


class LenderRow(FrozenModel):
    """What a lender brought and took, and the shares that it still has."""

    address: Address
    deposited: int
    withdrawn: int
    shares: int


class PledgeRow(FrozenModel):
    """Where the money of a loan's pledge came from, and where it went beside the vault and the borrower."""

    loan: int
    reserve: int
    """Withheld from the principal when it was drawn."""
    revenue: int
    sold: int
    """What bidders paid."""
    costs: int
    covered: int
    """What the loss fund gave."""


class VaultRow(FrozenModel):
    """The lenders' side. `deposits + received = withdrawals + lent + cash + set_aside`."""

    deposits: int
    withdrawals: int
    lent: int
    received: int
    """Principal, interest and what was recovered of loans that were closed."""
    loss: int
    cash: int
    set_aside: int
    """Served and not claimed yet."""
    shares: int
    conservative: int
    optimistic: int
    custody: Address
    """Who holds title and shares of open loans: what it claimed from a fleet is its loan's revenue."""
    values: tuple[WorthRow, ...]
    lenders: tuple[LenderRow, ...]
    pledges: tuple[PledgeRow, ...]
    flows: tuple[dict[str, Any], ...]
    """Everything that moved its values, in order of time."""
    conserved: bool


def read_loans(world: World) -> tuple[LoanRow, ...]:
    """Return every loan that was drawn."""
    credit, vault, first = world.market.credit, world.market.vault, world.manifest.first_block
    received = _by_loan(entries(vault, "Receive", first))
    settled = _by_loan(entries(vault, "Settle", first))
    marked = _by_loan(entries(credit, "MarkLoan", first))
    served = _by_loan(entries(credit, "ServeLoan", first))
    closed = _by_loan(entries(credit, "CloseLoan", first))
    rows = []
    for number in range(1, credit.loan_count() + 1):
        loan = credit.loan(LoanId(number))
        if not loan.started_at:
            continue
        principal, interest = _sum(received[number], "principal"), _sum(received[number], "interest")
        accrued = interest + _sum(settled[number], "owed") - (loan.drawn - principal if settled[number] else 0)
        rows.append(
            LoanRow(
                id=number,
                fleet=loan.fleet_id,
                state=loan.state.name.lower(),
                principal=loan.drawn,
                interest=accrued,
                repaid=principal + interest + _sum(settled[number], "recovered"),
                surplus=_sum(served[number], "released") + _sum(closed[number], "surplus"),
                loss=_sum(settled[number], "loss"),
                marks=len(marked[number]),
            )
        )
    return tuple(rows)


def read_vault(world: World, worths: Iterable[Worth]) -> VaultRow:
    """Return the vault's end state, its history, and whether its counted money is what came and went."""
    vault = world.market.vault
    book = vault.book()
    flows = _flows(world)

    def total(kind: str, *fields: str) -> int:
        return sum(flow[field] for flow in flows if flow["kind"] == kind for field in fields)

    lent, deposits, withdrawals = total("lend", "principal"), total("deposit", "assets"), total("claim", "assets")
    received = total("receive", "principal", "interest") + total("settle", "recovered")
    balance = world.coin.balance_of(vault.address)
    return VaultRow(
        deposits=deposits,
        withdrawals=withdrawals,
        lent=lent,
        received=received,
        loss=total("settle", "loss"),
        cash=book.cash,
        set_aside=book.set_aside,
        shares=vault.total_supply(),
        conservative=vault.conservative_assets(),
        optimistic=vault.optimistic_assets(),
        custody=world.market.custody.address,
        values=tuple(WorthRow(at=one.at, conservative=one.conservative, optimistic=one.optimistic) for one in worths),
        lenders=_lenders(world),
        pledges=_pledges(world),
        flows=flows,
        conserved=balance == book.cash + book.set_aside == deposits + received - withdrawals - lent,
    )


def _flows(world: World) -> tuple[dict[str, Any], ...]:
    vault = world.market.vault
    rows = []
    for entry in story(vault, _FLOWS, world.manifest.first_block):
        kind, fields = _FLOWS[entry.name]
        amounts = {name: entry.arguments[argument] for argument, name in fields.items()}
        rows.append({"at": block_time(world.web3, BlockNumber(entry.block)), "kind": kind, **amounts})
    return tuple(rows)


def _lenders(world: World) -> tuple[LenderRow, ...]:
    vault, first = world.market.vault, world.manifest.first_block
    deposited: dict[str, int] = defaultdict(int)
    withdrawn: dict[str, int] = defaultdict(int)
    for entry in entries(vault, "Deposit", first):
        deposited[parse_address(entry.arguments["owner"])] += entry.arguments["assets"]
    for entry in entries(vault, "Withdraw", first):
        withdrawn[parse_address(entry.arguments["owner"])] += entry.arguments["assets"]
    return tuple(
        LenderRow(
            address=account,
            deposited=deposited[account],
            withdrawn=withdrawn[account],
            shares=vault.balance_of(account),
        )
        for account in sorted({*deposited, *withdrawn})
    )


def _pledges(world: World) -> tuple[PledgeRow, ...]:
    market, first = world.market, world.manifest.first_block
    drawn = _by_loan(entries(market.credit, "DrawLoan", first))
    served = _by_loan(entries(market.credit, "ServeLoan", first))
    lots = _by_loan(entries(market.credit, "SellLot", first))
    collateral = _by_loan(entries(market.credit, "SellCollateral", first))
    closed = _by_loan(entries(market.credit, "CloseLoan", first))
    return tuple(
        PledgeRow(
            loan=number,
            reserve=_sum(drawn[number], "reserve"),
            revenue=_sum(served[number], "revenue"),
            sold=_sum([*lots[number], *collateral[number]], "price"),
            costs=_sum(lots[number], "costs"),
            covered=_sum(closed[number], "covered"),
        )
        for number in sorted(drawn)
    )


def _by_loan(events: Iterable[Entry]) -> dict[int, list[Entry]]:
    found: dict[int, list[Entry]] = defaultdict(list)
    for entry in events:
        found[entry.arguments["loanId"]].append(entry)
    return found


def _sum(events: Iterable[Entry], argument: str) -> int:
    return sum(entry.arguments[argument] for entry in events)
