"""The page of an account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyutils.portfolio.exposure import kinds_of
from pyutils.portfolio.lending import Lending
from pyutils.portfolio.loan_tracks import LoanTrack
from pyutils.portfolio.statement import Statement
from pyutils.reports import figures
from pyutils.reports.fleet import fleet_section
from pyutils.reports.origins import note
from pyutils.reports.page import NOTHING, Cell, Coin, Link, Page, Plot, Section, Table, rate_text, time_text
from pyutils.units import MS_PER_HOUR, SHARE_DECIMALS, FleetId, UnixSeconds, format_fixed


def portfolio_page(statement: Statement, network: str, coins: Mapping[str, Coin]) -> Page:
    """Return the page of a statement.

    Args:
        statement: what the account has.
        network: the network's name.
        coins: settlement tokens by address.

    """
    position = statement.position
    sections = [*_exposures(statement, coins), *_incomes(statement, coins), *_shares_section(statement, coins)]
    sections += [_lending(one, position.block.at, coins[one.token]) for one in statement.lending]
    sections += [
        fleet_section(history, position.block.at, coins[history.fleet.settlement_token]) for history in statement.fleets
    ]
    sections += [_loan(track, coins[track.token]) for track in statement.loans]
    command = f"gpurwa portfolio {position.account} --block {position.block.number} --network {network}"
    return Page(
        kind="Portfolio",
        subject=position.account,
        network=network,
        block=position.block.number,
        at=position.block.at,
        tables=_tables(statement, coins),
        sections=sections,
        recompute=[command, *(f"gpurwa audit fleet {one.fleet_id}" for one in statement.fleets)],
        empty="This account has nothing here as of this block.",
    )


def _tables(statement: Statement, coins: Mapping[str, Coin]) -> list[Table]:
    position = statement.position
    held = [(coin.symbol, Coin(coin.symbol, coin.decimals).text(coin.amount)) for coin in position.coins if coin.amount]
    shares: list[Sequence[Cell]] = [
        (
            _fleet_link(FleetId(one.fleet_id)),
            _shares(one.shares),
            f"{100 * one.shares / one.supply:.2f} %",
            coins[one.token].text(one.claimable),
        )
        for one in position.shares
    ]
    titles: list[Sequence[Cell]] = [
        (_fleet_link(FleetId(one.fleet_id)), _shares(one.bound_shares), coins[one.token].text(one.claimable))
        for one in position.titles
    ]
    leases: list[Sequence[Cell]] = [
        (
            Link(str(one.lease_id), f"/lease/{one.lease_id}"),
            str(one.lease.gpus),
            time_text(one.lease.end),
            f"{one.lease.delivered_gpu_ms / MS_PER_HOUR:,.2f}",
            *(coins[one.token].text(part) for part in (one.lease.paid, one.lease.refunded, one.lease.held)),
        )
        for one in position.leases
    ]
    bonds: list[Sequence[Cell]] = [
        (
            _fleet_link(FleetId(one.fleet_id)),
            *(coins[one.token].text(part) for part in (one.bond.reserved, one.bond.lie_stake, one.bond.free)),
        )
        for one in position.bonds
    ]
    lent = [
        (coins[one.token].symbol, coins[one.token].text(one.worth), coins[one.token].text(one.claimable))
        for one in position.vaults
    ]
    owes: list[Sequence[Cell]] = [
        (
            str(one.loan_id),
            _fleet_link(FleetId(one.loan.fleet_id)),
            one.loan.state.name.lower(),
            *(coins[one.token].text(part) for part in one.debt),
        )
        for one in position.loans
    ]
    owed = [(one.contract, coins[one.token].text(one.amount)) for one in position.owed]
    return [
        Table("Coins", ("coin", "#amount"), held),
        Table("Shares", ("fleet", "#shares", "#of all", "#claimable"), shares),
        Table("Titles", ("fleet", "#shares bound to it", "#claimable"), titles),
        Table("Leases", ("lease", "#GPUs", "ends", "#delivered GPU-hours", "#rent", "#refunded", "#held"), leases),
        Table("Bonds", ("fleet", "#reserved", "#lie stake", "#free"), bonds),
        Table("Lent", ("vault", "#worth at the careful value", "#to be claimed"), lent),
        Table("Borrowed", ("loan", "fleet", "state", "#principal", "#interest"), owes),
        Table("Owed, to be withdrawn", ("by", "#amount"), owed),
    ]


def _incomes(statement: Statement, coins: Mapping[str, Coin]) -> list[Section]:
    sections = []
    for token, coin in coins.items():
        paid = [one for one in statement.incomes if one.token == token]
        if not paid:
            continue
        figure = figures.income_figure(paid, statement.position.block.at, coin.unit, coin.symbol)
        facts = {
            source: coin.text(sum(one.amount for one in paid if one.source == source))
            for source in dict.fromkeys(one.source for one in paid)
        }
        facts["in all"] = coin.text(sum(one.amount for one in paid))
        name = f"income-{coin.symbol.lower()}"
        note = "Payments that arrived, added up by source. What is claimable still is no income."
        plot = Plot.of("Income over time", figure, f"{name}-plot", note)
        rows: list[Sequence[Cell]] = [
            (one.month, one.source, str(one.payments), coin.text(one.amount))
            for one in statement.monthly
            if one.token == token
        ]
        months = Table("By month", ("month", "from", "#payments", "#amount"), rows)
        sections.append(Section(name, f"Income in {coin.symbol}", facts, [plot], [months]))
    return sections


def _shares_section(statement: Statement, coins: Mapping[str, Coin]) -> list[Section]:
    """Return what shares cost and brought in, and how they came and went."""
    if not statement.costs:
        return []
    yields = {one.fleet_id: one for one in statement.yields}
    rows: list[Sequence[Cell]] = []
    moves: list[Sequence[Cell]] = []
    for cost in statement.costs:
        coin, found = coins[cost.token], yields[cost.fleet_id]
        rows.append(
            (
                _fleet_link(cost.fleet_id),
                _shares(cost.shares),
                coin.text(cost.basis),
                coin.text(cost.gained),
                coin.text(found.income),
                coin.text(found.claimable),
                *(rate_text(rate) for rate in (found.simple, found.running, found.xirr)),
                note(cost.origin),
            )
        )
        moves += [
            (
                time_text(move.at),
                _fleet_link(cost.fleet_id),
                move.how.value,
                _signed_shares(move.shares),
                coin.text(move.paid),
                coin.text(move.basis),
                move.event,
            )
            for move in cost.moves
        ]
    columns = ("fleet", "#shares", "#cost", "#gained by sales", "#income", "#claimable")
    tables = [
        Table("Cost and yield", (*columns, "#a year, simple", "#a year, running", "#XIRR", "told by"), rows),
        Table(
            "How shares came and went",
            ("when", "fleet", "how", "#shares", "#paid", "#cost of all after it", "told by"),
            moves,
        ),
    ]
    return [Section("shares", "Cost basis and yield of shares", {}, tables=tables)]


def _exposures(statement: Statement, coins: Mapping[str, Coin]) -> list[Section]:
    """Return where money hangs, by class, region and operator."""
    if not statement.exposures:
        return []
    kinds = kinds_of(statement.exposures)
    rows: list[Sequence[Cell]] = [
        (
            one.dimension,
            one.name,
            *(coins[one.token].text(getattr(one, kind)) for kind in kinds),
            coins[one.token].text(one.total),
            rate_text(one.part),
            ", ".join(map(str, one.unvalued)) or NOTHING,
        )
        for one in statement.exposures
    ]
    columns = ("by", "name", *(f"#{kind}" for kind in kinds), "#total", "#part", "fleets without a value")
    table = Table("By class, region and operator", columns, rows)
    return [Section("exposure", "Exposure", {}, tables=[table])]


def _lending(lending: Lending, now: UnixSeconds, coin: Coin) -> Section:
    name = f"lending-{coin.symbol.lower()}"
    figure = figures.lending_figure(lending, now, coin.unit, coin.symbol)
    facts = {
        "paid in": coin.text(lending.paid_in),
        "taken out": coin.text(lending.taken_out),
        "worth now": coin.text(lending.worth),
        "gain": coin.text(lending.gain),
        "a year (XIRR)": rate_text(lending.yearly),
    }
    note = "At the conservative value: what lenders leave at."
    plot = Plot.of("Money in the vault", figure, f"{name}-plot", note)
    return Section(name, f"Lent in {coin.symbol}", facts, [plot])


def _loan(track: LoanTrack, coin: Coin) -> Section:
    name, loan = f"loan-{track.loan_id}-{coin.symbol.lower()}", track.loan
    figure = figures.loan_figure(track, coin.unit, coin.symbol)
    note = "Principal left after each due date as agreed, and after each payment as it was."
    facts = {
        "state": loan.state.name.lower(),
        "drawn": coin.text(loan.drawn),
        "principal left": coin.text(loan.principal),
        "interest paid": coin.text(track.interest_paid),
        "rate": f"{loan.terms.rate_bps / 100:.2f} % a year",
        "reserve": coin.text(loan.reserve),
    }
    plot = Plot.of("Amortization", figure, f"{name}-plot", note)
    return Section(name, f"Loan {track.loan_id} against fleet {loan.fleet_id}", facts, [plot])


def _fleet_link(fleet_id: int) -> Link:
    return Link(str(fleet_id), f"/fleet/{fleet_id}")


def _signed_shares(amount: int) -> str:
    return f"-{_shares(-amount)}" if amount < 0 else _shares(amount)


def _shares(amount: int) -> str:
    return format_fixed(amount, SHARE_DECIMALS, 0)
