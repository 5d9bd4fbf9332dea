"""What an account has, as of one block."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

from pyutils.cli.credit_tables import state_of
from pyutils.cli.holdings import print_holdings
from pyutils.cli.index import database, open_indexed
from pyutils.cli.output import print_facts, print_table
from pyutils.cli.parameters import format_duration, format_time
from pyutils.cli.session import Session, reads
from pyutils.contracts.base import Block
from pyutils.models import Lease, parse_address
from pyutils.portfolio import PinnedBlock, Position, read_position
from pyutils.units import SHARE_DECIMALS, TokenUnits, format_fixed, format_money

Rows = list[Sequence[object]]


@click.command()
@click.argument("account")
@click.option("--contract", is_flag=True, help="Also where the account is a contract, such as a multisig wallet.")
@click.option("--from-index", is_flag=True, help="By events of the index alone; no node is asked.")
@database
@reads
def positions(
    session: Session, block: Block, account: str, contract: bool, from_index: bool, database: str | None
) -> None:
    """Show all that an account has as of a block: shares, leases, bonds, loans, and what it may claim."""
    if from_index:
        _from_index(session, account, block, database)
        return
    found = read_position(session.system, session.address(account), block, contract=contract)
    session.show({**dict(found), "claimables": found.claimables}, lambda: print_position(found))


def _from_index(session: Session, account: str, block: Block, database: str | None) -> None:
    """Show what an account has by events alone; what accrues without one, as revenue to be claimed, is not in it."""
    from pyutils.portfolio.indexed import indexed_holdings

    with open_indexed(session, database) as opened:
        found = indexed_holdings(opened, session.address(account), block)
        decimals: dict[str, int] = {
            parse_address(event.arguments["token"]): int(event.arguments["decimals"])
            for event in opened.events("FleetRegistry.ListToken")
        }
    session.show(found, lambda: print_holdings(found, decimals))


def shown_block(at: PinnedBlock) -> str:
    """Return a block for people, with its age."""
    return f"block {at.number}, {format_time(at.at)}, {format_duration(at.age_s())} ago"


def print_position(found: Position) -> None:
    """Print a position for people; what is empty is left out."""
    coins = {one.token: (one.symbol, one.decimals) for one in found.coins}

    def money(token: str, amount: int) -> str:
        symbol, decimals = coins[token]
        return f"{format_money(TokenUnits(amount), decimals)} {symbol}"

    print_facts(
        f"{found.account} at {shown_block(found.block)}",
        {
            "ether": format_fixed(found.wei, 18, 6),
            **{one.symbol: format_money(TokenUnits(one.amount), one.decimals) for one in found.coins},
        },
    )
    for title, columns, rows in _tables(found, money):
        if rows:
            print_table(title, columns, rows)


def _tables(found: Position, money: Callable[[str, int], str]) -> list[tuple[str, Sequence[str], Rows]]:
    return [
        (
            "Shares",
            ("#fleet", "#shares", "#of", "#claimable"),
            [(one.fleet_id, _whole(one.shares), _whole(one.supply), money(one.token, one.claimable))
             for one in found.shares],
        ),
        (
            "Titles",
            ("#fleet", "#shares bound to it", "#claimable"),
            [(one.fleet_id, _whole(one.bound_shares), money(one.token, one.claimable)) for one in found.titles],
        ),
        (
            "Leases",
            ("#lease", "#fleet", "#GPUs", "ends", "state", "#deposit", "#paid", "#fee", "#refunded", "#held"),
            [(one.lease_id, *_lease(one.lease, one.token, money)) for one in found.leases],
        ),
        (
            "Bonds",
            ("#fleet", "#reserved", "#lie stake", "#free", "#unbonding", "until"),
            [(one.fleet_id, *(money(one.token, stake) for stake in
              (one.bond.reserved, one.bond.lie_stake, one.bond.free, one.bond.unbonding)),
              format_time(one.bond.unbonds_at)) for one in found.bonds],
        ),
        (
            "Lent",
            ("vault", "#shares", "#worth", "#waiting to be redeemed", "epoch", "#to be claimed", "#taken back"),
            [(one.symbol, format_fixed(one.shares, one.decimals), money(one.token, one.worth),
              format_fixed(one.pending, one.decimals), one.pending_epoch or "–", money(one.token, one.claimable),
              format_fixed(one.cancelled, one.decimals)) for one in found.vaults],
        ),
        (
            "Borrowed",
            ("#loan", "#fleet", "state", "#principal", "#interest", "next due"),
            [(one.loan_id, one.loan.fleet_id, state_of(one.loan), money(one.token, one.principal),
              money(one.token, one.interest), format_time(one.loan.next_due_at)) for one in found.loans],
        ),
        (
            "To be taken now",
            ("from", "#amount", "by"),
            [(one.source, money(one.token, one.amount), one.command) for one in found.claimables],
        ),
    ]  # fmt: skip


def _lease(one: Lease, token: str, money: Callable[[str, int], str]) -> Sequence[object]:
    state = "closed" if one.closed else "granted" if one.granted_at else "waits for access"
    amounts = (one.deposit, one.paid, one.fee, one.refunded, one.held)
    return (one.fleet_id, one.gpus, format_time(one.end), state, *(money(token, amount) for amount in amounts))


def _whole(units: int) -> str:
    return format_fixed(units, SHARE_DECIMALS)
