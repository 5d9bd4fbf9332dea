"""One HTML page about one account: no network, opens from disk, light and dark, prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]

from pyutils.portfolio.fleet_history import FleetHistory, Interval
from pyutils.portfolio.lending import Lending
from pyutils.portfolio.loan_tracks import LoanTrack
from pyutils.portfolio.statement import Statement
from pyutils.reports import figures
from pyutils.reports.heat import availability_map, utilization_map
from pyutils.units import MS_PER_HOUR, SHARE_DECIMALS, FleetId, TokenUnits, UnixSeconds, format_fixed, format_money

_TEMPLATES: Final = Environment(
    loader=PackageLoader("pyutils.reports", "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
NOTHING: Final = "—"


@dataclass(frozen=True, slots=True)
class Coin:
    """How a settlement token is written."""

    symbol: str
    decimals: int

    @property
    def unit(self) -> int:
        """Token units of one coin."""
        return int(10**self.decimals)

    def text(self, amount: int) -> str:
        """Return an amount of token units with its symbol."""
        return f"{format_money(TokenUnits(amount), self.decimals)} {self.symbol}"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text; `numbers` are the places of columns that go to the right."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[int]


@dataclass(frozen=True, slots=True)
class Plot:
    """A figure with what it shows."""

    title: str
    html: Markup
    note: str


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page."""

    name: str
    title: str
    facts: Mapping[str, str]
    plots: Sequence[Plot]


def portfolio_page(statement: Statement, network: str, coins: Mapping[str, Coin]) -> str:
    """Return the page of a statement.

    Args:
        statement: what the account has.
        network: the network's name.
        coins: settlement tokens by address.

    """
    position = statement.position
    sections = [*_incomes(statement, coins)]
    sections += [_lending(one, position.at, coins[one.token]) for one in statement.lending]
    sections += [_fleet(history, position.at, coins) for history in statement.fleets]
    sections += [_loan(track, coins[track.token]) for track in statement.loans]
    return _TEMPLATES.get_template("portfolio.html.j2").render(
        account=position.account,
        network=network,
        block=position.block,
        at=_time(position.at),
        tables=[table for table in _tables(statement, coins) if table.rows],
        sections=sections,
        plotly=Markup(get_plotlyjs()),
    )


def _tables(statement: Statement, coins: Mapping[str, Coin]) -> list[Table]:
    position = statement.position
    tokens = {history.fleet_id: coins[history.fleet.settlement_token] for history in statement.fleets}
    held = [(coin.symbol, format_money(coin.amount, coin.decimals)) for coin in position.coins if coin.amount]
    shares = [
        (
            str(one.fleet_id),
            _shares(one.shares),
            _shares(one.bound),
            f"{100 * (one.shares + one.bound) / one.supply:.2f} %",
            tokens[one.fleet_id].text(one.claimable + one.claimable_by_title),
        )
        for one in position.shares
    ]
    leases = [
        (
            str(lease_id),
            str(lease.gpus),
            _time(lease.end) if lease.end else NOTHING,
            f"{lease.delivered_gpu_ms / MS_PER_HOUR:,.2f}",
            *(tokens[FleetId(lease.fleet_id)].text(part) for part in (lease.paid, lease.refunded, lease.held)),
        )
        for lease_id, lease in position.leases
    ]
    bonds = [
        (str(fleet_id), *(tokens[fleet_id].text(part) for part in (bond.reserved, bond.lie_stake, bond.free)))
        for fleet_id, bond in position.bonds
    ]
    lent = [
        (coins[token].symbol, coins[token].text(one.worth), coins[token].text(one.claimable))
        for token, one in position.lent
    ]
    owes = [
        (
            str(one.loan_id),
            str(one.loan.fleet_id),
            one.loan.state.name.lower(),
            *(coins[one.token].text(part) for part in one.debt),
        )
        for one in position.loans
    ]
    owed = [(one.contract, coins[one.token].text(one.amount)) for one in position.owed]
    right = frozenset
    return [
        Table("Coins", ("coin", "amount"), held, right({1})),
        Table("Shares", ("fleet", "shares", "bound to the title", "of all", "claimable"), shares, right({1, 2, 3, 4})),
        Table(
            "Leases",
            ("lease", "GPUs", "ends", "delivered GPU-hours", "rent", "refunded", "held"),
            leases,
            right({1, 3, 4, 5, 6}),
        ),
        Table("Bonds", ("fleet", "reserved", "lie stake", "free"), bonds, right({1, 2, 3})),
        Table("Lent", ("vault", "worth at the careful value", "to be claimed"), lent, right({1, 2})),
        Table("Borrowed", ("loan", "fleet", "state", "principal", "interest"), owes, right({3, 4})),
        Table("Owed, to be withdrawn", ("by", "amount"), owed, right({1})),
    ]


