"""What an account has by events alone, for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pyutils.cli.output import print_facts, print_table
from pyutils.cli.parameters import format_time
from pyutils.portfolio.holdings import Holdings
from pyutils.portfolio.incomes import by_month
from pyutils.reports.table import Coin
from pyutils.units import SHARE_DECIMALS, format_fixed

Rows = list[Sequence[object]]
_SHOWN: int = 6
"""Digits of a coin's address that stand for it; its symbol is no event's."""


def print_holdings(found: Holdings, decimals: Mapping[str, int]) -> None:
    """Print holdings; amounts with the coin's decimals, where an event told them, and in token units elsewhere."""

    def money(token: str, amount: int) -> str:
        if token not in decimals:
            return f"{amount:,} units"
        return Coin(f"{token[:_SHOWN]}…", decimals[token]).text(amount)

    print_facts(
        f"{found.account} by events up to block {found.block.number}",
        {"last event's block": format_time(found.block.at), "items": f"{found.items:,}"},
    )
    for title, columns, rows in _tables(found, money):
        if rows:
            print_table(title, columns, rows)


def _tables(found: Holdings, money: Callable[[str, int], str]) -> list[tuple[str, Sequence[str], Rows]]:
    return [
        (
            "Shares",
            ("#fleet", "#shares", "last changed by"),
            [(one.fleet_id, format_fixed(one.shares, SHARE_DECIMALS), one.origin.last) for one in found.shares],
        ),
        ("Titles", ("#fleet",), [(fleet_id,) for fleet_id in found.titles]),
        (
            "Leases",
            ("#lease", "#fleet", "state", "#deposit", "#paid", "#fee", "#refunded", "#held"),
            [(one.lease_id, one.fleet_id, "closed" if one.closed else "open",
              *(money(one.token, part) for part in (one.deposit, one.paid, one.fee, one.refunded, one.held)))
             for one in found.leases],
        ),
        (
            "Bonds",
            ("#fleet", "#at stake", "#of it reserved"),
            [(one.fleet_id, money(one.token, one.staked), money(one.token, one.reserved)) for one in found.bonds],
        ),
        (
            "Vault shares",
            ("vault", "#shares", "#asked to be redeemed"),
            [(one.vault, f"{one.shares:,}", f"{one.queued:,}") for one in found.vaults],
        ),
        (
            "Borrowed",
            ("#loan", "#fleet", "#principal"),
            [(one.loan_id, one.fleet_id, money(one.token, one.principal)) for one in found.loans],
        ),
        (
            "Received",
            ("month", "from", "#payments", "#amount"),
            [(one.month, one.source, one.payments, money(one.token, one.amount)) for one in by_month(found.incomes)],
        ),
    ]  # fmt: skip
