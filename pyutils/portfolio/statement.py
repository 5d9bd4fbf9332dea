"""Everything about one account as of one block: what it has, what it was paid, and what stands behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pyutils.contracts import System
from pyutils.contracts.base import Block
from pyutils.models import LoanState
from pyutils.portfolio import places
from pyutils.portfolio.costs import ShareCost, read_costs
from pyutils.portfolio.exposure import Exposure, read_exposures
from pyutils.portfolio.fleet import FleetView, read_fleet
from pyutils.portfolio.fleet_facts import FleetFacts, read_fleet_facts
from pyutils.portfolio.fleet_history import FleetHistory, read_fleet_history
from pyutils.portfolio.incomes import Income, MonthlyIncome, by_month, read_incomes
from pyutils.portfolio.lending import Lending, read_lending
from pyutils.portfolio.loan_tracks import LoanTrack, read_loan_tracks
from pyutils.portfolio.payments import ReceiptPayments
from pyutils.portfolio.position import Position, read_position
from pyutils.portfolio.sources import OpenSource, open_events
from pyutils.portfolio.yields import ShareYield, share_yields
from pyutils.units import FleetId


@dataclass(frozen=True, slots=True)
class Statement:
    """One account, and the fleets and loans that its money hangs on."""

    position: Position
    incomes: tuple[Income, ...]
    costs: tuple[ShareCost, ...]
    yields: tuple[ShareYield, ...]
    exposures: tuple[Exposure, ...]
    fleets: tuple[FleetHistory, ...]
    """Those in which it holds shares, leases, bonds or loans."""
    lending: tuple[Lending, ...]
    loans: tuple[LoanTrack, ...]
    """Its own, and those of markets that it lent in."""

    @property
    def monthly(self) -> tuple[MonthlyIncome, ...]:
        """What it was paid, month by month."""
        return by_month(self.incomes)


def read_statement(
    system: System, account: str, block: Block = "latest", open_source: OpenSource | None = None
) -> Statement:
    """Return the statement of `account`; one block for everything, so that it adds up.

    Raises as `read_position`, and `ReplacedBlockError` where the block left the chain meanwhile.

    Args:
        system: the contracts.
        account: whose statement.
        block: a number, or `latest`, `safe`, `finalized`.
        open_source: opens what events are read from; the node by default.

    """
    position = read_position(system, account, block, contract=True)
    views = _views(system, position)
    with open_events(system, position.block, open_source) as source:
        facts = read_fleet_facts(source)
        incomes = read_incomes(source, account, facts)
        payments = ReceiptPayments(system.web3, _payers(system, facts), _takers(system, facts))
        costs = read_costs(source, payments, system.manifest, account, facts, position.block)
        lending = read_lending(system, source, account)
        every_loan = read_loan_tracks(system, source)
        yields = share_yields(source, costs, incomes, position.shares, facts, position.block.at)
        tracks = _concerning(account, position, lending, every_loan)
        concerned = _concerned(position, views, tracks)
        fleets = tuple(read_fleet_history(system, source, fleet_id) for fleet_id in sorted(concerned))
        exposures = read_exposures(position, _lent(system, position, tracks), views, facts)
    return Statement(
        position=position,
        incomes=incomes,
        costs=costs,
        yields=yields,
        exposures=exposures,
        fleets=fleets,
        lending=lending,
        loans=tracks,
    )


def _concerning(
    account: str, position: Position, lending: Sequence[Lending], tracks: Sequence[LoanTrack]
) -> tuple[LoanTrack, ...]:
    """Return the loans of an account, and those of the markets that it lent in."""
    lent = {one.token for one in lending}
    own = {(one.token, one.loan_id) for one in position.loans}
    return tuple(
        track
        for track in tracks
        if track.token in lent or (track.token, track.loan_id) in own or track.loan.borrower == account
    )


def _concerned(position: Position, views: Iterable[FleetId], tracks: Sequence[LoanTrack]) -> set[FleetId]:
    """Return the fleets of shares and titles, of bonds, of leases and of loans."""
    concerned = {*views, *(FleetId(one.fleet_id) for one in position.bonds)}
    concerned |= {FleetId(one.lease.fleet_id) for one in position.leases}
    return concerned | {FleetId(track.loan.fleet_id) for track in tracks}


def _payers(system: System, fleets: Mapping[FleetId, FleetFacts]) -> list[str]:
    """Return the contracts whose payments are income or a loan, not a price."""
    manifest = system.manifest
    named = [address for _, address in places.payers(manifest, manifest.credit)]
    vaults = [market.address("CreditVault") for market in manifest.credit]
    return [*named, *vaults, *(fleet.shares for fleet in fleets.values())]


def _takers(system: System, fleets: Mapping[FleetId, FleetFacts]) -> list[str]:
    """Return the contracts that take deposits, stakes and loans, but sell no shares; a market's credit sells lots."""
    sellers = {market.address("FleetCredit") for market in system.manifest.credit}
    return [address for address in _payers(system, fleets) if address not in sellers]


def _views(system: System, position: Position) -> dict[FleetId, FleetView]:
    wanted = {one.fleet_id for one in position.shares} | {one.fleet_id for one in position.titles}
    return {
        FleetId(fleet_id): read_fleet(system, FleetId(fleet_id), position.block.number) for fleet_id in sorted(wanted)
    }


def _lent(system: System, position: Position, tracks: Sequence[LoanTrack]) -> Iterator[tuple[FleetId, str, int]]:
    """Yield what of an account's vault shares is lent against which fleet; a mark does not change it."""
    for vault in position.vaults:
        open_loans = [
            track
            for track in tracks
            if track.token == vault.token and track.loan.state in (LoanState.OPEN, LoanState.HELD)
        ]
        cash = system.credit(vault.token).vault.book(position.block.number).cash
        whole = cash + sum(track.loan.principal for track in open_loans)
        for track in open_loans if whole else ():
            yield FleetId(track.loan.fleet_id), vault.token, vault.worth * track.loan.principal // whole
