"""`gpurwa portfolio`: what an account has, what it earned and why, for people, programs and partners."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pyutils.cli.extras import extra
from pyutils.cli.output import print_table
from pyutils.cli.parameters import FILE, format_time
from pyutils.cli.positions import print_position
from pyutils.cli.session import Session, reads
from pyutils.contracts.base import Block
from pyutils.durable import write_whole
from pyutils.portfolio.incomes import Income
from pyutils.units import TokenUnits, format_money

if TYPE_CHECKING:
    from pyutils.portfolio.statement import Statement


@click.command()
@click.argument("account", metavar="ADDRESS")
@click.option("--html", type=FILE, help="Write one page that opens from disk, for people to look at.")
@click.option("--csv", "table", type=FILE, help="Write every payment that the account received.")
@reads
def portfolio(session: Session, account: str, html: Path | None, table: Path | None, block: Block) -> None:
    """Show what an account has, what it was paid, and how its fleets and loans do."""
    with extra("reports"):
        from pyutils.portfolio.statement import read_statement
    found = read_statement(session.system, session.address(account), block)
    if table is not None:
        write_whole(table, _csv(found.incomes))
    if html is not None:
        write_whole(html, _page(session, found))

    def people() -> None:
        print_position(found.position)
        _print_incomes(found)
        for path in filter(None, (html, table)):
            click.echo(f"written: {path}")

    session.show(found, people)


def _page(session: Session, found: Statement) -> bytes:
    with extra("reports"):
        from pyutils.reports.page import Coin, render
        from pyutils.reports.portfolio import portfolio_page

    coins = {one.token: Coin(one.symbol, one.decimals) for one in found.position.coins}
    return render(portfolio_page(found, session.manifest.network, coins)).encode()


def _print_incomes(found: Statement) -> None:
    coins = {one.token: one for one in found.position.coins}
    sums: dict[tuple[str, str], int] = {}
    for one in found.incomes:
        sums[one.source, one.token] = sums.get((one.source, one.token), 0) + one.amount
    rows: list[Sequence[object]] = []
    for (source, token), amount in sums.items():
        first = next(one.at for one in found.incomes if (one.source, one.token) == (source, token))
        money = f"{format_money(TokenUnits(amount), coins[token].decimals)} {coins[token].symbol}"
        rows.append((source, format_time(first), money))
    if rows:
        print_table("Received", ("from", "since", "#amount"), rows)


def _csv(incomes: Sequence[Income]) -> bytes:
    """Return payments as CSV; amounts are integers in token units."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(Income.__dataclass_fields__)
    for one in incomes:
        writer.writerow([getattr(one, name) for name in Income.__dataclass_fields__])
    return text.getvalue().encode()
