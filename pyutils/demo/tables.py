"""The end state in tables."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from pyutils.demo.leasing import lease_label
from pyutils.demo.outcome import Outcome
from pyutils.demo.people import People
from pyutils.demo.timeline import offset
from pyutils.units import GpuMs, ShareUnits, TokenUnits, format_fixed, format_gpu_hours, format_money

_SHARE_DECIMALS = 18
_LEAST_WIDTH = 100
"""Columns that the widest table takes; a narrower terminal wraps lines rather than numbers."""


def show(outcome: Outcome, people: People, console: Console) -> None:
    """Print leases, revenue, holders and loans, and what was left out."""
    widen(console)
    show_money(outcome, people, console)
    for table in (_loans(outcome), _lenders(outcome, people)):
        console.print(table)
        console.print()
    for one in outcome.trace["left_out"]:
        console.print(f"left out: {one['scene']}: {one['reason']}", highlight=False, soft_wrap=True)
    show_conserved(outcome, console)


def show_money(outcome: Outcome, people: People, console: Console) -> None:
    """Print leases, revenue and holders."""
    for table in (_leases(outcome), _revenue(outcome), _holders(outcome, people)):
        console.print()
        console.print(table)
    console.print()


def show_conserved(outcome: Outcome, console: Console) -> None:
    """Print whether every coin is found."""
    kept = "every coin is found, and every contract holds what it counts" if outcome.conserved else "MONEY IS MISSING"
    console.print(f"conserved: {kept}", highlight=False)


def widen(console: Console) -> None:
    """Let a narrow terminal wrap lines rather than numbers."""
    console.width = max(console.width, _LEAST_WIDTH)


def make_table(title: str, left: tuple[str, ...], right: tuple[str, ...]) -> Table:
    """Return a table without rows; columns of `right` are numbers."""
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for name in left:
        table.add_column(name, no_wrap=True)
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _money(outcome: Outcome, amount: int) -> str:
    decimals: int = outcome.trace["token_decimals"]
    return format_money(TokenUnits(amount), decimals, 2)


def _leases(outcome: Outcome) -> Table:
    table = make_table(
        "Leases",
        ("lease", "from", "to"),
        ("GPUs", "price", "GPU-hours", "deposit", "paid", "refunded", "credit"),
    )
    first: int = outcome.trace["first"]
    for row in outcome.leases:
        amounts = [_money(outcome, amount) for amount in (row.deposit, row.paid, row.refunded, row.sla_credit)]
        table.add_row(
            lease_label(row.id),
            offset(row.granted_at - first)[:-3],
            offset(row.end - first)[:-3],
            str(row.gpus),
            _money(outcome, row.price_per_gpu_hour),
            format_gpu_hours(GpuMs(row.delivered_gpu_ms)),
            *amounts,
        )
    return table


def _revenue(outcome: Outcome) -> Table:
    table = make_table("Revenue", ("fleet",), ("routed", "protocol fee", "operating", "shares", "unreleased"))
    for row in outcome.revenue:
        amounts = (row.routed, row.protocol_fee, row.operating, row.shares, row.unreleased)
        table.add_row(str(row.fleet), *(_money(outcome, amount) for amount in amounts))
    return table


def _holders(outcome: Outcome, people: People) -> Table:
    table = make_table("Holders", ("fleet", "holder"), ("shares", "claimed", "claimable"))
    for row in outcome.holders:
        table.add_row(
            str(row.fleet),
            people.name_at(row.address),
            format_fixed(ShareUnits(row.shares), _SHARE_DECIMALS, 2),
            _money(outcome, row.claimed),
            _money(outcome, row.claimable),
        )
    return table


def _loans(outcome: Outcome) -> Table:
    table = make_table(
        "Loans",
        ("loan", "fleet", "state"),
        ("principal", "interest", "repaid", "surplus", "fund", "loss", "marks"),
    )
    covered = {row.loan: row.covered for row in outcome.vault.pledges}
    for row in outcome.loans:
        amounts = (row.principal, row.interest, row.repaid, row.surplus, covered[row.id], row.loss)
        money = [_money(outcome, amount) for amount in amounts]
        table.add_row(str(row.id), str(row.fleet), row.state, *money, str(row.marks))
    return table


def _lenders(outcome: Outcome, people: People) -> Table:
    table = make_table("Lenders", ("lender",), ("deposited", "withdrawn", "difference"))
    for row in outcome.vault.lenders:
        amounts = (row.deposited, row.withdrawn, row.withdrawn - row.deposited)
        table.add_row(people.name_at(row.address), *(_money(outcome, amount) for amount in amounts))
    return table