def _incomes(statement: Statement, coins: Mapping[str, Coin]) -> list[Section]:
    sections = []
    for token, coin in coins.items():
        paid = [one for one in statement.incomes if one.token == token]
        if not paid:
            continue
        figure = figures.income_figure(paid, statement.position.at, coin.unit, coin.symbol)
        facts = {
            source: coin.text(sum(one.amount for one in paid if one.source == source))
            for source in dict.fromkeys(one.source for one in paid)
        }
        facts["in all"] = coin.text(sum(one.amount for one in paid))
        name = f"income-{coin.symbol.lower()}"
        note = "Payments that arrived, added up by source. What is claimable still is no income."
        plot = Plot("Income over time", _html(figures.to_html(figure, f"{name}-plot")), note)
        sections.append(Section(name, f"Income in {coin.symbol}", facts, [plot]))
    return sections


def _lending(lending: Lending, now: UnixSeconds, coin: Coin) -> Section:
    name = f"lending-{coin.symbol.lower()}"
    figure = figures.lending_figure(lending, now, coin.unit, coin.symbol)
    facts = {
        "paid in": coin.text(lending.paid_in),
        "taken out": coin.text(lending.taken_out),
        "worth now": coin.text(lending.worth),
        "gain": coin.text(lending.gain) if lending.gain >= 0 else f"-{coin.text(-lending.gain)}",
        "a year (XIRR)": NOTHING if lending.yearly is None else f"{100 * lending.yearly:,.2f} %",
    }
    note = "At the conservative value: what lenders leave at."
    plot = Plot("Money in the vault", _html(figures.to_html(figure, f"{name}-plot")), note)
    return Section(name, f"Lent in {coin.symbol}", facts, [plot])


def _fleet(history: FleetHistory, now: UnixSeconds, coins: Mapping[str, Coin]) -> Section:
    coin, name = coins[history.fleet.settlement_token], f"fleet-{history.fleet_id}"
    plots = [
        Plot(
            "Where prepaid money went",
            _html(figures.to_html(figures.waterfall_figure(history.waterfall, coin.unit, coin.symbol), f"{name}-flow")),
            "Deposits of lessees: earned as rent and fees, refunded, or held for what can still be delivered.",
        ),
    ]
    if history.intervals:
        maps = (
            ("Utilization", utilization_map(history.intervals), "Busy over available GPU time, UTC."),
            ("Availability", availability_map(history.intervals), "Available GPU time over registered capacity, UTC."),
        )
        for title, heat, note in maps:
            figure = figures.heat_figure(heat, title.lower())
            plots.append(Plot(title, _html(figures.to_html(figure, f"{name}-{title.lower()}")), note))
        figure = figures.energy_figure(history.intervals)
        note = "Between reports, by the boards' own counters, or derived from duty where they have none."
        plots.append(Plot("Energy", _html(figures.to_html(figure, f"{name}-energy")), note))
    if history.leases:
        figure = figures.lease_figure(history.leases, now)
        note = "Agreed term, until the effective end, and how far rent is settled."
        plots.append(Plot("Leases", _html(figures.to_html(figure, f"{name}-leases")), note))
    title = f"Fleet {history.fleet_id}: {history.fleet.gpu_class}, {history.fleet.region}"
    return Section(name, title, _fleet_facts(history, coin), plots)


def _fleet_facts(history: FleetHistory, coin: Coin) -> dict[str, str]:
    available = sum(one.available_gpu_ms for one in history.intervals)
    busy = sum(one.busy_gpu_ms for one in history.intervals)
    joules = sum(one.energy_joules for one in history.intervals)
    capacity = sum(one.capacity_gpu_ms for one in history.intervals)
    delivered = sum(lease.delivered_gpu_ms for _, lease in history.leases)
    earned = history.waterfall.earned
    return {
        "GPUs": str(history.fleet.capacity),
        "reported until": _last(history.intervals),
        "availability": _percent(available, capacity),
        "utilization": _percent(busy, available),
        "energy": f"{joules / figures.JOULES_PER_KWH:,.2f} kWh",
        "per busy GPU-hour": f"{joules * MS_PER_HOUR / busy:,.0f} J" if busy else NOTHING,
        "earned": coin.text(earned),
        "per delivered GPU-hour": coin.text(earned * MS_PER_HOUR // delivered) if delivered else NOTHING,
    }


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
    plot = Plot("Amortization", _html(figures.to_html(figure, f"{name}-plot")), note)
    return Section(name, f"Loan {track.loan_id} against fleet {loan.fleet_id}", facts, [plot])


def _last(intervals: Sequence[Interval]) -> str:
    return _time(intervals[-1].end) if intervals else NOTHING


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else NOTHING


def _shares(amount: int) -> str:
    return format_fixed(amount, SHARE_DECIMALS, 0)


def _time(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def _html(text: str) -> Markup:
    return Markup(text)
