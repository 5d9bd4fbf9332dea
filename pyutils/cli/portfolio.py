"""`gpurwa portfolio`: what an account has, what it earned and why, for people, programs and partners."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pyutils.cli.extras import extra
from pyutils.cli.index import database, events_opened
from pyutils.cli.output import csv_document, plain, print_table
from pyutils.cli.parameters import FILE
from pyutils.cli.positions import print_position
from pyutils.cli.session import Session, reads
from pyutils.contracts.base import Block
from pyutils.durable import write_whole
from pyutils.portfolio.exposure import kinds_of
from pyutils.reports.table import Coin, rate_text
from pyutils.units import SHARE_DECIMALS, format_fixed

if TYPE_CHECKING:
    from pyutils.portfolio.statement import Statement

Rows = list[Sequence[object]]


@click.command()
@click.argument("account", metavar="ADDRESS")
@click.option("--html", type=FILE, help="Write one page that opens from disk, for people to look at.")
@click.option("--csv", "payments", type=FILE, help="Write every payment that the account received.")
@click.option("--tables", type=FILE, metavar="FOLDER", help="Write every table as a CSV file into a folder.")
@click.option("--from-index", is_flag=True, help="Read events from the index; state still comes from the node.")
@database
@reads
def portfolio(
    session: Session,
    account: str,
    html: Path | None,
    payments: Path | None,
    tables: Path | None,
    from_index: bool,
    database: str | None,
    block: Block,
) -> None:
    """Show what an account has, what it was paid, and how its fleets and loans do."""
    with extra("reports"):
        from pyutils.portfolio.statement import read_statement
        from pyutils.reports.spreadsheet import sheets_of
    with events_opened(session, block, database, from_index=from_index) as (source, at):
        found = read_statement(session.system, session.address(account), at, source)
    sheets = {name: csv_document(one.columns, one.rows) for name, one in sheets_of(found).items()}
    files = {} if tables is None else {tables / f"{name}.csv": text for name, text in sheets.items()}
    if payments is not None:
        files[payments] = sheets["payments"]
    if html is not None:
        files[html] = _page(session, found)
    for path, content in files.items():
        write_whole(path, content)

    def people() -> None:
        print_position(found.position)
        for title, columns, rows in _tables(found):
            if rows:
                print_table(title, columns, rows)
        for path in files:
            click.echo(f"written: {path}")

    session.show({**plain(found), "monthly": found.monthly}, people)


def _page(session: Session, found: Statement) -> bytes:
    with extra("reports"):
        from pyutils.reports.page import render
        from pyutils.reports.portfolio import portfolio_page

    coins = {one.token: Coin(one.symbol, one.decimals) for one in found.position.coins}
    return render(portfolio_page(found, session.manifest.network, coins)).encode()


def _tables(found: Statement) -> list[tuple[str, Sequence[str], Rows]]:
    coins = {one.token: Coin(one.symbol, one.decimals) for one in found.position.coins}

    def money(token: str, amount: int) -> str:
        return coins[token].text(amount)

    yields = {one.fleet_id: one for one in found.yields}
    kinds = kinds_of(found.exposures)
    return [
        (
            "Received",
            ("month", "from", "#payments", "#amount"),
            [(one.month, one.source, one.payments, money(one.token, one.amount)) for one in found.monthly],
        ),
        (
            "Cost basis and yield of shares",
            ("#fleet", "#shares", "#cost", "#gained by sales", "#income", "#simple", "#running", "#XIRR"),
            [(one.fleet_id, format_fixed(one.shares, SHARE_DECIMALS), money(one.token, one.basis),
              money(one.token, one.gained), money(one.token, yields[one.fleet_id].income),
              *map(rate_text, (yields[one.fleet_id].simple, yields[one.fleet_id].running, yields[one.fleet_id].xirr)))
             for one in found.costs],
        ),
        (
            "Lent to vaults",
            ("#paid in", "#taken out", "#worth now", "#gain", "#XIRR"),
            [(*(money(one.token, part) for part in (one.paid_in, one.taken_out, one.worth, one.gain)),
              rate_text(one.yearly)) for one in found.lending],
        ),
        (
            "Exposure",
            ("by", "name", *(f"#{kind}" for kind in kinds), "#total", "#part"),
            [(one.dimension, one.name, *(money(one.token, getattr(one, kind)) for kind in kinds),
              money(one.token, one.total), rate_text(one.part)) for one in found.exposures],
        ),
    ]  # fmt: skip
